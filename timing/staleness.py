"""Freshness contracts: every stream promises to be heard at least every so often.

One dead stream behind a healthy socket is seen, because each has a contract of its own. This module must not know
what a stream carries, nor which clock the instants come from (monotonic, or event time of a tape).
"""

from collections.abc import Mapping

import msgspec

__all__ = ["Overdue", "Staleness"]


class Overdue(msgspec.Struct, frozen=True):
    """A stream that broke its contract; ``age_ns`` since it was last heard."""

    stream: str
    age_ns: int


class Staleness:
    """Who has been silent for longer than promised. Each silence is reported once, and ends when the stream is heard.

    ``limits_ns`` maps stream -> longest silence allowed; the contracts start at ``now_ns``. Asking about a stream
    without a contract is our own error (KeyError).
    """

    def __init__(self, limits_ns: Mapping[str, int], now_ns: int) -> None:
        if any(limit_ns <= 0 for limit_ns in limits_ns.values()):
            raise ValueError(f"a freshness limit must be positive: {dict(limits_ns)}")
        self._limits_ns = dict(limits_ns)
        self._heard_ns = dict.fromkeys(self._limits_ns, now_ns)
        self._silent: set[str] = set()

    def heard(self, stream: str, now_ns: int) -> bool:
        """Note a sign of life. True if this ended a silence that had been reported."""
        self._heard_ns[stream] = max(now_ns, self._heard_ns[stream])
        was_silent = stream in self._silent
        self._silent.discard(stream)
        return was_silent

    def overdue(self, now_ns: int) -> list[Overdue]:
        """Streams that broke their contract since the last call, the longest silence first.

        A stream is overdue at the instant its limit has passed, not before.
        """
        broken = [
            Overdue(stream, self.age_ns(stream, now_ns))
            for stream, limit_ns in self._limits_ns.items()
            if stream not in self._silent and now_ns - self._heard_ns[stream] >= limit_ns
        ]
        self._silent.update(each.stream for each in broken)
        return sorted(broken, key=lambda each: -each.age_ns)

    def restart(self, now_ns: int) -> None:
        """All contracts begin anew and nobody counts as silent: after a new connection has been made."""
        self._heard_ns = dict.fromkeys(self._limits_ns, now_ns)
        self._silent.clear()

    def age_ns(self, stream: str, now_ns: int) -> int:
        """Since the stream was last heard (or its contract began)."""
        return max(0, now_ns - self._heard_ns[stream])

    @property
    def silent(self) -> frozenset[str]:
        """Streams reported as overdue and not heard since."""
        return frozenset(self._silent)

    @property
    def next_due_ns(self) -> int | None:
        """The instant at which :meth:`overdue` can next have news; None when every stream is silent already."""
        return min(
            (
                self._heard_ns[stream] + limit_ns
                for stream, limit_ns in self._limits_ns.items()
                if stream not in self._silent
            ),
            default=None,
        )
