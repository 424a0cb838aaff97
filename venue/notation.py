"""How the venue spells numbers and times: trimmed decimals and ISO-8601 in UTC. It knows no message and no clock."""

from datetime import UTC, datetime
from decimal import Decimal


def plain(units: int, decimals: int) -> Decimal:
    """`units` of 10^-decimals as the venue spells it: no exponent, trailing zeros trimmed (650000, 1 -> 65000; 7142, 4
    -> 0.7142).

    Spelled without an exponent down to 10^-6; nothing the venue quotes in these units is finer.
    """
    while decimals and not units % 10:
        units //= 10
        decimals -= 1
    return Decimal(units).scaleb(-decimals)


def iso_of(ns: int, digits: int = 0) -> str:
    """Nanoseconds since the epoch as 2026-04-07T05:47:52Z, with `digits` (0 to 9) decimals of a second."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09d}"[: 20 + digits] + "Z" if digits else text + "Z"


def ns_of(iso: str) -> int:
    """2026-04-07T05:47:52Z, with up to 9 decimals of a second, as nanoseconds since the epoch. Raises ValueError."""
    seconds, _, fraction = iso.removesuffix("Z").partition(".")
    if len(fraction) > 9 or (fraction and not fraction.isdecimal()):
        raise ValueError(f"not a time of the venue: {iso!r}")
    moment = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + int(fraction.ljust(9, "0"))
