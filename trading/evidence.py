"""The receipt of what happens to an order now, put together from what the desk knows. Must not decide anything."""

from trading.book import Book
from trading.desk import Desk
from trading.market_facts import Level
from trading.matching import BOOK_TRADED
from trading.orders import Order
from trading.quantities import canonical
from trading.receipts import ImpliedTouch, Receipt

__all__ = ["receipt_of"]

NS_PER_MS = 1_000_000
NS_PER_US = 1_000


def receipt_of(
    desk: Desk, order: Order, model: str = "", level: Level | None = None, *, walked: int = 0, extrapolated: bool = False,
    trade: int | None = None,
) -> Receipt:
    """``model`` with its parameters; ``level`` is what was displayed where the order took; ``walked`` counts the levels of one walk;
    ``trade`` is the last one of the newest market fact that mattered, None for all of them."""
    symbol = order.symbol
    if not desk.keeps_evidence:
        return Receipt(level=level, levels_walked=walked, extrapolated=extrapolated)
    known = symbol in desk.markets
    book = desk.markets[symbol].reference if known else Book(symbol)
    queue = desk.matching[symbol].queues.position(order.client_order_id) if known else None
    return Receipt(
        model=model, fee_schedule=desk.fees.name, latency=(desk.entry.text, desk.response.text),
        entry_latency_us=desk.entry.ns(order.client_order_id) // NS_PER_US,
        response_latency_us=desk.response.ns(order.client_order_id) // NS_PER_US,
        book_sequence=book.sequence, book_age_ms=max(0, desk.now_ns - book.at_ns) // NS_PER_MS if book.sequence else 0,
        bid=canonical(book.bids[0][0]) if book.bids else None, ask=canonical(book.asks[0][0]) if book.asks else None,
        implied=_touch(desk, symbol) if model == BOOK_TRADED else None,
        level=None if level is None else (canonical(level[0]), canonical(level[1])), levels_walked=walked, extrapolated=extrapolated,
        queue=() if queue is None else tuple(queue.steps.kept), queue_steps_left_out=0 if queue is None else queue.steps.dropped,
        consumed_by=() if queue is None else tuple(queue.consumed_by(trade).kept),
    )


def _touch(desk: Desk, symbol: str) -> ImpliedTouch | None:
    touch = desk.markets[symbol].touch
    return None if touch is None else ImpliedTouch(touch.market_sequence, canonical(touch.bid), canonical(touch.ask))
