"""Settings of the three strategies, small enough to follow by hand: as they are, and with protection and amendments."""

from decimal import Decimal

import msgspec

from trading.strategy.mean_reversion import MeanReversionSettings
from trading.strategy.quoter import QuoterSettings
from trading.strategy.sma_cross import SmaCrossSettings

CROSS = SmaCrossSettings(
    warmup_bars=50,
    bar_interval="500ms",
    quantity=Decimal("0.01"),
    report_latency_ms=200,
    denial_pause_bars=3,
    fast_bars=3,
    slow_bars=8,
    stop_loss_bps=Decimal(0),
    take_profit_bps=Decimal(0),
    trailing_stop_bps=Decimal(0),
)
REVERSION = MeanReversionSettings(
    warmup_bars=50,
    bar_interval="500ms",
    quantity=Decimal("0.01"),
    report_latency_ms=200,
    denial_pause_bars=3,
    window_bars=10,
    entry_deviations=Decimal(2),
    stop_loss_bps=Decimal(0),
    take_profit_bps=Decimal(0),
    trailing_stop_bps=Decimal(0),
)
QUOTES = QuoterSettings(
    warmup_bars=50,
    bar_interval="500ms",
    quantity=Decimal("0.01"),
    report_latency_ms=200,
    denial_pause_bars=3,
    levels=3,
    offset_ticks=5,
    spacing_ticks=10,
    requote_ticks=50,
    rest_ms=1000,
    inventory_max=Decimal("0.05"),
    amend=False,
)
PROTECTED = msgspec.structs.replace(CROSS, stop_loss_bps=Decimal(4), take_profit_bps=Decimal(5), trailing_stop_bps=Decimal(6))
REVERSION_PROTECTED = msgspec.structs.replace(REVERSION, stop_loss_bps=Decimal(4), take_profit_bps=Decimal(5))
AMENDED_QUOTES = msgspec.structs.replace(QUOTES, amend=True)
