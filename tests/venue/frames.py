"""The venue's frames as texts, and a bench that drives the connection's logic with a clock of its own."""

import json
from random import Random
from typing import Any, TypeVar

from trading.messages import FeedLive, FeedStale, MarketFact
from venue.dialect import DEPTH, KLINE, PRICE, TRADE
from venue.effects import Close, Connect, Effect, Note, Send, Tell, TellStatus
from venue.protocol import MarketConnection
from venue.settings import LinkSettings
from venue.stream import MarketStream

SECOND = 1_000_000_000
T0_MS = 1_790_126_515_000
CONNECT_FRAME = '{"op":"connect","data":{"result":true}}'

Kind = TypeVar("Kind")


def push(channel: str, data: Any, ts: int = T0_MS, symbol: str = "BTCUSDT") -> str:
    return json.dumps({"ch": channel, "symbol": symbol, "ts": ts, "data": data})


def book(ts: int = T0_MS, bid: str = "100.1", ask: str = "100.2", symbol: str = "BTCUSDT") -> str:
    return push(DEPTH, {"b": [[bid, "2"], ["99", "1"]], "a": [[ask, "3"], ["120", "1"]]}, ts, symbol)


def trade(ts: int = T0_MS, price: str = "100.1", symbol: str = "BTCUSDT") -> str:
    return push(TRADE, [{"t": "2026-04-07T05:47:52Z", "p": price, "v": "0.5", "s": "buy"}], ts, symbol)


def price(ts: int = T0_MS, symbol: str = "BTCUSDT", **fields: str) -> str:
    whole = {"ip": "100.15", "mp": "100.12", "fr": "0.01", "ft": "2026-09-23T00:00:00Z", "nft": "2026-09-23T08:00:00Z"}
    return push(PRICE, fields or whole, ts, symbol)


def kline(ts: int = T0_MS, symbol: str = "BTCUSDT", **fields: str) -> str:
    whole = {"o": "100", "c": "101", "h": "102", "l": "99", "b": "5.2", "q": "520"}
    return push(KLINE, {**whole, **fields}, ts, symbol)


EVERY_STREAM = (book, trade, price, kline)


def pong(value: int) -> str:
    return json.dumps({"op": "ping", "pong": value, "ping": T0_MS // 1000})


class Bench:
    """``now_s`` is the clock; ``log`` holds (second, effect) of everything the connection wanted. ``pong_after_s``: every ping is answered
    so much later; None: never."""

    pong_after_s: float | None = None

    def __init__(self, symbols: tuple[str, ...] = ("BTCUSDT",), pace: float = 1.0, **settings: Any) -> None:
        self.stream = MarketStream(symbols)
        self.link = MarketConnection(self.stream, LinkSettings(**settings), Random(7), pace=pace)
        self.now_s = 1000.0
        self.log: list[tuple[float, Effect]] = []
        self._add(self.link.start(self._now_ns))

    @property
    def _now_ns(self) -> int:
        return int(self.now_s * SECOND)

    def open(self) -> "Bench":
        """The handshake succeeds and the venue greets."""
        self._add(self.link.opened(self.link.connection_id, self._now_ns))
        self.say(CONNECT_FRAME)
        return self

    def say(self, *texts: str) -> None:
        for text in texts:
            self._add(self.link.received(self.link.connection_id, text, self._now_ns, self._now_ns))

    def lose(self, reason: str = "connection_lost", status: int = 0) -> None:
        self._add(self.link.lost(self.link.connection_id, reason, status, self._now_ns))

    def wait(self, seconds: float, *, at_most_ticks: int = 10_000) -> None:
        """Silence: only the connection's own timers fire, each at its time."""
        ends_s = self.now_s + seconds
        for _ in range(at_most_ticks):
            due_s = self.link.due_ns / SECOND
            if due_s > ends_s:
                self.now_s = ends_s
                return
            self.now_s = max(self.now_s, due_s)
            self._add(self.link.tick(self._now_ns + 1))
        raise AssertionError("the timers never come to rest")

    def wait_for_dialing(self) -> None:
        """Until the next connection is being opened."""
        dialed = len(self.of(Connect))
        while len(self.of(Connect)) == dialed:
            self.wait(0.1)

    def flow(self, seconds: float, without: tuple[Any, ...] = (), step_s: float = 0.3) -> None:
        """All streams but some, every ``step_s``."""
        ends_s = self.now_s + seconds
        while self.now_s < ends_s:
            self.say(*(make(self.ts) for make in EVERY_STREAM if make not in without))
            self.wait(min(step_s, ends_s - self.now_s))

    def live(self) -> "Bench":
        """Open and healthy."""
        self.open()
        self.flow(1.5)
        assert self.stream.live_symbols
        return self

    @property
    def ts(self) -> int:
        return T0_MS + int((self.now_s - 1000) * 1000)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [effect for _, effect in self.log if isinstance(effect, kind)]

    def facts(self) -> list[MarketFact]:
        return [*(effect.fact for effect in self.of(Tell)), *(effect.fact for effect in self.of(TellStatus))]

    def stale(self, stream: str) -> list[FeedStale]:
        return [each.fact for each in self.of(TellStatus) if isinstance(each.fact, FeedStale) and each.fact.stream == stream]

    def alive(self, stream: str) -> list[FeedLive]:
        return [each.fact for each in self.of(TellStatus) if isinstance(each.fact, FeedLive) and each.fact.stream == stream]

    def notes(self, event: str) -> list[dict[str, Any]]:
        return [note.fields for note in self.of(Note) if note.event == event]

    def when(self, kind: type[Any], number: int = -1) -> float:
        """Seconds of the clock at which an effect of this kind came."""
        return [at for at, effect in self.log if isinstance(effect, kind)][number]

    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(send.text) for send in self.of(Send)]

    def counted(self, name: str) -> int:
        return sum(name in note.counters for note in self.of(Note))

    def forget(self) -> None:
        self.log.clear()

    def _add(self, effects: list[Effect]) -> None:
        self.log += [(self.now_s, effect) for effect in effects]
        for ping in (json.loads(effect.text)["ping"] for effect in effects if isinstance(effect, Send) and '"ping"' in effect.text):
            if self.pong_after_s is not None:
                seen_ns = self._now_ns + int(self.pong_after_s * SECOND)
                self._add(self.link.received(self.link.connection_id, pong(ping), seen_ns, seen_ns))


__all__ = [
    "CONNECT_FRAME", "EVERY_STREAM", "SECOND", "T0_MS", "Bench", "Close", "Connect", "book", "kline", "pong", "price", "push",
    "trade",
]
