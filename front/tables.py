"""The verbs that print what was recorded: pnl of a file of fills, export of a run. Must not know how anything is computed."""

import sys

from front.arguments import Arguments
from front.chosen_run import chosen_run
from front.refusal import Refusal
from supervisors.exit_codes import ExitCode

__all__ = ["explain", "export", "pnl"]


def pnl(arguments: Arguments) -> ExitCode | Refusal:
    """Prints one JSON object; a file that is wrong is named line by line on stderr."""
    from reporting.pnl_file import main

    return ExitCode(main(str(arguments.file), sys.stdout, sys.stderr))


def explain(arguments: Arguments) -> ExitCode | Refusal:
    """Prints what became of one order, from the evidence in the ledger."""
    from records.ledger import LedgerDamaged, LedgerFailure, LedgerReader
    from reporting.explanation import explain as lines_of

    run = chosen_run(arguments)
    if isinstance(run, Refusal):
        return run
    try:
        reader = LedgerReader(run.ledger)
        try:
            lines = lines_of((fact for _, fact in reader.facts()), arguments.order_id)
        finally:
            reader.close()
    except (LedgerDamaged, LedgerFailure) as problem:
        return Refusal(ExitCode.DATA, f"the ledger cannot be believed: {problem}", where=str(run.ledger))
    if lines is None:
        return Refusal(ExitCode.USAGE, f"run {run.run_id} has no order {arguments.order_id!r}", where=str(run.ledger),
                       fix=f"run_agent.py export {run.run_id} --orders  lists them")
    print("\n".join(lines))
    return ExitCode.OK


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
