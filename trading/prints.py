"""Which public trades can be believed. Must not know what a believed trade does.

A print far off the book is the venue's slip or a damaged push, never a price that anybody could have had: it must not fill
an order, move a bar or pull a trigger.
"""

from decimal import Decimal
from typing import NamedTuple

from trading.messages import Level, Print
from trading.quantities import BASIS_POINTS, EXACT

__all__ = ["DEFAULT_BAND_BPS", "PrintBand", "PrintGuard", "PrintLimits", "require_band"]

DEFAULT_BAND_BPS = Decimal(100)
"""How far beyond the best prices of the last window a print is still believed.

From 344 s of real trading with a window every 310 ms, how far prints lie beyond the best prices of the window before them:

- BTCUSDT, 21 308 prints: 0.23 bps at the median, 7.6 at p95, 10.1 at p99, 10.9 at most; 41 % lie within the spread.
- ETHUSDT, 14 075 prints: 0.26, 2.6, 3.9 and 5.3 bps; 41 % within. From windows 31 s older: at most 21 and 18 bps.

The tails of returns fall with the third power (Gopikrishnan et al. 1998), so 10.9 bps in 344 s are some 70 in a day: 50 would
doubt true prints now and then, 100 hardly ever. It is also how far from the mark the venue takes orders at all
(``priceProtectScope`` 0.01); another symbol's price or a lost digit is further off by far.
"""


class PrintLimits(NamedTuple):
    """The lowest and the highest price that a window vouches for, both included."""

    lowest: Decimal
    highest: Decimal

    def vouch_for(self, price: Decimal) -> bool:
        return self.lowest <= price <= self.highest

    def among(self, prints: tuple[Print, ...]) -> tuple[Print, ...]:
        """Those within: all of them but once in a while."""
        lowest, highest = self
        for each in prints:
            if not lowest <= each.price <= highest:
                return tuple(each for each in prints if lowest <= each.price <= highest)
        return prints


class PrintBand:
    """From best bid x (1 - band) to best ask x (1 + band)."""

    def __init__(self, band_bps: Decimal = DEFAULT_BAND_BPS) -> None:
        """Raises ValueError for a band that is none."""
        require_band(band_bps)
        share = EXACT.divide(band_bps, BASIS_POINTS)
        self._below, self._above = EXACT.subtract(Decimal(1), share), EXACT.add(Decimal(1), share)
        self._best: tuple[Decimal, Decimal] | None = None
        self._limits = PrintLimits(Decimal(0), Decimal(0))

    def limits(self, bids: tuple[Level, ...], asks: tuple[Level, ...]) -> PrintLimits | None:
        """Of a window, best level first; None of one that is empty or crossed."""
        if not bids or not asks or bids[0][0] >= asks[0][0]:
            return None
        best = bids[0][0], asks[0][0]
        if best != self._best:
            self._best = best
            self._limits = PrintLimits(EXACT.multiply(best[0], self._below), EXACT.multiply(best[1], self._above))
        return self._limits


class PrintGuard:
    """Judges the prints of one symbol by its last usable window; ask once for each print.

    Before the first window nothing can be judged: everything is credible, so that bars begin when trading is heard and not when the
    book is. ``off_book_count`` counts what was not credible.
    """

    def __init__(self, band_bps: Decimal = DEFAULT_BAND_BPS) -> None:
        """Raises ValueError for a band that is none."""
        self.off_book_count = 0
        self._band = PrintBand(band_bps)
        self._limits: PrintLimits | None = None

    def on_book(self, bids: tuple[Level, ...], asks: tuple[Level, ...]) -> None:
        """A new window, best level first. One that is empty or crossed leaves the limits as they are."""
        self._limits = self._band.limits(bids, asks) or self._limits

    def forget(self) -> None:
        """The book is no longer vouched for: until the next window it judges nothing."""
        self._limits = None

    def credible(self, price: Decimal) -> bool:
        """True within the limits, and of everything without a book."""
        if self._limits is None or self._limits.vouch_for(price):
            return True
        self.off_book_count += 1
        return False


def require_band(band_bps: Decimal) -> None:
    """Raises ValueError unless a band of this width leaves both limits above zero and the spread inside."""
    if not (band_bps.is_finite() and 0 < band_bps < BASIS_POINTS):
        raise ValueError(f"print_band_bps must be above 0 and less than {BASIS_POINTS}, not {band_bps}")
