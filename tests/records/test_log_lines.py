"""One log event as data and as a line: cleaned, redacted, bounded, whatever is in it."""

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.log_lines import LINE_LIMIT_BYTES, REDACTED, cleaned, encode_line, redacted, render_line, stripped
from trading.words import Side

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals() | st.builds(object),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text() | st.integers(), inner, max_size=5) | st.tuples(inner, inner),
    max_leaves=30,
)


def _event(**fields: object) -> dict[str, Any]:
    return {"ts": "2026-01-02T03:04:05.000006Z", "level": "info", "actor": "feed", "pid": 7, "run_id": "r", "event": "FEED_CONNECTED",
            "fields": fields}


@given(st.dictionaries(st.text(), ANYTHING, max_size=6))
def test_any_fields_make_one_line_of_json_below_the_limit(fields: dict[str, object]) -> None:
    line = encode_line(_event(**redacted(cleaned(fields))))  # type: ignore[arg-type]  # cleaning keeps a mapping a mapping
    assert len(line) <= LINE_LIMIT_BYTES and line.count(b"\n") == 1 and line.endswith(b"\n")
    assert json.loads(line)["event"] == "FEED_CONNECTED"


@given(ANYTHING)
def test_no_control_character_survives(value: object) -> None:
    rendered = render_line(_event(value=value))
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in rendered)
    assert "\u202e" not in rendered and "\u2028" not in rendered


@pytest.mark.parametrize("fields", [
    {"text": "x" * 100_000}, {"text": "☃" * 5000}, {f"name{number}": number for number in range(2000)}, {"n" * 9000: 1},
    {"frames": [f"line {number} " + "y" * 400 for number in range(500)]}, {"deep": [[["z" * 300] * 50] * 50]}, {"quotes": '"' * 9000},
], ids=["text", "wide", "many", "name", "frames", "deep", "quotes"])
def test_what_is_too_long_is_shortened_and_says_so(fields: dict[str, object]) -> None:
    line = encode_line(_event(**fields))
    assert len(line) <= LINE_LIMIT_BYTES and json.loads(line)["shortened_bytes"] > LINE_LIMIT_BYTES


CLEANED = [
    (Decimal("65000.10"), "65000.1"), (Decimal("NaN"), "NaN"), (math.inf, "inf"), (2**70, str(2**70)), (Side.BUY, "BUY"),
    (Path("/a/b"), "/a/b"), (b"\x01\xff", "01ff"), (ValueError("no\nway"), "ValueError: no way"), ("a\x1b[31mb", "a [31mb"),
    ({1: {"x": (1, 2)}}, {"1": {"x": [1, 2]}}), ({"b", "a"}, ["a", "b"]), (True, True), (None, None), (1.5, 1.5), ("\ud800", " "),
]


@pytest.mark.parametrize(("value", "expected"), CLEANED)
def test_values_become_what_json_can_hold(value: object, expected: object) -> None:
    assert cleaned(value) == expected


@pytest.mark.parametrize("name", ["api_key", "apiKey", "API-KEY", "secret", "auth_token", "password", "Authorization", "control_key", "privateKey"])
def test_values_of_key_like_names_are_hidden_at_every_depth(name: str) -> None:
    hidden = redacted({name: "s3cret", "deep": {"list": [{name: "s3cret"}]}, "monkey": "stays"})
    assert "s3cret" not in str(hidden) and hidden[name] == REDACTED and hidden["monkey"] == "stays"


def test_a_line_for_people_reads_from_left_to_right() -> None:
    line = render_line(_event(age_ms=15002, reason="no valid message", price="65000.1"))
    assert line == '03:04:05 INFO    feed     FEED_CONNECTED age_ms=15002 reason="no valid message" price=65000.1'


def test_colour_is_only_around_the_level() -> None:
    plain, coloured = render_line(_event(a=1)), render_line(_event(a=1), colour=True)
    assert coloured != plain and coloured.replace("\x1b[32m", "").replace("\x1b[0m", "") == plain


@pytest.mark.parametrize("event", [{}, {"fields": 3}, {"event": None, "ts": 5, "level": "loud"}])
def test_an_event_of_the_wrong_shape_is_still_a_line(event: dict[str, object]) -> None:
    assert "\n" not in render_line(event, colour=True)


@given(st.text())
def test_stripping_twice_changes_nothing(text: str) -> None:
    assert stripped(stripped(text)) == stripped(text)
