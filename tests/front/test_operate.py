"""Talking to a session that runs elsewhere, over real sockets, and what is done where no answer comes."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import run_agent
from front import operate
from front.arguments import Arguments
from front.refusal import Refusal
from front.running import RunningSession
from records.latch import KillLatch, latch
from records.lock import Lock
from records.workspace import Workspace
from supervisors.exit_codes import ExitCode
from tests.front.fake_session import STATUS

ROOT = Path(run_agent.__file__).parent
END_WAIT_S = 20
ENDED_BY_STOP, ENDED_BY_KILL = 1, 2

Starter = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Starter]:
    """Starts a session of the given manner in ``tmp_path``; ready on return, gone after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(manner: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.front.fake_session", str(tmp_path), manner]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def arguments(verb: str, workspace: Path, **more: Any) -> Arguments:
    return Arguments(verb=verb, workspace=workspace, **more)


def test_status_as_json_is_exactly_what_the_session_says(
    session: Starter, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    session("obedient")
    assert operate.status(arguments("status", tmp_path, json=True)) is ExitCode.OK
    assert json.loads(capsys.readouterr().out) == STATUS


def test_stop_is_asked_for_and_waited_for(session: Starter, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = session("obedient")
    assert operate.stop(arguments("stop", tmp_path)) is ExitCode.OK
    assert process.wait(END_WAIT_S) == ENDED_BY_STOP
    assert f"stopped: process {process.pid} has ended" in capsys.readouterr().out


def test_kill_is_asked_for_and_waited_for(session: Starter, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = session("obedient")
    assert operate.kill(arguments("kill", tmp_path)) is ExitCode.OK
    assert process.wait(END_WAIT_S) == ENDED_BY_KILL
    assert f"killed: process {process.pid} has ended" in capsys.readouterr().out


@pytest.mark.parametrize(("verb", "number"), [("stop", signal.SIGTERM), ("kill", signal.SIGUSR1)])
@pytest.mark.parametrize("manner", ["deaf", "refusing"])
def test_without_an_accepted_answer_the_signal_does_it(
    session: Starter, tmp_path: Path, verb: str, number: signal.Signals, manner: str,
) -> None:
    process = session(manner)
    assert getattr(operate, verb)(arguments(verb, tmp_path)) is ExitCode.OK
    assert process.wait(END_WAIT_S) == number
    assert not Workspace(tmp_path).kill_file.exists(), "the kill file was for this session, not for the next"


def test_a_session_that_does_not_end_is_said_to_be_still_there(
    session: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = session("stubborn")
    monkeypatch.setattr(operate, "KILL_WAIT_S", 0.1)
    refusal = operate.kill(arguments("kill", tmp_path))
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.SOFTWARE
    assert f"kill -KILL {process.pid}" in refusal.fix
    assert Workspace(tmp_path).kill_file.exists(), "whoever wakes up later must still find it"


def test_status_of_a_deaf_session_is_unavailable(session: Starter, tmp_path: Path) -> None:
    session("deaf")
    refusal = operate.status(arguments("status", tmp_path))
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.UNAVAILABLE
    assert "does not answer" in refusal.what


def test_a_session_without_a_key_to_sign_with_is_still_stopped(session: Starter, tmp_path: Path) -> None:
    process = session("obedient")
    (Workspace(tmp_path).runs / "r1" / "control.key").unlink()
    assert operate.stop(arguments("stop", tmp_path)) is ExitCode.OK
    assert process.wait(END_WAIT_S) == signal.SIGTERM


@pytest.mark.parametrize("verb", ["status", "stop", "kill"])
def test_without_a_session_a_verb_says_so(tmp_path: Path, verb: str) -> None:
    refusal = getattr(operate, verb)(arguments(verb, tmp_path))
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.UNAVAILABLE
    assert "no session is running here" in str(refusal)


def test_a_pid_file_that_nobody_locks_names_no_session_whoever_has_that_pid_now(tmp_path: Path, session: Starter) -> None:
    bystander = session("obedient")
    elsewhere = Workspace(tmp_path / "elsewhere")
    elsewhere.make()
    elsewhere.agent_pid.write_text(f"{bystander.pid}\n")
    assert RunningSession.find(elsewhere) is None
    assert isinstance(operate.kill(arguments("kill", elsewhere.root)), Refusal)
    assert bystander.poll() is None


def test_looking_for_a_session_does_not_take_its_lock(session: Starter, tmp_path: Path) -> None:
    session("obedient")
    assert RunningSession.find(Workspace(tmp_path)) is not None
    assert not isinstance(Lock.take(Workspace(tmp_path).agent_pid), Lock)


# ---------------------------------------------------------------------------------------------------- the latch


def test_reset_kill_shows_the_latch_removes_it_and_logs_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(tmp_path)
    workspace.make()
    latch(workspace.killed_latch, KillLatch(killed_at="2026-01-02T03:04:05Z", trigger="SIGUSR1", by="uid 1", run_id="r1"))
    assert operate.reset_kill(arguments("reset-kill", tmp_path)) is ExitCode.OK
    assert not workspace.killed_latch.exists()
    out = capsys.readouterr().out
    assert all(word in out for word in ("2026-01-02T03:04:05Z", "SIGUSR1", "uid 1", "r1"))
    event = json.loads(workspace.system_log.read_text())
    assert (event["event"], event["fields"]["trigger"], event["run_id"]) == ("KILL_LATCH_RESET", "SIGUSR1", "r1")


def test_reset_kill_with_nothing_to_reset_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert operate.reset_kill(arguments("reset-kill", tmp_path)) is ExitCode.OK
    assert "nothing to reset" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_reset_kill_removes_a_latch_that_cannot_be_read(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.make()
    workspace.killed_latch.write_bytes(b"\xff\x00")
    assert operate.reset_kill(arguments("reset-kill", tmp_path)) is ExitCode.OK
    assert not workspace.killed_latch.exists()


def test_reset_kill_that_cannot_remove_the_latch_says_where(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.make()
    workspace.killed_latch.mkdir()
    refusal = operate.reset_kill(arguments("reset-kill", tmp_path))
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.CANNOT_CREATE
    assert str(workspace.killed_latch) in refusal.where
