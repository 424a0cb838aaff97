"""The paper account that the last run left, for a session that goes on with it (``run --resume``). Must not start anything.

The last run is the newest one whose account was ever opened, and its ledger alone is believed. One that was cut short is closed
first, in that ledger, at the last moment it knows: what still worked is canceled and said so. Then it gets the summary that it could
not write itself.
"""

from collections.abc import Iterable
from contextlib import closing
from itertools import takewhile

from front.account_terms import read_terms
from front.late_summary import RESUMED, complete
from front.refusal import Refusal
from front.told_tape import ToldTape, Untellable
from records.ledger import Ledger, LedgerDamaged, LedgerFailure
from records.logs import Logger
from records.workspace import RunPaths, Workspace
from supervisors.exit_codes import ExitCode
from trading.account import Account, ImpossibleFact
from trading.carry import Carried, carried_from
from trading.messages import CancelAll, PassOver
from trading.quantities import plain

__all__ = ["carried"]


def carried(workspace: Workspace, this_run_id: str, symbol: str, log: Logger) -> Carried | None | Refusal:
    """Balance and positions to start with; None when no run here has an account: then it begins afresh. Needs the workspace's lock.

    Refused: a ledger that cannot be believed or written, a disk that takes no summary of it, an account without money, positions in
    what is not traded now.
    """
    for run in _newest_first(workspace, this_run_id):
        try:
            found = _left_by(run, workspace, log)
        except (LedgerDamaged, ImpossibleFact) as problem:
            return Refusal(ExitCode.DATA, f"the account of run {run.run_id} cannot be believed: {problem}", where=str(run.ledger),
                           fix=f"run_agent.py verify {run.run_id}  says more; without --resume a fresh account is used")
        except LedgerFailure as problem:
            return Refusal(ExitCode.BUSY, f"the account of run {run.run_id} cannot be taken over: {problem}", where=str(run.ledger),
                           why="another process may still be closing it", fix="start again in a few seconds")
        except OSError as problem:
            return Refusal(ExitCode.IO_ERROR, f"what run {run.run_id} could not leave cannot be written: {problem}", where=str(run.directory),
                           why="its ledger is closed and whole", fix="make room, then start again")
        if found is not None:
            return _usable(found, run, symbol)
    log.warning("NOTHING_TO_RESUME", where=str(workspace.runs))
    return None


def _newest_first(workspace: Workspace, this_run_id: str) -> Iterable[RunPaths]:
    runs = [RunPaths(workspace.runs / run_id) for run_id in reversed(workspace.run_ids()) if run_id != this_run_id]
    return [run for run in runs if run.ledger.exists() and run.config_resolved.exists()]


def _left_by(run: RunPaths, workspace: Workspace, log: Logger) -> Carried | None:
    """None when its account was never opened. Raises LedgerDamaged, LedgerFailure, ImpossibleFact, OSError."""
    ledger = Ledger.open(run.ledger, create=True)  # one whose creation was cut short becomes an empty one
    try:
        if ledger.head[0] == 0:
            return None
        account = Account.folded(fact for _, fact in ledger.facts())
        if account.desk.in_session:
            _close(ledger, account, run, log)
        log.info("RESUMED", from_run=run.run_id, balance=plain(account.desk.ledger.balance), ledger_sequence=ledger.head[0],
                 positions={symbol: plain(held.quantity) for symbol, held in account.desk.ledger.open_holdings()})
    finally:
        ledger.close()
    complete(workspace, run, account, log)
    return carried_from(account)


def _close(ledger: Ledger, account: Account, run: RunPaths, log: Logger) -> None:
    known = account.market_sequence
    heard = _look_at_market(account, known, run, log)
    open_orders = [order.client_order_id for order in account.desk.orders.open()]
    now_ns = account.desk.now_ns
    unheard = account.on(PassOver(first=1, last=known), now_ns) if heard < known else ()
    ledger.append([*unheard, *account.on(CancelAll(reason=RESUMED), now_ns), *account.close(now_ns, RESUMED)])
    log.warning("RESUMED_SESSION_CLOSED", run=run.run_id, ledger_sequence=ledger.head[0])
    if open_orders:
        log.warning("RESUMED_ORDERS_CANCELED", run=run.run_id, client_order_ids=open_orders)


def _look_at_market(account: Account, known: int, run: RunPaths, log: Logger) -> int:
    """As far as the account knew it: its last mark of the equity is then the one that its market gives. How far the tape goes of that."""
    terms = read_terms(run)
    link = None if isinstance(terms, str) or not terms.continuous else terms.link
    heard = 0
    try:
        with closing(ToldTape(run.tape, link)) as tape:
            for fact in takewhile(lambda fact: fact.sequence <= known, tape):
                account.observe(fact, fact.at_ns)
                heard = fact.sequence
    except Untellable as problem:
        log.warning("RESUMED_WITHOUT_TAPE", run=run.run_id, reason=str(problem))
    return heard


def _usable(found: Carried, run: RunPaths, symbol: str) -> Carried | Refusal:
    others = [each.symbol for each in found.positions if each.symbol != symbol]
    if others:
        return Refusal(ExitCode.USAGE, f"the account of run {run.run_id} holds {', '.join(others)}, this session trades {symbol}",
                       why="a position that nobody watches cannot be carried", fix=f"--symbol {others[0]}, or leave --resume away")
    if found.balance <= 0:
        return Refusal(ExitCode.USAGE, f"the account of run {run.run_id} has no money left: {plain(found.balance)}",
                       fix="leave --resume away: a fresh account is used")
    return found
