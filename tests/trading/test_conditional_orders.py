"""Orders that wait for a price: when they trigger, what they are then, and what is refused."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.trading.account_stories import INSTRUMENT, Story, settings
from trading.messages import OrderAmended, OrderTriggered
from trading.words import Liquidity, OrderType, Side, TimeInForce, TriggerSource

STOPS, PROFITS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT), (OrderType.TAKE_PROFIT_MARKET, OrderType.TAKE_PROFIT_LIMIT)
LAST, MARK = TriggerSource.LAST_PRICE, TriggerSource.MARK_PRICE


def market() -> Story:
    """30000 in the middle, at 29999.9 and 30000.1; the mark is 30000."""
    story = Story(settings(slippage_model="book"))
    story.book()
    story.mark("30000")
    return story


def parked(kind: OrderType, side: Side, trigger_price: str, **fields: object) -> Story:
    """The order "a" of 0.1, waiting; a limit far enough to be taken."""
    story = market()
    far = {"price": "30100" if side is Side.BUY else "29900"} if kind.has_limit else {}
    given: dict[str, Any] = {"client_order_id": "a", **far, **fields}
    story.tell(story.order(side, "0.1", type=kind, trigger_price=trigger_price, **given))
    assert story.status("a") == ("accepted", "")
    return story


def price_is(story: Story, source: TriggerSource, price: str) -> None:
    """What the order watches is there now, and the other price is not."""
    if source is MARK:
        story.mark(price)
    else:
        story.trade(price, "0.01", Side.BUY)


def rises(kind: OrderType, side: Side) -> bool:
    return (side is Side.BUY) == (kind in STOPS)


EVERY = [(kind, side, source) for kind in STOPS + PROFITS for side in Side for source in TriggerSource]


@pytest.mark.parametrize(("kind", "side", "source"), EVERY)
@pytest.mark.parametrize("beyond", ["0", "0.1", "25"])
def test_it_triggers_at_its_price_or_through_it_and_not_before(kind: OrderType, side: Side, source: TriggerSource, beyond: str) -> None:
    up = 1 if rises(kind, side) else -1
    trigger_price = Decimal(30000) + up * 20
    story = parked(kind, side, str(trigger_price), trigger_by=source)
    price_is(story, source, str(trigger_price - up * Decimal("0.1")))
    price_is(story, LAST if source is MARK else MARK, str(trigger_price + up * 30))
    assert not story.of(OrderTriggered) and story.position == 0, "one tick before, and the price that it does not watch"
    reached = trigger_price + up * Decimal(beyond)
    price_is(story, source, str(reached))
    assert [(each.trigger_price, each.price) for each in story.of(OrderTriggered)] == [(trigger_price, reached)]
    assert story.status("a") == ("filled", "")
    [fill] = story.fills
    assert (fill.side, fill.liquidity) == (side, Liquidity.TAKER)
    assert fill.price == (Decimal("30000.1") if side is Side.BUY else Decimal("29999.9")), "the book of that moment, not the trigger"


@pytest.mark.parametrize(("kind", "side", "source"), EVERY)
@pytest.mark.parametrize("away", ["0", "0.1"])
def test_the_wrong_side_of_the_price_is_refused_with_both(kind: OrderType, side: Side, source: TriggerSource, away: str) -> None:
    story = market()
    price_is(story, source, "30010")
    trigger_price = Decimal(30010) + Decimal(away) * (-1 if rises(kind, side) else 1)
    price = "30010" if kind.has_limit else None
    story.tell(story.order(side, "0.1", price, type=kind, trigger_price=trigger_price, trigger_by=source, client_order_id="a"))
    assert story.status("a") == ("rejected", "trigger_wrong_side")
    text = f"TRIGGER_ON_WRONG_SIDE: symbol=BTCUSDT, side={side}, trigger_price={trigger_price.normalize():f}, price=30010"
    assert story.text_of("a") == text


def test_without_a_trade_that_the_book_vouches_for_the_mid_stands_for_the_last_price() -> None:
    for before in ((), ("60000",), ("29000",)):
        story = market()
        for price in before:
            story.trade(price, "1", Side.BUY)
        story.tell(story.order(Side.BUY, "0.1", type=OrderType.STOP_MARKET, trigger_price="30000", client_order_id="at"))
        story.tell(story.order(Side.BUY, "0.1", type=OrderType.STOP_MARKET, trigger_price="30000.1", client_order_id="above"))
        assert (story.status("at")[1], story.status("above")[0]) == ("trigger_wrong_side", "accepted")


BAD: list[tuple[str, str, dict[str, Any]]] = [
    ("invalid", "ORDER_INVALID", {"type": OrderType.STOP_MARKET}),
    ("invalid", "ORDER_INVALID", {"type": OrderType.STOP_LIMIT, "trigger_price": "30020"}),
    ("invalid", "ORDER_INVALID", {"type": OrderType.STOP_LIMIT, "price": "30020"}),
    ("invalid", "ORDER_INVALID", {"type": OrderType.STOP_MARKET, "trigger_price": "30020", "price": "30020"}),
    ("invalid", "ORDER_INVALID", {"type": OrderType.TAKE_PROFIT_MARKET, "trigger_price": "29900", "trailing_bps": "10"}),
    ("invalid", "ORDER_INVALID", {"type": OrderType.MARKET, "trigger_price": "30020"}),
    ("invalid", "ORDER_INVALID", {"type": OrderType.LIMIT, "price": "29990", "trigger_price": "30020"}),
    ("invalid", "ORDER_INVALID", {"type": OrderType.LIMIT, "price": "29990", "trailing_bps": "5"}),
    ("invalid", "ORDER_INVALID", {"type": OrderType.TRAILING_STOP_MARKET, "trigger_price": "29990"}),
    ("invalid", "ORDER_INVALID", {"type": OrderType.TRAILING_STOP_MARKET, "trailing_bps": "5", "price": "29990"}),
    ("invalid", "ORDER_INVALID", {"type": OrderType.STOP_MARKET, "trigger_price": "30020", "post_only": True}),
    ("invalid", "TRAILING_INVALID", {"type": OrderType.TRAILING_STOP_MARKET, "trailing_bps": "0"}),
    ("invalid", "TRAILING_INVALID", {"type": OrderType.TRAILING_STOP_MARKET, "trailing_bps": "5001"}),
    ("invalid", "TRAILING_INVALID", {"type": OrderType.TRAILING_STOP_MARKET, "trailing_bps": "NaN"}),
    ("invalid", "TRIGGER_PRICE_INVALID", {"type": OrderType.STOP_MARKET, "trigger_price": "NaN"}),
    ("invalid", "TRIGGER_PRICE_INVALID", {"type": OrderType.STOP_MARKET, "trigger_price": "-30020"}),
    ("invalid", "TRIGGER_PRICE_INVALID", {"type": OrderType.STOP_LIMIT, "price": "30020", "trigger_price": "Infinity"}),
    ("off_tick", "TRIGGER_PRICE_OFF_TICK", {"type": OrderType.STOP_MARKET, "trigger_price": "30020.05"}),
    ("off_tick", "TRIGGER_PRICE_OFF_TICK", {"type": OrderType.STOP_LIMIT, "price": "30020", "trigger_price": "9E+999999"}),
    ("off_tick", "TRIGGER_PRICE_OFF_TICK", {"type": OrderType.TRAILING_STOP_MARKET, "trailing_bps": "5", "trigger_price": "29990.01"}),
    ("price_band", "PRICE_OUT_OF_BAND", {"type": OrderType.STOP_LIMIT, "price": "30320.3", "trigger_price": "30020"}),
    ("above_maximum", "QUANTITY_ABOVE_MAXIMUM", {"type": OrderType.STOP_MARKET, "trigger_price": "30020", "quantity": "51"}),
    ("above_maximum", "QUANTITY_ABOVE_MAXIMUM", {"type": OrderType.TRAILING_STOP_MARKET, "trailing_bps": "5", "quantity": "51"}),
    ("position_limit", "POSITION_LIMIT_EXCEEDED", {"type": OrderType.STOP_MARKET, "trigger_price": "30020", "quantity": "10.1"}),
]


@pytest.mark.parametrize(("reason", "category", "fields"), BAD)
def test_what_makes_no_sense_is_refused(reason: str, category: str, fields: dict[str, Any]) -> None:
    story = market()
    story.buy(**{"client_order_id": "a", "quantity": "0.1", **fields})
    assert story.status("a") == ("rejected", reason)
    assert story.text_of("a").startswith(f"{category}: symbol=BTCUSDT, ")


def test_the_limit_of_a_parked_order_is_measured_at_its_trigger() -> None:
    story = market()
    story.tell(story.order(Side.SELL, "0.1", "28400", type=OrderType.STOP_LIMIT, trigger_price="28500", client_order_id="far stop"))
    assert story.status("far stop") == ("accepted", "")


@pytest.mark.parametrize("fault", ["stale", "gap", "crossed", "empty"])
@pytest.mark.parametrize("source", TriggerSource)
def test_a_stop_waits_out_a_book_that_cannot_be_traded_on(fault: str, source: TriggerSource) -> None:
    story = parked(OrderType.STOP_MARKET, Side.SELL, "29980", trigger_by=source)
    if fault in ("stale", "gap"):
        story.stale(reason="silence" if fault == "stale" else "gap")
    else:
        story.window((), ()) if fault == "empty" else story.book("29980", "29970")
    price_is(story, source, "29970")
    assert story.status("a") == ("accepted", "") and not story.of(OrderTriggered)
    story.book("29974.9", "29975.1")
    assert not story.of(OrderTriggered), "a window is not the price that it watches"
    price_is(story, source, "29985")
    assert not story.of(OrderTriggered), "and that the price was there is forgotten"
    price_is(story, source, "29975")
    assert story.fills[0].price == Decimal("29974.9")


@pytest.mark.parametrize("kind", [OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT])
def test_a_limit_behind_a_trigger_rests_where_it_cannot_take_and_is_then_any_limit_order(kind: OrderType) -> None:
    trigger_price = "30020" if kind is OrderType.STOP_LIMIT else "29980"
    story = parked(kind, Side.BUY, trigger_price, price="29970")
    story.trade("29960", "1", Side.SELL)
    if kind is OrderType.STOP_LIMIT:
        assert story.fills == [], "before its trigger no trade is for it"
        story.trade(trigger_price, "0.01", Side.BUY)
    assert story.status("a") == ("triggered", "")
    story.trade("29970", "0.04", Side.SELL)
    assert [(fill.quantity, fill.price, fill.liquidity) for fill in story.fills] == [(Decimal("0.04"), Decimal(29970), Liquidity.MAKER)]


def test_a_print_that_triggers_does_not_fill_what_it_triggered() -> None:
    story = parked(OrderType.TAKE_PROFIT_LIMIT, Side.BUY, "29980", price="29980")
    story.trade("29980", "5", Side.SELL)
    assert story.status("a") == ("triggered", "") and not story.fills


@pytest.mark.parametrize(("price", "status"), [("29990", ("triggered", "")), ("30000.1", ("canceled", "post_only_would_take"))])
def test_post_only_is_judged_after_the_trigger(price: str, status: tuple[str, str]) -> None:
    story = parked(OrderType.STOP_LIMIT, Side.BUY, "30020", price=price, post_only=True)
    story.trade("30020", "0.01", Side.BUY)
    assert story.status("a") == status and not story.fills


@pytest.mark.parametrize(("force", "price", "filled", "status"), [
    (TimeInForce.IOC, "30000.1", "0.3", ("expired", "no_liquidity")), (TimeInForce.FOK, "30000.1", "0", ("expired", "no_liquidity")),
    (TimeInForce.IOC, "30000.2", "0.5", ("filled", "")), (TimeInForce.FOK, "30000.2", "0.5", ("filled", "")),
    (TimeInForce.IOC, "29990", "0", ("expired", "no_liquidity")), (TimeInForce.GTC, "30000.1", "0.3", ("partially_filled", "")),
])
def test_how_long_it_lasts_begins_with_the_trigger(force: TimeInForce, price: str, filled: str, status: tuple[str, str]) -> None:
    story = market()
    story.buy("0.5", price, type=OrderType.STOP_LIMIT, trigger_price="30020", time_in_force=force, client_order_id="a")
    story.window((("29999.9", "9"),), (("30000.1", "0.3"), ("30000.2", "9")))
    assert story.status("a") == ("accepted", "")
    story.trade("30020", "0.01", Side.BUY)
    assert (story.position, story.status("a")) == (Decimal(filled), status)


@pytest.mark.parametrize(("far", "aggressor"), [("60000", Side.BUY), ("300", Side.SELL), ("30301", Side.BUY), ("29699", Side.SELL)])
def test_a_print_far_off_the_book_neither_triggers_nor_fills_nor_trails(far: str, aggressor: Side) -> None:
    story = parked(OrderType.STOP_MARKET, Side.BUY, "30100")
    for side, kind, trigger in ((Side.SELL, OrderType.STOP_MARKET, "29900"), (Side.SELL, OrderType.TAKE_PROFIT_MARKET, "30200")):
        story.tell(story.order(side, "0.1", type=kind, trigger_price=trigger))
    story.tell(story.order(Side.SELL, "0.1", type=OrderType.TRAILING_STOP_MARKET, trailing_bps="50"))
    story.buy("0.1", "29800")
    story.trade(far, "50", aggressor)
    story.trade("30000", "0.01", Side.BUY)
    assert not story.of(OrderTriggered) and not story.fills


# ---------------------------------------------------------------------------------------------------- trailing


def trailing(side: Side, bps: str, prices: list[str], activation: str | None = None, **fields: Any) -> Story:
    story = market()
    story.tell(story.order(
        side, "0.1", type=OrderType.TRAILING_STOP_MARKET, trailing_bps=bps, trigger_price=activation, client_order_id="a", **fields,
    ))
    for price in prices:
        story.trade(price, "0.001", Side.BUY)
    return story


TRAILS: list[tuple[Side, str, str | None, list[str], str | None]] = [
    (Side.SELL, "10", None, ["30000", "30100", "30070", "30069.9"], "30069.9"),  # 30100 x 0.999
    (Side.SELL, "10", None, ["30000", "30100", "30070"], None),
    (Side.BUY, "10", None, ["30000", "29900", "29929.9"], "29929.9"),  # 29900 x 1.001
    (Side.BUY, "10", None, ["30000", "29900", "29929.8"], None),
    (Side.SELL, "1", None, ["30001", "29998.1"], None),  # 29997.9999 is on the tick below
    (Side.SELL, "1", None, ["30001", "29997.9"], "29997.9"),
    (Side.BUY, "1", None, ["29999", "30002"], "30002"),  # 30001.9999 is on the tick above
    (Side.BUY, "1", None, ["29999", "30001.9"], None),
    (Side.SELL, "10", "30100", ["30050", "29950", "30099.9"], None),  # never active
    (Side.SELL, "10", "30100", ["30050", "30100", "30069.9"], "30069.9"),
    (Side.BUY, "10", "29900", ["29950", "30050"], None),
    (Side.BUY, "10", "29900", ["29900", "29880", "29909.9"], "29909.9"),  # 29880 x 1.001 = 29909.88
]


@pytest.mark.parametrize(("side", "bps", "activation", "prices", "reached"), TRAILS)
def test_a_trailing_stop_follows_the_best_price_and_triggers_behind_it(
    side: Side, bps: str, activation: str | None, prices: list[str], reached: str | None,
) -> None:
    story = trailing(side, bps, prices, activation)
    assert [str(each.price) for each in story.of(OrderTriggered)] == ([reached] if reached else [])


def test_an_amended_activation_begins_anew_and_a_crash_does_not_tell_otherwise() -> None:
    story = trailing(Side.SELL, "10", ["30100"])
    story.amend("a", trigger_price="30110")
    assert story.of(OrderAmended)[0].trigger_price == 30110
    story.trade("30050", "0.001", Side.BUY)
    assert not story.of(OrderTriggered), "what it had followed before is forgotten"
    other = story.recovered()
    assert other.state() == story.account.state()
    facts = [fact for price in ("30110", "30079.8") for fact in story.trade(price, "0.001", Side.BUY)]
    assert [fact for message, now_ns in story.told[-2:] for fact in other.on(message, now_ns)] == facts
    assert len(story.of(OrderTriggered)) == 1


def slow_trail(side: Side, bps: str, activation: str | None, path: list[int]) -> int | None:
    """The index of the first price of a path that triggers; everything is computed again for each of them."""
    for index, price in enumerate(path):
        active = [at for at in range(index) if activation is None or (
            path[at] >= Decimal(activation) if side is Side.SELL else path[at] <= Decimal(activation))]
        if active:
            seen = path[active[0]:index]
            best = Decimal(max(seen) if side is Side.SELL else min(seen))
            share = Decimal(bps) / 10_000
            trigger_price = INSTRUMENT.round_against(side, best * (1 - share if side is Side.SELL else 1 + share))
            if price <= trigger_price if side is Side.SELL else price >= trigger_price:
                return index
    return None


@effort(max_examples=60, deadline=None)
@given(
    st.sampled_from(Side), st.sampled_from(["1", "3.3", "12.5", "30"]), st.sampled_from([None, "30010", "29985"]),
    st.lists(st.lists(st.integers(29_960, 30_040), min_size=1, max_size=4), min_size=1, max_size=15), st.integers(0, 14),
)
def test_a_trailing_stop_is_a_function_of_the_whole_price_path(
    side: Side, bps: str, activation: str | None, pushes: list[list[int]], crash_at: int,
) -> None:
    story = trailing(side, bps, [], activation)
    accounts = [story.account]
    for number, push in enumerate(pushes):
        if number == crash_at:
            accounts.append(story.recovered())
        told = story.prints(*((str(price), "0.001", Side.BUY) for price in push))
        message, now_ns = story.told[-1]
        assert [account.on(message, now_ns) for account in accounts[1:]] == [told] * (len(accounts) - 1)
    path = [price for push in pushes for price in push]
    expected = slow_trail(side, bps, activation, path)
    assert [each.price for each in story.of(OrderTriggered)] == ([] if expected is None else [path[expected]])


@pytest.mark.parametrize("side", Side)
def test_a_mark_triggered_trail_follows_the_mark_alone(side: Side) -> None:
    away = 1 if side is Side.SELL else -1
    story = trailing(side, "10", [str(30000 + away * 90), str(30000 - away * 90)], trigger_by=MARK)
    story.mark(str(30000 + away * 20))
    story.trade(str(30000 - away * 90), "0.001", Side.BUY)
    assert not story.of(OrderTriggered)
    story.mark(str(30000 - away * 11))
    assert len(story.of(OrderTriggered)) == 1
