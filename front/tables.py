"""The verbs that print what was recorded: pnl of a file of fills, export of a run. Must not know how anything is computed."""

import sys

from front.arguments import Arguments
from front.refusal import Refusal
from supervisors.exit_codes import ExitCode

__all__ = ["export", "pnl"]


def pnl(arguments: Arguments) -> ExitCode | Refusal:
    """Prints one JSON object; a file that is wrong is named line by line on stderr."""
    from reporting.pnl_file import main

    return ExitCode(main(str(arguments.file), sys.stdout, sys.stderr))


def export(arguments: Arguments) -> ExitCode | Refusal:
    """Prints a run's events or one of its tables, from its ledger."""
    from records.ledger import LedgerDamaged, LedgerFailure
    from records.workspace import RunNotFound, Workspace
    from reporting.export import export as print_export

    run = Workspace(arguments.workspace).find(arguments.run)
    if isinstance(run, RunNotFound):
        known = ", ".join(run.known[-3:]) or "none yet"
        return Refusal(ExitCode.USAGE, f"there is no run {run.asked!r}", where=str(Workspace(arguments.workspace).runs.absolute()),
                       why=f"newest runs: {known}", fix="give a run id, the path of a run, or  latest")
    try:
        print_export(run.ledger, arguments.table, sys.stdout)
    except LedgerDamaged as problem:
        return Refusal(ExitCode.DATA, f"the ledger is damaged: {problem}", where=str(run.ledger), fix="keep the file; do not repair it by hand")
    except LedgerFailure as problem:
        return Refusal(ExitCode.DATA, f"the ledger cannot be read: {problem}", where=str(run.ledger))
    return ExitCode.OK
