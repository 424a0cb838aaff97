"""Orders that hang on others: children that sleep behind a parent, and groups in which one cancels the other."""

from decimal import Decimal
from typing import Any

import pytest

from tests.trading.account_stories import MS, Story, settings
from trading.latency import Constant
from trading.messages import CancelAll, DenyOrder, OrderFilled, OrderTriggered
from trading.words import OrderType, Side, TimeInForce

STOP: dict[str, Any] = {"type": OrderType.STOP_MARKET, "trigger_price": "29900"}
GOAL: dict[str, Any] = {"price": "30100"}


def exits(story: Story, parent: str = "in", *, quantity: str = "0.4", oco: str = "exit") -> None:
    """A stop at 29900 and a limit at 30100 behind a buy."""
    for name, fields in (("stop", STOP), ("goal", GOAL)):
        story.sell(quantity, **{"client_order_id": name, "parent_order_id": parent, "reduce_only": True, "oco": oco, **fields})


def bracket(price: str | None = "29990", quantity: str = "0.4") -> Story:
    """A buy of 0.4 at 29990 with its two exits behind it."""
    story = Story(settings(slippage_model="book"))
    story.book()
    story.buy(quantity, price, client_order_id="in")
    exits(story, quantity=quantity)
    return story


def states(story: Story, *names: str) -> list[str]:
    return [" ".join(story.status(each)).strip() for each in names]


def test_children_sleep_until_their_parent_has_a_fill() -> None:
    story = bracket()
    story.trade("30100", "9", Side.BUY)
    story.trade("29995", "9", Side.BUY)
    assert states(story, "in", "stop", "goal") == 3 * ["accepted"] and not story.fills
    story.trade("29990", "0.1", Side.SELL)
    assert states(story, "in", "stop", "goal") == ["partially_filled", "accepted", "accepted"]
    story.trade("30100", "0.1", Side.BUY)
    assert [each.client_order_id for each in story.fills] == ["in", "goal"], "awake with the first, partial fill"


def test_the_trade_that_wakes_a_child_is_not_for_it() -> None:
    story = bracket()
    story.window((("29899", "1"),), (("29990", "0.4"),))
    story.trade("29899.5", "1", Side.BUY)
    assert [each.client_order_id for each in story.fills][:1] == ["in"]
    assert story.of(OrderTriggered)[0].price == Decimal("29899.5")
    story = bracket()
    story.prints(("29990", "0.4", Side.SELL), ("29900", "1", Side.SELL), ("30100", "1", Side.BUY))
    assert [each.client_order_id for each in story.fills] == ["in"] and not story.of(OrderTriggered)


@pytest.mark.parametrize("price", [None, "30000.1"])
def test_a_parent_that_takes_at_once_wakes_the_children_that_come_behind_it(price: str | None) -> None:
    story = bracket(price)
    story.trade("29900", "0.01", Side.SELL)
    assert states(story, "in", "stop", "goal") == ["filled", "filled", "canceled oco"]
    assert story.position == 0


@pytest.mark.parametrize("end", ["canceled", "all canceled", "rejected", "expired", "post_only"])
def test_children_end_with_a_parent_that_ends_unfilled(end: str) -> None:
    story = Story(settings(slippage_model="book", entry_latency_ms=100))
    story.book()
    ways: dict[str, dict[str, Any]] = {
        "rejected": {"price": "29990.05"}, "expired": {"price": "29000", "time_in_force": TimeInForce.IOC},
        "post_only": {"price": "30000.1", "post_only": True},
    }
    decided: dict[str, Any] = {"decided_at_ns": story.now_ns + 50 * MS} if end in ways else {}
    story.buy("0.4", **{"price": "29990", "client_order_id": "in", **ways.get(end, {}), **decided})
    exits(story)
    story.book(at_ms=120)
    assert states(story, "in", "stop", "goal") == (3 * ["accepted"] if end not in ways else ["submitted", "accepted", "accepted"])
    if end == "canceled":
        story.cancel("in")
    elif end == "all canceled":
        story.tell(CancelAll(reason="all"))
    story.book(at_ms=500)
    reason = {"all canceled": "canceled all", "canceled": "canceled parent_ended"}.get(end, "canceled parent_ended")
    assert states(story, "stop", "goal") in ([reason] * 2, ["canceled parent_ended"] * 2)
    assert not story.account.desk.orders.open()


def test_a_parent_canceled_after_a_partial_fill_leaves_its_children_in_place() -> None:
    story = bracket()
    story.trade("29990", "0.1", Side.SELL)
    story.cancel("in")
    story.trade("29900", "0.01", Side.SELL)
    assert states(story, "in", "stop", "goal") == ["canceled test", "canceled position_closed", "canceled position_closed"]
    assert (story.position, story.fills[-1].quantity) == (Decimal(0), Decimal("0.1")), "there was no room for more"


def test_while_a_parent_may_fill_further_a_flat_position_does_not_end_its_children() -> None:
    story = bracket()
    story.trade("29990", "0.1", Side.SELL)
    story.sell("0.1")
    assert story.position == 0
    assert states(story, "in", "stop", "goal") == ["partially_filled", "accepted", "accepted"]
    story.trade("29990", "0.3", Side.SELL)
    story.trade("29900", "0.01", Side.SELL)
    assert (story.position, states(story, "goal")) == (Decimal(0), ["canceled position_closed"])


def test_and_when_it_ends_they_do() -> None:
    story = bracket()
    story.trade("29990", "0.1", Side.SELL)
    story.sell("0.1")
    story.cancel("in")
    assert states(story, "stop", "goal") == 2 * ["canceled position_closed"]


@pytest.mark.parametrize("quantity", ["0.4", "0.6"])
def test_a_position_closed_or_turned_by_another_order_ends_awake_children(quantity: str) -> None:
    story = bracket(None)
    story.sell(quantity)
    assert states(story, "stop", "goal") == 2 * ["canceled position_closed"]
    assert story.position == Decimal("0.4") - Decimal(quantity)


def test_a_position_reduced_by_another_order_leaves_only_that_room() -> None:
    story = bracket(None)
    story.sell("0.3")
    story.trade("30100", "9", Side.BUY)
    assert story.position == 0 and story.fills[-1].quantity == Decimal("0.1")
    assert states(story, "stop", "goal")[0] == "canceled position_closed"


def test_one_cancels_the_other_with_its_last_fill_only() -> None:
    story = bracket(None)
    story.trade("30100", "0.3", Side.BUY)
    assert states(story, "stop", "goal") == ["accepted", "partially_filled"]
    story.trade("30100", "0.1", Side.BUY)
    assert states(story, "stop", "goal") == ["canceled oco", "filled"]


def test_a_group_without_a_parent_works_the_same_and_canceling_one_leaves_the_other() -> None:
    story = Story()
    story.book()
    for name, price in (("low", "29980"), ("lower", "29970"), ("alone", "29975")):
        story.buy("0.1", price, client_order_id=name, oco="" if name == "alone" else "g")
    story.cancel("low")
    assert states(story, "low", "lower") == ["canceled test", "accepted"]
    story.buy("0.1", "29985", client_order_id="high", oco="g")
    story.trade("29985", "1", Side.SELL)
    assert states(story, "high", "lower", "alone") == ["filled", "canceled oco", "accepted"]


def test_a_rival_that_is_on_its_way_ends_too() -> None:
    story = Story(settings(entry_latency_ms=100))
    story.book()
    story.buy("0.1", "29990", client_order_id="a", oco="g", decided_at_ns=0)
    story.buy("0.1", "29980", client_order_id="b", oco="g")
    story.trade("29990", "1", Side.SELL, at_ms=50)
    story.book(at_ms=200)
    assert states(story, "a", "b") == ["filled", "canceled oco"]


def test_a_group_that_has_its_winner_takes_nobody_in() -> None:
    story = Story()
    story.book()
    story.buy("0.1", "30010", client_order_id="a", oco="g")
    story.buy("0.1", "29980", client_order_id="late", oco="g")
    assert states(story, "a", "late") == ["filled", "rejected oco"]


@pytest.mark.parametrize("kind", [OrderType.TAKE_PROFIT_MARKET, OrderType.LIMIT])
def test_of_two_exits_hit_by_one_push_only_one_fills_and_the_position_never_turns(kind: OrderType) -> None:
    story = Story(settings(slippage_model="book"))
    story.book()
    story.buy("0.4", client_order_id="in")
    goal: dict[str, Any] = {"type": kind, "trigger_price" if kind.waits_for_trigger else "price": "30100"}
    for name, fields in (("stop", STOP), ("goal", goal)):
        story.sell("0.4", **{"client_order_id": name, "parent_order_id": "in", "reduce_only": True, "oco": "exit", **fields})
    story.prints(("29900", "9", Side.BUY), ("30100", "9", Side.BUY))
    assert [fill.position for fill in story.fills] == [Decimal("0.4"), Decimal(0)]
    assert sorted(states(story, "stop", "goal")) == ["canceled oco", "filled"]


def test_two_resting_exits_that_one_trade_reaches_share_the_position_once() -> None:
    for oco in ("exit", ""):
        story = Story()
        story.book()
        story.buy("0.4", client_order_id="in")
        for name, price in (("near", "30050"), ("far", "30060")):
            story.sell("0.4", price, client_order_id=name, parent_order_id="in", reduce_only=True, oco=oco)
        story.trade("30070", "9", Side.BUY)
        assert [(fill.client_order_id, fill.position) for fill in story.fills[1:]] == [("near", Decimal(0))]
        assert not story.account.desk.orders.open()


def test_a_child_after_its_parents_fill_is_awake_and_after_its_end_refused() -> None:
    story = Story()
    story.book()
    story.buy("0.4", client_order_id="in")
    story.sell("0.4", "30100", parent_order_id="in", reduce_only=True, client_order_id="goal")
    story.trade("30100", "9", Side.BUY)
    assert states(story, "goal") == ["filled"]
    story.sell("0.4", "30100", parent_order_id="in", reduce_only=True, client_order_id="late")
    assert states(story, "late") == ["rejected reduce_only_would_increase"]
    story.buy("0.4", "29990", client_order_id="gone")
    story.cancel("gone")
    story.sell("0.4", "30100", parent_order_id="gone", reduce_only=True, client_order_id="orphan")
    assert states(story, "orphan") == ["rejected parent_ended"]
    assert story.text_of("orphan") == "PARENT_ENDED: symbol=BTCUSDT, parent_order_id=gone, state=CANCELED"


def test_a_child_of_a_denied_parent_is_refused() -> None:
    story = Story()
    story.book()
    story.tell(DenyOrder(order=story.order(Side.BUY, "0.4", client_order_id="in"), reason="x", text="X"))
    exits(story)
    assert states(story, "stop", "goal") == 2 * ["rejected parent_ended"]


REFUSED: list[tuple[str, str, dict[str, object]]] = [
    ("parent_unknown", "PARENT_UNKNOWN: symbol=BTCUSDT, parent_order_id=nobody", {"parent_order_id": "nobody"}),
    ("invalid", "CHILD_MUST_REDUCE: symbol=BTCUSDT, side=SELL, parent_side=BUY", {"reduce_only": False}),
    ("invalid", "CHILD_MUST_REDUCE: symbol=BTCUSDT, side=BUY, parent_side=BUY", {"side": Side.BUY, "price": "29000"}),
    ("invalid", "CHILD_MUST_REDUCE: symbol=BTCUSDT, side=SELL, parent_side=SELL", {"parent_order_id": "child"}),
]


@pytest.mark.parametrize(("reason", "text", "fields"), REFUSED)
def test_a_child_that_is_none_is_refused(reason: str, text: str, fields: dict[str, object]) -> None:
    story = Story()
    story.book()
    story.buy("0.4", "29990", client_order_id="in")
    given = {"side": Side.SELL, "price": "30100", "parent_order_id": "in", "reduce_only": True, "client_order_id": "child", **fields}
    side, price = given.pop("side"), given.pop("price")
    assert isinstance(side, Side) and isinstance(price, str)
    story.tell(story.order(side, "0.4", price, **given))
    assert states(story, "child") == [f"rejected {reason}"] and story.text_of("child") == text


def test_the_position_cap_does_not_count_what_only_reduces() -> None:
    story = Story(settings(position_max={"BTCUSDT": Decimal("0.4")}))
    story.book()
    story.buy("0.4", "29990", client_order_id="in")
    exits(story)
    assert states(story, "stop", "goal") == 2 * ["accepted"]


def test_a_child_that_wakes_may_take_at_once() -> None:
    story = Story(settings(slippage_model="book", response_latency=Constant(ms=Decimal(5))))
    story.book()
    story.buy("0.4", "29990", client_order_id="in")
    story.sell("0.4", "29980", parent_order_id="in", reduce_only=True, client_order_id="out")
    facts = story.window((("29985", "9"),), (("29990", "0.4"),))
    fills = [fact for fact in facts if isinstance(fact, OrderFilled)]
    assert [(fill.client_order_id, fill.price, fill.position) for fill in fills] == [
        ("in", Decimal(29990), Decimal("0.4")), ("out", Decimal(29985), Decimal(0)),
    ]
