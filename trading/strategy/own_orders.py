"""The orders and the position of one strategy in one symbol, as far as it knows them.

An order exists for it from the moment it is sent; everything after that comes from the account's facts, also the end of a
child with its parent. Must not know why an order was wished.
"""

from decimal import Decimal
from typing import Any

import msgspec

from trading.messages import (
    AccountFact, AmendRejected, OrderAmended, OrderCanceled, OrderDenied, OrderExpired, OrderFilled, OrderRejected, OrderRested,
    OrderSubmitted, OrderTriggered, PositionCarried, PositionLiquidated, SubmitOrder,
)
from trading.quantities import ZERO
from trading.strategy.protocol import Stopped, Working
from trading.strategy.targets import side_of

__all__ = ["OwnOrders"]


class OwnOrders:
    """``position`` is the account's, signed, as it was carried in or as the last fill of the symbol reported it: also
    fills of the kill switch count. ``stopped`` as in a ``View``."""

    def __init__(self, strategy_id: str, symbol: str) -> None:
        self.strategy_id = strategy_id
        self.symbol = symbol
        self.position = ZERO
        self.stopped: Stopped | None = None
        self._working: dict[str, Working] = {}
        self._closed: set[str] = set()

    @property
    def working(self) -> tuple[Working, ...]:
        """Not over yet, in the order of sending."""
        return tuple(self._working.values())

    def known(self, client_order_id: str) -> Working | None:
        """None for a stranger's, and for one that is over."""
        return self._working.get(client_order_id)

    def sent(self, order: SubmitOrder, gives_up: bool = False) -> None:
        """It is working from now on, unless its end is known already (an order made again after a restart)."""
        if order.client_order_id not in self._closed:
            self._working.setdefault(order.client_order_id, Working(order, order.quantity, gives_up=gives_up))

    def asked_to_cancel(self, client_order_id: str) -> None:
        self._note(client_order_id, canceling=True)

    def asked_to_amend(self, client_order_id: str, command_id: str) -> None:
        self._note(client_order_id, amending=command_id)

    def on_fact(self, fact: AccountFact) -> bool:
        """Take one fact in. True if it was about an order of this strategy and symbol, or about the end of its position."""
        match fact:
            case OrderSubmitted(order=order) | OrderDenied(order=order):
                if order.strategy_id != self.strategy_id or order.symbol != self.symbol:
                    return False
                self.sent(order)
                if isinstance(fact, OrderDenied):
                    self._close(order.client_order_id)
                return True
            case PositionCarried(symbol=symbol) if symbol == self.symbol:
                self.position = fact.position
            case OrderFilled(symbol=symbol):
                if symbol == self.symbol:
                    self._move(fact)
                return self._leave(fact.client_order_id, fact.leaves_quantity)
            case OrderRejected() | OrderCanceled() | OrderExpired():
                return self._leave(fact.client_order_id, ZERO)
            case PositionLiquidated(symbol=symbol) if symbol == self.symbol:
                self.stopped = Stopped(side_of(fact.position), fact.at_ns)
                return True
            case OrderRested():
                return self._note(fact.client_order_id, resting=True)
            case OrderTriggered():
                return self._note(fact.client_order_id, triggered=True)
            case OrderAmended():
                return self._amended(fact)
            case AmendRejected():
                return self._answered(fact.client_order_id, fact.command_id)
        return False

    def _move(self, fact: OrderFilled) -> None:
        """A fill of a protection, or for want of one, that leaves nothing stops the position out; one that opens or adds begins another."""
        before, after = self.position, fact.position
        filled = self._working.get(fact.client_order_id)
        self.position = after
        if after == 0:
            if before != 0 and filled is not None and (filled.protects or filled.gives_up):
                self.stopped = Stopped(side_of(before), fact.at_ns)
        elif before == 0 or (before > 0) != (after > 0) or abs(after) > abs(before):
            self.stopped = None

    def _amended(self, fact: OrderAmended) -> bool:
        """It asks for other numbers; one that lost its place in the book rests again when a fact says so."""
        known = self._working.get(fact.client_order_id)
        if known is None:
            return False
        order = msgspec.structs.replace(known.order, quantity=fact.quantity, price=fact.price, trigger_price=fact.trigger_price)
        resting = known.resting and not fact.requeued
        self._note(fact.client_order_id, order=order, leaves=fact.leaves_quantity, resting=resting)
        return self._answered(fact.client_order_id, fact.command_id)

    def _answered(self, client_order_id: str, command_id: str) -> bool:
        known = self._working.get(client_order_id)
        if known is not None and known.amending == command_id:
            self._note(client_order_id, amending="")
        return known is not None

    def _leave(self, client_order_id: str, leaves: Decimal) -> bool:
        if leaves == 0 and client_order_id in self._working:
            self._close(client_order_id)
            return True
        return self._note(client_order_id, leaves=leaves)

    def _note(self, client_order_id: str, **changes: Any) -> bool:
        """False for an order that is not working here."""
        known = self._working.get(client_order_id)
        if known is None:
            return False
        self._working[client_order_id] = msgspec.structs.replace(known, **changes)
        return True

    def _close(self, client_order_id: str) -> None:
        self._working.pop(client_order_id, None)
        self._closed.add(client_order_id)
