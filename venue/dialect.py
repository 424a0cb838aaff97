"""One frame of the venue's public WebSocket -> one market fact, or the reason why not. Pure.

Everything that the venue may spell wrongly is found here and named: nothing raises. It knows one frame at a time; what came
before (sequence, time, connection) is the stream's (venue/stream.py).
"""

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import msgspec

from trading.messages import BookChanged, KlineChanged, Level, MarketFact, Print, TradesPrinted
from trading.words import Side
from venue.wire import Depth, Frame, Kline, Price, Trade, UnknownSymbolDepth, decode_data, decode_frame

__all__ = [
    "BROKEN", "CHANNELS", "DEPTH", "KLINE", "MAX_FRAME_CHARACTERS", "PRICE", "READERS", "TRADE", "Refused", "Stamp", "UnknownSymbol",
    "open_frame", "read_price", "sane",
]

DEPTH = "depth_book15"
TRADE = "trade"
PRICE = "price"
KLINE = "market_kline_1min"
CHANNELS = (DEPTH, TRADE, PRICE, KLINE)

KLINE_INTERVAL = "1m"
"""In facts the bar's interval is spelled as in the venue's REST interface, so that history and live bars are one series."""
KLINE_NS = 60_000_000_000

MAX_FRAME_CHARACTERS = 1_048_576
LEAST, MOST = Decimal("1e-12"), Decimal("1e12")
LONGEST_NUMBER = 24
SIDES = {"buy": Side.BUY, "sell": Side.SELL}

BROKEN = (msgspec.MsgspecError, RecursionError, OverflowError, MemoryError, ArithmeticError, ValueError)
"""What decoding hostile text can raise: bad JSON, wrong types, deep nesting, absurd numbers, bad times."""


class Refused(msgspec.Struct, frozen=True):
    """The frame says nothing that can be used; ``reason`` is a counter's name."""

    reason: str


class UnknownSymbol(msgspec.Struct, frozen=True):
    """The venue's only answer to a symbol it does not know: one window of empty strings, then silence."""

    symbol: str


class Stamp(msgspec.Struct, frozen=True):
    """What the stream knows about the fact to be: its number, its times, and the venue's own ``ts`` of the push."""

    sequence: int
    at_ns: int
    seen_ns: int
    symbol: str
    ts_ns: int


def open_frame(text: str) -> Frame | Refused:
    """The envelope, its body unread."""
    if len(text) > MAX_FRAME_CHARACTERS:
        return Refused("frame_too_large")
    try:
        return decode_frame(text)
    except BROKEN:
        return Refused("malformed_frame")


def read_depth(data: msgspec.Raw, stamp: Stamp) -> BookChanged | Refused | UnknownSymbol:
    """{"b":[["86699.6","2.274"]],"a":[["86699.7","0.7095"]]}: the whole window, best first. Levels of quantity 0 are no levels."""
    try:
        depth = decode_data(data, Depth)
    except BROKEN:
        return _unknown_symbol(data, stamp) or Refused("malformed_depth")
    bids, asks = _levels(depth.b), _levels(depth.a)
    if bids is None or asks is None:
        return Refused("absurd_number")
    if not bids or not asks:
        return Refused("one_sided_book")
    if bids[0][0] >= asks[0][0]:
        return Refused("crossed_book")
    if not _falling(bids) or not _falling(asks[::-1]):
        return Refused("unordered_book")
    return BookChanged(sequence=stamp.sequence, at_ns=stamp.at_ns, seen_ns=stamp.seen_ns, symbol=stamp.symbol, bids=bids, asks=asks)


def read_trades(data: msgspec.Raw, stamp: Stamp) -> TradesPrinted | Refused:
    """[{"t":"2026-04-07T05:47:52Z","p":"68621.4","v":"0.7142","s":"buy"}]; ``s`` is the taker's side."""
    try:
        trades = decode_data(data, list[Trade])
        prints = tuple(Print(each.p, each.v, SIDES[each.s.lower()]) for each in trades)
    except KeyError:
        return Refused("malformed_trade")
    except BROKEN:
        return Refused("malformed_trade")
    if not prints:
        return Refused("empty_trades")
    if not all(sane(each.price) and sane(each.quantity) for each in prints):
        return Refused("absurd_number")
    return TradesPrinted(sequence=stamp.sequence, at_ns=stamp.at_ns, seen_ns=stamp.seen_ns, symbol=stamp.symbol, prints=prints)


def read_kline(data: msgspec.Raw, stamp: Stamp) -> KlineChanged | Refused:
    """{"o":"68581.4","c":"68583.4","h":"68590","l":"68579.5","b":"5.2395","q":"359348.14078"}; the bar is the one ``ts`` lies in."""
    try:
        bar = decode_data(data, Kline)
    except BROKEN:
        return Refused("malformed_kline")
    if not all(sane(price) for price in (bar.o, bar.h, bar.l, bar.c)) or not (bar.b == 0 or sane(bar.b)):
        return Refused("absurd_number")
    if not bar.l <= min(bar.o, bar.c) <= max(bar.o, bar.c) <= bar.h:
        return Refused("malformed_kline")
    return KlineChanged(
        sequence=stamp.sequence, at_ns=stamp.at_ns, seen_ns=stamp.seen_ns, symbol=stamp.symbol, interval=KLINE_INTERVAL,
        open_at_ns=stamp.ts_ns - stamp.ts_ns % KLINE_NS, open=bar.o, high=bar.h, low=bar.l, close=bar.c, volume=bar.b,
    )


def read_price(data: msgspec.Raw) -> Price | Refused:
    """{"ip":"86720.6","mp":"86688.3","fr":"-0.00077","ft":"...","nft":"..."}; what a push omits is unchanged, see the stream."""
    try:
        price = decode_data(data, Price)
    except BROKEN:
        return Refused("malformed_price")
    if not all(sane(value) for value in (price.mp, price.ip) if value is not None):
        return Refused("absurd_number")
    if price.fr is not None and not (price.fr == 0 or sane(abs(price.fr))):
        return Refused("absurd_number")
    return price


READERS: dict[str, Callable[[msgspec.Raw, Stamp], MarketFact | Refused | UnknownSymbol]] = {
    DEPTH: read_depth, TRADE: read_trades, KLINE: read_kline,
}


def sane(number: Decimal) -> bool:
    """A positive number of market size whose digits can be reckoned with exactly (not NaN, 1e400 or a thousand digits)."""
    return number.is_finite() and LEAST <= number <= MOST and len(str(number)) <= LONGEST_NUMBER


def _levels(raw: list[Level]) -> tuple[Level, ...] | None:
    """The levels that are there; None when a number is absurd."""
    levels = tuple(level for level in raw if not (level[1].is_finite() and level[1] == 0))
    return levels if all(sane(price) and sane(quantity) for price, quantity in levels) else None


def _falling(levels: tuple[Level, ...]) -> bool:
    return all(upper[0] > lower[0] for upper, lower in pairwise(levels))


def _unknown_symbol(data: msgspec.Raw, stamp: Stamp) -> UnknownSymbol | None:
    try:
        window = decode_data(data, UnknownSymbolDepth)
    except BROKEN:
        return None
    empty = all(price == "" == quantity for price, quantity in (*window.b, *window.a))
    return UnknownSymbol(stamp.symbol) if empty and window.b else None
