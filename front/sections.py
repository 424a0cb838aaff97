"""The shapes of config/session.yaml and config/exchanges/*.yaml, composed from the types that the rooms own.

Must not know how a file is read, nor what a setting leads to.
"""

from decimal import Decimal
from typing import Annotated

import msgspec

from supervisors.plan import SupervisionSettings
from trading.account_settings import AccountSettings
from trading.latency import LatencyModel
from trading.queue_models import MakingSettings
from venue.stand_in.faults import parse_faults
from venue.stand_in.settings import StandInSettings

__all__ = ["AccountSection", "Latency", "SessionSection", "Slippage", "StandInSection"]


class Slippage(msgspec.Struct, frozen=True, kw_only=True):
    """``model`` is a name of trading.matching.TAKER_MODELS."""

    model: str
    slippage_bps: Decimal


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """To the simulated venue, and back."""

    entry: LatencyModel
    response: LatencyModel


class AccountSection(msgspec.Struct, frozen=True, kw_only=True):
    """Section ``account`` of config/session.yaml."""

    balance: Decimal
    slippage: Slippage
    making: MakingSettings
    latency: Latency
    leverage: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    print_band_bps: Decimal
    equity_interval_ms: int

    def __post_init__(self) -> None:
        """Raises ValueError: the account's own settings type judges the numbers."""
        AccountSettings(
            balance=self.balance, instruments=(), position_max={}, slippage_model=self.slippage.model,
            slippage_bps=self.slippage.slippage_bps, print_band_bps=self.print_band_bps, equity_interval_ms=self.equity_interval_ms,
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
