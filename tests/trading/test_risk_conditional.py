"""Conditional orders and children at the gate: form, value, collar and distance, and what they are as exposure."""

from decimal import Decimal
from typing import Any

import pytest

from tests.trading.decision_facts import MS, SYMBOL, filled
from tests.trading.risk_desk import NOW, Desk, buy, order, sell
from trading.messages import OrderAccepted, OrderCanceled, OrderSubmitted, OrderTriggered, PositionLiquidated, SubmitOrder
from trading.words import OrderType, Side

STOP, TAKE, TRAIL = OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET, OrderType.TRAILING_STOP_MARKET
LIMITED = OrderType.STOP_LIMIT


def conditional(
    type_: OrderType, trigger: str | None = None, trail: str | None = None, price: str | None = None, **more: Any,
) -> SubmitOrder:
    given: dict[str, Any] = {"trigger_price": None if trigger is None else Decimal(trigger), "trailing_bps": None if trail is None else Decimal(trail)}
    return buy(more.pop("quantity", "0.01"), price, type=type_, **given, **more)


@pytest.mark.parametrize(("asked", "answer"), [
    (conditional(STOP, "65100"), "pass"),
    (conditional(TAKE, "64900"), "pass"),
    (conditional(TRAIL, trail="50"), "pass"),
    (conditional(TRAIL, "65100", "50"), "pass"),
    (conditional(LIMITED, "65100", price="65150"), "pass"),
    (conditional(OrderType.TAKE_PROFIT_LIMIT, "64900", price="64900"), "pass"),
    (conditional(STOP), "ORDER_INVALID: symbol=BTCUSDT, type=STOP_MARKET, trigger_price=None"),
    (conditional(STOP, "65100", price="65100"), "ORDER_INVALID: symbol=BTCUSDT, type=STOP_MARKET, price=65100"),
    (conditional(LIMITED, "65100"), "ORDER_INVALID: symbol=BTCUSDT, type=STOP_LIMIT, price=None"),
    (conditional(STOP, "65100", "50"), "ORDER_INVALID: symbol=BTCUSDT, type=STOP_MARKET, trailing_bps=50"),
    (conditional(TRAIL), "ORDER_INVALID: symbol=BTCUSDT, type=TRAILING_STOP_MARKET, trailing_bps=None"),
    (conditional(TRAIL, trail="NaN"), "ORDER_INVALID: symbol=BTCUSDT, trailing_bps=NaN"),
    (conditional(TRAIL, trail="-5"), "ORDER_INVALID: symbol=BTCUSDT, trailing_bps=-5"),
    (conditional(STOP, "65100.05"), "ORDER_INVALID: symbol=BTCUSDT, trigger_price=65100.05, tick=0.1"),
    (conditional(STOP, "Infinity"), "ORDER_INVALID: symbol=BTCUSDT, trigger_price=Infinity, tick=0.1"),
    (conditional(OrderType.MARKET, "65100"), "ORDER_INVALID: symbol=BTCUSDT, type=MARKET, trigger_price=65100"),
    (conditional(STOP, "68000"), "pass"),
    (conditional(STOP, "71500.2"), "TRIGGER_DISTANCE_EXCEEDED: symbol=BTCUSDT, trigger_price=71500.2, mid=65000.1, away_pct=10.000138461325, "
     "max_pct=10"),
    (conditional(STOP, "6510"), "TRIGGER_DISTANCE_EXCEEDED: symbol=BTCUSDT, trigger_price=6510, mid=65000.1, away_pct=89.984630792876, "
     "max_pct=10"),
    (conditional(TRAIL, trail="1001"), "TRIGGER_DISTANCE_EXCEEDED: symbol=BTCUSDT, trailing_bps=1001, max_pct=10"),
    (conditional(LIMITED, "68000", price="68300"), "pass"),
    (conditional(LIMITED, "68000", price="68341"),
     "PRICE_COLLAR_EXCEEDED: symbol=BTCUSDT, price=68341, trigger_price=68000, away_pct=0.501470588235, max_pct=0.5"),
])
def test_a_conditional_order_has_the_prices_of_its_type_within_sane_bounds(asked: SubmitOrder, answer: str) -> None:
    desk = Desk()
    if answer == "pass":
        assert desk.answer(asked) == "pass"
    else:
        assert desk.text(asked) == answer


@pytest.mark.parametrize(("asked", "price"), [
    (conditional(LIMITED, "65100", price="65150", quantity="0.02"), "65150"),
    (conditional(STOP, "65100", quantity="0.02"), "65100"),
    (conditional(TAKE, "64900", quantity="0.02"), "64900"),
    (conditional(TRAIL, trail="50", quantity="0.02"), "65000.1"),
])
def test_its_value_is_at_its_limit_its_trigger_or_the_mid(asked: SubmitOrder, price: str) -> None:
    assert f"price={price}, max=1000" in Desk(max_order_value_usd=Decimal(1000)).text(asked)


def test_what_waits_may_be_asked_for_with_an_older_book() -> None:
    desk, later = Desk(), NOW + 5000 * MS
    desk.gate.permit(later, "trade")
    assert desk.answer(buy("0.01", name="takes"), later) == "stale_market"
    assert desk.answer(conditional(STOP, "65100", name="waits"), later) == "pass"


def test_what_waits_could_open_something_and_takes_a_place() -> None:
    desk = Desk(cap="0.03", max_open_orders_per_symbol=2)
    assert desk.answer(conditional(STOP, "65100", quantity="0.02", name="a")) == "pass"
    assert desk.answer(buy("0.02", "64999", name="b")) == "position_limit"
    assert desk.answer(buy("0.01", "64999", name="c")) == "pass"
    assert desk.answer(conditional(TAKE, "64900", quantity="0.0001", name="d")) != "pass"
    desk.hear(OrderTriggered(at_ns=0, client_order_id="a", trigger_price=Decimal(65100), price=Decimal(65100)))
    assert desk.answer(buy("0.01", "64999", name="e")) == "position_limit", "a trigger is no end"


# ---------------------------------------------------------------------------------------------------- children


def protection(name: str, side: Side = Side.SELL, quantity: str = "0.02", **more: Any) -> SubmitOrder:
    given = {"type": STOP, "trigger_price": Decimal(64000), "reduce_only": True, "parent_order_id": "entry", **more}
    return order(name, side, quantity, **given)


def bracketed(held: str | None = None, **changes: Any) -> Desk:
    """An entry of 0.02 with two children, all approved; filled if ``held``."""
    desk, entry = Desk(**changes), buy("0.02", name="entry")
    children = [protection("stop", oco="entry"), protection("take", oco="entry", type=TAKE, trigger_price=Decimal(66000))]
    for each in (entry, *children):
        assert desk.answer(each) == "pass"
        desk.hear(OrderSubmitted(at_ns=0, order=each, effective_at_ns=0), OrderAccepted(at_ns=0, client_order_id=each.client_order_id))
    if held is not None:
        desk.hear(filled(entry, Decimal(held), 0))
    return desk


@pytest.mark.parametrize(("story", "asked", "answer"), [
    ("of its parent's own side", protection("x", Side.BUY), "CHILD_MUST_REDUCE: symbol=BTCUSDT, side=BUY, parent_side=BUY, reduce_only=True"),
    ("could open something", protection("x", reduce_only=False),
     "CHILD_MUST_REDUCE: symbol=BTCUSDT, side=SELL, parent_side=BUY, reduce_only=False"),
    ("of nobody", protection("x", parent_order_id="nobody"), "PARENT_UNKNOWN: symbol=BTCUSDT, parent_order_id=nobody"),
    ("of an order that was denied", protection("x", parent_order_id="denied"),
     "PARENT_DENIED: symbol=BTCUSDT, parent_order_id=denied, parent_reason=invalid"),
    ("with a number that is none", protection("x", trigger_price=Decimal("NaN")), "ORDER_INVALID: symbol=BTCUSDT, trigger_price=NaN, tick=0.1"),
])
def test_a_child_goes_where_its_parent_went_and_only_reduces(story: str, asked: SubmitOrder, answer: str) -> None:
    desk = bracketed()
    assert desk.answer(buy("-1", name="denied")) == "invalid"
    assert desk.text(asked) == answer, story


def test_children_pass_cap_size_value_and_the_number_of_open_orders() -> None:
    desk = bracketed(cap="0.02", max_order_quantity={SYMBOL: Decimal("0.02")}, max_order_value_usd=Decimal(1400), max_open_orders_per_symbol=2)
    assert desk.answer(protection("large", quantity="0.9")) == "pass"


@pytest.mark.parametrize(("story", "held", "asked", "answer"), [
    ("asleep, they add nothing to the other side", None, sell("0.05", "65001"), "pass"),
    ("nor to their own", None, buy("0.03", "64999"), "pass"),
    ("awake, they add nothing to what is held", "0.02", buy("0.03", "64999"), "pass"),
    ("but they may close first, and a sell then opens all of itself", "0.02", sell("0.05", "65001"), "pass"),
    ("which must be within the cap", "0.02", sell("0.0501", "65001"), "position_limit"),
])
def test_what_only_reduces_is_no_exposure_but_may_make_room_to_overshoot(story: str, held: str | None, asked: SubmitOrder, answer: str) -> None:
    assert bracketed(held, cap="0.05", max_order_quantity={SYMBOL: Decimal(1)}).answer(asked) == answer, story


def test_a_reduction_by_its_own_word_passes_while_reducing() -> None:
    desk = bracketed("0.02")
    desk.gate.permit(NOW, "reduce")
    assert desk.answer(sell("0.02", name="plain")) == "reducing", "a stop may come first, and this would open the other side"
    assert desk.answer(sell("0.02", name="close", reduce_only=True)) == "pass"


def test_a_liquidation_is_followed_to_a_flat_position() -> None:
    desk = bracketed("0.02", cap="0.05")
    closing = order("LIQUIDATION-1", Side.SELL, "0.02", reduce_only=True)
    desk.hear(
        PositionLiquidated(
            at_ns=0, symbol=SYMBOL, position=Decimal("0.02"), cost=Decimal(1), mark=Decimal(1), liquidation_price=Decimal(1),
            bankruptcy_price=Decimal(1), margin=Decimal(1),
        ),
        *(OrderCanceled(at_ns=0, client_order_id=name, reason="liquidation") for name in ("stop", "take")),
        OrderSubmitted(at_ns=0, order=closing, effective_at_ns=0), filled(closing, Decimal(0), 0),
    )
    exposure = desk.gate._exposure
    assert exposure.position(SYMBOL) == exposure.worst(SYMBOL, Side.BUY) == exposure.worst(SYMBOL, Side.SELL) == 0
    assert exposure.open_orders(SYMBOL) == 0
    assert desk.answer(buy("0.05", name="again")) == "pass"
