"""What happens to an order at the simulated venue, told as facts. Must not apply them.

Every function yields one fact at a time and expects it to be applied before it goes on, so that each decision sees what
the one before it changed.
"""

from collections.abc import Iterator
from decimal import Decimal

from trading.acceptance import refusal_of, room
from trading.book import displayed
from trading.desk import Desk
from trading.evidence import receipt_of
from trading.filling import Filling, fill
from trading.matching import TAKER_MODELS, Execution, Taking
from trading.messages import (
    AccountFact, OrderAccepted, OrderCanceled, OrderExpired, OrderRejected, OrderRested, OrderTriggered,
)
from trading.orders import Order
from trading.quantities import ZERO, canonical
from trading.queueing import share
from trading.words import Side, TimeInForce

__all__ = ["arrive", "cancel", "cancel_everything", "enter", "hit_resting", "on_offer", "taking_of", "trigger"]


def arrive(desk: Desk, order: Order) -> Iterator[AccountFact]:
    """An order reaches the venue: refused, or accepted and matched against the book of this moment.

    A conditional order waits for its trigger, a child for its parent's first fill.
    """
    refusal = refusal_of(desk, order)
    if refusal is not None:
        yield OrderRejected(
            at_ns=desk.now_ns, client_order_id=order.client_order_id, reason=refusal.reason, text=refusal.text,
            receipt=receipt_of(desk, order),
        )
        return
    yield OrderAccepted(at_ns=desk.now_ns, client_order_id=order.client_order_id)
    if not order.awaits_trigger and not desk.orders.sleeps(order):
        yield from enter(desk, order)


def enter(desk: Desk, order: Order) -> Iterator[AccountFact]:
    """An accepted order meets the book: it takes what it can, and rests or ends with what is left."""
    book = desk.markets[order.symbol].book
    if book.is_marketable(order.side, order.limit):
        if order.intent.post_only:
            yield cancel(desk, order, "post_only_would_take")
            return
        yield from _take(desk, order)
    if not order.is_open:
        return
    if order.rests:
        yield _rested(desk, order)
    else:
        receipt = receipt_of(desk, order, desk.settings.taking_text)
        yield OrderExpired(at_ns=desk.now_ns, client_order_id=order.client_order_id, reason="no_liquidity", receipt=receipt)


def hit_resting(desk: Desk, symbol: str) -> Iterator[AccountFact]:
    """Fills of resting orders that the newest market fact offers. None on an unusable book.

    One trade's volume is shared among own orders once, in price-time priority.
    """
    if not desk.markets[symbol].book.usable:
        return
    known = desk.orders.known
    offers = desk.matching[symbol].offers
    for offer in offers:
        if not any([known[name].is_open for name in offers.order_ids]):
            break
        for name, quantity in share(offer, lambda name: known[name].leaves_quantity if known[name].is_open else ZERO):
            order = known[name]
            assert order.limit is not None, "only limit orders rest"
            yield from fill(desk, order, Execution(order.limit, quantity), Filling.resting(desk.settings, offer))


def trigger(desk: Desk, symbol: str) -> Iterator[AccountFact]:
    """Conditional orders that the newest market fact sets off enter the book. None on an unusable book: the next price asks again."""
    if not desk.markets[symbol].book.usable:
        return
    for order, trigger_price, price in desk.matching[symbol].hits:
        if order.awaits_trigger:
            yield OrderTriggered(
                at_ns=desk.now_ns, client_order_id=order.client_order_id, trigger_price=canonical(trigger_price), price=canonical(price),
            )
            yield from enter(desk, order)


def cancel_everything(desk: Desk, reason: str) -> Iterator[AccountFact]:
    """Every order on its way or at the venue, oldest first."""
    for order in desk.orders.open():
        if order.is_open:  # the end of one may have ended others
            yield cancel(desk, order, reason)


def cancel(desk: Desk, order: Order, reason: str) -> OrderCanceled:
    """With the evidence of what it waited for."""
    described = str(desk.settings.making) if order.is_working and order.rests else ""
    return OrderCanceled(
        at_ns=desk.now_ns, client_order_id=order.client_order_id, reason=reason, receipt=receipt_of(desk, order, described),
    )


def on_offer(desk: Desk, order: Order) -> tuple[Execution, ...]:
    """What the session's model gives a taking order now. FOK: everything or nothing."""
    taking = taking_of(desk, order.symbol, order.side, order.leaves_quantity, order.limit)
    executions = TAKER_MODELS[desk.settings.slippage_model](taking)
    if order.intent.time_in_force is TimeInForce.FOK:
        most = min(room(desk, order), sum((each.quantity for each in executions), ZERO))
        return executions if most >= order.leaves_quantity else ()
    return executions


def taking_of(desk: Desk, symbol: str, side: Side, quantity: Decimal, limit: Decimal | None) -> Taking:
    """What any model is told of an order that takes now."""
    market = desk.markets[symbol]
    return Taking(
        desk.instruments[symbol], market.book, side, quantity, limit, desk.settings.slippage_bps,
        band=_band(desk, symbol), consumption=desk.matching[symbol].consumption, touch=market.touch,
    )


def _take(desk: Desk, order: Order) -> Iterator[AccountFact]:
    for walked, execution in enumerate(on_offer(desk, order), 1):
        if order.is_open:
            yield from fill(desk, order, execution, Filling.taking(desk.settings, execution, walked))


def _rested(desk: Desk, order: Order) -> OrderRested:
    assert order.limit is not None, "only limit orders rest"
    shown = displayed(desk.markets[order.symbol].book, order.side, order.limit)
    ahead = None if shown is None else canonical(shown)
    return OrderRested(at_ns=desk.now_ns, client_order_id=order.client_order_id, ahead=ahead)


def _band(desk: Desk, symbol: str) -> tuple[Decimal, Decimal] | None:
    """The venue's price protection: nothing is taken farther than its scope from the mark."""
    mark, scope = desk.markets[symbol].mark_price, desk.instruments[symbol].price_protect_scope
    return None if mark is None else (mark * (1 - scope), mark * (1 + scope))
