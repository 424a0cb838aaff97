"""One venue's file (config/exchanges/*.yaml) as a settings type.

Must not know how a file is read.
"""

from decimal import Decimal
from typing import Annotated

import msgspec

from trading.fees import FeeSchedule
from venue.settings import LinkSettings, RestSettings

__all__ = ["ExchangeSettings", "FeeRates"]

PLAN = "plan"
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
    """``fees`` is the schedule named ``plan``; ``fees_charged`` names it or one of ``fees_published``."""

    ws_url: WsUrl
    rest_url: RestUrl
    fees: FeeRates
    fees_published: dict[str, FeeRates] = {}
    fees_charged: str = PLAN
    feed: LinkSettings = LinkSettings()
    gateway: RestSettings = RestSettings()

    def __post_init__(self) -> None:
        if self.fees_charged not in self._schedules:
            raise ValueError(f"fees_charged must be one of {', '.join(self._schedules)}, not {self.fees_charged}")

    @property
    def fee_schedule(self) -> FeeSchedule:
        """What fills are charged."""
        return self.named_schedule(self.fees_charged)

    def named_schedule(self, name: str) -> FeeSchedule:
        """Raises KeyError for a name that the file does not have."""
        rates = self._schedules[name]
        return FeeSchedule(name=name, maker=rates.maker, taker=rates.taker)

    @property
    def _schedules(self) -> dict[str, FeeRates]:
        return {PLAN: self.fees, **self.fees_published}
