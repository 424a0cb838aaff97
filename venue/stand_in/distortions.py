"""Pushes with something wrong in them, as the fault schedule asks. Pure: a push in, the pushes to send instead out."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from venue import wire
from venue.stand_in.source import Push
from venue.wire import Topic

DELAY_MS = 5_000

IsOn = Callable[[str, str], bool]
"""(kind of fault, stream) -> whether it is under way."""


class Distortions:
    """Applies the faults of content; remembers the last price of every symbol, to repeat it."""

    def __init__(self) -> None:
        self._prices: dict[Topic, msgspec.Raw] = {}

    def applied(self, push: Push, is_on: IsOn) -> list[Push]:
        """What to send instead of `push`: usually just that."""
        stream = push.topic.ch
        if is_on("silent_stream", stream):
            return []
        if stream in wire.DEPTH_CHANNELS and is_on("crossed_book", stream):
            push = _with_data(push, _crossed)
        elif "_kline_" in stream and is_on("malformed_kline", stream):
            push = _with_data(push, _malformed)
        elif stream == "price":
            push = self._repeated(push, is_on("repeated_price", stream))
        if is_on("delayed_ts", stream):
            push = _rewritten(push, lambda frame: msgspec.structs.replace(frame, ts=frame.ts - DELAY_MS))
        return [push, push] if stream == "trade" and is_on("duplicate_trades", stream) else [push]

    def _repeated(self, push: Push, repeat: bool) -> Push:
        last = self._prices.get(push.topic)
        if repeat and last is not None:
            return _rewritten(push, lambda frame: msgspec.structs.replace(frame, data=last))
        self._prices[push.topic] = wire.decode_frame(push.text).data
        return push


def _crossed(data: msgspec.Raw) -> wire.Depth:
    depth = wire.decode_data(data, wire.Depth)
    (bid, bid_size), (ask, ask_size) = depth.b[0], depth.a[0]
    depth.b[0], depth.a[0] = (ask, bid_size), (bid, ask_size)
    return depth


def _malformed(data: msgspec.Raw) -> wire.Kline:
    bar = wire.decode_data(data, wire.Kline)
    bar.l = max(bar.o, bar.h) + Decimal(1)
    return bar


def _with_data(push: Push, change: Callable[[msgspec.Raw], object]) -> Push:
    def changed(frame: wire.Frame) -> wire.Frame:
        return msgspec.structs.replace(frame, data=msgspec.Raw(msgspec.json.encode(change(frame.data))))

    return _rewritten(push, changed)


def _rewritten(push: Push, change: Callable[[wire.Frame], wire.Frame]) -> Push:
    return push._replace(text=wire.encode(change(wire.decode_frame(push.text))), opening=None)
