"""The verb ``verify``: proves a finished run from its own files, line by line, and changes none of them. Exit code 0 or 65.

Must not know how anything is checked.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from front.account_terms import Terms, read_terms
from front.arguments import Arguments
from front.chosen_run import chosen_run
from front.pnl_reckoning import shadowed
from front.refusal import Refusal
from front.running import RunningSession
from front.told_tape import ToldTape, Untellable
from records.ledger import LedgerDamaged, LedgerFailure
from records.ledger_witness import Witness
from records.workspace import RunPaths, Workspace
from reporting.summary_file import ENDED_IN_ORDER, NEVER_OPENED, read_summary
from reporting.verification import Check, StoredSession, interval, leftovers, of_no_facts, rows_in
from supervisors.exit_codes import ExitCode
from trading.account import Account
from trading.messages import MarketFact
from trading.shadows import ShadowedAccount

__all__ = ["proof", "verify"]

LEDGER_CHECKS = ("ending", "invariants", "books", "summary", "state")


def verify(arguments: Arguments) -> ExitCode | Refusal:
    """Prints each check and what it came to."""
    run = chosen_run(arguments)
    if isinstance(run, Refusal):
        return run
    workspace = _workspace_of(run) or Workspace(arguments.workspace)
    session = RunningSession.find(workspace)
    if session is not None and session.run is not None and session.run.directory == run.directory:
        return Refusal(ExitCode.UNAVAILABLE, f"run {run.run_id} is still going: process {session.pid}", where=str(run.directory),
                       why="only a finished run can be proved", fix="run_agent.py stop  ends it; then verify again")
    show = _gather if arguments.json else _print
    checks = show(proof(run, workspace))
    ok = all(check.ok for check in checks)
    if arguments.json:
        print(json.dumps({"run_id": run.run_id, "ok": ok, "checks": msgspec.to_builtins(checks)}))
    else:
        failed = sum(not check.ok for check in checks)
        print(f"run {run.run_id} is proved" if ok else f"run {run.run_id} is not proved: {failed} of {len(checks)} checks failed")
    return ExitCode.OK if ok else ExitCode.DATA


def proof(run: RunPaths, workspace: Workspace) -> Iterator[Check]:
    """Every check of a finished run, in the order in which they are shown, each when it is asked for."""
    terms = read_terms(run)
    if _never_opened(run):
        yield from _of_nothing(run, terms)
        return
    try:
        session = StoredSession(run.ledger, run.run_id)
    except (LedgerDamaged, LedgerFailure) as problem:
        yield Check("ledger", False, str(problem))
        yield from (Check(name, False, "not checkable: the ledger cannot be believed") for name in LEDGER_CHECKS)
        yield _exit(run)
        yield leftovers(run.leftovers())
        yield _settings(terms, None)
        yield from _tape(run, terms, None)
        return
    try:
        yield session.chain()
        newest = _is_newest(run, workspace)
        yield session.ending(newest)
        caps = None if isinstance(terms, str) else terms.broker.account["position_max"]
        yield session.checked("invariants", lambda: session.invariants(caps))
        yield session.checked("books", session.books)
        yield session.checked("summary", lambda: session.summary(run.summary, newest))
        yield session.checked("state", lambda: session.state(workspace.state_file, newest))
        yield _exit(run)
        yield leftovers(run.leftovers())
        yield _settings(terms, session)
        yield from _tape(run, terms, session)
    finally:
        session.close()


def _never_opened(run: RunPaths) -> bool:
    """Everything says so: a ledger without a row, or none, nothing ever acknowledged in one, and a summary that knows of no row."""
    summary = read_summary(run.summary)
    if summary is None or summary.get("ledger_seq") != 0 or Witness.read(run.ledger) is not None:
        return False
    try:
        return not run.ledger.exists() or not rows_in(run.ledger)
    except (LedgerDamaged, LedgerFailure):
        return False


def _of_nothing(run: RunPaths, terms: Terms | str) -> Iterator[Check]:
    """The checks of a session that ended before its account was opened."""
    yield Check("ledger", True, f"no row is there, and {run.summary.name} knows of none: {NEVER_OPENED}")
    nothing = {name: Check(name, True, "nothing to check") for name in (*LEDGER_CHECKS, "settings", "replay")}
    yield from (nothing[name] if name != "summary" else of_no_facts(run.summary) for name in LEDGER_CHECKS)
    yield _exit(run)
    yield leftovers(run.leftovers())
    yield Check("settings", False, terms) if isinstance(terms, str) else nothing["settings"]
    tape, _, reckoned = _tape(run, terms, None)
    yield from (tape, nothing["replay"], reckoned)


def _exit(run: RunPaths) -> Check:
    """I-11. A run that nobody was left of gave no code, and its summary says who ended it."""
    summary = read_summary(run.summary) or {}
    code, ended_by = summary.get("exit_code", "nothing"), summary.get("ended_by", ENDED_IN_ORDER)
    if code is None and ended_by != ENDED_IN_ORDER:
        return Check("exit", True, f"it gave no exit code: {ended_by}")
    if isinstance(code, int) and not isinstance(code, bool) and code in set(ExitCode):
        return Check("exit", True, f"exit code {code}: {ExitCode(code).sentence}")
    return Check("exit", False, f"{run.summary.name} says {code} for an exit code")


def _settings(terms: Terms | str, session: StoredSession | None) -> Check:
    """The file that says how the account was set is the one that the ledger's first row names."""
    if isinstance(terms, str):
        return Check("settings", False, terms)
    if session is None or session.opened is None:
        return Check("settings", False, "not checkable: no ledger says what they were")
    if terms.fingerprint is None:
        return Check("settings", True, "read; the tape that was traded is not there any more, so their fingerprint cannot be made again")
    if terms.fingerprint != session.opened.fingerprint:
        return Check("settings", False, f"their fingerprint is {terms.fingerprint}, the ledger is of {session.opened.fingerprint}")
    return Check("settings", True, f"they are those that the ledger was made with: fingerprint {terms.fingerprint}")


def _tape(run: RunPaths, terms: Terms | str, session: StoredSession | None) -> tuple[Check, Check, Check]:
    """The tape from its first record to its last, and the ledger lived again on it, with shadows where the summary has an interval."""
    summary = read_summary(run.summary) or {}
    replayed, reckoned = Check("replay", False, "not checkable: it needs ledger, settings and tape"), interval(summary, None)
    link = terms.tape_link if isinstance(terms, Terms) else None
    try:
        tape = ToldTape(run.tape, link)
        market = iter(tape)
        if isinstance(terms, Terms) and session is not None and session.opened is not None:
            replayed, reckoned = _lived_again(terms, session, market, summary)
        for _ in market:
            pass  # what the ledger did not need must be whole as well
    except Untellable as problem:
        return Check("tape", False, f"not checkable: {problem}"), replayed, reckoned
    return _whole(tape), replayed, reckoned


def _lived_again(
    terms: Terms, session: StoredSession, market: Iterator[MarketFact], summary: Mapping[str, Any],
) -> tuple[Check, Check]:
    accounts: list[Account] = []

    def replayed() -> Check:
        accounts.append(_account(terms, session, summary))
        return session.replayed(accounts[0], market)

    check = session.checked("replay", replayed)
    again = accounts[0].interval() if check.ok and isinstance(accounts[0], ShadowedAccount) else None
    return check, interval(summary, again)


def _account(terms: Terms, session: StoredSession, summary: Mapping[str, Any]) -> Account:
    assert session.opened is not None, "asked for before"
    settings, fingerprint = terms.account_settings(session.opened), session.opened.fingerprint
    if summary.get("pnl_interval") is None:
        return Account(settings, fingerprint)
    return shadowed(settings, fingerprint, terms.views(summary.get("metrics") or {}))


def _whole(tape: ToldTape) -> Check:
    """A tape that says when it ended must not be cut short; one that was never ended may be, as far as the ledger needs it."""
    told = f"{tape.records} records give {tape.facts} market facts"
    if tape.tail is None:
        return Check("tape", True, told if tape.ended else f"{told}; it was never ended")
    cut = f"cut short behind line {tape.tail.after_line}"
    return Check("tape", not tape.ended, f"{told}; it is {cut}")


def _print(checks: Iterator[Check]) -> list[Check]:
    done = []
    for check in checks:
        first, *rest = check.detail.split("\n")
        print("\n".join([f"{'ok' if check.ok else 'FAILED':<7}{check.name:<11} {first}", *(f"{'':<19}{line}" for line in rest)]), flush=True)
        done.append(check)
    return done


def _gather(checks: Iterator[Check]) -> list[Check]:
    return list(checks)


def _is_newest(run: RunPaths, workspace: Workspace) -> bool:
    """Nothing that had an account ran here after it."""
    runs = [RunPaths(workspace.runs / run_id) for run_id in workspace.run_ids()]
    with_account = [each for each in runs if each.ledger.exists() or each.directory.resolve() == run.directory]
    return bool(with_account) and with_account[-1].directory.resolve() == run.directory


def _workspace_of(run: RunPaths) -> Workspace | None:
    """Of a run that lies where a session makes it."""
    runs = run.directory.parent
    return Workspace(runs.parent.parent) if (runs.name, runs.parent.name) == ("runs", ".workspace") else None
