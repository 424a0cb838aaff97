"""What one order's fate means for orders that hang on it: children wake or end, rivals of a group are canceled. Must not apply it."""

from collections.abc import Iterator

from trading.desk import Desk
from trading.execution import cancel, enter
from trading.messages import AccountFact, OrderCanceled, OrderExpired, OrderFilled, OrderRejected
from trading.orders import Order
from trading.quantities import signed

__all__ = ["FOLLOWED", "aftermath"]

FOLLOWED = frozenset({OrderFilled, OrderCanceled, OrderExpired, OrderRejected})
"""Nothing follows from other facts."""


def aftermath(desk: Desk, fact: AccountFact) -> Iterator[AccountFact]:
    """The facts that follow at once from one that has just been applied."""
    match fact:
        case OrderFilled():
            yield from _filled(desk, desk.orders.known[fact.client_order_id], fact)
        case OrderCanceled() | OrderExpired() | OrderRejected():
            order = desk.orders.known[fact.client_order_id]
            children = desk.orders.children(order)
            if not order.filled_quantity:
                yield from _cancel_each(desk, children, "parent_ended")
            else:
                yield from _cancel_each(desk, (each for each in children if _is_done(desk, each)), "position_closed")


def _filled(desk: Desk, order: Order, fact: OrderFilled) -> Iterator[AccountFact]:
    """The first fill wakes the children, the last one ends the rivals; what protected a position ends with it."""
    if order.filled_quantity == fact.quantity:
        for child in tuple(desk.orders.children(order)):
            if child.is_working and not child.awaits_trigger:
                yield from enter(desk, child)
    if not order.is_open:
        yield from _cancel_each(desk, desk.orders.rivals(order), "oco")
    protecting = (each for each in desk.orders.open() if each.symbol == fact.symbol and each.intent.parent_order_id)
    yield from _cancel_each(desk, (each for each in protecting if _is_done(desk, each)), "position_closed")


def _is_done(desk: Desk, child: Order) -> bool:
    """It is awake and has nothing to reduce, nor will its parent give it anything: flat, or through zero."""
    parent = desk.orders.known.get(child.intent.parent_order_id)
    if parent is None or parent.is_open or desk.orders.sleeps(child):
        return False
    return signed(child.side, desk.ledger.position(child.symbol)) >= 0


def _cancel_each(desk: Desk, orders: Iterator[Order], reason: str) -> Iterator[AccountFact]:
    for order in tuple(orders):
        if order.is_open:
            yield cancel(desk, order, reason)
