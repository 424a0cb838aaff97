"""What we say to the venue on one connection, never faster than it likes. Pure."""

from trading.latency import FEWEST_SAMPLES
from venue.effects import Effect, Send
from venue.pings import Pings
from venue.wire import Request, encode

__all__ = ["NEVER", "Outgoing"]

SECOND = 1_000_000_000
NEVER = 1 << 62
"""The due time of what is not due."""
EARLY_NS = SECOND // 2
"""Between two pings while too few were timed to know the way; together with the other frames well within the venue's 5 a second."""
EARLY_LIMIT = 2 * FEWEST_SAMPLES
"""So many of them on one connection, answered or not."""


class Outgoing:
    """Frames waiting for their turn, and the ping. What may wait is bounded by who puts: a few resubscriptions.

    A new connection pings early until the way to the venue is known (``FEWEST_SAMPLES``), then every ``ping_s``.
    """

    def __init__(self, ping_s: float, messages_per_s: float) -> None:
        self.pings = Pings()
        self._ping_ns = int(ping_s * SECOND)
        self._spacing_ns = int(SECOND / messages_per_s)
        self._early_ns = min(self._ping_ns, max(self._spacing_ns, EARLY_NS))
        self._early_left = 0
        self._waiting: list[str] = []
        self._free_at_ns = 0
        self._pinged_ns = NEVER

    def restart(self, now_ns: int) -> None:
        """A new connection: nothing waits, nothing has been said."""
        self.pings.forget()
        self._waiting.clear()
        self._free_at_ns = now_ns
        self._pinged_ns = NEVER

    def keep_alive(self, now_ns: int) -> None:
        """Ping from now on; the venue answers pings only behind a first real frame."""
        self._pinged_ns = now_ns
        self._early_left = EARLY_LIMIT

    def put(self, *texts: str) -> None:
        self._waiting += texts

    def flush(self, now_ns: int, wall_s: int) -> list[Effect]:
        """The next frame, if it is its time. ``wall_s``: the wall clock's seconds, for a ping to carry."""
        if now_ns < self.due_ns:
            return []
        self._free_at_ns = now_ns + self._spacing_ns
        if now_ns < self._ping_at_ns:
            return [Send(self._waiting.pop(0))]
        self._early_left -= self._is_early
        self._pinged_ns = now_ns
        return [Send(encode(Request(op="ping", ping=self.pings.sent(now_ns, wall_s))))]

    @property
    def due_ns(self) -> int:
        """When ``flush`` next has something to say."""
        return max(self._free_at_ns, self._free_at_ns if self._waiting else self._ping_at_ns)

    @property
    def _ping_at_ns(self) -> int:
        return min(NEVER, self._pinged_ns + (self._early_ns if self._is_early else self._ping_ns))

    @property
    def _is_early(self) -> bool:
        """Whether the next ping is. Early ones let all other frames go first."""
        return not self._waiting and self._early_left > 0 and len(self.pings.round_trips_ns) < FEWEST_SAMPLES
