"""Amendments at the gate: judged as the order that they would make, counted as exposure until they are answered, refused as values."""

from decimal import Decimal
from typing import Any

import pytest

from tests.trading.decision_facts import MS, SECOND, filled, stale
from tests.trading.risk_desk import NOW, Desk, buy, sell
from trading.limits import MessageLimit
from trading.messages import (
    AmendOrder, AmendRejected, AmendSubmitted, CancelOrder, DenyAmend, OrderAmended, OrderCanceled, OrderSubmitted,
)
from trading.words import OrderType


def change(name: str = "first", command_id: str = "x", **numbers: str) -> AmendOrder:
    given: dict[str, Any] = {key: Decimal(value) for key, value in numbers.items()}
    return AmendOrder(command_id=command_id, client_order_id=name, **given)


def working(quantity: str = "0.03", price: str = "64999", filled_quantity: str = "0", **changes: Any) -> Desk:
    """A desk with a resting buy ``first``, in part filled if so."""
    desk, first = Desk(**changes), buy(quantity, price, name="first")
    assert desk.answer(first) == "pass"
    desk.hear(OrderSubmitted(at_ns=0, order=first, effective_at_ns=0))
    if filled_quantity != "0":
        done = Decimal(filled_quantity)
        desk.hear(filled(first, done, 0, leaves=first.quantity - done))
    return desk


def amends(desk: Desk, request: AmendOrder, now_ns: int = NOW) -> str:
    decision = desk.gate.decide(request, now_ns)
    return decision.reason if isinstance(decision, DenyAmend) else "pass"


@pytest.mark.parametrize(("story", "request_", "answer"), [
    ("another price", change(price="64998"), "pass"),
    ("more, up to the cap: the old quantity is not counted twice", change(quantity="0.05"), "pass"),
    ("less", change(quantity="0.01"), "pass"),
    ("more than the cap", change(quantity="0.06"), "position_limit"),
    ("off the grid", change(quantity="0.00015"), "invalid"),
    ("no number", change(price="NaN"), "invalid"),
    ("off tick", change(price="64999.05"), "invalid"),
    ("far away", change(price="60000"), "collar"),
    ("a trigger on an order that has none", change(trigger_price="64000"), "invalid"),
    ("of an order that is not there", change("second", price="64998"), "not_working"),
])
def test_an_amendment_is_judged_as_the_order_it_would_make(story: str, request_: AmendOrder, answer: str) -> None:
    assert amends(working(cap="0.05"), request_) == answer, story


@pytest.mark.parametrize(("quantity", "answer"), [("0.05", "pass"), ("0.0501", "position_limit")])
def test_what_has_filled_already_counts_once(quantity: str, answer: str) -> None:
    assert amends(working(filled_quantity="0.02", cap="0.05"), change(quantity=quantity)) == answer


def test_size_and_value_are_those_of_the_whole_order() -> None:
    assert amends(working(), change(quantity="0.06")) == "order_quantity"
    assert amends(working(max_order_value_usd=Decimal(2000)), change(quantity="0.04")) == "order_value"


def test_the_refusal_is_a_value_that_names_the_request() -> None:
    denial = working(cap="0.05").gate.decide(change(quantity="0.06"), NOW)
    assert denial == DenyAmend(
        command_id="x", client_order_id="first", reason="position_limit",
        text="POSITION_LIMIT_EXCEEDED: symbol=BTCUSDT, position=0, working=0, order=0.06, max=0.05",
    )


@pytest.mark.parametrize(("story", "answered", "room"), [
    ("under way", [], "0.02"),
    ("on record", [AmendSubmitted(
        at_ns=0, client_order_id="first", command_id="x", quantity=Decimal("0.03"), price=None, trigger_price=None, reason="", effective_at_ns=0,
    )], "0.02"),
    ("done", [OrderAmended(
        at_ns=0, client_order_id="first", command_id="x", quantity=Decimal("0.03"), leaves_quantity=Decimal("0.03"), price=Decimal(64999),
        trigger_price=None, requeued=True,
    )], "0.02"),
    ("refused by the venue", [AmendRejected(at_ns=0, client_order_id="first", command_id="x", reason="any", text="")], "0.04"),
    ("the order is over", [OrderCanceled(at_ns=0, client_order_id="first", reason="asked")], "0.05"),
])
def test_the_larger_of_the_two_quantities_is_exposure_until_the_amendment_is_answered(story: str, answered: list[Any], room: str) -> None:
    def asked() -> Desk:
        desk = working("0.01", cap="0.05")
        assert amends(desk, change(quantity="0.03")) == "pass"
        desk.hear(*answered)
        return desk

    assert asked().answer(buy(room, "64998")) == "pass", story
    assert asked().answer(buy(str(Decimal(room) + Decimal("0.0001")), "64998")) == "position_limit", story


def test_a_smaller_quantity_gives_room_only_when_it_is_done() -> None:
    desk = working("0.05", cap="0.05")
    assert amends(desk, change(quantity="0.01")) == "pass"
    assert desk.answer(buy("0.01", "64998", name="early")) == "position_limit"
    desk.hear(OrderAmended(
        at_ns=0, client_order_id="first", command_id="x", quantity=Decimal("0.01"), leaves_quantity=Decimal("0.01"), price=Decimal(64999),
        trigger_price=None, requeued=False,
    ))
    assert desk.answer(buy("0.04", "64998", name="late")) == "pass"


def test_an_amendment_is_decided_once_under_its_id() -> None:
    desk = working(cap="0.05")
    asked = change(quantity="0.06")
    denial = desk.gate.decide(asked, NOW)
    assert desk.gate.decide(change(quantity="0.01"), NOW) is denial
    allowed = change(command_id="y", quantity="0.04")
    assert desk.gate.decide(allowed, NOW) is allowed and desk.gate.decide(change(command_id="y", quantity="50"), NOW) is allowed


def test_a_restarted_gate_answers_as_before_and_forwards_what_the_account_knows() -> None:
    before = working(cap="0.05")
    denial = before.gate.decide(change(quantity="0.06"), NOW)
    assert isinstance(denial, DenyAmend)
    restarted = working(cap="0.05")
    restarted.hear(
        AmendRejected(at_ns=0, client_order_id="first", command_id="x", reason=denial.reason, text=denial.text),
        AmendSubmitted(
            at_ns=0, client_order_id="first", command_id="y", quantity=Decimal("0.05"), price=None, trigger_price=None, reason="",
            effective_at_ns=0,
        ),
        AmendRejected(at_ns=0, client_order_id="first", command_id="y", reason="post_only_would_take", text=""),
    )
    assert restarted.gate.decide(change(quantity="0.06"), NOW) == denial
    assert restarted.gate.decide(change(command_id="y", quantity="0.05"), NOW) == change(command_id="y", quantity="0.05")


@pytest.mark.parametrize(("story", "answer"), [("halted", "halted"), ("stale", "paused"), ("silent supervisor", "permit_expired")])
def test_whatever_stops_orders_stops_amendments(story: str, answer: str) -> None:
    desk = working()
    if story == "halted":
        desk.gate.permit(NOW, "halt")
    if story == "stale":
        desk.gate.on_market(stale(2, NOW), NOW)
    assert amends(desk, change(price="64998"), NOW + 1500 * MS if story == "silent supervisor" else NOW) == answer


def test_an_amended_order_needs_no_second_place_among_the_open_ones() -> None:
    assert amends(working(max_open_orders_per_symbol=1), change(price="64998")) == "pass"


def test_a_conditional_order_is_amended_by_its_own_rules() -> None:
    desk = Desk()
    stop = sell("0.01", name="first", type=OrderType.STOP_MARKET, trigger_price=Decimal(64000))
    assert desk.answer(stop) == "pass"
    assert amends(desk, change(trigger_price="63000")) == "pass"
    assert amends(desk, change(command_id="y", trigger_price="6300")) == "trigger_distance"
    assert amends(desk, change(command_id="z", price="64000")) == "invalid"


# ---------------------------------------------------------------------------------------------------- messages


def limited(count: int) -> Desk:
    return Desk(message_limit=MessageLimit(count=count, window_s=10))



def test_orders_amendments_and_cancels_are_messages_and_a_refused_or_repeated_one_is_none() -> None:
    desk = limited(3)
    first = buy("0.001", "64999", name="first")
    assert [desk.answer(first), desk.answer(first)] == ["pass", "pass"]
    assert desk.answer(buy("50", name="absurd")) != "pass"
    assert amends(desk, change(price="64998")) == "pass"
    cancel = CancelOrder(command_id="c", client_order_id="first")
    assert desk.gate.decide(cancel, NOW) is desk.gate.decide(cancel, NOW) is cancel
    assert desk.text(buy("0.001", "64999", name="more")) == "MESSAGE_LIMIT_EXCEEDED: symbol=BTCUSDT, messages=3, max=3, window_s=10"
    assert amends(desk, change(command_id="y", price="64997")) == "message_limit"
    assert desk.gate.decide(CancelOrder(command_id="d", client_order_id="first"), NOW) is not None


def test_what_is_older_than_the_window_counts_no_more() -> None:
    desk = limited(2)
    asked = [(f"o{second}", second) for second in (1, 5, 8, 11, 12, 15)]
    answers = [desk.answer(buy("0.001", "64999", name=name, decided_at_ns=second * SECOND)) for name, second in asked]
    assert answers == ["pass", "pass", "message_limit", "pass", "message_limit", "pass"]


def test_what_reduces_passes_over_the_limit() -> None:
    desk = limited(1)
    desk.hold("0.05")
    assert desk.answer(buy("0.001", name="open")) == "message_limit"
    assert desk.answer(sell("0.05", name="close")) == "pass"


def test_a_restarted_gate_counts_what_is_on_record() -> None:
    desk = limited(3)
    first = buy("0.001", "64999", name="first")
    desk.hear(
        OrderSubmitted(at_ns=0, order=first, effective_at_ns=0),
        AmendSubmitted(
            at_ns=0, client_order_id="first", command_id="x", quantity=None, price=Decimal(64998), trigger_price=None, reason="", effective_at_ns=0,
        ),
    )
    assert desk.answer(buy("0.001", "64999", name="second")) == "pass"
    assert desk.answer(buy("0.001", "64999", name="third")) == "message_limit"
