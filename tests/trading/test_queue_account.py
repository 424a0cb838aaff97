"""Resting orders through the account, model by model: when their turn comes, what they get, and that nothing is given twice."""

from decimal import Decimal

import pytest

from tests.trading.account_stories import BTC, MS, START, Story, settings
from trading.latency import Leg, Uniform, draw_ns
from trading.messages import OrderCanceled, OrderRested
from trading.queue_models import MakingSettings, Penetrate, ProbLog, ProbPower, RiskAverse, Touch
from trading.words import Liquidity, Side

QUEUED: list[MakingSettings] = [RiskAverse(), ProbPower(), ProbLog()]
EVERY: list[MakingSettings] = [Touch(), Penetrate(ticks=3), *QUEUED]
SIDES = [(Side.BUY, "29990", -1), (Side.SELL, "30010", 1)]


def behind_two(making: MakingSettings, side: Side = Side.BUY, quantity: str = "0.5") -> Story:
    """The order "a" at 29990 (or 30010), where 2 are displayed."""
    story = Story(settings(slippage_model="book", making=making))
    show(story, "2")
    price = "29990" if side is Side.BUY else "30010"
    story.tell(story.order(side, quantity, price, client_order_id="a"))
    return story


def show(story: Story, quantity: str, **when: int) -> None:
    """The usual window, with this quantity at 29990 and at 30010."""
    story.window((("29999", "1"), ("29990", quantity), ("29980", "9")), (("30001", "1"), ("30010", quantity), ("30020", "9")), **when)


def filled(story: Story, name: str = "a") -> Decimal:
    return sum((fill.quantity for fill in story.fills if fill.client_order_id == name), Decimal(0))


@pytest.mark.parametrize(("making", "expected"), [
    (Touch(), ["0.3", "0.5", "0.5"]), (Penetrate(ticks=3), ["0", "0", "0.1"]), (RiskAverse(), ["0", "0.1", "0.2"]),
    (ProbPower(), ["0", "0.1", "0.2"]), (ProbLog(), ["0", "0.1", "0.2"]),
])
@pytest.mark.parametrize(("side", "price", "away"), SIDES)
def test_trades_at_the_price_and_through_it(making: MakingSettings, expected: list[str], side: Side, price: str, away: int) -> None:
    story = behind_two(making, side)
    got = []
    for quantity, ticks in (("0.3", 0), ("1.8", 0), ("0.1", 3)):
        story.trade(str(Decimal(price) + away * ticks * Decimal("0.1")), quantity, side.opposite)
        got.append(str(filled(story)))
    assert got == expected
    assert all(fill.price == Decimal(price) and fill.liquidity is Liquidity.MAKER for fill in story.fills)


@pytest.mark.parametrize("making", EVERY)
@pytest.mark.parametrize(("side", "price", "away"), SIDES)
def test_a_trade_that_does_not_reach_or_of_the_own_side_gives_nothing(making: MakingSettings, side: Side, price: str, away: int) -> None:
    story = behind_two(making, side)
    story.trade(str(Decimal(price) - away * Decimal("0.1")), "50", side.opposite)
    story.trade(str(Decimal(price) + away), "50", side)
    assert story.fills == []


@pytest.mark.parametrize("making", EVERY)
@pytest.mark.parametrize(("side", "price", "away"), SIDES)
def test_a_crossing_window_gives_what_it_shows_and_once(making: MakingSettings, side: Side, price: str, away: int) -> None:
    story = behind_two(making, side)
    through, beyond = str(Decimal(price) + away), str(Decimal(price) + 5 * away)
    levels = ((through, "0.2"), (str(Decimal(price) - away), "9")), ((beyond, "9"),)
    for _ in range(3):
        story.window(*(levels[::-1] if side is Side.BUY else levels))
    assert filled(story) == Decimal("0.2"), "the window shown again is the same offer"
    levels = ((through, "0.25"), (str(Decimal(price) - away), "9")), ((beyond, "9"),)
    story.window(*(levels[::-1] if side is Side.BUY else levels))
    assert filled(story) == Decimal("0.25"), "only what is new of it"


@pytest.mark.parametrize("making", EVERY)
def test_several_own_orders_share_one_trade_once(making: MakingSettings) -> None:
    story = Story(settings(making=making))
    show(story, "0.2")
    for name, price in (("b", "29990"), ("a", "29995"), ("c", "29990"), ("d", "29985")):
        story.buy("0.3", price, client_order_id=name)
    story.trade("29980", "1", Side.SELL)
    assert [filled(story, name) for name in "abcd"] == [Decimal("0.3"), Decimal("0.3"), Decimal("0.3"), Decimal("0.1")]
    story = Story(settings(making=Touch()))
    show(story, "0.2")
    for name in "ab":
        story.buy("0.3", "29990", client_order_id=name)
    story.prints(("29990", "0.2", Side.SELL), ("29990", "0.2", Side.SELL))
    assert [filled(story, name) for name in "ab"] == [Decimal("0.3"), Decimal("0.1")]


@pytest.mark.parametrize("making", QUEUED)
def test_a_window_that_says_the_same_moves_nobody(making: MakingSettings) -> None:
    story = behind_two(making)
    for _ in range(50):
        show(story, "2")
    story.trade("29990", "2", Side.SELL)
    assert story.fills == []
    story.trade("29990", "0.1", Side.SELL)
    assert filled(story) == Decimal("0.1")


@pytest.mark.parametrize(("making", "shown", "behind"), [
    (RiskAverse(), "5", "2"), (RiskAverse(), "1.5", "1.5"), (RiskAverse(), "0", "0"), (ProbPower(), "5", "2"), (ProbPower(), "1.5", "1.5"),
    (ProbLog(), "0", "0"),
])
def test_windows_bring_an_order_forward_by_what_they_no_longer_show(making: MakingSettings, shown: str, behind: str) -> None:
    story = behind_two(making)
    if shown == "0":
        story.window((("29999", "1"), ("29980", "9")), (("30001", "1"),))
    else:
        show(story, shown)
    story.trade("29990", behind, Side.SELL) if behind != "0" else None
    assert story.fills == []
    story.trade("29990", "0.1", Side.SELL)
    assert filled(story) == Decimal("0.1")


@pytest.mark.parametrize("making", QUEUED)
def test_a_queue_nobody_ever_saw_is_not_passed_by_trades_at_its_price(making: MakingSettings) -> None:
    story = Story(settings(making=making))
    story.book("29999", "30001")
    story.buy("0.5", "29990", client_order_id="a")
    assert story.of(OrderRested)[0].ahead is None
    story.trade("29990", "500", Side.SELL)
    assert story.fills == []
    story.trade("29989.9", "0.2", Side.SELL)
    assert filled(story) == Decimal("0.2")


def test_a_race_between_a_cancel_and_a_fill_is_decided_by_the_drawn_latency() -> None:
    latency = Uniform(min_ms=Decimal(10), max_ms=Decimal(90))
    ends = set()
    for number in range(12):
        story = Story(settings(entry_latency=latency))
        story.book()
        name = f"a{number}"
        story.buy("0.5", "29990", client_order_id=name, decided_at_ns=0)
        story.cancel(name)
        drawn_ns = draw_ns(latency, "test", f"cancel-{name}", Leg.ENTRY)
        story.trade("29990", "1", Side.SELL, at_ms=50)
        story.book(at_ms=200)
        assert story.status(name)[0] == ("canceled" if START + drawn_ns < START + 50 * MS else "filled")
        ends.add(story.status(name)[0])
    assert ends == {"canceled", "filled"}


def test_a_receipt_tells_the_way_to_the_front_and_who_consumed() -> None:
    story = behind_two(RiskAverse())
    story.trade("29990", "0.5", Side.SELL, at_ms=10)
    show(story, "1.2", at_ms=20)
    story.trade("29990", "1.4", Side.SELL, at_ms=30)
    [fill] = story.fills
    assert fill.receipt is not None and fill.receipt.model == "risk_averse"
    assert [(step.market_sequence, step.at_ns - START, step.ahead, step.cause) for step in fill.receipt.queue] == [
        (1, 0, Decimal(2), "joined"), (2, 10 * MS, Decimal("1.5"), "trade"), (3, 20 * MS, Decimal("1.2"), "window"),
        (4, 30 * MS, Decimal(0), "trade"),
    ]
    assert [(each.market_sequence, each.quantity) for each in fill.receipt.consumed_by] == [(2, Decimal("0.5")), (4, Decimal("1.4"))]
    assert fill.quantity == Decimal("0.2")
    story.cancel("a")
    ended = story.facts[-1]
    assert isinstance(ended, OrderCanceled) and ended.receipt is not None
    canceled = ended.receipt
    assert canceled.queue == fill.receipt.queue and canceled.model == "risk_averse"


def test_a_receipt_ends_with_the_trade_that_filled() -> None:
    """What came later in the same push had nothing to do with it; the next receipt tells of it."""
    story = Story(settings(making=Touch()))
    story.book()
    story.buy("0.5", "29990", client_order_id="a")
    story.prints(*(("29990", quantity, Side.SELL) for quantity in ("0.1", "0.2", "0.7", "0.3")))
    assert [
        [each.quantity for each in fill.receipt.consumed_by] for fill in story.fills if fill.receipt is not None
    ] == [[Decimal("0.1")], [Decimal("0.1"), Decimal("0.2")], [Decimal("0.1"), Decimal("0.2"), Decimal("0.7")]]


def test_a_receipt_ends_with_the_level_that_filled_when_a_window_crosses() -> None:
    story = Story(settings(making=ProbPower()))
    story.book()
    story.buy("0.5", "29990", client_order_id="a")
    story.window((("29980", "1"),), (("29987", "0.2"), ("29988", "0.4"), ("29990", "9"), ("30000", "9")))
    assert [
        [(each.price, each.quantity) for each in fill.receipt.consumed_by] for fill in story.fills if fill.receipt is not None
    ] == [[(Decimal(29987), Decimal("0.2"))], [(Decimal(29987), Decimal("0.2")), (Decimal(29988), Decimal("0.4"))]]


def test_what_a_maker_met_in_a_crossing_window_no_taker_takes_again_and_the_other_way_round() -> None:
    for maker_first in (True, False):
        story = Story(settings(slippage_model="book"))
        story.window((("29999", "1"),), (("30001", "1"),))
        crossing = ((("29985", "1"),), (("29990", "0.3"), ("30050", "9")))
        if maker_first:
            story.buy("0.2", "29990", client_order_id="rests")
            story.window(*crossing)
            story.buy("0.3", "29990", client_order_id="takes")
        else:
            story.window((("29985", "1"),), (("29990", "0.3"), ("30050", "9")))
            story.buy("0.2", "29990", client_order_id="takes")
            story.buy("0.3", "29990", client_order_id="rests")
        assert [filled(story, name) for name in (("rests", "takes") if maker_first else ("takes", "rests"))] == [
            Decimal("0.2"), Decimal("0.1"),
        ]
        story.window(*crossing)
        assert sum(fill.quantity for fill in story.fills) == Decimal("0.3"), "shown again, and gone"
        story.window((("29985", "1"),), (("29990", "0.4"), ("30050", "9")))
        assert sum(fill.quantity for fill in story.fills) > Decimal("0.3"), "another quantity is another offer"


@pytest.mark.parametrize("making", EVERY)
def test_a_queue_is_the_same_after_a_crash(making: MakingSettings) -> None:
    story = behind_two(making, quantity="3")
    show(story, "1.7")
    story.trade("29990", "0.4", Side.SELL)
    story.window((("29988", "1"),), (("29990", "0.3"), ("30010", "5")))
    other = story.recovered()
    show(story, "0.9")
    story.trade("29990", "0.8", Side.SELL)
    story.trade("29989.7", "1", Side.SELL)
    facts = [fact for message, now_ns in story.told[-3:] for fact in other.on(message, now_ns)]
    assert facts == story.facts[-len(facts):] and filled(story) == other.desk.orders.known["a"].filled_quantity > 0
    assert other.desk.matching[BTC].queues.position("a") == story.account.desk.matching[BTC].queues.position("a")
