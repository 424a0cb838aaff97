"""How long to wait before trying again: a generator of numbers. The caller sleeps, counts, and decides when to start
anew.

Start a new generator only after healthy data, not after a mere connect: a peer that accepts and hangs up would
otherwise be hammered at the shortest wait. This module must not know what is being retried.

Jitter is "equal jitter" (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015): half of the ceiling is
certain, the other half is chance. Peers that fell together do not return together, and still no wait is shorter than
the one before could have been.
"""

from collections.abc import Iterator
from typing import Annotated, Protocol

import msgspec

__all__ = ["BackoffSettings", "Chance", "backoff"]

Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]


class Chance(Protocol):
    """The part of ``random.Random`` that is needed here."""

    def random(self) -> float:
        """A number in [0, 1)."""
        ...


class BackoffSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The n-th wait (n = 1, 2, ...) starts at ``multiplier_s`` * 2**n, kept within ``shortest_s`` and ``longest_s``."""

    multiplier_s: Seconds
    shortest_s: Seconds
    longest_s: Seconds

    def __post_init__(self) -> None:
        if self.shortest_s > self.longest_s:
            raise ValueError(f"shortest_s ({self.shortest_s}) is longer than longest_s ({self.longest_s})")


def backoff(chance: Chance, settings: BackoffSettings) -> Iterator[float]:
    """Waits in seconds, without end; each lies within [shortest_s, longest_s].

    The certain part of a wait doubles until it is half of ``longest_s``; up to as much again is chance.
    """
    step_s = settings.multiplier_s
    while True:
        step_s = min(step_s * 2, settings.longest_s / 2)
        certain_s = max(step_s, settings.shortest_s)
        yield min(certain_s * (1 + chance.random()), settings.longest_s)
