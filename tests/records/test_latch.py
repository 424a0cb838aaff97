"""The latch of a kill fails closed, and the first kill is the one it remembers."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from records.latch import UNREADABLE, KillLatch, latch, read_latch, release_latch

KILL = KillLatch(killed_at="2026-01-02T03:04:05Z", trigger="SIGUSR1", by="uid 0", run_id="r1")


def test_a_latch_says_when_how_and_by_whom_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "KILLED"
    assert read_latch(path) is None and not release_latch(path)
    latch(path, KILL)
    assert read_latch(path) == KILL
    assert release_latch(path) and read_latch(path) is None


def test_the_first_kill_stays(tmp_path: Path) -> None:
    path = tmp_path / "KILLED"
    latch(path, KILL)
    latch(path, replace(KILL, trigger="kill file"))
    assert read_latch(path) == KILL


UNREADABLES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.touch(),
    "text": lambda path: path.write_text("stop!"),
    "nested without end": lambda path: path.write_text("[" * 60_000),
    "too large": lambda path: path.write_bytes(b" " * 70_000),
    "dangling symlink": lambda path: path.symlink_to("nowhere"),
    "directory": lambda path: path.mkdir(),
    "pipe": lambda path: os.mkfifo(path),
}


@pytest.mark.parametrize("make", UNREADABLES.values(), ids=UNREADABLES)
def test_whatever_lies_there_is_a_latch(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "KILLED"
    make(path)
    assert read_latch(path) == UNREADABLE
