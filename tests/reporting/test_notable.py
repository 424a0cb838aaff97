"""Which events a person sees, and how a flood becomes one line."""

from typing import Any

import pytest

from reporting.notable import SHOWN_PER_WINDOW, WINDOW_NS, Repeats, Swallowed, for_people, is_notable


def event(name: str = "ORDER_FILLED", level: str = "info", actor: str = "broker", **fields: object) -> dict[str, Any]:
    return {"ts": "2026-01-02T03:04:05.000006Z", "level": level, "actor": actor, "pid": 7, "run_id": "r", "event": name, "fields": fields}


SEEN = [
    (event("SESSION_RUNNING"), True), (event("WARMUP_COMPLETE"), True), (event("ORDER_FILLED"), True), (event("FEED_CONNECTED"), True),
    (event("CHILD_RECOVERED"), True), (event("SESSION_DRAINING"), True), (event("ORDER_SUBMITTED"), False), (event("CHILD_STARTED"), False),
    (event("ANYTHING", "warning"), True), (event("ANYTHING", "error"), True), (event("ANYTHING", "critical"), True), ({}, False),
]


@pytest.mark.parametrize(("said", "seen"), SEEN)
def test_warnings_and_the_named_events_are_seen(said: dict[str, Any], seen: bool) -> None:
    assert is_notable(said) is seen


def test_a_person_reads_the_fields_that_matter_and_all_of_a_warning() -> None:
    fields: dict[str, Any] = {"side": "BUY", "price": "65000.1", "trade_id": "T-1", "sequence": 7}
    assert for_people(event(**fields))["fields"] == {"side": "BUY", "price": "65000.1"}
    assert for_people(event("ORDER_FILLED", "warning", **fields))["fields"] == fields
    assert for_people(event("OTHER", **fields))["fields"] == fields


def test_a_flood_is_cut_and_counted_and_afterwards_seen_again() -> None:
    repeats = Repeats()
    shown = [repeats.lets_through(event(), number) for number in range(42)]
    assert shown == [True] * SHOWN_PER_WINDOW + [False] * (42 - SHOWN_PER_WINDOW)
    assert repeats.over(WINDOW_NS - 1) == []
    assert repeats.over(WINDOW_NS) == [Swallowed("broker", "ORDER_FILLED", "info", 42 - SHOWN_PER_WINDOW)]
    assert repeats.lets_through(event(), WINDOW_NS) and repeats.all_over() == []


def test_different_events_do_not_hide_each_other() -> None:
    repeats = Repeats()
    for number in range(100):
        repeats.lets_through(event("RECONNECT_ATTEMPT", "warning", "feed"), number)
    assert repeats.lets_through(event("KILL_RECEIVED", "warning", "supervisor"), 100)
    assert repeats.lets_through(event("RECONNECT_ATTEMPT", "warning", "gateway"), 100)
