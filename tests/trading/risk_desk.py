"""A risk gate on a desk of its own, ready to be asked, and short words for orders."""

from decimal import Decimal
from typing import Any

import msgspec

from tests.trading.decision_facts import BTC, SECOND, SYMBOL, book, filled
from trading.limits import Freshness, MessageLimit, RiskSettings
from trading.messages import DenyOrder, OrderSubmitted, ReportProgress, SubmitOrder
from trading.risk import RiskGate
from trading.words import OrderType, Side, TradingState

SETTINGS = RiskSettings(
    max_position_per_symbol={SYMBOL: Decimal("0.1")},
    max_order_quantity={SYMBOL: Decimal("0.05")},
    max_order_value_usd=Decimal(5000),
    max_open_orders_per_symbol=20,
    price_collar_pct=Decimal("0.5"),
    trigger_distance_max_pct=Decimal(10),
    message_limit=MessageLimit(count=600, window_s=600),
    stale_market_s=Freshness(marketable=2, resting=15),
    permit_lease_ms=1000,
)
NOW = 100 * SECOND


def order(name: str, side: Side, quantity: str, price: str | None = None, **more: Any) -> SubmitOrder:
    return SubmitOrder(
        client_order_id=name,
        strategy_id="sma_cross",
        symbol=more.pop("symbol", SYMBOL),
        side=side,
        type=more.pop("type", OrderType.MARKET if price is None else OrderType.LIMIT),
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
        **more,
    )


def buy(quantity: str, price: str | None = None, name: str = "new", **more: Any) -> SubmitOrder:
    return order(name, Side.BUY, quantity, price, **more)


def sell(quantity: str, price: str | None = None, name: str = "new", **more: Any) -> SubmitOrder:
    return order(name, Side.SELL, quantity, price, **more)


class Desk:
    """A gate with a clock and numbered facts; ready to trade unless told otherwise. The mid is 65000.1."""

    def __init__(self, *, ready: bool = True, cap: str = "0.1", **changes: Any) -> None:
        caps = {SYMBOL: Decimal(cap)}
        self.gate = RiskGate(msgspec.structs.replace(SETTINGS, max_position_per_symbol=caps, **changes), [BTC])
        self.sequence = 0
        if ready:
            self.gate.catch_up(0)
            self.gate.on_market(book(1, NOW), NOW)
            self.gate.permit(NOW, "trade")
            self.gate.decide(progress(), NOW)

    def hear(self, *facts: Any) -> None:
        for fact in facts:
            self.sequence += 1
            assert self.gate.on_fact(self.sequence, fact)

    def hold(self, position: str) -> None:
        """An earlier fill left this position."""
        past = order("past", Side.BUY if Decimal(position) > 0 else Side.SELL, position.lstrip("-"))
        self.hear(OrderSubmitted(at_ns=0, order=past, effective_at_ns=0), filled(past, Decimal(position), 0))

    def state(self) -> TradingState:
        return self.gate.state

    def answer(self, asked: SubmitOrder, now_ns: int = NOW) -> str:
        """``pass``, or the short reason of the denial."""
        decision = self.gate.decide(asked, now_ns)
        return decision.reason if isinstance(decision, DenyOrder) else "pass"

    def text(self, asked: SubmitOrder, now_ns: int = NOW) -> str:
        decision = self.gate.decide(asked, now_ns)
        assert isinstance(decision, DenyOrder)
        return decision.text


def progress(bars: int = 50, complete: bool = True) -> ReportProgress:
    return ReportProgress(
        command_id="p", strategy_id="sma_cross", bars=bars, warmup_bars=50, warmup_complete=complete, at_ns=NOW
    )
