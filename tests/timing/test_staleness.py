"""Freshness contracts of streams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timing.staleness import Overdue, Staleness


def test_one_dead_stream_behind_a_healthy_socket_is_seen() -> None:
    contracts = Staleness({"depth": 2, "trade": 10}, now_ns=0)
    for now_ns in range(1, 12):
        contracts.heard("trade", now_ns)
        if now_ns < 2:
            assert contracts.overdue(now_ns) == []
    assert contracts.overdue(11) == [Overdue("depth", 11)]


def test_a_silence_is_reported_once_and_its_end_once() -> None:
    contracts = Staleness({"depth": 5}, now_ns=0)
    assert contracts.overdue(4) == []
    assert contracts.overdue(5) == [Overdue("depth", 5)]
    assert contracts.overdue(6) == []
    assert contracts.silent == {"depth"}
    assert contracts.heard("depth", 7) is True
    assert contracts.heard("depth", 8) is False
    assert contracts.silent == set()
    assert contracts.overdue(13) == [Overdue("depth", 5)]


def test_the_longest_silence_comes_first() -> None:
    contracts = Staleness({"depth": 5, "trade": 5}, now_ns=0)
    contracts.heard("depth", 3)
    assert [each.stream for each in contracts.overdue(20)] == ["trade", "depth"]


def test_the_next_instant_to_look_at_is_the_earliest_contract_not_yet_broken() -> None:
    contracts = Staleness({"depth": 5, "trade": 9}, now_ns=100)
    assert contracts.next_due_ns == 105
    contracts.overdue(105)
    assert contracts.next_due_ns == 109
    contracts.overdue(109)
    assert contracts.next_due_ns is None


def test_after_a_new_connection_all_contracts_begin_anew() -> None:
    contracts = Staleness({"depth": 5}, now_ns=0)
    contracts.overdue(50)
    contracts.restart(60)
    assert contracts.silent == set()
    assert contracts.overdue(64) == []
    assert contracts.age_ns("depth", 64) == 4


def test_a_sign_of_life_that_arrives_late_does_not_make_a_stream_older() -> None:
    contracts = Staleness({"depth": 5}, now_ns=0)
    contracts.heard("depth", 10)
    contracts.heard("depth", 8)
    assert contracts.age_ns("depth", 10) == 0


def test_a_stream_without_a_contract_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError):
        Staleness({"depth": 5}, now_ns=0).heard("trades", 1)
    with pytest.raises(ValueError, match="positive"):
        Staleness({"depth": 0}, now_ns=0)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 10)), max_size=60))
def test_waiting_for_the_next_due_instant_misses_no_silence(steps: list[tuple[str, int]]) -> None:
    """Looking only at ``next_due_ns`` finds each silence at the very instant at which it begins."""
    contracts = Staleness({"a": 7, "b": 4}, now_ns=0)
    now_ns = 0
    for stream, wait_ns in steps:
        now_ns += wait_ns
        while (due_ns := contracts.next_due_ns) is not None and due_ns <= now_ns:
            found = contracts.overdue(due_ns)
            assert found and all(each.age_ns == {"a": 7, "b": 4}[each.stream] for each in found)
        contracts.heard(stream, now_ns)
