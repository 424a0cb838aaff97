"""The gate as a running actor: it fails closed, forwards under the same id until answered, and keeps the account informed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.risk import Risk
from messaging.control import Beat, Drained, Hello, Pulse
from tests.actors.harness import ActorRoom, RunningActor, actor_room
from tests.actors.neighbours import Desk, FakeBroker, FakeFeed, Neighbours, opening
from tests.trading.decision_facts import SECOND, live, stale
from tests.trading.risk_desk import SETTINGS, buy, progress
from trading.messages import CancelOrder, DenyOrder, ReportProgress, StrategyProgressed, SubmitOrder, TradingStateChanged
from trading.words import TradingState


class Gate:
    """A risk actor among a feed, a broker and a strategy."""

    def __init__(self, room: ActorRoom) -> None:
        self.room = room
        self.feed, self.broker, self.strategy = FakeFeed(room), FakeBroker(room), Desk(room, "risk", "strategy.1")
        self.near = Neighbours(room, self.feed, self.broker, self.strategy)
        self.broker.record(opening())

    def start(self, incarnation: int = 1) -> RunningActor:
        return self.room.start(Risk, "risk", SETTINGS, incarnation)

    def started(self, incarnation: int = 1) -> RunningActor:
        risk = self.start(incarnation)
        self.near.until(lambda: risk.said(Hello))
        return risk

    def trading(self) -> RunningActor:
        """Everything there: permit, market, facts, a warm strategy."""
        risk = self.started()
        self.broker.record(self.warm())
        self.permit(risk)
        self.near.until(lambda: self.state(risk) == "ACTIVE" or self._market_moves())
        return risk

    def warm(self) -> StrategyProgressed:
        return StrategyProgressed(at_ns=1, strategy_id="sma_cross", bars=50, warmup_bars=50, warmup_complete=True)

    def permit(self, risk: RunningActor, state: str = "RUNNING") -> None:
        risk.tell(Pulse(state=state))

    def decide(self, risk: RunningActor, name: str, quantity: str = "0.01") -> SubmitOrder | DenyOrder:
        """What of an order arrives at the broker."""
        self.strategy.send(buy(quantity, name=name), name)
        self.near.until(lambda: self.broker.times(name))
        body = next(command.body for _, command in self.broker.commands if command.command_id == name)
        assert isinstance(body, (SubmitOrder, DenyOrder))
        return body

    def freshly_permitted(self, risk: RunningActor) -> None:
        """The lease lasts a second: renew it, and the book, right before an order. Known to have arrived by the next beat."""
        self.permit(risk)
        self._market_moves()
        beats = len(risk.said(Beat))
        self.near.until(lambda: len(risk.said(Beat)) >= beats + 2)
        self.permit(risk)

    def state(self, risk: RunningActor) -> str:
        beats = risk.said(Beat)
        return str(beats[-1].report["state"]) if beats else ""

    def _market_moves(self) -> bool:
        self.feed.tell(*self.near.books())
        return False


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with actor_room(tmp_path) as room:
        yield Gate(room)


def test_an_order_that_may_pass_goes_on_unchanged(gate: Gate) -> None:
    risk = gate.trading()
    gate.freshly_permitted(risk)
    assert gate.decide(risk, "good") == buy("0.01", name="good")
    assert risk.stop() == 0


def test_an_order_over_the_cap_is_denied_on_record_with_numbers(gate: Gate) -> None:
    risk = gate.trading()
    gate.freshly_permitted(risk)
    denied = gate.decide(risk, "big", quantity="0.05")
    big = gate.decide(risk, "bigger", quantity="5")
    assert isinstance(denied, SubmitOrder)
    assert isinstance(big, DenyOrder) and big.order.client_order_id == "bigger"
    event = big.text.split(":")[0]
    assert risk.log.named(event)[0]["client_order_id"] == "bigger"
    assert risk.stop() == 0


def test_without_a_permit_of_the_supervisor_nothing_passes(gate: Gate) -> None:
    risk = gate.started()
    gate.broker.record(gate.warm())
    gate.feed.tell(*gate.near.books())
    denied = gate.decide(risk, "early")
    assert isinstance(denied, DenyOrder)
    assert risk.stop() == 0


def test_without_a_market_nothing_passes(gate: Gate) -> None:
    risk = gate.started()
    gate.broker.record(gate.warm())
    gate.permit(risk)
    assert isinstance(gate.decide(risk, "blind"), DenyOrder)
    assert risk.stop() == 0


@pytest.mark.parametrize("phase", ["STARTING", "DRAINING", "KILLED"])
def test_only_a_running_session_permits(gate: Gate, phase: str) -> None:
    risk = gate.trading()
    gate.permit(risk, phase)
    beats = len(risk.said(Beat))
    gate.near.until(lambda: len(risk.said(Beat)) >= beats + 8)
    assert isinstance(gate.decide(risk, "late"), DenyOrder)
    assert risk.stop() == 0


def test_while_facts_are_missing_nothing_passes(gate: Gate) -> None:
    risk = gate.trading()
    gate.broker.silent = True
    gate.broker.record(gate.warm(), lose=True)
    gate.broker.record(gate.warm())
    gate.freshly_permitted(risk)
    assert isinstance(gate.decide(risk, "uninformed"), DenyOrder)
    gate.broker.silent = False
    gate.freshly_permitted(risk)
    gate.freshly_permitted(risk)
    assert isinstance(gate.decide(risk, "informed"), SubmitOrder)
    assert risk.stop() == 0


def test_it_does_not_serve_before_the_broker_has_opened_the_session(tmp_path: Path) -> None:
    with actor_room(tmp_path) as room:
        gate = Gate(room)
        gate.broker.facts.clear()
        risk = gate.start()
        gate.strategy.send(buy("0.01", name="early"), "early")
        gate.near.until(lambda: len(gate.broker.asked) >= 3)
        assert risk.said(Hello) == [] and gate.broker.commands == []
        gate.broker.record(opening())
        gate.near.until(lambda: risk.said(Hello))
        assert risk.stop() == 0


def test_what_is_not_answered_is_sent_again_under_the_same_id_and_the_answer_goes_back(gate: Gate) -> None:
    risk = gate.trading()
    gate.freshly_permitted(risk)
    gate.decide(risk, "slow")
    gate.near.until(lambda: gate.broker.times("slow") >= 3)
    gate.broker.answer("slow", "accepted")
    gate.near.until(lambda: gate.strategy.answers)
    assert [(answer.command_id, answer.status) for answer in gate.strategy.answers] == [("slow", "accepted")]
    sent = gate.broker.times("slow")
    beats = len(risk.said(Beat))
    gate.near.until(lambda: len(risk.said(Beat)) >= beats + 4)
    assert gate.broker.times("slow") <= sent + 1, "one more may have been under way"
    assert risk.stop() == 0


def test_an_intent_that_comes_again_while_it_is_under_way_is_not_forwarded_twice_nor_judged_again(gate: Gate) -> None:
    risk = gate.trading()
    gate.freshly_permitted(risk)
    first = gate.decide(risk, "twice")
    gate.broker.answer("twice", "accepted")
    gate.near.until(lambda: gate.strategy.answers)
    gate.permit(risk, "KILLED")
    gate.strategy.send(buy("0.01", name="twice"), "twice")
    gate.near.until(lambda: gate.broker.times("twice") >= 2)
    assert gate.broker.bodies(SubmitOrder)[-1] == first
    assert risk.stop() == 0


def test_cancels_and_progress_always_pass(gate: Gate) -> None:
    risk = gate.started()
    cancel = CancelOrder(command_id="c", client_order_id="x")
    gate.strategy.send(cancel, "c")
    gate.strategy.send(progress(), "p")
    gate.near.until(lambda: bool(gate.broker.bodies(CancelOrder)) and bool(gate.broker.bodies(ReportProgress)))
    assert gate.broker.bodies(CancelOrder) == [cancel]
    assert risk.stop() == 0


def test_the_account_is_told_the_trading_state_when_it_changes(gate: Gate) -> None:
    risk = gate.trading()
    at_ns = gate.feed.facts[-1].at_ns + SECOND
    number = gate.feed.facts[-1].sequence

    def told() -> list[TradingState]:
        return [change.state for change in gate.broker.bodies(TradingStateChanged)]

    gate.near.until(lambda: told()[-1:] == [TradingState.ACTIVE])
    gate.feed.tell(stale(number + 1, at_ns))
    gate.near.until(lambda: told()[-1] == TradingState.PAUSED)
    assert gate.broker.bodies(TradingStateChanged)[-1].at_ns == at_ns
    gate.feed.tell(live(number + 2, at_ns))
    gate.permit(risk, "KILLED")
    gate.near.until(lambda: told()[-1] == TradingState.KILLED)
    ids = [command.command_id for _, command in gate.broker.commands if isinstance(command.body, TradingStateChanged)]
    assert len(set(ids)) == len(told())
    assert risk.stop() == 0


def test_the_end_of_the_warm_up_is_told_before_the_first_order_behind_it(gate: Gate) -> None:
    risk = gate.started()
    gate.freshly_permitted(risk)
    gate.strategy.send(progress(), "p")
    gate.strategy.send(buy("0.01", name="first"), "first")
    gate.near.until(lambda: gate.broker.times("first"))
    kinds = [type(command.body) for _, command in gate.broker.commands if not command.command_id.startswith("state-1-1")]
    assert kinds[:3] == [ReportProgress, TradingStateChanged, SubmitOrder]
    assert risk.stop() == 0


def test_it_is_drained_when_everything_under_way_is_answered(gate: Gate) -> None:
    risk = gate.trading()
    gate.freshly_permitted(risk)
    gate.decide(risk, "last")
    risk.drain()
    beats = len(risk.said(Beat))
    gate.near.until(lambda: len(risk.said(Beat)) >= beats + 3)
    assert not risk.said(Drained)
    for _, command in list(gate.broker.commands):
        gate.broker.answer(command.command_id)
    gate.near.until(lambda: risk.said(Drained))
    assert risk.stop() == 0


def test_a_restarted_gate_knows_what_was_decided_before(gate: Gate) -> None:
    """Its exposure is the account's: the ledger's facts, read before the first decision."""
    risk = gate.trading()
    risk.stop()
    again = gate.started(incarnation=2)
    assert again.said(Hello)[0].detail["facts_sequence"] == len(gate.broker.facts)
    assert again.stop() == 0
