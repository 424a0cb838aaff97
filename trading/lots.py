"""The lots of one position: first in, first out, both directions, through zero. Must not know symbols, cash or orders.

Everything is exact: profits are products and sums, and a fee is never divided. A fill's fee goes whole to the first
part of a lot that the fill closes; a fill that only opens leaves its fee with its lot, for the first part of it that is
closed. Callers compute inside ``decimal.localcontext(MONEY)``.
"""

from collections import deque
from decimal import Decimal
from typing import NamedTuple

import msgspec

from trading.messages import ClosedLot
from trading.quantities import ZERO, canonical, ratio

__all__ = ["AverageCost", "Lot", "Lots"]


class Lot(msgspec.Struct):
    """``quantity`` is signed, positive long; ``fee`` is what has not been charged to a closed part yet."""

    quantity: Decimal
    price: Decimal
    fee: Decimal


class Plan(NamedTuple):
    """What a fill would do: the parts it closes, and the lot that it opens with what is left (quantity zero: none)."""

    closed: tuple[ClosedLot, ...]
    opened: Lot


class Lots:
    """Open lots, oldest first; all of one sign."""

    def __init__(self) -> None:
        self.open: deque[Lot] = deque()
        self.quantity = ZERO
        self.cost = ZERO
        self._planned: tuple[Decimal, Decimal, Decimal, Plan] | None = None

    def plan(self, quantity: Decimal, price: Decimal, fee: Decimal) -> Plan:
        """What a fill of this signed quantity would do; changes nothing. Who plans a fill books it next: so the last plan is kept."""
        if self._planned is None or self._planned[:3] != (quantity, price, fee):
            self._planned = quantity, price, fee, self._plan(quantity, price, fee)
        return self._planned[3]

    def _plan(self, quantity: Decimal, price: Decimal, fee: Decimal) -> Plan:
        closed: list[ClosedLot] = []
        for lot in self.open:
            if quantity == 0 or _same_sign(quantity, lot.quantity):
                break
            part = _smaller(lot.quantity, quantity)
            pnl = (price - lot.price) * part
            closed.append(ClosedLot(*map(canonical, (part, lot.price, price, pnl, lot.fee + fee))))
            fee = ZERO
            quantity += part
        return Plan(tuple(closed), Lot(canonical(quantity), canonical(price), canonical(fee)))

    def fill(self, quantity: Decimal, price: Decimal, fee: Decimal) -> tuple[ClosedLot, ...]:
        """Book a fill; the parts of lots it closed, oldest first."""
        plan = self.plan(quantity, price, fee)
        self._planned = None
        for part in plan.closed:
            self._close(part)
        if plan.opened.quantity:
            self.open.append(plan.opened)
            self.cost += plan.opened.quantity * plan.opened.price
        self.quantity = canonical(self.quantity + quantity)
        return plan.closed

    def carry(self, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        """Put an open lot behind the others, as it was in an earlier session."""
        self._planned = None
        self.open.append(Lot(quantity, price, fee))
        self.cost += quantity * price
        self.quantity = canonical(self.quantity + quantity)

    def unrealized(self, price: Decimal) -> Decimal:
        """What closing everything at this price would realize, before fees."""
        return self.quantity * price - self.cost

    def _close(self, part: ClosedLot) -> None:
        oldest = self.open[0]
        self.cost -= part.quantity * part.entry
        if oldest.quantity == part.quantity:
            self.open.popleft()
        else:
            oldest.quantity = canonical(oldest.quantity - part.quantity)
            oldest.fee = ZERO


class AverageCost(msgspec.Struct):
    """The same fills at average cost. Realized plus unrealized equals that of the lots at every price, to the last
    unit.

    The cost of a part that closes is rounded to 12 places, and what is left keeps exactly the rest: the rounding moves
    between realized and unrealized, and is never lost.
    """

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO

    @property
    def price(self) -> Decimal:
        """Zero when flat."""
        return ratio(self.cost, self.quantity)

    def fill(self, quantity: Decimal, price: Decimal) -> None:
        if self.quantity and not _same_sign(quantity, self.quantity):
            part = _smaller(self.quantity, quantity)
            removed = self.cost if part == self.quantity else ratio(self.cost * part, self.quantity)
            self.realized_pnl += part * price - removed
            self.cost -= removed
            self.quantity -= part
            quantity += part
        self.quantity += quantity
        self.cost += quantity * price

    def unrealized(self, price: Decimal) -> Decimal:
        return self.quantity * price - self.cost


def _same_sign(one: Decimal, other: Decimal) -> bool:
    return (one > 0) == (other > 0)


def _smaller(held: Decimal, incoming: Decimal) -> Decimal:
    """How much of ``held`` an opposite fill takes away, signed like ``held``."""
    return held if abs(held) <= abs(incoming) else -incoming
