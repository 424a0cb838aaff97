"""How often something happened lately: restart intensity, message limits.

Must not know what is counted. (Waiting for a rate limit is pyrate-limiter's job; this only counts and refuses.)
"""

from collections import deque

__all__ = ["SlidingCount"]


class SlidingCount:
    """Events within the last ``window_ns``, against a limit.

    An event leaves the window when it is exactly ``window_ns`` old. Never keeps more than ``limit`` + 1 instants: that
    many are enough to know that the limit is exceeded, so the count stops there.
    """

    def __init__(self, window_ns: int, limit: int) -> None:
        if window_ns <= 0 or limit < 1:
            raise ValueError(f"a window needs a positive length and limit, not window_ns={window_ns}, limit={limit}")
        self.window_ns = window_ns
        self.limit = limit
        self._instants: deque[int] = deque(maxlen=limit + 1)

    def add(self, now_ns: int) -> int:
        """Count one event and return how many the window holds (at most ``limit`` + 1)."""
        latest = self._instants[-1] if self._instants else now_ns
        self._instants.append(max(now_ns, latest))
        return self.count(now_ns)

    def count(self, now_ns: int) -> int:
        """Events still in the window."""
        while self._instants and now_ns - self._instants[0] >= self.window_ns:
            self._instants.popleft()
        return len(self._instants)

    def exceeded(self, now_ns: int) -> bool:
        """More events than the limit: ``3 in 60 s`` is exceeded by the fourth."""
        return self.count(now_ns) > self.limit

    def try_add(self, now_ns: int) -> bool:
        """Count one event if the limit allows it. False: not counted."""
        if self.count(now_ns) >= self.limit:
            return False
        self.add(now_ns)
        return True

    def next_free_ns(self, now_ns: int) -> int:
        """The instant at which :meth:`try_add` will next succeed: ``now_ns`` if it would already."""
        excess = self.count(now_ns) - self.limit
        return now_ns if excess < 0 else self._instants[excess] + self.window_ns
