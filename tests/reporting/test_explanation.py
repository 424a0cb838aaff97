"""``explain``: what became of an order, in about ten lines, from its ledger alone."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from reporting.explanation import explain
from tests.trading.account_stories import Story, settings
from trading.messages import DenyOrder
from trading.queue_models import ProbPower
from trading.words import OrderType, Side


def taker(story: Story) -> None:
    story.window((("29999.9", "1"),), (("30000.1", "0.3"), ("30000.4", "1")))
    story.buy("0.5", client_order_id="x")


def queued_maker(story: Story) -> None:
    story.window((("29999.9", "2"),), (("30000.1", "1"),))
    story.buy("0.5", "29999.9", client_order_id="x")
    story.trade("29999.9", "1.5", Side.SELL, at_ms=200)
    story.trade("29999.9", "0.8", Side.SELL, at_ms=300)


def canceled(story: Story) -> None:
    story.book()
    story.buy("0.5", "29990", client_order_id="x")
    story.cancel("x")


def rejected(story: Story) -> None:
    story.book()
    story.buy("0.00001", client_order_id="x")


def moved_taker(story: Story) -> None:
    story.window((("29999.9", "1"),), (("30000.1", "0.3"), ("30000.4", "1")))
    story.trade("30000.7", "1", Side.BUY, at_ms=200)
    story.buy("0.5", client_order_id="x")


def confirmed_taker(story: Story) -> None:
    story.window((("29999.9", "1"),), (("30000.1", "1"),))
    story.trade("29999.9", "1", Side.SELL, at_ms=200)
    story.buy("0.5", "30000.1", client_order_id="x", time_in_force="IOC")


def out_of_reach(story: Story) -> None:
    story.window((("29999.9", "1"),), (("30000.1", "1"),))
    story.trade("30000.7", "1", Side.BUY, at_ms=200)
    story.buy("0.5", "30000.1", client_order_id="x", time_in_force="IOC")


def denied(story: Story) -> None:
    story.book()
    order = story.order(Side.BUY, "99", client_order_id="x")
    story.tell(DenyOrder(order=order, reason="order_size", text="ORDER_SIZE_EXCEEDED: symbol=BTCUSDT, quantity=99, max=0.05"))


def stopped(story: Story) -> None:
    story.book()
    story.tell(story.order(
        Side.BUY, "0.1", client_order_id="x", type=OrderType.STOP_MARKET, trigger_price=Decimal("30010"),
    ))
    story.trade("30011", "1", Side.BUY, at_ms=100)


@pytest.mark.parametrize(("play", "told"), [
    (taker, (
        "x: BUY 0.5 BTCUSDT MARKET", "mid 30000", "0.3 at 30000.1 TAKER of 0.3 displayed at 30000.1 (level 1); model book",
        "0.2 at 30000.4 TAKER of 1 displayed at 30000.4 (level 2)", "29999.9 / 30000.1", "0.5 in 2 fills (0 maker), 0 not filled",
    )),
    (queued_maker, (
        "behind 2 displayed at its price", "0.3 at 29999.9 MAKER; model prob_power(n=3)", "ahead 2 (joined) > 0.5 (trade) > 0 (trade)",
        "2 reached it, 2.3 together", "0.3 in 1 fills (1 maker), 0.2 not filled",
    )),
    (canceled, ("for a cancel (test)", "CANCELED", ": test", "nothing was filled")),
    (rejected, ("REJECTED", "by the venue, below_minimum: QUANTITY_BELOW_MINIMUM", "nothing was filled")),
    (denied, ("DENIED", "ORDER_SIZE_EXCEEDED: symbol=BTCUSDT, quantity=99, max=0.05", "it never left for the venue")),
    (stopped, ("STOP_MARKET trigger 30010", "triggered +100 ms when the price came to 30011; trigger 30010", "FILLED")),
])
def test_an_order_is_explained_in_about_ten_lines(play: Callable[[Story], None], told: tuple[str, ...]) -> None:
    story = Story(settings(slippage_model="book", making=ProbPower()))
    play(story)
    lines = explain(story.facts, "x")
    assert lines is not None and len(lines) <= 14 and max(map(len, lines)) < 160
    text = "\n".join(lines)
    assert [each for each in told if each not in text] == [], text


@pytest.mark.parametrize(("play", "told"), [
    (moved_taker, (
        "0.3 at 30000.7 TAKER of 0.3 displayed at 30000.7 (level 1); model book_traded", "0.2 at 30001 TAKER",
        "29999.9 / 30000.1, window 1, 200 ms old; moved to 30000.5 / 30000.7 by the last trade, market fact 2",
    )),
    (confirmed_taker, ("0.5 at 30000.1 TAKER", "window 1, 200 ms old; confirmed by the last trade, market fact 2")),
    (out_of_reach, ("EXPIRED", "no_liquidity", "moved to 30000.5 / 30000.7 by the last trade, market fact 2", "nothing was filled")),
])
def test_where_trades_moved_the_window_the_explanation_says_which_and_where_to(play: Callable[[Story], None], told: tuple[str, ...]) -> None:
    story = Story(settings(slippage_model="book_traded"))
    play(story)
    lines = explain(story.facts, "x")
    assert lines is not None and len(lines) <= 10 and max(map(len, lines)) < 160
    text = "\n".join(lines)
    assert [each for each in told if each not in text] == [], text


def test_an_order_that_is_not_in_the_ledger_has_no_story() -> None:
    story = Story()
    story.book()
    assert explain(story.facts, "x") is None
