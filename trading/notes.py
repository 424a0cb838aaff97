"""What the account only takes down: refusals of the risk gate, the strategy's progress, the gate's state. Told as facts, not applied."""

from collections.abc import Iterator

import msgspec

from trading.acceptance import LATCHED
from trading.desk import Desk
from trading.messages import (
    AccountFact, AmendRejected, DenyAmend, DenyOrder, OrderDenied, ReportProgress, StrategyProgressed, TradingStateChanged,
)
from trading.progress import Progress
from trading.quantities import canonical_numbers
from trading.words import TradingState

__all__ = ["note_denial", "note_denied_amend", "note_progress", "note_trading_state"]


def note_denial(desk: Desk, denial: DenyOrder) -> Iterator[AccountFact]:
    if denial.order.client_order_id not in desk.orders.known:
        order = canonical_numbers(denial.order)
        yield OrderDenied(at_ns=desk.now_ns, order=order, reason=denial.reason, text=denial.text)


def note_denied_amend(desk: Desk, denial: DenyAmend) -> Iterator[AccountFact]:
    if denial.client_order_id in desk.orders.known and desk.orders.is_new_amend(denial.command_id):
        yield AmendRejected(at_ns=desk.now_ns, **msgspec.structs.asdict(denial))


def note_progress(desk: Desk, report: ReportProgress) -> Iterator[AccountFact]:
    progress = Progress(report.bars, report.warmup_bars, report.warmup_complete)
    if progress != desk.progress.get(report.strategy_id):
        yield StrategyProgressed(
            at_ns=desk.now_ns, strategy_id=report.strategy_id, bars=report.bars, warmup_bars=report.warmup_bars,
            warmup_complete=report.warmup_complete,
        )


def note_trading_state(desk: Desk, told: TradingStateChanged) -> Iterator[AccountFact]:
    """HALTED and KILLED are latched: from there only KILLED follows."""
    now = desk.trading_state
    if told.state is not now and (now not in LATCHED or told.state is TradingState.KILLED):
        yield TradingStateChanged(at_ns=desk.now_ns, state=told.state, reason=told.reason)
