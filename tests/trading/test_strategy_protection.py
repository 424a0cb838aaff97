"""Protected positions: which children an entry gets, what they mean for the next decision, and how the whole loop ends them."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.trading.decision_facts import BTC, MS, SYMBOL, book, stale, trades, walk
from tests.trading.strategy_settings import CROSS, PROTECTED, REVERSION_PROTECTED
from tests.trading.whole_loop import Loop
from trading.bars import BarClosed
from trading.latency import Constant, LogNormal
from trading.messages import CancelOrder, DenyOrder, OrderCanceled, OrderDenied, OrderFilled, OrderRejected, OrderTriggered, SubmitOrder
from trading.strategy.mean_reversion import MeanReversion
from trading.strategy.protection import ProtectedSettings
from trading.strategy.protocol import Place, Protection, Stopped, Strategy, View, Wishes, Working
from trading.strategy.sma_cross import SmaCross
from trading.strategy.targets import toward
from trading.words import OrderType, Side, TradingState

Q = Decimal("0.01")
FLAT = Decimal(0)
GUARD = Protection(type=OrderType.STOP_MARKET, quantity=Q, trigger_price=Decimal(64000), reason="test")


def view(position: Decimal = FLAT, working: tuple[Working, ...] = (), mid: str | None = "65000", stopped: Stopped | None = None) -> View:
    middle = None if mid is None else Decimal(mid)
    return View(
        instrument=BTC, at_ns=0, position=position, working=working, stopped=stopped,
        bid=None if middle is None else middle - 1, ask=None if middle is None else middle + 1,
    )


def own(side: Side, **more: Any) -> Working:
    order = SubmitOrder(
        client_order_id="a", strategy_id="sma_cross", symbol=SYMBOL, side=side, quantity=Q, type=OrderType.MARKET, **more,
    )
    return Working(order, Q)


def child(side: Side) -> Working:
    return own(side, parent_order_id="p", reduce_only=True)


@pytest.mark.parametrize(("changes", "target", "expected"), [
    ({}, Q, [("STOP_MARKET", "64974"), ("TAKE_PROFIT_MARKET", "65032.5"), ("TRAILING_STOP_MARKET", "6 bps")]),
    ({}, -Q, [("STOP_MARKET", "65026"), ("TAKE_PROFIT_MARKET", "64967.5"), ("TRAILING_STOP_MARKET", "6 bps")]),
    ({"stop_loss_bps": Decimal(0), "trailing_stop_bps": Decimal(0)}, Q, [("TAKE_PROFIT_MARKET", "65032.5")]),
    ({"stop_loss_bps": Decimal("0.01"), "take_profit_bps": Decimal(0)}, Q, [("STOP_MARKET", "64999.9"), ("TRAILING_STOP_MARKET", "6 bps")]),
    ({}, FLAT, []),
])
def test_the_settings_say_which_orders_protect_a_position(changes: dict[str, Any], target: Decimal, expected: list[tuple[str, str]]) -> None:
    settings: ProtectedSettings = msgspec.structs.replace(PROTECTED, **changes)
    made = settings.protections(target, view())
    assert [(str(each.type), f"{each.trigger_price or f'{each.trailing_bps} bps'}") for each in made] == [
        (kind, at if "bps" in at else str(Decimal(at).quantize(Decimal("0.1")))) for kind, at in expected
    ]
    assert all(each.quantity == Q for each in made)


def test_a_trigger_is_on_tick_and_needs_a_book() -> None:
    odd = msgspec.structs.replace(PROTECTED, stop_loss_bps=Decimal("3.33"))
    assert all(BTC.on_tick(each.trigger_price) for each in odd.protections(Q, view(mid="64999.95")) if each.trigger_price)
    assert PROTECTED.protections(Q, view(mid=None)) == ()


@pytest.mark.parametrize(("story", "target", "seen", "expected"), [
    ("flat: opens, protected", Q, view(), (Side.BUY, Q, False, 1)),
    ("protected, and held already: nothing", Q, view(Q, (child(Side.SELL),)), None),
    ("a flip, past the old protection, with its own", -Q, view(Q, (child(Side.SELL),)), (Side.SELL, 2 * Q, False, 1)),
    ("a close only reduces, and the protection ends with the position", FLAT, view(Q, (child(Side.SELL),)), (Side.SELL, Q, True, 0)),
    ("part of it: only reduces", Q, view(2 * Q, (child(Side.SELL),)), (Side.SELL, Q, True, 0)),
    ("the rest of an entry, which is protected", Q, view(Q / 2, (child(Side.SELL),)), (Side.BUY, Q / 2, False, 0)),
    ("the rest of an entry that is not", Q, view(Q / 2), (Side.BUY, Q / 2, False, 1)),
    ("an entry is on its way with its child: nothing", Q, view(FLAT, (own(Side.BUY), child(Side.SELL))), None),
    ("a flip is on its way: nothing", -Q, view(Q, (child(Side.SELL), own(Side.SELL))), None),
    ("stopped out, and the rest of the group not over yet: waits", Q, view(FLAT, (child(Side.SELL),)), None),
    ("no book: nothing", Q, view(mid=None), None),
])
def test_protection_does_not_stand_in_the_way(
    story: str, target: Decimal, seen: View, expected: tuple[Side, Decimal, bool, int] | None,
) -> None:
    wishes = toward(target, seen, "test", (GUARD,))
    made = [(wish.side, wish.quantity, wish.reduce_only, len(wish.protect)) for wish in wishes if isinstance(wish, Place)]
    assert made == ([] if expected is None else [expected]), story


def bar(number: int, close: int) -> BarClosed:
    price = Decimal(close)
    return BarClosed(
        symbol=SYMBOL, open_at_ns=number * 500 * MS, interval_ns=500 * MS, open=price, high=price, low=price, close=price, volume=Q, trades=1,
    )


def last_wishes(strategy: Strategy, closes: list[int], seen: View) -> Wishes:
    wishes: Wishes = ()
    for number, close in enumerate(closes):
        wishes = strategy.on_bar(bar(number, close), seen)
    return wishes


UP, DOWN = list(range(100, 120)), list(range(120, 100, -1))
CALM = [100, 101] * 5
LATE, EARLY = 10**12, 1


@pytest.mark.parametrize(("story", "strategy", "closes", "stopped", "trades_again"), [
    ("cross: stopped out of a rise that goes on", SmaCross(PROTECTED), UP, Stopped(Side.BUY, LATE), False),
    ("cross: the other side is another signal", SmaCross(PROTECTED), DOWN, Stopped(Side.BUY, LATE), True),
    ("cross: there was a fall since", SmaCross(PROTECTED), DOWN + UP, Stopped(Side.BUY, EARLY), True),
    ("cross: there was a fall, but before", SmaCross(PROTECTED), DOWN + UP, Stopped(Side.BUY, LATE), False),
    ("reversion: still far below", MeanReversion(REVERSION_PROTECTED), [*CALM, 90], Stopped(Side.BUY, LATE), False),
    ("reversion: was back since", MeanReversion(REVERSION_PROTECTED), [*CALM, 90], Stopped(Side.BUY, EARLY), True),
    ("reversion: the other side", MeanReversion(REVERSION_PROTECTED), [*CALM, 110], Stopped(Side.BUY, LATE), True),
])
def test_what_was_stopped_out_is_not_entered_again_on_the_same_signal(
    story: str, strategy: Strategy, closes: list[int], stopped: Stopped, trades_again: bool,
) -> None:
    assert bool(last_wishes(strategy, closes, view(stopped=stopped))) is trades_again, story


# ---------------------------------------------------------------------------------------------------- in the whole loop

RISE = [65000 + number for number in range(53)]


def entered(**settings: Any) -> Loop:
    loop = Loop(PROTECTED, **settings).run(walk(RISE))
    assert loop.position == Q
    return loop


def onward(loop: Loop, prices: list[int]) -> Loop:
    """The market goes on."""
    start_ns, sequence = loop.account.desk.now_ns + 250 * MS, loop.account.market_sequence
    return loop.run(msgspec.structs.replace(fact, sequence=fact.sequence + sequence) for fact in walk(prices, start_ns=start_ns))


def test_an_entry_is_sent_with_its_children_under_ids_of_its_own_decision() -> None:
    parent, *children = entered().orders
    name = parent.client_order_id
    assert [each.client_order_id for each in children] == [f"{name[:-1]}{number}" for number in (2, 3, 4)]
    assert {(each.parent_order_id, each.oco, each.side, each.reduce_only, each.quantity) for each in children} == {(name, name, Side.SELL, True, Q)}
    assert not parent.parent_order_id and not parent.oco and not parent.reduce_only


def test_one_child_needs_no_group() -> None:
    alone = msgspec.structs.replace(CROSS, stop_loss_bps=Decimal(10))
    _, child_order = Loop(alone).run(walk(RISE)).orders
    assert child_order.parent_order_id and not child_order.oco


@pytest.mark.parametrize(("story", "prices", "kind"), [
    ("falls at once", [65010], OrderType.STOP_MARKET),
    ("jumps up", [65100], OrderType.TAKE_PROFIT_MARKET),
    ("rises, and comes back some way", [65080, 65040], OrderType.TRAILING_STOP_MARKET),
])
def test_the_child_that_is_reached_closes_the_position_and_ends_the_others(story: str, prices: list[int], kind: OrderType) -> None:
    loop = onward(entered(), prices)
    (triggered,) = loop.of(OrderTriggered)
    by_id = {order.client_order_id: order for order in loop.orders}
    assert by_id[triggered.client_order_id].type is kind, story
    assert loop.position == 0 and loop.open_ids == set()
    assert len(loop.of(OrderCanceled)) == 2
    assert not any(isinstance(intent, CancelOrder) for intent in loop.intents), "nobody had to ask for it"


def test_after_a_stop_it_stays_out_until_the_averages_have_crossed() -> None:
    loop = onward(entered(), [65100, 65110, 65120, 65130, 65140])
    assert loop.position == 0 and len(loop.of(OrderFilled)) == 2
    onward(loop, [65140 - 8 * number for number in range(12)])
    entries = [order.side for order in loop.orders if not order.parent_order_id]
    assert entries[:2] == [Side.BUY, Side.SELL]


def test_a_flip_ends_the_old_protection_and_brings_its_own() -> None:
    loop = Loop(msgspec.structs.replace(PROTECTED, stop_loss_bps=Decimal(100), take_profit_bps=Decimal(100), trailing_stop_bps=Decimal(0)))
    loop.run(walk([65000 + 3 * (number % 20 if number % 20 < 10 else 20 - number % 20) for number in range(120)]))
    flips = [order for order in loop.orders if not order.parent_order_id]
    assert len(flips) > 3 and all(order.quantity == 2 * Q for order in flips[1:])
    open_orders = [order for order in loop.orders if order.client_order_id in loop.open_ids]
    assert {order.parent_order_id for order in open_orders} == {flips[-1].client_order_id} and len(open_orders) == 2
    assert not loop.of(OrderRejected) and not loop.of(OrderDenied)


@pytest.mark.parametrize("latency", [Constant(ms=Decimal(120)), LogNormal(Decimal(80), Decimal(1), Decimal(2000))])
def test_whatever_overtakes_whatever_no_protection_outlives_its_position(latency: Any) -> None:
    loop = Loop(PROTECTED, entry=latency, response=latency)
    zigzag = [65000 + 9 * (number % 20 if number % 20 < 10 else 20 - number % 20) for number in range(240)]
    loop.run(walk(zigzag))
    sides = {order.client_order_id: order.side for order in loop.orders if order.parent_order_id}
    parents = {order.client_order_id for order in loop.orders if not order.parent_order_id} & loop.open_ids
    awake = [name for name in loop.open_ids if name in sides and loop.account.desk.orders.known[name].intent.parent_order_id not in parents]
    assert len(loop.of(OrderFilled)) > 10
    assert all(sides[name] is (Side.SELL if loop.position > 0 else Side.BUY) for name in awake)
    assert loop.position != 0 or not awake
    assert abs(loop.position) <= 2 * Q


def test_a_stale_feed_withdraws_what_could_open_something_and_leaves_protection() -> None:
    loop = entered()
    protecting = loop.open_ids
    assert len(protecting) == 3
    loop.step(stale(loop.account.market_sequence + 1, loop.account.desk.now_ns))
    assert loop.open_ids == protecting


def test_a_child_is_denied_with_its_parent_and_costs_one_pause() -> None:
    loop = Loop(PROTECTED)
    loop.gate.raise_to(TradingState.REDUCING, "loss limit")
    loop.run(walk([*RISE, 65053]))
    denied = [decision for decision in loop.decisions if isinstance(decision, DenyOrder)]
    assert [denial.reason for denial in denied] == ["reducing", "parent_denied", "parent_denied", "parent_denied"]
    assert loop.trader._desks[SYMBOL].orders.working == ()


def test_prints_that_the_book_does_not_vouch_for_pull_no_stop_and_move_no_bar() -> None:
    loop = entered()
    now_ns, sequence = loop.account.desk.now_ns, loop.account.market_sequence
    loop.run([trades(sequence + 1, now_ns + 10 * MS, 6500), book(sequence + 2, now_ns + 20 * MS, "65051.9", "65052.1")])
    assert loop.trader.off_book_count == 1
    assert loop.position == Q and not loop.of(OrderTriggered)
