"""The kill switch, in every way and in awkward moments: exit code 99 within two seconds, nothing open, nothing held, latched."""

import json
import signal
import time
from collections.abc import Callable

import pytest

from tests.system.books import assert_settled, ends_of_orders
from tests.system.conftest import MakePlace
from tests.system.driver import Place, Session, until
from tests.system.settings import RESTING, STANDING

KILLED, LATCHED = 99, 77

PROMISED_S = 2.0
ALLOWED_S = 2 * PROMISED_S
"""Twice the promise, for a machine that has other things to do."""


def by_signal(session: Session) -> None:
    session.send(signal.SIGUSR1)


def by_file(session: Session) -> None:
    session.place.workspace.kill_file.touch()


def by_command(session: Session) -> None:
    told = session.place.say("kill")
    assert told.code == 0, told
    assert "killed" in told.out and "latched" in told.out


def timed_end(session: Session, trigger: Callable[[Session], None]) -> float:
    """Kill; how long it took until the process was gone. Its exit code must be the kill's."""
    began = time.monotonic()
    trigger(session)
    assert session.ended(ALLOWED_S + 1) == KILLED, session.story()
    return time.monotonic() - began


def assert_killed(place: Place, trigger: str) -> None:
    """Latched with the reason, the account at rest and flat, the summary there, nobody left."""
    assert json.loads(place.workspace.killed_latch.read_bytes())["trigger"] == trigger
    summary = place.summary()
    assert (summary["exit_code"], summary["reason"], summary["positions"]) == (KILLED, f"kill:{trigger}", {})
    assert_settled(place, after_kill=True)
    place.assert_nothing_left()


def resting(make_place: MakePlace) -> Session:
    """A session with six orders resting."""
    session = make_place(RESTING).start()
    session.wait_for_resting(6)
    return session


WAYS = [
    pytest.param(by_signal, "SIGUSR1", id="signal", marks=pytest.mark.slow), pytest.param(by_command, "command", id="command"),
    pytest.param(by_file, "file", id="file", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("trigger", "name"), WAYS)
def test_every_way_to_kill_cancels_all_orders_and_latches(make_place: MakePlace, trigger: Callable[[Session], None], name: str) -> None:
    session = resting(make_place)
    place = session.place
    assert timed_end(session, trigger) < ALLOWED_S
    assert_killed(place, name)
    assert list(ends_of_orders(place).values()) == ["OrderCanceled"] * 6
    assert place.rows("SELECT 1 FROM ev WHERE kind = 'OrderFilled'") == []
    refused = place.start()
    assert refused.ended() == LATCHED
    assert name in refused.complaints.read_text()
    reset = place.say("reset-kill")
    assert reset.code == 0 and name in reset.out
    assert place.say("reset-kill").code == 0


def test_after_a_kill_and_a_reset_a_session_runs_as_ever(make_place: MakePlace) -> None:
    """The kill finds a position, which is closed at the last known price and says so."""
    session = make_place(STANDING).start()
    place = session.place
    until(lambda: [fill["fields"]["position"] for fill in session.all("ORDER_FILLED")][-1:] not in ([], ["0"]), "a position")
    assert timed_end(session, by_signal) < ALLOWED_S
    assert_killed(place, "SIGUSR1")
    assert "OrderCanceled" in ends_of_orders(place).values()
    assert place.say("reset-kill").code == 0
    again = place.start()
    again.wait_for("ORDER_ACCEPTED")
    again.send(signal.SIGTERM)
    assert again.ended() == 0, again.story()
    assert_settled(place)


@pytest.mark.parametrize("number", [signal.SIGSTOP, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)], ids=lambda number: str(number.name))
def test_a_kill_does_not_need_the_broker_that_is_there(make_place: MakePlace, number: signal.Signals) -> None:
    session = resting(make_place)

    def trigger(_: Session) -> None:
        session.send_to("broker", number)
        by_signal(session)

    assert timed_end(session, trigger) < ALLOWED_S
    assert_killed(session.place, "SIGUSR1")
    assert list(ends_of_orders(session.place).values()) == ["OrderCanceled"] * 6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["venue", "feed", "gateway", "risk", "strategy", "reporter"])
def test_a_kill_does_not_wait_for_a_stopped_actor(make_place: MakePlace, name: str) -> None:
    session = resting(make_place)

    def trigger(_: Session) -> None:
        session.send_to(name, signal.SIGSTOP)
        by_signal(session)

    assert timed_end(session, trigger) < ALLOWED_S
    assert_killed(session.place, "SIGUSR1")


@pytest.mark.slow
def test_a_kill_needs_nobody_alive(make_place: MakePlace) -> None:
    session = resting(make_place)

    def trigger(_: Session) -> None:
        for name in list(session.place.actors()):
            session.send_to(name, signal.SIGKILL)
        by_file(session)

    assert timed_end(session, trigger) < ALLOWED_S
    assert_killed(session.place, "file")


@pytest.mark.parametrize(
    "moment", ["agent.pid", pytest.param("CHILD_STARTED", marks=pytest.mark.slow), pytest.param("SESSION_OPENED", marks=pytest.mark.slow)],
)
def test_a_kill_while_the_session_is_starting_ends_it_as_well(place: Place, moment: str) -> None:
    session = place.start()
    if moment == "agent.pid":
        until(place.workspace.agent_pid.exists, "the lock's file")
    else:
        session.wait_for(moment)
    assert timed_end(session, by_signal) < ALLOWED_S
    assert place.summary()["exit_code"] == KILLED
    place.assert_nothing_left()
    assert place.start().ended() == LATCHED


@pytest.mark.slow
def test_a_kill_while_the_session_is_draining_turns_it_into_a_kill(make_place: MakePlace) -> None:
    session = resting(make_place)
    session.send_to("broker", signal.SIGSTOP)
    session.send(signal.SIGTERM)
    session.wait_for("SESSION_DRAINING")
    assert timed_end(session, by_signal) < ALLOWED_S
    assert_killed(session.place, "SIGUSR1")


@pytest.mark.slow
def test_a_kill_works_while_the_venue_is_gone(make_place: MakePlace) -> None:
    session = resting(make_place)
    session.send_to("venue", signal.SIGSTOP)
    session.wait_for("TRADING_STATE", state="PAUSED")
    assert timed_end(session, by_command) < ALLOWED_S
    assert_killed(session.place, "command")


@pytest.mark.slow
def test_a_storm_of_kills_and_stops_is_one_kill(make_place: MakePlace) -> None:
    session = resting(make_place)

    def trigger(_: Session) -> None:
        session.send(signal.SIGUSR1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1) * 200:
            session.send(number)

    assert timed_end(session, trigger) < ALLOWED_S
    assert_killed(session.place, "SIGUSR1")
    assert len(session.all("KILL_RECEIVED")) == 1


def test_the_environment_kills_before_anything_starts(place: Place) -> None:
    session = place.start(environment={"LA_KILL_SWITCH": "TRUE"})
    assert session.ended() == KILLED
    assert place.workspace.run_ids() == ()
    assert json.loads(place.workspace.killed_latch.read_bytes())["trigger"] == "environment"
    refused = place.start()
    assert refused.ended() == LATCHED and "reset-kill" in refused.complaints.read_text()
    place.assert_nothing_left()


def test_a_kill_file_that_was_there_before_kills_the_session_at_its_start(place: Place) -> None:
    place.workspace.make()
    place.workspace.kill_file.touch()
    session = place.start()
    assert session.ended() == KILLED, session.story()
    assert not place.workspace.kill_file.exists()
    assert session.all("ORDER_SUBMITTED") == []
    place.assert_nothing_left()
