"""What positions and orders tie up of the account's equity, and when a position is taken away. Must not decide what follows.

Isolated margin: a position's wallet is its cost divided by the leverage; what it may lose before the fee is that and no more.
Funding moves the account's cash, not the wallet. Working orders that could open something tie up margin at their own price.
A symbol without margin settings is traded without margin.
"""

from decimal import Decimal

from trading.desk import Desk
from trading.margin import MarginSettings, bankruptcy_price, initial_margin, is_liquidated, liquidation_price
from trading.messages import PositionLiquidated
from trading.orders import Order
from trading.quantities import EXACT, ZERO, canonical
from trading.words import Liquidity

__all__ = ["available_margin", "liquidation_of", "needed_margin", "position_margin", "price_of"]


def position_margin(desk: Desk, symbol: str) -> Decimal:
    """The wallet of the position; zero for a flat one."""
    holding, settings = desk.ledger.holdings.get(symbol), desk.settings.margin.get(symbol)
    if holding is None or settings is None:
        return ZERO
    return initial_margin(abs(holding.average.cost), settings.leverage)


def available_margin(desk: Desk, but: str = "") -> Decimal:
    """Cash and unrealized losses, less what positions and working orders (but one, by its id) tie up; negative after losses.

    A gain that is not realized may be gone before it is needed: nothing is opened with it.
    """
    positions = sum((position_margin(desk, symbol) for symbol in desk.markets), ZERO)
    others = (each for each in desk.orders.open() if each.is_working and each.client_order_id != but)
    orders = sum((_order_margin(desk, each) for each in others), ZERO)
    return canonical(EXACT.subtract(EXACT.add(desk.ledger.balance, _losses(desk)), EXACT.add(positions, orders)))


def needed_margin(desk: Desk, order: Order, settings: MarginSettings) -> Decimal:
    """To open the order's quantity at its price, the fee of opening included; exact but for the division by the leverage."""
    notional = EXACT.multiply(order.leaves_quantity, price_of(desk, order))
    fee = desk.fees.fee(Liquidity.TAKER, notional, Decimal(1))
    return canonical(EXACT.add(initial_margin(notional, settings.leverage), max(fee, ZERO)))


def liquidation_of(desk: Desk, symbol: str) -> PositionLiquidated | None:
    """The liquidation that the mark demands now, if it does."""
    settings, holding, mark = desk.settings.margin.get(symbol), desk.ledger.holdings.get(symbol), desk.markets[symbol].mark
    if settings is None or holding is None or not holding.quantity or mark is None:
        return None
    instrument, wallet, entry = desk.instruments[symbol], position_margin(desk, symbol), holding.average.price
    rate = settings.tier_of(EXACT.multiply(abs(holding.quantity), mark)).maintenance_rate
    edge = liquidation_price(instrument, holding.quantity, entry, wallet, max(desk.fees.taker, ZERO), rate)
    if not is_liquidated(holding.quantity, mark, edge):
        return None
    return PositionLiquidated(
        at_ns=desk.now_ns, symbol=symbol, position=holding.quantity, mark=canonical(mark), liquidation_price=canonical(edge),
        bankruptcy_price=canonical(bankruptcy_price(instrument, holding.quantity, entry, wallet)), margin=canonical(wallet),
    )


def _order_margin(desk: Desk, order: Order) -> Decimal:
    settings = desk.settings.margin.get(order.symbol)
    return ZERO if settings is None or order.intent.reduce_only else needed_margin(desk, order, settings)


def _losses(desk: Desk) -> Decimal:
    """Of open positions, not realized; negative or zero."""
    losses = ZERO
    for symbol, holding in desk.ledger.open_holdings():
        mark = desk.markets[symbol].mark_price
        losses += min(holding.lots.unrealized(mark), ZERO) if mark is not None else ZERO
    return losses


def price_of(desk: Desk, order: Order) -> Decimal:
    """What an order is reckoned at: its limit, else its trigger, else the mark."""
    price = order.limit or order.intent.trigger_price or desk.markets[order.symbol].mark_price
    return price if price is not None else ZERO
