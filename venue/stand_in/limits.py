"""The venue's limits as counters. Pure: the time is an argument, in monotonic nanoseconds."""

from collections import deque

SECOND_NS = 1_000_000_000


class Window:
    """At most `limit` events in any one second."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: deque[int] = deque()

    def allows(self, now_ns: int) -> bool:
        """Count an event unless it is one too many."""
        while self._times and self._times[0] <= now_ns - SECOND_NS:
            self._times.popleft()
        if len(self._times) >= self._limit:
            return False
        self._times.append(now_ns)
        return True


class Bucket:
    """`per_s` events a second sustained, `burst` at once."""

    def __init__(self, per_s: int, burst: int) -> None:
        self._per_s = per_s
        self._burst_ns = burst * SECOND_NS
        self._level_ns = self._burst_ns  # tokens, each worth a second of nanoseconds, so that nothing is ever rounded
        self._last_ns: int | None = None

    def allows(self, now_ns: int) -> bool:
        """Take a token unless there is none."""
        elapsed_ns = 0 if self._last_ns is None else now_ns - self._last_ns
        self._last_ns = now_ns
        self._level_ns = min(self._burst_ns, self._level_ns + elapsed_ns * self._per_s)
        if self._level_ns < SECOND_NS:
            return False
        self._level_ns -= SECOND_NS
        return True


class RestLimits:
    """10 a second per endpoint, and optionally a bucket across all endpoints. One client address: this is loopback."""

    def __init__(self, per_endpoint_per_s: int, global_per_s: int, global_burst: int) -> None:
        self._per_endpoint_per_s = per_endpoint_per_s
        self._endpoints: dict[str, Window] = {}
        self._all = Bucket(global_per_s, global_burst) if global_per_s else None

    def allows(self, endpoint: str, now_ns: int) -> bool:
        """Count a request unless it is one too many; a request refused for its endpoint still counts across all."""
        if self._all is not None and not self._all.allows(now_ns):
            return False
        return self._endpoints.setdefault(endpoint, Window(self._per_endpoint_per_s)).allows(now_ns)
