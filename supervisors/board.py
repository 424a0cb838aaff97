"""What the supervisor knows of everybody: beats, reports, metrics over restarts, and the status made of them. Pure but for psutil's
reading of memory, which the caller passes in. Must not know trading: reports pass through as they come.
"""

from typing import Any

import msgspec

from messaging.control import Beat
from supervisors.lifecycle import ChildState

__all__ = ["Board", "Row"]

NS_PER_S = 1_000_000_000


class Row(msgspec.Struct):
    """One child on the board."""

    name: str
    state: ChildState = ChildState.WAITING
    pid: int = 0
    incarnation: int = 0
    restarts: int = 0
    beat_seen_ns: int = 0
    died_ns: int = 0
    last_exit: int | None = None
    rss_bytes: int = 0
    counters_before: dict[str, float] = {}
    counters: dict[str, float] = {}
    gauges: dict[str, float] = {}
    report: dict[str, Any] = {}
    recoveries_ms: list[float] = []


class Board:
    """Rows by name, in the order the children start. ``log_lines_lost`` are the supervisor's own."""

    def __init__(self, names: list[str]) -> None:
        self.rows = {name: Row(name=name) for name in names}
        self.rss_tree_peak_bytes = 0
        self.log_lines_lost = 0

    def spawned(self, name: str, pid: int, now_ns: int) -> Row:
        row = self.rows[name]
        row.pid, row.beat_seen_ns = pid, now_ns
        row.restarts += row.incarnation > 0
        row.incarnation += 1
        for key, value in row.counters.items():
            row.counters_before[key] = row.counters_before.get(key, 0) + value
        row.counters = {}
        return row

    def heard(self, beat: Beat, now_ns: int) -> None:
        """A beat of an earlier incarnation that was still under way is not a sign of life of this one."""
        row = self.rows.get(beat.name)
        if row is None or beat.incarnation != row.incarnation:
            return
        row.beat_seen_ns = now_ns
        row.counters, row.gauges = beat.counters, beat.gauges
        row.report = beat.report or row.report

    def measured(self, rss_by_name: dict[str, int], rss_tree_bytes: int) -> None:
        for name, rss_bytes in rss_by_name.items():
            self.rows[name].rss_bytes = rss_bytes
        self.rss_tree_peak_bytes = max(self.rss_tree_peak_bytes, rss_tree_bytes)

    def metrics(self) -> dict[str, float]:
        """Counters summed over actors and incarnations; of a gauge that two actors have, the larger."""
        total: dict[str, float] = {}
        for row in self.rows.values():
            for counters in (row.counters_before, row.counters):
                for key, value in counters.items():
                    total[key] = total.get(key, 0) + value
        for row in self.rows.values():
            for key, value in row.gauges.items():
                total[key] = max(total.get(key, value), value)
        total["log_lines_lost_count"] = total.get("log_lines_lost_count", 0) + self.log_lines_lost
        total["rss_tree_peak_bytes"] = self.rss_tree_peak_bytes
        total["restart_count"] = sum(row.restarts for row in self.rows.values())
        return total

    def facts(self) -> dict[str, Any]:
        """For the summary: metrics, restarts, how long each recovery took, the tree's largest memory."""
        rows = self.rows.values()
        return {
            "metrics": self.metrics(), "restarts": {row.name: row.restarts for row in rows},
            "recoveries_ms": {row.name: row.recoveries_ms for row in rows if row.recoveries_ms},
            "rss_tree_peak_bytes": self.rss_tree_peak_bytes,
        }

    def actors(self, now_ns: int) -> list[dict[str, Any]]:
        return [
            {
                "name": row.name, "pid": row.pid, "state": str(row.state), "restarts": row.restarts,
                "beat_age_s": round((now_ns - row.beat_seen_ns) / NS_PER_S, 3) if row.beat_seen_ns else None, "rss_bytes": row.rss_bytes,
            }
            for row in self.rows.values()
        ]
