"""The life of an order: what the table allows happens, anything else is refused and changes nothing."""

from decimal import Decimal
from itertools import product

import pytest

from trading.messages import SubmitOrder
from trading.orders import LIFE, OPEN, Order, OrderEvent, OrderResult, Refused, step
from trading.words import OrderState, OrderType, Side


def an_order(quantity: str = "3") -> Order:
    intent = SubmitOrder(
        client_order_id="a", strategy_id="s", symbol="X", side=Side.BUY, type=OrderType.LIMIT,
        quantity=Decimal(quantity), price=Decimal(10),
    )
    return Order(intent, effective_at_ns=0)


@pytest.mark.parametrize("events", [
    "SUBMIT ACCEPT FILL_PART FILL_PART FILL_REST", "SUBMIT REJECT", "SUBMIT CANCEL", "SUBMIT ACCEPT CANCEL",
    "SUBMIT ACCEPT EXPIRE", "SUBMIT ACCEPT FILL_PART CANCEL", "SUBMIT ACCEPT FILL_PART EXPIRE", "DENY",
])
def test_a_life_that_the_table_allows(events: str) -> None:
    order = an_order()
    assert [order.advance(OrderEvent(each)) for each in events.split()] == [None] * len(events.split())
    assert not order.is_open


@pytest.mark.parametrize(("state", "event"), sorted(set(product(OrderState, OrderEvent)) - set(LIFE)))
def test_what_is_not_in_the_table_is_refused_and_changes_nothing(state: OrderState, event: OrderEvent) -> None:
    order = an_order()
    order.state = state
    assert order.advance(event, "why") == Refused(state, event)
    assert (order.state, order.ended_reason) == (state, "")


def test_a_refusal_reads_as_a_sentence() -> None:
    assert str(step(OrderState.FILLED, OrderEvent.CANCEL)) == "an order that is FILLED cannot CANCEL"


def test_nothing_leaves_a_state_that_is_not_open_but_the_first() -> None:
    assert {state for state, _ in LIFE} == OPEN | {OrderState.INITIALIZED}


def test_fills_add_up_to_an_average_price() -> None:
    order = an_order("3")
    order.advance(OrderEvent.SUBMIT)
    order.advance(OrderEvent.ACCEPT)
    order.fill(Decimal(1), Decimal(10))
    assert (order.state, order.leaves_quantity, order.average_price) == (OrderState.PARTIALLY_FILLED, Decimal(2), Decimal(10))
    order.fill(Decimal(2), Decimal("8.5"))
    assert (order.state, order.leaves_quantity, order.average_price) == (OrderState.FILLED, Decimal(0), Decimal(9))
    assert order.fill(Decimal(1), Decimal(1)) == Refused(OrderState.FILLED, OrderEvent.FILL_PART)


def test_a_result_has_the_shape_that_senders_are_answered_in() -> None:
    order = an_order()
    order.advance(OrderEvent.SUBMIT)
    order.advance(OrderEvent.REJECT, "position_limit")
    assert order.result == OrderResult(status="rejected", reason="position_limit")
