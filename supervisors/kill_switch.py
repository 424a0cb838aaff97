"""The kill switch: a file, an environment variable (both looked at here), a signal and a command (told by the root loop), and the
latch that a kill leaves until a person removes it. Must not know how a session is killed.
"""

import os
from pathlib import Path
from typing import Any

from records.latch import KillLatch, latch
from timing.clock import iso_text, wall_ns

__all__ = ["KillSwitch"]

ENVIRONMENT_NS = 1_000_000_000


class KillSwitch:
    """``pulled`` names the trigger found since the last look; the file every time, the variable once a second."""

    def __init__(self, kill_file: Path, latch: Path, variable: str, run_id: str, log: Any) -> None:
        self._kill_file = kill_file
        self._latch = latch
        self._variable = variable
        self._run_id = run_id
        self._log = log
        self._environment_looked_ns = 0

    def pulled(self, now_ns: int) -> str | None:
        if os.path.lexists(self._kill_file):
            return "file"
        if now_ns - self._environment_looked_ns >= ENVIRONMENT_NS:
            self._environment_looked_ns = now_ns
            if os.environ.get(self._variable, "").upper() == "TRUE":
                return "environment"
        return None

    def latch(self, trigger: str, by: str) -> None:
        """Consume the file and leave the latch. A disk that refuses it must not stop the kill: then only the exit code and the log
        keep a person from starting again."""
        try:
            self._kill_file.unlink(missing_ok=True)
            latch(self._latch, KillLatch(killed_at=iso_text(wall_ns()), trigger=trigger, by=by or "unknown", run_id=self._run_id))
        except OSError as problem:
            self._log.critical("KILL_NOT_LATCHED", reason=str(problem))
