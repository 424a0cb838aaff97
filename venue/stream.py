"""All the market facts of a run in one numbered row, whoever heard them and over how many connections. Pure.

Text in, facts out: the same texts and events in the same order give the same facts with the same numbers, so a tape can be
told again after a crash (and by whoever verifies a run). It must not know sockets, and time only as it is told.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from trading.messages import BookChanged, FeedLive, FeedStale, MarketFact, MarkPriceChanged
from venue.dialect import CHANNELS, DEPTH, PRICE, READERS, TRADE, Refused, Stamp, UnknownSymbol, open_frame, read_price
from venue.notation import ns_of
from venue.wire import Frame

__all__ = ["Control", "EVERY_STREAM", "KnownBook", "MarketStream"]

EVERY_STREAM = "all"

MS = 1_000_000
LATEST_TS_MS = 4_102_444_800_000
"""2100-01-01: a larger ``ts`` is no time in milliseconds."""

LEAP_MS = 3_600_000
LEAP_WITNESSES = 3
"""A ``ts`` an hour ahead of all others would stop the clock for an hour; it is believed when three frames in a row agree."""


class Control(msgspec.Struct, frozen=True):
    """A frame about the connection itself: ``connect``, ``ping`` (the venue's answer to ours, whose value ``pong`` repeats),
    ``subscribe``, ``unsubscribe``."""

    op: str
    data: bytes
    pong: int = 0


class KnownBook(msgspec.Struct, frozen=True):
    """The last window heard, kept also while nothing is heard; ``live`` says whether it may be traded on."""

    book: BookChanged
    live: bool


class MarketStream:
    """``heard`` reads one text frame; ``stale`` and ``live`` add what the watchdogs found; ``retold`` takes the latter from a tape.

    ``sequence`` is the last number given, ``at_ns`` the event time reached: it never runs backwards over all channels.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)
        self.sequence = 0
        self.at_ns = 0
        self.live_symbols: set[str] = set()
        self._books: dict[str, BookChanged] = {}
        self._prices: dict[str, _MarkPrice] = {symbol: _MarkPrice() for symbol in symbols}
        self._channel_ts: dict[tuple[str, str], int] = {}
        self._last_trades: dict[str, bytes] = {}
        self._leap: tuple[int, int] = (0, 0)

    def connected(self) -> None:
        """A new connection may be another gateway with another clock: ``ts`` is compared within one connection only."""
        self._channel_ts.clear()
        self._last_trades.clear()

    def heard(self, text: str, seen_ns: int) -> MarketFact | Control | UnknownSymbol | Refused:
        """The meaning of one text frame. A frame that gives no fact takes no number."""
        frame = self.admitted(text)
        return self.read(frame, seen_ns) if isinstance(frame, Frame) else frame

    def admitted(self, text: str) -> Frame | Control | Refused:
        """The first half of ``heard``: a push that belongs here and whose ``ts`` can be believed. It still has no number."""
        frame = open_frame(text)
        if isinstance(frame, Refused):
            return frame
        if frame.op and not frame.ch:
            return Control(frame.op, bytes(frame.data), frame.pong)
        return self._refused(frame) or frame

    def read(self, frame: Frame, seen_ns: int) -> MarketFact | UnknownSymbol | Refused:
        """The second half: what an admitted push says."""
        fact = self._fact(frame, seen_ns)
        if isinstance(fact, MarketFact):
            self._take(frame, fact)
        return fact

    def reach(self, at_ns: int) -> None:
        """Event time has come to this instant though nothing was heard of it."""
        self.at_ns = max(self.at_ns, at_ns)

    def stale(self, symbol: str, stream: str, age_ms: int, reason: str, seen_ns: int) -> FeedStale:
        """The watchdog's fact, in the same row; its event time is that of the last thing heard."""
        self.sequence += 1
        self._mark(symbol, stream, False)
        return FeedStale(
            sequence=self.sequence, at_ns=self.at_ns, seen_ns=seen_ns, symbol=symbol, stream=stream, age_ms=age_ms, reason=reason
        )

    def live(self, symbol: str, stream: str, seen_ns: int) -> FeedLive:
        self.sequence += 1
        self._mark(symbol, stream, True)
        return FeedLive(sequence=self.sequence, at_ns=self.at_ns, seen_ns=seen_ns, symbol=symbol, stream=stream)

    def retold(self, fact: FeedStale | FeedLive) -> None:
        """A watchdog's fact of an earlier life takes its number again."""
        self.sequence += 1
        self._mark(fact.symbol, fact.stream, isinstance(fact, FeedLive))

    def last_known_book(self, symbol: str) -> KnownBook | None:
        book = self._books.get(symbol)
        return None if book is None else KnownBook(book, symbol in self.live_symbols)

    # ---------------------------------------------------------------------------------------------- one frame

    def _refused(self, frame: Frame) -> Refused | None:
        if frame.ch not in CHANNELS:
            return Refused("unknown_channel")
        if frame.symbol not in self._prices:
            return Refused("unsubscribed_symbol")
        if not 0 < frame.ts < LATEST_TS_MS:
            return Refused("absurd_time")
        if frame.ts < self._channel_ts.get((frame.ch, frame.symbol), 0):
            return Refused("old_time")
        if self._leaps(frame.ts):
            return Refused("future_time")
        if frame.ch == TRADE and self._is_repeated(frame):
            return Refused("repeated_trades")
        return None

    def _fact(self, frame: Frame, seen_ns: int) -> MarketFact | Refused | UnknownSymbol:
        ts_ns = frame.ts * MS
        stamp = Stamp(self.sequence + 1, max(ts_ns, self.at_ns), seen_ns, frame.symbol, ts_ns)
        if frame.ch == PRICE:
            return self._prices[frame.symbol].merged(frame.data, stamp)
        return READERS[frame.ch](frame.data, stamp)

    def _take(self, frame: Frame, fact: MarketFact) -> None:
        self.sequence, self.at_ns = fact.sequence, fact.at_ns
        self._channel_ts[frame.ch, frame.symbol] = frame.ts
        if isinstance(fact, BookChanged):
            self._books[fact.symbol] = fact
        elif frame.ch == TRADE:
            self._last_trades[frame.symbol] = bytes(frame.data)

    def _leaps(self, ts_ms: int) -> bool:
        if not self.at_ns or ts_ms - self.at_ns // MS <= LEAP_MS:
            self._leap = (0, 0)
            return False
        seen_ms, witnesses = self._leap
        witnesses = witnesses + 1 if abs(ts_ms - seen_ms) <= LEAP_MS else 1
        self._leap = (ts_ms, witnesses)
        return witnesses < LEAP_WITNESSES

    def _is_repeated(self, frame: Frame) -> bool:
        """Trades carry no id; the same push twice is the same ``ts`` and the same bytes."""
        same_ts = self._channel_ts.get((TRADE, frame.symbol)) == frame.ts
        return same_ts and self._last_trades.get(frame.symbol) == bytes(frame.data)

    def _mark(self, symbol: str, stream: str, live: bool) -> None:
        if stream not in (EVERY_STREAM, DEPTH):
            return
        if live:
            self.live_symbols.add(symbol)
        else:
            self.live_symbols.discard(symbol)


class _MarkPrice:
    """The fields of ``price`` as last heard; a push may omit what has not changed."""

    def __init__(self) -> None:
        self._mark: Decimal | None = None
        self._index: Decimal | None = None
        self._rate: Decimal | None = None
        self._next_ns: int | None = None

    def merged(self, data: msgspec.Raw, stamp: Stamp) -> MarkPriceChanged | Refused:
        price = read_price(data)
        if isinstance(price, Refused):
            return price
        if price.nft is not None:
            try:
                self._next_ns = ns_of(price.nft)
            except (ValueError, OverflowError):
                return Refused("malformed_price")
        self._mark = price.mp if price.mp is not None else self._mark
        self._index = price.ip if price.ip is not None else self._index
        # The venue's rate is in percent.
        self._rate = price.fr.scaleb(-2) if price.fr is not None else self._rate
        if self._mark is None or self._index is None or self._rate is None or self._next_ns is None:
            return Refused("incomplete_price")
        return MarkPriceChanged(
            sequence=stamp.sequence, at_ns=stamp.at_ns, seen_ns=stamp.seen_ns, symbol=stamp.symbol, mark=self._mark,
            index=self._index, funding_rate=self._rate, next_funding_at_ns=self._next_ns,
        )
