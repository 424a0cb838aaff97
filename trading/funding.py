"""Funding of a perpetual future: when it is due, and how much. Must not know where positions come from.

The venue names the next boundary; when event time reaches it, whoever holds a position pays or receives once.
"""

from decimal import Decimal

import msgspec

__all__ = ["FundingSchedule", "funding_amount"]


def funding_amount(position: Decimal, mark: Decimal, rate: Decimal) -> Decimal:
    """Cash of one settlement: ``-position * mark * rate``. Long pays a positive rate, short receives it (negative:
    reversed)."""
    return -position * mark * rate


class FundingSchedule(msgspec.Struct):
    """The boundaries of one symbol that are still to come, earliest first, and the newest rate.

    A boundary once announced stays due even if the venue names the next one a moment early. One in the past when first
    heard of is not ours. ``settled_through_ns`` makes a settlement happen once, also after recovery.
    """

    rate: Decimal = Decimal(0)
    boundaries_ns: list[int] = []
    settled_through_ns: int = 0

    def announce(self, rate: Decimal, boundary_ns: int, now_ns: int) -> bool:
        """Take the venue's word at event time ``now_ns``; True if it names another boundary."""
        self.rate = rate
        if boundary_ns in self.boundaries_ns or boundary_ns <= max(now_ns, self.settled_through_ns):
            return False
        earliest = self.boundaries_ns[:1] if self.boundaries_ns and self.boundaries_ns[0] < boundary_ns else []
        self.boundaries_ns = [*earliest, boundary_ns]
        return True

    def due_ns(self) -> int | None:
        """The next boundary, if one is known."""
        return self.boundaries_ns[0] if self.boundaries_ns else None

    def settle(self, boundary_ns: int) -> None:
        """Everything up to this boundary is over."""
        self.settled_through_ns = max(self.settled_through_ns, boundary_ns)
        self.boundaries_ns = [each for each in self.boundaries_ns if each > self.settled_through_ns]
