"""What must be true of every ledger, at every row. Must not know the account: nothing here uses its code.

Pure folds over facts. The profit of lots is recomputed with fractions, the slow and obvious way. The checks:

I-1 starting balance + realized - fees + funding = balance, wherever a balance is stated.
I-2 the sum of lots is the position, and realized profit is what first-in-first-out gives.
I-3, I-4, I-14: see trading/order_invariants.py.
I-5 no fill brings a position above its cap, and no order is accepted, or amended to more, whose worst case would, unless it only
    reduces; what is reduce-only never opens anything.
I-6, I-7, I-9, I-10, I-13: see trading/session_invariants.py.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction

import msgspec

from trading.invariant import Invariant
from trading.messages import (
    AccountFact, EquityMarked, FundingPaid, OrderAccepted, OrderAmended, OrderCanceled, OrderExpired, OrderFilled, OrderRejected,
    OrderSubmitted, PositionCarried, SessionOpened, SubmitOrder,
)
from trading.order_invariants import Fills, Identities, Liquidations
from trading.session_invariants import Course, Numbers, Permission, Rest, Unseen
from trading.words import Side

__all__ = ["Violation", "violations"]

FLAT = Fraction(0)


class Violation(msgspec.Struct, frozen=True):
    """``row`` counts facts from 1."""

    row: int
    check: str
    text: str


def violations(
    facts: Iterable[AccountFact], position_max: Mapping[str, Decimal] | None, *, gated: bool = False,
) -> list[Violation]:
    """Every violation in every prefix of a ledger, in one pass. Empty for a sound one. Without ``position_max`` I-5 is left out;
    I-6 and I-10 are asked where strategies and the risk gate stood before the account, and somebody to settle it (``gated``)."""
    checks: list[Invariant] = [Cash(), FifoLots(), Fills(), Identities(), Liquidations(), Course(), Numbers(), Unseen()]
    checks += [Permission(), Rest()] if gated else []
    checks += [Caps(position_max)] if position_max is not None else []
    found, row = [], 0
    for row, fact in enumerate(facts, 1):
        found += [Violation(row, check.name, text) for check in checks for text in check.see(fact)]
    return found + [Violation(row, check.name, text) for check in checks for text in check.end()]


class Cash(Invariant):
    name = "I-1"

    def __init__(self) -> None:
        self._balance = FLAT

    def see(self, fact: AccountFact) -> Iterator[str]:
        match fact:
            case SessionOpened():
                self._balance = Fraction(fact.balance)
            case OrderFilled():
                self._balance += Fraction(fact.realized_pnl) - Fraction(fact.fee)
            case FundingPaid():
                self._balance += Fraction(fact.amount)
            case EquityMarked():
                if Fraction(fact.balance) != self._balance:
                    yield f"balance {fact.balance} is stated, {float(self._balance)} follows"
                if Fraction(fact.balance) + Fraction(fact.unrealized_pnl) != Fraction(fact.equity):
                    yield f"balance {fact.balance} and unrealized {fact.unrealized_pnl} make no equity of {fact.equity}"


class FifoLots(Invariant):
    name = "I-2"

    def __init__(self) -> None:
        self._lots: dict[str, deque[tuple[Fraction, Fraction]]] = {}

    def see(self, fact: AccountFact) -> Iterator[str]:
        if isinstance(fact, PositionCarried):
            self._lots[fact.symbol] = deque((Fraction(lot.quantity), Fraction(lot.price)) for lot in fact.lots)
        elif isinstance(fact, OrderFilled):
            lots = self._lots.setdefault(fact.symbol, deque())
            change = Fraction(fact.quantity) if fact.side is Side.BUY else -Fraction(fact.quantity)
            realized = first_in_first_out(lots, change, Fraction(fact.price))
            if realized != Fraction(fact.realized_pnl):
                yield f"{fact.trade_id} realized {fact.realized_pnl}, first in first out gives {float(realized)}"
            if sum((Fraction(part.pnl) for part in fact.closed), FLAT) != realized:
                yield f"{fact.trade_id}: its closed lots do not sum to {float(realized)}"
        elif isinstance(fact, EquityMarked):
            unrealized = sum((self._value(symbol, fact.marks) for symbol, lots in self._lots.items() if lots), FLAT)
            if unrealized != Fraction(fact.unrealized_pnl):
                yield f"unrealized {fact.unrealized_pnl} is stated, the lots give {float(unrealized)}"
        if isinstance(fact, (OrderFilled, FundingPaid, PositionCarried)):
            held = sum((quantity for quantity, _ in self._lots.get(fact.symbol, ())), FLAT)
            if held != Fraction(fact.position):
                yield f"position {fact.position} of {fact.symbol} is stated, the lots hold {float(held)}"

    def _value(self, symbol: str, marks: Mapping[str, Decimal]) -> Fraction:
        mark = Fraction(marks.get(symbol, 0))
        return sum((quantity * (mark - price) for quantity, price in self._lots[symbol]), FLAT)


class Caps(Invariant):
    """Reduce-only orders are not counted: they cannot open anything."""

    name = "I-5"

    def __init__(self, position_max: Mapping[str, Decimal]) -> None:
        self._most = {symbol: Fraction(most) for symbol, most in position_max.items()}
        self._positions: dict[str, Fraction] = {}
        self._asked: dict[str, SubmitOrder] = {}
        self._working: dict[str, Fraction] = {}

    def see(self, fact: AccountFact) -> Iterator[str]:
        match fact:
            case OrderSubmitted(order=order):
                self._asked[order.client_order_id] = order
            case OrderAccepted(client_order_id=order_id) if order_id in self._asked:
                yield from self._asks_for(self._asked[order_id], Fraction(self._asked[order_id].quantity))
            case OrderAmended(client_order_id=order_id) if order_id in self._working:
                more = fact.leaves_quantity > self._working[order_id]
                found = self._asks_for(self._asked[order_id], Fraction(fact.leaves_quantity))
                yield from found if more else ()
                self._working[order_id] = Fraction(fact.leaves_quantity)
            case OrderCanceled() | OrderExpired() | OrderRejected():
                self._working.pop(fact.client_order_id, None)
            case PositionCarried():
                self._positions[fact.symbol] = Fraction(fact.position)
            case OrderFilled():
                yield from self._fill(fact)

    def _fill(self, fact: OrderFilled) -> Iterator[str]:
        if fact.client_order_id in self._working:
            self._working[fact.client_order_id] = Fraction(fact.leaves_quantity)
        before, position = self._positions.get(fact.symbol, FLAT), Fraction(fact.position)
        self._positions[fact.symbol] = position
        reduced = abs(position) < abs(before) and position * before >= 0
        if abs(position) > self._cap(fact.symbol) and not reduced:
            yield f"position {fact.position} of {fact.symbol} exceeds {float(self._cap(fact.symbol))}"
        asked = self._asked.get(fact.client_order_id)
        if asked is not None and asked.reduce_only and not reduced:
            yield f"{fact.trade_id} of a reduce-only order brings {fact.symbol} from {float(before)} to {fact.position}"

    def _asks_for(self, order: SubmitOrder, quantity: Fraction) -> Iterator[str]:
        direction = 1 if order.side is Side.BUY else -1
        position = direction * self._positions.get(order.symbol, FLAT)
        self._working[order.client_order_id] = quantity
        if order.reduce_only or quantity <= -position:
            return
        beside = (left for each, left in self._working.items() if self._adds(order, self._asked[each]))
        worst = position + sum(beside, FLAT)
        if worst > self._cap(order.symbol):
            yield f"{order.client_order_id} could bring {order.symbol} to {float(direction * worst)}"

    def _adds(self, order: SubmitOrder, other: SubmitOrder) -> bool:
        return (order.symbol, order.side) == (other.symbol, other.side) and not other.reduce_only

    def _cap(self, symbol: str) -> Fraction:
        return self._most.get(symbol, FLAT)


def first_in_first_out(lots: deque[tuple[Fraction, Fraction]], change: Fraction, price: Fraction) -> Fraction:
    """Book a signed quantity on lots of (signed quantity, price); the profit it realizes."""
    realized = FLAT
    while change and lots and (lots[0][0] > 0) != (change > 0):
        held, entry = lots.popleft()
        part = held if abs(held) <= abs(change) else -change
        realized += part * (price - entry)
        change += part
        if held != part:
            lots.appendleft((held - part, entry))
    if change:
        lots.append((change, price))
    return realized
