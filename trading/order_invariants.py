"""What must be true of the life of every order, at every row. Must not know the account: nothing here uses its code.

I-3 a fill belongs to one order that is accepted, triggered if it has a trigger, and whose parent has a fill if it has a parent; all
    its fills together never exceed its quantity as last amended; no trade id comes twice.
I-4 an order id is submitted or denied once, and accepted at most once.
I-14 the venue takes a position away only whole and as it is, with no order of its symbol left, closes it at no worse than the
    bankruptcy price, and no more is lost by that than the position's margin, fees included.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from trading.invariant import Invariant
from trading.messages import (
    AccountFact, OrderAccepted, OrderAmended, OrderCanceled, OrderDenied, OrderExpired, OrderFilled, OrderRejected, OrderSubmitted,
    OrderTriggered, PositionCarried, PositionLiquidated, SubmitOrder,
)
from trading.words import Side

__all__ = ["LIQUIDATOR", "Fills", "Identities", "Liquidations"]

FLAT = Fraction(0)
LIQUIDATOR = "venue"
"""The ``strategy_id`` of orders that liquidate."""


class Fills(Invariant):
    name = "I-3"

    def __init__(self) -> None:
        self._left: dict[str, Fraction] = {}
        self._filled: dict[str, Fraction] = {}
        self._asked: dict[str, SubmitOrder] = {}
        self._waiting: set[str] = set()
        self._trades: set[str] = set()

    def see(self, fact: AccountFact) -> Iterator[str]:
        match fact:
            case OrderSubmitted(order=order):
                self._asked[order.client_order_id] = order
            case OrderAccepted(client_order_id=order_id) if order_id in self._asked:
                self._left[order_id] = Fraction(self._asked[order_id].quantity)
                if self._asked[order_id].type.waits_for_trigger:
                    self._waiting.add(order_id)
            case OrderAccepted(client_order_id=order_id):
                yield f"{order_id} was accepted and never submitted"
            case OrderTriggered(client_order_id=order_id):
                if order_id not in self._waiting:
                    yield f"{order_id} is triggered, which awaits no trigger"
                self._waiting.discard(order_id)
            case OrderAmended():
                yield from self._amend(fact)
            case OrderCanceled() | OrderExpired() | OrderRejected():
                self._left.pop(fact.client_order_id, None)
                self._waiting.discard(fact.client_order_id)
            case OrderFilled():
                yield from self._fill(fact)

    def _amend(self, fact: OrderAmended) -> Iterator[str]:
        order_id, left = fact.client_order_id, Fraction(fact.leaves_quantity)
        if order_id not in self._left:
            yield f"{order_id} is amended, which is not working"
            return
        self._left[order_id] = left
        if left <= 0 or self._filled.get(order_id, FLAT) + left != Fraction(fact.quantity):
            yield f"{order_id} is amended to {fact.quantity}, {fact.leaves_quantity} of it are stated to be left"

    def _fill(self, fact: OrderFilled) -> Iterator[str]:
        order_id = fact.client_order_id
        if fact.trade_id in self._trades:
            yield f"{fact.trade_id} comes twice"
        self._trades.add(fact.trade_id)
        left = self._left.get(order_id)
        if left is None:
            yield f"{fact.trade_id} fills {order_id}, which is not working"
            return
        asked = self._asked[order_id]
        if (asked.symbol, asked.side) != (fact.symbol, fact.side):
            yield f"{fact.trade_id} is {fact.side} {fact.symbol}, its order {asked.side} {asked.symbol}"
        if order_id in self._waiting:
            yield f"{fact.trade_id} fills {order_id}, which awaits its trigger"
        if asked.parent_order_id and asked.parent_order_id not in self._filled:
            yield f"{fact.trade_id} fills {order_id}, whose parent {asked.parent_order_id} has no fill"
        left -= Fraction(fact.quantity)
        self._left[order_id] = left
        self._filled[order_id] = self._filled.get(order_id, FLAT) + Fraction(fact.quantity)
        if fact.quantity <= 0 or left < 0 or left != Fraction(fact.leaves_quantity):
            yield f"{fact.trade_id} of {fact.quantity} leaves {float(left)}, {fact.leaves_quantity} is stated"
        if left <= 0:
            del self._left[order_id]


class Identities(Invariant):
    name = "I-4"

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._accepted: set[str] = set()

    def see(self, fact: AccountFact) -> Iterator[str]:
        match fact:
            case OrderSubmitted(order=order) | OrderDenied(order=order):
                if order.client_order_id in self._used:
                    yield f"{order.client_order_id} is used a second time"
                self._used.add(order.client_order_id)
            case OrderAccepted(client_order_id=order_id):
                if order_id in self._accepted:
                    yield f"{order_id} is accepted a second time"
                self._accepted.add(order_id)


class Liquidations(Invariant):
    name = "I-14"

    def __init__(self) -> None:
        self._positions: dict[str, Decimal] = {}
        self._open: dict[str, SubmitOrder] = {}
        self._taken: dict[str, PositionLiquidated] = {}
        self._lost: dict[str, Fraction] = {}

    def see(self, fact: AccountFact) -> Iterator[str]:
        match fact:
            case PositionCarried():
                self._positions[fact.symbol] = fact.position
            case PositionLiquidated():
                yield from self._liquidate(fact)
            case OrderSubmitted(order=order):
                yield from self._submitted(order)
                self._open[order.client_order_id] = order
            case OrderCanceled() | OrderExpired() | OrderRejected():
                self._open.pop(fact.client_order_id, None)
            case OrderFilled():
                yield from self._fill(fact)

    def _liquidate(self, fact: PositionLiquidated) -> Iterator[str]:
        held = self._positions.get(fact.symbol, Decimal(0))
        reached = fact.mark <= fact.liquidation_price if fact.position > 0 else fact.mark >= fact.liquidation_price
        if fact.position != held or not fact.position or not reached:
            yield f"{fact.position} of {fact.symbol} is taken away at a mark of {fact.mark}, {held} is held"
        self._taken[fact.symbol] = fact
        self._lost[fact.symbol] = Fraction(fact.cost)

    def _submitted(self, order: SubmitOrder) -> Iterator[str]:
        if order.strategy_id != LIQUIDATOR:
            return
        if order.symbol not in self._taken:
            yield f"{order.client_order_id} liquidates {order.symbol}, which nothing took away"
        left = [each.client_order_id for each in self._open.values() if each.symbol == order.symbol]
        if left:
            yield f"{order.client_order_id} liquidates {order.symbol} with {', '.join(left)} still open"

    def _fill(self, fact: OrderFilled) -> Iterator[str]:
        self._positions[fact.symbol] = fact.position
        order = self._open.pop(fact.client_order_id, None) if not fact.leaves_quantity else self._open.get(fact.client_order_id)
        taken = self._taken.get(fact.symbol)
        if order is None or order.strategy_id != LIQUIDATOR or taken is None:
            return
        if fact.price > taken.bankruptcy_price if fact.side is Side.BUY else fact.price < taken.bankruptcy_price:
            yield f"{fact.trade_id} closes at {fact.price}, beyond the bankruptcy price {taken.bankruptcy_price}"
        change = Fraction(fact.quantity) if fact.side is Side.BUY else -Fraction(fact.quantity)
        self._lost[fact.symbol] += change * Fraction(fact.price) + Fraction(fact.fee)
        if not fact.leaves_quantity:
            del self._taken[fact.symbol]
            lost = self._lost.pop(fact.symbol)
            if lost > Fraction(taken.margin):
                yield f"{fact.trade_id} is the last of a liquidation that lost {float(lost)}, the margin was {taken.margin}"
            if fact.position:
                yield f"{fact.trade_id} is the last of a liquidation, {fact.position} of {fact.symbol} is left"
