"""The words of the field as closed sets. Must not know numbers, messages or rules."""

from enum import StrEnum
from typing import Final

__all__ = ["BUY", "SELL", "Liquidity", "OrderState", "OrderType", "Side", "TimeInForce", "TradingState", "TriggerSource"]


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


BUY: Final = Side.BUY
SELL: Final = Side.SELL
"""For where it matters: to look a member up by its class takes longer than to compare it."""


class OrderType(StrEnum):
    """A STOP triggers when the price moves against its side, a TAKE_PROFIT when it moves for it; then each is a MARKET or a LIMIT order.
    A TRAILING_STOP_MARKET is a STOP_MARKET whose trigger follows the best price at a distance."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"

    @property
    def has_limit(self) -> bool:
        """True if it never fills at a worse price than its own."""
        return self in LIMITED

    @property
    def waits_for_trigger(self) -> bool:
        return self not in AT_ONCE

    @property
    def stops(self) -> bool:
        """True if it triggers when the price moves against its side."""
        return self in STOPS


AT_ONCE = frozenset({OrderType.MARKET, OrderType.LIMIT})
STOPS = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP_MARKET})
LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT})


class TriggerSource(StrEnum):
    """Which price a trigger watches: the last trade's, or the venue's mark."""

    LAST_PRICE = "LAST_PRICE"
    MARK_PRICE = "MARK_PRICE"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Liquidity(StrEnum):
    MAKER = "MAKER"
    TAKER = "TAKER"


class OrderState(StrEnum):
    """DENIED is our own risk gate's word, REJECTED the venue's. TRIGGERED: a conditional order that has become an order proper.
    EXPIRED: what IOC and FOK leave unfilled."""

    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    TRIGGERED = "TRIGGERED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class TradingState(StrEnum):
    """What the risk gate lets through. REDUCING: only what reduces the position. HALTED and KILLED stay until a person acts."""

    STARTING = "STARTING"
    WARMUP = "WARMUP"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    REDUCING = "REDUCING"
    HALTED = "HALTED"
    KILLED = "KILLED"
