"""Canonical JSON: equal values, equal bytes; any language's sorted JSON gives the same."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from records.canonical import canonical, simple

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2**63, 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-10**12, max_value=10**12, places=9)


@given(VALUES)
def test_it_is_what_the_standard_library_writes_with_sorted_keys(value: object) -> None:
    expected = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical(value).decode().replace("\\u007f", "\x7f") == expected.replace("\\u007f", "\x7f")


@given(NUMBERS, st.integers(0, 6))
def test_a_decimal_has_one_text_however_it_was_written(number: Decimal, zeros: int) -> None:
    longer = number + Decimal(0).scaleb(-zeros)
    assert canonical([number]) == canonical([longer])
    text = json.loads(canonical([number]))[0]
    assert Decimal(text) == number and "E" not in text and text != "-0"


def test_decimals_inside_anything_become_text() -> None:
    assert simple({"b": (Decimal("1.50"), [Decimal("-0.0")]), "a": Decimal("1E+3")}) == {"b": ["1.5", ["0"]], "a": "1000"}
    assert canonical({"b": 1, "a": Decimal("0.10")}) == b'{"a":"0.1","b":1}'
