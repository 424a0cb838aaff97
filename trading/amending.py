"""An amendment reaches the simulated venue: refused with the field's word, or done. Told as facts, not applied.

Less quantity keeps the place in the queue; another price, or more quantity, goes to its end (and may take from the book).
"""

from collections.abc import Iterator

import msgspec

from trading.acceptance import AMENDED_RULES, LESSENED_RULES, Refusal, first_refusal, refuse
from trading.desk import Desk
from trading.execution import enter
from trading.messages import AccountFact, AmendRejected, AmendSubmitted, OrderAmended
from trading.orders import Order
from trading.quantities import canonical

__all__ = ["amend"]


def amend(desk: Desk, order: Order, request: AmendSubmitted) -> Iterator[AccountFact]:
    asked = order.intent
    changes = {name: value for name in ("quantity", "price", "trigger_price") if (value := getattr(request, name)) is not None}
    wanted = msgspec.structs.replace(order, intent=msgspec.structs.replace(asked, **changes))
    refusal = _objection(desk, order, wanted)
    if refusal is not None:
        yield AmendRejected(
            at_ns=desk.now_ns, client_order_id=order.client_order_id, command_id=request.command_id, reason=refusal.reason,
            text=refusal.text,
        )
        return
    in_book = order.rests and not order.awaits_trigger and not desk.orders.sleeps(order)
    requeued = in_book and (wanted.limit != order.limit or wanted.intent.quantity > asked.quantity)
    yield OrderAmended(
        at_ns=desk.now_ns, client_order_id=order.client_order_id, command_id=request.command_id, quantity=wanted.intent.quantity,
        leaves_quantity=canonical(wanted.leaves_quantity), price=wanted.limit, trigger_price=wanted.intent.trigger_price, requeued=requeued,
    )
    if requeued:
        yield from enter(desk, order)


def _objection(desk: Desk, order: Order, wanted: Order) -> Refusal | None:
    """An order that only asks for less of the same is amended whatever the market and the gate are like."""
    asked, quantity = order.intent, wanted.intent.quantity
    if not order.is_working:
        return refuse("not_working", "ORDER_NOT_WORKING", order, state=order.state)
    if wanted.intent.trigger_price != asked.trigger_price and asked.type.waits_for_trigger and not order.awaits_trigger:
        return refuse("already_triggered", "ORDER_ALREADY_TRIGGERED", order, trigger_price=wanted.intent.trigger_price, state=order.state)
    if not quantity.is_finite():
        return first_refusal(desk, wanted, LESSENED_RULES)
    if quantity <= order.filled_quantity:
        return refuse("below_filled", "QUANTITY_BELOW_FILLED", order, quantity=quantity, filled=order.filled_quantity)
    less_of_the_same = quantity < asked.quantity and msgspec.structs.replace(wanted.intent, quantity=asked.quantity) == asked
    return first_refusal(desk, wanted, LESSENED_RULES if less_of_the_same else AMENDED_RULES)
