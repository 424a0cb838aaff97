"""One venue's file (config/exchanges/*.yaml) as a settings type.

Must not know how a file is read.
"""

from decimal import Decimal
from typing import Annotated

import msgspec

from trading.fees import FeeSchedule
from trading.margin import DEFAULT_TIERS, MarginSettings, Tier
from venue.settings import LinkSettings, RestSettings

__all__ = ["ExchangeSettings", "FeeRates"]

PLAN = "plan"
ANY_SYMBOL = "default"
LARGEST_RATE = Decimal("0.01")

WsUrl = Annotated[str, msgspec.Meta(pattern=r"^wss?://")]
RestUrl = Annotated[str, msgspec.Meta(pattern=r"^https?://")]


class FeeRates(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Fractions of the notional; negative is a rebate."""

    maker: Decimal
    taker: Decimal

    def __post_init__(self) -> None:
        for name, rate in (("maker", self.maker), ("taker", self.taker)):
            if not (rate.is_finite() and abs(rate) <= LARGEST_RATE):
                raise ValueError(f"{name} must be a fraction within +-{LARGEST_RATE}, not {rate}")


class ExchangeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``fees`` is the schedule named ``plan``; ``fees_charged`` names it or one of ``fees_published``. ``margin_tiers`` by symbol."""

    ws_url: WsUrl
    rest_url: RestUrl
    fees: FeeRates
    fees_published: dict[str, FeeRates] = {}
    fees_charged: str = PLAN
    margin_tiers: dict[str, tuple[Tier, ...]] = msgspec.field(default_factory=lambda: {ANY_SYMBOL: DEFAULT_TIERS})
    feed: LinkSettings = LinkSettings()
    gateway: RestSettings = RestSettings()

    def __post_init__(self) -> None:
        if self.fees_charged not in self._schedules:
            raise ValueError(f"fees_charged must be one of {', '.join(self._schedules)}, not {self.fees_charged}")
        if ANY_SYMBOL not in self.margin_tiers:
            raise ValueError(f"margin_tiers needs an entry {ANY_SYMBOL}, for symbols without their own")
        for tiers in self.margin_tiers.values():
            MarginSettings(1, tiers)

    def tiers_of(self, symbol: str) -> tuple[Tier, ...]:
        """Smallest notional first."""
        return self.margin_tiers.get(symbol, self.margin_tiers[ANY_SYMBOL])

    @property
    def fee_schedule(self) -> FeeSchedule:
        """What fills are charged."""
        return self.named_schedule(self.fees_charged)

    @property
    def published_schedule(self) -> FeeSchedule | None:
        """What the venue itself charges: the published schedule that fills are charged, else the first one; None without any."""
        name = self.fees_charged if self.fees_charged in self.fees_published else next(iter(self.fees_published), None)
        return None if name is None else self.named_schedule(name)

    def named_schedule(self, name: str) -> FeeSchedule:
        """Raises KeyError for a name that the file does not have."""
        rates = self._schedules[name]
        return FeeSchedule(name=name, maker=rates.maker, taker=rates.taker)

    @property
    def _schedules(self) -> dict[str, FeeRates]:
        return {PLAN: self.fees, **self.fees_published}
