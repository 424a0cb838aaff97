"""Every order of a run, by id and by due time. Who rests in which place is the queues' to know (trading/queueing.py). Must not know money,
books or rules.

Orders are remembered for the whole run: an id once used is used. All of it is derived from the account's facts, so that
a fold of the same facts has the same orders in the same sequence.
"""

from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec

from trading.messages import AmendSubmitted, OrderAmended, SubmitOrder
from trading.orders import Order, OrderEvent, Refused
from trading.quantities import ZERO
from trading.words import OrderState, Side

__all__ = ["Arrival", "Due", "Orders"]


PARENT, OCO = "parent", "oco"


class Arrival(Enum):
    """What reaches the venue."""

    ORDER = "order"
    CANCEL = "cancel"
    AMEND = "amend"


class Due(NamedTuple):
    """Something on its way to the venue; ``number`` keeps equal instants in the order they were asked for. ``amend`` is the request
    of an AMEND."""

    at_ns: int
    number: int
    client_order_id: str
    what: Arrival
    amend: AmendSubmitted | None = None


class Orders:
    """``known`` holds every order, open or closed, in the order of arrival; ``conditional`` those at the venue that are not yet orders proper.
    ``under_way`` is a heap of what is on its way to the venue, some of it of no consequence any more (``next_due`` forgets that)."""

    def __init__(self) -> None:
        self.known: dict[str, Order] = {}
        self._open: dict[str, Order] = {}
        self._working: dict[tuple[str, Side], dict[str, Order]] = {}
        self.conditional: dict[str, Order] = {}
        self._families: dict[tuple[str, str], list[str]] = {}
        self.under_way: list[Due] = []
        self._dues = 0
        self.answered_amends: set[str] = set()
        self._asked_amends: set[str] = set()

    # ------------------------------------------------------------------------------------------------ reading

    def open(self) -> tuple[Order, ...]:
        """On the way or at the venue, oldest first."""
        return tuple(self._open.values())

    def awaiting_trigger(self, symbol: str) -> tuple[Order, ...]:
        """Conditional orders that could trigger: those that do not sleep behind a parent, oldest first."""
        return tuple(each for each in self.conditional.values() if each.symbol == symbol and not self.sleeps(each))

    def sleeps(self, order: Order) -> bool:
        """Behind a parent that has no fill yet."""
        parent = self.known.get(order.intent.parent_order_id)
        return parent is not None and not parent.filled_quantity

    def watches_since(self, order: Order) -> int:
        """The market sequence behind which a conditional order watches prices."""
        parent = self.known.get(order.intent.parent_order_id)
        return max(order.accepted_sequence, order.retriggered_sequence, parent.first_filled_sequence if parent else 0)

    def children(self, order: Order) -> Iterator[Order]:
        """Open orders that wait for this one, oldest first."""
        return self._family(PARENT, order.client_order_id)

    def rivals(self, order: Order) -> Iterator[Order]:
        """The other open orders of its one-cancels-the-other group."""
        group = order.intent.oco
        return (each for each in self._family(OCO, group) if each is not order) if group else iter(())

    def winner(self, order: Order) -> Order | None:
        """The order of its one-cancels-the-other group that has filled completely, if one has."""
        group = self._families.get((OCO, order.intent.oco), ()) if order.intent.oco else ()
        return next((self.known[each] for each in group if self.known[each].state is OrderState.FILLED), None)

    def next_due(self) -> Due | None:
        """The earliest arrival that has not reached the venue; finished orders and cancels of them are forgotten on the way. An
        amendment is always answered."""
        while self.under_way and not self._is_current(self.under_way[0]):
            heappop(self.under_way)
        return self.under_way[0] if self.under_way else None

    def worst_position(self, symbol: str, side: Side, position: Decimal) -> Decimal:
        """The signed position if everything working on that side filled, and nothing on the other.

        A reduce_only order counts as far as it closes the position first: it makes room for the others to overshoot.
        """
        working = self._working.get((symbol, side), {}).values()
        plain = sum((order.leaves_quantity for order in working if not order.intent.reduce_only), ZERO)
        reducing = sum((order.leaves_quantity for order in working if order.intent.reduce_only), ZERO)
        if side is Side.BUY:
            return max(position, min(position + reducing, ZERO)) + plain
        return min(position, max(position - reducing, ZERO)) - plain

    # ------------------------------------------------------------------------------------------------ writing

    def add_submitted(self, intent: SubmitOrder, effective_at_ns: int, decision_mid: Decimal | None = None) -> Refused | None:
        order = Order(intent, effective_at_ns, decision_mid=decision_mid)
        refused = order.advance(OrderEvent.SUBMIT)
        if refused is None:
            self.known[order.client_order_id] = self._open[order.client_order_id] = order
            for bond, name in ((PARENT, intent.parent_order_id), (OCO, intent.oco)):
                if name:
                    self._families.setdefault((bond, name), []).append(order.client_order_id)
            self._push(effective_at_ns, order.client_order_id, Arrival.ORDER)
        return refused

    def add_denied(self, intent: SubmitOrder, reason: str) -> Refused | None:
        order = self.known[intent.client_order_id] = Order(intent, 0)
        return order.advance(OrderEvent.DENY, reason)

    def ask_cancel(self, order: Order, effective_at_ns: int, reason: str) -> None:
        """Note when the cancel of an open order reaches the venue; the first one asked for counts."""
        if order.is_open and order.cancel_at_ns is None:
            order.cancel_at_ns, order.cancel_reason = effective_at_ns, reason
            self._push(effective_at_ns, order.client_order_id, Arrival.CANCEL)

    def is_new_amend(self, command_id: str) -> bool:
        """Neither on record as asked for nor as refused by the gate."""
        return command_id not in self._asked_amends and command_id not in self.answered_amends

    def ask_amend(self, request: AmendSubmitted) -> None:
        self._asked_amends.add(request.command_id)
        self._push(request.effective_at_ns, request.client_order_id, Arrival.AMEND, request)

    def accept(self, order: Order, market_sequence: int) -> Refused | None:
        refused = order.advance(OrderEvent.ACCEPT)
        if refused is None:
            order.accepted_sequence = market_sequence
            self._working.setdefault((order.symbol, order.side), {})[order.client_order_id] = order
            if order.awaits_trigger:
                self.conditional[order.client_order_id] = order
        return refused

    def trigger(self, order: Order) -> Refused | None:
        self.conditional.pop(order.client_order_id, None)
        return order.advance(OrderEvent.TRIGGER)

    def amend(self, order: Order, fact: OrderAmended) -> Refused | None:
        """What it asks for from now on. Another trigger watches anew."""
        self.answered_amends.add(fact.command_id)
        refused = order.advance(OrderEvent.AMEND)
        if refused is None:
            if fact.trigger_price != order.intent.trigger_price:
                order.retriggered_sequence = fact.market_sequence
            order.intent = msgspec.structs.replace(
                order.intent, quantity=fact.quantity, price=fact.price, trigger_price=fact.trigger_price,
            )
        return refused

    def fill(self, order: Order, quantity: Decimal, price: Decimal, market_sequence: int) -> Refused | None:
        refused = order.fill(quantity, price)
        if refused is None:
            order.first_filled_sequence = order.first_filled_sequence or market_sequence
            if not order.is_open:
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
        self._working.get((order.symbol, order.side), {}).pop(order.client_order_id, None)
        self.conditional.pop(order.client_order_id, None)

    def _family(self, bond: str, name: str) -> Iterator[Order]:
        members = (self.known[each] for each in self._families.get((bond, name), ()))
        return (each for each in members if each.is_open)

    def _push(self, at_ns: int, client_order_id: str, what: Arrival, amend: AmendSubmitted | None = None) -> None:
        self._dues += 1
        heappush(self.under_way, Due(at_ns, self._dues, client_order_id, what, amend))

    def _is_current(self, due: Due) -> bool:
        order = self.known[due.client_order_id]
        if due.amend is not None:
            return due.amend.command_id not in self.answered_amends
        return order.is_open and (due.what is Arrival.CANCEL or not order.is_working)
