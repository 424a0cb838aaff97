"""What a strategy knows of its own orders: a fold of what it sent and what the account says."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.trading.decision_facts import SYMBOL, filled
from trading.messages import (
    AccountFact, AmendRejected, AmendSubmitted, OrderAccepted, OrderAmended, OrderCanceled, OrderRested, OrderSubmitted, OrderTriggered,
    PositionLiquidated, SubmitOrder,
)
from trading.strategy.own_orders import OwnOrders
from trading.strategy.protocol import Stopped, Working
from trading.words import OrderType, Side

Q = Decimal("0.04")


def order(name: str = "a", side: Side = Side.BUY, **more: Any) -> SubmitOrder:
    given: dict[str, Any] = {"type": OrderType.LIMIT, "price": Decimal(64000), "quantity": Q, **more}
    return SubmitOrder(client_order_id=name, strategy_id="quoter", symbol=SYMBOL, side=side, **given)


def child(name: str, **more: Any) -> SubmitOrder:
    stop: dict[str, Any] = {"type": OrderType.STOP_MARKET, "price": None, "trigger_price": Decimal(63000), **more}
    return order(name, Side.SELL, parent_order_id="a", reduce_only=True, **stop)


def amended(name: str = "a", command_id: str = "x", requeued: bool = True, **changes: Any) -> OrderAmended:
    now: dict[str, Any] = {"quantity": Q, "leaves_quantity": changes.get("quantity", Q), "price": Decimal(64000), "trigger_price": None, **changes}
    return OrderAmended(at_ns=0, client_order_id=name, command_id=command_id, requeued=requeued, **now)


def refused(name: str = "a", command_id: str = "x") -> AmendRejected:
    return AmendRejected(at_ns=0, client_order_id=name, command_id=command_id, reason="any", text="")


def after(*facts: AccountFact, sent: tuple[SubmitOrder, ...] = (order(),)) -> OwnOrders:
    own = OwnOrders("quoter", SYMBOL)
    for each in sent:
        own.sent(each)
    for fact in facts:
        own.on_fact(fact)
    return own


RESTED = OrderRested(at_ns=0, client_order_id="a", ahead=None)
TRIGGERED = OrderTriggered(at_ns=0, client_order_id="s", trigger_price=Decimal(1), price=Decimal(1))
PART = filled(order(), Decimal("0.01"), 0, leaves=Decimal("0.03"))


@pytest.mark.parametrize(("story", "facts", "expected"), [
    ("sent", [], Working(order(), Q)),
    ("in the book", [RESTED], Working(order(), Q, resting=True)),
    ("in the book, in part", [RESTED, PART], Working(order(), Decimal("0.03"), resting=True)),
    ("another price: on its way into the book again", [RESTED, amended(price=Decimal(1))], Working(order(price=Decimal(1)), Q)),
    ("and in it", [RESTED, amended(price=Decimal(1)), RESTED], Working(order(price=Decimal(1)), Q, resting=True)),
    ("less of it keeps its place",
     [RESTED, PART, amended(requeued=False, quantity=Decimal("0.02"), leaves_quantity=Decimal("0.01"))],
     Working(order(quantity=Decimal("0.02")), Decimal("0.01"), resting=True)),
    ("more of it", [PART, amended(quantity=Decimal("0.05"), leaves_quantity=Decimal("0.04"))], Working(order(quantity=Decimal("0.05")), Decimal("0.04"))),
    ("an amendment refused", [RESTED, refused()], Working(order(), Q, resting=True)),
])
def test_an_order_is_what_the_facts_have_made_of_it(story: str, facts: list[AccountFact], expected: Working) -> None:
    assert after(*facts).working == (expected,), story


def test_an_amendment_is_under_way_until_it_is_answered() -> None:
    own = after()
    own.asked_to_amend("a", "x")
    own.asked_to_amend("a", "y")
    asked = AmendSubmitted(
        at_ns=0, client_order_id="a", command_id="y", quantity=None, price=None, trigger_price=None, reason="", effective_at_ns=0,
    )
    assert own.on_fact(asked) is False, "it knows that already"
    assert own.on_fact(amended()) is True and own.working[0].amending == "y"
    assert own.on_fact(refused(command_id="y")) is True and own.working[0].amending == ""


def test_facts_about_strangers_change_nothing() -> None:
    own = after()
    strangers: list[AccountFact] = [
        OrderRested(at_ns=0, client_order_id="b", ahead=None), amended("b"), refused("b"), TRIGGERED,
        OrderAccepted(at_ns=0, client_order_id="a"),
    ]
    assert [own.on_fact(fact) for fact in strangers] == [False] * 5
    assert own.working == (Working(order(), Q),)


def test_a_child_waits_until_it_is_triggered_and_ends_with_its_parent() -> None:
    own = after(sent=(order(), child("s"), child("t")))
    assert [(each.protects, each.waits) for each in own.working] == [(False, False), (True, True), (True, True)]
    own.on_fact(TRIGGERED)
    assert [each.waits for each in own.working] == [False, False, True]
    for name in ("a", "s", "t"):
        assert own.on_fact(OrderCanceled(at_ns=0, client_order_id=name, reason="parent_ended")) is True
    assert own.working == ()


def fill(of: SubmitOrder, position: str, at_ns: int, leaves: str = "0") -> AccountFact:
    return filled(of, Decimal(position), at_ns, leaves=Decimal(leaves))


LIQUIDATED = PositionLiquidated(
    at_ns=5, symbol=SYMBOL, position=Q, cost=Decimal(1), mark=Decimal(1), liquidation_price=Decimal(1), bankruptcy_price=Decimal(1), margin=Decimal(1),
)
FOREIGN = msgspec.structs.replace(order("LIQUIDATION-1", Side.SELL), strategy_id="venue")


@pytest.mark.parametrize(("story", "facts", "stopped"), [
    ("the position stands", [fill(order(), "0.04", 1)], None),
    ("its protection has closed it", [fill(order(), "0.04", 1), fill(child("s"), "0", 7)], Stopped(Side.BUY, 7)),
    ("only a part of it yet", [fill(order(), "0.04", 1), fill(child("s"), "0.01", 7, "0.01")], None),
    ("its own order has closed it", [fill(order(), "0.04", 1), fill(order("b", Side.SELL), "0", 7)], None),
    ("another position since", [fill(order(), "0.04", 1), fill(child("s"), "0", 7), fill(order("b"), "0.04", 9)], None),
    ("liquidated, and the closing fill", [fill(order(), "0.04", 1), LIQUIDATED, fill(FOREIGN, "0.01", 5, "0.01"), fill(FOREIGN, "0", 5)],
     Stopped(Side.BUY, 5)),
])
def test_it_knows_how_its_last_position_ended(story: str, facts: list[AccountFact], stopped: Stopped | None) -> None:
    own = after(sent=(order(), order("b", Side.SELL), child("s")))
    for fact in facts:
        own.on_fact(fact)
    assert own.stopped == stopped, story


def test_a_liquidation_is_news_to_the_strategy_and_its_orders_end_by_their_own_facts() -> None:
    own = after(OrderSubmitted(at_ns=0, order=order(), effective_at_ns=0))
    assert own.on_fact(LIQUIDATED) is True
    assert own.on_fact(msgspec.structs.replace(LIQUIDATED, symbol="ETHUSDT")) is False
    own.on_fact(OrderCanceled(at_ns=5, client_order_id="a", reason="liquidation"))
    assert own.working == ()
