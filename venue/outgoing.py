"""What we say to the venue on one connection, never faster than it likes. Pure."""

from venue.effects import Effect, Send
from venue.wire import Request, encode

__all__ = ["NEVER", "Outgoing"]

SECOND = 1_000_000_000
NEVER = 1 << 62
"""The due time of what is not due."""


class Outgoing:
    """Frames waiting for their turn, and the ping. What may wait is bounded by who puts: a few resubscriptions and one ping."""

    def __init__(self, ping_s: float, messages_per_s: float) -> None:
        self._ping_ns = int(ping_s * SECOND)
        self._spacing_ns = int(SECOND / messages_per_s)
        self._waiting: list[str] = []
        self._free_at_ns = 0
        self._ping_at_ns = NEVER

    def restart(self, now_ns: int) -> None:
        """A new connection: nothing waits, nothing has been said."""
        self._waiting.clear()
        self._free_at_ns = now_ns
        self._ping_at_ns = NEVER

    def keep_alive(self, now_ns: int) -> None:
        """Ping from now on; the venue answers pings only behind a first real frame."""
        self._ping_at_ns = now_ns + self._ping_ns

    def put(self, *texts: str) -> None:
        self._waiting += texts

    def flush(self, now_ns: int, wall_s: int) -> list[Effect]:
        """The next frame, if it is its time. A ping carries the wall clock's seconds; the venue echoes them."""
        if now_ns >= self._ping_at_ns:
            self._ping_at_ns = now_ns + self._ping_ns
            self._waiting.append(encode(Request(op="ping", ping=wall_s)))
        if not self._waiting or now_ns < self._free_at_ns:
            return []
        self._free_at_ns = now_ns + self._spacing_ns
        return [Send(self._waiting.pop(0))]

    @property
    def due_ns(self) -> int:
        """When ``flush`` next has something to say."""
        return min(self._ping_at_ns, self._free_at_ns) if self._waiting else self._ping_at_ns
