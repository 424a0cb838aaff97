"""Permit, warm-up, recovery and trading state of the gate, and that an id is decided once."""

from decimal import Decimal
from typing import Any

import pytest

from tests.trading.decision_facts import MS, SECOND, book, filled, live, stale
from tests.trading.risk_desk import NOW, Desk, buy, progress, sell
from trading.messages import (
    CancelOrder, DenyOrder, OrderCanceled, OrderDenied, OrderSubmitted, ReportProgress, StrategyProgressed, TradingStateChanged,
)
from trading.words import TradingState


def test_nothing_passes_without_a_fresh_permit() -> None:
    desk = Desk()
    assert desk.answer(buy("0.01", name="a"), NOW + 999 * MS) == "pass"
    assert desk.text(buy("0.01", name="b"), NOW + SECOND) == "PERMIT_EXPIRED: symbol=BTCUSDT, age_ms=1000, max_ms=1000"
    desk.gate.permit(NOW + SECOND, "nonsense")
    assert desk.answer(buy("0.01", name="c"), NOW + SECOND) == "permit_expired"
    desk.gate.permit(NOW + SECOND, "trade")
    assert desk.answer(buy("0.01", name="d"), NOW + SECOND) == "pass"


@pytest.mark.parametrize(
    ("told", "answer"),
    [([], "warmup"), ([progress(49, False)], "warmup"), ([progress(49, True)], "warmup"), ([progress(50)], "pass")],
)
def test_the_gate_opens_with_the_end_of_warm_up_and_believes_only_a_count_that_agrees(
    told: list[ReportProgress], answer: str
) -> None:
    desk = Desk(ready=False)
    desk.gate.catch_up(0)
    desk.gate.on_market(book(1, NOW), NOW)
    desk.gate.permit(NOW, "trade")
    for each in told:
        assert desk.gate.decide(each, NOW) is each
    assert desk.answer(buy("0.01")) == answer
    assert desk.gate.state is (TradingState.ACTIVE if answer == "pass" else TradingState.WARMUP)


def test_a_restarted_gate_refuses_everything_until_it_knows_every_fact() -> None:
    desk = Desk(ready=False)
    desk.gate.on_market(book(1, NOW), NOW)
    desk.gate.permit(NOW, "trade")
    assert desk.state() is TradingState.STARTING
    assert desk.text(buy("0.01", name="a")) == "GATE_RECOVERING: symbol=BTCUSDT, facts_sequence=0, head=unknown"
    desk.gate.catch_up(3)
    desk.hear(StrategyProgressed(at_ns=0, strategy_id="sma_cross", bars=50, warmup_bars=50, warmup_complete=True))
    assert desk.text(buy("0.01", name="b")) == "GATE_RECOVERING: symbol=BTCUSDT, facts_sequence=1, head=3"
    desk.hold("0.09")
    assert desk.gate.recovered
    assert desk.answer(buy("0.02", name="c")) == "position_limit"
    assert desk.answer(buy("0.01", name="d")) == "pass"


def test_a_missing_fact_closes_the_gate_until_it_has_come() -> None:
    desk = Desk()
    past = buy("0.05", name="past")
    facts = [OrderSubmitted(at_ns=0, order=past, effective_at_ns=0), filled(past, Decimal("0.05"), 0)]
    assert desk.gate.on_fact(2, facts[1]) is False
    assert desk.answer(buy("0.01", name="a")) == "recovering"
    assert desk.gate.on_fact(1, facts[0]) and desk.gate.on_fact(2, facts[1]) and desk.gate.on_fact(2, facts[1])
    assert desk.answer(buy("0.01", name="b")) == "pass"
    assert desk.gate.facts_sequence == 2


def test_a_stale_feed_pauses_and_only_a_live_feed_with_a_fresh_book_resumes() -> None:
    desk = Desk()
    desk.gate.on_market(stale(2, NOW, "depth"), NOW)
    assert desk.state() is TradingState.PAUSED
    assert desk.gate.state_reason == "BTCUSDT depth"
    assert desk.text(buy("0.01", name="a")) == "TRADING_PAUSED: symbol=BTCUSDT, stale=depth"
    desk.gate.on_market(live(3, NOW, "depth"), NOW)
    assert desk.answer(buy("0.01", name="b")) == "paused"
    desk.gate.on_market(book(4, NOW), NOW)
    assert desk.state() is TradingState.ACTIVE
    assert desk.answer(buy("0.01", name="c")) == "pass"


@pytest.mark.parametrize(
    ("story", "heard", "state"),
    [
        ("one of two streams is back", ["-depth", "-price", "+depth", "book"], TradingState.PAUSED),
        ("both are back", ["-depth", "-price", "+depth", "+price", "book"], TradingState.ACTIVE),
        ("a quiet minute without trades is no outage", ["-trade"], TradingState.ACTIVE),
        ("the connection is back, and every stream with it", ["-depth", "-all", "+all", "book"], TradingState.ACTIVE),
        ("a stream alone does not bring the connection back", ["-all", "+depth", "book"], TradingState.PAUSED),
        ("the book came before the word", ["-all", "book", "+all"], TradingState.ACTIVE),
        ("a stream that was never stale", ["+depth"], TradingState.ACTIVE),
    ],
)
def test_trust_in_the_market(story: str, heard: list[str], state: TradingState) -> None:
    desk = Desk()
    for number, word in enumerate(heard, 2):
        if word == "book":
            fact: Any = book(number, NOW)
        else:
            fact = (stale if word[0] == "-" else live)(number, NOW, word[1:])
        desk.gate.on_market(fact, NOW)
    assert desk.gate.state is state, story


def test_news_of_the_whole_connection_concerns_every_symbol_and_other_facts_of_strangers_none() -> None:
    desk = Desk()
    desk.gate.on_market(stale(2, NOW, symbol=""), NOW)
    assert desk.state() is TradingState.PAUSED
    desk.gate.on_market(live(3, NOW, symbol=""), NOW)
    desk.gate.on_market(book(4, NOW, "1", "2", symbol="ETHUSDT"), NOW)
    assert desk.state() is TradingState.PAUSED
    desk.gate.on_market(book(5, NOW), NOW)
    assert desk.state() is TradingState.ACTIVE


@pytest.mark.parametrize(
    ("word", "state", "opening", "reducing"),
    [
        ("trade", TradingState.ACTIVE, "pass", "pass"),
        ("reduce", TradingState.REDUCING, "reducing", "pass"),
        ("halt", TradingState.HALTED, "halted", "halted"),
        ("kill", TradingState.KILLED, "killed", "killed"),
    ],
)
def test_the_supervisors_word_latches(word: str, state: TradingState, opening: str, reducing: str) -> None:
    desk = Desk()
    desk.hold("0.05")
    desk.gate.permit(NOW, word)
    desk.gate.permit(NOW, "trade")
    assert desk.gate.state is state
    assert desk.answer(buy("0.01", name="open")) == opening
    assert desk.answer(sell("0.01", name="reduce")) == reducing


def test_severity_only_rises() -> None:
    gate = Desk().gate
    seen = []
    for word in ("reduce", "trade", "kill", "halt", "trade"):
        gate.permit(NOW, word)
        seen.append(gate.state)
    assert seen == [
        TradingState.REDUCING,
        TradingState.REDUCING,
        TradingState.KILLED,
        TradingState.KILLED,
        TradingState.KILLED,
    ]
    assert gate.state_reason == "supervisor: kill"


@pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED, TradingState.KILLED])
def test_a_latched_state_survives_a_restart_of_the_gate(state: TradingState) -> None:
    desk = Desk()
    desk.hear(TradingStateChanged(at_ns=0, state=state, reason="loss limit"))
    desk.hear(TradingStateChanged(at_ns=0, state=TradingState.ACTIVE, reason=""))
    assert (desk.gate.state, desk.gate.state_reason) == (state, "loss limit")


def test_reducing_does_not_hide_a_stale_market() -> None:
    desk = Desk()
    desk.hold("0.05")
    desk.gate.permit(NOW, "reduce")
    desk.gate.on_market(stale(2, NOW), NOW)
    assert desk.answer(sell("0.01")) == "paused"


def test_a_cancel_passes_in_every_state() -> None:
    cancel = CancelOrder(command_id="c", client_order_id="any")
    assert Desk(ready=False).gate.decide(cancel, NOW) is cancel
    killed = Desk()
    killed.gate.permit(NOW, "kill")
    assert killed.gate.decide(cancel, NOW + 60 * SECOND) is cancel


def test_an_order_sent_again_is_forwarded_again_and_counted_once() -> None:
    desk = Desk(cap="0.05")
    asked = buy("0.05", "64999")
    assert [desk.gate.decide(asked, NOW + n * SECOND) for n in range(5)] == [asked] * 5
    desk.hear(
        OrderSubmitted(at_ns=0, order=asked, effective_at_ns=0),
        OrderCanceled(at_ns=0, client_order_id="new", reason="asked"),
    )
    assert desk.gate.decide(asked, NOW) is asked
    assert desk.answer(buy("0.05", "64999", name="next")) == "pass"


def test_under_a_known_id_the_first_content_counts() -> None:
    desk = Desk()
    asked = buy("0.01")
    desk.gate.decide(asked, NOW)
    assert desk.gate.decide(buy("50"), NOW) is asked


def test_a_denied_order_stays_denied_under_its_id_also_after_a_restart() -> None:
    desk = Desk()
    desk.gate.on_market(stale(2, NOW), NOW)
    denial = desk.gate.decide(buy("0.01"), NOW)
    desk.gate.on_market(live(3, NOW), NOW)
    desk.gate.on_market(book(4, NOW), NOW)
    assert desk.gate.decide(buy("0.01"), NOW) is denial
    assert isinstance(denial, DenyOrder)
    restarted = Desk()
    restarted.hear(OrderDenied(at_ns=0, order=denial.order, reason=denial.reason, text=denial.text))
    assert restarted.gate.decide(buy("0.01"), NOW) == denial


def test_a_restarted_gate_forwards_what_the_account_already_knows() -> None:
    desk = Desk(cap="0.05")
    asked = buy("0.05", "64999")
    desk.hear(OrderSubmitted(at_ns=0, order=asked, effective_at_ns=0))
    assert desk.gate.decide(asked, NOW) is asked
    assert desk.answer(buy("0.01", name="more")) == "position_limit"


def test_fills_of_orders_it_never_saw_count_too() -> None:
    desk = Desk()
    desk.hear(filled(sell("0.1", name="close_all"), Decimal("-0.1"), 0))
    assert desk.answer(sell("0.01")) == "position_limit"
