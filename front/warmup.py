"""How long a strategy only watches, and whether a session was long enough for it. Pure."""

from trading.strategy.protocol import StrategySettings

__all__ = ["long_enough", "warmup_s"]

HISTORY_FROM_NS = 60_000_000_000
"""The venue keeps history for bars of a minute and more: their warm-up is filled at once."""

NS_PER_S = 1_000_000_000
SLACK = 1.25
START_S = 15.0
"""A session is blamed for a warm-up it did not complete only beyond a quarter more than it takes, and this on top."""


def warmup_s(strategy: StrategySettings) -> float:
    """Seconds until the first order is possible; 0 where history fills the warm-up."""
    return 0.0 if strategy.interval_ns >= HISTORY_FROM_NS else strategy.warmup_bars * strategy.interval_ns / NS_PER_S


def long_enough(duration_s: float, strategy: StrategySettings) -> bool:
    """True when a session of that length must have completed its warm-up unless something was wrong."""
    return duration_s >= warmup_s(strategy) * SLACK + START_S
