"""What every session keeps, whatever a test did to it: asked of each place when its test is over. Reads what is left, and the log.

- every ledger: all invariants at every row, also those that ask for a gate and somebody who settles (I-1 to I-7, I-9, I-10, I-13)
- a run that ended in order is proved by ``verify``: summary and state are what the ledger gives (I-8), the tape gives the ledger
- I-10: after sessions that ended by themselves no process, no lock, no socket and no half-written file is left
- I-11: every exit code is one of the table
- I-12: 20 s after the last fault there is trading again, or a latched state with a reason, or the session is ending

Must not know what a test was about. A process that was killed from outside promises nothing but its ledger.
"""

from collections.abc import Iterator
from decimal import Decimal

from front.verify import proof
from records.workspace import RunPaths
from reporting.summary_file import read_summary
from reporting.verification import StoredSession
from supervisors.exit_codes import ExitCode
from tests.system.driver import Place, Session, at_s

__all__ = ["broken_promises"]

POSITION_MAX = {"BTCUSDT": Decimal("0.1")}
BACK_WITHIN_S = 20.0
IN_ORDER = (ExitCode.OK, ExitCode.UNAVAILABLE, ExitCode.SOFTWARE, ExitCode.KILLED)

FAULTS = frozenset({"CHILD_DIED", "CHILD_HUNG", "FEED_CLOSED", "ORDER_BOOK_STALE", "STREAM_STALE"})
ENDINGS = frozenset({"SESSION_DRAINING", "KILL_RECEIVED", "SESSION_GIVEN_UP"})
SETTLED_STATES = ("ACTIVE", "REDUCING", "HALTED", "KILLED")


def broken_promises(place: Place) -> list[str]:
    """Each in words; empty as it should be. Fails by itself where something is left (I-10): the last helpers need a moment to go."""
    ended = [session.process.poll() for session in place.sessions]
    found = [f"I-11: a session ended with {code}" for code in ended if code is not None and code >= 0 and code not in set(ExitCode)]
    for run_id in place.workspace.run_ids():
        found += _of_run(place, RunPaths(place.workspace.runs / run_id))
    for session, code in zip(place.sessions, ended, strict=True):
        if code is not None and code >= 0:
            found += _liveliness(session)
    if all(code is not None and code >= 0 for code in ended):
        place.assert_nothing_left()
    return found


def _of_run(place: Place, run: RunPaths) -> Iterator[str]:
    if not run.ledger.exists() or not run.ledger.stat().st_size:
        return
    session = StoredSession(run.ledger, run.run_id)
    try:
        checks = [session.invariants(POSITION_MAX)] if session.seq else []
        summary = read_summary(run.summary)
        if session.closed is not None and summary is not None and summary["exit_code"] in IN_ORDER:
            checks = list(proof(run, place.workspace))
    finally:
        session.close()
    yield from (f"run {run.run_id}: {check.name}: {check.detail}" for check in checks if not check.ok)


def _liveliness(session: Session) -> Iterator[str]:
    """By what the log says of the trading state at the moment at which everything should be well again."""
    events = session.events
    faults = [event for event in events if event["event"] in FAULTS]
    if not faults or at_s(events[-1]) < at_s(faults[-1]) + BACK_WITHIN_S:
        return
    due_s = at_s(faults[-1]) + BACK_WITHIN_S
    before = [event for event in events if at_s(event) <= due_s]
    states = [event["fields"] for event in before if event["event"] == "TRADING_STATE"]
    ending = any(event["event"] in ENDINGS for event in before)
    last = states[-1] if states else {"state": "STARTING", "reason": ""}
    if not ending and (last["state"] not in SETTLED_STATES or (last["state"] != "ACTIVE" and not last["reason"])):
        yield f"I-12: {BACK_WITHIN_S:g} s after {faults[-1]['event']} the state is {last}"
