"""Series of any length in bounded memory: what is merged keeps its extremes. Must not know what is measured or how it is drawn."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Curve", "Point", "Sample"]

BUCKETS = 1000
"""Even. A curve gives up to two points a bucket, and all of them up to 2000 points."""

T = TypeVar("T")


class Point(NamedTuple):
    """``highest``: of the curve up to this point."""

    number: int
    at_ns: int
    value: Decimal
    highest: Decimal


class Curve:
    """Points in the order of time. Buckets of equally many neighbours keep their lowest and their highest one; when there are too
    many buckets, every two become one."""

    def __init__(self) -> None:
        self.count = 0
        self.first: Point | None = None
        self.last: Point | None = None
        self.low = self.high = Decimal(0)
        self._highest: Decimal | None = None
        self._buckets: list[tuple[Point, Point]] = []
        self._width = 1

    def start_from(self, value: Decimal) -> None:
        """A value before the first point that is not drawn but counts for ``highest``."""
        self._highest = value

    def add(self, at_ns: int, value: Decimal) -> None:
        self._highest = value if self._highest is None else max(self._highest, value)
        point = Point(self.count, at_ns, value, self._highest)
        if self.first is None:
            self.first, self.low, self.high = point, value, value
        self.last, self.low, self.high = point, min(self.low, value), max(self.high, value)
        if self.count % self._width:
            self._buckets[-1] = _merged(self._buckets[-1], (point, point))
        else:
            self._open_bucket(point)
        self.count += 1

    def points(self) -> list[Point]:
        """All of them, or about 2000 that look the same; the first and the last are always among them."""
        return list(self._points())

    def _points(self) -> Iterator[Point]:
        before = -1
        ends = [(each, each) for each in (self.first, self.last) if each is not None]
        for bucket in (*ends[:1], *self._buckets, *ends[1:]):
            for point in sorted(bucket):
                if point.number > before:
                    yield point
                    before = point.number

    def _open_bucket(self, point: Point) -> None:
        if len(self._buckets) == BUCKETS:
            pairs = zip(self._buckets[::2], self._buckets[1::2], strict=True)
            self._buckets = [_merged(earlier, later) for earlier, later in pairs]
            self._width *= 2
        # when every two became one, all of them are full: BUCKETS is even
        self._buckets.append((point, point))


class Sample(Generic[T]):
    """Every one, then every second, every fourth ... so that never more than ``limit`` (even) are kept."""

    def __init__(self, limit: int) -> None:
        self.kept: list[T] = []
        self.every = 1
        self.count = 0
        self._limit = limit

    def add(self, item: T) -> None:
        if self.count % self.every == 0:
            if len(self.kept) == self._limit:
                self.kept = self.kept[::2]
                self.every *= 2
            self.kept.append(item)
        self.count += 1


def _merged(one: tuple[Point, Point], other: tuple[Point, Point]) -> tuple[Point, Point]:
    """(lowest, highest) of both."""
    lowest = min(one[0], other[0], key=lambda point: point.value)
    return lowest, max(one[1], other[1], key=lambda point: point.value)
