"""What is done about protection that was refused while the order that it protects was not: asked for again, and in the end done without
the position.

The risk gate denies a child alone, or the venue rejects it: then its parent stands unprotected. The same child is wished again, a few
times, each at a later instant of the market. A position that cannot have its protection is closed, and its parent, if it still works,
withdrawn; unless another stop of it stands. A child whose trigger was passed before it was there would have closed the position: that
is closed at once. A fold of facts and instants; must not know ids or how wishes become orders.
"""

from decimal import Decimal
from typing import TypeAlias

import msgspec

from trading.messages import AccountFact, OrderAccepted, OrderCanceled, OrderDenied, OrderExpired, OrderRejected, SubmitOrder
from trading.strategy.own_orders import OwnOrders
from trading.strategy.protocol import Again, Place, View, Wishes, Withdraw, Working
from trading.strategy.targets import side_of
from trading.words import OrderType

__all__ = ["OVERTAKEN", "Unprotected"]

OVERTAKEN = ("parent_ended", "position_closed", "reduce_only_would_increase", "oco")
"""Rejections that another order's fate has caused: what this one was for is gone, and nothing was wrong with it."""
PASSED = "trigger_wrong_side"

TRIES_AGAIN = 3
CLOSES = 3
"""Attempts to close what cannot be protected: who refuses these as well refuses everything."""
PAUSE_NS = 1_000_000_000
"""Of event time, between two attempts: long enough for a gate that starts again, or for data that is late."""

Key: TypeAlias = tuple[str, OrderType, Decimal | None, Decimal | None, Decimal | None]


class Lost(msgspec.Struct, frozen=True):
    """A child that was refused: as it was first asked for, the newest reason, how often it was asked for again, and when last refused or
    asked for."""

    order: SubmitOrder
    reason: str
    at_ns: int
    tried: int = 0


class Unprotected:
    """One symbol's refused protection. ``hear`` each account fact before the own orders take it in, ``settle`` after it."""

    def __init__(self) -> None:
        self._lost: dict[Key, Lost] = {}
        self._closes = 0
        self._closed_at_ns = -PAUSE_NS

    @property
    def active(self) -> bool:
        """There is something to see to."""
        return bool(self._lost)

    def hear(self, fact: AccountFact, orders: OwnOrders, at_ns: int) -> None:
        match fact:
            case OrderDenied(order=order) if (order.strategy_id, order.symbol) == (orders.strategy_id, orders.symbol):
                self._refused(order, fact.reason, at_ns)
            case OrderRejected() if (known := orders.known(fact.client_order_id)) is not None:
                self._refused(known.order, fact.reason, at_ns)
                self._ended(known)
            case OrderAccepted() if (known := orders.known(fact.client_order_id)) is not None:
                self._lost.pop(_key(known.order), None)
            case OrderCanceled() | OrderExpired() if (known := orders.known(fact.client_order_id)) is not None:
                self._lost.pop(_key(known.order), None)
                self._ended(known)

    def settle(self, orders: OwnOrders) -> None:
        """What had a position, and no order for one, is over."""
        working = {each.order.client_order_id for each in orders.working}
        self._lost = {
            key: lost for key, lost in self._lost.items()
            if lost.order.parent_order_id in working or (orders.position != 0 and side_of(-orders.position) is lost.order.side)
        }
        if not self._lost:
            self._closes, self._closed_at_ns = 0, -PAUSE_NS

    def wishes(self, view: View) -> Wishes:
        """What to do now, if anything."""
        present = {_key(each.order) for each in view.working if each.protects}
        missing = {key: lost for key, lost in self._lost.items() if key not in present}
        for lost in missing.values():
            if lost.reason == PASSED or (lost.tried >= TRIES_AGAIN and not _stands(lost, view)):
                return self._given_up(lost, view)
        return tuple([wish for key, lost in missing.items() for wish in self._wished_again(key, lost, view.at_ns)])

    def _wished_again(self, key: Key, lost: Lost, at_ns: int) -> Wishes:
        if lost.tried >= TRIES_AGAIN:
            del self._lost[key]
        elif at_ns >= lost.at_ns + PAUSE_NS:
            self._lost[key] = msgspec.structs.replace(lost, at_ns=at_ns, tried=lost.tried + 1)
            return (Again(order=lost.order, reason=f"{lost.order.reason}; again after {lost.reason}, {lost.tried + 1} of {TRIES_AGAIN}"),)
        return ()

    def _refused(self, order: SubmitOrder, reason: str, at_ns: int) -> None:
        if not order.parent_order_id or reason in OVERTAKEN or reason == "parent_denied":
            return
        before = self._lost.get(_key(order), Lost(order, reason, at_ns))
        self._lost[_key(order)] = msgspec.structs.replace(before, reason=reason, at_ns=at_ns)

    def _ended(self, known: Working) -> None:
        """A parent that ends without a fill has nothing to protect."""
        if known.leaves == known.order.quantity:
            name = known.order.client_order_id
            self._lost = {key: lost for key, lost in self._lost.items() if lost.order.parent_order_id != name}

    def _given_up(self, lost: Lost, view: View) -> Wishes:
        """First the order that could still fill, then what it has filled."""
        reason = f"unprotected: {lost.order.type} refused, {lost.reason}"
        parent = next((each for each in view.working if each.order.client_order_id == lost.order.parent_order_id), None)
        if parent is not None:
            return () if parent.canceling else (Withdraw(client_order_id=parent.order.client_order_id, reason=reason),)
        if self._closes >= CLOSES or view.at_ns < self._closed_at_ns + PAUSE_NS or any(_leaves(each, lost) for each in view.working):
            return ()
        self._closes, self._closed_at_ns = self._closes + 1, view.at_ns
        return (Place(side=lost.order.side, quantity=abs(view.position), reason=reason, reduce_only=True, gives_up=True),)


def _key(order: SubmitOrder) -> Key:
    """Equal for a child and for the same child asked for again."""
    return order.parent_order_id, order.type, order.price, order.trigger_price, order.trailing_bps


def _stands(lost: Lost, view: View) -> bool:
    """Another order limits the loss of the same position."""
    return any(
        each.protects and not each.canceling and each.order.type.stops and each.order.side is lost.order.side for each in view.working
    )


def _leaves(working: Working, lost: Lost) -> bool:
    """An order is on its way that takes the position away."""
    return not working.protects and working.order.side is lost.order.side and working.order.type is OrderType.MARKET
