"""What own orders took of the visible book: real books do not know it and show it again. Must not know orders or money.

A quantity taken is gone until the market says otherwise: until a later window shows another quantity at that price, or
the price no longer, or for ``MEMORY_NS`` of event time. All of it follows from the facts of the fills, each with its
``since`` (the ``market_sequence`` of its row), and the windows after it; so an account that folds its facts first and is
shown the market again remembers the same. For that, what was taken at different moments is kept apart: a window may end
one memory and be older than another.

How it is used: whoever applies a fill calls ``take`` if the fill took from a level or behind the last one (its price,
quantity and ``level_displayed`` are in the fact); whoever takes in the market calls ``on_book`` for every window, before
anything is matched against it.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from trading.book import Book, displayed
from trading.quantities import ZERO
from trading.words import Side

__all__ = ["MEMORY_NS", "Consumption"]

MEMORY_NS = 60_000_000_000


class Taken(msgspec.Struct, frozen=True):
    """``side`` is the taker's, ``shown`` what the window displayed at the price; zero: behind the visible window."""

    side: Side
    price: Decimal
    quantity: Decimal
    shown: Decimal
    since: int
    at_ns: int


class Consumption:
    """The memory of one symbol, both sides. It holds what was taken within ``MEMORY_NS``, and nothing older."""

    def __init__(self) -> None:
        self._taken: list[Taken] = []

    def take(self, side: Side, price: Decimal, quantity: Decimal, shown: Decimal, since: int, at_ns: int) -> None:
        """Own orders of a side took a quantity at a price where ``shown`` was displayed (zero: behind the window)."""
        if self._taken and at_ns - self._taken[0].at_ns >= MEMORY_NS:
            self._taken = [each for each in self._taken if at_ns - each.at_ns < MEMORY_NS]
        self._taken.append(Taken(side, price, quantity, shown, since, at_ns))

    def on_book(self, window: Book) -> None:
        """Forget what this window refreshes. One that cannot be traded on says nothing."""
        if self._taken and window.usable:
            self._taken = [each for each in self._taken if _holds(each, window)]

    def remembered_since(self, now_ns: int) -> Iterator[int]:
        """The market sequences behind which windows may end what is remembered at this instant. Windows forget by their own time, of
        which ``now_ns`` may be ahead by an order's way to the venue: that is allowed for."""
        return (each.since for each in self._taken if now_ns - each.at_ns < 2 * MEMORY_NS)

    def available(self, side: Side, price: Decimal, shown: Decimal) -> Decimal:
        """What own takers of a side left of the quantity displayed at a price."""
        if not self._taken:
            return shown
        return max(shown - sum((each.quantity for each in self._taken if each.side is side and each.price == price), ZERO), ZERO)

    def behind(self, side: Side, worst: Decimal) -> Decimal:
        """What own takers of a side took at prices behind ``worst``, the last visible level."""
        taken = (each for each in self._taken if each.side is side and not each.shown)
        return sum((each.quantity for each in taken if _is_behind(each, worst)), ZERO)


def _holds(taken: Taken, window: Book) -> bool:
    if window.sequence <= taken.since:
        return True
    if window.at_ns - taken.at_ns >= MEMORY_NS:
        return False
    shown = displayed(window, taken.side.opposite, taken.price)
    return shown is None if not taken.shown else shown == taken.shown


def _is_behind(taken: Taken, worst: Decimal) -> bool:
    return taken.price > worst if taken.side is Side.BUY else taken.price < worst
