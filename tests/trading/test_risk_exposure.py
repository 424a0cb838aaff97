"""Whatever orders and facts come in whatever sequence: approved exposure never exceeds the cap."""

from decimal import Decimal
from fractions import Fraction

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.trading.decision_facts import BTC, SECOND, SYMBOL, book, filled
from trading.limits import Freshness, MessageLimit, RiskSettings
from trading.messages import (
    AccountFact, AmendOrder, AmendRejected, AmendSubmitted, DenyAmend, DenyOrder, OrderAmended, OrderCanceled, OrderRejected,
    OrderSubmitted, ReportProgress, SubmitOrder,
)
from trading.quantities import signed
from trading.risk import RiskGate
from trading.words import OrderType, Side

NOW = 10 * SECOND
CAP = Decimal("0.05")
SETTINGS = RiskSettings(
    max_position_per_symbol={SYMBOL: CAP},
    max_order_quantity={SYMBOL: Decimal("0.1")},
    max_order_value_usd=Decimal(100_000),
    max_open_orders_per_symbol=20,
    price_collar_pct=Decimal("0.5"),
    trigger_distance_max_pct=Decimal(10),
    message_limit=MessageLimit(count=100000, window_s=600),
    stale_market_s=Freshness(marketable=2, resting=15),
    permit_lease_ms=1000,
)
QUANTITIES = st.integers(1, 800).map(lambda number: Decimal(number) / 10_000)


class AccountAndGate(RuleBasedStateMachine):
    """A strategy without restraint, an account that fills, amends, cancels and rejects at will, late facts, and gates that
    restart.

    The oracle keeps its own account of approved orders in fractions and knows nothing of the gate's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[AccountFact] = []
        self.heard = 0
        self.position = Fraction(0)
        self.open: dict[str, tuple[SubmitOrder, Fraction]] = {}
        self.asked = 0
        self.submitted: set[str] = set()
        self.approved: dict[str, SubmitOrder] = {}
        self.amends: dict[str, AmendOrder] = {}

    @initialize()
    def start(self) -> None:
        self.gate = RiskGate(SETTINGS, [BTC])
        self.gate.catch_up(len(self.facts))
        self.heard = 0
        self.gate.on_market(book(1, NOW), NOW)
        self.gate.permit(NOW, "trade")
        self.gate.decide(
            ReportProgress(command_id="p", strategy_id="s", bars=50, warmup_bars=50, warmup_complete=True, at_ns=0), NOW
        )

    @rule(side=st.sampled_from(Side), quantity=QUANTITIES, market=st.booleans())
    def ask(self, side: Side, quantity: Decimal, market: bool) -> None:
        self.asked += 1
        asked = SubmitOrder(
            client_order_id=f"o{self.asked}",
            strategy_id="s",
            symbol=SYMBOL,
            side=side,
            quantity=quantity,
            type=OrderType.MARKET if market else OrderType.LIMIT,
            price=None if market else Decimal("65000.1"),
        )
        if not isinstance(self.gate.decide(asked, NOW), DenyOrder):
            self.approved[asked.client_order_id] = asked
            self.open[asked.client_order_id] = (asked, Fraction(quantity))
            self.tell(OrderSubmitted(at_ns=0, order=asked, effective_at_ns=0))

    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        if self.approved:
            known = self.approved[data.draw(st.sampled_from(sorted(self.approved)))]
            if known.client_order_id in self.gate._decided:
                assert self.gate.decide(known, NOW) == known

    @rule(data=st.data(), quantity=QUANTITIES)
    def ask_to_amend(self, data: st.DataObject, quantity: Decimal) -> None:
        if not self.open:
            return
        self.asked += 1
        name = data.draw(st.sampled_from(sorted(self.open)))
        asked = AmendOrder(command_id=f"a{self.asked}", client_order_id=name, quantity=quantity)
        if not isinstance(self.gate.decide(asked, NOW), DenyAmend):
            self.amends[asked.command_id] = asked
            self.tell(AmendSubmitted(
                at_ns=0, client_order_id=name, command_id=asked.command_id, quantity=quantity, price=None, trigger_price=None, reason="",
                effective_at_ns=0,
            ))

    @rule(data=st.data(), refused=st.booleans())
    def answer_an_amendment(self, data: st.DataObject, refused: bool) -> None:
        """In any order: what asks for no more than has filled is always refused."""
        waiting = [name for name, each in self.amends.items() if each.client_order_id in self.open]
        if not waiting:
            return
        asked = self.amends.pop(data.draw(st.sampled_from(waiting)))
        order, leaves = self.open[asked.client_order_id]
        assert asked.quantity is not None
        left = Fraction(asked.quantity) - (Fraction(order.quantity) - leaves)
        if refused or left <= 0:
            self.tell(AmendRejected(
                at_ns=0, client_order_id=order.client_order_id, command_id=asked.command_id, reason="any", text="",
            ))
            return
        self.open[asked.client_order_id] = (msgspec.structs.replace(order, quantity=asked.quantity), left)
        self.tell(OrderAmended(
            at_ns=0, client_order_id=order.client_order_id, command_id=asked.command_id, quantity=asked.quantity,
            leaves_quantity=_decimal(left), price=order.price, trigger_price=None, requeued=True,
        ))

    @rule(data=st.data(), part=st.integers(1, 4))
    def fill(self, data: st.DataObject, part: int) -> None:
        if not self.open:
            return
        name = data.draw(st.sampled_from(sorted(self.open)))
        order, leaves = self.open[name]
        steps = max(1, int(leaves * 10_000) * part // 4)
        done = Fraction(steps, 10_000)
        self.position += done if order.side is Side.BUY else -done
        rest = leaves - done
        self.open[name] = (order, rest)
        if rest == 0:
            del self.open[name]
        self.tell(filled(order, _decimal(self.position), 0, leaves=_decimal(rest)))

    @rule(data=st.data(), rejected=st.booleans())
    def end(self, data: st.DataObject, rejected: bool) -> None:
        if self.open:
            name = data.draw(st.sampled_from(sorted(self.open)))
            del self.open[name]
            if rejected:
                self.tell(OrderRejected(at_ns=0, client_order_id=name, reason="any", text=""))
            else:
                self.tell(OrderCanceled(at_ns=0, client_order_id=name, reason="any"))

    @rule()
    def hear(self) -> None:
        for sequence in range(self.heard + 1, len(self.facts) + 1):
            assert self.gate.on_fact(sequence, self.facts[sequence - 1])
        self.heard = len(self.facts)

    @rule()
    def restart(self) -> None:
        self.start()

    @rule(skipped=st.integers(1, 3))
    def lose_facts(self, skipped: int) -> None:
        sequence = self.heard + 1 + skipped
        if sequence <= len(self.facts):
            assert self.gate.on_fact(sequence, self.facts[sequence - 1]) is False

    def tell(self, fact: AccountFact) -> None:
        self.facts.append(fact)

    @invariant()
    def the_worst_case_is_within_the_cap(self) -> None:
        for side in Side:
            working = sum((leaves for order, leaves in self.open.values() if order.side is side), Fraction(0))
            worst = self.position + working if side is Side.BUY else self.position - working
            assert abs(self.position) <= Fraction(CAP)
            assert worst <= Fraction(CAP) if side is Side.BUY else worst >= -Fraction(CAP)

    @invariant()
    def the_gate_never_thinks_it_has_less_than_the_truth_when_it_has_heard_everything(self) -> None:
        pending = any(each.client_order_id in self.open for each in self.amends.values())
        if hasattr(self, "gate") and self.heard == len(self.facts) and not pending:
            truth = sum(
                (signed(order.side, _decimal(leaves)) for order, leaves in self.open.values()), _decimal(self.position)
            )
            exposure = self.gate._exposure
            total = exposure.worst(SYMBOL, Side.BUY) + exposure.worst(SYMBOL, Side.SELL) - exposure.position(SYMBOL)
            assert total == truth


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


TestApprovedExposure = AccountAndGate.TestCase
TestApprovedExposure.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
