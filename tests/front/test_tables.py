"""The verbs that print what was recorded."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from front.arguments import Arguments
from front.refusal import Refusal
from front.tables import export, pnl
from records.ledger import Ledger
from records.workspace import RunPaths, Workspace
from supervisors.exit_codes import ExitCode
from trading.messages import EquityMarked, SessionClosed


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    workspace = Workspace(tmp_path)
    workspace.make()
    paths = workspace.make_run("r1")
    ledger = Ledger.open(paths.ledger, create=True)
    marked = EquityMarked(at_ns=1, balance=Decimal("10.50"), unrealized_pnl=Decimal(0), equity=Decimal("10.50"), marks={})
    ledger.append([marked, SessionClosed(at_ns=2, reason="duration")])
    ledger.close()
    return paths


def arguments(workspace: Path, run: str, table: str) -> Arguments:
    return Arguments(verb="export", workspace=workspace, run=run, table=table)


@pytest.mark.parametrize("asked", ["latest", "r1", "path"])
def test_the_ledger_is_printed_one_event_a_line_however_the_run_is_named(
    run: RunPaths, tmp_path: Path, asked: str, capsys: pytest.CaptureFixture[str],
) -> None:
    name = str(run.directory) if asked == "path" else asked
    assert export(arguments(tmp_path, name, "ledger")) is ExitCode.OK
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(event["seq"], event["kind"]) for event in events] == [(1, "EquityMarked"), (2, "SessionClosed")]


@pytest.mark.parametrize("table", ["fills", "orders", "equity"])
def test_a_table_is_printed_as_csv(run: RunPaths, tmp_path: Path, table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(arguments(tmp_path, "latest", table)) is ExitCode.OK
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.startswith("seq,at_ns") and len(rows) == (table == "equity")


def test_a_run_that_is_not_there_is_refused_with_the_ones_that_are(run: RunPaths, tmp_path: Path) -> None:
    refusal = export(arguments(tmp_path, "r2", "fills"))
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.USAGE
    assert "'r2'" in refusal.what and "r1" in refusal.why


def test_a_damaged_ledger_is_refused(run: RunPaths, tmp_path: Path) -> None:
    run.ledger.write_bytes(b"not a ledger")
    refusal = export(arguments(tmp_path, "latest", "ledger"))
    assert isinstance(refusal, Refusal) and refusal.code is ExitCode.DATA


def test_the_profit_of_a_file_of_fills_is_exact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fills = tmp_path / "fills.csv"
    fills.write_text("side,qty,price,fee\nBUY,0.1,30000,0\nBUY,0.1,31000,0\nSELL,0.15,32000,0\n")
    assert pnl(Arguments(verb="pnl", file=fills)) is ExitCode.OK
    assert Decimal(json.loads(capsys.readouterr().out)["realized_pnl"]) == 250


def test_a_file_of_fills_that_is_wrong_is_damaged_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pnl(Arguments(verb="pnl", file=tmp_path / "none.csv")) is ExitCode.DATA
    assert "cannot be read" in capsys.readouterr().err
