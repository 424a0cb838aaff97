"""Protection that is refused alone: asked for again, and in the end done without the position. In the whole loop."""

import pickle
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.trading.decision_facts import BTC, MS, SECOND, SYMBOL, book, live, stale, trades, walk
from tests.trading.strategy_settings import CROSS, PROTECTED
from tests.trading.whole_loop import FINGERPRINT, Loop
from trading.account import Account
from trading.latency import Constant
from trading.messages import (
    CancelOrder, MarketFact, OrderDenied, OrderFilled, OrderRejected, OrderTriggered, SubmitOrder,
)
from trading.replay import replay
from trading.risk_case import PASS, Case, Refusal, Verdict
from trading.risk_rules import RULES
from trading.strategy.own_orders import OwnOrders
from trading.strategy.protocol import Again, View, Wishes, Working
from trading.strategy.trader import Trader
from trading.strategy.unprotected import Unprotected
from trading.words import OrderType, Side, TradingState

Q = Decimal("0.01")
STOPPED = msgspec.structs.replace(CROSS, stop_loss_bps=Decimal(10))
RISE = [65000 + number for number in range(53)]


class Picky:
    """A rule that refuses what ``about`` says, so many times."""

    __name__ = "picky"

    def __init__(self, about: Callable[[SubmitOrder], bool], times: int) -> None:
        self._about = about
        self.left = times

    def __call__(self, order: SubmitOrder, case: Case) -> Verdict:
        if self.left and self._about(order):
            self.left -= 1
            return Refusal("picky", "PICKY: test")
        return PASS


def of_type(*types: OrderType) -> Callable[[SubmitOrder], bool]:
    return lambda order: order.type in types and bool(order.parent_order_id)


def loop(settings: Any, *refusals: Picky, **more: Any) -> Loop:
    return Loop(settings, rules=(*RULES, *refusals), **more)


def market(seconds: float, price: int = 65053) -> list[MarketFact]:
    """The rise after which the entry is decided on, and then a market that stands."""
    return walk([*RISE, *[price] * int(seconds * 2)])


def stops(played: Loop) -> list[SubmitOrder]:
    return [order for order in played.orders if order.type is OrderType.STOP_MARKET]


def closing(played: Loop) -> list[SubmitOrder]:
    return [order for order in played.orders if order.reduce_only and order.type is OrderType.MARKET]


# ---------------------------------------------------------------------------------------------------- asked again


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_child_that_is_denied_alone_is_asked_for_again_at_later_instants_until_it_passes(times: int) -> None:
    played = loop(STOPPED, Picky(of_type(OrderType.STOP_MARKET), times)).run(market(8))
    asked = stops(played)
    assert len(asked) == times + 1 and len({order.client_order_id for order in asked}) == times + 1
    assert all(later.decided_at_ns - earlier.decided_at_ns >= SECOND for earlier, later in zip(asked, asked[1:], strict=False))
    assert len({(order.parent_order_id, order.trigger_price, order.quantity, order.side, order.reduce_only) for order in asked}) == 1
    assert [order.reason for order in asked[1:]] == [f"{asked[0].reason}; again after picky, {number} of 3" for number in range(1, times + 1)]
    assert played.open_ids == {asked[-1].client_order_id} and played.position == Q and not closing(played)


def test_what_passed_at_last_protects_as_the_first_would_have() -> None:
    """It is of the same group: the one that is reached ends the others."""
    played = loop(PROTECTED, Picky(of_type(OrderType.STOP_MARKET), 2)).run(market(6))
    assert len(played.open_ids) == 3
    assert {each.intent.oco for each in played.account.desk.orders.open()} == {played.orders[0].client_order_id}
    sequence, now_ns = played.account.market_sequence, played.account.desk.now_ns
    played.run([trades(sequence + 1, now_ns + MS, 65020), book(sequence + 2, now_ns + 2 * MS, "65019.9", "65020.1")])
    (triggered,) = played.of(OrderTriggered)
    assert triggered.client_order_id == stops(played)[-1].client_order_id
    assert played.position == 0 and not played.open_ids


def test_a_child_that_is_too_far_off_passes_when_the_price_has_come_nearer() -> None:
    near = msgspec.structs.replace(Loop(STOPPED).gate._settings, trigger_distance_max_pct=Decimal("0.0999"))
    played = Loop(STOPPED, risk=near).run(walk([*RISE, *[65050] * 4]))
    assert [fact.reason for fact in played.of(OrderDenied)] == ["trigger_distance"]
    assert len(stops(played)) == 2 and played.open_ids == {stops(played)[-1].client_order_id}


# ---------------------------------------------------------------------------------------------------- done without


def test_a_position_that_cannot_be_protected_is_closed_and_not_entered_again_on_the_same_signal() -> None:
    played = loop(STOPPED, Picky(of_type(OrderType.STOP_MARKET), 99)).run(walk([*RISE, *(65053 + number for number in range(30))]))
    assert len(stops(played)) == 4, "once, and three times again"
    (close,) = closing(played)
    assert (close.side, close.quantity, close.parent_order_id) == (Side.SELL, Q, "")
    assert close.reason == "unprotected: STOP_MARKET refused, picky"
    assert close.decided_at_ns > stops(played)[-1].decided_at_ns
    assert played.position == 0 and not played.open_ids
    assert [order.side for order in played.orders if not order.reduce_only] == [Side.BUY]


@pytest.mark.parametrize(("story", "refused", "asked"), [
    ("a trailing stop stands", (OrderType.STOP_MARKET,), 4),
    ("both stops stand, only the goal is missing", (OrderType.TAKE_PROFIT_MARKET,), 4),
    ("a goal alone limits no loss", (OrderType.STOP_MARKET, OrderType.TRAILING_STOP_MARKET), 8),
    ("none stands", (OrderType.STOP_MARKET, OrderType.TRAILING_STOP_MARKET, OrderType.TAKE_PROFIT_MARKET), 12),
])
def test_a_position_is_kept_as_long_as_one_stop_stands(story: str, refused: tuple[OrderType, ...], asked: int) -> None:
    played = loop(PROTECTED, Picky(of_type(*refused), 99)).run(market(9))
    assert sum(order.type in refused for order in played.orders) == asked, story
    assert (played.position, len(closing(played))) == ((Q, 0) if asked == 4 else (0, 1)), story


def test_a_stop_whose_price_was_passed_before_it_was_there_closes_at_once() -> None:
    """The entry and its stop are on their way while the price falls through the trigger; the venue rejects the stop."""
    played = loop(STOPPED, entry=Constant(ms=Decimal(300))).run(market(0))
    sequence, now_ns = played.account.market_sequence, played.account.desk.now_ns
    assert played.position == 0 and len(played.orders) == 2
    fall: list[MarketFact] = []
    for number in range(8):
        at_ns = now_ns + (20 + number * 100) * MS
        fall += [trades(sequence + 2 * number + 1, at_ns, 64900), book(sequence + 2 * number + 2, at_ns, "64899.9", "64900.1")]
    played.run(fall)
    assert [fact.reason for fact in played.of(OrderRejected)] == ["trigger_wrong_side"]
    (close,) = closing(played)
    assert close.decided_at_ns - now_ns < SECOND and len(stops(played)) == 1
    assert close.reason == "unprotected: STOP_MARKET refused, trigger_wrong_side"


def test_an_entry_that_still_works_is_withdrawn_first_and_closed_if_it_filled_all_the_same() -> None:
    """It travels for six seconds: the cancel does not overtake it."""
    played = loop(STOPPED, Picky(of_type(OrderType.STOP_MARKET), 99), entry=Constant(ms=Decimal(6_000))).run(market(30))
    (cancel,) = (intent for intent in played.intents if isinstance(intent, CancelOrder))
    entry, (close,) = played.orders[0], closing(played)
    assert cancel.client_order_id == entry.client_order_id and cancel.reason.startswith("unprotected: STOP_MARKET")
    assert cancel.decided_at_ns < entry.decided_at_ns + 6 * SECOND < close.decided_at_ns
    assert [(fact.client_order_id, fact.position) for fact in played.of(OrderFilled)] == [
        (entry.client_order_id, Q), (close.client_order_id, Decimal(0)),
    ]


def test_a_gate_that_refuses_the_closing_order_as_well_is_asked_a_few_times_and_no_more() -> None:
    played = loop(STOPPED, Picky(lambda order: order.reduce_only, 99)).run(market(60))
    assert (len(stops(played)), len(closing(played)), played.position) == (4, 3, Q)
    times = [order.decided_at_ns for order in closing(played)]
    assert all(later - earlier >= SECOND for earlier, later in zip(times, times[1:], strict=False))


def test_nothing_is_asked_for_a_position_that_is_gone() -> None:
    """Its goal is reached before the second try."""
    played = loop(PROTECTED, Picky(of_type(OrderType.STOP_MARKET), 1)).run(market(0))
    sequence, now_ns = played.account.market_sequence, played.account.desk.now_ns
    played.run([trades(sequence + 1, now_ns + 400 * MS, 65100), book(sequence + 2, now_ns + 401 * MS, "65099.9", "65100.1")])
    assert played.position == 0
    played.run(msgspec.structs.replace(fact, sequence=fact.sequence + sequence + 2) for fact in walk([65100] * 20, now_ns + SECOND))
    assert len(stops(played)) == 1 and not closing(played) and not played.trader._desks[SYMBOL]._unprotected.active


def test_a_gate_that_refuses_everything_is_asked_a_bounded_number_of_times() -> None:
    played = loop(STOPPED, Picky(of_type(OrderType.STOP_MARKET), 1)).run(market(0))
    played.gate.raise_to(TradingState.HALTED, "test")
    sequence, now_ns = played.account.market_sequence, played.account.desk.now_ns
    played.run([msgspec.structs.replace(fact, sequence=fact.sequence + sequence) for fact in walk([65053] * 60, now_ns + SECOND)])
    assert (len(stops(played)), len(closing(played))) == (4, 3)


def test_while_the_market_is_not_trusted_nobody_asks_and_afterwards_it_goes_on() -> None:
    played = loop(STOPPED, Picky(of_type(OrderType.STOP_MARKET), 1)).run(market(0))
    sequence, now_ns = played.account.market_sequence, played.account.desk.now_ns
    played.run([stale(sequence + 1, now_ns + MS)])
    blind: list[MarketFact] = [trades(sequence + 1 + number, now_ns + number * SECOND, 65053) for number in range(1, 6)]
    played.run(blind)
    assert len(stops(played)) == 1
    at_ns, sequence = now_ns + 10 * SECOND, sequence + 6
    played.run([live(sequence + 1, at_ns), book(sequence + 2, at_ns + MS, "65052.9", "65053.1"), trades(sequence + 3, at_ns + 2 * MS, 65053)])
    assert len(stops(played)) == 2 and played.open_ids == {stops(played)[-1].client_order_id}


# ---------------------------------------------------------------------------------------------------- again the same


@pytest.mark.parametrize("settings", [STOPPED, PROTECTED])
@pytest.mark.parametrize("times", [2, 99])
def test_a_trader_that_starts_again_makes_the_same_orders_under_the_same_ids(settings: Any, times: int) -> None:
    told = market(12)
    played = loop(settings, Picky(of_type(OrderType.STOP_MARKET, OrderType.TRAILING_STOP_MARKET), times)).run(told)
    fresh = Trader(settings, [BTC], FINGERPRINT)
    for number, fact in enumerate(played.facts, 1):
        fresh.on_fact(number, fact)
    again = [intent for fact in told for intent in fresh.on_market(fact)]
    assert again == played.intents and len(played.orders) > 3
    assert all(fresh.settled(intent) for intent in again if isinstance(intent, SubmitOrder))


def test_what_is_kept_of_a_trader_goes_on_where_it_was() -> None:
    told = market(12)
    played, other = (loop(STOPPED, Picky(of_type(OrderType.STOP_MARKET), 99)) for _ in range(2))
    played.run(told)
    for fact in told:
        other.trader = pickle.loads(pickle.dumps(other.trader))
        other.step(fact)
    assert other.intents == played.intents and closing(other)


def test_the_ledger_of_it_follows_from_the_market_and_the_commands() -> None:
    told = market(12)
    played = loop(PROTECTED, Picky(of_type(OrderType.STOP_MARKET, OrderType.TRAILING_STOP_MARKET), 99)).run(told)
    fresh = Account(played.account.desk.settings, FINGERPRINT)
    assert closing(played) and replay(fresh, told, played.facts, played.facts[-1].market_sequence) is None


def test_who_waits_for_another_to_be_given_up_loses_no_attempt() -> None:
    """A target and a stop are refused; while the parent of both is being withdrawn nothing is asked for, and nothing counts as asked."""
    parent, target, stop = (
        SubmitOrder(
            client_order_id=name, strategy_id="s", symbol=SYMBOL, side=side, type=kind, quantity=Q, parent_order_id=of,
            reduce_only=bool(of), trigger_price=at, price=limit,
        )
        for name, side, kind, of, at, limit in (
            ("p", Side.BUY, OrderType.LIMIT, "", None, Decimal(100)), ("t", Side.SELL, OrderType.TAKE_PROFIT_MARKET, "p", Decimal(110), None),
            ("s", Side.SELL, OrderType.STOP_MARKET, "p", Decimal(90), None),
        )
    )
    unprotected, own = Unprotected(), OwnOrders("s", SYMBOL)
    for order, reason in ((target, "picky"), (stop, "trigger_wrong_side")):
        unprotected.hear(OrderDenied(at_ns=0, order=order, reason=reason, text=""), own, 0)

    def wished(at_s: int, *working: Working) -> Wishes:
        return unprotected.wishes(View(instrument=BTC, at_ns=at_s * SECOND, position=Q, working=working, bid=None, ask=None))

    for at_s in range(2, 8):
        assert wished(at_s, Working(parent, Q, canceling=True)) == ()
    (again,) = wished(9, Working(parent, Q), Working(stop, Q))
    assert isinstance(again, Again) and again.order == target and again.reason.endswith("1 of 3")


def test_the_trader_knows_which_of_its_orders_gives_a_position_up() -> None:
    played = loop(STOPPED, Picky(of_type(OrderType.STOP_MARKET), 99))
    given_up: list[str] = []
    for fact in market(12):
        intents: Iterable[object] = played.step(fact)
        given_up += [each.reason for each in intents if isinstance(each, SubmitOrder) and played.trader.gives_up(each)]
    assert given_up == ["unprotected: STOP_MARKET refused, picky"]
