"""One execution of an order: as much of it as there is room for, as a fact with its money and its evidence. Must not apply it.

What an order may still fill is asked anew for every execution (``acceptance.room``).
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from trading.acceptance import room
from trading.account_settings import AccountSettings
from trading.desk import Desk
from trading.evidence import receipt_of
from trading.market_facts import Level
from trading.matching import Execution
from trading.messages import AccountFact, OrderCanceled, OrderFilled
from trading.orders import Order
from trading.quantities import ZERO, bps_between, canonical, signed
from trading.queueing import Offer
from trading.words import Liquidity

__all__ = ["Filling", "fill"]


class Filling(NamedTuple):
    """How an execution came about: ``model`` by name, ``described`` with its parameters; ``walked`` counts the levels of one walk,
    ``level`` is what was displayed where it took; ``trade`` the number in its market fact of the trade that a resting order met."""

    liquidity: Liquidity
    model: str
    described: str
    level: Level | None = None
    walked: int = 0
    extrapolated: bool = False
    stale: bool = False
    trade: int | None = None

    @classmethod
    def resting(cls, settings: AccountSettings, offer: Offer) -> "Filling":
        level = (offer.trade.price, offer.shown) if offer.shown else None
        return cls(Liquidity.MAKER, settings.making_model, str(settings.making), level, trade=offer.number)

    @classmethod
    def taking(cls, settings: AccountSettings, execution: Execution, walked: int) -> "Filling":
        """One step of a walk."""
        level = (execution.price, execution.level_displayed) if execution.level_displayed else None
        return cls(Liquidity.TAKER, settings.slippage_model, settings.taking_text, level, walked, execution.extrapolated)


def fill(desk: Desk, order: Order, offer: Execution, how: Filling) -> Iterator[AccountFact]:
    """One execution, as far as there is room for it; an order that has no room left is canceled, and says why."""
    instrument = desk.instruments[order.symbol]
    allowed = instrument.floor_quantity(room(desk, order))
    quantity = instrument.floor_quantity(min(offer.quantity, allowed))
    if quantity > 0:
        yield _filled(desk, order, offer._replace(quantity=quantity), how)
    if order.is_open and quantity == allowed:
        reason = "reduce_only_would_increase" if order.intent.reduce_only else "position_limit"
        receipt = receipt_of(desk, order, how.described, walked=how.walked, trade=how.trade)
        yield OrderCanceled(at_ns=desk.now_ns, client_order_id=order.client_order_id, reason=reason, receipt=receipt)


def _filled(desk: Desk, order: Order, execution: Execution, how: Filling) -> OrderFilled:
    price, quantity = canonical(execution.price), canonical(execution.quantity)
    market, change = desk.markets[order.symbol], signed(order.side, quantity)
    mid = market.mid
    assert mid is not None, "nothing fills before a book was seen"
    fee = canonical(desk.fees.fee(how.liquidity, price, quantity))
    plan = desk.ledger.plan(order.symbol, change, price, fee)
    return OrderFilled(
        at_ns=desk.now_ns, client_order_id=order.client_order_id, trade_id=f"T-{desk.fills + 1:06d}",
        symbol=order.symbol, side=order.side, quantity=quantity, price=price,
        leaves_quantity=canonical(order.leaves_quantity - quantity), liquidity=how.liquidity, fee=fee, mid=canonical(mid),
        slippage_bps=canonical(bps_between(order.side, price, mid)), model=how.model,
        book_sequence=market.reference.sequence, realized_pnl=canonical(sum((part.pnl for part in plan.closed), ZERO)),
        position=canonical(desk.ledger.position(order.symbol) + change), closed=plan.closed, stale_reference=how.stale,
        touch=_touch(desk, order, how.liquidity),
        receipt=receipt_of(desk, order, how.described, how.level, walked=how.walked, extrapolated=how.extrapolated, trade=how.trade),
    )


def _touch(desk: Desk, order: Order, liquidity: Liquidity) -> Decimal | None:
    """The best price of the side that is taken from, or rested on."""
    book = desk.markets[order.symbol].reference
    levels = book.opposite(order.side if liquidity is Liquidity.TAKER else order.side.opposite)
    return canonical(levels[0][0]) if levels else None
