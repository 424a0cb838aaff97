"""The orders and the position of one strategy in one symbol, as far as it knows them.

An order exists for it from the moment it is sent; everything after that comes from the account's facts. Must not know
why an order was wished.
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
from trading.quantities import ZERO
from trading.strategy.protocol import Working

__all__ = ["OwnOrders"]


class OwnOrders:
    """``position`` is the account's, signed, as it was carried in or as the last fill of the symbol reported it: also
    fills of the kill switch count."""

    def __init__(self, strategy_id: str, symbol: str) -> None:
        self.strategy_id = strategy_id
        self.symbol = symbol
        self.position = ZERO
        self._working: dict[str, Working] = {}
        self._closed: set[str] = set()

    @property
    def working(self) -> tuple[Working, ...]:
        """Not over yet, in the order of sending."""
        return tuple(self._working.values())

    def sent(self, order: SubmitOrder) -> None:
        """It is working from now on, unless its end is known already (an order made again after a restart)."""
        if order.client_order_id not in self._closed:
            self._working.setdefault(order.client_order_id, Working(order, order.quantity))

    def asked_to_cancel(self, client_order_id: str) -> None:
        if client_order_id in self._working:
            self._working[client_order_id] = msgspec.structs.replace(self._working[client_order_id], canceling=True)

    def on_fact(self, fact: AccountFact) -> bool:
        """Take one fact in. True if it was about an order of this strategy and symbol."""
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
                    self.position = fact.position
                return self._leave(fact.client_order_id, fact.leaves_quantity)
            case OrderRejected() | OrderCanceled() | OrderExpired():
                return self._leave(fact.client_order_id, ZERO)
        return False

    def _leave(self, client_order_id: str, leaves: Decimal) -> bool:
        if client_order_id not in self._working:
            return False
        if leaves == 0:
            self._close(client_order_id)
        else:
            self._working[client_order_id] = msgspec.structs.replace(self._working[client_order_id], leaves=leaves)
        return True

    def _close(self, client_order_id: str) -> None:
        self._working.pop(client_order_id, None)
        self._closed.add(client_order_id)
