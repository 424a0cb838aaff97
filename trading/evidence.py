"""The receipt of what happens to an order now, put together from what the desk knows. Must not decide anything."""

from decimal import Decimal

from trading.desk import Desk
from trading.latency import Leg, text
from trading.market_facts import Level
from trading.orders import Order
from trading.quantities import canonical
from trading.queueing import QueuePosition
from trading.receipts import Consumed, QueueStep, Receipt

__all__ = ["receipt_of"]

NS_PER_MS = 1_000_000
NS_PER_US = 1_000


def receipt_of(
    desk: Desk, order: Order, model: str = "", level: Level | None = None, *, walked: int = 0, extrapolated: bool = False,
) -> Receipt:
    """``model`` with its parameters; ``level`` is what was displayed where the order took; ``walked`` counts the levels of one walk."""
    settings, symbol = desk.settings, order.symbol
    receipt: dict[str, object] = {}
    if symbol in desk.markets:
        book = desk.markets[symbol].reference
        queue = desk.matching[symbol].queues.position(order.client_order_id)
        receipt |= {
            "book_sequence": book.sequence, "book_age_ms": max(0, desk.now_ns - book.at_ns) // NS_PER_MS if book.sequence else 0,
            "bid": _canonical(book.bids[0][0] if book.bids else None), "ask": _canonical(book.asks[0][0] if book.asks else None),
        }
        if queue is not None:
            receipt |= _waited(queue)
    if level is not None:
        receipt |= {"level": (canonical(level[0]), canonical(level[1]))}
    return Receipt(
        model=model, fee_schedule=desk.fees.name, latency=(text(settings.entry_latency), text(settings.response_latency)),
        entry_latency_us=desk.latency_ns(order.client_order_id, Leg.ENTRY) // NS_PER_US,
        response_latency_us=desk.latency_ns(order.client_order_id, Leg.RESPONSE) // NS_PER_US,
        levels_walked=walked, extrapolated=extrapolated, **receipt,  # type: ignore[arg-type]
    )


def _waited(queue: QueuePosition) -> dict[str, object]:
    """What an order saw from its place in the queue."""
    steps = (QueueStep(each.market_sequence, each.at_ns, _canonical(each.ahead), each.cause) for each in queue.steps.kept)
    trades = (Consumed(each.market_sequence, canonical(each.price), canonical(each.quantity)) for each in queue.hits.kept)
    return {"queue": tuple(steps), "queue_steps_left_out": queue.steps.dropped, "consumed_by": tuple(trades)}


def _canonical(value: Decimal | None) -> Decimal | None:
    return None if value is None else canonical(value)
