"""What keeps a session from starting, and that each reason has its own exit code."""

import os
from pathlib import Path

import pytest

from front.admission import KILL_VARIABLE, admit, take_lock
from front.refusal import Refusal
from records.latch import KillLatch, latch, read_latch
from records.lock import Lock
from records.workspace import Workspace
from supervisors.exit_codes import ExitCode


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv(KILL_VARIABLE, raising=False)
    return Workspace(tmp_path)


def test_a_fresh_place_is_admitted_and_made(workspace: Workspace) -> None:
    assert admit(workspace) is None
    assert workspace.runs.is_dir() and workspace.system_log.parent.is_dir()


@pytest.mark.parametrize("value", ["TRUE", "true", "True"])
def test_the_variable_kills_and_latches_before_anything_starts(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, value: str,
) -> None:
    monkeypatch.setenv(KILL_VARIABLE, value)
    refusal = admit(workspace)
    assert refusal is not None and refusal.code is ExitCode.KILLED
    latched = read_latch(workspace.killed_latch)
    assert latched is not None and latched.trigger == "environment"
    monkeypatch.delenv(KILL_VARIABLE)
    refusal = admit(workspace)
    assert refusal is not None and refusal.code is ExitCode.KILL_LATCHED


@pytest.mark.parametrize("value", ["", "FALSE", "1", "no"])
def test_any_other_value_of_the_variable_means_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(KILL_VARIABLE, value)
    assert admit(workspace) is None


def test_a_latch_refuses_and_says_who_killed_when_and_how_to_go_on(workspace: Workspace) -> None:
    workspace.make()
    latch(workspace.killed_latch, KillLatch(killed_at="2026-01-02T03:04:05Z", trigger="SIGUSR1", by="uid 1", run_id="r1"))
    refusal = admit(workspace)
    assert refusal is not None and refusal.code is ExitCode.KILL_LATCHED
    assert all(word in str(refusal) for word in ("SIGUSR1", "2026-01-02T03:04:05Z", "r1", "reset-kill"))


def test_a_latch_that_cannot_be_read_is_a_latch(workspace: Workspace) -> None:
    workspace.make()
    workspace.killed_latch.write_bytes(b"")
    refusal = admit(workspace)
    assert refusal is not None and refusal.code is ExitCode.KILL_LATCHED


def test_a_place_that_cannot_be_written_is_named(workspace: Workspace) -> None:
    workspace.home.write_text("a file where a directory must be")
    refusal = admit(workspace)
    assert refusal is not None and refusal.code is ExitCode.CANNOT_CREATE
    assert str(workspace.home) in refusal.where


def test_the_second_session_is_told_which_process_is_the_first(workspace: Workspace) -> None:
    assert admit(workspace) is None
    lock = take_lock(workspace)
    assert isinstance(lock, Lock)
    refusal = take_lock(workspace)
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.BUSY
    assert f"process {os.getpid()}" in refusal.what
    lock.release()
    again = take_lock(workspace)
    assert isinstance(again, Lock)
    again.release()


def test_a_lock_file_that_cannot_be_opened_is_a_place_that_cannot_be_written(workspace: Workspace) -> None:
    assert admit(workspace) is None
    workspace.agent_pid.mkdir()
    refusal = take_lock(workspace)
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.CANNOT_CREATE
