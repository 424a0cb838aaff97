"""The status as one line that fits, and as a page."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.numbers import clock_text, exact, grouped, signed_text
from reporting.status_text import ASCII, format_status, status_line

STATUS: dict[str, Any] = {
    "run_id": "20260102T030405-678901-4242", "state": "ACTIVE", "elapsed_s": 192.4, "duration_s": 600, "venue": "sim",
    "symbols": {"BTCUSDT": {"bid": "65012.3", "ask": "65012.5", "age_s": 0.31, "position": "0.02", "working_orders": 1}},
    "pnl": {"realized": "2.25", "unrealized": "0", "fees": "0.41", "funding": "0", "net": "1.84"},
    "actors": [{"name": name, "pid": 100 + number, "state": "SERVING", "restarts": 0, "beat_age_s": 0.1, "rss_bytes": 45 * 2**20}
               for number, name in enumerate(("venue", "gateway", "feed", "broker", "risk", "strategy", "reporter"))],
    "metrics": {"orders_accepted_count": 14.0, "orders_denied_count": 1.0, "orders_rejected_count": 1.0},
}

WIDTHS = [
    (None, "03:12/10:00 ▮▯▯▯▯▯ ACTIVE │ BTC 65 012.4 (0.3s) │ pos +0.02 │ PnL +1.84 (fees 0.41) │ orders 14✓ 2✗ │ 7/7 up"),
    (100, "03:12/10:00 ACTIVE │ BTC 65 012.4 (0.3s) │ pos +0.02 │ PnL +1.84 (fees 0.41) │ 14✓ 2✗ │ 7/7 up"),
    (79, "03:12/10:00 ACTIVE │ BTC 65 012.4 (0.3s) │ pos +0.02 │ PnL +1.84 │ 14✓ 2✗ │ 7/7"),
    (60, "03:12/10:00 ACTIVE │ BTC 65 012.4 │ pos +0.02 │ PnL +1.84"),
    (20, "03:12/10:00 ACTIVE │"),
]

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
"""What could move a terminal's cursor or change its state."""


@pytest.mark.parametrize(("width", "line"), WIDTHS)
def test_the_line_leaves_out_what_is_missed_least(width: int | None, line: str) -> None:
    assert status_line(STATUS, width) == line


@given(st.integers(0, 200), st.integers(0, 10**9), st.integers(-10**9, 10**9))
def test_the_line_always_fits(width: int, price: int, money: int) -> None:
    symbols = {"BTCUSDT": {"bid": str(price), "ask": str(price + 1), "age_s": 0.1, "position": str(money)}}
    assert len(status_line({**STATUS, "symbols": symbols, "pnl": {"net": str(money)}}, width)) <= width


def test_a_terminal_without_unicode_gets_the_same_in_ascii() -> None:
    assert status_line(STATUS, None, ASCII).isascii()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("nan"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*STATUS, "BTCUSDT", "net", "bid", "ask", "state"]), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(list(STATUS)), JUNK))
def test_whatever_is_in_a_status_it_is_shown_without_control_characters(status: dict[str, Any]) -> None:
    assert not CONTROL.search(status_line(status, 80))
    assert not any(CONTROL.search(line) for line in format_status(status).split("\n"))


def test_a_status_of_a_session_that_is_just_starting_has_gaps() -> None:
    assert status_line({"state": "STARTING"}) == "-/- ▯▯▯▯▯▯ STARTING │ price - (-) │ pos - │ PnL - (fees -) │ orders 0✓ 0✗ │ 0/0 up"


def test_actors_that_do_not_serve_are_not_up() -> None:
    actors = [{**actor, "state": state} for actor, state in zip(
        STATUS["actors"], ("SERVING", "STARTING", "BACKOFF", "GONE", "SETTLED", "SERVING", "WAITING"), strict=True)]
    assert status_line({**STATUS, "actors": actors}).endswith("3/7 up")


def test_the_page_shows_everything() -> None:
    page = format_status(STATUS)
    for text in ("20260102T030405-678901-4242 on sim", "ACTIVE, 03:12 of 10:00", "bid 65012.3  ask 65012.5", "position +0.02", "net +1.84",
                 "14 accepted, 2 denied or rejected", "strategy       105  SERVING", "45 MiB"):
        assert text in page
    assert len(page.splitlines()) == 7 + len(STATUS["actors"])


NUMBERS = [
    (signed_text("1.839"), "+1.84"), (signed_text("-0.001"), "0.00"), (signed_text(0), "0.00"), (signed_text("-1234.5"), "-1 234.50"),
    (signed_text("0.0200", None), "+0.02"), (signed_text(None), "-"), (grouped("65012.45", 1), "65 012.4"), (grouped(1e6, 0), "1 000 000"),
    (exact("0.00010"), "0.0001"), (exact(True), "-"), (exact("x"), "-"), (exact("NaN"), "-"), (clock_text(59.99), "00:59"),
    (clock_text(3792), "1:03:12"), (clock_text(-1), "00:00"), (clock_text("x"), "-"),
]


@pytest.mark.parametrize(("shown", "expected"), NUMBERS)
def test_numbers_for_people(shown: str, expected: str) -> None:
    assert shown == expected
