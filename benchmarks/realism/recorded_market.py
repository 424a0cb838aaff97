"""What a tape says, taken in whole: its market facts, the venue's rules, and the middle price at any instant. Must not know orders.

Times are event times (the venue's ``ts``): that is what the paper account runs on.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from actors.market_tape import told_by_texts
from records.tape import Frame, RestAnswer, TapeReader
from trading.book import Book
from trading.messages import BookChanged, MarketFact, Print, TradesPrinted
from trading.quantities import Instrument
from venue.answers import HttpAnswer, read_answer, read_instruments
from venue.continuous import ContinuousMarket
from venue.settings import LinkSettings
from venue.stream import MarketStream

__all__ = ["MS", "SECOND", "RecordedMarket", "read_market"]

MS = 1_000_000
SECOND = 1_000_000_000


class RecordedMarket:
    """One symbol of a tape. ``facts`` are all of them in order, ``windows`` the books among them."""

    def __init__(self, instrument: Instrument, facts: list[MarketFact]) -> None:
        self.instrument = instrument
        self.facts = facts
        self.windows = [fact for fact in facts if isinstance(fact, BookChanged)]
        self._fact_times = [fact.at_ns for fact in facts]
        self._window_times = [window.at_ns for window in self.windows]
        self._books = [_book(window) for window in self.windows]

    @property
    def begins_ns(self) -> int:
        return self._window_times[0]

    @property
    def ends_ns(self) -> int:
        return self._window_times[-1]

    def trades(self) -> Iterator[tuple[int, Print]]:
        """(at_ns, print), oldest first."""
        return ((fact.at_ns, each) for fact in self.facts if isinstance(fact, TradesPrinted) for each in fact.prints)

    def between(self, first_ns: int, last_ns: int) -> list[MarketFact]:
        """Facts of [first_ns, last_ns], and the window in force at ``first_ns`` before them."""
        begin = bisect_left(self._fact_times, first_ns)
        while begin > 0 and not (isinstance(self.facts[begin], BookChanged) and self._fact_times[begin] <= first_ns):
            begin -= 1
        return self.facts[begin:bisect_right(self._fact_times, last_ns)]

    def book_at(self, at_ns: int) -> Book | None:
        """The window in force at an instant, one of that very instant included; None before the first."""
        place = bisect_right(self._window_times, at_ns) - 1
        return self._books[place] if place >= 0 else None

    def mid_at(self, at_ns: int) -> Decimal | None:
        """None before the first window and behind the last: there it is not known."""
        book = self.book_at(at_ns)
        return None if book is None or at_ns > self.ends_ns else book.mid

    def mid_before(self, at_ns: int) -> Decimal | None:
        """Of the last window earlier than the instant."""
        book = self.book_at(at_ns - 1)
        return None if book is None else book.mid


def read_market(path: Path, symbol: str | None = None) -> RecordedMarket:
    """``symbol`` None: the tape's first. Raises OSError, TapeDamaged, and ValueError for a tape without books or without the
    venue's rules for the symbol."""
    tape = TapeReader(path)
    symbol = symbol or tape.header.symbols[0]
    market = ContinuousMarket(MarketStream(tape.header.symbols), LinkSettings())
    instrument: Instrument | None = None
    facts: list[MarketFact] = []
    for record in tape:
        if isinstance(record, RestAnswer):
            instrument = instrument or _rules(record, symbol)
        elif isinstance(record, Frame):
            facts += (fact for fact in told_by_texts(record, market, 0) if fact.symbol == symbol)
    if instrument is None or not any(isinstance(fact, BookChanged) for fact in facts):
        raise ValueError(f"{path}: no {'books' if instrument else 'trading rules'} of {symbol}")
    return RecordedMarket(instrument, facts)


def _rules(answer: RestAnswer, symbol: str) -> Instrument | None:
    if not answer.path.endswith("/trading_pairs") or answer.status != 200:
        return None
    found = read_answer(HttpAnswer(answer.status, bytes(answer.body)), read_instruments((symbol,)))
    return found[0] if isinstance(found, tuple) else None


def _book(window: BookChanged) -> Book:
    return Book(window.symbol).replaced(window)
