"""What of a session's facts a report tells: curves, fills, refusals, ends of orders. Bounded, however long the session was.

Folds facts once, in order. Must not know HTML.
"""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import NamedTuple

from reporting.curves import Curve, Sample
from trading.messages import (
    AccountFact, EquityMarked, MarketObserved, MarketUnobserved, OrderCanceled, OrderDenied, OrderExpired, OrderFilled, OrderRejected,
    OrderSubmitted, PositionCarried, SessionClosed, SessionOpened, SubmitOrder, TradingStateChanged,
)
from trading.quantities import EXACT, ZERO
from trading.words import OrderState

__all__ = ["Chronicle", "Fill", "Outage", "Refusal"]

FILL_ROWS = 500
FILL_MARKERS = 240
REFUSAL_ROWS = 100
STATE_ROWS = 50
OUTAGE_ROWS = 100


class Fill(NamedTuple):
    """``reason`` is the one that its order was given."""

    fact: OrderFilled
    reason: str


class Refusal(NamedTuple):
    """``order`` is None when it is not on record."""

    at_ns: int
    state: OrderState
    order: SubmitOrder | None
    client_order_id: str
    reason: str
    text: str


class Outage(NamedTuple):
    """Nobody saw a market; ``lost`` is the first fact that says so, ``to_ns`` None while and if it was not seen again."""

    lost: MarketUnobserved
    to_ns: int | None


class Chronicle:
    """``start_ns`` and ``end_ns`` are of what is drawn; both 0 when nothing is. Counts are of everything, lists of the first ones;
    ``drawn`` are fills of all symbols, spread over the session."""

    def __init__(self) -> None:
        self.opened: SessionOpened | None = None
        self.start_ns = self.end_ns = 0
        self.equity = Curve()
        self.marks: dict[str, Curve] = {}
        self.positions: dict[str, Curve] = {}
        self.fills: list[Fill] = []
        self.drawn: Sample[Fill] = Sample(FILL_MARKERS)
        self.refusals: list[Refusal] = []
        self.refusal_count = 0
        self.ends: Counter[tuple[OrderState, str]] = Counter()
        self.states: list[TradingStateChanged] = []
        self.state_count = 0
        self.outages: list[Outage] = []
        self.outage_count = 0
        self._starting_equity = ZERO
        self._held: dict[str, Decimal] = {}
        self._open_orders: dict[str, SubmitOrder] = {}
        self._unseen: dict[str, int] = {}

    @classmethod
    def of(cls, facts: Iterable[AccountFact]) -> "Chronicle":
        chronicle = cls()
        with localcontext(EXACT):
            for fact in facts:
                chronicle.see(fact)
        return chronicle

    def see(self, fact: AccountFact) -> None:
        match fact:
            case SessionOpened():
                self.opened = fact
                self._start(fact.balance)
            case PositionCarried():
                self._held[fact.symbol] = fact.position
                self._start(self._starting_equity + sum((lot.quantity * (fact.mark - lot.price) for lot in fact.lots), ZERO))
            case EquityMarked():
                self._mark(fact)
            case OrderSubmitted(order=order):
                self._open_orders[order.client_order_id] = order
            case OrderFilled():
                self._fill(fact)
            case TradingStateChanged():
                self.state_count += 1
                if len(self.states) < STATE_ROWS:
                    self.states.append(fact)
            case MarketUnobserved() if fact.symbol not in self._unseen:
                self._lose(fact)
            case MarketObserved():
                self._regain(fact)
            case SessionClosed():
                self._reach(fact.at_ns)
            case _:
                self._end(fact)

    def _start(self, equity: Decimal) -> None:
        self._starting_equity = equity
        self.equity.start_from(equity)

    def _mark(self, fact: EquityMarked) -> None:
        self._reach(fact.at_ns)
        self.equity.add(fact.at_ns, fact.equity)
        for symbol, mark in fact.marks.items():
            self.marks.setdefault(symbol, Curve()).add(fact.at_ns, mark)
        for symbol in {*fact.marks, *self._held}:
            self.positions.setdefault(symbol, Curve()).add(fact.at_ns, self._held.get(symbol, ZERO))

    def _fill(self, fact: OrderFilled) -> None:
        self._reach(fact.at_ns)
        order = self._open_orders.get(fact.client_order_id) if fact.leaves_quantity else self._open_orders.pop(fact.client_order_id, None)
        fill = Fill(fact, order.reason if order else "")
        self._held[fact.symbol] = fact.position
        self.positions.setdefault(fact.symbol, Curve()).add(fact.at_ns, fact.position)
        self.drawn.add(fill)
        if len(self.fills) < FILL_ROWS:
            self.fills.append(fill)

    def _lose(self, fact: MarketUnobserved) -> None:
        """Beyond the rows that are kept an outage is only counted."""
        self._unseen[fact.symbol] = len(self.outages)
        self.outage_count += 1
        if len(self.outages) < OUTAGE_ROWS:
            self.outages.append(Outage(fact, None))

    def _regain(self, fact: MarketObserved) -> None:
        self._reach(fact.at_ns)
        place = self._unseen.pop(fact.symbol, OUTAGE_ROWS)
        if place < len(self.outages):
            self.outages[place] = self.outages[place]._replace(to_ns=fact.at_ns)

    def _end(self, fact: AccountFact) -> None:
        match fact:
            case OrderDenied(order=order):
                self._refuse(Refusal(fact.at_ns, OrderState.DENIED, order, order.client_order_id, fact.reason, fact.text))
            case OrderRejected(client_order_id=name):
                self._refuse(Refusal(fact.at_ns, OrderState.REJECTED, self._open_orders.pop(name, None), name, fact.reason, fact.text))
            case OrderCanceled(client_order_id=name):
                self._open_orders.pop(name, None)
                self.ends[OrderState.CANCELED, fact.reason] += 1
            case OrderExpired(client_order_id=name):
                self._open_orders.pop(name, None)
                self.ends[OrderState.EXPIRED, fact.reason] += 1

    def _refuse(self, refusal: Refusal) -> None:
        self.ends[refusal.state, refusal.reason] += 1
        self.refusal_count += 1
        if len(self.refusals) < REFUSAL_ROWS:
            self.refusals.append(refusal)

    def _reach(self, at_ns: int) -> None:
        self.start_ns = self.start_ns or at_ns
        self.end_ns = max(self.end_ns, at_ns)
