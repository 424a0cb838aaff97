"""Closing positions without the strategy's wish: the flatten of a kill, and the venue's liquidation. Told as facts, not applied."""

from collections.abc import Iterator
from decimal import Decimal

from trading.collateral import liquidation_of
from trading.desk import Desk
from trading.execution import cancel, on_offer
from trading.filling import Filling, fill
from trading.matching import Execution, fixed_price
from trading.messages import AccountFact, OrderAccepted, OrderSubmitted, SubmitOrder
from trading.orders import Order
from trading.quantities import canonical
from trading.words import Liquidity, OrderType, Side, TimeInForce

__all__ = ["CLOSER", "LIQUIDATOR", "flatten", "liquidate"]

CLOSER = "account"
"""The ``strategy_id`` of orders that only flatten."""
LIQUIDATOR = "venue"
"""The ``strategy_id`` of orders that liquidate."""


def flatten(desk: Desk, reason: str) -> Iterator[AccountFact]:
    """Close every position at once, without the venue's rules; ``reason`` goes with the orders.

    On a usable book the session's model sets the prices. What it cannot give, and everything where there is no such
    book, fills at the ``fixed`` model's price around the last known mid: a flatten leaves nothing open.
    """
    for symbol, holding in desk.ledger.open_holdings():
        live = desk.markets[symbol].book.usable
        intent = _closing_order(desk, "CLOSE", CLOSER, symbol, holding.quantity, reason)
        yield from _at_the_venue(desk, intent)
        order = desk.orders.known[intent.client_order_id]
        if live:
            yield from _take(desk, order)
        if order.is_open:
            rest = Execution(_price_around_mid(desk, order), order.leaves_quantity)
            yield from fill(desk, order, rest, Filling(Liquidity.TAKER, "fixed", "fixed around the last mid", stale=not live))


def liquidate(desk: Desk, symbol: str) -> Iterator[AccountFact]:
    """Where the mark has reached the liquidation price: cancel every order of the symbol, and close the position with what the book
    gives, at no worse than the bankruptcy price: the margin is all that can be lost, the fee included."""
    found = liquidation_of(desk, symbol)
    if found is None:
        return
    yield found
    for order in desk.orders.open():
        if order.is_open and order.symbol == symbol:
            yield cancel(desk, order, "liquidation")
    intent = _closing_order(desk, "LIQUIDATION", LIQUIDATOR, symbol, found.position, "liquidation")
    yield from _at_the_venue(desk, intent)
    order = desk.orders.known[intent.client_order_id]
    live = desk.markets[symbol].book.usable
    if live:
        yield from _take(desk, order, no_worse_than=found.bankruptcy_price)
    if order.is_open:  # the venue's insurance fund takes what the book could not
        rest = Execution(found.bankruptcy_price, order.leaves_quantity)
        yield from fill(desk, order, rest, Filling(Liquidity.TAKER, "bankruptcy", "bankruptcy price", stale=not live))


def _at_the_venue(desk: Desk, intent: SubmitOrder) -> Iterator[AccountFact]:
    mid = desk.markets[intent.symbol].mid
    yield OrderSubmitted(
        at_ns=desk.now_ns, order=intent, effective_at_ns=desk.now_ns, decision_mid=None if mid is None else canonical(mid),
    )
    yield OrderAccepted(at_ns=desk.now_ns, client_order_id=intent.client_order_id)


def _take(desk: Desk, order: Order, no_worse_than: Decimal | None = None) -> Iterator[AccountFact]:
    """What the book gives."""
    for walked, execution in enumerate(on_offer(desk, order), 1):
        price = execution.price if no_worse_than is None else _no_worse(order.side, execution.price, no_worse_than)
        yield from fill(desk, order, execution._replace(price=price), Filling.taking(desk.settings, execution, walked))


def _price_around_mid(desk: Desk, order: Order) -> Decimal:
    mid = desk.markets[order.symbol].mid
    assert mid is not None, "a position has a last fill, and a fill has a mid"
    return fixed_price(desk.instruments[order.symbol], order.side, mid, desk.settings.slippage_bps)


def _no_worse(side: Side, price: Decimal, edge: Decimal) -> Decimal:
    return min(price, edge) if side is Side.BUY else max(price, edge)


def _closing_order(desk: Desk, prefix: str, strategy_id: str, symbol: str, position: Decimal, reason: str) -> SubmitOrder:
    number = 1
    while (order_id := f"{prefix}-{symbol}-{number}") in desk.orders.known:
        number += 1
    return SubmitOrder(
        client_order_id=order_id, strategy_id=strategy_id, symbol=symbol, side=Side.SELL if position > 0 else Side.BUY,
        type=OrderType.MARKET, quantity=canonical(abs(position)), time_in_force=TimeInForce.IOC, reduce_only=True, reason=reason,
        decided_at_ns=desk.now_ns,
    )
