"""The verbs that print what was recorded: pnl of a file of fills, export of a run. Must not know how anything is computed."""

import sys

from front.arguments import Arguments
from front.chosen_run import chosen_run
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
    from reporting.export import export as print_export

    run = chosen_run(arguments)
    if isinstance(run, Refusal):
        return run
    try:
        print_export(run.ledger, arguments.table, sys.stdout)
    except LedgerDamaged as problem:
        return Refusal(ExitCode.DATA, f"the ledger is damaged: {problem}", where=str(run.ledger), fix="keep the file; do not repair it by hand")
    except LedgerFailure as problem:
        return Refusal(ExitCode.DATA, f"the ledger cannot be read: {problem}", where=str(run.ledger))
    return ExitCode.OK
