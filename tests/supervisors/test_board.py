"""Metrics survive restarts; beats of the dead are not signs of life."""

from messaging.control import Beat
from supervisors.board import Board


def test_counters_add_up_over_incarnations_and_actors_and_gauges_replace() -> None:
    board = Board(["feed", "gateway"])
    board.spawned("feed", 10, 0)
    board.heard(Beat(name="feed", incarnation=1, counters={"frames_count": 5}, gauges={"age_ms": 9}), 1)
    board.spawned("feed", 11, 2)
    board.heard(Beat(name="feed", incarnation=2, counters={"frames_count": 2}, gauges={"age_ms": 3}), 3)
    board.spawned("gateway", 12, 3)
    board.heard(Beat(name="gateway", incarnation=1, counters={"frames_count": 1}), 4)
    metrics = board.metrics()
    assert metrics["frames_count"] == 8
    assert metrics["age_ms"] == 3
    assert metrics["restart_count"] == 1


def test_lost_log_lines_of_the_supervisor_count_with_those_of_the_actors() -> None:
    board = Board(["feed"])
    board.spawned("feed", 10, 0)
    board.heard(Beat(name="feed", incarnation=1, counters={"log_lines_lost_count": 4}), 1)
    board.log_lines_lost = 3
    assert board.metrics()["log_lines_lost_count"] == 7


def test_a_beat_of_an_earlier_incarnation_is_not_a_sign_of_life() -> None:
    board = Board(["feed"])
    board.spawned("feed", 10, 0)
    board.spawned("feed", 11, 5)
    board.heard(Beat(name="feed", incarnation=1), 9)
    board.heard(Beat(name="stranger", incarnation=1), 9)
    assert board.rows["feed"].beat_seen_ns == 5
