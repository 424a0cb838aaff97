"""Whole sessions of real toy processes: in order, through crashes and hangs, drained and killed, nobody left behind."""

import os
import signal
from pathlib import Path
from typing import Any

import msgspec

from supervisors.plan import RestartStrategy
from tests.supervisors.conftest import Session


def pid_of(session: Session, name: str) -> int:
    return session.born(name)[-1]


def test_starts_stage_by_stage_and_settles_in_order_when_the_duration_is_over(session: Session) -> None:
    outcome = session.run()
    assert (outcome.exit_code, outcome.reason, outcome.settled) == (0, "duration", True)
    births = [line.split(".")[0] for line in session.journal() if " born " in line]
    assert births[:2] == ["feed", "broker"] and set(births[2:]) == {"strategy", "reporter"}
    assert session.settled() == [f"{name}.1 Drain duration" for name in ("strategy", "broker", "feed", "reporter")]
    assert outcome.facts["metrics"]["beats_count"] >= 4


def test_a_killed_child_is_started_again_and_the_session_goes_on(session: Session) -> None:
    session.watcher.when("SESSION_RUNNING", lambda _: os.kill(pid_of(session, "feed"), signal.SIGKILL))
    session.duration_s = 0.8
    outcome = session.run()
    assert outcome.exit_code == 0
    assert len(session.born("feed")) == 2 and len(session.born("broker")) == 1
    death = next(event for event in session.watcher.events if event["event"] == "CHILD_DIED")
    assert (death["child"], death["how"]) == ("feed", "SIGKILL")
    assert "CHILD_RECOVERED" in session.watcher.names()


def test_a_stopped_child_is_taken_for_hung_and_replaced(session: Session) -> None:
    session.watcher.when("SESSION_RUNNING", lambda _: os.kill(pid_of(session, "strategy"), signal.SIGSTOP))
    session.supervision = msgspec.structs.replace(session.supervision, hang_after_ms=500)
    session.duration_s = 1.5
    assert session.run().exit_code == 0
    assert len(session.born("strategy")) == 2
    assert "CHILD_HUNG" in session.watcher.names()


def test_rest_for_one_takes_the_later_children_along(session: Session) -> None:
    session.supervision = msgspec.structs.replace(
        session.supervision, restart={**session.supervision.restart, "broker": RestartStrategy.REST_FOR_ONE},
    )
    session.watcher.when("SESSION_RUNNING", lambda _: os.kill(pid_of(session, "broker"), signal.SIGKILL))
    session.duration_s = 1.0
    assert session.run().exit_code == 0
    assert [len(session.born(name)) for name in ("feed", "broker", "strategy", "reporter")] == [1, 2, 2, 2]


def test_a_crash_loop_ends_the_session_settled_with_code_70(session: Session) -> None:
    session.toys["strategy"] = {"crash": 1}
    session.supervision = msgspec.structs.replace(session.supervision, restart_backoff_min_ms=2, restart_backoff_max_ms=4)
    outcome = session.run()
    assert outcome.exit_code == 70
    assert "strategy died again after 3 restarts" in outcome.reason
    assert outcome.settled
    assert any(line.startswith("broker.1 Halt") for line in session.settled())
    assert not (session.directory / "KILLED").exists()


def test_a_configuration_error_is_not_tried_again_and_keeps_its_code(session: Session) -> None:
    session.toys["broker"] = {"crash": 78}
    assert session.run().exit_code == 78
    assert len(session.born("broker")) == 1


def test_a_child_that_crashes_once_at_birth_delays_the_start_only(session: Session) -> None:
    session.toys["broker"] = {"crash": 1, "crash_until": 1}
    assert session.run().exit_code == 0
    assert len(session.born("broker")) == 2


def test_a_gate_that_does_not_open_in_time_ends_with_its_code(session: Session) -> None:
    session.toys["feed"] = {}
    session.gate_s = 0.3
    outcome = session.run()
    assert (outcome.exit_code, outcome.reason) == (69, "no data")
    assert "SESSION_RUNNING" not in session.watcher.names()


def test_a_milestone_that_ends_the_session_does_so_in_order_whatever_the_duration(session: Session) -> None:
    session.toys["strategy"] = {"milestone": "ended"}
    session.ends_with, session.duration_s = "strategy:ended", 30
    outcome = session.run()
    assert (outcome.exit_code, outcome.reason, outcome.settled) == (0, "tape_ended", True)


def kill_by_file(session: Session) -> None:
    (session.directory / "KILL").touch()


def test_each_kill_trigger_halts_everybody_and_latches(session: Session, tmp_path: Path) -> None:
    session.watcher.when("SESSION_RUNNING", lambda _: kill_by_file(session))
    session.duration_s = 30
    outcome = session.run()
    assert (outcome.exit_code, outcome.reason, outcome.settled) == (99, "kill:file", True)
    assert not (session.directory / "KILL").exists()
    assert b"file" in (session.directory / "KILLED").read_bytes()
    assert {line.split()[0] for line in session.settled()} == {"feed.1", "broker.1", "strategy.1", "reporter.1"}


def test_a_latch_that_cannot_be_written_does_not_stop_the_kill(session: Session) -> None:
    (session.directory / f"KILLED.tmp-{os.getpid()}").mkdir()
    session.watcher.when("SESSION_RUNNING", lambda _: kill_by_file(session))
    session.duration_s = 30
    outcome = session.run()
    assert (outcome.exit_code, outcome.reason, outcome.settled) == (99, "kill:file", True)
    assert "KILL_NOT_LATCHED" in session.watcher.names()


def test_the_kill_signal_works_with_a_stopped_settling_child(session: Session) -> None:
    def strike(_: dict[str, Any]) -> None:
        os.kill(pid_of(session, "broker"), signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGUSR1)

    session.watcher.when("SESSION_RUNNING", strike)
    session.duration_s = 30
    outcome = session.run()
    assert (outcome.exit_code, outcome.reason, outcome.settled) == (99, "kill:SIGUSR1", True)
    assert len(session.born("broker")) == 2
    assert "broker.2 Halt kill:SIGUSR1" in session.settled()


def test_a_kill_ends_in_time_although_nobody_settles(session: Session) -> None:
    session.toys["broker"] = {"deaf_until": 9}
    session.watcher.when("SESSION_RUNNING", lambda _: kill_by_file(session))
    session.duration_s = 30
    outcome = session.run()
    assert (outcome.exit_code, outcome.settled) == (99, False)


def test_a_stop_with_a_dying_settling_child_is_settled_by_its_successor(session: Session) -> None:
    session.duration_s = 30
    session.watcher.when("SESSION_RUNNING", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    session.watcher.when("SESSION_DRAINING", lambda _: os.kill(pid_of(session, "broker"), signal.SIGKILL))
    outcome = session.run()
    assert (outcome.exit_code, outcome.reason, outcome.settled) == (0, "SIGTERM", True)
    assert "broker.2 Drain SIGTERM" in session.settled()


def test_a_storm_of_signals_is_one_ending(session: Session) -> None:
    def storm(_: dict[str, Any]) -> None:
        for _number in range(200):
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)

    session.watcher.when("SESSION_RUNNING", storm)
    session.duration_s = 30
    assert session.run().exit_code == 0
    assert session.watcher.names().count("SESSION_DRAINING") == 1
