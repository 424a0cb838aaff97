"""What happens to an order at the simulated venue, told as facts. Must not apply them.

Every function yields one fact at a time and expects it to be applied before it goes on, so that each decision sees what
the one before it changed. What an order may still fill is asked anew for every execution (``acceptance.room``).
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from trading.acceptance import refusal_of, room
from trading.desk import Desk
from trading.matching import TAKER_MODELS, TRADED, Execution, Taking, fixed_price, reaches, trades_of
from trading.messages import (
    AccountFact, BookChanged, OrderAccepted, OrderCanceled, OrderExpired, OrderFilled, OrderRejected, OrderSubmitted,
    SubmitOrder, TradesPrinted,
)
from trading.orders import Order
from trading.quantities import ZERO, bps_between, canonical, signed
from trading.words import Liquidity, OrderType, Side, TimeInForce

__all__ = ["arrive", "cancel_everything", "flatten", "hit_resting"]

CLOSER = "account"
"""The ``strategy_id`` of orders that only flatten."""


def arrive(desk: Desk, order: Order) -> Iterator[AccountFact]:
    """An order reaches the venue: refused, or accepted and matched against the book of this moment."""
    refusal = refusal_of(desk, order)
    if refusal is not None:
        yield OrderRejected(
            at_ns=desk.now_ns, client_order_id=order.client_order_id, reason=refusal.reason, text=refusal.text,
        )
        return
    yield OrderAccepted(at_ns=desk.now_ns, client_order_id=order.client_order_id)
    book = desk.markets[order.symbol].book
    if book.is_marketable(order.side, order.limit):
        yield from _take(desk, order, _on_offer(desk, order))
    if order.is_open and not order.rests:
        yield OrderExpired(at_ns=desk.now_ns, client_order_id=order.client_order_id, reason="no_liquidity")


def hit_resting(desk: Desk, fact: TradesPrinted | BookChanged) -> Iterator[AccountFact]:
    """Fills of resting orders that a trade reaches, or that a new window crosses. None on an unusable book."""
    if not desk.markets[fact.symbol].book.usable:
        return
    best_buy, best_sell = (desk.orders.best_limit(fact.symbol, side) for side in (Side.BUY, Side.SELL))
    for trade in trades_of(fact, best_buy, best_sell):
        resting = desk.orders.resting(fact.symbol, trade.aggressor.opposite)
        for order, quantity in reaches(trade, resting):
            assert order.limit is not None, "only limit orders rest"
            yield from _fill(desk, order, Execution(order.limit, quantity), Liquidity.MAKER, TRADED)


def cancel_everything(desk: Desk, reason: str) -> Iterator[AccountFact]:
    """Every order on its way or at the venue, oldest first."""
    for order in desk.orders.open():
        yield OrderCanceled(at_ns=desk.now_ns, client_order_id=order.client_order_id, reason=reason)


def flatten(desk: Desk, reason: str) -> Iterator[AccountFact]:
    """Close every position at once, without the venue's rules; ``reason`` goes with the orders.

    On a usable book the session's model sets the prices. What it cannot give, and everything where there is no such
    book, fills at the ``fixed`` model's price around the last known mid: a flatten leaves nothing open.
    """
    for symbol, holding in desk.ledger.open_holdings():
        order_id = _closing_id(desk, symbol)
        intent = _closing_order(order_id, symbol, holding.quantity, reason, desk.now_ns)
        yield OrderSubmitted(at_ns=desk.now_ns, order=intent, effective_at_ns=desk.now_ns)
        yield OrderAccepted(at_ns=desk.now_ns, client_order_id=order_id)
        order, live = desk.orders.known[order_id], desk.markets[symbol].book.usable
        if live:
            for execution in _on_offer(desk, order):
                yield from _fill(desk, order, execution, Liquidity.TAKER, desk.settings.slippage_model)
        if order.is_open:
            rest = Execution(_price_around_mid(desk, order), order.leaves_quantity)
            yield from _fill(desk, order, rest, Liquidity.TAKER, "fixed", stale=not live)


def _on_offer(desk: Desk, order: Order) -> tuple[Execution, ...]:
    """What the session's model gives a taking order now. FOK: everything or nothing."""
    book, instrument = desk.markets[order.symbol].book, desk.instruments[order.symbol]
    taking = Taking(instrument, book, order.side, order.leaves_quantity, order.limit, desk.settings.slippage_bps)
    executions = TAKER_MODELS[desk.settings.slippage_model](taking)
    if order.intent.time_in_force is TimeInForce.FOK:
        most = min(room(desk, order), sum((each.quantity for each in executions), ZERO))
        return executions if most >= order.leaves_quantity else ()
    return executions


def _take(desk: Desk, order: Order, executions: Iterable[Execution]) -> Iterator[AccountFact]:
    for execution in executions:
        if order.is_open:
            yield from _fill(desk, order, execution, Liquidity.TAKER, desk.settings.slippage_model)


def _fill(
    desk: Desk, order: Order, offer: Execution, liquidity: Liquidity, model: str, *, stale: bool = False,
) -> Iterator[AccountFact]:
    """One execution, as far as there is room for it; an order that has no room left is canceled, and says why."""
    allowed = room(desk, order)
    quantity = min(offer.quantity, allowed)
    if quantity > 0:
        yield _filled(desk, order, Execution(offer.price, quantity), liquidity, model, stale)
    if order.is_open and quantity == allowed:
        reason = "reduce_only_would_increase" if order.intent.reduce_only else "position_limit"
        yield OrderCanceled(at_ns=desk.now_ns, client_order_id=order.client_order_id, reason=reason)


def _filled(
    desk: Desk, order: Order, execution: Execution, liquidity: Liquidity, model: str, stale: bool,
) -> OrderFilled:
    price, quantity = canonical(execution.price), canonical(execution.quantity)
    market, change = desk.markets[order.symbol], signed(order.side, quantity)
    mid = market.mid
    assert mid is not None, "nothing fills before a book was seen"
    fee = canonical(desk.fees.fee(liquidity, price, quantity))
    plan = desk.ledger.plan(order.symbol, change, price, fee)
    return OrderFilled(
        at_ns=desk.now_ns, client_order_id=order.client_order_id, trade_id=f"T-{desk.fills + 1:06d}",
        symbol=order.symbol, side=order.side, quantity=quantity, price=price,
        leaves_quantity=canonical(order.leaves_quantity - quantity), liquidity=liquidity, fee=fee, mid=canonical(mid),
        slippage_bps=canonical(bps_between(order.side, price, mid)), model=model,
        book_sequence=market.reference.sequence, realized_pnl=canonical(sum((part.pnl for part in plan.closed), ZERO)),
        position=canonical(desk.ledger.position(order.symbol) + change), closed=plan.closed, stale_reference=stale,
    )


def _price_around_mid(desk: Desk, order: Order) -> Decimal:
    mid = desk.markets[order.symbol].mid
    assert mid is not None, "a position has a last fill, and a fill has a mid"
    return fixed_price(desk.instruments[order.symbol], order.side, mid, desk.settings.slippage_bps)


def _closing_id(desk: Desk, symbol: str) -> str:
    number = 1
    while f"CLOSE-{symbol}-{number}" in desk.orders.known:
        number += 1
    return f"CLOSE-{symbol}-{number}"


def _closing_order(order_id: str, symbol: str, position: Decimal, reason: str, now_ns: int) -> SubmitOrder:
    side = Side.SELL if position > 0 else Side.BUY
    return SubmitOrder(
        client_order_id=order_id, strategy_id=CLOSER, symbol=symbol, side=side, type=OrderType.MARKET,
        quantity=canonical(abs(position)), time_in_force=TimeInForce.IOC, reduce_only=True, reason=reason,
        decided_at_ns=now_ns,
    )
