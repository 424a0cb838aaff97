"""What an account knows about the market of one symbol. Must not know orders or money.

Not part of the ledger: after a recovery it is rebuilt from market facts. Only the last recorded mark and the middle price
of the last fill are kept, so that a position can always be valued and closed.
"""

from decimal import Decimal

from trading.book import Book, BookFault
from trading.funding import FundingSchedule
from trading.implied_touch import implied_touch
from trading.messages import BookChanged, FeedStale, MarkPriceChanged, Print, TradesPrinted
from trading.prints import PrintGuard
from trading.receipts import ImpliedTouch

__all__ = ["DEPTH", "EVERY_STREAM", "Market"]

DEPTH = "depth"
"""How the names of streams of books begin."""
EVERY_STREAM = "all"
GAP = "gap"
"""The reason of a ``FeedStale`` that says that market facts were missed."""


class Market:
    """``book`` is the newest, ``reference`` the newest that could be traded on; ``last`` the price of the last trade, ``traded`` the last
    credible one of the newest push, with the number of that fact, while no window is newer and the book is vouched for."""

    def __init__(self, symbol: str, print_band_bps: Decimal) -> None:
        self.symbol = symbol
        self.guard = PrintGuard(print_band_bps)
        self.last: Decimal | None = None
        self.traded: tuple[Print, int] | None = None
        self.book = Book(symbol)
        self.reference = Book(symbol)
        self.mark: Decimal | None = None
        self.filled_mid: Decimal | None = None
        self.recorded_mark: Decimal | None = None
        self.funding = FundingSchedule()

    def on_book(self, window: BookChanged) -> None:
        """A window is fresh by itself: it ends a silence or a gap."""
        self.book = self.book.replaced(window)
        self.traded = None
        if self.book.fault is None:
            self.reference = self.book
            self.guard.on_book(window.bids, window.asks)

    def credible(self, fact: TradesPrinted) -> tuple[Print, ...]:
        """The trades that the book vouches for; the others are counted."""
        self.last = fact.prints[-1].price if fact.prints else self.last
        believed = self.guard.fillable_among(fact.prints)
        self.traded = (believed[-1], fact.sequence) if believed else None
        return believed

    def on_stale(self, fact: FeedStale) -> None:
        self._distrust(BookFault.GAPPED if fact.reason == GAP else BookFault.STALE)

    def on_gap(self) -> None:
        """Market facts are missing: only the next window can be traded on."""
        self._distrust(BookFault.GAPPED)

    def forget(self) -> None:
        """Nothing is known but what is on record."""
        self.book = self.reference = Book(self.symbol)
        self.mark = self.last = self.traded = None
        self.guard.forget()
        self.funding = FundingSchedule(settled_through_ns=self.funding.settled_through_ns)

    def on_mark(self, fact: MarkPriceChanged, now_ns: int) -> None:
        self.mark = fact.mark
        self.funding.announce(fact.funding_rate, fact.next_funding_at_ns, now_ns)

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
        return self.last if self.last is not None and self.guard.vouches(self.last) else self.mid

    @property
    def mark_price(self) -> Decimal | None:
        """What positions are valued at: the venue's mark, else the mid, else what was recorded last."""
        return self.mark or self.reference.mid or self.recorded_mark or self.filled_mid

    def _distrust(self, fault: BookFault) -> None:
        self.book, self.traded = self.book.distrusted(fault), None
        self.guard.forget()
