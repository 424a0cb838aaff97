"""What a market fact says to an account, read once for all accounts that hear it (trading/shadows.py). Must not know accounts.

Everything here is a function of the fact and of what it is read with; nothing is remembered but the last answer.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from typing import NamedTuple

from trading.book import Book
from trading.messages import BookChanged, Print, TradesPrinted
from trading.prints import PrintBand, PrintLimits
from trading.quantities import EXACT
from trading.words import Side

__all__ = ["Believed", "MarketReading", "NumberedPrint", "Readings", "Seen", "Sweep"]

NumberedPrint = tuple[int, Print]
"""With its place in the push, from 0."""


class Seen(NamedTuple):
    """``limits`` are those of a book that can be traded on, else None."""

    book: Book
    limits: PrintLimits | None


class Sweep(NamedTuple):
    """What the aggressors of one side took in a push: ``prints`` in order, up to the price ``reach``; ``at_one_price`` is how much it was
    where all of it traded there, else None."""

    prints: tuple[NumberedPrint, ...]
    reach: Decimal
    at_one_price: Decimal | None


class Believed:
    """The credible prints of a push."""

    def __init__(self, prints: tuple[Print, ...]) -> None:
        self.prints = prints
        self._sweeps: tuple[Sweep | None, Sweep | None] | None = None

    @property
    def sweeps(self) -> tuple[Sweep | None, Sweep | None]:
        """Of the sellers and of the buyers, None where nobody took; sorted when first asked for."""
        sweeps = self._sweeps
        if sweeps is None:
            sell = Side.SELL
            sold: list[NumberedPrint] = []
            bought: list[NumberedPrint] = []
            for each in enumerate(self.prints):
                (sold if each[1].aggressor is sell else bought).append(each)
            sweeps = self._sweeps = _sweep(sold, min) if sold else None, _sweep(bought, max) if bought else None
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
            self._believed = NOTHING if limits is None else Believed(limits.among(fact.prints))
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


def _sweep(prints: list[NumberedPrint], farthest: Callable[[list[Decimal]], Decimal]) -> Sweep:
    prices = [each.price for _, each in prints]
    reach = farthest(prices)
    at_one_price = prices.count(reach) == len(prices)
    return Sweep(tuple(prints), reach, reduce(EXACT.add, [each.quantity for _, each in prints]) if at_one_price else None)
