"""The four views of a session."""

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from records.workspace import RunPaths
from reporting.artefacts import RunFacts, write_artefacts
from reporting.summary_file import read_summary
from reporting.terminal import ERASE_LINE, make_view

NS_PER_S = 1_000_000_000
FACTS = {"run_id": "r1", "symbols": ("BTCUSDT",), "venue": "sim", "strategy": "trend", "planned_duration_s": 600.0, "seed": 7,
         "directory": "/w/.workspace/runs/r1"}
STATUS: dict[str, Any] = {"run_id": "r1", "state": "ACTIVE", "elapsed_s": 1.0, "duration_s": 600, "venue": "sim",
          "symbols": {"BTCUSDT": {"bid": "65012.3", "ask": "65012.5", "age_s": 0.3, "position": "0", "working_orders": 0}},
          "pnl": {"net": "0", "fees": "0"}, "actors": [], "metrics": {}}


def event(name: str, level: str = "info", **fields: object) -> dict[str, Any]:
    return {"ts": "2026-01-02T03:04:05.000006Z", "level": level, "actor": "broker", "pid": 7, "run_id": "r1", "event": name, "fields": fields}


class Hand:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def summary(run: RunPaths) -> Iterator[tuple[dict[str, Any], Path]]:
    facts = RunFacts(run_id="r1", venue="sim", symbols=("BTCUSDT",), strategy="trend", seed=7, fingerprint="f", started_at="",
                     planned_duration_s=600.0)
    write_artefacts(run, facts, {"duration_s": 600.0, "restarts": {"feed": 1}, "rss_tree_peak_bytes": 2**28}, "duration")
    content = read_summary(run.summary)
    assert content is not None
    yield content, run.summary


def test_plain_is_lines_from_the_banner_to_the_path_of_the_summary(summary: tuple[dict[str, Any], Path]) -> None:
    out, clock = StringIO(), Hand()
    view = make_view("plain", out, None, clock)
    view.banner(FACTS)
    view.event(event("ORDER_SUBMITTED"))
    view.event(event("ORDER_FILLED", side="BUY", quantity="0.02", trade_id="T-1"))
    view.summary(*summary)
    view.close()
    lines = out.getvalue().splitlines()
    assert lines[0] == "run r1: paper trading only, nothing here can send a real order"
    assert "/w/.workspace/runs/r1" in lines[2]
    assert '03:04:05 INFO    broker   ORDER_FILLED side=BUY quantity=0.02' in lines
    assert not any("ORDER_SUBMITTED" in line or "T-1" in line for line in lines)
    assert lines[-1] == str(summary[1])


def test_the_summary_block_is_short_and_says_where_the_money_went(summary: tuple[dict[str, Any], Path]) -> None:
    out = StringIO()
    view = make_view("plain", out, None)
    view.summary(*summary)
    view.close()
    block = out.getvalue().strip().splitlines()
    assert 8 <= len(block) <= 11
    text = "\n".join(block)
    assert "net +245.8233545 = realized +257.67, unrealized -4.7975, fees -6.8991455, funding -0.15" in text
    assert "5 (1 maker, 4 taker)" in text and "1 CANCELED, 5 FILLED, 1 REJECTED" in text and "+0.05 BTCUSDT" in text
    assert "drawdown 0.327 %, slippage 30.01 bps" in text
    assert "the strategy never left its warm-up" in text and "1 restarts" in text and "256 MiB" in text


def test_plain_shows_the_status_every_ten_seconds_and_when_the_state_changes() -> None:
    out, clock = StringIO(), Hand()
    view = make_view("plain", out, None, clock)
    for half_second in range(61):
        clock.now_ns = half_second * NS_PER_S // 2
        view.status({**STATUS, "state": "PAUSED" if half_second >= 55 else "ACTIVE", "elapsed_s": half_second / 2})
    view.close()
    assert [line[:5] + line.split("│")[0].split()[-1] for line in out.getvalue().splitlines()] == [
        "00:00ACTIVE", "00:10ACTIVE", "00:20ACTIVE", "00:27PAUSED",
    ]
    assert "\x1b" not in out.getvalue() and "\r" not in out.getvalue()


def test_a_flood_of_warnings_becomes_one_line_with_a_count() -> None:
    out, clock = StringIO(), Hand()
    view = make_view("plain", out, None, clock)
    for number in range(42):
        view.event(event("RECONNECT_ATTEMPT", "warning", attempt=number))
    clock.now_ns = 11 * NS_PER_S
    view.status(STATUS)
    view.close()
    lines = out.getvalue().splitlines()
    assert sum("attempt=" in line for line in lines) == 5
    assert any(line.endswith("RECONNECT_ATTEMPT more_not_shown=37") for line in lines)


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    out = StringIO()
    view = make_view("plain", out, None)
    view.banner({**FACTS, "directory": "/w\x1b[2J\r\nroot#"})
    view.event(event("X\x1b[31m", "error", reason="\x1b]0;owned\x07\u202eabc"))
    view.status({**STATUS, "state": "\x1b[2JACTIVE", "symbols": {"\x1bBTC": {}}})
    view.summary({"run_id": "\x1b[2J", "orders": {"\x1b": 1}, "positions": {"\x1b": "1"}}, Path("/s"))
    view.close()
    assert "\x1b" not in out.getvalue() and "\r" not in out.getvalue() and "\u202e" not in out.getvalue()


def test_json_is_one_object_a_line_with_every_event_and_a_status_a_second(summary: tuple[dict[str, Any], Path]) -> None:
    out, err, clock = StringIO(), StringIO(), Hand()
    view = make_view("json", out, err, clock)
    view.banner(FACTS)
    view.event(event("ORDER_SUBMITTED", order="o-1"))
    view.event(event("LEDGER_FAILED", "critical"))
    for half_second in range(4):
        clock.now_ns = half_second * NS_PER_S // 2
        view.status(STATUS)
    view.summary(*summary)
    view.close()
    said = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [each["type"] for each in said] == ["banner", "event", "event", "status", "status", "summary"]
    assert said[1]["fields"] == {"order": "o-1"} and said[3]["symbols"] == STATUS["symbols"]
    assert said[-1]["path"] == str(summary[1]) and '"net_pnl_usd":245.8233545' in out.getvalue()
    assert "LEDGER_FAILED" in err.getvalue() and "ORDER_SUBMITTED" not in err.getvalue()


def test_none_says_nothing_but_errors_on_stderr(summary: tuple[dict[str, Any], Path]) -> None:
    out, err = StringIO(), StringIO()
    view = make_view("none", out, err)
    view.banner(FACTS)
    view.event(event("ORDER_FILLED"))
    view.event(event("CHILD_DIED", "warning"))
    view.event(event("ACTOR_FAILED", "error", reason="why"))
    view.status(STATUS)
    view.summary(*summary)
    view.close()
    assert out.getvalue() == "" and err.getvalue().splitlines() == ["03:04:05 ERROR   broker   ACTOR_FAILED reason=why"]


def _on_a_terminal(ui: str = "auto") -> str:
    """What a terminal of unknown size is sent in a short session, all of it."""
    master, slave = pty.openpty()
    with open(slave, "w", encoding="utf-8") as out:
        view = make_view(ui, out, None, Hand())
        view.banner(FACTS)
        view.status(STATUS)
        view.event(event("ORDER_FILLED", side="BUY"))
        view.status({**STATUS, "state": "DRAINING"})
        view.close()
        _wait_for_writers()
    seen = _until_hung_up(master)
    os.close(master)
    return seen.decode().replace("\r\n", "\n")


def _wait_for_writers() -> None:
    """``close`` waits for half a second; on a busy machine the last lines may need longer."""
    for thread in threading.enumerate():
        if thread.name == "terminal":
            thread.join(30)


def _until_hung_up(master: int) -> bytes:
    """A single read may give less than was written: the system hands a terminal's output over in parts, a moment later."""
    seen = b""
    with suppress(OSError):  # how Linux says that nobody holds the other end any more
        while part := os.read(master, 65536):
            seen += part
    return seen


def test_on_a_terminal_the_status_line_stays_below_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    seen = _on_a_terminal()
    status = "00:01/10:00 ACTIVE │ BTC 65 012.4 (0.3s) │ pos 0 │ PnL 0.00 │ orders 0✓ 0✗ │ 0/0 up"
    assert len(status) > 79
    shown = status.replace("orders ", "")
    assert f"{ERASE_LINE}{shown}{ERASE_LINE}03:04:05 INFO    broker   ORDER_FILLED side=BUY\n{shown}{ERASE_LINE}00:01/10:00 DRAINING" in seen
    assert seen.endswith(ERASE_LINE) and "\x1b[3" not in seen


def test_colour_is_used_on_a_terminal_that_nobody_asked_to_be_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32mINFO" in _on_a_terminal()


@pytest.mark.parametrize(("ui", "term"), [("auto", "dumb"), ("plain", "xterm")])
def test_nothing_moves_on_a_dumb_terminal_or_when_plain_is_asked_for(monkeypatch: pytest.MonkeyPatch, ui: str, term: str) -> None:
    monkeypatch.setenv("TERM", term)
    assert "\x1b" not in _on_a_terminal(ui)


@pytest.mark.parametrize("ui", ["auto", "plain", "json", "none"])
@pytest.mark.parametrize("what", ["closed", "none", "reader gone"])
def test_a_session_does_not_notice_that_nobody_listens(ui: str, what: str, summary: tuple[dict[str, Any], Path]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    out = None if what == "none" else open(writing, "w", encoding="utf-8")
    if out is not None and what == "closed":
        out.close()
    view = make_view(ui, out, out)
    view.banner(FACTS)
    for _ in range(3):
        view.event(event("ORDER_FILLED", "error"))
        view.status(STATUS)
    view.summary(*summary)
    view.close()
    view.close()


def test_an_unknown_view_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no such view"):
        make_view("loud", None, None)


SESSION_WITH_NOBODY_READING = """
import sys
from reporting.terminal import make_view
view = make_view("plain", sys.stdout, sys.stderr)
event = {"ts": "", "level": "error", "actor": "a", "fields": {"text": "x" * 1000}}
for number in range(3000):
    view.event({**event, "event": f"E{number}"})
view.close()
print("over", file=sys.stderr)
"""


def test_a_process_whose_stdout_is_not_read_still_ends() -> None:
    process = subprocess.Popen([sys.executable, "-c", SESSION_WITH_NOBODY_READING], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.wait(30) == 0
    assert process.stderr is not None and process.stderr.read() == b"over\n"
    process.communicate()


def test_a_view_costs_no_heavy_import() -> None:
    code = "import sys, reporting.terminal; print([name for name in ('rich', 'zmq', 'sqlite3', 'structlog', 'requests') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"
