"""What an account holds, as one value for a state file or a status line. Must not know files."""

from decimal import Decimal

import msgspec

from trading.desk import Desk
from trading.lots import Lot
from trading.orders import Order
from trading.quantities import ZERO, canonical
from trading.words import OrderState, OrderType, Side, TimeInForce

__all__ = ["AccountState", "HeldLot", "HeldPosition", "OpenOrder", "state_of"]


class HeldLot(msgspec.Struct, frozen=True):
    """``quantity`` is signed; ``fee`` is the part of the entry's fee that no closed lot carries yet."""

    quantity: Decimal
    price: Decimal
    fee: Decimal


class HeldPosition(msgspec.Struct, frozen=True):
    """``mark_price`` and ``unrealized_pnl`` are None before the market has been heard."""

    quantity: Decimal
    average_price: Decimal
    mark_price: Decimal | None
    unrealized_pnl: Decimal | None
    lots: tuple[HeldLot, ...]


class OpenOrder(msgspec.Struct, frozen=True):
    client_order_id: str
    strategy_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    filled_quantity: Decimal
    leaves_quantity: Decimal
    price: Decimal | None
    average_price: Decimal
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    state: OrderState
    effective_at_ns: int


class AccountState(msgspec.Struct, frozen=True):
    """Positions that are flat are left out. ``equity`` values a position without any market at its cost."""

    at_ns: int
    balance: Decimal
    equity: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    funding: Decimal
    max_drawdown_pct: Decimal
    positions: dict[str, HeldPosition]
    open_orders: tuple[OpenOrder, ...]


def state_of(desk: Desk) -> AccountState:
    """Computes in the caller's decimal context, which must be MONEY."""
    ledger = desk.ledger
    positions = {symbol: _position(desk, symbol) for symbol, _ in ledger.open_holdings()}
    unrealized = sum((held.unrealized_pnl or ZERO for held in positions.values()), ZERO)
    return AccountState(
        at_ns=desk.now_ns, balance=ledger.balance, equity=canonical(ledger.balance + unrealized),
        realized_pnl=canonical(ledger.realized_pnl), unrealized_pnl=canonical(unrealized), fees=canonical(ledger.fees),
        funding=canonical(ledger.funding), max_drawdown_pct=canonical(desk.drawdown.deepest_pct), positions=positions,
        open_orders=tuple(map(_open_order, desk.orders.open())),
    )


def _position(desk: Desk, symbol: str) -> HeldPosition:
    holding, mark = desk.ledger.holdings[symbol], desk.markets[symbol].mark_price
    return HeldPosition(
        quantity=holding.quantity, average_price=canonical(holding.average.price),
        mark_price=None if mark is None else canonical(mark),
        unrealized_pnl=None if mark is None else canonical(holding.lots.unrealized(mark)),
        lots=tuple(map(_lot, holding.lots.open)),
    )


def _lot(lot: Lot) -> HeldLot:
    return HeldLot(lot.quantity, lot.price, lot.fee)


def _open_order(order: Order) -> OpenOrder:
    intent = order.intent
    return OpenOrder(
        client_order_id=intent.client_order_id, strategy_id=intent.strategy_id, symbol=intent.symbol, side=intent.side,
        type=intent.type, quantity=intent.quantity, filled_quantity=order.filled_quantity,
        leaves_quantity=order.leaves_quantity, price=intent.price, average_price=canonical(order.average_price),
        time_in_force=intent.time_in_force, post_only=intent.post_only, reduce_only=intent.reduce_only,
        state=order.state, effective_at_ns=order.effective_at_ns,
    )
