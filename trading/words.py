"""The words of the field as closed sets. Must not know numbers, messages or rules."""

from enum import StrEnum

__all__ = ["Liquidity", "OrderState", "OrderType", "Side", "TimeInForce", "TradingState"]


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Liquidity(StrEnum):
    MAKER = "MAKER"
    TAKER = "TAKER"


class OrderState(StrEnum):
    """DENIED is our own risk gate's word, REJECTED the venue's. EXPIRED: what IOC and FOK leave unfilled."""

    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
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
