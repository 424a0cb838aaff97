"""The shipped configuration, quickened for tests: warm-up in a second, reconnects in tenths. Every key must exist: nothing is made up."""

import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["FITTED", "QUICK", "RESTING", "STANDING", "TRADING", "Settings", "write_config"]

Settings = Mapping[tuple[str, str], str]
"""(file, key) -> the value as it is to stand in the file."""

SESSION, EXCHANGE = "session.yaml", "exchanges/bitunix.yaml"
QUOTER, CROSS = "strategies/quoter.yaml", "strategies/sma_cross.yaml"

QUICK: Settings = {
    (QUOTER, "warmup_bars"): "10", (QUOTER, "bar_interval"): "100ms", (QUOTER, "rest_ms"): "500", (QUOTER, "denial_pause_bars"): "1",
    (CROSS, "warmup_bars"): "10", (CROSS, "bar_interval"): "100ms", (CROSS, "fast_bars"): "2", (CROSS, "slow_bars"): "5",
    (EXCHANGE, "healthy_after_ms"): "200",
    (EXCHANGE, "multiplier_s"): "0.05", (EXCHANGE, "shortest_s"): "0.1", (EXCHANGE, "longest_s"): "0.5",
}
"""For every story: the first order about two seconds after the start."""

RESTING: Settings = {(QUOTER, "offset_ticks"): "1500", (QUOTER, "requote_ticks"): "100000", (QUOTER, "rest_ms"): "1000"}
"""Six orders, far from the market: they rest until somebody cancels them."""

STANDING: Settings = {**RESTING, (QUOTER, "offset_ticks"): "1", (QUOTER, "spacing_ticks"): "400"}
"""One order on each side is near and gets filled, so that there is a position; four rest far away."""

FITTED: Settings = {(SESSION, "entry"): "{model: fitted}", (SESSION, "response"): "{model: fitted}"}
"""Latencies as they are measured when the session starts."""

TRADING: Settings = {
    (QUOTER, "offset_ticks"): "1", (QUOTER, "requote_ticks"): "10", (QUOTER, "rest_ms"): "300", (QUOTER, "amend"): "false",
    ("risk.yaml", "count"): "100000",
}
"""Orders that are filled, canceled and placed anew all the time."""


def write_config(directory: Path, changes: Settings) -> None:
    """Set each key, wherever in its file it stands. KeyError for one that is not there."""
    for (name, key), value in changes.items():
        path = directory / name
        text, count = re.subn(rf"^(\s*{re.escape(key)}:).*$", rf"\g<1> {value}", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        if not count:
            raise KeyError(f"{name} has no key {key}")
        path.write_text(text, encoding="utf-8")
