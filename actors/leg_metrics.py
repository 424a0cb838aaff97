"""One way to the venue as metrics: what the gateway and the feed measured, and the same read back from a run's summary.

Must not know how it was measured (trading/latency.py fits it).
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from trading.latency import LogNormal, MeasuredLegs
from trading.quantities import canonical

__all__ = ["REST", "WS", "leg_gauges", "measured_legs"]

REST, WS = "venue_rest_leg_", "venue_ws_leg_"
"""How the names begin, by transport; they end as the fields of ``LogNormal``."""


def leg_gauges(prefix: str, leg: LogNormal | None) -> dict[str, float]:
    """Nothing while it is not known."""
    return {} if leg is None else {f"{prefix}{name}": float(value) for name, value in msgspec.structs.asdict(leg).items()}


def measured_legs(metrics: Mapping[str, Any]) -> MeasuredLegs:
    """From a run's metrics; None for what was not measured, or by something else."""
    return MeasuredLegs(_leg(REST, metrics), _leg(WS, metrics))


def _leg(prefix: str, metrics: Mapping[str, Any]) -> LogNormal | None:
    try:
        return LogNormal(*(canonical(Decimal(str(metrics[f"{prefix}{name}"]))) for name in LogNormal.__struct_fields__))
    except (KeyError, InvalidOperation, ValueError):
        return None
