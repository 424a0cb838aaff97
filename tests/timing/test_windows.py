"""Counting events in a sliding window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timing.windows import SlidingCount

MINUTE = 60


def test_three_in_a_minute_are_allowed_and_the_fourth_is_too_many() -> None:
    restarts = SlidingCount(window_ns=MINUTE, limit=3)
    assert [restarts.add(now) for now in (0, 10, 20)] == [1, 2, 3]
    assert not restarts.exceeded(20)
    restarts.add(30)
    assert restarts.exceeded(30)


def test_an_event_leaves_the_window_when_it_is_exactly_as_old_as_the_window_is_long() -> None:
    window = SlidingCount(window_ns=MINUTE, limit=3)
    window.add(0)
    assert window.count(59) == 1
    assert window.count(60) == 0


def test_a_limit_refuses_without_counting_and_says_when_it_will_be_free() -> None:
    messages = SlidingCount(window_ns=10, limit=2)
    assert messages.try_add(0) and messages.try_add(4)
    assert not messages.try_add(5)
    assert messages.next_free_ns(5) == 10
    assert messages.try_add(10)
    assert messages.next_free_ns(10) == 14


def test_a_window_without_length_or_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        SlidingCount(window_ns=0, limit=1)
    with pytest.raises(ValueError, match="positive"):
        SlidingCount(window_ns=1, limit=0)


@given(st.lists(st.integers(0, 15), max_size=80), st.integers(1, 20), st.integers(1, 5))
def test_the_count_is_what_looking_at_every_event_gives(gaps: list[int], window_ns: int, limit: int) -> None:
    window, instants, now = SlidingCount(window_ns, limit), list[int](), 0
    for gap in gaps:
        now += gap
        instants.append(now)
        expected = min(limit + 1, sum(1 for each in instants if now - each < window_ns))
        assert window.add(now) == expected
        assert window.exceeded(now) == (expected > limit)


@given(st.lists(st.integers(0, 5), max_size=80), st.integers(1, 20), st.integers(1, 5))
def test_what_a_limit_lets_through_never_exceeds_it_and_next_free_is_exact(
    gaps: list[int], window_ns: int, limit: int
) -> None:
    window, passed, now = SlidingCount(window_ns, limit), list[int](), 0
    for gap in gaps:
        now += gap
        free_ns = window.next_free_ns(now)
        if window.try_add(now):
            passed.append(now)
            assert free_ns == now
        else:
            assert free_ns > now and window.count(free_ns - 1) >= limit > window.count(free_ns)
            now = free_ns
        assert sum(1 for each in passed if now - each < window_ns) <= limit
