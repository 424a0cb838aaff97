"""The proof that a ledger follows from what the market said and what was asked: the session lived again, row by row. Pure.

A fresh account is told the market facts of the tape and, at the place where the ledger shows them, the commands that the ledger
records. Every fact that comes out must be the ledger's next row. Facts that are equal have equal canonical bytes, since a number
has one form there. Must not know files.

Where a row belongs follows from the row: its ``market_sequence`` is the last market fact that the account had taken in, so the
market is told up to there. A row of a later instant than the account's own was due before the next market fact, which brings it
about. What is left was asked for from outside, and the row says what. Market facts that the account went on without are on the tape
all the same: the row that says so makes the account here pass them over as well.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from trading.account import Account
from trading.closing_out import CLOSER
from trading.market_facts import Message
from trading.messages import (
    AccountFact, AmendOrder, AmendRejected, AmendSubmitted, CancelAll, CancelOrder, CancelSubmitted, CloseAll, DenyAmend, DenyOrder,
    MarketFact, MarketUnobserved, OrderCanceled, OrderDenied, OrderSubmitted, PassOver, PositionCarried, ReportProgress, SessionClosed,
    SessionOpened, StrategyProgressed, SubmitOrder, TradingStateChanged,
)

__all__ = ["Difference", "replay"]


class Difference(msgspec.Struct, frozen=True):
    """The first place where the two part. ``row`` counts the ledger's facts from 1; None where one of them has nothing to say."""

    row: int
    recorded: AccountFact | None
    replayed: AccountFact | None
    why: str


def replay(
    account: Account, market: Iterable[MarketFact], ledger: Iterable[AccountFact], last_market_sequence: int,
) -> Difference | None:
    """The first difference between ``ledger`` and what ``account`` (fresh, with the session's settings and fingerprint) does; None
    if there is none. Both inputs are streamed. ``last_market_sequence`` is that of the ledger's last row.

    Market facts behind the ledger's end are not taken: what would have followed from them nobody recorded.
    """
    return _Replay(account, iter(market), _Rows(ledger), last_market_sequence).run()


class _Rows:
    """The ledger, with a look ahead."""

    def __init__(self, facts: Iterable[AccountFact]) -> None:
        self.number = 0
        self._facts = iter(facts)
        self._ahead: deque[AccountFact] = deque()

    def peek(self, ahead: int = 0) -> AccountFact | None:
        """The next row, or one of those behind it; None behind the last."""
        while len(self._ahead) <= ahead and (fact := next(self._facts, None)) is not None:
            self._ahead.append(fact)
        return self._ahead[ahead] if ahead < len(self._ahead) else None

    def take(self) -> None:
        self._ahead.popleft()
        self.number += 1


class _Replay:
    def __init__(self, account: Account, market: Iterator[MarketFact], rows: _Rows, last_market_sequence: int) -> None:
        self._account = account
        self._market = market
        self._rows = rows
        self._last = last_market_sequence
        self._commands: dict[type[AccountFact], Callable[[Any], Message]] = {
            TradingStateChanged: lambda row: row, OrderSubmitted: self._submission, CancelSubmitted: self._cancel,
            OrderDenied: lambda row: DenyOrder(order=row.order, reason=row.reason, text=row.text),
            OrderCanceled: lambda row: CancelAll(reason=row.reason), StrategyProgressed: self._progress,
            AmendSubmitted: self._amend, AmendRejected: self._amend_denied,
            MarketUnobserved: lambda row: PassOver(first=row.first_missing, last=row.last_missing),
        }

    def run(self) -> Difference | None:
        while (row := self._rows.peek()) is not None:
            found = self._step(row)
            if found is not None:
                return found
        return None

    def _step(self, row: AccountFact) -> Difference | None:
        """Do what the next row says must have happened, and compare everything that follows from it."""
        account, desk = self._account, self._account.desk
        if isinstance(row, SessionOpened):
            return self._gives_rows(account.open(row.at_ns, self._carried()))
        heard = desk.market_sequence
        if row.market_sequence < heard or row.at_ns < desk.now_ns:
            return self._difference(f"by then the account had heard the market up to {heard}")
        if row.market_sequence == heard and row.at_ns == desk.now_ns:
            return self._gives_rows(self._asked(row))
        if row.market_sequence == heard == self._last:
            # A session that ended before the next market fact: any message lets time pass, and facts ask for nothing.
            return self._gives_rows(account.on(row, row.at_ns))
        return self._told_next(row)

    def _told_next(self, row: AccountFact) -> Difference | None:
        """Up to the row's market fact, or to the first that brings something about."""
        account, desk = self._account, self._account.desk
        for fact in self._market:
            replayed = account.on(fact, fact.at_ns)
            if replayed:
                return self._agrees(replayed)
            if desk.market_sequence >= row.market_sequence:
                return None
        needed = max(row.market_sequence, desk.market_sequence + 1)
        return self._difference(f"the tape ends at market fact {desk.market_sequence}, the ledger knows {needed}")

    def _asked(self, row: AccountFact) -> tuple[AccountFact, ...]:
        """What the command behind this row gives; nothing if no command can be behind it."""
        end = self._rows.peek(1)
        if isinstance(end, SessionClosed):  # the mark of the equity that comes before it is part of closing
            return self._account.close(row.at_ns, end.reason)
        command = self._commands.get(type(row))
        return () if command is None else self._account.on(command(row), row.at_ns)

    def _submission(self, row: OrderSubmitted) -> SubmitOrder | CloseAll:
        return CloseAll(reason=row.order.reason) if row.order.strategy_id == CLOSER else row.order

    def _cancel(self, row: CancelSubmitted) -> CancelOrder:
        """When it was decided is not on record, but when it takes effect is; a late one was decided any time too early."""
        return CancelOrder(
            command_id=row.command_id, client_order_id=row.client_order_id, reason=row.reason, decided_at_ns=self._decided(row),
        )

    def _amend(self, row: AmendSubmitted) -> AmendOrder:
        return AmendOrder(
            command_id=row.command_id, client_order_id=row.client_order_id, quantity=row.quantity, price=row.price,
            trigger_price=row.trigger_price, reason=row.reason, decided_at_ns=self._decided(row),
        )

    def _amend_denied(self, row: AmendRejected) -> DenyAmend:
        return DenyAmend(command_id=row.command_id, client_order_id=row.client_order_id, reason=row.reason, text=row.text)

    def _decided(self, row: CancelSubmitted | AmendSubmitted) -> int:
        """What waited for its order's own arrival was decided no later than it was recorded."""
        desk = self._account.desk
        decided_ns = row.effective_at_ns - desk.entry.ns(row.command_id) - int(row.late)
        order = desk.orders.known.get(row.client_order_id)
        waited = order is not None and row.effective_at_ns == order.effective_at_ns
        return min(decided_ns, row.at_ns) if waited else decided_ns

    def _progress(self, row: StrategyProgressed) -> ReportProgress:
        return ReportProgress(
            command_id="", strategy_id=row.strategy_id, bars=row.bars, warmup_bars=row.warmup_bars,
            warmup_complete=row.warmup_complete, at_ns=row.at_ns,
        )

    def _carried(self) -> tuple[PositionCarried, ...]:
        carried: list[PositionCarried] = []
        while isinstance(row := self._rows.peek(len(carried) + 1), PositionCarried):
            carried.append(row)
        return tuple(carried)

    def _gives_rows(self, replayed: tuple[AccountFact, ...]) -> Difference | None:
        """Like ``_agrees``, for what must have given at least the next row."""
        return self._agrees(replayed) if replayed else self._difference("nothing in the market or in the ledger brings it about")

    def _agrees(self, replayed: tuple[AccountFact, ...]) -> Difference | None:
        for fact in replayed:
            if self._rows.peek() != fact:
                return self._difference("the rows differ" if self._rows.peek() else "the ledger ends too early", fact)
            self._rows.take()
        return None

    def _difference(self, why: str, replayed: AccountFact | None = None) -> Difference:
        return Difference(self._rows.number + 1, self._rows.peek(), replayed, why)
