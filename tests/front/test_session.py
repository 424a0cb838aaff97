"""The verb ``run`` around the root loop: what it prepares, what it refuses, what it leaves and how it ends."""

import json
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.loader import Fault
from front import session
from front.admission import KILL_VARIABLE
from front.arguments import Arguments
from front.refusal import Refusal
from records.lock import Lock
from records.workspace import RunPaths, Workspace
from supervisors.exit_codes import ExitCode
from supervisors.outcome import Outcome
from supervisors.plan import Plan

Act = Callable[[Plan], Outcome]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv(KILL_VARIABLE, raising=False)
    return Workspace(tmp_path)


@pytest.fixture
def in_place_of_root(monkeypatch: pytest.MonkeyPatch) -> Callable[[Act], None]:
    """Puts a loop that starts no process in the place of the root loop."""
    def put(act: Act) -> None:
        class Loop:
            def __init__(self, plan: Plan, *_: Any) -> None:
                self._plan = plan

            def run(self) -> Outcome:
                return act(self._plan)

        monkeypatch.setattr(session, "Root", Loop)

    return put


def fine(plan: Plan) -> Outcome:
    return Outcome(0, "stop", True, {"duration_s": 1.0})


def arguments(workspace: Workspace, **more: Any) -> Arguments:
    return Arguments(workspace=workspace.root, ui="none", **more)


def test_while_it_runs_everything_is_in_place_and_afterwards_nothing_private_is_left(
    workspace: Workspace, in_place_of_root: Callable[[Act], None],
) -> None:
    seen: dict[str, Any] = {}

    def look(plan: Plan) -> Outcome:
        run = RunPaths(plan.run_directory)
        seen["key"] = (run.directory / "control.key").read_bytes() == plan.control_key and len(plan.control_key) == 32
        seen["modes"] = [stat.S_IMODE(path.stat().st_mode) for path in (run.directory, run.sockets, run.directory / "control.key")]
        seen["held"] = not isinstance(Lock.take(workspace.agent_pid), Lock)
        return fine(plan)

    in_place_of_root(look)
    assert session.run(arguments(workspace, run_id="r1", seed=7)) is ExitCode.OK
    assert seen == {"key": True, "modes": [0o700, 0o700, 0o600], "held": True}
    run = workspace.run("r1")
    assert workspace.latest.resolve() == run.directory.resolve()
    assert sorted(path.name for path in run.directory.iterdir()) == ["config.resolved.yaml", "summary.json"]
    assert not workspace.agent_pid.exists()
    assert "  seed: 7\n" in run.config_resolved.read_text()


def test_without_a_seed_one_is_drawn_and_written_down(workspace: Workspace, in_place_of_root: Callable[[Act], None]) -> None:
    in_place_of_root(fine)
    seeds = set()
    for name in ("r1", "r2"):
        assert session.run(arguments(workspace, run_id=name)) is ExitCode.OK
        seeds.add(json.loads(workspace.run(name).summary.read_text())["seed"])
    assert len(seeds) == 2


def test_an_existing_run_is_never_written_over(workspace: Workspace, in_place_of_root: Callable[[Act], None]) -> None:
    in_place_of_root(fine)
    assert session.run(arguments(workspace, run_id="r1")) is ExitCode.OK
    before = workspace.run("r1").summary.read_bytes()
    refusal = session.run(arguments(workspace, run_id="r1"))
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.CANNOT_CREATE
    assert workspace.run("r1").summary.read_bytes() == before
    assert not workspace.agent_pid.exists()


def test_wrong_settings_are_all_listed_and_nothing_is_started(
    workspace: Workspace, in_place_of_root: Callable[[Act], None], monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_place_of_root(fine)
    monkeypatch.setattr(session, "read_settings", lambda _: [Fault("a.yaml", 1, "x", "missing"), Fault("b.yaml", 2, "y", "wrong")])
    refusal = session.run(arguments(workspace))
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.CONFIG
    assert "a.yaml:1: x: missing" in str(refusal) and "b.yaml:2: y: wrong" in str(refusal)
    assert workspace.run_ids() == ()


def test_a_symbol_without_limits_refuses_to_start(workspace: Workspace) -> None:
    refusal = session.run(arguments(workspace, symbol="ETHUSDT"))
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.CONFIG
    assert "ETHUSDT: 0.01" in str(refusal)


def test_a_second_session_is_refused(workspace: Workspace) -> None:
    workspace.make()
    lock = Lock.take(workspace.agent_pid)
    assert isinstance(lock, Lock)
    refusal = session.run(arguments(workspace))
    lock.release()
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.BUSY


@pytest.mark.parametrize(("failure", "code", "event"), [
    (RuntimeError("a bug"), ExitCode.SOFTWARE, "SUPERVISOR_FAILED"),
    (OSError(28, "No space left on device"), ExitCode.IO_ERROR, "DISK_FAILED"),
])
def test_a_supervisor_that_fails_ends_with_a_code_of_the_table_and_a_line_in_the_log(
    workspace: Workspace, in_place_of_root: Callable[[Act], None], failure: Exception, code: ExitCode, event: str,
) -> None:
    def fail(plan: Plan) -> Outcome:
        raise failure

    in_place_of_root(fail)
    refusal = session.run(arguments(workspace))
    assert isinstance(refusal, Refusal) and refusal.code is code
    events = [json.loads(line)["event"] for line in workspace.system_log.read_text().splitlines()]
    assert event in events
    assert not workspace.agent_pid.exists()


@pytest.mark.parametrize(("ended", "code"), [(0, ExitCode.IO_ERROR), (70, ExitCode.IO_ERROR), (99, ExitCode.KILLED)])
def test_a_summary_that_cannot_be_written_is_the_disks_fault_but_a_kill_stays_a_kill(
    workspace: Workspace, in_place_of_root: Callable[[Act], None], ended: int, code: ExitCode,
) -> None:
    def ends(plan: Plan) -> Outcome:
        (plan.run_directory / "summary.json").mkdir()
        return Outcome(ended, "kill:file" if ended == 99 else "stop", True, {"duration_s": 1.0})

    in_place_of_root(ends)
    refusal = session.run(arguments(workspace))
    assert isinstance(refusal, Refusal) and refusal.code is code
    assert "summary.json" in str(refusal)


def test_a_damaged_state_that_cannot_be_mended_refuses_to_start(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(session, "mend_paper_state", full)
    refusal = session.run(arguments(workspace))
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.CANNOT_CREATE
    assert "No space left" in str(refusal) and str(workspace.state_file) in str(refusal)


@pytest.mark.parametrize(("duration_s", "warned"), [(20.0, True), (25.0, True), (26.0, False)])
def test_a_duration_too_short_for_the_warmup_is_said_at_the_start(
    workspace: Workspace, in_place_of_root: Callable[[Act], None], duration_s: float, warned: bool,
) -> None:
    in_place_of_root(fine)
    assert session.run(arguments(workspace, duration_s=duration_s, strategy="sma_cross")) is ExitCode.OK
    assert ("DURATION_TOO_SHORT" in workspace.system_log.read_text()) is warned


def test_signals_wait_until_the_root_loop_takes_them_and_afterwards_are_as_before(
    workspace: Workspace, in_place_of_root: Callable[[Act], None],
) -> None:
    blocked: list[set[signal.Signals | int]] = []

    def look(plan: Plan) -> Outcome:
        blocked.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
        return fine(plan)

    in_place_of_root(look)
    before = [signal.getsignal(number) for number in session.SESSION_SIGNALS]
    assert session.run(arguments(workspace)) is ExitCode.OK
    assert set(session.SESSION_SIGNALS) <= blocked[0]
    assert [signal.getsignal(number) for number in session.SESSION_SIGNALS] == before
    assert not set(session.SESSION_SIGNALS) & set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
