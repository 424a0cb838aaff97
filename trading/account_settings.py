"""What a paper account is told before it starts. Must not know how settings are read."""

from decimal import Decimal

import msgspec

from trading.constraints import require_positive, require_positive_each
from trading.fees import FeeSchedule
from trading.latency import Constant, Draws, KnownLatency, Leg
from trading.margin import MarginSettings
from trading.matching import TAKER_MODELS
from trading.prints import DEFAULT_BAND_BPS, require_band
from trading.queue_models import MakingSettings, Touch
from trading.quantities import BASIS_POINTS, Instrument, plain

__all__ = ["AccountSettings"]


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Raises ValueError for a setting that makes no sense. Every instrument needs its ``position_max`` (base coin).

    ``slippage_model`` prices what takes, ``making`` decides when what rests is filled. ``entry_latency`` is the way of a command to
    the simulated venue, ``response_latency`` the way of its answer back. A symbol without ``margin`` is traded without. A print
    farther than ``print_band_bps`` outside the book fills nothing.
    """

    balance: Decimal = Decimal(10_000)
    instruments: tuple[Instrument, ...]
    position_max: dict[str, Decimal]
    fee_schedule: str = "default"
    maker_fee: Decimal = Decimal("-0.0002")
    taker_fee: Decimal = Decimal("0.0005")
    slippage_model: str = "fixed"
    slippage_bps: Decimal = Decimal(30)
    making: MakingSettings = Touch()
    entry_latency: KnownLatency = Constant(ms=Decimal(100))
    response_latency: KnownLatency = Constant(ms=Decimal(0))
    margin: dict[str, MarginSettings] = {}
    print_band_bps: Decimal = DEFAULT_BAND_BPS
    equity_interval_ms: int = 1000

    def __post_init__(self) -> None:
        require_positive(balance=self.balance)
        require_band(self.print_band_bps)
        require_positive_each("position_max", self.position_max)
        for instrument in self.instruments:
            if instrument.symbol not in self.position_max:
                raise ValueError(f"position_max has no limit for {instrument.symbol}")
        for name, fee in (("maker_fee", self.maker_fee), ("taker_fee", self.taker_fee)):
            if not (fee.is_finite() and abs(fee) < 1):
                raise ValueError(f"{name} must be a fraction between -1 and 1, not {fee}")
        if self.slippage_model not in TAKER_MODELS:
            known = ", ".join(sorted(TAKER_MODELS))
            raise ValueError(f"slippage_model must be one of {known}, not {self.slippage_model}")
        if not (self.slippage_bps.is_finite() and 0 <= self.slippage_bps < BASIS_POINTS):
            raise ValueError(f"slippage_bps must be at least 0 and less than {BASIS_POINTS}, not {self.slippage_bps}")
        if self.equity_interval_ms < 1:
            raise ValueError(f"equity_interval_ms must be at least 1, not {self.equity_interval_ms}")

    @property
    def making_model(self) -> str:
        """By name."""
        return str(self.making.__struct_config__.tag)

    @property
    def taking_text(self) -> str:
        """The taking model with its parameters."""
        return f"fixed(slippage_bps={plain(self.slippage_bps)})" if self.slippage_model == "fixed" else self.slippage_model

    def draws(self, seed: str) -> tuple[Draws, Draws]:
        """How long commands and their answers travel in a session of this seed."""
        return Draws(self.entry_latency, seed, Leg.ENTRY), Draws(self.response_latency, seed, Leg.RESPONSE)

    @property
    def fees(self) -> FeeSchedule:
        return FeeSchedule(self.fee_schedule, self.maker_fee, self.taker_fee)
