"""Virtual time: it stands still until it is started, then runs with the monotonic clock. The only place here that
reads a clock.
"""

import time
from datetime import UTC, datetime


def monotonic_ns() -> int:
    """The machine's monotonic clock, the same one in every process."""
    return time.monotonic_ns()


def http_date() -> str:
    """The Date header of an HTTP answer: wall time, which nothing else here uses."""
    return datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


class VirtualClock:
    """Time of the market served, nanoseconds since the epoch; `speed` virtual seconds pass in a real one."""

    def __init__(self, start_ns: int, origin_mono_ns: int | None, speed: float) -> None:
        self._start_ns = start_ns
        self._speed = speed
        self.origin_mono_ns = origin_mono_ns

    def start(self) -> None:
        """Let time run from now on."""
        self.origin_mono_ns = monotonic_ns()

    def now_ns(self) -> int:
        """Virtual now; the start while time stands still."""
        if self.origin_mono_ns is None:
            return self._start_ns
        return self._start_ns + int((monotonic_ns() - self.origin_mono_ns) * self._speed)

    def mono_ns_at(self, virtual_ns: int) -> int:
        """The monotonic instant at which virtual time comes to `virtual_ns`; time must have been started."""
        assert self.origin_mono_ns is not None
        return self.origin_mono_ns + int((virtual_ns - self._start_ns) / self._speed)

    def real_s_until(self, virtual_ns: int) -> float:
        """Real seconds until virtual time has come to `virtual_ns`; negative when it has passed."""
        return (virtual_ns - self.now_ns()) / self._speed / 1_000_000_000
