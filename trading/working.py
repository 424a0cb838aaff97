"""Every order of a run, by id, by due time and by place in the queue. Must not know money, books or rules.

Orders are remembered for the whole run: an id once used is used. All of it is derived from the account's facts, so that
a fold of the same facts has the same orders in the same sequence.
"""

from bisect import insort
from decimal import Decimal
from heapq import heappop, heappush
from typing import NamedTuple

from trading.messages import SubmitOrder
from trading.orders import Order, OrderEvent, Refused
from trading.quantities import ZERO, signed
from trading.words import Side

__all__ = ["Due", "Orders"]


class Due(NamedTuple):
    """Something on its way to the venue; ``number`` keeps equal instants in the order they were asked for."""

    at_ns: int
    number: int
    client_order_id: str
    is_cancel: bool


class Orders:
    """``known`` holds every order, open or closed, in the order of arrival."""

    def __init__(self) -> None:
        self.known: dict[str, Order] = {}
        self._open: dict[str, Order] = {}
        self._due: list[Due] = []
        self._dues = 0
        self._accepted = 0
        self._resting: dict[tuple[str, Side], list[Order]] = {}

    # ------------------------------------------------------------------------------------------------ reading

    def open(self) -> tuple[Order, ...]:
        """On the way or at the venue, oldest first."""
        return tuple(self._open.values())

    def resting(self, symbol: str, side: Side) -> tuple[Order, ...]:
        """At the venue with something left, in price-time priority."""
        return tuple(self._resting.get((symbol, side), ()))

    def any_resting(self, symbol: str) -> bool:
        return bool(self._resting.get((symbol, Side.BUY)) or self._resting.get((symbol, Side.SELL)))

    def best_limit(self, symbol: str, side: Side) -> Decimal | None:
        """Of what rests on that side; None if nothing does."""
        queue = self._resting.get((symbol, side))
        return queue[0].limit if queue else None

    def next_due(self) -> Due | None:
        """The earliest order or cancel that has not reached the venue; finished ones are forgotten on the way."""
        while self._due and not self._is_current(self._due[0]):
            heappop(self._due)
        return self._due[0] if self._due else None

    def worst_position(self, symbol: str, side: Side, position: Decimal) -> Decimal:
        """The signed position if everything working on that side filled, and nothing on the other.

        A reduce_only order counts as far as it closes the position first: it makes room for the others to overshoot.
        """
        queue = self.resting(symbol, side)
        plain = sum((order.leaves_quantity for order in queue if not order.intent.reduce_only), ZERO)
        reducing = sum((order.leaves_quantity for order in queue if order.intent.reduce_only), ZERO)
        if side is Side.BUY:
            return max(position, min(position + reducing, ZERO)) + plain
        return min(position, max(position - reducing, ZERO)) - plain

    # ------------------------------------------------------------------------------------------------ writing

    def add_submitted(self, intent: SubmitOrder, effective_at_ns: int) -> Refused | None:
        order = Order(intent, effective_at_ns)
        refused = order.advance(OrderEvent.SUBMIT)
        if refused is None:
            self.known[order.client_order_id] = self._open[order.client_order_id] = order
            self._push(effective_at_ns, order.client_order_id, is_cancel=False)
        return refused

    def add_denied(self, intent: SubmitOrder, reason: str) -> Refused | None:
        order = self.known[intent.client_order_id] = Order(intent, 0)
        return order.advance(OrderEvent.DENY, reason)

    def ask_cancel(self, order: Order, effective_at_ns: int, reason: str) -> None:
        """Note when the cancel of an open order reaches the venue; the first one asked for counts."""
        if order.is_open and order.cancel_at_ns is None:
            order.cancel_at_ns, order.cancel_reason = effective_at_ns, reason
            self._push(effective_at_ns, order.client_order_id, is_cancel=True)

    def accept(self, order: Order) -> Refused | None:
        refused = order.advance(OrderEvent.ACCEPT)
        if refused is None:
            self._accepted += 1
            order.priority = (-signed(order.side, order.limit or ZERO), self._accepted)
            insort(self._resting.setdefault((order.symbol, order.side), []), order, key=_priority)
        return refused

    def fill(self, order: Order, quantity: Decimal, price: Decimal) -> Refused | None:
        refused = order.fill(quantity, price)
        if refused is None and not order.is_open:
            self._close(order)
        return refused

    def end(self, order: Order, event: OrderEvent, reason: str) -> Refused | None:
        """REJECT, CANCEL or EXPIRE."""
        refused = order.advance(event, reason)
        if refused is None:
            self._close(order)
        return refused

    def _close(self, order: Order) -> None:
        del self._open[order.client_order_id]
        queue = self._resting.get((order.symbol, order.side), [])
        self._resting[order.symbol, order.side] = [each for each in queue if each is not order]

    def _push(self, at_ns: int, client_order_id: str, *, is_cancel: bool) -> None:
        self._dues += 1
        heappush(self._due, Due(at_ns, self._dues, client_order_id, is_cancel))

    def _is_current(self, due: Due) -> bool:
        order = self.known[due.client_order_id]
        return order.is_open if due.is_cancel else order.is_open and not order.is_working


def _priority(order: Order) -> tuple[Decimal, int]:
    return order.priority
