"""paper/state.json before a session: a damaged one is kept aside and written anew from the ledger it is a projection of.

Must not know what the account is for.
"""

from records.ledger import LedgerDamaged, LedgerFailure, LedgerReader
from records.logs import Logger
from records.state import Damaged, load_state, paper_state, save_state, set_aside
from records.workspace import RunPaths, Workspace
from trading.account import Account, ImpossibleFact

__all__ = ["mend_paper_state"]


def mend_paper_state(workspace: Workspace, this_run_id: str, log: Logger) -> None:
    """Does nothing for a state that is sound or not there; says what it did otherwise. Raises OSError."""
    found = load_state(workspace.state_file)
    if not isinstance(found, Damaged):
        return
    for run_id in reversed(workspace.run_ids()):
        if run_id != this_run_id and _rebuilt(workspace, workspace.run(run_id), found.reason, log):
            return
    aside = set_aside(workspace.state_file)
    log.warning("PAPER_STATE_DAMAGED", reason=found.reason, kept_aside=str(aside), rebuilt_from="nothing: no run here has a sound ledger")


def _rebuilt(workspace: Workspace, run: RunPaths, reason: str, log: Logger) -> bool:
    """From this run's ledger; False when it has none that can be believed."""
    if not run.ledger.exists():
        return False
    try:
        reader = LedgerReader(run.ledger)
        try:
            (seq, head), facts = reader.head, [fact for _, fact in reader.facts()]
        finally:
            reader.close()
        state = Account.folded(facts).state()
    except (LedgerDamaged, LedgerFailure, ImpossibleFact, ValueError) as problem:
        log.warning("LEDGER_NOT_USED", run=run.run_id, reason=str(problem))
        return False
    aside = save_state(workspace.state_file, paper_state(state, run.run_id, seq, head))
    log.warning("PAPER_STATE_DAMAGED", reason=reason, kept_aside=str(aside), rebuilt_from=run.run_id, ledger_sequence=seq)
    return True
