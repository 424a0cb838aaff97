"""The broker as a running actor: durable before it is acknowledged, told once, the same account after every crash."""

import os
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.broker import Broker, BrokerSettings
from actors.envelopes import Answer, Command, FactsGiven, FactTold, FetchInstruments, FetchTiers, TierRow
from messaging.control import Drained, Halt, Halted, Hello
from records.ledger import Ledger, LedgerReader
from records.state import PaperState, load_state
from records.workspace import RunPaths
from tests.actors.harness import ActorRoom, RunningActor, actor_room
from tests.actors.neighbours import Desk, FakeFeed, FakeGateway, Neighbours
from tests.trading.decision_facts import BTC, SECOND, SYMBOL, book
from tests.trading.risk_desk import buy
from trading.account import Account
from trading.account_settings import AccountSettings
from trading.invariants import violations
from trading.latency import Constant
from trading.margin import MarginSettings
from trading.messages import (
    AccountFact, CancelOrder, DenyOrder, MarketFact, MarketObserved, MarketUnobserved, OrderDenied, OrderFilled, OrderSubmitted, Print,
    ReportProgress, SessionClosed, SessionOpened, StrategyProgressed, SubmitOrder, TradesPrinted, TradingStateChanged,
)
from trading.replay import Difference, replay
from trading.words import Side, TradingState

POSITION_MAX = {SYMBOL: Decimal("0.1")}
SETTINGS = BrokerSettings(
    symbols=(SYMBOL,), fingerprint="feedc0de",
    account={"balance": Decimal(10_000), "position_max": POSITION_MAX, "entry_latency": Constant(ms=Decimal(0)), "equity_interval_ms": 10_000},
)


def sold(sequence: int, at_ns: int, quantity: str) -> TradesPrinted:
    """Somebody sells below every resting bid."""
    prints = (Print(Decimal(64980), Decimal(quantity), Side.SELL),)
    return TradesPrinted(sequence=sequence, at_ns=at_ns, seen_ns=0, symbol=SYMBOL, prints=prints)


class Bank:
    """A broker among a feed, a gateway and a gate."""

    def __init__(self, room: ActorRoom) -> None:
        self.room = room
        self.feed, self.gateway, self.desk = FakeFeed(room), FakeGateway(room), Desk(room, "broker", "risk.1")
        self.near = Neighbours(room, self.feed, self.gateway, self.desk)
        self.facts = room.channels.subscriber("facts")
        self.told: list[FactTold] = []
        self.incarnation = 0
        self.settings = SETTINGS
        self.feed.tell(*self.near.books(2))

    def start(self, kind: type[Broker] = Broker, **more: Any) -> RunningActor:
        self.incarnation += 1
        return RunningActor(self.room, kind, "broker", self.settings, self.incarnation, **more)

    def started(self, kind: type[Broker] = Broker) -> RunningActor:
        broker = self.start(kind)
        self.near.until(lambda: broker.said(Hello))
        return broker

    def answer(self, body: object, command_id: str) -> Answer:
        """Sent once; the answer to it."""
        before = len(self.desk.answers)
        self.desk.send(body, command_id)
        self.near.until(lambda: len(self.desk.answers) > before)
        return self.desk.answers[-1]

    def order(self, name: str, quantity: str = "0.01", price: str | None = None) -> SubmitOrder:
        return buy(quantity, price, name, decided_at_ns=self.feed.facts[-1].at_ns)

    def ledger(self) -> list[AccountFact]:
        reader = LedgerReader(RunPaths(self.room.run_directory).ledger)
        try:
            return [fact for _, fact in reader.facts()]
        finally:
            reader.close()

    def of(self, kind: type[AccountFact]) -> list[Any]:
        return [fact for fact in self.ledger() if isinstance(fact, kind)]

    def page(self, after: int) -> FactsGiven:
        before = len(self.desk.pages)
        self.desk.want(after)
        self.near.until(lambda: len(self.desk.pages) > before)
        return self.desk.pages[-1]

    def told_again(self, market: list[MarketFact]) -> Difference | None:
        """The ledger lived again on this market."""
        facts = self.ledger()
        settings = AccountSettings(instruments=(BTC,), **SETTINGS.account)
        return replay(Account(settings, SETTINGS.fingerprint), market, facts, facts[-1].market_sequence)

    def sound(self) -> bool:
        return violations(self.ledger(), POSITION_MAX) == []


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with actor_room(tmp_path) as room:
        yield Bank(room)


class CrashesBeforeTheAnswer(Broker):
    """Its first order is in the ledger; the process ends before anybody is told."""

    def _carry_out(self, account: Account, command: Command) -> Answer:
        super()._carry_out(account, command)
        raise RuntimeError("crash between append and answer")


def test_it_opens_the_session_with_what_the_venue_says_and_serves(bank: Bank) -> None:
    broker = bank.started()
    opened = bank.ledger()[0]
    assert isinstance(opened, SessionOpened) and opened.instruments == (BTC,) and opened.fingerprint == "feedc0de"
    assert broker.stop() == 0
    assert "LEDGER_RECOVERED" not in broker.log.names()


MARGINED = msgspec.structs.replace(SETTINGS, account=SETTINGS.account | {"margin": {SYMBOL: MarginSettings(10)}})


def test_it_opens_with_the_venues_tiers_and_goes_on_with_them_after_a_crash(bank: Bank) -> None:
    bank.settings, bank.gateway.tiers = MARGINED, (TierRow(Decimal(0), Decimal(600), 20, Decimal("0.01")),)
    broker = bank.started()
    (margin,) = bank.of(SessionOpened)[0].margin.values()
    assert (margin.tiers_from, margin.leverage, margin.tiers[0].end_value) == ("venue", 10, Decimal(600))
    assert broker.stop() == 0
    bank.gateway.tiers = ()
    again = bank.started()
    assert bank.answer(bank.order("large", "0.01"), "large").reason == "leverage", "650 are more than the last tier holds"
    assert again.stop() == 0 and "MARGIN_TIERS_UNAVAILABLE" not in again.log.names()


def test_without_the_venues_tiers_it_opens_with_the_configured_ones_and_says_so(bank: Bank) -> None:
    bank.settings = MARGINED
    broker = bank.started()
    assert bank.of(SessionOpened)[0].margin == MARGINED.account["margin"]
    (said,) = broker.log.named("MARGIN_TIERS_UNAVAILABLE")
    assert (said["symbol"], said["reason"]) == (SYMBOL, "tiers must not be empty")
    assert broker.stop() == 0


def test_what_a_gateway_has_lost_is_asked_again(bank: Bank) -> None:
    bank.settings, bank.gateway.tiers = MARGINED, (TierRow(Decimal(0), Decimal(600), 20, Decimal("0.01")),)
    bank.gateway.deaf = (FetchInstruments, FetchTiers)
    broker = bank.start()
    bank.near.until(lambda: all(bank.gateway.times(name) >= 2 for name in ("instruments", f"tiers:{SYMBOL}")))
    bank.gateway.deaf = ()
    bank.near.until(lambda: broker.said(Hello))
    assert bank.of(SessionOpened)[0].margin[SYMBOL].tiers_from == "venue"
    assert broker.stop() == 0


@pytest.mark.parametrize(
    ("failure", "instruments", "said"), [("code 10002", (BTC,), "code 10002"), ("", (), "does not list BTCUSDT")],
)
def test_without_the_venues_rules_nothing_is_traded(tmp_path: Path, failure: str, instruments: tuple[Any, ...], said: str) -> None:
    with actor_room(tmp_path) as room:
        gateway = FakeGateway(room, instruments)
        gateway.failure = failure
        near, broker = Neighbours(room, gateway), room.start(Broker, "broker", SETTINGS)
        assert near.end(broker) == 69
        assert said in broker.log.named("ACTOR_UNSTARTABLE")[0]["reason"]


def test_an_order_is_in_the_ledger_when_it_is_acknowledged(bank: Bank) -> None:
    broker = bank.started()
    answer = bank.answer(bank.order("first"), "first")
    reader = LedgerReader(RunPaths(bank.room.run_directory).ledger)
    assert reader.knows("first") and answer.sequence == reader.head[0]
    reader.close()
    assert answer.status == "filled"
    assert [fill.client_order_id for fill in bank.of(OrderFilled)] == ["first"]
    assert bank.sound()
    assert broker.stop() == 0


def test_the_same_id_gets_the_original_result_and_is_one_order(bank: Bank) -> None:
    broker = bank.started()
    answers = [bank.answer(bank.order("same"), "same") for _ in range(5)]
    assert len({(answer.status, answer.reason) for answer in answers}) == 1
    assert bank.answer(bank.order("same", quantity="0.02"), "another-command").status == "filled"
    broker.stop()
    again = bank.started()
    assert bank.answer(bank.order("same"), "same").status == answers[0].status
    assert len(bank.of(OrderSubmitted)) == len(bank.of(OrderFilled)) == 1
    assert again.counter("duplicate_orders_count") <= 1
    assert again.stop() == 0


def test_a_crash_between_ledger_and_answer_doubles_nothing(bank: Bank) -> None:
    broker = bank.started(CrashesBeforeTheAnswer)
    bank.desk.send(bank.order("first"), "first")
    bank.near.until(lambda: broker.ended)
    assert broker.stop() == 70 and bank.desk.answers == []
    assert len(bank.of(OrderSubmitted)) == 1
    again = bank.started()
    assert again.log.named("LEDGER_RECOVERED")
    assert bank.answer(bank.order("first"), "first").status == "filled"
    assert len(bank.of(OrderSubmitted)) == len(bank.of(OrderFilled)) == 1
    assert bank.sound()
    assert again.stop() == 0


def test_a_denial_of_the_gate_is_on_record_and_its_id_used(bank: Bank) -> None:
    broker = bank.started()
    order = bank.order("big", quantity="5")
    denied = bank.answer(DenyOrder(order=order, reason="position_limit", text="POSITION_LIMIT_EXCEEDED: x"), "big")
    assert (denied.status, denied.reason) == ("rejected", "position_limit")
    assert bank.answer(order, "big").reason == "position_limit"
    assert len(bank.of(OrderDenied)) == 1 and bank.of(OrderSubmitted) == []
    assert broker.stop() == 0


def test_after_a_crash_the_market_is_heard_again_and_nothing_happens_twice(bank: Bank) -> None:
    """A resting order is filled by a trade; the broker crashes; it hears the same trade again, and more behind it."""
    broker = bank.started()
    bank.answer(bank.order("resting", price="64990"), "resting")
    at_ns = bank.feed.facts[-1].at_ns + SECOND
    bank.feed.tell(sold(3, at_ns, "0.004"))
    bank.near.until(lambda: bank.of(OrderFilled))
    broker.stop()
    before = bank.ledger()
    again = bank.started()
    assert bank.ledger() == before
    bank.feed.tell(sold(4, at_ns + SECOND, "1"), lose=True)
    bank.feed.tell(sold(5, at_ns + 2 * SECOND, "1"))
    bank.near.until(lambda: len(bank.of(OrderFilled)) == 2)
    filled = bank.of(OrderFilled)
    assert [fill.market_sequence for fill in filled] == [3, 4]
    assert sum(fill.quantity for fill in filled) == Decimal("0.01")
    assert bank.sound()
    assert again.stop() == 0


def test_it_serves_only_after_it_has_heard_what_it_missed(bank: Bank) -> None:
    broker = bank.started()
    broker.stop()
    bank.feed.silent = True
    again = bank.start()
    bank.near.until(lambda: len(bank.feed.asked) >= 2)
    bank.desk.send(bank.order("early"), "early")
    bank.near.until(lambda: len(bank.feed.asked) >= 5)
    assert again.said(Hello) == [] and bank.desk.answers == []
    bank.feed.silent = False
    bank.near.until(lambda: again.said(Hello))
    assert bank.answer(bank.order("early"), "early").status == "filled"
    assert again.stop() == 0


def test_facts_are_given_in_pages_up_to_the_head_and_told_once_each(bank: Bank) -> None:
    broker = bank.started()
    for number in range(3):
        bank.answer(bank.order(f"o{number}"), f"o{number}")
    whole = bank.page(0)
    assert [told.sequence for told in whole.facts] == list(range(1, whole.head + 1))
    assert [told.fact for told in whole.facts] == bank.ledger()
    assert [told.sequence for told in bank.page(2).facts] == list(range(3, whole.head + 1))
    assert bank.page(whole.head).facts == ()
    live: list[int] = []

    def all_told() -> bool:
        while (received := bank.facts.receive()) is not None:
            live.extend([received[1].sequence] if isinstance(received[1], FactTold) else [])
        return bool(live) and live[-1] == whole.head

    bank.near.until(all_told)
    assert live == sorted(set(live))
    assert broker.stop() == 0


def test_a_second_writer_ends_it_with_the_code_for_the_disk(bank: Bank) -> None:
    """Whatever keeps a commit from being durable: nothing more is acknowledged."""
    broker = bank.started()
    foreign = Ledger.open(RunPaths(bank.room.run_directory).ledger)
    foreign.append((SessionClosed(at_ns=1, reason="foreign"),))
    foreign.close()
    bank.desk.send(bank.order("lost"), "lost")
    bank.near.until(lambda: broker.ended)
    assert broker.stop() == 74
    assert broker.log.named("LEDGER_FAILED")
    assert bank.desk.answers == [] and bank.of(OrderSubmitted) == []


def test_a_damaged_ledger_is_not_traded_on(bank: Bank) -> None:
    broker = bank.started()
    bank.answer(bank.order("first"), "first")
    broker.stop()
    path = RunPaths(bank.room.run_directory).ledger
    whole = path.read_bytes()
    assert b"feedc0de" in whole
    path.write_bytes(whole.replace(b"feedc0de", b"feedc0dd"))
    again = bank.start()
    assert bank.near.end(again) == 65


def test_draining_cancels_closes_and_writes_the_account(bank: Bank) -> None:
    broker = bank.started()
    bank.answer(bank.order("resting", price="64000"), "resting")
    broker.drain()
    bank.near.until(lambda: broker.said(Drained))
    assert isinstance(bank.ledger()[-1], SessionClosed)
    state = load_state(bank.room.directory / "state.json")
    assert isinstance(state, PaperState) and state.open_orders == () and state.ledger_seq == len(bank.ledger())
    assert broker.said(Drained)[0].detail == {"open_orders": 0, "ledger_sequence": len(bank.ledger())}
    late = bank.answer(bank.order("late"), "late")
    assert (late.status, late.reason) == ("rejected", "session_closed")
    count = len(bank.ledger())
    broker.drain()
    bank.near.until(lambda: len(broker.said(Drained)) >= 2)
    assert len(bank.ledger()) == count, "settled once"
    assert broker.stop() == 0


def test_an_account_that_cannot_be_saved_is_the_disks_fault_and_its_ledger_whole(bank: Bank) -> None:
    broker = bank.started()
    bank.answer(bank.order("resting", price="64000"), "resting")
    (bank.room.directory / f"state.json.tmp-{os.getpid()}").mkdir()
    broker.drain()
    bank.near.until(lambda: broker.ended)
    assert broker.stop() == 74
    assert "state.json" in broker.log.named("ACTOR_UNSTARTABLE")[0]["reason"]
    assert isinstance(bank.ledger()[-1], SessionClosed)
    assert bank.sound()


def test_a_halt_flattens_at_the_last_known_price(bank: Bank) -> None:
    broker = bank.started()
    bank.answer(bank.order("held"), "held")
    bank.answer(bank.order("resting", price="64000"), "resting")
    broker.tell(Halt(reason="kill:test"))
    bank.near.until(lambda: broker.said(Halted))
    assert bank.of(OrderFilled)[-1].position == 0
    last = bank.ledger()[-1]
    assert isinstance(last, SessionClosed) and last.reason == "kill:test"
    assert bank.sound()
    assert broker.stop() == 0


def test_a_halt_does_not_wait_for_a_market_that_never_comes(bank: Bank) -> None:
    """A fresh broker in place of a dead one, and the feed is dead too: flattened on what the ledger knows."""
    broker = bank.started()
    bank.answer(bank.order("held"), "held")
    broker.stop()
    bank.feed.silent = True
    again = bank.start()
    bank.near.until(lambda: "LEDGER_RECOVERED" in again.log.names())

    def halted() -> bool:
        again.tell(Halt(reason="kill:test"))  # repeated, as the supervisor does: who has not greeted may not be there yet
        return bool(again.said(Halted))

    bank.near.until(halted)
    state = load_state(bank.room.directory / "state.json")
    assert isinstance(state, PaperState) and all(held.quantity == 0 for held in state.positions.values())
    assert bank.sound()
    (lost,) = bank.of(MarketUnobserved)
    assert (lost.reason, lost.first_missing, lost.last_missing) == ("not_heard_again", 1, lost.market_sequence)
    assert bank.of(OrderFilled)[-1].stale_reference
    assert bank.told_again(bank.feed.facts) is None


def test_a_cancel_is_answered_when_it_is_recorded(bank: Bank) -> None:
    broker = bank.started()
    bank.answer(bank.order("resting", price="64000"), "resting")
    cancel = CancelOrder(command_id="c1", client_order_id="resting", decided_at_ns=bank.feed.facts[-1].at_ns)
    assert bank.answer(cancel, "c1").status == "recorded"
    assert bank.answer(cancel, "c1").status == "recorded"
    kinds = [type(fact).__name__ for fact in bank.ledger()]
    assert kinds.count("CancelSubmitted") == kinds.count("OrderCanceled") == 1
    assert broker.stop() == 0


def test_an_orphaned_broker_settles_before_it_ends(bank: Bank) -> None:
    reader, writer = os.pipe()
    broker = bank.start(parent_descriptor=reader)
    bank.near.until(lambda: broker.said(Hello))
    bank.answer(bank.order("resting", price="64000"), "resting")
    os.close(writer)
    bank.near.until(lambda: broker.ended)
    assert broker.stop() == 0
    last = bank.ledger()[-1]
    assert isinstance(last, SessionClosed) and last.reason == "supervisor_lost"
    os.close(reader)


def test_market_facts_that_nobody_has_any_more_are_on_record_before_what_follows_them(bank: Bank) -> None:
    """The trade that would have filled the resting order is lost on its way, and the feed has forgotten it."""
    broker = bank.started()
    bank.answer(bank.order("resting", price="64990"), "resting")
    at_ns = bank.feed.facts[-1].at_ns
    lost = sold(3, at_ns + SECOND, "1")
    bank.feed.tell(lost, lose=True)
    bank.feed.first = 4
    bank.feed.tell(sold(4, at_ns + 2 * SECOND, "1"))
    bank.near.until(lambda: bank.of(MarketUnobserved))
    (row,) = bank.of(MarketUnobserved)
    assert (row.reason, row.first_missing, row.last_missing, row.open_orders) == ("gap", 3, 3, ("resting",))
    bank.near.until(lambda: broker.counter("market_unobserved_count") == 1)
    bank.feed.tell(book(5, at_ns + 3 * SECOND))
    bank.near.until(lambda: bank.of(MarketObserved))
    assert bank.of(OrderFilled) == [] and bank.sound()
    assert broker.stop() == 0
    assert bank.told_again(bank.feed.facts) is None
    again = bank.started()
    bank.feed.tell(sold(6, at_ns + 4 * SECOND, "1"))
    bank.near.until(lambda: bank.of(OrderFilled))
    assert len(bank.of(MarketUnobserved)) == 1, "what was given up once is not given up again"
    assert again.stop() == 0
    assert bank.told_again(bank.feed.facts) is None


def test_an_order_does_not_overtake_the_end_of_its_warm_up(bank: Bank) -> None:
    """The report was lost with the broker that it reached; the order behind it waits until it has come again."""
    broker = bank.started()
    bank.answer(TradingStateChanged(at_ns=0, state=TradingState.WARMUP, reason=""), "state")
    order = bank.order("first")
    bank.desk.send(order, "first")
    report = ReportProgress(command_id="warm", strategy_id=order.strategy_id, bars=50, warmup_bars=50, warmup_complete=True, at_ns=0)
    assert bank.answer(report, "warm").command_id == "warm"
    assert bank.of(OrderSubmitted) == [] and len(bank.desk.answers) == 2
    assert bank.answer(order, "first").status == "filled"
    kinds = [type(fact) for fact in bank.ledger()]
    assert kinds.index(StrategyProgressed) < kinds.index(OrderSubmitted)
    assert broker.stop() == 0


def test_a_ledger_that_another_process_holds_is_refused_by_its_name(bank: Bank) -> None:
    bank.started().stop()
    path = RunPaths(bank.room.run_directory).ledger
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    again = bank.start()
    assert bank.near.end(again) == 65
    reason = again.log.named("ACTOR_UNSTARTABLE")[0]["reason"]
    assert str(path) in reason and "another process holds it" in reason
    other.close()
