"""What a run's orders come to on other terms: the verb ``interval``, and the same for the summary when a session has ended.

Must not know how it is reckoned.
"""

from collections.abc import Callable, Mapping
from typing import Any

from front.account_terms import Terms, read_terms
from front.arguments import Arguments
from front.chosen_run import chosen_run
from front.pnl_reckoning import Unreckoned, Views, reckon
from front.refusal import Refusal
from records.ledger import LedgerDamaged, LedgerFailure
from records.logs import Logger
from records.workspace import RunPaths
from reporting.belief import interval_lines
from reporting.summary_file import exact_json, read_summary
from supervisors.exit_codes import ExitCode
from timing.clock import monotonic_ns
from trading.account_settings import AccountSettings
from trading.messages import SessionOpened

__all__ = ["interval", "interval_at_end"]

NS_PER_S = 1_000_000_000
FAILURES = (Unreckoned, LedgerDamaged, LedgerFailure)


def interval(arguments: Arguments) -> ExitCode | Refusal:
    """Prints it, also for a run whose summary has none; of a run that is still going as far as its ledger went. Exit code 0 or 65."""
    run = chosen_run(arguments)
    if isinstance(run, Refusal):
        return run
    try:
        content = reckon(run, *_basis(run, read_summary(run.summary) or {})).content()
    except FAILURES as problem:
        return Refusal(ExitCode.DATA, f"run {run.run_id} has no interval: {problem}", where=str(run.directory),
                       fix=f"run_agent.py verify {run.run_id}  says what is wrong with it")
    if arguments.json:
        print(exact_json({"run_id": run.run_id, **content}).decode())
    else:
        print("\n".join([f"run {run.run_id}: which PnL to believe", *(f"    {line}" for line in interval_lines(content))]))
    return ExitCode.OK


def interval_at_end(run: RunPaths, summary: Mapping[str, Any], within_s: float, log: Logger) -> dict[str, Any]:
    """``pnl_interval`` and ``pnl_interval_note`` of a finished run's summary."""
    ends_ns = monotonic_ns() + int(within_s * NS_PER_S)
    try:
        found = reckon(run, *_basis(run, summary), lambda: monotonic_ns() > ends_ns)
    except FAILURES as problem:
        log.info("INTERVAL_NOT_RECKONED", reason=str(problem), within_s=within_s)
        return {"pnl_interval": None, "pnl_interval_note": f"{problem}; run_agent.py interval {run.run_id}  tries again"}
    log.info("INTERVAL_RECKONED", low_usd=found.low_usd, high_usd=found.high_usd, sign_robust=found.sign_robust)
    return {"pnl_interval": found.content(), "pnl_interval_note": None}


def _basis(run: RunPaths, summary: Mapping[str, Any]) -> tuple[Callable[[SessionOpened], AccountSettings], Views]:
    """What ``reckon`` needs to know of a run. Raises Unreckoned."""
    terms = read_terms(run)
    if not isinstance(terms, Terms):
        raise Unreckoned(f"its settings cannot be read: {terms}")
    return terms.account_settings, terms.views(summary.get("metrics") or {})
