"""Histograms with buckets that grow with the value."""

import json
import math

import pytest
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
    assert Histogram.from_dict(empty.to_dict()).to_dict() == empty.to_dict()


def test_a_negative_value_counts_as_zero_and_an_enormous_one_as_the_largest() -> None:
    histogram = filled([-5, 1 << 80])
    assert histogram.smallest == 0
    assert histogram.largest == histogram.quantile(1.0) == (1 << 63) - 1


def test_a_dict_that_does_not_add_up_is_refused() -> None:
    broken = filled([1, 2]).to_dict() | {"count": 3}
    with pytest.raises(ValueError, match="hold 2 values"):
        Histogram.from_dict(broken)


@given(values_lists, st.floats(0, 1))
def test_a_quantile_is_never_too_small_and_at_most_a_thirtysecond_too_large(values: list[int], fraction: float) -> None:
    true = sorted(values)[max(1, math.ceil(fraction * len(values))) - 1]
    assert true <= filled(values).quantile(fraction) <= true * (1 + 1 / 32)


@given(values_lists, values_lists)
def test_merging_two_is_the_same_as_recording_both(first: list[int], second: list[int]) -> None:
    merged = filled(first)
    merged.merge(filled(second))
    assert merged.to_dict() == filled(first + second).to_dict()


@given(values_lists)
def test_it_survives_the_journey_as_json(values: list[int]) -> None:
    histogram = filled(values)
    arrived = Histogram.from_dict(json.loads(json.dumps(histogram.to_dict())))
    assert arrived.to_dict() == histogram.to_dict()
    assert arrived.p95 == histogram.p95
