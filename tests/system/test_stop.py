"""Ending in order, in every way: exit code 0, every order canceled, the account written, within seven seconds."""

import signal
import time
from collections.abc import Callable

import pytest

from tests.system.books import assert_settled, assert_summary_is_the_ledgers, ends_of_orders
from tests.system.conftest import MakePlace
from tests.system.driver import Place, Session
from tests.system.settings import RESTING

PROMISED_S = 7.0


def by_verb(session: Session) -> None:
    told = session.place.say("stop")
    assert told.code == 0 and "stopped" in told.out, told


def by_signal(number: signal.Signals) -> Callable[[Session], None]:
    return lambda session: session.send(number)


def by_ctrl_c(session: Session) -> None:
    session.interrupt_group()


def by_two_ctrl_c(session: Session) -> None:
    session.interrupt_group()
    session.wait_for("SESSION_DRAINING")
    session.interrupt_group()


@pytest.mark.parametrize(
    ("trigger", "reason"),
    [
        pytest.param(by_verb, "stop", id="stop"),
        pytest.param(by_signal(signal.SIGTERM), "SIGTERM", id="SIGTERM", marks=pytest.mark.slow),
        pytest.param(by_ctrl_c, "SIGINT", id="ctrl-c"), pytest.param(by_two_ctrl_c, "SIGINT", id="ctrl-c-twice", marks=pytest.mark.slow),
        pytest.param(by_signal(signal.SIGHUP), "SIGHUP", id="SIGHUP", marks=pytest.mark.slow),
    ],
)
def test_every_way_to_stop_cancels_what_rests_and_writes_the_account(
    make_place: MakePlace, trigger: Callable[[Session], None], reason: str,
) -> None:
    place = make_place(RESTING)
    session = place.start()
    session.wait_for_resting(6)
    began = time.monotonic()
    trigger(session)
    assert session.ended() == 0, session.story()
    assert time.monotonic() - began < PROMISED_S
    assert list(ends_of_orders(place).values()) == ["OrderCanceled"] * 6
    assert {row["reason"] for row in place.bodies("OrderCanceled")} == {reason}
    assert_settled(place)
    assert_summary_is_the_ledgers(place)
    assert (place.summary()["exit_code"], place.summary()["reason"]) == (0, reason)
    place.assert_nothing_left()
    assert not place.workspace.killed_latch.exists()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["agent.pid", "CHILD_STARTED", "SESSION_OPENED"])
def test_a_stop_while_the_session_is_starting_ends_it_as_well(place: Place, moment: str) -> None:
    session = place.start()
    if moment != "agent.pid":
        session.wait_for(moment)
    else:
        session.wait_for("SESSION_STARTING")
    session.send(signal.SIGTERM)
    assert session.ended(PROMISED_S) == 0, session.story()
    assert place.summary()["reason"] == "SIGTERM"
    place.assert_nothing_left()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=lambda number: str(number.name))
@pytest.mark.parametrize("name", ["strategy", "risk", "broker", "reporter"])
def test_a_stop_settles_although_an_actor_is_gone(make_place: MakePlace, name: str, number: signal.Signals) -> None:
    place = make_place(RESTING)
    session = place.start()
    session.wait_for_resting(6)
    began = time.monotonic()
    session.send_to(name, number)
    session.send(signal.SIGTERM)
    assert session.ended() == 0, session.story()
    assert time.monotonic() - began < PROMISED_S + 1
    assert_settled(place)
    assert_summary_is_the_ledgers(place)
    place.assert_nothing_left()


@pytest.mark.slow
def test_a_closed_terminal_ends_nothing_but_what_is_shown(make_place: MakePlace) -> None:
    """The reader of its output goes away (``run_agent.py | head -1``); the session trades on."""
    place = make_place(RESTING)
    session = place.start(into_closed_pipe=True)
    session.wait_for_resting(6)
    session.send(signal.SIGTERM)
    assert session.ended() == 0, session.story()
    assert_settled(place)
