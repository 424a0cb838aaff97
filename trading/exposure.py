"""What the account could come to hold: positions, and every order that may still change them.

An order counts from the moment it is approved, at its whole quantity, until the account's facts close it; so two orders
that would break a limit together cannot both pass before the first is filled. Must not know any limit.
"""

from decimal import Decimal

import msgspec

from trading.messages import (
    AccountFact,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    PositionCarried,
    SubmitOrder,
)
from trading.quantities import EXACT, ZERO
from trading.words import Side

__all__ = ["Exposure"]


class Open(msgspec.Struct, frozen=True):
    """An order that may still fill, and how much of it."""

    order: SubmitOrder
    leaves: Decimal


class Exposure:
    """Positions and open orders of one account; a fold of approvals and account facts."""

    def __init__(self) -> None:
        self._positions: dict[str, Decimal] = {}
        self._open: dict[str, Open] = {}

    def count(self, order: SubmitOrder) -> None:
        """Take the order into account; one that is open already stays as it is."""
        self._open.setdefault(order.client_order_id, Open(order, order.quantity))

    def on_fact(self, fact: AccountFact) -> None:
        """Facts must come in order, each once."""
        match fact:
            case OrderSubmitted(order=order):
                self.count(order)
            case PositionCarried():
                self._positions[fact.symbol] = fact.position
            case OrderFilled():
                self._positions[fact.symbol] = fact.position
                self._fill(fact)
            case OrderDenied(order=order):
                self._open.pop(order.client_order_id, None)
            case OrderRejected() | OrderCanceled() | OrderExpired():
                self._open.pop(fact.client_order_id, None)

    def position(self, symbol: str) -> Decimal:
        """Signed: positive long, negative short."""
        return self._positions.get(symbol, ZERO)

    def working(self, symbol: str, side: Side) -> Decimal:
        """The quantity that open orders of this side may still fill."""
        total = ZERO
        for each in self._open.values():
            if each.order.symbol == symbol and each.order.side is side:
                total = EXACT.add(total, each.leaves)
        return total

    def open_orders(self, symbol: str) -> int:
        return sum(1 for each in self._open.values() if each.order.symbol == symbol)

    def worst(self, symbol: str, side: Side) -> Decimal:
        """The signed position if everything open on that side fills and nothing on the other does."""
        working = self.working(symbol, side)
        position = self.position(symbol)
        return EXACT.add(position, working) if side is Side.BUY else EXACT.subtract(position, working)

    def _fill(self, fact: OrderFilled) -> None:
        if fact.leaves_quantity == 0:
            self._open.pop(fact.client_order_id, None)
        elif fact.client_order_id in self._open:
            self._open[fact.client_order_id] = Open(self._open[fact.client_order_id].order, fact.leaves_quantity)
