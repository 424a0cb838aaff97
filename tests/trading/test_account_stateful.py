"""Whatever a market and a trader do, in whatever order: the money is exact, no rule is broken, and a crash changes nothing."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.trading.account_stories import BTC
from tests.trading.money_oracle import Oracle
from tests.trading.session_machine import (
    CAP, FUNDING_MS, TwinStory, account_settings, distances, maybe, orders, prices, sides, sizes, triggers, waits, windows,
)
from trading.account_settings import AccountSettings
from trading.invariants import violations
from trading.messages import (
    AccountFact, BookChanged, CancelAll, CloseAll, EquityMarked, FeedStale, OrderFilled, TradesPrinted,
)
from trading.orders import Order
from trading.words import Liquidity, OrderType, Side, TriggerSource


class Session(RuleBasedStateMachine):
    story: TwinStory
    oracle: Oracle

    @initialize(given=account_settings())
    def begin(self, given: AccountSettings) -> None:
        self.story, self.oracle = TwinStory(given), Oracle(given)
        self.checked = 0
        self.usable = {0: False, 1: True}
        self.story.window((("29999", "1"),), (("30001", "1"),))

    # ------------------------------------------------------------------------------------------------ the market

    @rule(window=windows(), wait=waits)
    def window(self, window: Any, wait: int) -> None:
        self.story.window(*window, at_ms=self.story.at_ms + wait)

    @rule(trades=st.lists(st.tuples(prices.map(str), sizes, sides), min_size=1, max_size=3), wait=waits)
    def trades(self, trades: Any, wait: int) -> None:
        self.story.prints(*trades, at_ms=self.story.at_ms + wait)

    @rule(price=prices, side=sides, wait=waits)
    def far_print(self, price: int, side: Side, wait: int) -> None:
        self.story.trade(str(price * 2), "1", side, at_ms=self.story.at_ms + wait)

    @rule(price=st.one_of(prices, prices, st.sampled_from([29_500, 29_750, 30_250, 30_500])), rate=st.sampled_from(["0", "0.0003", "-0.0007"]),
          wait=waits)
    def mark(self, price: int, rate: str, wait: int) -> None:
        now_ms = self.story.at_ms + wait
        self.story.mark(str(price), rate, next_funding_ms=now_ms - now_ms % FUNDING_MS + FUNDING_MS, at_ms=now_ms)

    @precondition(lambda self: len(self.story.told) % 4 == 0)
    @rule(stream=st.sampled_from(["all", "depth_book15", "trade"]), reason=st.sampled_from(["silence", "gap"]), heals=maybe)
    def stale(self, stream: str, reason: str, heals: bool) -> None:
        self.story.stale(stream, reason)
        self.everything_new_is_sound()
        if heals:
            self.story.window((("29999", "0.1"),), (("30001", "0.1"),))

    # ------------------------------------------------------------------------------------------------ the trader

    @rule(fields=orders())
    def submit(self, fields: dict[str, Any]) -> None:
        given = dict(fields)
        side, quantity, price, lag_ms, parent = (given.pop(name) for name in ("side", "quantity", "price", "lag_ms", "parent"))
        if parent:
            known = list(self.story.account.desk.orders.known.values())[-parent:]
            given |= {"parent_order_id": known[0].client_order_id if known else "none"}
            side = known[0].side.opposite if known else side
        decided_at_ns = self.story.now_ns - lag_ms * 1_000_000
        self.story.tell(self.story.order(side, quantity, price, decided_at_ns=decided_at_ns, **given))

    @rule(side=sides, quantity=sizes, price=prices, stop=st.integers(5, 15), goal=st.integers(3, 15), by=triggers, limits=maybe)
    def bracket(self, side: Side, quantity: str, price: int, stop: int, goal: int, by: TriggerSource, limits: bool) -> None:
        away = 1 if side is Side.BUY else -1
        parent = self.story.order(side, quantity, str(price))
        self.story.tell(parent)
        child: dict[str, Any] = {"reduce_only": True, "parent_order_id": parent.client_order_id, "oco": parent.client_order_id}
        exits: list[dict[str, Any]] = [{"type": OrderType.STOP_MARKET, "trigger_price": str(price - stop * away), "trigger_by": by}]
        if limits:
            exits += [{"price": str(price + goal * away)}]
        else:
            exits += [{"type": OrderType.TAKE_PROFIT_MARKET, "trigger_price": str(price + goal * away)}]
        for each in exits:
            self.everything_new_is_sound()
            self.story.tell(self.story.order(side.opposite, quantity, **child, **each))

    @rule(side=sides, quantity=sizes, price=prices)
    def quote(self, side: Side, quantity: str, price: int) -> None:
        self.story.tell(self.story.order(side, quantity, str(price)))

    @precondition(lambda self: self.story.account.desk.orders.open())
    @rule(which=distances)
    def cancel(self, which: int) -> None:
        self.story.cancel(self._open_order(which).client_order_id)

    @precondition(lambda self: self.story.account.desk.orders.open())
    @rule(which=distances, what=st.sampled_from(["quantity", "price", "trigger_price", "both"]), quantity=sizes, price=prices.map(str))
    def amend(self, which: int, what: str, quantity: str, price: str) -> None:
        order = self._open_order(which)
        changes: dict[str, object] = {"quantity": quantity} if what in ("quantity", "both") else {}
        if what in ("price", "both") and order.intent.type.has_limit:
            changes |= {"price": price}
        if what == "trigger_price" and order.intent.type.waits_for_trigger:
            changes |= {"trigger_price": price}
        self.story.amend(order.client_order_id, **changes)

    def _open_order(self, which: int) -> Order:
        found = self.story.account.desk.orders.open()
        return found[-1 - which % len(found)]

    @precondition(lambda self: len(self.story.told) > 15 and len(self.story.told) % 5 == 0)
    @rule()
    def end_orders(self) -> None:
        self.story.tell(CancelAll(reason="test"))

    @precondition(lambda self: len(self.story.told) > 40 and len(self.story.told) % 5 == 0)
    @rule()
    def kill(self) -> None:
        self.story.tell(CloseAll(reason="test"))

    @rule(whole=maybe)
    def crash(self, whole: bool) -> None:
        self.story.crash(whole=whole)

    # ------------------------------------------------------------------------------------------------ what always holds

    @invariant()
    def everything_new_is_sound(self) -> None:
        if not hasattr(self, "story"):
            return
        new = self.story.facts[self.checked:]
        self.checked = len(self.story.facts)
        self.oracle.see(new)
        state, money = self.story.account.state(), self.oracle.money
        assert tuple(map(Fraction, (state.balance, state.realized_pnl, state.fees, state.funding))) == money[:4]
        assert Fraction(self.story.position) == money.position
        assert abs(self.story.position) <= CAP[BTC]
        for each in new:
            if isinstance(each, EquityMarked):
                assert Fraction(each.equity) == money.balance + self.oracle.unrealized(each.marks.get(BTC, Decimal(0)))
        for order in self.story.account.desk.orders.known.values():
            assert 0 <= order.filled_quantity <= order.intent.quantity or not order.filled_quantity
        self._fills_have_a_cause([each for each in new if isinstance(each, OrderFilled)])

    def _fills_have_a_cause(self, fills: list[OrderFilled]) -> None:
        """By the newest market fact: a usable book for all but a flatten, a trade or a crossing for what rested."""
        fact = self.story.told[-1][0]
        self._note_book(fact)
        for fill in fills:
            if not fill.client_order_id.startswith(("CLOSE-", "LIQUIDATION-")):
                assert self.usable[max(each for each in self.usable if each <= fill.market_sequence)], fill
        makers = [each for each in fills if each.liquidity is Liquidity.MAKER]
        for side in Side:
            own = [each for each in makers if each.side is side]
            if own and isinstance(fact, TradesPrinted):
                worst = max((each.price if side is Side.BUY else -each.price) for each in own)
                reached = [each for each in fact.prints if each.aggressor is not side]
                reached = [each for each in reached if (each.price if side is Side.BUY else -each.price) <= worst]
                assert sum(each.quantity for each in own) <= sum(each.quantity for each in reached)
            elif own:
                assert isinstance(fact, BookChanged)
                shown = fact.asks if side is Side.BUY else fact.bids
                for each in own:
                    assert shown[0][0] <= each.price if side is Side.BUY else shown[0][0] >= each.price
                assert sum(each.quantity for each in own) <= sum(quantity for _, quantity in shown)

    def _note_book(self, fact: object) -> None:
        if isinstance(fact, BookChanged):
            self.usable[fact.sequence] = bool(fact.bids and fact.asks) and fact.bids[0][0] < fact.asks[0][0]
        elif isinstance(fact, FeedStale) and fact.stream != "trade":
            self.usable[fact.sequence] = False

    def teardown(self) -> None:
        if hasattr(self, "story"):
            facts: list[AccountFact] = [*self.story.facts, *self.story.account.close(self.story.now_ns, "test")]
            assert violations(facts, CAP) == []


Session.TestCase.settings = effort(
    max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSession = Session.TestCase
