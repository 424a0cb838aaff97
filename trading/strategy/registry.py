"""The strategies by name: one literal table. The name is the ``strategy`` key of a file in ``config/strategies``."""

from collections.abc import Callable
from typing import Any, TypeAlias

from trading.strategy.mean_reversion import MeanReversion, MeanReversionSettings
from trading.strategy.protocol import Strategy, StrategySettings
from trading.strategy.quoter import Quoter, QuoterSettings
from trading.strategy.sma_cross import SmaCross, SmaCrossSettings

__all__ = ["AnySettings", "STRATEGIES", "build"]

STRATEGIES: dict[type[StrategySettings], Callable[[Any], Strategy]] = {
    SmaCrossSettings: SmaCross,
    MeanReversionSettings: MeanReversion,
    QuoterSettings: Quoter,
}

AnySettings: TypeAlias = SmaCrossSettings | MeanReversionSettings | QuoterSettings
"""The type to decode a strategy's file into: its ``strategy`` key selects among them."""


def build(settings: StrategySettings) -> Strategy:
    """A fresh strategy for these settings. KeyError if their type is not in the table."""
    return STRATEGIES[type(settings)](settings)
