"""What must be true of the course of a session, at every row. Must not know the account: nothing here uses its code.

I-6 no order is accepted before its strategy's warm-up is on record, while halted or killed, or when it was decided while
    trading was paused. An order decided before a pause may still be on its way; flattening and liquidation are always allowed.
I-7 the session opens once, in the first row, and nothing follows its end; event time and market never run backwards;
    positions are carried in only at the opening.
I-9 nothing comes out that did not go in: never more orders accepted, ended or filled than were submitted.
I-10 nothing is open when the session has ended: no order on its way or at the venue (what a run's directory must not hold any more is
    looked at by reporting/verification.py).
I-13 nothing fills while nobody sees the market, but what flattens, and that says that its price is not of a living book.
"""

from collections.abc import Iterator
from typing import NamedTuple

from trading.invariant import Invariant
from trading.messages import (
    AccountFact, MarketObserved, MarketUnobserved, OrderAccepted, OrderCanceled, OrderDenied, OrderExpired, OrderFilled, OrderRejected,
    OrderSubmitted, PositionCarried, SessionClosed, SessionOpened, StrategyProgressed, TradingStateChanged,
)
from trading.words import TradingState

__all__ = ["Course", "Numbers", "Permission", "Rest", "Unseen"]

CLOSERS = ("account", "venue")
"""The ``strategy_id`` of orders that only flatten, and of those that liquidate."""

LATCHED = (TradingState.HALTED, TradingState.KILLED)


class Asked(NamedTuple):
    """What is remembered of a submitted order until it is accepted or over."""

    strategy_id: str
    decided_at_ns: int
    warm: bool


class Permission(Invariant):
    """An order that is on record before the row that ends a pause may have been decided on the news that ended it: only a
    decision between the two rows' instants counts."""

    name = "I-6"

    def __init__(self) -> None:
        self._state = TradingState.STARTING
        self._since_ns = 0
        self._warm: set[str] = set()
        self._asked: dict[str, Asked] = {}
        self._in_pause: dict[str, int] = {}

    def see(self, fact: AccountFact) -> Iterator[str]:
        match fact:
            case TradingStateChanged():
                yield from self._pause_ends(fact.at_ns)
                self._state, self._since_ns = fact.state, fact.at_ns
            case StrategyProgressed(warmup_complete=True):
                self._warm.add(fact.strategy_id)
            case OrderSubmitted(order=order) if order.strategy_id not in CLOSERS:
                warm = order.strategy_id in self._warm
                self._asked[order.client_order_id] = Asked(order.strategy_id, order.decided_at_ns, warm)
            case OrderAccepted():
                yield from self._accepted(fact.client_order_id)
            case OrderRejected() | OrderCanceled():
                self._asked.pop(fact.client_order_id, None)

    def end(self) -> Iterator[str]:
        yield from self._pause_ends(None)

    def _accepted(self, order_id: str) -> Iterator[str]:
        asked = self._asked.pop(order_id, None)
        if asked is None:
            return
        if not asked.warm:
            yield f"{order_id} is accepted, and the warm-up of {asked.strategy_id} was not over when it was submitted"
        if self._state in LATCHED:
            yield f"{order_id} is accepted while {self._state}"
        if self._state is TradingState.PAUSED and asked.decided_at_ns > self._since_ns:
            self._in_pause[order_id] = asked.decided_at_ns

    def _pause_ends(self, at_ns: int | None) -> Iterator[str]:
        for order_id, decided_at_ns in self._in_pause.items():
            if at_ns is None or decided_at_ns < at_ns:
                yield f"{order_id} is accepted, decided while PAUSED"
        self._in_pause.clear()


class Course(Invariant):
    name = "I-7"

    def __init__(self) -> None:
        self._rows = 0
        self._at_ns = 0
        self._market_sequence = 0
        self._opening = False
        self._closed = False

    def see(self, fact: AccountFact) -> Iterator[str]:
        kind = type(fact).__name__
        self._rows += 1
        opens = isinstance(fact, SessionOpened)
        if opens != (self._rows == 1):
            yield f"{kind} in row {self._rows}: a session is opened by its first row and by no other"
        if isinstance(fact, PositionCarried) and not self._opening:
            yield f"a position in {fact.symbol} is carried into a session that is under way"
        self._opening = opens or isinstance(fact, PositionCarried)
        if self._closed:
            yield f"{kind} follows the end of the session"
        self._closed = self._closed or isinstance(fact, SessionClosed)
        if fact.at_ns < self._at_ns:
            yield f"{kind} at {fact.at_ns} comes behind a row at {self._at_ns}"
        if fact.market_sequence < self._market_sequence:
            yield f"{kind} knows the market up to {fact.market_sequence}, a row before it up to {self._market_sequence}"
        self._at_ns = max(self._at_ns, fact.at_ns)
        self._market_sequence = max(self._market_sequence, fact.market_sequence)


class Numbers(Invariant):
    name = "I-9"

    def __init__(self) -> None:
        self._submitted = self._accepted = self._over = self._filled = 0

    def see(self, fact: AccountFact) -> Iterator[str]:
        match fact:
            case OrderSubmitted():
                self._submitted += 1
                return
            case OrderAccepted():
                self._accepted += 1
                if self._accepted > self._submitted:
                    yield f"{self._accepted} orders are accepted, {self._submitted} were submitted"
            case OrderFilled(leaves_quantity=leaves) if leaves == 0:
                self._filled += 1
                self._over += 1
            case OrderRejected() | OrderCanceled() | OrderExpired():
                self._over += 1
            case OrderDenied():
                return
        if self._over > self._submitted or self._filled > self._accepted:
            yield f"{self._over} orders are over ({self._filled} filled) of {self._submitted} submitted and {self._accepted} accepted"


class Rest(Invariant):
    name = "I-10"

    def __init__(self) -> None:
        self._open: set[str] = set()

    def see(self, fact: AccountFact) -> Iterator[str]:
        match fact:
            case OrderSubmitted(order=order):
                self._open.add(order.client_order_id)
            case OrderRejected() | OrderCanceled() | OrderExpired():
                self._open.discard(fact.client_order_id)
            case OrderFilled(leaves_quantity=leaves) if leaves == 0:
                self._open.discard(fact.client_order_id)
            case SessionClosed():
                for order_id in sorted(self._open):
                    yield f"{order_id} is still open when the session ends"


class Unseen(Invariant):
    name = "I-13"

    def __init__(self) -> None:
        self._unseen: set[str] = set()

    def see(self, fact: AccountFact) -> Iterator[str]:
        match fact:
            case MarketUnobserved():
                self._unseen.add(fact.symbol)
            case MarketObserved():
                self._unseen.discard(fact.symbol)
            case OrderFilled(stale_reference=False) if fact.symbol in self._unseen:
                yield f"{fact.trade_id} fills {fact.symbol}, whose market nobody sees"
