"""summary.json: every promised field, every value recomputed from the database by a query of its own, digits exact."""

import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.ledger import LedgerReader
from records.workspace import RunPaths
from reporting.artefacts import RunFacts, write_artefacts
from reporting.summary_file import outcome_sentence, read_summary, recovery_quantiles, write_summary

RUN = RunFacts(
    run_id="run-1", venue="sim", symbols=("BTCUSDT",), strategy="trend", seed=7, fingerprint="f" * 16,
    started_at="2026-01-02T03:04:05.000000Z", planned_duration_s=600.0,
)
DETAIL = {
    "exit_code": 0, "duration_s": 599.5, "metrics": {"reconnect_attempt_count": 1}, "restarts": {"feed": 1},
    "recoveries_ms": {"feed": [131.5]}, "rss_tree_peak_bytes": 250_000_000, "something_new": True,
}
PROMISED = {
    "schema", "run_id", "duration_s", "total_trades", "realized_pnl_usd", "max_drawdown_pct", "slippage_avg_bps", "fees_paid_usd",
    "venue", "symbols", "strategy", "seed", "started_at", "ended_at", "reason", "outcome", "exit_code", "ledger_seq", "ledger_head",
    "metrics", "restarts", "recoveries_ms", "recovery_ms", "recovery_ms_by_actor", "rss_tree_peak_bytes", "funding_usd",
    "net_pnl_usd", "orders", "positions",
}


@pytest.fixture
def summary(run: RunPaths) -> dict[str, Any]:
    write_artefacts(run, RUN, DETAIL, "duration")
    content = read_summary(run.summary)
    assert content is not None
    return content


def test_every_promised_field_is_there(summary: dict[str, Any]) -> None:
    assert summary.keys() >= PROMISED
    assert (summary["run_id"], summary["duration_s"], summary["seed"], summary["exit_code"]) == ("run-1", Decimal("599.5"), 7, 0)
    assert summary["outcome"] == "the planned duration was reached; every order is settled"
    assert summary["recovery_ms_by_actor"] == {"feed": {"count": 1, **dict.fromkeys(("p50", "p95", "max"), Decimal("131.5"))}}
    assert summary["restarts"] == {"feed": 1} and "something_new" not in summary


def test_the_values_equal_independent_queries_of_the_database(run: RunPaths, summary: dict[str, Any]) -> None:
    fills = sqlite3.connect(run.ledger).execute("SELECT quantity, price, fee, realized_pnl, slippage_bps, liquidity FROM fills").fetchall()
    money = [[Decimal(value) for value in row[:5]] for row in fills]
    taken = [row for row, fill in zip(money, fills, strict=True) if fill[5] == "TAKER"]
    equity = [Decimal(row[0]) for row in sqlite3.connect(run.ledger).execute("SELECT equity FROM equity")]
    peak, deepest = Decimal(10_000), Decimal(0)
    for value in equity:
        peak = max(peak, value)
        deepest = max(deepest, (peak - value) / peak * 100)
    assert summary["total_trades"] == len(fills)
    assert summary["fees_paid_usd"] == sum(row[2] for row in money)
    assert summary["realized_pnl_usd"] == sum(row[3] for row in money)
    assert summary["volume_usd"] == sum(row[0] * row[1] for row in money)
    assert summary["funding_usd"] == sum(Decimal(row[0]) for row in sqlite3.connect(run.ledger).execute("SELECT amount FROM funding"))
    assert summary["ending_equity_usd"] == equity[-1]
    assert abs(summary["max_drawdown_pct"] - deepest) < Decimal("1e-11")
    weighted = sum(row[0] * row[4] for row in taken) / sum(row[0] for row in taken)
    assert abs(summary["slippage_avg_bps"] - weighted) < Decimal("1e-11")


def test_it_names_the_row_that_it_is_the_fold_of(run: RunPaths, summary: dict[str, Any]) -> None:
    assert (summary["ledger_seq"], summary["ledger_head"]) == LedgerReader(run.ledger).head


def test_the_tables_are_written_with_it_and_the_log_gets_the_essence(run: RunPaths) -> None:
    essence = write_artefacts(run, RUN, DETAIL, "duration")
    assert {path.name for path in run.directory.iterdir()} >= {"summary.json", "orders.csv", "fills.csv", "equity.csv"}
    assert essence["total_trades"] == 5 and essence["ledger_sequence"] == LedgerReader(run.ledger).head[0]


def test_writing_twice_changes_nothing_but_the_end(run: RunPaths, summary: dict[str, Any]) -> None:
    write_artefacts(run, RUN, DETAIL, "duration")
    again = read_summary(run.summary)
    assert again is not None and again | {"ended_at": ""} == summary | {"ended_at": ""}


def test_a_detail_of_the_wrong_type_is_refused_before_anything_is_written(run: RunPaths) -> None:
    with pytest.raises(msgspec.ValidationError):
        write_artefacts(run, RUN, {**DETAIL, "duration_s": "long"}, "duration")
    assert not run.summary.exists()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-10**15, max_value=10**15))
def test_money_is_a_json_number_with_exactly_its_digits(tmp_path_factory: pytest.TempPathFactory, value: Decimal) -> None:
    path = tmp_path_factory.getbasetemp() / "number.json"
    write_summary(path, {"a": value, "b": [value], "c": {"d": value}})
    text = path.read_text()
    assert '"' not in text.replace('"a"', "").replace('"b"', "").replace('"c"', "").replace('"d"', "") and "E" not in text
    content = json.loads(text, parse_float=Decimal)
    assert content == {"a": value, "b": [value], "c": {"d": value}}


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_summary_is_none(tmp_path: Path, content: bytes) -> None:
    assert read_summary(tmp_path / "none.json") is None
    (tmp_path / "summary.json").write_bytes(content)
    assert read_summary(tmp_path / "summary.json") is None


OUTCOMES = [
    ("duration", 0, "the planned duration was reached; every order is settled"),
    ("stop", 0, "stopped by request; every order is settled"),
    ("SIGTERM", 0, "stopped by SIGTERM; every order is settled"),
    ("kill:SIGUSR1", 99, "killed by SIGUSR1: orders canceled, positions flattened"),
    ("broker crashed 4 times in 60 s", 70, "given up: broker crashed 4 times in 60 s"),
]


@pytest.mark.parametrize(("reason", "exit_code", "sentence"), OUTCOMES)
def test_the_outcome_is_a_sentence(reason: str, exit_code: int, sentence: str) -> None:
    assert outcome_sentence(reason, exit_code) == sentence


def test_recovery_times_are_told_as_quantiles_over_all_restarted_actors() -> None:
    assert recovery_quantiles({}) == {}
    times = {"feed": [float(number) for number in range(1, 20)], "broker": [100.0]}
    assert recovery_quantiles(times) == {"count": 20, "p50": 11.0, "p95": 100.0, "max": 100.0}
