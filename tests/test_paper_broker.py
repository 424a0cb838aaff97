"""The paper broker's promises to its users: idempotent orders, the position cap, slippage, fees, first-in-first-out
profit."""

from decimal import Decimal

import pytest

from tests.trading.account_stories import BTC, Story, settings
from trading.account import Account
from trading.duplicates import Duplicates
from trading.messages import OrderAccepted, OrderFilled, OrderRejected, OrderSubmitted
from trading.orders import OrderResult
from trading.words import Liquidity, Side


class Timer:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


# ---------------------------------------------------------------------------------------------------- idempotent orders


def test_idempotent_the_same_id_five_times_and_after_six_seconds_is_one_order() -> None:
    story, timer = Story(), Timer()
    duplicates = Duplicates(story.account, timer)
    story.book()
    order = story.order(Side.BUY, "0.01", client_order_id="same")
    answers = []
    for wait_s in (0, 0, 0, 0, 0, 6):
        timer.now_s += wait_s
        answers.append(duplicates.original("same"))
        if answers[-1] is None:
            story.tell(order)
            duplicates.remember("same")
    assert answers == [None] + 5 * [OrderResult("filled")]
    assert (duplicates.hits, duplicates.recalls) == (4, 1)
    assert len(story.of(OrderSubmitted)) == len(story.of(OrderAccepted)) == len(story.fills) == 1


def test_idempotent_the_account_itself_ignores_a_known_id_whatever_it_carries() -> None:
    story = Story()
    story.book()
    story.buy("0.01", client_order_id="same")
    assert story.buy("0.01", client_order_id="same") == ()
    assert story.sell("5", "31000", client_order_id="same") == ()
    assert story.position == Decimal("0.01")


def test_idempotent_a_retry_after_recovery_is_still_a_duplicate() -> None:
    story = Story()
    story.book()
    order = story.order(Side.BUY, "0.01", client_order_id="same")
    story.tell(order)
    recovered = Account.recover(story.settings, "test", story.facts)
    assert recovered.on(order, story.now_ns) == ()
    assert Duplicates(recovered, Timer()).original("same") == OrderResult("filled")


def test_idempotent_a_rejected_order_stays_rejected_when_it_is_sent_again() -> None:
    story = Story(settings(position_max={BTC: Decimal("0.05")}))
    story.book()
    story.buy("0.1", client_order_id="same")
    assert story.buy("0.1", client_order_id="same") == ()
    assert story.status("same") == ("rejected", "position_limit")


def test_idempotent_cache_holds_a_thousand_entries_and_the_account_the_rest() -> None:
    story = Story()
    duplicates = Duplicates(story.account, Timer())
    story.book()
    for number in range(1_001):
        story.buy("0.001", "29000", client_order_id=f"o{number}")
        duplicates.remember(f"o{number}")
    assert duplicates.original("o0") == OrderResult("accepted")
    assert (duplicates.hits, duplicates.recalls) == (0, 1)


# ---------------------------------------------------------------------------------------------------- position cap


def test_position_cap_of_005_rejects_a_buy_of_01() -> None:
    story = Story(settings(position_max={BTC: Decimal("0.05")}))
    story.book()
    story.buy("0.1", client_order_id="big")
    assert story.account.result_of("big") == OrderResult("rejected", "position_limit")
    [rejected] = story.of(OrderRejected)
    assert rejected.text == "POSITION_LIMIT_EXCEEDED: symbol=BTCUSDT, side=BUY, position=0, worst=0, quantity=0.1, max=0.05"
    assert story.position == 0


def test_position_cap_lets_a_reducing_order_pass() -> None:
    story = Story(settings(position_max={BTC: Decimal("0.1")}))
    story.book()
    story.buy("0.1")
    story.sell("0.1", client_order_id="out")
    assert story.status("out") == ("filled", "")
    assert story.position == 0


def test_position_cap_counts_working_orders_on_the_same_side() -> None:
    story = Story(settings(position_max={BTC: Decimal("0.05")}))
    story.book()
    story.buy("0.03", "29900", client_order_id="first")
    story.buy("0.03", "29900", client_order_id="second")
    story.sell("0.05", "30100", client_order_id="other side")
    assert [story.status(each)[0] for each in ("first", "second", "other side")] == ["accepted", "rejected", "accepted"]


def test_position_cap_counts_again_after_a_cancel() -> None:
    story = Story(settings(position_max={BTC: Decimal("0.05")}))
    story.book()
    story.buy("0.03", "29900", client_order_id="first")
    story.cancel("first")
    story.buy("0.03", "29900", client_order_id="second")
    assert story.status("second")[0] == "accepted"


def test_position_cap_holds_for_what_reaches_the_venue_in_the_same_instant() -> None:
    story = Story(settings(position_max={BTC: Decimal("0.05")}, entry_latency_ms=100))
    story.book()
    story.buy("0.03", client_order_id="first")
    story.buy("0.03", client_order_id="second")
    story.book(at_ms=200)
    assert (story.status("first")[0], story.status("second")) == ("filled", ("rejected", "position_limit"))


def test_position_cap_is_held_at_the_fill_when_reducing_orders_together_would_overshoot() -> None:
    story = Story(settings(position_max={BTC: Decimal("0.05")}))
    story.book()
    story.buy("0.05")
    for number in range(3):
        story.sell("0.05", "30100", client_order_id=f"exit {number}")
    story.trade("30200", "10", Side.BUY)
    assert story.position == Decimal("-0.05")
    assert story.status("exit 2") == ("canceled", "position_limit")


# ---------------------------------------------------------------------------------------------------- slippage


def test_slippage_of_a_hundred_market_orders_averages_more_than_20_bps() -> None:
    story = Story()
    for number in range(100):
        story.book(str(30_000 + 7 * number), str(30_000 + 7 * number + Decimal("0.2")), at_ms=number)
        (story.buy if number % 2 else story.sell)("0.01")
    assert len(story.fills) == 100
    average = sum(fill.slippage_bps for fill in story.fills) / 100
    assert Decimal(30) <= average < Decimal("30.1")


@pytest.mark.parametrize(("side", "expected"), [(Side.BUY, "30090"), (Side.SELL, "29910")])
def test_slippage_of_30_bps_is_a_factor_of_0_0030_on_the_mid(side: Side, expected: str) -> None:
    story = Story()
    story.book()
    story.tell(story.order(side, "0.01"))
    assert story.fills[0].price == Decimal(expected)
    assert story.fills[0].slippage_bps == 30


def test_slippage_rounds_to_the_tick_against_the_trader() -> None:
    story = Story()
    story.book("30000", "30000.1")
    story.buy("0.01")
    story.sell("0.01")
    assert [fill.price for fill in story.fills] == [Decimal("30090.1"), Decimal("29910")]


def test_slippage_of_the_book_model_is_what_the_levels_give() -> None:
    story = Story(settings(slippage_model="book"))
    story.window((("29999", "1"),), (("30001", "1"), ("30003", "2"), ("30005", "5")))
    story.buy("2")
    assert [(fill.price, fill.quantity) for fill in story.fills] == [(Decimal(30001), Decimal(1)), (Decimal(30003), Decimal(1))]


# ---------------------------------------------------------------------------------------------------- fees


def test_fee_of_ten_resting_orders_that_are_hit_is_a_rebate() -> None:
    story = Story()
    story.book()
    for number in range(10):
        story.buy("0.01", str(29_990 - number))
    story.trade("29900", "1", Side.SELL)
    assert len(story.fills) == 10
    assert all(fill.liquidity is Liquidity.MAKER and fill.fee < 0 for fill in story.fills)
    assert story.account.state().fees < 0


def test_fee_is_the_exact_share_of_the_notional() -> None:
    story = Story()
    story.book()
    story.buy("0.0123")
    story.buy("0.01", "29990")
    story.trade("29990", "1", Side.SELL)
    assert [fill.fee for fill in story.fills] == [Decimal("0.0123") * 30090 * Decimal("0.0005"), Decimal("-0.05998")]


def test_fee_of_a_limit_order_that_takes_is_the_takers() -> None:
    story = Story()
    story.book()
    story.buy("0.01", "30010")
    assert story.fills[0].liquidity is Liquidity.TAKER
    assert story.fills[0].price == Decimal("30010"), "the fixed model is worse than the limit, the limit counts"
    assert story.fills[0].fee == Decimal("0.15005")


def test_fee_schedule_of_the_session_counts() -> None:
    story = Story(settings(maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.0006")))
    story.book()
    story.buy("0.1")
    story.buy("0.1", "29990")
    story.trade("29990", "1", Side.SELL)
    assert [fill.fee for fill in story.fills] == [Decimal("1.8054"), Decimal("0.5998")]


# ---------------------------------------------------------------------------------------------------- fifo


def fill_at(story: Story, side: Side, quantity: str, price: str) -> OrderFilled:
    """An execution of exactly this price: a resting order that the market trades through."""
    ask = Decimal(price) + 10 if side is Side.BUY else Decimal(price) - 9
    story.book(str(ask - 1), str(ask))
    story.tell(story.order(side, quantity, price))
    story.trade(price, "100", side.opposite)
    return story.fills[-1]


def test_fifo_two_buys_and_one_sell_realize_250() -> None:
    story = Story()
    fill_at(story, Side.BUY, "0.1", "30000")
    fill_at(story, Side.BUY, "0.1", "31000")
    sold = fill_at(story, Side.SELL, "0.15", "32000")
    assert [(part.quantity, part.entry, part.pnl) for part in sold.closed] == [
        (Decimal("0.1"), Decimal(30000), Decimal(200)), (Decimal("0.05"), Decimal(31000), Decimal(50)),
    ]
    assert sold.realized_pnl == 250
    assert story.position == Decimal("0.05")
    [lot] = story.account.state().positions[BTC].lots
    assert (lot.quantity, lot.price) == (Decimal("0.05"), Decimal(31000))


def test_fifo_flip_through_zero_closes_the_long_and_opens_a_short() -> None:
    story = Story()
    fill_at(story, Side.BUY, "0.1", "30000")
    flipped = fill_at(story, Side.SELL, "0.3", "30100")
    assert flipped.realized_pnl == 10
    assert flipped.position == Decimal("-0.2")
    assert fill_at(story, Side.BUY, "0.2", "30000").realized_pnl == 20


def test_fifo_and_average_cost_agree_in_total_at_any_price() -> None:
    story = Story()
    for side, quantity, price in ((Side.BUY, "0.1", "30000"), (Side.BUY, "0.2", "31000"), (Side.SELL, "0.17", "30500"),
                                  (Side.SELL, "0.4", "30700"), (Side.BUY, "0.11", "30900")):
        fill_at(story, side, quantity, price)
        holding = story.account.desk.ledger.holdings[BTC]
        for mark in map(Decimal, ("1", "30777.7", "99999.9")):
            lots = story.account.desk.ledger.realized_pnl + holding.lots.unrealized(mark)
            assert lots == holding.average.realized_pnl + holding.average.unrealized(mark)


