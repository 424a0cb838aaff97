"""Everything that a run leaves for its reader, written from its ledger: summary first, then the tables, then the page. Decides nothing."""

from collections.abc import Mapping
from typing import Any

import msgspec

from records.atomic import write_atomically
from records.ledger import LedgerReader
from records.workspace import RunPaths
from reporting.export import write_tables
from reporting.report_page import report_page
from reporting.summary_file import Ending, RunFacts, summary_content, write_summary
from timing.clock import iso_text, wall_ns
from trading.attribution import attribute, total
from trading.summary import fold

__all__ = ["RunFacts", "write_artefacts", "write_page"]


def write_artefacts(paths: RunPaths, run: RunFacts, detail: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Write summary.json, orders.csv, fills.csv, equity.csv, unobserved.csv and report.html; the answer is what of it belongs into the log.

    ``detail`` has the fields of ``Ending`` that the supervisor knows; what else it has is ignored. Raises OSError, LedgerFailure,
    LedgerDamaged, and msgspec.ValidationError for a detail of the wrong type.
    """
    known = {"exit_code": 0, "duration_s": 0.0, "ended_at": iso_text(wall_ns()), **detail, "reason": reason}
    ending = msgspec.convert(known, Ending)
    reader = LedgerReader(paths.ledger)
    try:
        seq, head = reader.head
        session = fold(fact for number, fact in reader.facts() if number <= seq)
        attribution = total(attribute(fact for number, fact in reader.facts() if number <= seq).values())
        summary = summary_content(run, ending, session, seq, head, attribution)
        write_summary(paths.summary, summary)
        write_tables(reader, paths)
        write_page(reader, paths, summary)
    finally:
        reader.close()
    return {
        "total_trades": session.total_trades, "net_pnl_usd": session.net_pnl_usd, "fees_paid_usd": session.fees_paid_usd,
        "ledger_sequence": seq, "ledger_head": head,
    }


def write_page(reader: LedgerReader, paths: RunPaths, summary: Mapping[str, Any]) -> None:
    """report.html from the facts that the summary is the fold of. Raises OSError and what the reader raises."""
    page = report_page(summary, (fact for number, fact in reader.facts() if number <= summary["ledger_seq"]))
    write_atomically(paths.report, page.encode())
