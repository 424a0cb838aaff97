"""What a run's orders come to on other terms: printed for any run, kept in its summary, reckoned again by ``verify``."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from front.arguments import Arguments
from front.closing import Closing
from front.interval import interval, interval_at_end
from actors.leg_metrics import measured_legs
from front.pnl_reckoning import Unreckoned, reckon
from front.refusal import Refusal
from front.settings import Settings, read_settings
from front.verify import verify
from records.logs import open_logger
from reporting.summary_file import NO_TIME, RunFacts, read_summary, write_summary
from supervisors.exit_codes import ExitCode
from supervisors.outcome import Outcome
from tests.front.finished_run import FinishedRun
from trading.latency import LogNormal, MeasuredLegs
from trading.messages import OrderFilled
from trading.pnl_interval import PnlInterval
from trading.summary import fold

Printed = pytest.CaptureFixture[str]
REST = {"venue_rest_leg_median_ms": 12.5, "venue_rest_leg_sigma": 0.25, "venue_rest_leg_max_ms": 90.0}
WS = {"venue_ws_leg_median_ms": 4.0, "venue_ws_leg_sigma": 0.1, "venue_ws_leg_max_ms": 11.5}


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    return FinishedRun(tmp_path)


def reckoned(run: FinishedRun) -> PnlInterval:
    return reckon(run.paths, run.terms.account_settings, run.terms.views({}))


def kept(run: FinishedRun) -> None:
    """What a session that ends in order adds to its summary."""
    summary = read_summary(run.paths.summary) or {}
    write_summary(run.paths.summary, {**summary, "pnl_interval": reckoned(run).content(), "pnl_interval_note": None})


def asked(run: FinishedRun, printed: Printed, as_json: bool = True) -> tuple[ExitCode | Refusal, str]:
    outcome = interval(Arguments(verb="interval", workspace=run.workspace.root, run="r1", json=as_json))
    return outcome, printed.readouterr().out


def checked(run: FinishedRun, printed: Printed) -> dict[str, bool]:
    verify(Arguments(verb="verify", workspace=run.workspace.root, run="r1", json=True))
    return {each["name"]: each["ok"] for each in json.loads(printed.readouterr().out)["checks"]}


def test_it_is_printed_for_a_run_whose_summary_has_none_and_nothing_is_changed(run: FinishedRun, capsys: Printed) -> None:
    before = {path: path.read_bytes() for path in run.paths.directory.iterdir()}
    outcome, out = asked(run, capsys)
    told = json.loads(out, parse_float=Decimal)
    expected, summary = reckoned(run), fold(run.facts)
    assert outcome is ExitCode.OK and told == {"run_id": "r1", **expected.content()}
    configured = told["configured"]
    assert (configured["net_pnl_usd"], configured["fees_paid_usd"], configured["fills"]) == (
        summary.net_pnl_usd, summary.fees_paid_usd, summary.total_trades,
    )
    assert "fees vip0" in told["base"]["settings"] and "taking book_traded" in told["base"]["settings"]
    assert {path: path.read_bytes() for path in before} == before


def test_people_read_four_accounts_and_one_verdict(run: FinishedRun, capsys: Printed) -> None:
    outcome, out = asked(run, capsys, as_json=False)
    first = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert outcome is ExitCode.OK
    assert [name for name in ("configured", "optimistic", "base", "pessimistic", "interval") if name in first] == [
        "configured", "optimistic", "base", "pessimistic", "interval",
    ]
    assert "the sign is" in out and "the strategy did not see" in out


def test_what_the_summary_says_of_it_is_proved(run: FinishedRun, capsys: Printed) -> None:
    kept(run)
    assert all(checked(run, capsys).values())


def raised(content: dict[str, Any]) -> None:
    content["pnl_interval"]["base"]["net_pnl_usd"] += 1


def robust(content: dict[str, Any]) -> None:
    content["pnl_interval"]["sign_robust"] = not content["pnl_interval"]["sign_robust"]


def rest_measured_otherwise(content: dict[str, Any]) -> None:
    content["metrics"] = REST


def pings_measured_otherwise(content: dict[str, Any]) -> None:
    content["metrics"] = WS


@pytest.mark.parametrize("forgery", [raised, robust, rest_measured_otherwise, pings_measured_otherwise])
def test_an_interval_that_the_run_does_not_give_is_found(run: FinishedRun, capsys: Printed, forgery: Callable[[dict[str, Any]], None]) -> None:
    kept(run)
    content = read_summary(run.paths.summary)
    assert content is not None
    forgery(content)
    write_summary(run.paths.summary, content)
    assert [name for name, ok in checked(run, capsys).items() if not ok] == ["interval"]


def test_with_an_interval_in_the_summary_a_run_that_cannot_be_lived_again_fails_that_check_too(run: FinishedRun, capsys: Printed) -> None:
    kept(run)
    run.paths.tape.unlink()
    assert [name for name, ok in checked(run, capsys).items() if not ok] == ["tape", "replay", "interval"]


def test_a_run_without_its_tape_has_none(run: FinishedRun, capsys: Printed) -> None:
    run.paths.tape.unlink()
    outcome, _ = asked(run, capsys)
    assert isinstance(outcome, Refusal) and outcome.code is ExitCode.DATA and "the tape cannot be told" in outcome.what


def test_a_ledger_that_does_not_follow_from_its_tape_has_none(run: FinishedRun, capsys: Printed) -> None:
    row = next(row for row, fact in enumerate(run.facts) if isinstance(fact, OrderFilled))
    facts = [*run.facts]
    facts[row] = msgspec.structs.replace(facts[row], book_sequence=1)
    run.rewrite_ledger(facts)
    outcome, _ = asked(run, capsys)
    assert isinstance(outcome, Refusal) and f"row {row + 1}: the rows differ" in outcome.what


def ended(run: FinishedRun, code: ExitCode, reason: str) -> Closing:
    settings = read_settings(Arguments())
    assert isinstance(settings, Settings)
    facts = RunFacts(run_id="r1", venue="sim", symbols=("BTCUSDT",), strategy="test", seed=7, fingerprint="f", started_at="", planned_duration_s=8.0)
    log = open_logger(run.workspace.system_log, actor="supervisor", run_id="r1")
    return Closing.of(Outcome(int(code), reason, True, {"duration_s": 8.0}), facts, settings.strategy, run.paths, log)


def test_a_session_that_ends_in_order_keeps_it_in_its_summary_and_on_its_page(run: FinishedRun, capsys: Printed) -> None:
    closing = ended(run, ExitCode.OK, "duration")
    assert closing.summary["pnl_interval"] == reckoned(run).content() and closing.summary["pnl_interval_note"] is None
    assert read_summary(run.paths.summary) == closing.summary
    assert "Configured " in run.paths.report.read_text()
    assert all(checked(run, capsys).values())


def test_a_kill_leaves_no_time_for_it(run: FinishedRun) -> None:
    summary = ended(run, ExitCode.KILLED, "kill:operator").summary
    assert summary["pnl_interval"] is None and summary["pnl_interval_note"] == NO_TIME


def test_a_session_does_not_wait_for_it_longer_than_it_is_told(run: FinishedRun) -> None:
    log = open_logger(run.workspace.system_log, actor="supervisor", run_id="r1")
    told = interval_at_end(run.paths, {}, 0.0, log)
    assert told["pnl_interval"] is None and "there was no time" in told["pnl_interval_note"]


def test_when_the_time_is_up_there_is_none(run: FinishedRun) -> None:
    with pytest.raises(Unreckoned, match="no time"):
        reckon(run.paths, run.terms.account_settings, run.terms.views({}), out_of_time=lambda: True)


def test_a_run_that_was_cut_short_has_one_as_far_as_it_goes(tmp_path: Path) -> None:
    run = FinishedRun(tmp_path, closed=False)
    assert reckoned(run).configured.fills == sum(isinstance(fact, OrderFilled) for fact in run.facts)


REST_LEG, WS_LEG = LogNormal(Decimal("12.5"), Decimal("0.25"), Decimal(90)), LogNormal(Decimal(4), Decimal("0.1"), Decimal("11.5"))


@pytest.mark.parametrize(("metrics", "expected"), [
    ({**REST, **WS}, MeasuredLegs(rest=REST_LEG, ws=WS_LEG)),
    (REST, MeasuredLegs(rest=REST_LEG)),
    (WS, MeasuredLegs(ws=WS_LEG)),
    ({}, MeasuredLegs()),
    ({**REST, "venue_rest_leg_sigma": "?", **WS}, MeasuredLegs(ws=WS_LEG)),
    ({**REST, **WS, "venue_ws_leg_max_ms": 1}, MeasuredLegs(rest=REST_LEG)),
])
def test_the_way_to_the_venue_is_what_was_measured_by_each_transport(metrics: dict[str, Any], expected: MeasuredLegs) -> None:
    assert measured_legs(metrics) == expected


@pytest.mark.parametrize(("metrics", "entry", "response"), [
    ({**REST, **WS}, "12.5", "4"), (REST, "12.5", "12.5"), (WS, "4", "4"), ({}, "100", "100"),
])
def test_a_summarys_metrics_are_the_legs_of_the_base_account(
    run: FinishedRun, capsys: Printed, metrics: dict[str, Any], entry: str, response: str,
) -> None:
    write_summary(run.paths.summary, {**(read_summary(run.paths.summary) or {}), "metrics": metrics})
    _, out = asked(run, capsys)
    told = json.loads(out)
    assert f"entry lognormal(median_ms={entry}, " in told["base"]["settings"]
    assert f"response lognormal(median_ms={response}, " in told["base"]["settings"]
    assert told["latency_measured"] is bool(metrics)
