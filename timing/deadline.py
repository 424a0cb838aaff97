"""One deadline for a wait of several steps.

A wait with three steps and a timeout for each lasts three timeouts; a wait with one ``Deadline`` lasts one. This module
must not know which clock the instants come from, only that all of them come from the same one.
"""

import msgspec

__all__ = ["Deadline"]

NANOSECONDS = 1_000_000_000


class Deadline(msgspec.Struct, frozen=True):
    """An instant after which waiting ends. Build it once with :meth:`after`, ask it before every step."""

    at_ns: int

    @classmethod
    def after(cls, now_ns: int, wait_ns: int) -> "Deadline":
        """The deadline ``wait_ns`` from now; a negative wait is over at once."""
        return cls(now_ns + max(0, wait_ns))

    def remaining_ns(self, now_ns: int) -> int:
        """What is left to wait, never below zero."""
        return max(0, self.at_ns - now_ns)

    def remaining_s(self, now_ns: int) -> float:
        """The same in seconds, for calls that take a timeout."""
        return self.remaining_ns(now_ns) / NANOSECONDS

    def expired(self, now_ns: int) -> bool:
        """True from the very instant on."""
        return now_ns >= self.at_ns

    def sooner(self, other: "Deadline") -> "Deadline":
        """The earlier of two: a step may have its own limit, but never outlives the whole."""
        return self if self.at_ns <= other.at_ns else other
