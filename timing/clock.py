"""The clocks of the machine, and the only file of this room that reads them.

Deadlines, ages and leases use the monotonic clock; the wall clock is for people's eyes only. Everybody else receives
instants as arguments. This module must not know what the time is used for.
"""

import time
from datetime import UTC, datetime

__all__ = ["iso_text", "monotonic_ns", "wall_ns"]

NANOSECONDS = 1_000_000_000


def monotonic_ns() -> int:
    """Nanoseconds since some fixed instant (Linux: boot). Never runs backwards; the same for all processes of a
    machine."""
    return time.monotonic_ns()


def wall_ns() -> int:
    """Nanoseconds since 1970-01-01 UTC. May jump either way: never compute a deadline with it."""
    return time.time_ns()


def iso_text(at_ns: int) -> str:
    """UTC to the microsecond: ``2026-11-22T13:41:00.123456Z``. Cuts, does not round."""
    seconds, rest_ns = divmod(at_ns, NANOSECONDS)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest_ns // 1000:06d}Z"
