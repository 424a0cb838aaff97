"""Indicators with constant work per value, on exact decimals.

Running sums of decimals do not drift, so a window's value never depends on what left it long ago. Quotients are rounded
to 12 places by ``trading.quantities.ratio``. Must not know what a bar is.
"""

from collections import deque
from decimal import Decimal

from trading.quantities import EXACT, ZERO, ratio

__all__ = ["Sma", "ZScore"]


class Sma:
    """Simple moving average of the last ``window`` values; ``value`` is None until there are that many."""

    def __init__(self, window: int) -> None:
        self.window = window
        self._values: deque[Decimal] = deque()
        self._sum = ZERO

    def add(self, value: Decimal) -> None:
        self._values.append(value)
        self._sum = EXACT.add(self._sum, value)
        if len(self._values) > self.window:
            self._sum = EXACT.subtract(self._sum, self._values.popleft())

    @property
    def value(self) -> Decimal | None:
        return ratio(self._sum, Decimal(self.window)) if len(self._values) == self.window else None


class ZScore:
    """Where the newest value stands in its window: (value - mean) / standard deviation (of the population).

    From running sums: with n values, S = sum x and Q = sum x*x, the deviation is sqrt(n*Q - S*S) / n. What floats
    lose in that difference (Welford 1962 exists because of it) exact decimals keep.
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self._values: deque[Decimal] = deque()
        self._sum = ZERO
        self._squares = ZERO

    def add(self, value: Decimal) -> None:
        self._values.append(value)
        self._sum = EXACT.add(self._sum, value)
        self._squares = EXACT.add(self._squares, EXACT.multiply(value, value))
        if len(self._values) > self.window:
            gone = self._values.popleft()
            self._sum = EXACT.subtract(self._sum, gone)
            self._squares = EXACT.subtract(self._squares, EXACT.multiply(gone, gone))

    @property
    def ready(self) -> bool:
        return len(self._values) == self.window

    @property
    def mean(self) -> Decimal | None:
        return ratio(self._sum, Decimal(self.window)) if self.ready else None

    @property
    def deviation(self) -> Decimal | None:
        return ratio(self._scaled_deviation(), Decimal(self.window)) if self.ready else None

    @property
    def value(self) -> Decimal | None:
        """None until the window is full; 0 when all its values are equal."""
        if not self.ready:
            return None
        above = EXACT.subtract(EXACT.multiply(Decimal(self.window), self._values[-1]), self._sum)
        return ratio(above, self._scaled_deviation())

    def _scaled_deviation(self) -> Decimal:
        """n times the standard deviation."""
        square = EXACT.subtract(
            EXACT.multiply(Decimal(self.window), self._squares), EXACT.multiply(self._sum, self._sum)
        )
        return EXACT.sqrt(square)
