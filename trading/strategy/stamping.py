"""A wish becomes an order: its id, its strategy, and the moment it was decided at. Must not know why it is wished."""

from typing import NamedTuple

import msgspec

from trading.intents import SubmitOrder
from trading.strategy.protocol import Again, Place, Protection
from trading.words import OrderType

__all__ = ["Moment", "again", "child_of", "order_of"]


class Moment(NamedTuple):
    """What was known: event time, the last market fact and the last account fact."""

    at_ns: int
    market_sequence: int
    facts_sequence: int


def order_of(name: str, strategy_id: str, symbol: str, wish: Place, moment: Moment) -> SubmitOrder:
    """``name`` is its id."""
    return _stamped(SubmitOrder(
        client_order_id=name, strategy_id=strategy_id, symbol=symbol, side=wish.side,
        type=wish.type or (OrderType.MARKET if wish.price is None else OrderType.LIMIT), quantity=wish.quantity, price=wish.price,
        time_in_force=wish.time_in_force, post_only=wish.post_only, reduce_only=wish.reduce_only, trigger_price=wish.trigger_price,
        trigger_by=wish.trigger_by, trailing_bps=wish.trailing_bps, reason=wish.reason,
    ), moment)


def child_of(parent: SubmitOrder, name: str, wish: Protection, group: str, moment: Moment) -> SubmitOrder:
    """``group``: what it cancels when it fills whole, and is canceled by."""
    return _stamped(SubmitOrder(
        client_order_id=name, strategy_id=parent.strategy_id, symbol=parent.symbol, side=parent.side.opposite, type=wish.type,
        quantity=wish.quantity, price=wish.price, reduce_only=True, trigger_price=wish.trigger_price, trigger_by=wish.trigger_by,
        trailing_bps=wish.trailing_bps, parent_order_id=parent.client_order_id, oco=group, reason=wish.reason,
    ), moment)


def again(name: str, wish: Again, moment: Moment) -> SubmitOrder:
    """The same order under another id."""
    return _stamped(msgspec.structs.replace(wish.order, client_order_id=name, reason=wish.reason), moment)


def _stamped(order: SubmitOrder, moment: Moment) -> SubmitOrder:
    return msgspec.structs.replace(
        order, decided_at_ns=moment.at_ns, market_sequence=moment.market_sequence, facts_sequence=moment.facts_sequence,
    )
