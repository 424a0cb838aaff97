"""logs/system.jsonl: whole lines of every process, never fatal, losses counted."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from records.logs import log_loss_total, open_logger

WRITER = """
import sys
from pathlib import Path
from records.logs import open_logger
log = open_logger(Path(sys.argv[1]), actor=sys.argv[2], run_id="r")
print("ready", flush=True)
sys.stdin.readline()
for number in range(2000):
    log.info("NUMBERED", number=number, text="ab" * (number % 700))
"""


def _events(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def test_an_event_has_the_promised_shape(tmp_path: Path) -> None:
    log = open_logger(tmp_path / "log", actor="feed", run_id="r1", clock=lambda: 1_767_323_045_000_006_000)
    log.bind(stream="depth").warning("ORDER_BOOK_STALE", age_ms=15002)
    assert _events(tmp_path / "log") == [{
        "ts": "2026-01-02T03:04:05.000006Z", "level": "warning", "actor": "feed", "pid": os.getpid(), "run_id": "r1",
        "event": "ORDER_BOOK_STALE", "fields": {"stream": "depth", "age_ms": 15002},
    }]
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_two_processes_write_one_file_and_every_line_parses(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), actor], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
               for actor in ("one", "two")]
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    numbers: dict[str, list[object]] = {"one": [], "two": []}
    for event in _events(path):
        fields = event["fields"]
        assert isinstance(fields, dict)
        numbers[str(event["actor"])].append(fields["number"])
    assert numbers == {"one": list(range(2000)), "two": list(range(2000))}


def test_everything_from_info_up_is_told_and_everything_is_written(tmp_path: Path) -> None:
    told: list[dict[str, object]] = []
    log = open_logger(tmp_path / "log", actor="feed", run_id="r", tell=told.append)
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(log, level)(level.upper())
    assert [event["event"] for event in told] == ["INFO", "WARNING", "ERROR", "CRITICAL"]
    assert [event["event"] for event in _events(tmp_path / "log")] == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    assert told == _events(tmp_path / "log")[1:]


def test_what_is_below_the_level_is_not_written(tmp_path: Path) -> None:
    log = open_logger(tmp_path / "log", actor="feed", run_id="r", level="warning")
    log.info("QUIET")
    log.error("LOUD")
    assert [event["event"] for event in _events(tmp_path / "log")] == ["LOUD"]


def test_an_exception_brings_the_end_of_its_traceback(tmp_path: Path) -> None:
    log = open_logger(tmp_path / "log", actor="feed", run_id="r")
    try:
        raise ValueError("no\x1b[31m way")
    except ValueError as error:
        log.exception("FAILED")
        log.error("FAILED", exc_info=error)
    for event in _events(tmp_path / "log"):
        fields = event["fields"]
        assert event["level"] == "error" and isinstance(fields, dict) and fields["traceback"][-1] == "ValueError: no [31m way"


def test_secrets_do_not_reach_the_file(tmp_path: Path) -> None:
    log = open_logger(tmp_path / "log", actor="feed", run_id="r").bind(api_key="s3cret")
    log.info("STARTED", headers={"Authorization": "s3cret"})
    assert "s3cret" not in (tmp_path / "log").read_text()


def test_a_log_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        open_logger(tmp_path / "missing" / "log", actor="feed", run_id="r")


def test_a_disk_without_room_loses_lines_but_not_the_process_and_counts_them() -> None:
    log = open_logger(Path("/dev/full"), actor="feed", run_id="r")
    for _ in range(3):
        log.info("LOST")
    assert log_loss_total(log) == log_loss_total(log.bind(a=1)) == 3


def test_behind_a_line_cut_short_the_next_one_is_whole(tmp_path: Path) -> None:
    """The size of a file is limited for a moment, so that the system writes only the beginning of a line."""
    path = tmp_path / "log"
    log = open_logger(path, actor="feed", run_id="r")
    log.info("WHOLE")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
    try:
        log.info("TORN")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.info("WHOLE_AGAIN")
    lines = path.read_bytes().split(b"\n")[:-1]
    assert [json.loads(line)["event"] for line in (lines[0], *lines[2:])] == ["WHOLE", "LOG_LINES_LOST", "WHOLE_AGAIN"]
    assert log_loss_total(log) == 1


def test_lines_that_are_missing_are_told_at_once_and_their_number_is_written_where_they_should_be(tmp_path: Path) -> None:
    """The file may not grow for a moment, as on a full disk."""
    path = tmp_path / "log"
    told: list[dict[str, object]] = []
    log = open_logger(path, actor="feed", run_id="r", tell=told.append)
    log.info("BEFORE")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
    try:
        for _ in range(3):
            log.info("LOST")
        assert [event["event"] for event in told] == ["BEFORE", "LOG_LINES_LOST", "LOST", "LOST", "LOST"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.info("BEHIND")
    log.info("LAST")
    assert [event["event"] for event in _events(path)] == ["BEFORE", "LOG_LINES_LOST", "BEHIND", "LAST"]
    gap = _events(path)[1]
    assert (gap["level"], gap["actor"], gap["fields"]) == ("warning", "feed", {"lines": 3, "log_loss_total": 3})
