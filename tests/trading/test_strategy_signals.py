"""The strategies by themselves: what they want, given bars, a book and what they hold."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec
import pytest

from tests.trading.decision_facts import BTC, MS, SYMBOL, book
from tests.trading.strategy_settings import AMENDED_QUOTES, CROSS, QUOTES, REVERSION
from trading.bars import BarClosed
from trading.messages import SubmitOrder
from trading.strategy.mean_reversion import MeanReversion
from trading.strategy.protocol import Change, Place, Strategy, View, Wishes, Withdraw, Working
from trading.strategy.quoter import Quoter
from trading.strategy.registry import STRATEGIES, build
from trading.strategy.sma_cross import SmaCross
from trading.strategy.targets import toward
from trading.words import OrderType, Side

FLAT = Decimal(0)
Q = Decimal("0.01")


def view(
    position: Decimal = FLAT, working: tuple[Working, ...] = (), mid: str = "65000.1", at_ns: int = 10_000 * MS
) -> View:
    middle = Decimal(mid)
    return View(
        instrument=BTC,
        at_ns=at_ns,
        position=position,
        working=working,
        bid=middle - Decimal("0.1"),
        ask=middle + Decimal("0.1"),
    )


def working(name: str = "a", side: Side = Side.BUY, price: str | None = "64999.6", canceling: bool = False) -> Working:
    order = SubmitOrder(
        client_order_id=name,
        strategy_id="quoter",
        symbol=SYMBOL,
        side=side,
        quantity=Q,
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=None if price is None else Decimal(price),
    )
    return Working(order, Q, canceling)


def after(strategy: Strategy, closes: Iterable[int], seen: View) -> Wishes:
    """What it wants at the last of these closes."""
    wishes: Wishes = ()
    for number, close in enumerate(closes):
        price = Decimal(close)
        bar = BarClosed(
            symbol=SYMBOL,
            open_at_ns=number * 500 * MS,
            interval_ns=500 * MS,
            open=price,
            high=price,
            low=price,
            close=price,
            volume=Q,
            trades=1,
        )
        wishes = strategy.on_bar(bar, seen)
    return wishes


def wanted(wishes: Wishes) -> list[tuple[Side, Decimal]]:
    return [(wish.side, wish.quantity) for wish in wishes if isinstance(wish, Place)]


RISING, FALLING, LEVEL = range(100, 120), range(120, 100, -1), [100] * 20


@pytest.mark.parametrize(
    ("story", "closes", "seen", "expected"),
    [
        ("rising and flat: buys", RISING, view(), [(Side.BUY, Q)]),
        ("falling and flat: sells", FALLING, view(), [(Side.SELL, Q)]),
        ("falling and long: one order through zero", FALLING, view(Q), [(Side.SELL, 2 * Q)]),
        ("rising and short: one order through zero", RISING, view(-Q), [(Side.BUY, 2 * Q)]),
        ("rising and long already: nothing", RISING, view(Q), []),
        ("half filled: the rest", RISING, view(Q / 2), [(Side.BUY, Q / 2)]),
        ("level: no regime, nothing", LEVEL, view(), []),
        ("an order is on its way: nothing", RISING, view(working=(working(price=None),)), []),
        ("too few bars: nothing", range(100, 107), view(), []),
    ],
)
def test_the_cross_holds_the_side_of_the_faster_average(
    story: str, closes: Iterable[int], seen: View, expected: list[tuple[Side, Decimal]]
) -> None:
    assert wanted(after(SmaCross(CROSS), closes, seen)) == expected, story


CALM = [100, 101] * 5


@pytest.mark.parametrize(
    ("story", "closes", "seen", "expected"),
    [
        ("far above the mean: sells", [*CALM, 110], view(), [(Side.SELL, Q)]),
        ("far below the mean: buys", [*CALM, 90], view(), [(Side.BUY, Q)]),
        ("near the mean: nothing", [*CALM, 101], view(), []),
        ("long and still below: holds", [*CALM, 90], view(Q), []),
        ("long and back: leaves", [*CALM, 101], view(Q), [(Side.SELL, Q)]),
        ("short and back: leaves", [*CALM, 100], view(-Q), [(Side.BUY, Q)]),
        ("long and back with an order on its way: nothing", [*CALM, 101], view(Q, (working(price=None),)), []),
        ("no movement at all: nothing", LEVEL, view(), []),
    ],
)
def test_reversion_enters_at_the_bands_and_leaves_at_the_mean(
    story: str, closes: Iterable[int], seen: View, expected: list[tuple[Side, Decimal]]
) -> None:
    assert wanted(after(MeanReversion(REVERSION), closes, seen)) == expected, story


def quote(quoter: Quoter, seen: View) -> Wishes:
    return quoter.on_book(book(1, seen.at_ns), seen)


def resting(wishes: Wishes) -> tuple[Working, ...]:
    return tuple(
        working(f"q{number}", wish.side, str(wish.price))
        for number, wish in enumerate(wishes)
        if isinstance(wish, Place)
    )


def test_the_quoter_rests_a_ladder_on_both_sides_of_the_mid() -> None:
    wishes = quote(Quoter(QUOTES), view())
    assert [(wish.side, str(wish.price), wish.post_only) for wish in wishes if isinstance(wish, Place)] == [
        (Side.BUY, "64999.6", True),
        (Side.BUY, "64998.6", True),
        (Side.BUY, "64997.6", True),
        (Side.SELL, "65000.6", True),
        (Side.SELL, "65001.6", True),
        (Side.SELL, "65002.6", True),
    ]


def test_quotes_are_on_the_tick_and_never_cross_a_wide_spread() -> None:
    wide = View(
        instrument=BTC, at_ns=10_000 * MS, position=FLAT, working=(), bid=Decimal("64990.0"), ask=Decimal("65010.1")
    )
    wishes = [wish for wish in quote(Quoter(QUOTES), wide) if isinstance(wish, Place) and wish.price is not None]
    assert all(wish.price <= Decimal("64990.0") for wish in wishes if wish.price and wish.side is Side.BUY)
    assert all(wish.price >= Decimal("65010.1") for wish in wishes if wish.price and wish.side is Side.SELL)
    assert all(BTC.on_tick(wish.price) for wish in wishes if wish.price)


@pytest.mark.parametrize(
    ("position", "buys", "sells"),
    [("0", 3, 3), ("0.03", 2, 3), ("0.05", 0, 3), ("0.09", 0, 3), ("-0.045", 3, 0), ("-0.04", 3, 1)],
)
def test_a_side_is_quoted_only_as_far_as_the_inventory_allows(position: str, buys: int, sells: int) -> None:
    sides = [side for side, _ in wanted(quote(Quoter(QUOTES), view(Decimal(position))))]
    assert (sides.count(Side.BUY), sides.count(Side.SELL)) == (buys, sells)


def test_the_ladder_is_withdrawn_when_the_mid_moved_and_placed_anew_when_nothing_is_working() -> None:
    quoter = Quoter(QUOTES)
    orders = resting(quote(quoter, view()))
    assert quote(quoter, view(working=orders, mid="65005.0", at_ns=12_000 * MS)) == ()
    moved = view(working=orders, mid="65005.1", at_ns=12_100 * MS)
    assert [type(wish) for wish in quote(quoter, moved)] == [Withdraw] * 6
    canceling = tuple(msgspec.structs.replace(each, canceling=True) for each in orders)
    assert quote(quoter, view(working=canceling, mid="65005.1", at_ns=12_200 * MS)) == ()
    assert len(quote(quoter, view(mid="65005.1", at_ns=12_300 * MS))) == 6


def test_a_ladder_with_a_hole_is_withdrawn_but_not_before_it_has_rested() -> None:
    quoter = Quoter(QUOTES)
    orders = resting(quote(quoter, view()))[1:]
    assert quote(quoter, view(Q, orders, at_ns=10_999 * MS)) == ()
    assert [type(wish) for wish in quote(quoter, view(Q, orders, at_ns=11_000 * MS))] == [Withdraw] * 5


def test_quotes_of_an_earlier_life_are_withdrawn() -> None:
    assert [type(wish) for wish in quote(Quoter(QUOTES), view(working=(working(),)))] == [Withdraw]


def test_no_quote_without_a_book_of_two_uncrossed_sides() -> None:
    one_sided = View(instrument=BTC, at_ns=0, position=FLAT, working=(), bid=Decimal(1), ask=None)
    crossed = View(instrument=BTC, at_ns=10_000 * MS, position=FLAT, working=(), bid=Decimal(2), ask=Decimal(1))
    assert quote(Quoter(QUOTES), one_sided) == quote(Quoter(QUOTES), crossed) == ()


# ---------------------------------------------------------------------------------------------------- quotes moved in place


def ladder(mid: str = "65000.1", **state: bool) -> tuple[Working, ...]:
    """Six quotes around this mid, in the book unless told otherwise."""
    orders = resting(quote(Quoter(AMENDED_QUOTES), view(mid=mid)))
    return tuple(msgspec.structs.replace(each, **{"resting": True, **state}) for each in orders)


def shown(wishes: Wishes) -> list[tuple[str, str]]:
    return [(type(wish).__name__, str(getattr(wish, "price", ""))) for wish in wishes]


def test_a_ladder_whose_mid_has_moved_is_moved_in_place_level_by_level() -> None:
    orders = ladder()
    wishes = quote(Quoter(AMENDED_QUOTES), view(working=orders, mid="65005.1"))
    assert [type(wish) for wish in wishes] == [Change] * 6
    moved = {wish.client_order_id: wish.price for wish in wishes if isinstance(wish, Change)}
    assert all(moved[each.order.client_order_id] == (each.order.price or FLAT) + 5 for each in orders)


@pytest.mark.parametrize(("story", "seen", "expected"), [
    ("nothing has moved far enough", view(working=ladder(), mid="65005.0"), []),
    ("what is not in the book yet is left alone", view(working=ladder(resting=False), mid="65009"), []),
    ("what is being canceled is left alone, and may still fill", view(working=ladder(canceling=True), mid="65009"), []),
    ("what is filled is placed anew", view(Q, ladder()[1:]), [("Place", "64997.6")]),
    ("and all others stand", view(working=ladder()[:5]), [("Place", "65002.6")]),
    ("the inventory is full: the side goes", view(5 * Q, ladder()), [("Withdraw", "")] * 3),
    ("two levels are left: the farthest goes", view(3 * Q, ladder()), [("Withdraw", "")]),
    ("nothing works", view(), [("Place", price) for price in ("64999.6", "64998.6", "64997.6", "65000.6", "65001.6", "65002.6")]),
])
def test_only_what_is_out_of_place_is_touched(story: str, seen: View, expected: list[tuple[str, str]]) -> None:
    assert shown(quote(Quoter(AMENDED_QUOTES), seen)) == expected, story


def test_quotes_rest_before_they_are_moved_again() -> None:
    quoter = Quoter(AMENDED_QUOTES)
    assert len(quote(quoter, view(working=ladder(), mid="65005.1"))) == 6
    assert quote(quoter, view(working=ladder(), mid="65010.1", at_ns=10_999 * MS)) == ()
    assert len(quote(quoter, view(working=ladder(), mid="65010.1", at_ns=11_000 * MS))) == 6


def test_a_quote_that_is_being_moved_is_not_moved_a_second_time() -> None:
    orders = tuple(msgspec.structs.replace(each, amending="x") for each in ladder())
    assert quote(Quoter(AMENDED_QUOTES), view(working=orders, mid="65005.1")) == ()


def test_a_target_already_held_needs_no_order() -> None:
    assert toward(Q, view(Q), "held") == ()


def test_every_listed_strategy_is_built_from_its_own_settings() -> None:
    assert {settings.__struct_config__.tag for settings in STRATEGIES} == {"sma_cross", "mean_reversion", "quoter"}
    assert [type(build(settings)) for settings in (CROSS, REVERSION, QUOTES)] == [SmaCross, MeanReversion, Quoter]
