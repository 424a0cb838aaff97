"""Exports: the ledger as canonical lines, the tables as recorded."""

import csv
import json
import sqlite3
from io import StringIO

import pytest

from records.ledger import LedgerDamaged, LedgerFailure, LedgerReader
from records.ledger_witness import witness_path
from records.workspace import RunPaths
from reporting.export import TABLES, export, write_tables
from tests.trading.account_stories import Story


def _exported(run: RunPaths, what: str) -> str:
    out = StringIO()
    export(run.ledger, what, out)
    return out.getvalue()


def _table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_the_ledger_is_one_canonical_object_a_line_in_order(run: RunPaths, played: Story) -> None:
    lines = _exported(run, "ledger").splitlines()
    assert len(lines) == len(played.facts)
    for seq, (line, fact) in enumerate(zip(lines, played.facts, strict=True), 1):
        content = json.loads(line)
        assert (content["seq"], content["kind"], content["at_ns"]) == (seq, type(fact).__name__, fact.at_ns)
        assert line == json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_the_same_session_prints_the_same_bytes(run: RunPaths) -> None:
    assert _exported(run, "ledger") == _exported(run, "ledger")


def test_the_fills_are_those_of_the_session(run: RunPaths, played: Story) -> None:
    fills = _table(_exported(run, "fills"))
    assert [(row["side"], row["quantity"], row["price"], row["fee"], row["liquidity"]) for row in fills] == [
        (str(fill.side), str(fill.quantity), str(fill.price), str(fill.fee), str(fill.liquidity)) for fill in played.fills
    ]


def test_the_orders_say_what_became_of_them(run: RunPaths) -> None:
    assert [row["state"] for row in _table(_exported(run, "orders"))] == ["FILLED"] * 5 + ["CANCELED", "REJECTED"]


def test_the_equity_curve_ends_with_the_closing_mark(run: RunPaths, played: Story) -> None:
    assert _table(_exported(run, "equity"))[-1]["equity"] == str(played.account.state().equity)


@pytest.mark.parametrize("what", TABLES)
def test_a_table_of_nothing_has_its_header(run: RunPaths, what: str) -> None:
    with sqlite3.connect(run.ledger) as connection:
        connection.execute("DELETE FROM ev")
        connection.execute("UPDATE head SET seq = 0, chain = zeroblob(32)")
    witness_path(run.ledger).unlink()
    header = _exported(run, what)
    assert header.startswith("seq,at_ns,") and header.count("\n") == 1


def test_the_run_directory_gets_the_same_tables(run: RunPaths) -> None:
    reader = LedgerReader(run.ledger)
    write_tables(reader, run)
    assert run.fills_csv.read_text() == _exported(run, "fills")
    assert run.orders_csv.read_text() == _exported(run, "orders")
    assert run.equity_csv.read_text() == _exported(run, "equity")
    assert run.unobserved_csv.read_text() == _exported(run, "unobserved")


@pytest.mark.parametrize("what", TABLES)
def test_no_table_is_printed_of_a_damaged_ledger(run: RunPaths, what: str) -> None:
    with sqlite3.connect(run.ledger) as connection:
        connection.execute("UPDATE ev SET body = replace(body, '30000', '30001') WHERE seq = 4")
    out = StringIO()
    with pytest.raises(LedgerDamaged) as seen:
        export(run.ledger, what, out)
    assert seen.value.seq == 4 and out.getvalue() == ""


def test_the_events_before_a_damage_are_printed(run: RunPaths) -> None:
    with sqlite3.connect(run.ledger) as connection:
        connection.execute("UPDATE ev SET body = replace(body, '30000', '30001') WHERE seq = 4")
    out = StringIO()
    with pytest.raises(LedgerDamaged):
        export(run.ledger, "ledger", out)
    assert len(out.getvalue().splitlines()) == 3


def test_a_ledger_that_is_not_there_and_a_table_that_is_none(run: RunPaths) -> None:
    with pytest.raises(LedgerFailure):
        export(run.directory / "none.db", "fills", StringIO())
    with pytest.raises(ValueError, match="fills"):
        export(run.ledger, "secrets", StringIO())
