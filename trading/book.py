"""The visible order book of one symbol, as a value. Must not know orders of our own, nor where windows come from.

A window replaces the one before it. A book that cannot be traded on is not an error: it says so, and why.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from trading.messages import BookChanged, Level
from trading.quantities import ZERO
from trading.words import BUY, Side

__all__ = ["Book", "BookFault", "displayed", "fault_of", "within"]

HALF = Decimal("0.5")


class BookFault(StrEnum):
    """Why a book cannot be traded on.

    UNSEEN: no window yet. EMPTY: a side has no level. CROSSED: best bid at or above best ask. STALE: the feed no longer
    vouches for it. GAPPED: market facts were missed since.
    """

    UNSEEN = "UNSEEN"
    EMPTY = "EMPTY"
    CROSSED = "CROSSED"
    STALE = "STALE"
    GAPPED = "GAPPED"


class Book(msgspec.Struct, frozen=True):
    """Best level first on both sides. ``sequence`` and ``at_ns`` are those of the window."""

    symbol: str
    sequence: int = 0
    at_ns: int = 0
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    fault: BookFault | None = BookFault.UNSEEN

    def replaced(self, window: BookChanged) -> "Book":
        """The book after a new window: whatever was wrong with the old one is over."""
        bids, asks = window.bids, window.asks
        return Book(self.symbol, window.sequence, window.at_ns, bids, asks, fault_of(bids, asks))

    def distrusted(self, fault: BookFault) -> "Book":
        """The same levels, not to be traded on until the next window. A book never seen stays UNSEEN."""
        if self.fault is BookFault.UNSEEN:
            return self
        return Book(self.symbol, self.sequence, self.at_ns, self.bids, self.asks, fault)

    @property
    def usable(self) -> bool:
        return self.fault is None

    @property
    def mid(self) -> Decimal | None:
        """Halfway between the best levels; None with a side missing."""
        if not self.bids or not self.asks:
            return None
        return (self.bids[0][0] + self.asks[0][0]) * HALF

    def opposite(self, side: Side) -> tuple[Level, ...]:
        """The levels an order of this side would take, best for it first."""
        return self.asks if side is BUY else self.bids

    def is_marketable(self, side: Side, limit: Decimal | None) -> bool:
        """True if an order of this side, at this limit or better (None: any price), would take from the book now."""
        levels = self.opposite(side)
        return bool(levels) and within(side, limit, levels[0][0])


def within(side: Side, limit: Decimal | None, price: Decimal) -> bool:
    """True if ``price`` is the limit or better for the trader."""
    if limit is None:
        return True
    return price <= limit if side is BUY else price >= limit


def displayed(book: Book | BookChanged, side: Side, price: Decimal) -> Decimal | None:
    """The quantity shown at a price among the bids (BUY) or the asks (SELL).

    Zero where the window shows no such level: between two levels, and better than the best. None where nothing is
    known: worse than the worst level shown, or no level shown at all.
    """
    buys = side is BUY
    levels = book.bids if buys else book.asks
    if not levels or (price < levels[-1][0] if buys else price > levels[-1][0]):
        return None
    for level, quantity in levels:
        if level == price:
            return quantity
        if level < price if buys else level > price:
            break
    return ZERO


def fault_of(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> BookFault | None:
    """What is wrong with a window by itself; None if it can be traded on."""
    if not bids or not asks:
        return BookFault.EMPTY
    return BookFault.CROSSED if bids[0][0] >= asks[0][0] else None
