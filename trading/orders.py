"""The life of an order as one literal table, and the record that lives it. Must not know money, books or rules.

The machine is asked first: a transition it does not allow is a ``Refused`` value and changes nothing.
"""

from decimal import Decimal, localcontext
from enum import StrEnum

import msgspec

from trading.messages import SubmitOrder
from trading.quantities import MONEY, ZERO, canonical, ratio
from trading.words import OrderState, Side, TimeInForce

__all__ = ["LIFE", "OPEN", "Order", "OrderEvent", "OrderResult", "Refused", "step"]


class OrderEvent(StrEnum):
    DENY = "DENY"
    SUBMIT = "SUBMIT"
    ACCEPT = "ACCEPT"
    TRIGGER = "TRIGGER"
    REST = "REST"
    AMEND = "AMEND"
    REJECT = "REJECT"
    FILL_PART = "FILL_PART"
    FILL_REST = "FILL_REST"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"


LIFE: dict[tuple[OrderState, OrderEvent], OrderState] = {
    (OrderState.INITIALIZED, OrderEvent.DENY): OrderState.DENIED,
    (OrderState.INITIALIZED, OrderEvent.SUBMIT): OrderState.SUBMITTED,
    (OrderState.SUBMITTED, OrderEvent.ACCEPT): OrderState.ACCEPTED,
    (OrderState.SUBMITTED, OrderEvent.REJECT): OrderState.REJECTED,
    (OrderState.SUBMITTED, OrderEvent.CANCEL): OrderState.CANCELED,  # canceled while still on its way to the venue
    (OrderState.ACCEPTED, OrderEvent.FILL_PART): OrderState.PARTIALLY_FILLED,
    (OrderState.ACCEPTED, OrderEvent.FILL_REST): OrderState.FILLED,
    (OrderState.ACCEPTED, OrderEvent.TRIGGER): OrderState.TRIGGERED,
    (OrderState.ACCEPTED, OrderEvent.CANCEL): OrderState.CANCELED,
    (OrderState.ACCEPTED, OrderEvent.EXPIRE): OrderState.EXPIRED,
    (OrderState.TRIGGERED, OrderEvent.FILL_PART): OrderState.PARTIALLY_FILLED,
    (OrderState.TRIGGERED, OrderEvent.FILL_REST): OrderState.FILLED,
    (OrderState.TRIGGERED, OrderEvent.CANCEL): OrderState.CANCELED,
    (OrderState.TRIGGERED, OrderEvent.EXPIRE): OrderState.EXPIRED,
    (OrderState.PARTIALLY_FILLED, OrderEvent.FILL_PART): OrderState.PARTIALLY_FILLED,
    (OrderState.PARTIALLY_FILLED, OrderEvent.FILL_REST): OrderState.FILLED,
    (OrderState.PARTIALLY_FILLED, OrderEvent.CANCEL): OrderState.CANCELED,
    (OrderState.PARTIALLY_FILLED, OrderEvent.EXPIRE): OrderState.EXPIRED,
}

WORKING = frozenset({OrderState.ACCEPTED, OrderState.TRIGGERED, OrderState.PARTIALLY_FILLED})
OPEN = WORKING | {OrderState.SUBMITTED}
LIFE |= {(state, event): state for state in WORKING for event in (OrderEvent.REST, OrderEvent.AMEND)}


class Refused(msgspec.Struct, frozen=True):
    """The table has no such transition."""

    state: OrderState
    event: OrderEvent

    def __str__(self) -> str:
        return f"an order that is {self.state} cannot {self.event}"


class OrderResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an order, in the shape its sender is answered: ``{"status": "rejected", "reason":
    "position_limit"}``."""

    status: str
    reason: str = ""


def step(state: OrderState, event: OrderEvent) -> OrderState | Refused:
    """The state after the event, or the refusal."""
    return LIFE.get((state, event)) or Refused(state, event)


class Order(msgspec.Struct):
    """One order as the account knows it; ``intent`` is what it asks for now, amendments included. ``ended_reason`` says why it was
    denied, rejected, canceled or expired.

    ``accepted_sequence``, ``first_filled_sequence`` and ``retriggered_sequence`` (its trigger was amended last) are the market
    sequences of the rows that say so.
    """

    intent: SubmitOrder
    effective_at_ns: int
    state: OrderState = OrderState.INITIALIZED
    filled_quantity: Decimal = ZERO
    filled_value: Decimal = ZERO
    ended_reason: str = ""
    cancel_at_ns: int | None = None
    cancel_reason: str = ""
    accepted_sequence: int = 0
    first_filled_sequence: int = 0
    retriggered_sequence: int = 0
    decision_mid: Decimal | None = None
    client_order_id: str = ""
    symbol: str = ""
    side: Side = Side.BUY

    def __post_init__(self) -> None:
        """What no amendment changes."""
        intent = self.intent
        self.client_order_id, self.symbol, self.side = intent.client_order_id, intent.symbol, intent.side

    @property
    def limit(self) -> Decimal | None:
        return self.intent.price

    @property
    def leaves_quantity(self) -> Decimal:
        """Canonical: what is still to be filled."""
        return canonical(self.intent.quantity - self.filled_quantity) if self.filled_quantity else self.intent.quantity

    @property
    def average_price(self) -> Decimal:
        """Zero before the first fill."""
        return ratio(self.filled_value, self.filled_quantity)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_working(self) -> bool:
        """At the venue: accepted and not finished."""
        return self.state in WORKING

    @property
    def rests(self) -> bool:
        """True if what cannot be taken at once waits in the book."""
        return self.intent.type.has_limit and self.intent.time_in_force is TimeInForce.GTC

    @property
    def awaits_trigger(self) -> bool:
        """Accepted, and not yet an order proper."""
        return self.state is OrderState.ACCEPTED and self.intent.type.waits_for_trigger

    @property
    def result(self) -> OrderResult:
        """A denial is a rejection to whoever asked; the state tells who refused."""
        state = OrderState.REJECTED if self.state is OrderState.DENIED else self.state
        return OrderResult(state.value.lower(), self.ended_reason)

    def advance(self, event: OrderEvent, reason: str = "") -> Refused | None:
        """Move on, or say why not."""
        state = step(self.state, event)
        if isinstance(state, Refused):
            return state
        self.state = state
        self.ended_reason = reason
        return None

    def fill(self, quantity: Decimal, price: Decimal) -> Refused | None:
        """Book an execution on the order, or say why not."""
        event = OrderEvent.FILL_REST if quantity == self.leaves_quantity else OrderEvent.FILL_PART
        refused = self.advance(event)
        if refused is None:
            with localcontext(MONEY):
                self.filled_quantity = canonical(self.filled_quantity + quantity)
                self.filled_value = canonical(self.filled_value + quantity * price)
        return refused
