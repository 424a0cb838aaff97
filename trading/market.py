"""What an account knows about the market of one symbol. Must not know orders or money.

Not part of the ledger: after a recovery it is rebuilt from market facts. Only the last recorded mark and the middle price
of the last fill are kept, so that a position can always be valued and closed.
"""

from collections.abc import Mapping
from decimal import Decimal

from trading.book import Book, BookFault
from trading.funding import FundingSchedule
from trading.implied_touch import implied_touch
from trading.messages import BookChanged, FeedStale, MarkPriceChanged, Print, TradesPrinted
from trading.prints import PrintLimits
from trading.reading import Believed, MarketReading
from trading.receipts import ImpliedTouch

__all__ = ["Market", "concerned_by"]

DEPTH = "depth"
"""How the names of streams of books begin."""
EVERY_STREAM = "all"
GAP = "gap"
"""The reason of a ``FeedStale`` that says that market facts were missed."""


class Market:
    """``book`` is the newest, ``reference`` the newest that could be traded on; ``last`` the price of the last trade, ``traded`` the last
    credible one of the newest push, with the number of that fact, while no window is newer and the book is vouched for.
    ``off_book_count`` counts the prints that the book did not vouch for."""

    def __init__(self, symbol: str, reading: MarketReading) -> None:
        self.symbol = symbol
        self.off_book_count = 0
        self._reading = reading
        self._limits: PrintLimits | None = None
        self.last: Decimal | None = None
        self.traded: tuple[Print, int] | None = None
        self.book = Book(symbol)
        self.reference = Book(symbol)
        self.mark: Decimal | None = None
        self.filled_mid: Decimal | None = None
        self.recorded_mark: Decimal | None = None
        self.funding = FundingSchedule()

    def on_book(self, window: BookChanged) -> Book:
        """A window is fresh by itself: it ends a silence or a gap."""
        self.book, limits = book, _ = self._reading.seen(window)
        self.traded = None
        if limits is not None:
            self.reference, self._limits = book, limits
        return book

    def on_trades(self, fact: TradesPrinted) -> Believed:
        """The trades that the book vouches for; the others are counted."""
        if fact.prints:
            self.last = fact.prints[-1].price
        believed = self._reading.believed(fact, self._limits)
        self.off_book_count += believed.off_book_count
        self.traded = believed.last
        return believed

    def on_stale(self, fact: FeedStale) -> None:
        self._distrust(BookFault.GAPPED if fact.reason == GAP else BookFault.STALE)

    def on_gap(self) -> None:
        """Market facts are missing: only the next window can be traded on."""
        self._distrust(BookFault.GAPPED)

    def forget(self) -> None:
        """Nothing is known but what is on record."""
        self.book = self.reference = Book(self.symbol)
        self.mark = self.last = self.traded = self._limits = None
        self.funding = FundingSchedule(settled_through_ns=self.funding.settled_through_ns)

    def on_mark(self, fact: MarkPriceChanged, now_ns: int) -> bool:
        """True if it announced a settlement of funding."""
        self.mark = fact.mark
        return self.funding.announce(fact.funding_rate, fact.next_funding_at_ns, now_ns)

    @property
    def touch(self) -> ImpliedTouch | None:
        """The best prices as ``traded`` implies them. Of the newest push alone, so that whoever hears no more than the newest window and
        the newest trades knows the same."""
        return implied_touch(self.book, *self.traded) if self.traded is not None and self.book.usable else None

    @property
    def mid(self) -> Decimal | None:
        """Of the newest book that could be traded on, else of the last fill; None if there was neither."""
        return self.reference.mid or self.filled_mid

    @property
    def last_price(self) -> Decimal | None:
        """Of the last trade, if the book vouches for it now; else the mid."""
        vouched = self.last is not None and self._limits is not None and self._limits.vouch_for(self.last)
        return self.last if vouched else self.mid

    @property
    def mark_price(self) -> Decimal | None:
        """What positions are valued at: the venue's mark, else the mid, else what was recorded last."""
        return self.mark or self.reference.mid or self.recorded_mark or self.filled_mid

    def _distrust(self, fault: BookFault) -> None:
        self.book, self.traded, self._limits = self.book.distrusted(fault), None, None


def concerned_by(fact: FeedStale, markets: Mapping[str, Market]) -> list[Market]:
    """Whose book the feed no longer vouches for."""
    if fact.stream == EVERY_STREAM:
        return list(markets.values())
    return [markets[fact.symbol]] if fact.symbol in markets and fact.stream.startswith(DEPTH) else []
