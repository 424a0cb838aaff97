"""What a run should have left and could not: summary, tables, page and state of a run whose processes all died, from its ledger.

What the ledger and the tape do not say stays unsaid: exit code, restarts, measurements. Must not know how books are closed.
"""

from contextlib import closing
from typing import Any

from front.account_terms import Terms, read_terms
from records.ledger import LedgerReader
from records.logs import Logger
from records.state import PaperState, load_state, paper_state, save_state
from records.tape import TapeDamaged, TapeReader
from records.workspace import RunPaths, Workspace
from reporting.artefacts import RunFacts, write_artefacts
from reporting.summary_file import KILLED_WHOLE, read_summary
from timing.clock import iso_text
from trading.account import Account
from trading.messages import OrderCanceled, SessionClosed, SessionOpened

__all__ = ["RESUMED", "complete"]

RESUMED = "resumed"
"""The reason of everything that the next session does in a ledger to close it."""

UNKNOWN = "unknown"
NS_PER_S = 1_000_000_000


def complete(workspace: Workspace, run: RunPaths, account: Account, log: Logger) -> None:
    """Write what is missing or is not of the ledger's last row; ``account`` is the fold of the ledger, whose session is closed.

    Raises OSError, LedgerFailure and LedgerDamaged.
    """
    reader = LedgerReader(run.ledger)
    try:
        seq, head = reader.head
        facts = [fact for _, fact in reader.facts() if isinstance(fact, SessionOpened | OrderCanceled | SessionClosed)]
    finally:
        reader.close()
    state = load_state(workspace.state_file)
    if not isinstance(state, PaperState) or (state.run_id, state.ledger_head) != (run.run_id, head):
        save_state(workspace.state_file, paper_state(account.state(), run.run_id, seq, head))
        log.info("STATE_PERSISTED", path=str(workspace.state_file), ledger_sequence=seq, ledger_head=head)
    found = read_summary(run.summary)
    if found is not None and found.get("ledger_head") == head:
        return
    terms, opened, closed = read_terms(run), facts[0], facts[-1]
    if isinstance(terms, str):
        log.warning("SUMMARY_NOT_WRITTEN", run=run.run_id, reason=terms)
        return
    assert isinstance(opened, SessionOpened) and isinstance(closed, SessionClosed), "a closed session begins and ends"
    canceled = [fact.client_order_id for fact in facts if isinstance(fact, OrderCanceled) and fact.reason == RESUMED]
    reason = KILLED_WHOLE if closed.reason == RESUMED else closed.reason
    started_ns, ended_ns = _heard(run)
    detail: dict[str, Any] = {
        "exit_code": None, "ended_by": reason, "canceled_later": canceled, "ended_at": _instant(ended_ns),
        "duration_s": round((ended_ns - started_ns) / NS_PER_S, 3),
    }
    write_artefacts(run, _run_facts(terms, opened, started_ns), detail, reason)
    log.warning("SUMMARY_WRITTEN_LATE", run=run.run_id, reason=reason, canceled=canceled)


def _run_facts(terms: Terms, opened: SessionOpened, started_ns: int) -> RunFacts:
    """``terms`` may not know the tape that was traded any more; the ledger knows the fingerprint."""
    told = terms.run
    return RunFacts(
        run_id=told.run_id, venue=told.venue, symbols=told.symbols, strategy=told.strategy, seed=told.seed, fingerprint=opened.fingerprint,
        started_at=_instant(started_ns), planned_duration_s=told.planned_duration_s, warmup_s=told.warmup_s,
    )


def _heard(run: RunPaths) -> tuple[int, int]:
    """From when to when the run's tape says that it was recording, in wall time; zeros when it says nothing."""
    started_ns = last_ns = 0
    try:
        with closing(TapeReader(run.tape)) as tape:
            started_ns = last_ns = tape.header.started_ns
            for record in tape:
                last_ns = max(last_ns, record.at_ns)
    except (OSError, TapeDamaged):
        return started_ns, last_ns  # as far as it can be read
    return started_ns, last_ns


def _instant(wall_ns: int) -> str:
    return iso_text(wall_ns) if wall_ns else UNKNOWN
