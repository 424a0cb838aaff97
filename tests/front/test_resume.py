"""A session goes on with the account that the last run left; one that was cut short is closed first, and stays provable."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from front.arguments import Arguments
from front.refusal import Refusal
from front.resume import carried
from front.verify import verify
from records.ledger import Ledger, LedgerReader
from records.logs import Logger
from records.state import PaperState, load_state
from reporting.summary_file import read_summary
from supervisors.exit_codes import ExitCode
from tests.front.finished_run import BTC, FinishedRun
from tests.venue.frames import T0_MS
from timing.clock import iso_text
from trading.account import Account
from trading.carry import Carried, carried_from
from trading.messages import AccountFact, MarketUnobserved, OrderCanceled, SessionClosed


class Said:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))

    warning = info

    def fields(self, event: str) -> dict[str, Any]:
        return dict(self.events)[event]


def asked(run: FinishedRun, said: Said | None = None, symbol: str = BTC, this: str = "new") -> Carried | None | Refusal:
    return carried(run.workspace, this, symbol, cast(Logger, said or Said()))


def stored(run: FinishedRun) -> list[AccountFact]:
    reader = LedgerReader(run.paths.ledger)
    try:
        return [fact for _, fact in reader.facts()]
    finally:
        reader.close()


def test_cash_and_positions_are_those_of_the_last_run(tmp_path: Path) -> None:
    run, said = FinishedRun(tmp_path), Said()
    found = asked(run, said)
    assert isinstance(found, Carried) and found == carried_from(Account.folded(run.facts))
    assert [each.position for each in found.positions] == [Decimal("0.01")]
    assert said.fields("RESUMED")["from_run"] == "r1"
    assert stored(run) == run.facts, "a session that ended in order is left alone"


def test_without_any_run_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    run, said = FinishedRun(tmp_path, "only"), Said()
    assert asked(run, said, this="only") is None
    assert [event for event, _ in said.events] == ["NOTHING_TO_RESUME"]


def test_what_still_worked_in_a_run_that_was_cut_short_is_canceled_in_its_ledger(tmp_path: Path) -> None:
    run, said = FinishedRun(tmp_path, closed=False), Said()
    assert isinstance(asked(run, said), Carried)
    facts = stored(run)
    added = facts[len(run.facts):]
    assert facts[:len(run.facts)] == run.facts
    assert [(fact.client_order_id, fact.reason) for fact in added if isinstance(fact, OrderCanceled)] == [("rests", "resumed")]
    assert isinstance(added[-1], SessionClosed) and added[-1].reason == "resumed"
    assert said.fields("RESUMED_ORDERS_CANCELED") == {"run": "r1", "client_order_ids": ["rests"]}


def test_a_run_that_was_closed_that_way_is_still_told_again_byte_for_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = FinishedRun(tmp_path, closed=False)
    asked(run)
    verify(Arguments(verb="verify", workspace=tmp_path, run="r1"))
    said = {line.split()[1]: line.split()[0] for line in capsys.readouterr().out.splitlines() if line[0] != " "}
    assert said.pop("r1") == "run" and set(said.values()) == {"ok"} and len(said) == 12


def test_a_run_that_was_killed_whole_gets_the_summary_it_could_not_write(tmp_path: Path) -> None:
    run, said = FinishedRun(tmp_path, closed=False), Said()
    asked(run, said)
    summary = read_summary(run.paths.summary)
    assert summary is not None
    assert (summary["ended_by"], summary["reason"], summary["exit_code"]) == ("killed_whole", "killed_whole", None)
    assert summary["canceled_later"] == ["rests"] and summary["end_reason"] == "resumed"
    assert (summary["venue"], summary["symbols"], summary["seed"], summary["fingerprint"]) == ("sim", [BTC], 7, run.terms.fingerprint)
    assert summary["started_at"] == iso_text(T0_MS * 1_000_000) and summary["duration_s"] == Decimal("7.75")
    assert summary["ended_at"] == iso_text((T0_MS + 7750) * 1_000_000), "the last thing on its tape"
    assert "did not end in order" in summary["outcome"] and "exit code" in run.paths.report.read_text()
    assert run.paths.orders_csv.exists() and run.paths.fills_csv.exists() and run.paths.equity_csv.exists()
    state = load_state(run.workspace.state_file)
    assert isinstance(state, PaperState) and state.run_id == "r1" and state.open_orders == ()
    assert said.fields("SUMMARY_WRITTEN_LATE")["canceled"] == ["rests"]


def test_a_summary_that_a_crash_of_the_resuming_session_left_out_is_written_by_the_next(tmp_path: Path) -> None:
    run = FinishedRun(tmp_path, closed=False)
    asked(run)
    before = run.paths.summary.read_bytes()
    run.paths.summary.unlink()
    asked(run)
    assert run.paths.summary.read_bytes() == before


def test_a_run_whose_broker_settled_alone_gets_its_summary_too(tmp_path: Path) -> None:
    run = FinishedRun(tmp_path)
    run.paths.summary.unlink()
    asked(run)
    summary = read_summary(run.paths.summary)
    assert summary is not None and (summary["ended_by"], summary["exit_code"], summary["canceled_later"]) == ("duration", None, [])


def test_a_disk_that_takes_no_summary_refuses_the_session(tmp_path: Path) -> None:
    run = FinishedRun(tmp_path, closed=False)
    run.paths.summary.with_name(f"summary.json.tmp-{os.getpid()}").mkdir()
    found = asked(run)
    assert isinstance(found, Refusal) and found.code is ExitCode.IO_ERROR
    assert isinstance(stored(run)[-1], SessionClosed)


def test_asking_twice_gives_the_same_and_closes_once(tmp_path: Path) -> None:
    run = FinishedRun(tmp_path, closed=False)
    first, once = asked(run), stored(run)
    assert (asked(run), stored(run)) == (first, once)


def test_without_its_tape_it_is_closed_at_the_last_marks_on_record(tmp_path: Path) -> None:
    run, said = FinishedRun(tmp_path, closed=False), Said()
    run.paths.tape.unlink()
    found = asked(run, said)
    assert isinstance(found, Carried) and found.positions[0].mark == Decimal(60_000)
    assert "No such file" in said.fields("RESUMED_WITHOUT_TAPE")["reason"]
    unheard = [fact for fact in stored(run) if isinstance(fact, MarketUnobserved)]
    assert [(fact.reason, fact.first_missing, fact.open_orders) for fact in unheard] == [("not_heard_again", 1, ("rests",))]


def test_a_later_run_that_never_opened_its_account_is_passed_over(tmp_path: Path) -> None:
    run = FinishedRun(tmp_path)
    for name, make in (("r2", lambda path: path.write_bytes(b"")), ("r3", lambda path: Ledger.open(path, create=True).close())):
        later = run.workspace.make_run(name)
        later.config_resolved.write_text("written last")
        make(later.ledger)
    assert asked(run) == carried_from(Account.folded(run.facts))


def test_a_damaged_ledger_is_refused_and_no_older_one_is_taken_for_it(tmp_path: Path) -> None:
    FinishedRun(tmp_path, "1-older")
    run = FinishedRun(tmp_path, "2-newer")
    for path in (run.paths.ledger, run.paths.ledger):
        path.write_bytes(path.read_bytes()[:-5000])
        found = asked(run)
        assert isinstance(found, Refusal) and found.code is ExitCode.DATA and "newer" in found.what
        path.write_bytes(b"")
    found = asked(run)
    assert isinstance(found, Refusal) and found.code is ExitCode.DATA, "emptied is not empty: its witness knows better"


def test_positions_in_what_is_not_traded_now_are_refused(tmp_path: Path) -> None:
    found = asked(FinishedRun(tmp_path), symbol="ETHUSDT")
    assert isinstance(found, Refusal) and found.code is ExitCode.USAGE and "--symbol BTCUSDT" in found.fix


def test_an_account_that_another_process_is_closing_is_not_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = FinishedRun(tmp_path, closed=False)
    other = Ledger.open(run.paths.ledger)
    late = SessionClosed(at_ns=run.facts[-1].at_ns, market_sequence=run.facts[-1].market_sequence, reason="supervisor_lost")
    folded = Account.folded

    def overtaken(facts: Any) -> Account:
        account = folded(facts)
        other.append([late])
        return account

    monkeypatch.setattr(Account, "folded", overtaken)
    found = asked(run)
    assert isinstance(found, Refusal) and found.code is ExitCode.BUSY
    other.close()
    assert stored(run)[-1] == late
