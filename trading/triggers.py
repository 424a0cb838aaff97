"""When conditional orders become orders proper: which prices they watch, and from when on. Pure; must not know what follows.

A STOP triggers when the watched price moves against the order's side (a buy: at or above the trigger), a TAKE_PROFIT when it moves for
it. A trailing stop first remembers the best price since it began to watch, and triggers ``trailing_bps`` behind it, on tick, rounded
away from the price. What an order watches are market facts later than its acceptance, the first fill of its parent and the last
amendment of its trigger.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from trading.messages import MarkPriceChanged, Print, SubmitOrder, TradesPrinted
from trading.orders import Order
from trading.quantities import BASIS_POINTS, EXACT, Instrument
from trading.words import Side, TriggerSource

__all__ = ["Hit", "Trails", "is_reached", "watched_prices"]


class Hit(NamedTuple):
    """``price`` is the watched price that reached ``trigger_price``."""

    order: Order
    trigger_price: Decimal
    price: Decimal


def is_reached(intent: SubmitOrder, trigger_price: Decimal, price: Decimal) -> bool:
    """True if this price sets the order off."""
    rising = (intent.side is Side.BUY) == intent.type.stops
    return price >= trigger_price if rising else price <= trigger_price


def watched_prices(fact: TradesPrinted | MarkPriceChanged, prints: tuple[Print, ...], source: TriggerSource) -> Iterator[Decimal]:
    """The prices in a fact that an order with this source sees, in order; ``prints`` are those of the fact that are credible."""
    if isinstance(fact, MarkPriceChanged):
        if source is TriggerSource.MARK_PRICE:
            yield fact.mark
    elif source is TriggerSource.LAST_PRICE:
        yield from (each.price for each in prints)


class Trails:
    """The best price so far of each trailing stop; a pure function of what it watched."""

    def __init__(self) -> None:
        self._best: dict[str, Decimal] = {}

    def forget(self, client_order_id: str) -> None:
        self._best.pop(client_order_id, None)

    def trigger_of(self, order: Order, instrument: Instrument) -> Decimal | None:
        """Where the order triggers now; None while a trailing stop has seen no price that activates it."""
        intent = order.intent
        if intent.trailing_bps is None:
            return intent.trigger_price
        best = self._best.get(order.client_order_id)
        if best is None:
            return None
        share = EXACT.divide(intent.trailing_bps, BASIS_POINTS)
        buys = intent.side is Side.BUY
        return instrument.round_against(intent.side, EXACT.multiply(best, 1 + share if buys else 1 - share))

    def first_hit(self, order: Order, instrument: Instrument, prices: Iterator[Decimal]) -> Hit | None:
        """Watch these prices, all of them: the trigger may have to wait. The first one that triggers, if any does."""
        hit = None
        for price in prices:
            trigger_price = self.trigger_of(order, instrument)
            if hit is None and trigger_price is not None and is_reached(order.intent, trigger_price, price):
                hit = Hit(order, trigger_price, price)
            if order.intent.trailing_bps is not None:
                self._watch(order, price)
        return hit

    def _watch(self, order: Order, price: Decimal) -> None:
        intent, best = order.intent, self._best.get(order.client_order_id)
        buys = intent.side is Side.BUY
        if best is None:
            activation = intent.trigger_price
            if activation is None or (price <= activation if buys else price >= activation):
                self._best[order.client_order_id] = price
        else:
            self._best[order.client_order_id] = min(best, price) if buys else max(best, price)
