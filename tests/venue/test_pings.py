"""Which pong belongs to which ping, and which are none of ours: a table, and the bounds of what is remembered."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from trading.latency import KEPT_SAMPLES
from venue.pings import LONGEST_NS, LONGEST_WAIT_NS, UNDER_WAY_LIMIT, Pings

MS = 1_000_000
WALL_S = 1_732_519_687
SENT_NS = 5_000 * MS

Pong = tuple[int, int, int]
"""(value, received so long after the first ping was sent, read so long after it was received), in ns."""


def after(pongs: list[Pong]) -> tuple[list[int], dict[str, int]]:
    """Round trips and refusals, when two pings were sent 500 ms apart in the same second."""
    pings = Pings()
    assert [pings.sent(SENT_NS, WALL_S), pings.sent(SENT_NS + 500 * MS, WALL_S)] == [WALL_S, WALL_S + 1]
    for value, took_ns, waited_ns in pongs:
        pings.heard(value, SENT_NS + took_ns, SENT_NS + took_ns + waited_ns)
    assert pings.counts.pop("pings_count") == 2
    return list(pings.round_trips_ns), dict(pings.counts)


@pytest.mark.parametrize(("pongs", "round_trips_ms", "counts"), [
    ([], [], {}),
    ([(WALL_S, 100 * MS, 0)], [100], {}),
    ([(WALL_S, 100 * MS, 0), (WALL_S + 1, 620 * MS, 0)], [100, 120], {}),
    ([(WALL_S + 1, 620 * MS, 0), (WALL_S, 700 * MS, 0)], [120, 700], {}),
    ([(WALL_S, 100 * MS, 0), (WALL_S, 101 * MS, 0)], [100], {"pongs_repeated_count": 1}),
    ([(0, 100 * MS, 0), (WALL_S + 2, 100 * MS, 0), (-1, 1, 0), (1 << 200, 1, 0)], [], {"pongs_foreign_count": 4}),
    ([(WALL_S, 0, 0)], [], {"pongs_absurd_count": 1}),
    ([(WALL_S + 1, 499 * MS, 0)], [], {"pongs_absurd_count": 1}),
    ([(WALL_S, LONGEST_NS, 0)], [LONGEST_NS // MS], {}),
    ([(WALL_S, LONGEST_NS + 1, 0)], [], {"pongs_absurd_count": 1}),
    ([(WALL_S, LONGEST_NS + 1, 0), (WALL_S, 100 * MS, 0)], [], {"pongs_absurd_count": 1, "pongs_repeated_count": 1}),
    ([(WALL_S, 100 * MS, LONGEST_WAIT_NS)], [100], {}),
    ([(WALL_S, 100 * MS, LONGEST_WAIT_NS + 1)], [], {"pongs_held_up_count": 1}),
])
def test_a_pong_is_timed_once_when_it_repeats_the_value_of_a_ping_under_way(
    pongs: list[Pong], round_trips_ms: list[int], counts: dict[str, int]
) -> None:
    assert after(pongs) == ([each * MS for each in round_trips_ms], counts)


def test_a_pong_of_an_older_connection_is_foreign_and_its_ping_unanswered() -> None:
    pings = Pings()
    old = pings.sent(SENT_NS, WALL_S)
    pings.forget()
    new = pings.sent(SENT_NS + MS, WALL_S)
    pings.heard(old, SENT_NS + 2 * MS, SENT_NS + 2 * MS)
    pings.heard(new, SENT_NS + 3 * MS, SENT_NS + 3 * MS)
    assert list(pings.round_trips_ns) == [2 * MS]
    assert pings.counts == {"pings_count": 2, "pings_unanswered_count": 1, "pongs_foreign_count": 1}


def test_a_venue_that_never_answers_is_not_remembered_for_ever() -> None:
    pings = Pings()
    first, *_ = values = [pings.sent(SENT_NS + number, WALL_S) for number in range(UNDER_WAY_LIMIT + 3)]
    assert pings.counts["pings_unanswered_count"] == 3
    pings.heard(first, SENT_NS + MS, SENT_NS + MS)
    pings.heard(values[3], SENT_NS + MS, SENT_NS + MS)
    assert pings.counts["pongs_foreign_count"] == len(pings.round_trips_ns) == 1


def test_only_the_newest_round_trips_are_kept() -> None:
    pings = Pings()
    for took_ns in range(1, KEPT_SAMPLES + 11):
        pings.heard(pings.sent(SENT_NS, WALL_S), SENT_NS + took_ns, SENT_NS + took_ns)
    assert list(pings.round_trips_ns) == list(range(11, KEPT_SAMPLES + 11))


@given(some.lists(some.integers(0, 3)))
def test_no_value_is_said_twice_and_none_lags_behind_the_clock(steps: list[int]) -> None:
    """The wall clock may stand still; the values still tell the pings apart."""
    pings, wall_s, said = Pings(), WALL_S, list[int]()
    for step in steps:
        wall_s += step
        said.append(pings.sent(SENT_NS, wall_s))
        assert said[-1] >= wall_s
    assert said == sorted(set(said))
