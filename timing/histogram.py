"""How long things take: counts in buckets that grow with the value.

After HdrHistogram: each power of two is cut into 32 equal parts, so a quantile is at most 1/32 (3.2 %) too large,
whatever the range. Must not know what the values measure; they are whole numbers, usually ns.
"""

import math
from collections import Counter

__all__ = ["Histogram"]

PART_BITS = 5
PARTS = 1 << PART_BITS
LARGEST = (1 << 63) - 1
"""Larger values count as this one: at most (63 - 5 + 1) * 32 = 1,888 buckets."""


class Histogram:
    """Counts of non-negative whole numbers. ``count``, ``total``, ``smallest`` and ``largest`` are exact."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0
        self.smallest = LARGEST
        self.largest = 0
        self._buckets: Counter[int] = Counter()

    def record(self, value: int) -> None:
        """Count one value; below zero counts as 0 (a clock read in the wrong order is no reason to fail)."""
        value = min(max(0, value), LARGEST)
        self.count += 1
        self.total += value
        self.smallest = min(self.smallest, value)
        self.largest = max(self.largest, value)
        self._buckets[_bucket_of(value)] += 1

    def quantile(self, fraction: float) -> int:
        """The smallest bucket's upper end that at least this fraction of the values does not exceed; 0 when empty."""
        rank = max(1, math.ceil(fraction * self.count))
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return min(_upper_end(bucket), self.largest)
        return self.largest

    @property
    def p50(self) -> int:
        return self.quantile(0.50)

    @property
    def p95(self) -> int:
        return self.quantile(0.95)


def _bucket_of(value: int) -> int:
    """Values below 32 have a bucket each; above, the five bits after the leading one and the power of two decide."""
    shift = max(0, value.bit_length() - PART_BITS - 1)
    return shift * PARTS + (value >> shift)


def _upper_end(bucket: int) -> int:
    shift = max(0, bucket // PARTS - 1)
    return ((bucket - shift * PARTS + 1) << shift) - 1
