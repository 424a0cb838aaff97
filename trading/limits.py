"""The numbers of the risk gate, as ``config/risk.yaml`` states them. Every key is required: a limit nobody set is no
limit.

Must not know how a limit is checked.
"""

from decimal import Decimal
from typing import Annotated

import msgspec

from trading.constraints import require_positive, require_positive_each

__all__ = ["Freshness", "Limits", "MessageLimit", "RiskSettings"]

Seconds = Annotated[float, msgspec.Meta(gt=0, le=600)]


class Freshness(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How old the book may be for an order that takes at once, and for one that would rest; in seconds."""

    marketable: Seconds
    resting: Seconds


class MessageLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``count`` messages to the venue in any ``window_s`` seconds of event time."""

    count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    window_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one symbol; quantities in base coin."""

    position_max: Decimal
    order_quantity_max: Decimal
    order_value_max_usd: Decimal
    open_orders_max: int
    collar_pct: Decimal
    trigger_distance_max_pct: Decimal
    message_limit: MessageLimit


class RiskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``config/risk.yaml``. ``max_position_per_symbol`` and ``max_order_quantity`` map symbol -> base coin."""

    max_position_per_symbol: dict[str, Decimal]
    max_order_quantity: dict[str, Decimal]
    max_order_value_usd: Decimal
    max_open_orders_per_symbol: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    price_collar_pct: Decimal
    trigger_distance_max_pct: Decimal
    message_limit: MessageLimit
    stale_market_s: Freshness
    permit_lease_ms: Annotated[int, msgspec.Meta(ge=100, le=10_000)]

    def __post_init__(self) -> None:
        require_positive_each("max_position_per_symbol", self.max_position_per_symbol)
        require_positive_each("max_order_quantity", self.max_order_quantity)
        require_positive(
            max_order_value_usd=self.max_order_value_usd, price_collar_pct=self.price_collar_pct,
            trigger_distance_max_pct=self.trigger_distance_max_pct,
        )

    def limits(self, symbol: str) -> Limits | None:
        """The complete limits of a symbol; None when any is missing: it must not be traded then."""
        if self.missing(symbol):
            return None
        return Limits(
            position_max=self.max_position_per_symbol[symbol],
            order_quantity_max=self.max_order_quantity[symbol],
            order_value_max_usd=self.max_order_value_usd,
            open_orders_max=self.max_open_orders_per_symbol,
            collar_pct=self.price_collar_pct,
            trigger_distance_max_pct=self.trigger_distance_max_pct,
            message_limit=self.message_limit,
        )

    def missing(self, symbol: str) -> tuple[str, ...]:
        """The keys that have no entry for the symbol: what to add to the file before it may be traded."""
        tables = {
            "max_position_per_symbol": self.max_position_per_symbol,
            "max_order_quantity": self.max_order_quantity,
        }
        return tuple(key for key, table in tables.items() if symbol not in table)
