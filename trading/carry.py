"""What a paper account hands on to the next session: its cash, and every position lot by lot. Must not know files or runs."""

from decimal import Decimal

import msgspec

from trading.account import Account
from trading.messages import CarriedLot, PositionCarried
from trading.quantities import canonical

__all__ = ["Carried", "carried_from"]


class Carried(msgspec.Struct, frozen=True):
    """``balance`` is the cash the next session starts with, ``positions`` the rows behind its ``SessionOpened``."""

    balance: Decimal
    positions: tuple[PositionCarried, ...] = ()


def carried_from(account: Account) -> Carried:
    """Of an account without open orders. Realized profit, fees and funding stay with the session that made them."""
    desk = account.desk
    assert not desk.orders.open(), "an order cannot be carried: it is canceled first"
    positions = []
    for symbol, holding in desk.ledger.open_holdings():
        mark = desk.markets[symbol].mark_price
        assert mark is not None, "a position has a fill or was carried, and either says a price"
        lots = tuple(CarriedLot(lot.quantity, lot.price, lot.fee) for lot in holding.lots.open)
        positions.append(PositionCarried(at_ns=0, symbol=symbol, position=holding.quantity, lots=lots, mark=canonical(mark)))
    return Carried(desk.ledger.balance, tuple(positions))
