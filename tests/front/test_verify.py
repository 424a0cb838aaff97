"""A finished run is proved from its own files; whatever is wrong with one of them is named, and the rest is checked all the same."""

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from front.arguments import Arguments
from front.refusal import Refusal
from front.verify import verify
from records.lock import Lock
from supervisors.exit_codes import ExitCode
from tests.front.finished_run import FinishedRun
from trading.messages import EquityMarked, OrderFilled, SessionOpened

EVERY_CHECK = [
    "ledger", "ending", "invariants", "books", "summary", "state", "exit", "leftovers", "settings", "tape", "replay", "interval",
]
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    return FinishedRun(tmp_path)


def asked(run: FinishedRun, printed: Printed, name: str = "latest") -> tuple[ExitCode | Refusal, dict[str, Any]]:
    outcome = verify(Arguments(verb="verify", workspace=run.workspace.root, run=name, json=True))
    out = printed.readouterr().out
    return outcome, json.loads(out) if out else {}


def failed(run: FinishedRun, printed: Printed) -> dict[str, str]:
    """Names of the checks that fail, each with what it says; the exit code must agree."""
    outcome, told = asked(run, printed)
    checks = {each["name"]: each["detail"] for each in told["checks"] if not each["ok"]}
    assert [each["name"] for each in told["checks"]] == EVERY_CHECK
    assert outcome is (ExitCode.DATA if checks else ExitCode.OK) and told["ok"] is not bool(checks)
    return checks


def test_a_finished_run_is_proved_and_nothing_in_it_is_changed(run: FinishedRun, capsys: Printed) -> None:
    before = {path: path.read_bytes() for path in run.paths.directory.iterdir()}
    assert len({type(fact) for fact in run.facts}) >= 9
    assert failed(run, capsys) == {}
    assert {path: path.read_bytes() for path in before} == before


def test_each_check_is_a_line_for_people(run: FinishedRun, capsys: Printed) -> None:
    assert verify(Arguments(verb="verify", workspace=run.workspace.root, run="r1")) is ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["ok", name] for name in EVERY_CHECK]
    assert lines[-1] == "run r1 is proved"


def test_a_difference_is_printed_with_both_lines(run: FinishedRun, capsys: Printed) -> None:
    row = next(row for row, fact in enumerate(run.facts) if isinstance(fact, OrderFilled))
    facts = [*run.facts]
    facts[row] = msgspec.structs.replace(facts[row], book_sequence=1)
    run.rewrite_ledger(facts)
    assert verify(Arguments(verb="verify", workspace=run.workspace.root, run="r1")) is ExitCode.DATA
    recorded, replayed = (line.strip() for line in capsys.readouterr().out.splitlines() if ": {" in line)
    assert recorded.startswith('recorded: {"at_ns":') and '"book_sequence":1,' in recorded
    assert replayed.startswith('replayed: {"at_ns":') and '"book_sequence":1,' not in replayed


def test_a_run_is_found_by_its_path_wherever_it_lies(run: FinishedRun, capsys: Printed, tmp_path: Path) -> None:
    assert asked(run, capsys, str(run.paths.directory))[0] is ExitCode.OK
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(run.paths.directory, elsewhere)
    outcome, told = asked(run, capsys, str(elsewhere))
    assert outcome is ExitCode.OK and told["run_id"] == "elsewhere"


def test_a_run_that_is_not_there_is_refused(run: FinishedRun, capsys: Printed) -> None:
    outcome, _ = asked(run, capsys, "r2")
    assert isinstance(outcome, Refusal) and outcome.code is ExitCode.USAGE


def test_a_run_that_is_still_going_is_not_judged(run: FinishedRun, capsys: Printed) -> None:
    lock = Lock.take(run.workspace.agent_pid)
    assert isinstance(lock, Lock)
    outcome, _ = asked(run, capsys)
    assert isinstance(outcome, Refusal) and outcome.code is ExitCode.UNAVAILABLE and "still going" in outcome.what
    older = FinishedRun(run.workspace.root, "r2")
    assert asked(older, capsys, "r1")[0] is ExitCode.OK, "an older run of the same place is finished"
    lock.release()


def test_a_run_that_was_cut_short_is_checked_as_far_as_it_goes(tmp_path: Path, capsys: Printed) -> None:
    found = failed(FinishedRun(tmp_path, closed=False), capsys)
    assert found.keys() == {"ending", "summary", "state", "exit"}
    assert "did not end in order; run with --resume" in found["ending"]
    assert "missing" in found["summary"] and "run with --resume" in found["summary"] and "run with --resume" in found["state"]


def test_what_an_older_run_lacks_is_not_made_up_for(tmp_path: Path, capsys: Printed) -> None:
    run = FinishedRun(tmp_path, closed=False)
    FinishedRun(tmp_path, "r2")
    _, told = asked(run, capsys, "r1")
    ending = next(each for each in told["checks"] if each["name"] == "ending")
    assert not ending["ok"] and "a later one went on without it" in ending["detail"] and "--resume" not in ending["detail"]


def test_a_state_of_another_run_is_no_fault_of_this_one(run: FinishedRun, capsys: Printed) -> None:
    FinishedRun(run.workspace.root, "r2")
    outcome, told = asked(run, capsys, "r1")
    assert outcome is ExitCode.OK
    assert "is of run r2" in next(each["detail"] for each in told["checks"] if each["name"] == "state")


Harm = Callable[[FinishedRun], object]
ON_THE_LEDGER = {"ledger", "ending", "invariants", "books", "summary", "state", "settings", "replay"}


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 4
    path.write_bytes(content)


def cut(path: Path, lost: int) -> None:
    path.write_bytes(path.read_bytes()[:-lost])


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


HARMS: dict[str, tuple[Harm, set[str]]] = {
    "no ledger": (lambda run: run.paths.ledger.unlink(), ON_THE_LEDGER),
    "an empty ledger": (lambda run: run.paths.ledger.write_bytes(b""), ON_THE_LEDGER),
    "a ledger cut short": (lambda run: cut(run.paths.ledger, 4000), ON_THE_LEDGER),
    "a bit of a row": (lambda run: flip(run.paths.ledger, run.paths.ledger.read_bytes().index(b'"rests"')), ON_THE_LEDGER),
    "no tape": (lambda run: run.paths.tape.unlink(), {"tape", "replay"}),
    "a tape cut short": (lambda run: cut(run.paths.tape, 300), {"tape", "replay"}),
    "a bit of the tape": (lambda run: flip(run.paths.tape, 700), {"tape", "replay"}),
    "a tape that is none": (lambda run: run.paths.tape.write_text("frames"), {"tape", "replay"}),
    "no settings": (lambda run: run.paths.config_resolved.unlink(), {"settings", "invariants", "replay"}),
    "settings that are none": (lambda run: run.paths.config_resolved.write_text("{"), {"settings", "invariants", "replay"}),
    "other settings": (lambda run: edit(run.paths.config_resolved, "slippage_bps: 30", "slippage_bps: 31"), {"settings", "replay"}),
    "another seed": (lambda run: edit(run.paths.config_resolved, "seed: 7", "seed: 8"), {"settings"}),
    "no summary": (lambda run: run.paths.summary.unlink(), {"summary", "exit"}),
    "a summary that is none": (lambda run: run.paths.summary.write_text("[]"), {"summary", "exit"}),
    "an exit code that nothing has": (lambda run: edit(run.paths.summary, '"exit_code": 0', '"exit_code": 3'), {"exit"}),
    "no exit code, and nobody else who ended it": (lambda run: edit(run.paths.summary, '"exit_code": 0', '"exit_code": null'), {"exit"}),
    "a key of a running session": (lambda run: run.paths.control_key.write_bytes(b"k"), {"leftovers"}),
    "a file half written": (lambda run: run.paths.summary.with_name("summary.json.tmp-7").write_bytes(b"{"), {"leftovers"}),
    "a summary with other trades": (lambda run: edit(run.paths.summary, '"total_trades": ', '"total_trades": 1'), {"summary"}),
    "a summary of another ledger": (lambda run: edit(run.paths.summary, '"ledger_head": "', '"ledger_head": "f'), {"summary"}),
    "no state": (lambda run: run.workspace.state_file.unlink(), {"state"}),
    "a state changed": (lambda run: edit(run.workspace.state_file, '"balance": "', '"balance": "1'), {"state"}),
}


@pytest.mark.parametrize(("harm", "checks"), HARMS.values(), ids=HARMS)
def test_what_is_damaged_or_missing_fails_and_the_rest_is_checked_all_the_same(
    run: FinishedRun, capsys: Printed, harm: Harm, checks: set[str],
) -> None:
    harm(run)
    assert failed(run, capsys).keys() == checks


@pytest.mark.parametrize("ledger", ["none", "without a row"])
def test_a_session_that_ended_before_its_account_was_opened_has_nothing_to_prove(run: FinishedRun, capsys: Printed, ledger: str) -> None:
    run.never_opened(with_ledger=ledger != "none")
    assert failed(run, capsys) == {}
    outcome, told = asked(run, capsys)
    assert outcome is ExitCode.OK and "ended before its account was opened" in told["checks"][0]["detail"]


def test_a_ledger_that_went_missing_is_not_taken_for_one_that_never_was(run: FinishedRun, capsys: Printed) -> None:
    witness = run.paths.ledger.with_name("ledger.db.acknowledged").read_bytes()
    run.never_opened(with_ledger=False)
    edit(run.paths.summary, '"total_trades": 0', '"total_trades": 1')
    assert failed(run, capsys).keys() == {"summary"}
    run.paths.ledger.with_name("ledger.db.acknowledged").write_bytes(witness)
    assert "ledger" in failed(run, capsys)


def forged(run: FinishedRun, kind: type[Any], **change: object) -> None:
    row = max(row for row, fact in enumerate(run.facts) if isinstance(fact, kind))
    run.rewrite_ledger([*run.facts[:row], msgspec.structs.replace(run.facts[row], **change), *run.facts[row + 1:]])


FORGERIES: dict[str, tuple[Harm, set[str]]] = {
    "another slippage": (lambda run: forged(run, OrderFilled, slippage_bps=Decimal(1)), {"replay"}),
    "a fee that its lots deny": (lambda run: forged(run, OrderFilled, fee=Decimal(0)), {"invariants", "books", "state", "replay"}),
    "another equity": (lambda run: forged(run, EquityMarked, equity=Decimal(10_000)), {"invariants", "books", "state", "replay"}),
    "a session of other settings": (lambda run: forged(run, SessionOpened, fingerprint="0" * 16), {"settings"}),
    "more money at the start": (lambda run: forged(run, SessionOpened, balance=Decimal(20_000)), {"invariants", "books", "state", "replay"}),
    "a mark left out": (lambda run: run.rewrite_ledger([run.facts[0], *run.facts[2:]]), {"replay"}),
    "the end left out": (lambda run: run.rewrite_ledger(run.facts[:-1]), {"ending", "replay"}),
}


@pytest.mark.parametrize(("forgery", "checks"), FORGERIES.values(), ids=FORGERIES)
def test_a_ledger_that_was_written_anew_with_right_sums_is_found_by_what_it_was_made_of(
    run: FinishedRun, capsys: Printed, forgery: Harm, checks: set[str],
) -> None:
    forgery(run)
    assert failed(run, capsys).keys() == checks


def test_a_tape_without_an_end_may_be_cut_short_as_far_as_the_ledger_needs_it(tmp_path: Path, capsys: Printed) -> None:
    run = FinishedRun(tmp_path, closed=False)
    cut(run.paths.tape, 3)
    found = failed(run, capsys)
    assert "tape" not in found and "replay" not in found
    cut(run.paths.tape, 1000)
    assert "the tape ends at market fact" in failed(run, capsys)["replay"]
