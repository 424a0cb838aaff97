"""The ``book_traded`` model: the window is walked from where the last trade behind it says that it begins by now."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.account_stories import BTC, INSTRUMENT, Story, levels, settings
from tests.trading.session_machine import TwinStory
from trading.account_settings import AccountSettings
from trading.book import Book
from trading.implied_touch import implied_touch, moved
from trading.matching import BOOK_TRADED, TAKER_MODELS, Taking
from trading.messages import CloseAll, OrderCanceled, OrderExpired, OrderRested, PassOver, Print
from trading.receipts import ImpliedTouch
from trading.words import OrderType, Side, TimeInForce

BIDS = (("29999.9", "1"), ("29999.8", "2"), ("29999.5", "4"))
ASKS = (("30000.1", "1"), ("30000.2", "2"), ("30000.5", "4"))
BUY, SELL = Side.BUY, Side.SELL

Fills = list[tuple[str, str]]


def terms(**changes: object) -> AccountSettings:
    return settings(slippage_model=BOOK_TRADED, **changes)


def begun(story: Story | None = None) -> Story:
    story = story or Story(terms())
    story.window(BIDS, ASKS, at_ms=0)
    return story


def fills(story: Story) -> Fills:
    return [(str(each.price), str(each.quantity)) for each in story.fills]


# ------------------------------------------------------------------------------------------------ where the walk begins

AT_WINDOW_BUY, AT_WINDOW_SELL = [("30000.1", "1"), ("30000.2", "1")], [("29999.9", "1"), ("29999.8", "1")]

TRADES: dict[str, tuple[tuple[tuple[str, Side], ...], Fills, Fills]] = {
    "none since": ((), AT_WINDOW_BUY, AT_WINDOW_SELL),
    "a buyer at the ask": ((("30000.1", BUY),), AT_WINDOW_BUY, AT_WINDOW_SELL),
    "a seller at the bid": ((("29999.9", SELL),), AT_WINDOW_BUY, AT_WINDOW_SELL),
    "a buyer one tick up": ((("30000.2", BUY),), [("30000.2", "1"), ("30000.3", "1")], [("30000", "1"), ("29999.9", "1")]),
    "a seller one tick down": ((("29999.8", SELL),), [("30000", "1"), ("30000.1", "1")], [("29999.8", "1"), ("29999.7", "1")]),
    "through several levels": ((("30000.5", BUY),), [("30000.5", "1"), ("30000.6", "1")], [("30000.3", "1"), ("30000.2", "1")]),
    "beyond the window": ((("29997.9", SELL),), [("29998.1", "1"), ("29998.2", "1")], [("29997.9", "1"), ("29997.8", "1")]),
    "a buyer between the best prices": ((("30000", BUY),), [("30000", "1"), ("30000.1", "1")], AT_WINDOW_SELL),
    "a seller between the best prices": ((("30000", SELL),), AT_WINDOW_BUY, [("30000", "1"), ("29999.9", "1")]),
    "a buyer where the bid was": ((("29999.9", BUY),), [("29999.9", "1"), ("30000", "1")], [("29999.7", "1"), ("29999.6", "1")]),
    "the last of a push counts": ((("30000.9", BUY), ("30000.1", BUY)), AT_WINDOW_BUY, AT_WINDOW_SELL),
    "the last that is believed": (
        (("30000.2", BUY), ("60000", BUY)), [("30000.2", "1"), ("30000.3", "1")], [("30000", "1"), ("29999.9", "1")],
    ),
    "one that is not believed": ((("60000", BUY),), AT_WINDOW_BUY, AT_WINDOW_SELL),
}


@pytest.mark.parametrize("what", TRADES)
def test_the_walk_begins_where_the_last_trade_says(what: str) -> None:
    trades, bought, sold = TRADES[what]
    for side, expected in ((BUY, bought), (SELL, sold)):
        story = begun()
        if trades:
            story.prints(*((price, "0.5", aggressor) for price, aggressor in trades), at_ms=100)
        story.tell(story.order(side, "2"))
        assert fills(story) == expected


def test_the_newest_push_counts_and_a_newer_window_overrules_it() -> None:
    story = begun()
    story.trade("30000.9", "1", BUY, at_ms=100)
    story.trade("30000.2", "1", BUY, at_ms=200)
    story.buy("1")
    story.window(BIDS, (("30000.1", "1.5"),), at_ms=310)
    story.buy("1")
    story.trade("30000.4", "1", BUY, at_ms=320)
    story.buy("1")
    assert fills(story) == [("30000.2", "1"), ("30000.1", "1"), ("30000.4", "1")]


def test_more_than_the_moved_window_holds_is_estimated_behind_it() -> None:
    story = begun()
    story.trade("30001.1", "1", BUY, at_ms=100)
    story.buy("8")
    last = story.fills[-1]
    assert fills(story)[:3] == [("30001.1", "1"), ("30001.2", "2"), ("30001.5", "4")]
    assert last.receipt is not None and last.receipt.extrapolated and last.price > Decimal("30001.5") and last.leaves_quantity == 0


def test_a_stop_fills_where_the_trade_that_triggers_it_says_and_not_at_the_price_before() -> None:
    story = begun()
    story.buy("1", type=OrderType.STOP_MARKET, trigger_price="30002")
    story.trade("30003", "1", BUY, at_ms=100)
    assert fills(story) == [("30003", "1")]


def test_a_flatten_walks_the_same_book() -> None:
    story = begun()
    story.buy("1")
    story.trade("29999.5", "1", SELL, at_ms=100)
    story.tell(CloseAll(reason="kill"))
    assert fills(story)[1:] == [("29999.5", "1")]


def test_the_book_model_does_not_hear_of_it() -> None:
    story = begun(Story(settings(slippage_model="book")))
    story.trade("30000.5", "1", BUY, at_ms=100)
    story.buy("1")
    assert fills(story) == [("30000.1", "1")]


# ------------------------------------------------------------------------------------------------ what forgets it


@pytest.mark.parametrize("forget", [
    lambda story: story.stale("all", at_ms=200),
    lambda story: story.stale("depth_book15", reason="gap", at_ms=200),
    lambda story: story.tell(PassOver(first=1, last=2)),
], ids=["silence", "gap", "not heard again"])
def test_where_the_book_is_not_vouched_for_no_trade_speaks_of_it(forget: Callable[[Story], object]) -> None:
    story = begun()
    market = story.account.desk.markets[BTC]
    story.trade("30000.5", "1", BUY, at_ms=100)
    assert market.touch is not None
    forget(story)
    assert market.touch is None
    story.trade("30000.5", "1", BUY, at_ms=300)
    assert market.touch is None, "there is no book that it could have moved"
    story.window(BIDS, ASKS, at_ms=400)
    story.buy("1")
    assert fills(story) == [("30000.1", "1")]


def test_a_silent_stream_of_trades_takes_nothing_back() -> None:
    story = begun()
    story.trade("30000.5", "1", BUY, at_ms=100)
    story.stale("trade", at_ms=200)
    story.buy("1")
    assert fills(story) == [("30000.5", "1")]


def test_before_the_first_window_and_on_a_crossed_one_a_trade_implies_nothing() -> None:
    story = Story(terms())
    market = story.account.desk.markets[BTC]
    story.trade("30000.5", "1", BUY, at_ms=0)
    assert market.touch is None
    begun(story)
    story.window((("30001", "1"),), (("30000", "1"),), at_ms=10)
    story.trade("30000.5", "1", BUY, at_ms=20)
    assert market.touch is None


# ------------------------------------------------------------------------------------------------ own orders and limits


def test_own_orders_do_not_get_the_same_quantity_twice() -> None:
    story = begun()
    story.trade("30000.3", "1", BUY, at_ms=100)
    story.buy("1.5")
    story.trade("30000.3", "1", BUY, at_ms=200)
    story.buy("1")
    assert fills(story) == [("30000.3", "1"), ("30000.4", "0.5"), ("30000.4", "1")]
    story.window(BIDS, (("30000.3", "1"), ("30000.4", "3")), at_ms=310)
    story.buy("1")
    assert fills(story)[3:] == [("30000.4", "1")], "the window shows the same at the price that own orders emptied, and more at the other"


LIMITS: dict[str, tuple[TimeInForce, str, str, Fills, type]] = {
    "out of reach by now, IOC": (TimeInForce.IOC, "30000.2", "1", [], OrderExpired),
    "out of reach by now, FOK": (TimeInForce.FOK, "30000.2", "1", [], OrderExpired),
    "out of reach by now, GTC": (TimeInForce.GTC, "30000.2", "1", [], OrderRested),
    "in part, IOC": (TimeInForce.IOC, "30000.3", "2", [("30000.3", "1")], OrderExpired),
    "in part, FOK": (TimeInForce.FOK, "30000.3", "2", [], OrderExpired),
    "in part, GTC": (TimeInForce.GTC, "30000.3", "2", [("30000.3", "1")], OrderRested),
    "all of it, FOK": (TimeInForce.FOK, "30000.4", "2", [("30000.3", "1"), ("30000.4", "1")], type(None)),
}


@pytest.mark.parametrize("what", LIMITS)
def test_limits_hold_against_the_moved_window(what: str) -> None:
    force, limit, quantity, expected, end = LIMITS[what]
    story = begun()
    story.trade("30000.3", "1", BUY, at_ms=100)
    story.buy(quantity, limit, time_in_force=force)
    assert fills(story) == expected
    assert [type(each) for each in story.facts if isinstance(each, OrderExpired | OrderRested | OrderCanceled)] == [end] * (end is not type(None))


def test_whether_an_order_takes_or_rests_is_the_windows_to_say() -> None:
    story = begun()
    story.trade("29999.5", "1", SELL, at_ms=100)
    story.buy("1", "30000", client_order_id="rests", post_only=True)
    story.buy("1", "30000.1", client_order_id="takes", post_only=True)
    assert story.status("rests")[0] == "accepted" and story.status("takes") == ("rejected", "post_only_would_take")


def test_nothing_is_taken_outside_the_price_protection() -> None:
    narrow = msgspec.structs.replace(INSTRUMENT, price_protect_scope=Decimal("0.00001"))  # 29999.7 to 30000.3
    story = Story(terms(instruments=(narrow,)))
    begun(story)
    story.mark("30000", at_ms=10)
    story.trade("30000.2", "1", BUY, at_ms=100)
    story.buy("9")
    assert fills(story) == [("30000.2", "1"), ("30000.3", "2")]


def test_what_is_taken_says_which_trade_moved_the_window_and_slippage_is_against_the_mid_that_was_on_view() -> None:
    story = begun()
    story.trade("30000.3", "1", BUY, at_ms=100)
    story.buy("1")
    [fill] = story.fills
    assert fill.receipt is not None and (fill.mid, fill.touch, fill.receipt.bid, fill.receipt.ask) == (
        Decimal(30000), Decimal("30000.1"), Decimal("29999.9"), Decimal("30000.1"),
    )
    assert fill.receipt.implied == ImpliedTouch(2, Decimal("30000.1"), Decimal("30000.3"))
    assert fill.slippage_bps == Decimal("0.1")


# ------------------------------------------------------------------------------------------------ after a crash


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("trades", [
    (("30000.3", BUY),), (("30000.3", BUY), ("29999.7", SELL)), (("30000.3", BUY), ("60000", BUY)), (("60000", BUY), ("30000.3", BUY)),
])
def test_an_account_recovered_between_a_trade_and_an_order_fills_it_the_same(trades: tuple[tuple[str, Side], ...], whole: bool) -> None:
    story = TwinStory(terms())
    begun(story)
    story.buy("0.2", client_order_id="before")
    for number, (price, aggressor) in enumerate(trades):
        story.trade(price, "1", aggressor, at_ms=100 + number)
    story.crash(whole=whole)
    story.buy("1.5", client_order_id="after")  # the other account's facts must be the same bytes
    story.crash(whole=whole)
    story.sell("2", client_order_id="again")
    assert story.fills[-1].client_order_id == "again" and story.other.desk.markets[BTC].touch == story.account.desk.markets[BTC].touch


# ------------------------------------------------------------------------------------------------ properties

ladders = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 500)), min_size=1, max_size=6)


@st.composite
def books(draw: st.DrawFn) -> Book:
    bid = draw(st.integers(100, 2_000))
    sides = []
    for best, away in ((bid, -1), (bid + draw(st.integers(1, 20)), 1)):
        rungs = draw(ladders)
        ticks = [best + away * sum(step for step, _ in rungs[1:number]) for number in range(1, len(rungs) + 1)]
        sides.append(levels(*((f"{Decimal(tick) / 10}", f"{size}") for tick, (_, size) in zip(ticks, rungs, strict=True) if tick > 0)))
    return Book(BTC, 1, 1, sides[0], sides[1], None)


@given(books(), st.integers(1, 2_100), st.sampled_from(Side))
def test_a_moved_window_begins_at_the_trade_and_is_the_same_window(book: Book, ticks: int, aggressor: Side) -> None:
    price = Decimal(ticks) / 10
    touch = implied_touch(book, Print(price, Decimal(1), aggressor), 2)
    if touch is None:
        return
    found = moved(book, touch)
    assert found.opposite(aggressor)[0][0] == price and 0 < found.bids[0][0] < found.asks[0][0]
    assert found.asks[0][0] - found.bids[0][0] <= book.asks[0][0] - book.bids[0][0]
    for side in Side:
        before, after = book.opposite(side), found.opposite(side)
        by = {new[0] - old[0] for old, new in zip(before, after, strict=False)}
        assert len(by) == 1 and [size for _, size in after] == [size for _, size in before[:len(after)]]
        assert all(INSTRUMENT.on_tick(each) for each, _ in after)
    assert (found == book) == (touch == ImpliedTouch(2, book.bids[0][0], book.asks[0][0]))


@given(books(), st.sampled_from(Side), st.integers(1, 3_000))
def test_without_a_trade_since_it_is_the_book_model(book: Book, side: Side, quantity: int) -> None:
    asked = Taking(INSTRUMENT, book, side, Decimal(quantity), None, Decimal(0), band=(Decimal("0.1"), Decimal(1000)))
    assert TAKER_MODELS[BOOK_TRADED](asked) == TAKER_MODELS["book"](asked)


def test_a_trade_that_leaves_no_price_for_a_bid_implies_nothing() -> None:
    book = Book(BTC, 1, 1, levels(("0.3", "1")), levels(("0.5", "1")), None)
    assert implied_touch(book, Print(Decimal("0.2"), Decimal(1), BUY), 2) is None
    assert implied_touch(book, Print(Decimal("0.3"), Decimal(1), BUY), 2) == ImpliedTouch(2, Decimal("0.1"), Decimal("0.3"))
