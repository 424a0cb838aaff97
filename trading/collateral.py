"""What positions and orders tie up of the account's equity, and when a position is taken away. Must not decide what follows.

Isolated margin: a position's wallet is its cost divided by the leverage; what a liquidation may lose, its fee included, is that
and no more. Funding moves the account's cash first: only what that cannot pay any more is missing in the wallet. Working orders that
could open something tie up margin at their own price.
A symbol without margin settings is traded without margin.
"""

from decimal import Decimal

from trading.desk import Desk
from trading.margin import Isolated, MarginSettings, bankruptcy_price, initial_margin, is_liquidated, tiered_liquidation_price
from trading.messages import PositionLiquidated
from trading.orders import Order
from trading.quantities import EXACT, ZERO, canonical
from trading.words import Liquidity

__all__ = ["available_margin", "liquidation_of", "needed_margin", "position_margin", "price_of"]


def position_margin(desk: Desk, symbol: str) -> Decimal:
    """The wallet of the position: what it was opened with, as far as the account's cash beside the other positions covers it. Zero for
    a flat one."""
    others = sum((_opened_with(desk, each) for each in desk.markets if each != symbol), ZERO)
    return min(_opened_with(desk, symbol), max(EXACT.subtract(desk.ledger.balance, others), ZERO))


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
    wallet, cost = position_margin(desk, symbol), holding.average.cost
    position = Isolated(desk.instruments[symbol], holding.quantity, cost, wallet, desk.fees.taker)
    edge = tiered_liquidation_price(position, settings, mark)
    if not is_liquidated(holding.quantity, mark, edge):
        return None
    return PositionLiquidated(
        at_ns=desk.now_ns, symbol=symbol, position=holding.quantity, cost=canonical(cost), mark=canonical(mark),
        liquidation_price=canonical(edge), bankruptcy_price=canonical(bankruptcy_price(position)), margin=canonical(wallet),
    )


def _opened_with(desk: Desk, symbol: str) -> Decimal:
    holding, settings = desk.ledger.holdings.get(symbol), desk.settings.margin.get(symbol)
    return ZERO if holding is None or settings is None else initial_margin(abs(holding.average.cost), settings.leverage)


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
