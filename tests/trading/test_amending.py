"""Changing a working order: what keeps its place, what loses it, what is refused, and what the market does meanwhile."""

from decimal import Decimal
from itertools import permutations

import pytest

from tests.trading.account_stories import BTC, MS, Story, settings
from trading.margin import MarginSettings
from trading.messages import (
    AmendOrder, AmendRejected, AmendSubmitted, CancelOrder, CloseAll, OrderAmended, OrderRested, OrderTriggered, TradingStateChanged,
)
from trading.queue_models import RiskAverse
from trading.words import Liquidity, OrderType, Side, TradingState


def resting(**changes: object) -> Story:
    """A buy of 0.4 at 29990, behind 2 that are displayed there; asks from 30000.1."""
    story = Story(settings(**{"slippage_model": "book", "making": RiskAverse(), **changes}))
    story.window((("29999.9", "5"), ("29990", "2"), ("29900", "1")), (("30000.1", "5"), ("30010", "5")))
    story.buy("0.4", "29990", client_order_id="a")
    return story


def ahead(story: Story) -> Decimal | None:
    queue = story.account.desk.matching[BTC].queues.position("a")
    assert queue is not None
    return queue.ahead


def refusal(story: Story) -> AmendRejected:
    [rejected] = story.of(AmendRejected)
    return rejected


def test_less_quantity_keeps_the_place() -> None:
    story = resting()
    story.trade("29990", "1.5", Side.SELL)
    story.buy("0.1", "29990", client_order_id="behind")
    story.amend("a", quantity="0.3")
    [amended] = story.of(OrderAmended)
    assert (amended.quantity, amended.leaves_quantity, amended.price, amended.requeued) == (
        Decimal("0.3"), Decimal("0.3"), Decimal(29990), False)
    assert ahead(story) == Decimal("0.5") and len(story.of(OrderRested)) == 2
    story.trade("29990", "0.9", Side.SELL)
    assert [(fill.client_order_id, fill.quantity) for fill in story.fills] == [("a", Decimal("0.3"))]


@pytest.mark.parametrize(("changes", "behind"), [
    ({"quantity": "0.5"}, Decimal(2)), ({"price": "29999.9"}, Decimal(5)), ({"price": "29900", "quantity": "0.2"}, Decimal(1)),
    ({"price": "29995"}, Decimal(0)), ({"price": "29800"}, None),
])
def test_more_quantity_or_another_price_goes_to_the_end(changes: dict[str, object], behind: Decimal | None) -> None:
    story = resting()
    story.trade("29990", "1.5", Side.SELL)
    story.amend("a", **changes)
    assert story.of(OrderAmended)[0].requeued
    assert (ahead(story), story.of(OrderRested)[-1].ahead) == (behind, behind)


def test_own_orders_of_the_price_are_then_before_it() -> None:
    story = resting(making=settings().making)
    story.buy("0.4", "29990", client_order_id="b")
    story.amend("a", quantity="0.5")
    story.trade("29990", "0.6", Side.SELL)
    assert [(fill.client_order_id, fill.quantity) for fill in story.fills] == [("b", Decimal("0.4")), ("a", Decimal("0.2"))]


def test_what_asks_for_nothing_new_changes_nothing() -> None:
    story = resting()
    story.trade("29990", "1.5", Side.SELL)
    story.amend("a")
    story.amend("a", quantity="0.40", price="29990.0")
    assert [fact.requeued for fact in story.of(OrderAmended)] == [False, False] and ahead(story) == Decimal("0.5")


def test_a_marketable_price_takes_and_the_rest_rests() -> None:
    story = resting()
    story.amend("a", price="30000.1", quantity="6")
    assert [(fill.price, fill.quantity, fill.liquidity) for fill in story.fills] == [(Decimal("30000.1"), Decimal(5), Liquidity.TAKER)]
    assert story.status("a") == ("partially_filled", "") and ahead(story) == Decimal(0)


def test_post_only_is_not_amended_to_a_price_that_takes() -> None:
    story = Story()
    story.book()
    story.buy("0.4", "29990", post_only=True, client_order_id="a")
    story.amend("a", price="30000.1")
    assert refusal(story).reason == "post_only_would_take" and story.status("a") == ("accepted", "")
    assert refusal(story).text == "POST_ONLY_WOULD_TAKE: symbol=BTCUSDT, side=BUY, price=30000.1, best=30000.1"


REFUSED: list[tuple[str, str, dict[str, object]]] = [
    ("below_filled", "QUANTITY_BELOW_FILLED: symbol=BTCUSDT, quantity=0.1, filled=0.1", {"quantity": "0.1"}),
    ("below_filled", "QUANTITY_BELOW_FILLED: symbol=BTCUSDT, quantity=0.05, filled=0.1", {"quantity": "0.05"}),
    ("below_filled", "QUANTITY_BELOW_FILLED: symbol=BTCUSDT, quantity=-1E+999999, filled=0.1", {"quantity": "-1E+999999"}),
    ("invalid", "QUANTITY_INVALID: symbol=BTCUSDT, quantity=NaN", {"quantity": "NaN"}),
    ("invalid", "QUANTITY_INVALID: symbol=BTCUSDT, quantity=Infinity", {"quantity": "Infinity"}),
    ("above_maximum", "QUANTITY_ABOVE_MAXIMUM: symbol=BTCUSDT, quantity=100.1, max=100", {"quantity": "100.1"}),
    ("above_maximum", "QUANTITY_ABOVE_MAXIMUM: symbol=BTCUSDT, quantity=9E+999999, max=100", {"quantity": "9E+999999"}),
    ("off_step", "QUANTITY_OFF_STEP: symbol=BTCUSDT, quantity=0.30005, step=0.0001", {"quantity": "0.30005"}),
    ("off_tick", "PRICE_OFF_TICK: symbol=BTCUSDT, price=29990.05, tick=0.1", {"price": "29990.05"}),
    ("invalid", "PRICE_INVALID: symbol=BTCUSDT, price=NaN", {"price": "NaN"}),
    ("price_band", "PRICE_OUT_OF_BAND: symbol=BTCUSDT, price=30300.1, mark=30000, edge=30300", {"price": "30300.1"}),
    ("invalid", "ORDER_INVALID: symbol=BTCUSDT, type=LIMIT, trigger_price=30100", {"trigger_price": "30100"}),
    ("position_limit", "POSITION_LIMIT_EXCEEDED: symbol=BTCUSDT, side=BUY, position=0.1, worst=9.9, quantity=0.6, max=10",
     {"quantity": "0.6"}),
]


@pytest.mark.parametrize(("reason", "text", "changes"), REFUSED)
def test_an_amendment_that_cannot_be_is_refused_and_the_order_stays(reason: str, text: str, changes: dict[str, object]) -> None:
    story = resting()
    story.buy("9.5", "29000", client_order_id="b")
    story.trade("29990", "2.1", Side.SELL)
    before = story.account.state().open_orders
    story.amend("a", **changes)
    assert (refusal(story).reason, refusal(story).text) == (reason, text)
    assert story.account.state().open_orders == before and ahead(story) == 0


def test_up_to_the_cap_the_old_quantity_does_not_count_twice() -> None:
    story = resting()
    story.buy("9.5", "29000")
    story.trade("29990", "2.1", Side.SELL)
    story.amend("a", quantity="0.5")
    assert not story.of(AmendRejected) and story.of(OrderAmended)[0].leaves_quantity == Decimal("0.4")


def test_more_needs_margin_and_the_old_margin_does_not_count_twice() -> None:
    story = resting(margin={BTC: MarginSettings(leverage=10)}, balance=Decimal(2000), taker_fee=Decimal(0))
    story.amend("a", quantity="0.6")
    assert story.of(OrderAmended)[0].quantity == Decimal("0.6"), "0.6 x 2999 = 1799.4"
    story.amend("a", quantity="0.7")
    assert refusal(story).text == "MARGIN_INSUFFICIENT: symbol=BTCUSDT, needed=2099.3, available=2000, leverage=10"


@pytest.mark.parametrize("trouble", ["stale", "halted"])
def test_less_can_be_had_in_any_trouble_and_nothing_else(trouble: str) -> None:
    story = resting()
    if trouble == "stale":
        story.stale()
    else:
        story.tell(TradingStateChanged(at_ns=0, state=TradingState.HALTED, reason="test"))
    story.amend("a", quantity="0.3")
    story.amend("a", quantity="0.4")
    story.amend("a", price="29980")
    assert [fact.quantity for fact in story.of(OrderAmended)] == [Decimal("0.3")]
    assert {fact.reason for fact in story.of(AmendRejected)} == {"stale_book" if trouble == "stale" else "halted"}


# ---------------------------------------------------------------------------------------------------- orders with a trigger


def parked() -> Story:
    story = Story(settings(slippage_model="book"))
    story.book()
    story.sell("0.4", "29950", type=OrderType.STOP_LIMIT, trigger_price="29980", client_order_id="a")
    return story


def test_a_parked_order_triggers_where_it_was_amended_to() -> None:
    story = parked()
    story.amend("a", trigger_price="29960", price="29960", quantity="0.5")
    assert not story.of(OrderAmended)[0].requeued, "it was in no queue"
    story.trade("29970", "1", Side.SELL)
    assert not story.of(OrderTriggered)
    story.trade("29960", "1", Side.SELL)
    assert story.of(OrderTriggered)[0].trigger_price == 29960 and story.fills[0].quantity == Decimal("0.5")


@pytest.mark.parametrize(("reason", "trigger_price"), [("trigger_wrong_side", "30000"), ("off_tick", "29960.05"), ("invalid", "NaN")])
def test_a_trigger_is_amended_by_the_same_rules(reason: str, trigger_price: str) -> None:
    story = parked()
    story.amend("a", trigger_price=trigger_price)
    assert refusal(story).reason == reason


def test_after_its_trigger_only_the_limit_order_can_be_amended() -> None:
    story = Story()
    story.book()
    story.sell("0.4", "30050", type=OrderType.STOP_LIMIT, trigger_price="29980", client_order_id="a")
    story.trade("29980", "1", Side.SELL)
    story.amend("a", trigger_price="29960")
    assert refusal(story).text == "ORDER_ALREADY_TRIGGERED: symbol=BTCUSDT, trigger_price=29960, state=TRIGGERED"
    story.amend("a", quantity="0.3")
    story.amend("a", quantity="0.5", price="30040")
    assert [fact.requeued for fact in story.of(OrderAmended)] == [False, True]


def test_a_sleeping_child_is_amended_without_a_queue() -> None:
    story = Story()
    story.book()
    story.buy("0.4", "29990", client_order_id="in")
    story.sell("0.4", "30100", client_order_id="a", parent_order_id="in", reduce_only=True)
    story.amend("a", price="30050")
    story.trade("29990", "1", Side.SELL)
    story.trade("30050", "1", Side.BUY)
    assert not story.of(OrderAmended)[0].requeued and story.position == 0


# ---------------------------------------------------------------------------------------------------- on the way


RACES = {
    ("amend", "cancel", "fill"): ("canceled", 1, 0), ("amend", "fill", "cancel"): ("filled", 1, 0), ("cancel", "amend", "fill"): ("canceled", 0, 1),
    ("cancel", "fill", "amend"): ("canceled", 0, 1), ("fill", "amend", "cancel"): ("filled", 0, 1), ("fill", "cancel", "amend"): ("filled", 0, 1),
}


@pytest.mark.parametrize("order", list(permutations(("amend", "cancel", "fill"))))
def test_whatever_arrives_first_counts(order: tuple[str, str, str]) -> None:
    story = Story(settings(entry_latency_ms=100))
    story.book()
    story.buy("0.4", "29990", client_order_id="a", decided_at_ns=0)
    arrival = {name: 200 + 10 * place for place, name in enumerate(order)}
    def decided(name: str) -> int:
        return story.now_ns + (arrival[name] - 100) * MS

    story.tell(CancelOrder(command_id="c", client_order_id="a", decided_at_ns=decided("cancel")))
    story.tell(AmendOrder(command_id="m", client_order_id="a", quantity=Decimal("0.3"), decided_at_ns=decided("amend")))
    story.trade("29990", "1", Side.SELL, at_ms=arrival["fill"] + 5)
    story.book(at_ms=500)
    status, amended, rejected = RACES[order]
    assert (story.status("a")[0], len(story.of(OrderAmended)), len(story.of(AmendRejected))) == (status, amended, rejected)
    if rejected:
        state = status.upper()
        assert (refusal(story).reason, refusal(story).text) == ("not_working", f"ORDER_NOT_WORKING: symbol=BTCUSDT, state={state}")
        assert refusal(story).at_ns == story.of(AmendSubmitted)[0].effective_at_ns
    assert story.position == {"canceled": 0, "filled": Decimal("0.3") if amended else Decimal("0.4")}[status]


def test_an_amendment_never_overtakes_its_order() -> None:
    story = Story(settings(entry_latency_ms=100))
    story.book()
    story.tell(story.order(Side.BUY, "0.4", "29990", client_order_id="a", decided_at_ns=story.now_ns + 1000 * MS))
    story.amend("a", quantity="0.2")
    story.book(at_ms=2000)
    kinds = [type(fact).__name__ for fact in story.facts]
    assert kinds.index("OrderAmended") > kinds.index("OrderRested")
    assert story.of(OrderAmended)[0].at_ns == story.of(OrderRested)[0].at_ns


def test_the_same_command_twice_or_for_what_is_closed_or_unknown_is_nothing() -> None:
    story = resting()
    first = story.amend("a", quantity="0.3", command_id="m")
    assert len(first) == 2
    assert story.amend("a", quantity="0.2", command_id="m") == ()
    story.cancel("a")
    assert story.amend("a", quantity="0.1") == () == story.amend("unknown", quantity="0.1")


def test_a_kill_answers_what_was_on_its_way() -> None:
    story = Story(settings(entry_latency_ms=100))
    story.book()
    story.buy("0.4", "29990", client_order_id="a", decided_at_ns=0)
    story.amend("a", quantity="0.3")
    story.tell(CloseAll(reason="kill"))
    story.book(at_ms=300)
    assert refusal(story).reason == "not_working" and story.account.desk.orders.next_due() is None
