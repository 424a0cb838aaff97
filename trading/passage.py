"""What happens by itself as event time passes: orders and cancels arrive, funding is settled, equity is marked.

Like ``execution``, told one fact at a time, each to be applied before the next is asked for. Must not apply them.
"""

from collections.abc import Iterator

from trading.amending import amend
from trading.desk import Desk
from trading.execution import arrive, cancel
from trading.messages import AccountFact, EquityMarked, FundingPaid
from trading.quantities import canonical
from trading.working import Arrival, Due

__all__ = ["is_due", "mark_equity", "pass_time", "skip_funding"]


def is_due(desk: Desk, now_ns: int) -> bool:
    """False if ``pass_time`` up to then, inclusive, has nothing to tell."""
    under_way, funding_ns = desk.orders.under_way, desk.funding_at_ns
    return bool(under_way and under_way[0].at_ns <= now_ns) or (funding_ns is not None and funding_ns <= now_ns)


def pass_time(desk: Desk, until_ns: int, *, inclusive: bool) -> Iterator[AccountFact]:
    """What was due on the way, in order of time: funding up to ``until_ns``, arrivals before it or, inclusive, at it."""
    while True:
        due, funding_ns = desk.orders.next_due(), desk.funding_at_ns
        if funding_ns is not None and funding_ns <= until_ns and (due is None or funding_ns <= due.at_ns):
            desk.now_ns = max(desk.now_ns, funding_ns)
            yield from _settle_funding(desk, funding_ns)
        elif due is not None and (due.at_ns < until_ns or (inclusive and due.at_ns == until_ns)):
            desk.now_ns = max(desk.now_ns, due.at_ns)
            yield from _reaches_the_venue(desk, due)
        else:
            break
    desk.now_ns = max(desk.now_ns, until_ns)


def mark_equity(desk: Desk) -> Iterator[AccountFact]:
    """One point of the equity curve, valued at what is known of each market now."""
    known = {symbol: market.mark_price for symbol, market in desk.markets.items()}
    marks = {symbol: canonical(mark) for symbol, mark in known.items() if mark is not None}
    balance, unrealized_pnl = desk.ledger.balance, desk.ledger.unrealized(marks)
    yield EquityMarked(
        at_ns=desk.now_ns, balance=balance, unrealized_pnl=unrealized_pnl, equity=canonical(balance + unrealized_pnl), marks=marks,
    )


def skip_funding(desk: Desk) -> None:
    """What has passed is settled, or was nothing."""
    for market in desk.markets.values():
        while (boundary := market.funding.due_ns()) is not None and boundary <= desk.now_ns:
            market.funding.settle(boundary)
    desk.note_funding()


def _settle_funding(desk: Desk, boundary_ns: int) -> Iterator[AccountFact]:
    """A flat position has nothing to settle, and no fact."""
    for symbol, market in desk.markets.items():
        if market.funding.due_ns() != boundary_ns:
            continue
        position, rate, mark = desk.ledger.position(symbol), market.funding.rate, market.mark_price
        if position and mark is not None:
            yield FundingPaid(
                at_ns=desk.now_ns, symbol=symbol, boundary_at_ns=boundary_ns, rate=canonical(rate),
                mark=canonical(mark), position=position, amount=desk.ledger.funding_due(symbol, mark, rate),
            )
        market.funding.settle(boundary_ns)
    desk.note_funding()


def _reaches_the_venue(desk: Desk, due: Due) -> Iterator[AccountFact]:
    order = desk.orders.known[due.client_order_id]
    if due.what is Arrival.ORDER:
        yield from arrive(desk, order)
    elif due.amend is not None:
        yield from amend(desk, order, due.amend)
    else:
        yield cancel(desk, order, order.cancel_reason)
