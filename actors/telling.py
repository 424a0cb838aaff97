"""How the broker tells a fact: its envelope for the other actors, its words and numbers for the log. Must not decide anything."""

from typing import Any

import msgspec

from actors.envelopes import FactTold
from trading.messages import AccountFact, OrderFilled, SessionOpened

__all__ = ["COUNTED", "EVENTS", "log_fields", "told"]

EVENTS = {
    "SessionOpened": "SESSION_OPENED", "PositionCarried": "POSITION_CARRIED", "SessionClosed": "SESSION_CLOSED",
    "TradingStateChanged": "TRADING_STATE_CHANGED",
    "StrategyProgressed": "STRATEGY_PROGRESSED", "OrderSubmitted": "ORDER_SUBMITTED", "CancelSubmitted": "CANCEL_SUBMITTED",
    "OrderDenied": "ORDER_DENIED", "OrderRejected": "ORDER_REJECTED", "OrderAccepted": "ORDER_ACCEPTED", "OrderFilled": "ORDER_FILLED",
    "OrderCanceled": "ORDER_CANCELED", "OrderExpired": "ORDER_EXPIRED", "FundingPaid": "FUNDING_PAID", "OrderRested": "ORDER_RESTED",
    "OrderTriggered": "ORDER_TRIGGERED", "AmendSubmitted": "AMEND_SUBMITTED", "OrderAmended": "ORDER_AMENDED",
    "AmendRejected": "AMEND_REJECTED", "PositionLiquidated": "POSITION_LIQUIDATED",
    "MarketUnobserved": "MARKET_UNOBSERVED", "MarketObserved": "MARKET_OBSERVED",
}
"""The log's word for each account fact (the equity curve is in the ledger only)."""

COUNTED = {
    kind: f"orders_{event.removeprefix('ORDER_').lower()}" if event.startswith("ORDER_") else event.lower() for kind, event in EVENTS.items()
}
"""The metric's name for each."""


def told(sequence: int, fact: AccountFact, market_seen_ns: int = 0, sent_ns: int = 0, told_ns: int = 0) -> FactTold:
    every: Any = fact  # each account fact is one of the union that may be told
    return FactTold(sequence=sequence, fact=every, market_seen_ns=market_seen_ns, sent_ns=sent_ns, told_ns=told_ns)


def log_fields(fact: AccountFact) -> dict[str, Any]:
    """A fact as flat log fields; an order's own fields stand beside the fact's."""
    fields: dict[str, Any] = msgspec.to_builtins(fact)
    fields.pop("kind")
    fields.pop("receipt", None)
    order = fields.pop("order", None)
    if order is not None:
        order.pop("kind")
        fields = {**order, **fields}
    if isinstance(fact, OrderFilled):
        fields.pop("closed")
    if isinstance(fact, SessionOpened):
        fields["instruments"] = [each.symbol for each in fact.instruments]
    return fields
