"""What a session's positions are margined by, in a sentence: leverage, whose tiers, the first of them. Must not know HTML."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from reporting.numbers import exact, grouped, number

__all__ = ["margin_text"]

TIERS_SHOWN = 3
WORDS = {"venue": "tiers as the venue said at the start", "config": "tiers of the configuration, the venue said none that can be used"}
PERCENT = Decimal(100)


def margin_text(margin: Any) -> str:
    """``margin`` as in summary.json: by symbol."""
    if not isinstance(margin, Mapping) or not margin:
        return "traded without"
    return "; ".join(_of_symbol(str(symbol), each) for symbol, each in sorted(margin.items()) if isinstance(each, Mapping))


def _of_symbol(symbol: str, told: Mapping[str, Any]) -> str:
    tiers = [tier for tier in told.get("tiers") or () if isinstance(tier, Mapping)]
    shown = ", ".join(map(_tier, tiers[:TIERS_SHOWN]))
    more = f" and {len(tiers) - TIERS_SHOWN} more" if len(tiers) > TIERS_SHOWN else ""
    return f"{symbol} isolated, leverage {exact(told.get('leverage'))}, {WORDS.get(str(told.get('tiers_from')), 'tiers')}: {shown}{more}"


def _tier(tier: Mapping[str, Any]) -> str:
    rate = number(tier.get("maintenance_rate"))
    kept = exact(None if rate is None else rate * PERCENT)
    return f"up to {grouped(tier.get('end_value'), 0)} USDT {exact(tier.get('leverage'))}x with {kept} % to be left"
