"""Indicators against their definitions, computed anew from all values with exact fractions."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.indicators import Sma, ZScore

prices = st.decimals(min_value="0.0001", max_value="9999999.9999", places=4)
series = st.lists(prices, min_size=1, max_size=60)
windows = st.integers(1, 20)
ROUNDING = Fraction(1, 10**11)


@given(series, windows)
def test_the_average_is_the_mean_of_the_window_at_every_step(values: list[Decimal], window: int) -> None:
    sma = Sma(window)
    for count, value in enumerate(values, 1):
        sma.add(value)
        if count < window:
            assert sma.value is None
        else:
            assert sma.value is not None
            exact = sum((Fraction(each) for each in values[count - window : count]), Fraction(0)) / window
            assert abs(Fraction(sma.value) - exact) < ROUNDING


@given(series, st.integers(2, 20))
def test_mean_deviation_and_score_are_those_of_the_window(values: list[Decimal], window: int) -> None:
    z = ZScore(window)
    for value in values:
        z.add(value)
    if len(values) < window:
        assert (z.mean, z.deviation, z.value) == (None, None, None)
        return
    assert z.mean is not None and z.deviation is not None and z.value is not None
    kept = [Fraction(each) for each in values[-window:]]
    mean = sum(kept, Fraction(0)) / window
    variance = sum(((each - mean) ** 2 for each in kept), Fraction(0)) / window
    assert abs(Fraction(z.mean) - mean) < ROUNDING
    assert abs(Fraction(z.deviation) ** 2 - variance) <= ROUNDING * (2 * Fraction(z.deviation) + 1)
    if variance == 0:
        assert z.value == 0
    else:
        assert abs(Fraction(z.value) ** 2 * variance - (kept[-1] - mean) ** 2) <= ROUNDING * (1 + 10 * variance)
        assert (z.value > 0) == (kept[-1] > mean) or abs(z.value) < Decimal("1e-6")


@pytest.mark.parametrize("huge", ["100000000.0001"])
def test_a_huge_value_leaves_no_trace_when_it_has_left_the_window(huge: str) -> None:
    z, fresh = ZScore(3), ZScore(3)
    for value in (huge, "100.1", "100.2", "100.3"):
        z.add(Decimal(value))
    for value in ("100.1", "100.2", "100.3"):
        fresh.add(Decimal(value))
    assert (z.mean, z.deviation, z.value) == (fresh.mean, fresh.deviation, fresh.value)
    assert z.deviation is not None and abs(z.deviation - Decimal("0.081649658093")) < Decimal("1e-12")
