"""May a dead child be started again, and when. Pure: time and chance are arguments."""

from collections import deque
from random import Random

import msgspec

from supervisors.exit_codes import NEVER_RESTARTED, ExitCode
from supervisors.plan import RestartStrategy, SupervisionSettings

__all__ = ["GiveUp", "Restart", "RestartPolicy"]

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Restart(msgspec.Struct, frozen=True):
    """Start it again after ``delay_ns``."""

    delay_ns: int


class GiveUp(msgspec.Struct, frozen=True):
    """End the session: ``exit_code`` and why, for the log and the person."""

    exit_code: int
    reason: str


class RestartPolicy:
    """Restart intensity per child and over all (OTP's words): at most so many restarts inside the window.

    The first restart inside a window is immediate; the following wait with exponential backoff and full jitter.
    """

    def __init__(self, settings: SupervisionSettings, rng: Random) -> None:
        self._settings = settings
        self._rng = rng
        self._all: deque[int] = deque()
        self._by_child: dict[str, deque[int]] = {}

    def died(self, name: str, strategy: RestartStrategy, exit_code: int | None, now_ns: int) -> Restart | GiveUp:
        """``exit_code`` None: ended by a signal or taken for hung."""
        if exit_code is not None and exit_code in NEVER_RESTARTED:
            return GiveUp(exit_code, f"{name} ended with exit code {exit_code}: {ExitCode(exit_code).sentence}")
        if strategy is RestartStrategy.NEVER:
            return GiveUp(exit_code or 70, f"{name} ended and its restart strategy is never")
        mine = self._by_child.setdefault(name, deque())
        horizon = now_ns - int(self._settings.restart_window_s * NS_PER_S)
        for times in (mine, self._all):
            while times and times[0] <= horizon:
                times.popleft()
        window = f"{self._settings.restart_window_s:g} s"
        if len(mine) >= self._settings.restarts_per_actor:
            return GiveUp(70, f"{name} died again after {len(mine)} restarts within {window}")
        if len(self._all) >= self._settings.restarts_total:
            return GiveUp(70, f"{len(self._all)} restarts of all actors within {window}")
        mine.append(now_ns)
        self._all.append(now_ns)
        return Restart(self._delay_ns(len(mine)))

    def _delay_ns(self, restart_number: int) -> int:
        if restart_number == 1:
            return 0
        ceiling_ms = min(self._settings.restart_backoff_min_ms * 2 ** (restart_number - 2), self._settings.restart_backoff_max_ms)
        return int(self._rng.uniform(ceiling_ms / 2, ceiling_ms) * NS_PER_MS)
