"""How numbers are rounded and shown: exactly, in one form, and never with an exception."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.account_stories import INSTRUMENT
from trading.messages import Print
from trading.quantities import canonical, canonical_numbers, display, plain
from trading.queueing import Offer
from trading.words import Side

numbers = st.decimals(min_value=0, max_value=10**9, allow_nan=False, places=9)


@pytest.mark.parametrize(("value", "text"), [
    ("1.005", "1.00"), ("1.015", "1.02"), ("-0.001", "-0.00"), ("1E+3", "1000.00"), ("1e48", "1E+48"), ("1e47", "1" + "0" * 47 + ".00"),
    ("NaN", "NaN"), ("-Infinity", "-Infinity"),
])
def test_a_number_for_people_has_two_places_and_what_is_no_sane_number_stays_as_it_is(value: str, text: str) -> None:
    assert display(Decimal(value)) == text


@given(numbers)
def test_a_quantity_is_rounded_down_onto_the_step(value: Decimal) -> None:
    found, step = INSTRUMENT.floor_quantity(value), INSTRUMENT.step
    assert Fraction(found) == Fraction(value) // Fraction(step) * Fraction(step)
    assert found.as_tuple().exponent == step.as_tuple().exponent


@given(numbers.filter(bool), st.sampled_from(Side))
def test_a_price_is_rounded_onto_the_tick_against_whoever_trades(value: Decimal, side: Side) -> None:
    found, other = INSTRUMENT.round_against(side, value), INSTRUMENT.round_for(side, value)
    assert (other <= value <= found) if side is Side.BUY else (found <= value <= other)
    assert abs(found - other) in (0, INSTRUMENT.tick) and found % INSTRUMENT.tick == 0 == other % INSTRUMENT.tick


@given(numbers)
def test_equal_numbers_have_one_form(value: Decimal) -> None:
    assert str(canonical(value + Decimal("0.0000"))) == str(canonical(value)) and plain(canonical(value)) == plain(value)


def test_the_numbers_of_a_struct_get_their_one_form_and_what_has_it_is_left_alone() -> None:
    odd = Offer(0, Print(Decimal("1.10"), Decimal(1), Side.BUY), Decimal("2.50"), ())
    assert str(canonical_numbers(odd).shown) == "2.5"
    assert canonical_numbers(canonical_numbers(odd)) == odd
