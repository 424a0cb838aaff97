"""What a market fact says to an account, read once for all accounts that hear it (trading/shadows.py). Must not know accounts.

Everything here is a function of the fact and of what it is read with; nothing is remembered but the last answer.
"""

from decimal import Decimal
from functools import reduce
from typing import NamedTuple

from trading.book import Book
from trading.messages import BookChanged, Print, TradesPrinted
from trading.prints import PrintBand, PrintLimits
from trading.quantities import EXACT
from trading.words import BUY, SELL, Side

__all__ = ["Believed", "MarketReading", "NumberedPrint", "Readings", "Seen", "Sweep"]

NumberedPrint = tuple[int, Print]
"""With its place in the push, from 0."""


class Seen(NamedTuple):
    """``limits`` are those of a book that can be traded on, else None."""

    book: Book
    limits: PrintLimits | None


class Sweep:
    """What the aggressors of one side took in a push, up to the price ``reach``. The rest is found when it is asked for: few pushes reach
    an order."""

    def __init__(self, push: tuple[Print, ...], side: Side, prices: list[Decimal], reach: Decimal) -> None:
        self.reach = reach
        self._push, self._side, self._prices = push, side, prices
        self._numbered: tuple[NumberedPrint, ...] = ()
        self._at_one_price: Decimal | None = None

    @property
    def prints(self) -> tuple[NumberedPrint, ...]:
        """In order."""
        if not self._numbered:
            side = self._side
            self._numbered = tuple([each for each in enumerate(self._push) if each[1].aggressor is side])
        return self._numbered

    @property
    def at_one_price(self) -> Decimal | None:
        """How much it was, where all of it traded at one price."""
        if self._at_one_price is None and self._prices.count(self.reach) == len(self._prices):
            self._at_one_price = reduce(EXACT.add, [each.quantity for _, each in self.prints])
        return self._at_one_price


class Believed:
    """The credible prints of a push, the last of them with the number of the fact, and how many the book did not vouch for."""

    def __init__(self, prints: tuple[Print, ...], sequence: int = 0, off_book_count: int = 0) -> None:
        self.prints = prints
        self.last = (prints[-1], sequence) if prints else None
        self.off_book_count = off_book_count
        self._sweeps: tuple[Sweep | None, Sweep | None] | None = None

    @property
    def sweeps(self) -> tuple[Sweep | None, Sweep | None]:
        """Of the sellers and of the buyers, None where nobody took; found when first asked for."""
        sweeps = self._sweeps
        if sweeps is None:
            prints = self.prints
            sold = [each.price for each in prints if each.aggressor is SELL]
            bought = [each.price for each in prints if each.aggressor is BUY] if len(sold) < len(prints) else []
            sweeps = self._sweeps = (
                Sweep(prints, SELL, sold, min(sold)) if sold else None, Sweep(prints, BUY, bought, max(bought)) if bought else None,
            )
        return sweeps


NOTHING = Believed(())


class MarketReading:
    """Of one symbol."""

    def __init__(self, symbol: str, band_bps: Decimal) -> None:
        self._unseen = Book(symbol)
        self._band = PrintBand(band_bps)
        self._window: BookChanged | None = None
        self._seen = Seen(self._unseen, None)
        self._pushed: tuple[TradesPrinted | None, PrintLimits | None] = (None, None)
        self._believed = NOTHING

    def seen(self, window: BookChanged) -> Seen:
        if window is not self._window:
            book = self._unseen.replaced(window)
            self._seen = Seen(book, None if book.fault else self._band.limits(window.bids, window.asks))
            self._window = window
        return self._seen

    def believed(self, fact: TradesPrinted, limits: PrintLimits | None) -> Believed:
        """Without limits there is no book that could vouch for anything."""
        before, with_limits = self._pushed
        if fact is not before or limits is not with_limits:
            prints = () if limits is None else limits.among(fact.prints)
            self._believed = Believed(prints, fact.sequence, 0 if limits is None else len(fact.prints) - len(prints))
            self._pushed = fact, limits
        return self._believed


class Readings:
    """Of every symbol; ``band_bps`` as in trading/prints.py."""

    def __init__(self, band_bps: Decimal) -> None:
        self._band_bps = band_bps
        self._of: dict[str, MarketReading] = {}

    def of(self, symbol: str) -> MarketReading:
        reading = self._of.get(symbol)
        if reading is None:
            reading = self._of[symbol] = MarketReading(symbol, self._band_bps)
        return reading
