"""After the root loop: the summary is there and true, the exit code is final. Must not know how a session ends.

The reporter writes the summary; where it could not (it died, or the session never came that far), it is written here, from the
same ledger by the same code.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from front.interval import interval_at_end
from front.warmup import long_enough
from records.ledger import LedgerDamaged, LedgerFailure, LedgerReader
from records.logs import Logger
from records.workspace import RunPaths
from reporting.artefacts import write_artefacts, write_page
from reporting.summary_file import Ending, RunFacts, outcome_sentence, read_summary, summary_content, write_summary
from supervisors.exit_codes import ExitCode
from supervisors.outcome import Outcome
from timing.clock import iso_text, wall_ns
from trading.strategy.protocol import StrategySettings
from trading.summary import fold

__all__ = ["Closing"]

NO_HEAD = "0" * 64
PLANNED_ENDS = ("duration", "tape_ended")
PLANNED_END_S, ASKED_END_S = 5.0, 1.5
"""So long may the PnL interval take at the end that was planned, and when somebody who waits asked for it. A kill does not wait at all."""


class Closing(msgspec.Struct, frozen=True):
    """``summary`` is what summary.json now says."""

    exit_code: ExitCode
    summary: Mapping[str, Any]

    @classmethod
    def of(cls, outcome: Outcome, run: RunFacts, strategy: StrategySettings, paths: RunPaths, log: Logger) -> "Closing":
        """Raises OSError when the disk refuses the summary."""
        code, reason = ExitCode(outcome.exit_code), outcome.reason
        found = read_summary(paths.summary)
        summary: Mapping[str, Any] = _written_late(outcome, run, paths, log) if found is None else found
        if code is ExitCode.OK and _missed_its_warmup(outcome, summary, strategy):
            code = ExitCode.UNAVAILABLE
            reason = f"the warm-up was never completed: {summary['bars']} of {strategy.warmup_bars} bars"
            log.error("WARMUP_NEVER_COMPLETED", bars=summary["bars"], warmup_bars=strategy.warmup_bars)
        final: dict[str, Any] = {"exit_code": int(code), "reason": reason, "outcome": outcome_sentence(reason, code)}
        if code is not ExitCode.KILLED and summary["ledger_seq"]:
            within_s = PLANNED_END_S if outcome.reason in PLANNED_ENDS else ASKED_END_S
            final |= interval_at_end(paths, summary, within_s, log)
        if any(summary.get(key) != value for key, value in final.items()):
            summary = {**summary, **final}
            write_summary(paths.summary, summary)
            _page_again(paths, summary, log)
        return cls(code, summary)


def _page_again(paths: RunPaths, summary: Mapping[str, Any], log: Logger) -> None:
    """report.html says what summary.json says now."""
    try:
        reader = LedgerReader(paths.ledger)
        try:
            write_page(reader, paths, summary)
        finally:
            reader.close()
    except (LedgerFailure, LedgerDamaged) as problem:
        log.warning("REPORT_WITHOUT_LEDGER", reason=str(problem))


def _missed_its_warmup(outcome: Outcome, summary: Mapping[str, Any], strategy: StrategySettings) -> bool:
    ran_out = outcome.reason == "duration" and long_enough(outcome.facts.get("duration_s", 0.0), strategy)
    return ran_out and not summary["warmup_complete"]


def _written_late(outcome: Outcome, run: RunFacts, paths: RunPaths, log: Logger) -> Mapping[str, Any]:
    log.warning("SUMMARY_WRITTEN_LATE", reason=outcome.reason)
    detail = {**outcome.facts, "exit_code": outcome.exit_code}
    try:
        write_artefacts(paths, run, detail, outcome.reason)
    except (LedgerFailure, LedgerDamaged) as problem:
        # without a ledger, or with one that cannot be believed, nothing is known to have been traded
        log.warning("SUMMARY_WITHOUT_LEDGER", reason=str(problem))
        known = {key: value for key, value in detail.items() if key in Ending.__struct_fields__}
        ending = msgspec.convert({"duration_s": 0.0, **known, "reason": outcome.reason, "ended_at": iso_text(wall_ns())}, Ending)
        write_summary(paths.summary, summary_content(run, ending, fold(()), 0, NO_HEAD))
    summary = read_summary(paths.summary)
    assert summary is not None, "it was just written"
    return summary
