"""Histograms with buckets that grow with the value."""

import math

from hypothesis import given
from hypothesis import strategies as st

from timing.histogram import Histogram

values_lists = st.lists(st.integers(0, 10**12), min_size=1, max_size=200)


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def test_small_values_are_exact() -> None:
    histogram = filled(list(range(1, 21)))
    assert (histogram.p50, histogram.p95, histogram.largest) == (10, 19, 20)
    assert (histogram.count, histogram.total, histogram.smallest) == (20, 210, 1)


def test_an_empty_histogram_says_zero() -> None:
    empty = Histogram()
    assert (empty.count, empty.p50, empty.p95, empty.largest) == (0, 0, 0, 0)


def test_a_negative_value_counts_as_zero_and_an_enormous_one_as_the_largest() -> None:
    histogram = filled([-5, 1 << 80])
    assert histogram.smallest == 0
    assert histogram.largest == histogram.quantile(1.0) == (1 << 63) - 1


@given(values_lists, st.floats(0, 1))
def test_a_quantile_is_never_too_small_and_at_most_a_thirtysecond_too_large(values: list[int], fraction: float) -> None:
    true = sorted(values)[max(1, math.ceil(fraction * len(values))) - 1]
    assert true <= filled(values).quantile(fraction) <= true * (1 + 1 / 32)
