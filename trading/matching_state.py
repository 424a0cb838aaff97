"""What the market did to the orders of one symbol: queues moved, own consumption refreshed, trailing stops followed.

None of it is in the ledger. It follows from the account's facts and the market facts behind them, so that an account recovered from
its facts and shown the market again has the same. Must not know money, nor decide what is filled.
"""

from decimal import localcontext

from trading.book import Book
from trading.consumption import Consumption
from trading.messages import MarkPriceChanged, OrderFilled, OrderRested, Print, TradesPrinted
from trading.orders import Order
from trading.quantities import MONEY, ZERO, Instrument
from trading.queue_models import MakingSettings
from trading.queueing import NOTHING, Queues
from trading.reading import Believed
from trading.triggers import Hit, Trails, watched_prices
from trading.working import Orders

__all__ = ["MatchingState"]


class MatchingState:
    """``offers`` and ``hits``: what the newest trades, window or mark would fill and trigger; nothing that had not arrived by then. Each of
    these is told by one call, which is true if there is anything."""

    def __init__(self, instrument: Instrument, making: MakingSettings) -> None:
        self.queues = Queues(making, instrument.tick)
        self.consumption = Consumption()
        self.trails = Trails()
        self.offers = NOTHING
        self.hits: tuple[Hit, ...] = ()
        self._instrument = instrument

    def on_book(self, window: Book) -> bool:
        self.consumption.on_book(window)
        self.offers, self.hits = self.queues.on_window(window, self.consumption.available), ()
        return self.offers is not NOTHING

    def on_trades(self, fact: TradesPrinted, believed: Believed, orders: Orders) -> bool:
        self.offers, self.hits = self.queues.on_trades(fact, believed), ()
        if orders.conditional:
            self._watch(fact, believed.prints, orders)
        return self.offers is not NOTHING or bool(self.hits)

    def on_mark(self, fact: MarkPriceChanged, orders: Orders) -> bool:
        self.offers, self.hits = NOTHING, ()
        if orders.conditional:
            self._watch(fact, (), orders)
        return bool(self.hits)

    def rested(self, order: Order, fact: OrderRested) -> None:
        assert order.limit is not None, "only limit orders rest"
        self.queues.join(
            order.client_order_id, order.side, order.limit, fact.ahead, fact.ahead, since=fact.market_sequence, at_ns=fact.at_ns,
        )

    def filled(self, fact: OrderFilled) -> None:
        """What was taken from a displayed level or behind the last one, or met there while resting, is remembered."""
        receipt = fact.receipt
        if receipt is not None and (receipt.level is not None or receipt.extrapolated):
            price, displayed = receipt.level or (fact.price, ZERO)
            self.consumption.take(fact.side, price, fact.quantity, displayed, fact.market_sequence, fact.at_ns)

    def forget(self, since: int) -> None:
        """The market up to ``since`` cannot be heard again: what rests stands where it joined, nothing else is remembered."""
        self.offers, self.hits = NOTHING, ()
        self.queues.start_over(since)
        self.consumption, self.trails = Consumption(), Trails()

    def gone(self, client_order_id: str) -> None:
        """The order no longer rests, or is over."""
        self.queues.leave(client_order_id)
        self.trails.forget(client_order_id)

    def _watch(self, fact: TradesPrinted | MarkPriceChanged, prints: tuple[Print, ...], orders: Orders) -> None:
        with localcontext(MONEY):
            for order in orders.awaiting_trigger(fact.symbol):
                if orders.watches_since(order) < fact.sequence:
                    hit = self.trails.first_hit(order, self._instrument, watched_prices(fact, prints, order.intent.trigger_by))
                    self.hits += () if hit is None else (hit,)
