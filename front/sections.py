"""The shapes of config/session.yaml and config/exchanges/*.yaml, composed from the types that the rooms own.

Must not know how a file is read, nor what a setting leads to.
"""

from decimal import Decimal
from typing import Annotated

import msgspec

from supervisors.plan import SupervisionSettings
from trading.account_settings import AccountSettings
from trading.fees import FeeSchedule
from venue.settings import LinkSettings, RestSettings
from venue.stand_in.faults import parse_faults
from venue.stand_in.settings import StandInSettings

__all__ = ["AccountSection", "ExchangeSection", "SessionSection", "Slippage", "StandInSection"]

PLAN = "plan"
"""The name of the schedule that stands under ``fees``."""


class Slippage(msgspec.Struct, frozen=True, kw_only=True):
    """``model`` is a name of trading.matching.TAKER_MODELS."""

    model: str
    slippage_bps: Decimal


class AccountSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section ``account`` of config/session.yaml."""

    balance: Decimal
    slippage: Slippage
    entry_latency_ms: int
    equity_interval_ms: int

    def __post_init__(self) -> None:
        """Raises ValueError: the account's own settings type judges the numbers."""
        AccountSettings(
            balance=self.balance, instruments=(), position_max={}, slippage_model=self.slippage.model,
            slippage_bps=self.slippage.slippage_bps, entry_latency_ms=self.entry_latency_ms, equity_interval_ms=self.equity_interval_ms,
        )


class StandInSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section ``stand_in`` of config/session.yaml; seed and symbol come from the command line."""

    enforce_limits: bool
    faults: str

    def __post_init__(self) -> None:
        """Raises ValueError for a schedule that cannot be read."""
        parse_faults(self.faults)

    def settings(self, seed: int, symbol: str) -> StandInSettings:
        return StandInSettings(seed=seed, symbols=(symbol,), enforce_limits=self.enforce_limits, faults=parse_faults(self.faults))


class SessionSection(msgspec.Struct, frozen=True, kw_only=True):
    """config/session.yaml."""

    strategy: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]
    account: AccountSection
    supervision: SupervisionSettings
    stand_in: StandInSection


class Fees(msgspec.Struct, frozen=True, kw_only=True):
    """Fractions of the notional; negative is a rebate."""

    maker: Decimal
    taker: Decimal

    def __post_init__(self) -> None:
        """Raises ValueError: the account's own settings type judges the numbers."""
        AccountSettings(instruments=(), position_max={}, maker_fee=self.maker, taker_fee=self.taker)


class ExchangeSection(msgspec.Struct, frozen=True, kw_only=True):
    """config/exchanges/bitunix.yaml."""

    ws_url: str
    rest_url: str
    fees: Fees
    fees_published: dict[str, Fees]
    fees_charged: str
    feed: LinkSettings
    gateway: RestSettings

    def __post_init__(self) -> None:
        """Raises ValueError for a schedule that is not there."""
        if self.fees_charged not in (PLAN, *self.fees_published):
            raise ValueError(f"fees_charged must be one of {', '.join((PLAN, *self.fees_published))}, not {self.fees_charged}")
        for name, url, scheme in (("ws_url", self.ws_url, "ws"), ("rest_url", self.rest_url, "http")):
            if not url.startswith((f"{scheme}://", f"{scheme}s://")):
                raise ValueError(f"{name} must begin with {scheme}:// or {scheme}s://, not {url}")

    @property
    def charged(self) -> FeeSchedule:
        """What fills are charged."""
        fees = self.fees if self.fees_charged == PLAN else self.fees_published[self.fees_charged]
        return FeeSchedule(self.fees_charged, fees.maker, fees.taker)
