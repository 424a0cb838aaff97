"""Actors that die and hang in the middle of trading: started again, and nothing is lost, doubled or left open."""

import json
import os
import signal
import time
from decimal import Decimal
from typing import Any

import pytest

from actors.envelopes import MarketGiven, MarketWanted, run_codec
from messaging.address import SocketDirectory
from messaging.channels import Channels
from tests.system.books import assert_settled, assert_sound_ledger, assert_summary_is_the_ledgers, ends_of_orders
from tests.system.conftest import MakePlace
from tests.system.driver import ACTORS, Place, Session, at_s, until
from tests.system.settings import FITTED, RESTING, SESSION, TRADING
from trading.latency import UNMEASURED
from trading.messages import MarketFact

PROMISED_S = 5.0
ALLOWED_S = 1.5 * PROMISED_S
"""From the moment in which an actor stops until another one serves; with something for a machine that has other things to do."""


def market_facts(place: Place) -> list[MarketFact]:
    """Everything the feed has told in this session, asked from it page by page."""
    channels = Channels(SocketDirectory(place.run.sockets), run_codec())
    client = channels.client("feed", "observer")
    facts: list[MarketFact] = []

    def page() -> MarketGiven | None:
        received = client.receive()
        return received[1] if received else None

    try:
        while True:
            client.send(MarketWanted(after=len(facts)))
            given = until(page, "a page of market facts")
            assert isinstance(given, MarketGiven)
            facts += given.facts
            if len(facts) >= given.head:
                return facts
    finally:
        channels.close()


def identity(fact: MarketFact) -> tuple[Any, ...]:
    """What must be the same when a fact is told again: everything but when it was seen."""
    return type(fact), fact.sequence, fact.at_ns, fact.symbol, getattr(fact, "bids", None), getattr(fact, "prints", None)


def trading_session(make_place: MakePlace, **changes: str) -> Session:
    """A session that places, fills and cancels all the time."""
    place = make_place({**TRADING, **{(SESSION, key): value for key, value in changes.items()}})
    session = place.start(duration_s=90)
    session.wait_for("ORDER_FILLED")
    return session


def replaced(session: Session, name: str, number: signal.Signals) -> tuple[float, float]:
    """Send ``number``; when its death and its recovery were logged."""
    mark = len(session.events)
    session.send_to(name, number)
    died = session.wait_for("CHILD_DIED", after=mark, child=name)
    return at_s(died), at_s(session.wait_for("CHILD_RECOVERED", after=mark, child=name))


def assert_trades_on(session: Session) -> None:
    session.wait_for("ORDER_ACCEPTED", after=len(session.events))


def assert_ends_well(session: Session) -> None:
    place = session.place
    session.send(signal.SIGTERM)
    assert session.ended() == 0, session.story()
    assert_settled(place)
    assert_summary_is_the_ledgers(place)
    place.assert_nothing_left()


def test_killing_every_actor_in_turn_loses_and_doubles_nothing(make_place: MakePlace) -> None:
    session = trading_session(make_place)
    place, heard = session.place, market_facts(session.place)
    filled = {row["trade_id"] for row in place.bodies("OrderFilled")}
    for name in ACTORS:
        replaced(session, name, signal.SIGKILL)
    assert_trades_on(session)
    told_again = market_facts(place)
    assert [fact.sequence for fact in told_again] == list(range(1, len(told_again) + 1))
    assert list(map(identity, told_again[:len(heard)])) == list(map(identity, heard))
    assert_ends_well(session)
    assert filled <= {row["trade_id"] for row in place.bodies("OrderFilled")}
    assert place.summary()["restarts"] == dict.fromkeys(ACTORS, 1)
    sequences = [sequence for (sequence,) in place.rows("SELECT json_extract(body, '$.market_sequence') FROM ev ORDER BY seq")]
    assert sequences == sorted(sequences)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["broker", "risk", "strategy", "feed"])
def test_the_same_actor_killed_again_and_again_while_orders_are_under_way(make_place: MakePlace, name: str) -> None:
    """Three times, each at the instant in which the strategy has just decided something."""
    session = trading_session(make_place)
    for _ in range(3):
        session.wait_for("ORDER_SUBMITTED" if name == "strategy" else "INTENT", after=len(session.events))
        replaced(session, name, signal.SIGKILL)
    assert_trades_on(session)
    assert_ends_well(session)


@pytest.mark.slow
def test_all_actors_killed_at_once_come_back(make_place: MakePlace) -> None:
    session = trading_session(make_place)
    for name in ACTORS:
        session.send_to(name, signal.SIGKILL)
    for name in ACTORS:
        session.wait_for("CHILD_RECOVERED", child=name)
    assert_trades_on(session)
    assert_ends_well(session)


def assert_hang_is_noticed(session: Session, name: str) -> None:
    mark, began_s = len(session.events), time.time()
    session.send_to(name, signal.SIGSTOP)
    session.wait_for("CHILD_HUNG", after=mark, child=name)
    recovered = session.wait_for("CHILD_RECOVERED", after=mark, child=name)
    assert at_s(recovered) - began_s < ALLOWED_S


def test_a_stopped_broker_is_replaced(make_place: MakePlace) -> None:
    session = trading_session(make_place)
    assert_hang_is_noticed(session, "broker")
    assert_trades_on(session)
    assert_ends_well(session)


@pytest.mark.slow
def test_every_other_stopped_actor_is_replaced(make_place: MakePlace) -> None:
    session = trading_session(make_place)
    for name in ("venue", "feed", "gateway", "risk", "strategy", "reporter"):
        assert_hang_is_noticed(session, name)
    assert_trades_on(session)
    assert_ends_well(session)


@pytest.mark.slow
def test_while_the_gate_is_stopped_no_order_reaches_the_account(make_place: MakePlace) -> None:
    session = trading_session(make_place)
    session.send_to("risk", signal.SIGSTOP)
    settled = len(session.place.bodies("OrderSubmitted"))
    hung = session.wait_for("CHILD_HUNG", child="risk")
    assert len(session.place.bodies("OrderSubmitted")) <= settled + 1, "one may have passed the gate before it stopped"
    assert hung["fields"]["state"] == "SERVING"
    session.wait_for("CHILD_RECOVERED", child="risk")
    assert_trades_on(session)
    assert_ends_well(session)


@pytest.mark.parametrize("name", ["broker", pytest.param("strategy", marks=pytest.mark.slow), pytest.param("reporter", marks=pytest.mark.slow)])
def test_a_crash_loop_is_given_up_with_the_account_flat(make_place: MakePlace, name: str) -> None:
    """Three restarts are allowed; the fourth death ends the session with the code for broken software."""
    place = make_place({**RESTING, (SESSION, "restart_backoff_min_ms"): "50", (SESSION, "restart_backoff_max_ms"): "100"})
    session = place.start()
    session.wait_for_resting(6)
    for _ in range(3):
        replaced(session, name, signal.SIGKILL)
    session.send_to(name, signal.SIGKILL)
    assert session.ended() == 70, session.story()
    assert session.all("SESSION_GIVEN_UP")[0]["fields"]["reason"].startswith(f"{name} died again after 3 restarts")
    assert_settled(place, after_kill=True)
    assert set(ends_of_orders(place).values()) == {"OrderCanceled"}
    assert place.summary()["exit_code"] == 70
    place.assert_nothing_left()
    assert not place.workspace.killed_latch.exists()


def test_a_dead_supervisor_leaves_nobody_behind_and_the_workspace_free(make_place: MakePlace) -> None:
    place = make_place(RESTING)
    session = place.start()
    session.wait_for_resting(6)
    session.send(signal.SIGKILL)
    session.ended()
    until(lambda: not place.processes(), f"all processes end; {place.processes()}", 5)
    first = place.run
    assert_sound_ledger(place)
    assert place.say("export", first.run_id, "--ledger").code == 0
    assert place.say("status").code == 69
    again = place.start()
    again.wait_for("ORDER_ACCEPTED")
    again.send(signal.SIGTERM)
    assert again.ended() == 0, again.story()
    assert place.run.run_id != first.run_id
    assert_settled(place)


def checks_of(place: Place, run_id: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """What ``verify`` says: its exit code, and each check by name."""
    told = place.say("verify", run_id, "--json")
    return told.code, {each["name"]: each for each in json.loads(told.out)["checks"]}


def test_a_session_that_was_killed_whole_is_closed_by_the_next_and_proved(make_place: MakePlace) -> None:
    place = make_place(RESTING)
    session = place.start()
    session.wait_for_resting(6)
    for pid in place.processes():
        os.kill(pid, signal.SIGSTOP)  # so that nobody has a moment to settle
    for pid in place.processes():
        os.kill(pid, signal.SIGKILL)
    session.ended()
    until(lambda: not place.processes(), f"all processes end; {place.processes()}", 5)
    killed = place.run
    code, checks = checks_of(place, killed.run_id)
    assert code == 65
    assert {name for name, check in checks.items() if not check["ok"]} >= {"ending", "summary", "state"}
    assert all("run with --resume" in checks[name]["detail"] for name in ("ending", "summary", "state"))
    again = place.start("--resume", duration_s=1)
    assert again.ended() == 0, again.story()
    code, checks = checks_of(place, killed.run_id)
    assert code == 0, [check for check in checks.values() if not check["ok"]]
    summary = json.loads(killed.summary.read_bytes())
    assert (summary["ended_by"], summary["exit_code"], len(summary["canceled_later"])) == ("killed_whole", None, 6)


def test_what_nobody_saw_while_the_feed_was_away_is_on_record(make_place: MakePlace) -> None:
    session = make_place(RESTING).start()
    session.wait_for_resting(6)
    replaced(session, "feed", signal.SIGKILL)
    session.wait_for("MARKET_OBSERVED")
    place = session.place
    (lost,) = place.bodies("MarketUnobserved")
    assert lost["reason"] == "feed_restarted" and len(lost["open_orders"]) == 6
    assert_ends_well(session)
    summary = place.summary()
    assert summary["unobserved_count"] == 1 and summary["unobserved_s"] > 0 and set(summary["unobserved_orders"]) == set(lost["open_orders"])
    assert place.say("export", "latest", "--unobserved").out.count("\n") == 2


@pytest.mark.slow
def test_actors_that_die_while_latencies_are_measured_do_not_keep_the_session_from_opening(make_place: MakePlace) -> None:
    """The gateway over its third answer, the feed while it is asked, the broker when the first row is written and nobody knows of it."""
    place = make_place({**TRADING, **FITTED})
    session = place.start(duration_s=6, environment={
        "AGENT_FAILPOINTS": "gateway.before_reply:3=kill,feed.on_asked:10=kill,broker.after_append:1=kill",
    })
    assert session.ended(40) == 0, session.story()
    assert {name: count for name, count in place.summary()["restarts"].items() if count} == {"gateway": 1, "feed": 1, "broker": 1}
    (opened,) = place.bodies("SessionOpened")
    assert all(Decimal(opened[leg]["median_ms"]) < UNMEASURED.median_ms for leg in ("entry_latency", "response_latency"))
    assert place.summary()["total_trades"] >= 1
    assert_settled(place)
