"""Waits between attempts: they grow, they stay within their bounds, and chance spreads them."""

import random
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timing.backoff import BackoffSettings, backoff

RECONNECT = BackoffSettings(multiplier_s=1.0, shortest_s=2.0, longest_s=60.0)
RESTART = BackoffSettings(multiplier_s=0.1, shortest_s=0.2, longest_s=5.0)


class Fixed:
    """Chance that always says the same."""

    def __init__(self, number: float) -> None:
        self.number = number

    def random(self) -> float:
        return self.number


def waits(number: float, settings: BackoffSettings, count: int) -> list[float]:
    return list(islice(backoff(Fixed(number), settings), count))


def test_reconnecting_waits_two_seconds_at_least_and_doubles_up_to_a_minute() -> None:
    assert waits(0.0, RECONNECT, 6) == [2, 4, 8, 16, 30, 30]
    assert waits(0.999999, RECONNECT, 6) == pytest.approx([4, 8, 16, 32, 60, 60], rel=1e-5)


def test_restarting_begins_at_a_fifth_of_a_second_and_ends_at_five() -> None:
    assert waits(0.0, RESTART, 6) == pytest.approx([0.2, 0.4, 0.8, 1.6, 2.5, 2.5])
    assert max(waits(0.999999, RESTART, 50)) <= 5.0


def test_two_peers_that_fell_together_do_not_return_together() -> None:
    first, second = (list(islice(backoff(random.Random(seed), RECONNECT), 5)) for seed in (1, 2))
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_the_same_chance_gives_the_same_waits() -> None:
    first, second = (list(islice(backoff(random.Random(7), RECONNECT), 20)) for _ in range(2))
    assert first == second


def test_bounds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="longer than longest_s"):
        BackoffSettings(multiplier_s=1, shortest_s=5, longest_s=2)


@given(
    seed=st.integers(0, 1000),
    multiplier_s=st.floats(0.01, 10),
    bounds=st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)).map(sorted),
)
def test_every_wait_is_within_bounds_however_long_it_goes_on(
    seed: int, multiplier_s: float, bounds: list[float]
) -> None:
    shortest_s, longest_s = bounds
    settings = BackoffSettings(multiplier_s=multiplier_s, shortest_s=shortest_s, longest_s=longest_s)
    for wait_s in islice(backoff(random.Random(seed), settings), 2000):
        assert shortest_s <= wait_s <= longest_s
