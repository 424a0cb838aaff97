"""How much of the market's past an account still needs, to be what it was. Must not know where the past is kept."""

from collections.abc import Iterator

from trading.desk import Desk
from trading.orders import Order

__all__ = ["needed_from"]


def needed_from(desk: Desk) -> int:
    """The first market sequence that still matters to what rests, to trailing stops and to what own orders took of the book; the next
    one to come if nothing does."""
    return min((desk.market_sequence, *_remembered_since(desk))) + 1


def _remembered_since(desk: Desk) -> Iterator[int]:
    for order in desk.orders.open():
        since = _since(desk, order)
        if since is not None:
            yield since
    for state in desk.matching.values():
        yield from state.consumption.remembered_since(desk.now_ns)


def _since(desk: Desk, order: Order) -> int | None:
    queue = desk.matching[order.symbol].queues.position(order.client_order_id) if order.symbol in desk.matching else None
    if queue is not None:
        return queue.since
    trails = order.awaits_trigger and order.intent.trailing_bps is not None and not desk.orders.sleeps(order)
    return desk.orders.watches_since(order) if trails else None
