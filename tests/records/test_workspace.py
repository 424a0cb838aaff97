"""Where everything lies."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.tape import TapeHeader, TapeWriter
from records.workspace import RUN_ID, RunNotFound, RunPaths, Workspace, WorkspaceNotWritable, new_run_id


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "home")
    made.make()
    return made


def test_paths_are_the_promised_ones() -> None:
    workspace = Workspace(Path("/w"))
    run = workspace.run("r1")
    assert [str(path.relative_to("/w")) for path in (
        workspace.agent_pid, workspace.kill_file, workspace.killed_latch, workspace.state_file, workspace.system_log, workspace.latest,
        run.ledger, run.summary, run.report, run.orders_csv, run.fills_csv, run.equity_csv, run.config_resolved,
    )] == [
        ".workspace/agent.pid", ".workspace/KILL", ".workspace/KILLED", "paper/state.json", "logs/system.jsonl", ".workspace/runs/latest",
        *(f".workspace/runs/r1/{name}" for name in (
            "ledger.db", "summary.json", "report.html", "orders.csv", "fills.csv", "equity.csv", "config.resolved.yaml")),
    ]
    assert run.tape.name.startswith("tape.")


@pytest.mark.parametrize("bad", ["", "..", ".", "../x", "a/b", "latest", "-x", "a b", "x" * 65, "a\n", "ä"])
def test_no_run_id_leads_out_of_the_workspace(bad: str) -> None:
    with pytest.raises(ValueError, match="run id"):
        Workspace(Path("/w")).run(bad)


def test_a_run_is_made_once_private_and_latest_points_to_it(workspace: Workspace) -> None:
    for run_id in ("one", "two"):
        run = workspace.make_run(run_id)
        assert run.directory.stat().st_mode & 0o777 == 0o700
        assert os.readlink(workspace.latest) == run_id and run.run_id == run_id
    with pytest.raises(WorkspaceNotWritable, match="exists"):
        workspace.make_run("one")
    assert os.readlink(workspace.latest) == "two"


def test_a_run_is_found_by_id_by_latest_and_by_path(workspace: Workspace, tmp_path: Path) -> None:
    one, two = workspace.make_run("one"), workspace.make_run("two")
    two.ledger.touch()
    assert workspace.find("one") == RunPaths(one.directory.resolve())
    for asked in ("latest", "two", str(two.directory), f"{two.directory}/", os.path.relpath(two.directory)):
        assert workspace.find(asked) == RunPaths(two.directory.resolve())


def test_what_is_no_run_is_answered_with_what_there_is(workspace: Workspace) -> None:
    for run_id in ("a", "b", "c"):
        workspace.make_run(run_id)
    for asked in ("d", "", "..", "/", "tests", "../runs"):
        assert workspace.find(asked) == RunNotFound(asked, ("a", "b", "c"))


def test_an_empty_workspace_has_no_latest(tmp_path: Path) -> None:
    assert Workspace(tmp_path).find("latest") == RunNotFound("latest", ())


def test_a_file_where_a_directory_must_be_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    with pytest.raises(WorkspaceNotWritable) as refused:
        Workspace(tmp_path).make()
    assert refused.value.path == tmp_path / "logs"


def test_sockets_lie_in_a_fresh_private_directory(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run = workspace.make_run("r")
    directory = run.make_sockets()
    assert directory.stat().st_mode & 0o777 == 0o700
    left = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(directory)  # the name of a socket must be short, and where tests run may be deep
    left.bind("control")
    left.close()
    assert list(run.make_sockets().iterdir()) == []
    run.remove_sockets()
    run.remove_sockets()
    assert not directory.exists()


def test_only_sockets_are_removed(workspace: Workspace) -> None:
    run = workspace.make_run("r")
    (run.make_sockets() / "notes").write_text("mine")
    with pytest.raises(WorkspaceNotWritable):
        run.remove_sockets()
    assert (run.sockets / "notes").read_text() == "mine"


@given(st.integers(0, 4 * 10**18), st.integers(1, 4 * 10**9), st.integers(1, 4_194_304))
def test_generated_run_ids_are_run_ids_and_sort_by_start(wall_ns: int, later_ns: int, pid: int) -> None:
    assert RUN_ID.fullmatch(new_run_id(wall_ns, pid))
    assert new_run_id(wall_ns, pid)[:22] <= new_run_id(wall_ns + later_ns, pid)[:22]


def test_runs_are_listed_as_they_began_whatever_was_touched_since(workspace: Workspace) -> None:
    """By their own ids, else by the first line of their tapes; what never heard the market comes first."""
    later, sooner = new_run_id(3_000_000_000_000_000_000, 7), new_run_id(1_000_000_000_000_000_000, 8)
    for run_id in (later, "named", "unheard", "99999999T999999-000000-1", sooner):
        workspace.make_run(run_id)
    started_ns = 2_000_000_000_000_000_000
    TapeWriter.open(workspace.run("named").tape, TapeHeader(venue="bitunix", symbols=("BTCUSDT",), started_ns=started_ns)).close(started_ns + 1)
    assert workspace.run_ids() == ("99999999T999999-000000-1", "unheard", sooner, "named", later)
    for run_id in reversed(workspace.run_ids()):
        (workspace.run(run_id).directory / "note").touch()
        workspace.run(run_id).directory.chmod(0o700)
    assert workspace.run_ids() == ("99999999T999999-000000-1", "unheard", sooner, "named", later)


def test_what_a_run_needs_only_while_it_lasts_is_named(workspace: Workspace) -> None:
    run = workspace.make_run("r")
    run.ledger.touch()
    assert run.leftovers() == ()
    run.make_sockets()
    for path in (run.control_key, run.venue_place, run.checkpoint("broker"), run.directory / "summary.json.tmp-1"):
        path.touch()
    assert {path.name for path in run.leftovers()} == {"sockets", "control.key", "venue.json", "broker.checkpoint", "summary.json.tmp-1"}
