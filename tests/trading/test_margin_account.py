"""Isolated margin as the account lives it: what may be opened, and what the venue takes away."""

from decimal import Decimal

import pytest

from tests.trading.account_stories import BTC, Story, settings
from trading.invariants import violations
from trading.margin import MarginSettings, Tier
from trading.messages import EquityMarked, OrderCanceled, PositionLiquidated
from trading.words import OrderType, Side

TIERS = (
    Tier(Decimal(0), Decimal(50_000), 20, Decimal("0.01")), Tier(Decimal(50_000), Decimal(200_000), 5, Decimal("0.02")),
)
CAP = {BTC: Decimal(10)}


def account(leverage: int = 10, balance: str = "10000", **changes: object) -> Story:
    """30000 in the middle, mark and all; fees are 0.05 % for takers and nothing for makers."""
    story = Story(settings(**{
        "margin": {BTC: MarginSettings(leverage=leverage, tiers=TIERS)}, "balance": Decimal(balance), "slippage_model": "book",
        "maker_fee": Decimal(0), **changes,
    }))
    story.book()
    story.mark("30000")
    return story


# ---------------------------------------------------------------------------------------------------- what may be opened


@pytest.mark.parametrize(("quantity", "status"), [("0.3316", "accepted"), ("0.3317", "rejected")])
def test_margin_and_the_fee_of_opening_must_be_there(quantity: str, status: str) -> None:
    story = account(balance="1000")  # 0.3316 x 30000 x (0.1 + 0.0005) = 999.774
    story.buy(quantity, "30000", client_order_id="a")
    assert story.status("a")[0] == status
    if status == "rejected":
        assert story.status("a")[1] == "insufficient_margin"
        assert story.text_of("a") == "MARGIN_INSUFFICIENT: symbol=BTCUSDT, needed=1000.0755, available=1000, leverage=10"


def test_working_orders_and_positions_tie_margin_up_and_give_it_back() -> None:
    story = account(balance="1000")
    story.buy("0.2", "29900", client_order_id="a")
    story.buy("0.2", "29900", client_order_id="b")
    assert story.status("b") == ("rejected", "insufficient_margin")
    assert story.text_of("b") == "MARGIN_INSUFFICIENT: symbol=BTCUSDT, needed=600.99, available=399.01, leverage=10"
    story.cancel("a")
    story.buy("0.2", "29900", client_order_id="c")
    story.trade("29900", "9", Side.SELL)
    story.buy("0.2", "29900", client_order_id="d")
    assert (story.status("c")[0], story.status("d")) == ("filled", ("rejected", "insufficient_margin"))


def test_a_gain_that_is_not_realized_opens_nothing_and_a_loss_counts() -> None:
    story = account(balance="1000")
    story.buy("0.2", "29900")
    story.trade("29900", "9", Side.SELL)
    story.mark("33000")
    story.buy("0.2", "29900", client_order_id="rich")
    story.mark("29400")
    story.buy("0.1", "29400", client_order_id="poor")
    assert story.text_of("rich").endswith("available=402, leverage=10")
    assert story.status("poor") == ("accepted", "")
    story.buy("0.01", "29400", client_order_id="poorer")
    assert story.text_of("poorer").endswith("available=6.53, leverage=10"), "402 - 100 - 0.1 x 29400 x 0.1005"


def test_what_reduces_always_passes() -> None:
    story = account(balance="310")
    story.buy("0.1")
    story.mark("29000")
    story.buy("0.1", "29000", client_order_id="more")
    assert story.status("more") == ("rejected", "insufficient_margin")
    story.book("28999.9", "29000.1")
    story.sell("0.04", "30100", reduce_only=True, client_order_id="reduce only")
    story.sell("0.06", client_order_id="reduces")
    assert (story.status("reduce only")[0], story.status("reduces")[0]) == ("accepted", "filled")


@pytest.mark.parametrize(("leverage", "quantity", "text"), [
    (20, "1.6", ""), (20, "1.7", "LEVERAGE_EXCEEDS_MAXIMUM: symbol=BTCUSDT, leverage=20, notional=51000, max=5"),
    (21, "0.1", "LEVERAGE_EXCEEDS_MAXIMUM: symbol=BTCUSDT, leverage=21, notional=3000, max=20"), (5, "1.6", ""),
    (5, "6.7", "NOTIONAL_EXCEEDS_MAXIMUM: symbol=BTCUSDT, notional=201000, max=200000"),
])
def test_the_tier_of_the_notional_bounds_the_leverage(leverage: int, quantity: str, text: str) -> None:
    story = account(leverage)
    story.buy(quantity, "30000", client_order_id="a")
    assert story.status("a") == (("rejected", "leverage") if text else ("accepted", ""))
    assert not text or story.text_of("a") == text


def test_the_position_counts_toward_the_tier() -> None:
    story = account(20)
    story.buy("1.6")
    story.buy("0.1", "30000", client_order_id="a")
    assert story.status("a") == ("rejected", "leverage")


def test_a_conditional_order_needs_its_margin_at_its_trigger() -> None:
    story = account(balance="301")
    story.buy("0.1", type=OrderType.STOP_MARKET, trigger_price="30020", client_order_id="a")
    assert story.text_of("a") == "MARGIN_INSUFFICIENT: symbol=BTCUSDT, needed=301.701, available=301, leverage=10"


# ---------------------------------------------------------------------------------------------------- what is taken away

# 0.5 at 30000.1 (long) or 29999.9 (short) with leverage 10: wallet 1500.005 or 1499.995.
# Long (30000.1 - 3000.01) / (1 - 0.0105) = 27286.6; short (29999.9 + 2999.99) / (1 + 0.0105) = 32656.99, on the tick below.
# Bankrupt where only the fee of closing is left: 27000.09 / 0.9995 = 27013.59..., 32999.89 / 1.0005 = 32983.39...
EDGES = {Side.BUY: ("27286.6", "27286.7", "27013.6"), Side.SELL: ("32656.9", "32656.8", "32983.3")}


def opened(side: Side) -> Story:
    story = account()
    story.tell(story.order(side, "0.5"))
    return story


@pytest.mark.parametrize("side", Side)
def test_a_position_is_liquidated_on_the_mark_and_on_nothing_else(side: Side) -> None:
    edge, before, bankruptcy = EDGES[side]
    story = opened(side)
    story.book(str(Decimal(edge) - 1000), str(Decimal(edge) - 999))
    story.trade(str(Decimal(edge) - 1000), "1", Side.SELL)
    story.book(str(Decimal(edge) + 1000), str(Decimal(edge) + 1001))
    story.trade(str(Decimal(edge) + 1000), "1", Side.BUY)
    story.mark(before)
    assert not story.of(PositionLiquidated)
    story.book(str(Decimal(edge) - Decimal("0.5")), str(Decimal(edge) + Decimal("0.5")))
    story.mark(edge)
    [liquidated] = story.of(PositionLiquidated)
    assert (liquidated.liquidation_price, liquidated.bankruptcy_price) == (Decimal(edge), Decimal(bankruptcy))
    assert abs(liquidated.margin - 1500) < 1 and liquidated.mark == Decimal(edge)
    assert story.position == 0 and violations(story.facts, CAP) == []


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("book", ["good", "beyond", "thin", "stale", "crossed", "empty"])
def test_no_more_is_lost_than_the_wallet_the_fee_included(side: Side, book: str) -> None:
    edge, _, bankruptcy = EDGES[side]
    story = opened(side)
    story.tell(story.order(side, "0.1", "25000" if side is Side.BUY else "35000", client_order_id="other"))
    paid = story.account.state().fees
    middle = Decimal(edge) if book == "good" else Decimal(bankruptcy) + (-50 if side is Side.BUY else 50)
    bid, ask = str(middle - Decimal("0.5")), str(middle + Decimal("0.5"))
    if book == "empty":
        story.window((), ())
    else:
        story.book(ask if book == "crossed" else bid, bid if book == "crossed" else ask, quantity="0.1" if book == "thin" else "9")
    if book == "stale":
        story.stale()
    facts = story.mark(edge)
    names = [type(fact).__name__ for fact in facts]
    assert names[:4] == ["PositionLiquidated", "OrderCanceled", "OrderSubmitted", "OrderAccepted"]
    assert story.of(OrderCanceled)[0].reason == "liquidation" and set(names[4:]) == {"OrderFilled"}
    fills = story.fills[1:]
    worst = max if side is Side.SELL else min
    assert worst(fill.price for fill in fills) == (Decimal(bankruptcy) if book != "good" else Decimal(edge) + (
        Decimal("-0.5") if side is Side.BUY else Decimal("0.5")))
    state, wallet = story.account.state(), story.of(PositionLiquidated)[0].margin
    fee = sum(fill.price * fill.quantity for fill in fills) * Decimal("0.0005")
    assert state.fees - paid == fee > 0
    assert -state.realized_pnl + fee <= wallet and state.equity >= 10_000 - paid - wallet
    assert story.position == 0 and not state.open_orders and violations(story.facts, CAP) == []


def test_after_a_liquidation_the_account_goes_on_with_what_is_left() -> None:
    story = opened(Side.BUY)
    story.mark("27000")
    story.book("26999.9", "27000.1")
    balance = story.account.state().balance
    assert 8400 < balance < 8500
    story.sell("0.3", client_order_id="next")
    assert story.status("next") == ("filled", "") and story.position == Decimal("-0.3")
    story.mark("29700")
    assert len(story.of(PositionLiquidated)) == 2 and story.account.state().balance < balance


def test_what_is_left_of_an_account_opens_no_more_than_it_can_pay() -> None:
    story = account(balance="1502")
    story.buy("0.49")
    story.mark("20000")
    story.book("19999.9", "20000.1")
    story.buy("0.1", client_order_id="a")
    assert story.status("a") == ("rejected", "insufficient_margin")
    left = story.account.state().equity
    assert 0 < left < 25 and f"available={left}" in story.text_of("a")


def test_a_whole_account_in_one_position_ends_at_zero_and_not_below() -> None:
    """What the margin cannot cover, the price or the fee, the venue's insurance fund bears."""
    story = account(20, balance="1520")
    story.buy("1")
    story.stale()
    story.mark("20000", at_ms=1000)
    [liquidated] = story.of(PositionLiquidated)
    assert (story.fills[-1].price, story.fills[-1].model) == (liquidated.bankruptcy_price, "bankruptcy")
    state = story.account.state()
    assert state.equity == 1520 + state.realized_pnl - state.fees
    assert 4 < state.equity < 6, "the rest of the balance, and less than a tick of the margin"
    assert story.of(EquityMarked)[-1].equity == state.equity and violations(story.facts, CAP) == []


def test_a_rebate_for_closing_is_the_accounts_and_moves_no_price() -> None:
    story = account(20, balance="1520", taker_fee=Decimal("-0.0002"))
    story.buy("1")
    story.mark("20000")
    [liquidated] = story.of(PositionLiquidated)
    assert liquidated.bankruptcy_price == story.fills[-1].price == Decimal("28500.1")
    assert story.account.state().equity == Decimal("1520") - 1500 + Decimal("6.00002") + Decimal("5.70002")


def test_funding_moves_the_cash_and_not_the_wallet() -> None:
    story = opened(Side.BUY)
    story.mark("30000", rate="0.01", next_funding_ms=500)
    story.book(at_ms=600)
    assert story.account.state().funding == -150
    story.mark("27286.7")
    assert not story.of(PositionLiquidated)
    story.mark("27286.6")
    assert story.of(PositionLiquidated)[0].margin == Decimal("1500.005")


def test_funding_that_the_cash_cannot_pay_is_missing_in_the_wallet() -> None:
    story = account(10, balance="1600")
    story.buy("0.5")
    story.mark("30000", rate="0.02", next_funding_ms=500)
    story.book(at_ms=600)
    balance = story.account.state().balance
    assert (story.account.state().funding, balance) == (Decimal(-300), Decimal("1292.499975"))
    story.mark("27286.7")  # with its whole wallet it would live
    [liquidated] = story.of(PositionLiquidated)
    assert liquidated.margin == balance
    assert 0 <= story.account.state().equity < 60 and violations(story.facts, CAP) == []


# ---------------------------------------------------------------------------------------------------- across tiers

STEEP = MarginSettings(leverage=10, tiers=(
    Tier(Decimal(0), Decimal(28_000), 50, Decimal("0.01")), Tier(Decimal(28_000), Decimal(31_000), 20, Decimal("0.045")),
    Tier(Decimal(31_000), Decimal(90_000), 10, Decimal("0.09")),
))
"""A coin at 30000 has 3000: a long is taken away from 28287.2 down to 28000 and from 27286.6 down, a short from 31564.2 on (of the
second tier) but already above 31000 by the third."""


@pytest.mark.parametrize(("side", "marks", "taken"), [
    (Side.BUY, ["29000", "28287.3", "28287.2"], ("28287.2", "28287.2")),
    (Side.BUY, ["29000", "28000.1"], ("28000.1", "28287.2")),
    (Side.BUY, ["29000", "28000", "27286.7", "27286.6"], ("27286.6", "27286.6")),
    (Side.BUY, ["28000", "28300", "28000", "28300", "28000", "28290", "27999.9"], None),
    (Side.BUY, ["30999", "32000", "30999", "32900", "31000"], None),
    (Side.SELL, ["30000", "31000", "30999", "31000"], None),
    (Side.SELL, ["31000", "31000.1"], ("31000.1", "31000")),
    (Side.SELL, ["30000", "34000"], ("34000", "31000")),
])
def test_each_mark_is_judged_by_its_own_tier_whatever_marks_came_before(side: Side, marks: list[str], taken: tuple[str, str] | None) -> None:
    story = account(margin={BTC: STEEP})
    story.tell(story.order(side, "1"))
    for mark in marks:
        story.mark(mark)
    found = [(each.mark, each.liquidation_price) for each in story.of(PositionLiquidated)]
    assert found == ([] if taken is None else [(Decimal(taken[0]), Decimal(taken[1]))])
    assert story.position == (0 if taken else (1 if side is Side.BUY else -1)) and violations(story.facts, CAP) == []


def test_a_position_that_is_added_to_and_reduced_is_judged_as_it_is() -> None:
    story = account(margin={BTC: STEEP})
    story.buy("0.5")
    story.mark("28100")
    story.book("28099.9", "28100.1")
    story.buy("0.5")
    assert not story.of(PositionLiquidated)
    story.mark("28000.1")  # a coin bought at 29050.1 lives in the second tier down to 27391.4, where that has long ended
    story.sell("0.5")
    story.mark("26422.7")  # half a coin is of the first
    assert not story.of(PositionLiquidated)
    story.mark("26422.6")
    [liquidated] = story.of(PositionLiquidated)
    assert (liquidated.position, liquidated.cost) == (Decimal("0.5"), Decimal("14525.05"))


def test_without_margin_settings_nothing_is_taken_away() -> None:
    story = account(margin={})
    story.buy("9")
    story.mark("1")
    assert not story.of(PositionLiquidated) and story.account.state().equity < 0
