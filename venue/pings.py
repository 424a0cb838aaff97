"""Our pings and how long each took to come back: round trips to the venue by the WebSocket. Pure: the time is an argument.

    -> {"op":"ping","ping":1732519687}
    <- {"op":"ping","pong":1732519687,"ping":1732519690}

A pong belongs to the ping whose value it repeats; what the venue says in its own ``ping`` is not used. Must not know when a ping is
due (venue/outgoing.py), nor sockets.
"""

from collections import Counter, deque

from trading.latency import KEPT_SAMPLES

__all__ = ["Pings"]

MS = 1_000_000
UNDER_WAY_LIMIT = 8
"""Pings without an answer that are remembered, and as many that had theirs: a venue that never answers is not waited for."""
LONGEST_NS = 10_000 * MS
"""A longer round trip is no way to anywhere: the venue hung, or we did."""
LONGEST_WAIT_NS = 20 * MS
"""Between receipt and reading. A pong that waited longer stood behind others that we were too slow to take, also before its receipt."""


class Pings:
    """``round_trips_ns`` are the newest, of all connections. ``counts`` are metrics by name; a pong that gives no round trip is counted
    under its reason."""

    def __init__(self) -> None:
        self.round_trips_ns: deque[int] = deque(maxlen=KEPT_SAMPLES)
        self.counts: Counter[str] = Counter()
        self._under_way: dict[int, int] = {}
        self._answered: deque[int] = deque(maxlen=UNDER_WAY_LIMIT)
        self._last = 0

    def sent(self, now_ns: int, wall_s: int) -> int:
        """The value of a ping that leaves now: the wall clock's seconds, as the venue wants them, but never the same twice."""
        self._last = max(wall_s, self._last + 1)
        if len(self._under_way) >= UNDER_WAY_LIMIT:
            self._under_way.pop(next(iter(self._under_way)))
            self.counts["pings_unanswered_count"] += 1
        self._under_way[self._last] = now_ns
        self.counts["pings_count"] += 1
        return self._last

    def heard(self, value: int, seen_ns: int, now_ns: int) -> None:
        """A pong, received at ``seen_ns`` and read at ``now_ns``."""
        sent_ns = self._under_way.pop(value, None)
        if sent_ns is None:
            self.counts["pongs_repeated_count" if value in self._answered else "pongs_foreign_count"] += 1
            return
        self._answered.append(value)
        if not 0 < seen_ns - sent_ns <= LONGEST_NS:
            self.counts["pongs_absurd_count"] += 1
        elif now_ns - seen_ns > LONGEST_WAIT_NS:
            self.counts["pongs_held_up_count"] += 1
        else:
            self.round_trips_ns.append(seen_ns - sent_ns)

    def forget(self) -> None:
        """Another connection: what was under way on the old one will not be answered."""
        self.counts["pings_unanswered_count"] += len(self._under_way)
        self._under_way.clear()
        self._answered.clear()
