"""What the account could come to hold: positions, and every order that may still change them.

An order counts from the moment it is approved, at its whole quantity, until the account's facts close it; so two orders
that would break a limit together cannot both pass before the first is filled. An amendment counts in the same way: until it is
answered, the larger of the two quantities. Must not know any limit.
"""

from decimal import Decimal

import msgspec

from trading.messages import (
    AccountFact, AmendOrder, AmendRejected, AmendSubmitted, OrderAmended, OrderCanceled, OrderDenied, OrderExpired, OrderFilled,
    OrderRejected, OrderSubmitted, PositionCarried, SubmitOrder,
)
from trading.quantities import EXACT, ZERO
from trading.words import Side

__all__ = ["Exposure", "Open"]


class Open(msgspec.Struct, frozen=True):
    """An order that may still fill. ``order`` is what it asks for now; ``amends`` are the quantities asked for by amendments that
    have not been answered, by their ids."""

    order: SubmitOrder
    filled: Decimal = ZERO
    amends: dict[str, Decimal] = {}

    @property
    def leaves(self) -> Decimal:
        """What may still fill, whatever becomes of its amendments."""
        return EXACT.subtract(max(self.order.quantity, *self.amends.values(), self.filled), self.filled)

    def wanted(self, request: AmendOrder) -> SubmitOrder:
        """What the order would be."""
        asked = {"quantity": request.quantity, "price": request.price, "trigger_price": request.trigger_price}
        changes = {name: value for name, value in asked.items() if value is not None}
        return msgspec.structs.replace(
            self.order, **changes, decided_at_ns=request.decided_at_ns, market_sequence=request.market_sequence,
        )


class Exposure:
    """Positions and open orders of one account; a fold of approvals and account facts.

    What only reduces never adds to a position. It may close one before another order fills, though, and so make room for that to
    overshoot (the venue counts so, too); a child that sleeps behind a parent without a fill not even that.
    """

    def __init__(self) -> None:
        self._positions: dict[str, Decimal] = {}
        self._open: dict[str, Open] = {}

    def count(self, order: SubmitOrder) -> None:
        """Take the order into account; one that is open already stays as it is."""
        self._open.setdefault(order.client_order_id, Open(order))

    def count_amend(self, request: AmendOrder | AmendSubmitted) -> None:
        """Take the amendment into account; of an order that is not open nothing can be changed."""
        known = self._open.get(request.client_order_id)
        if known is not None and request.quantity is not None:
            self._replace(known, amends={**known.amends, request.command_id: request.quantity})

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
            case AmendSubmitted():
                self.count_amend(fact)
            case OrderAmended() | AmendRejected():
                self._answer(fact)

    def position(self, symbol: str) -> Decimal:
        """Signed: positive long, negative short."""
        return self._positions.get(symbol, ZERO)

    def open_order(self, client_order_id: str) -> Open | None:
        return self._open.get(client_order_id)

    def working(self, symbol: str, side: Side, without: str = "") -> Decimal:
        """The quantity that open orders of this side may still fill and that could open something. ``without``: an order's id that
        is not counted, here and below."""
        return self._sum(symbol, side, without, reducing=False)

    def open_orders(self, symbol: str, without: str = "") -> int:
        return sum(1 for name, each in self._open.items() if each.order.symbol == symbol and name != without)

    def worst(self, symbol: str, side: Side, without: str = "") -> Decimal:
        """The signed position if everything open on that side fills and nothing on the other does."""
        working, reducing = self.working(symbol, side, without), self._sum(symbol, side, without, reducing=True)
        position = self.position(symbol)
        if side is Side.BUY:
            return EXACT.add(max(position, min(EXACT.add(position, reducing), ZERO)), working)
        return EXACT.subtract(min(position, max(EXACT.subtract(position, reducing), ZERO)), working)

    def _sum(self, symbol: str, side: Side, without: str, reducing: bool) -> Decimal:
        total = ZERO
        for name, each in self._open.items():
            order = each.order
            if order.symbol == symbol and order.side is side and name != without and order.reduce_only is reducing and not self._sleeps(order):
                total = EXACT.add(total, each.leaves)
        return total

    def _sleeps(self, order: SubmitOrder) -> bool:
        """A child, until its parent has a fill; what is not reduce_only is refused as a child, and counts until it is."""
        parent = self._open.get(order.parent_order_id)
        return order.reduce_only and parent is not None and parent.filled == 0

    def _fill(self, fact: OrderFilled) -> None:
        known = self._open.get(fact.client_order_id)
        if fact.leaves_quantity == 0:
            self._open.pop(fact.client_order_id, None)
        elif known is not None:
            self._replace(known, filled=EXACT.subtract(known.order.quantity, fact.leaves_quantity))

    def _answer(self, fact: OrderAmended | AmendRejected) -> None:
        known = self._open.get(fact.client_order_id)
        if known is None:
            return
        order, filled = known.order, known.filled
        if isinstance(fact, OrderAmended):
            order = msgspec.structs.replace(order, quantity=fact.quantity, price=fact.price, trigger_price=fact.trigger_price)
            filled = EXACT.subtract(fact.quantity, fact.leaves_quantity)
        amends = {name: each for name, each in known.amends.items() if name != fact.command_id}
        self._replace(known, order=order, filled=filled, amends=amends)

    def _replace(self, known: Open, **changes: object) -> None:
        self._open[known.order.client_order_id] = msgspec.structs.replace(known, **changes)
