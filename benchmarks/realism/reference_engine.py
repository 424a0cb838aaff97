"""The orders at hftbacktest (optional extra ``realism``): its exchange with partial fills, constant latency, no feed latency.

What its interface tells of an order is its last execution and what is left, not every execution: a market order that walks five
levels is told by the fifth. With equal books that is enough: the deepest level, what was taken of it and what is left fix the walk.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import msgspec

from benchmarks.realism.conversion import Beyond, events_of
from benchmarks.realism.outcome import Outcome
from benchmarks.realism.random_orders import Ask, Kind
from benchmarks.realism.recorded_market import RecordedMarket
from trading.book import Book
from trading.words import Side

__all__ = ["QUEUE_MODELS", "ReferenceEngine", "is_installed", "rows_of"]

QUEUE_MODELS: dict[str, Callable[[Any, float], Any]] = {
    "risk_averse": lambda asset, n: asset.risk_adverse_queue_model(),
    "prob_power": lambda asset, n: asset.power_prob_queue_model(n),
    "prob_log": lambda asset, n: asset.log_prob_queue_model(),
}
GTC_POST_ONLY, IOC = 1, 3
LIMIT, MARKET = 0, 1
EXPIRED = 2
CAME_THERE, END_OF_DATA = 0, 1
RESPONSE_NS = 1
SETTLED_NS = 10


def is_installed() -> bool:
    return find_spec("hftbacktest") is not None


def rows_of(market: RecordedMarket, beyond: Beyond) -> Any:
    """The numpy array that hftbacktest reads."""
    dtype = import_module("hftbacktest.types").event_dtype
    return import_module("numpy").array(list(events_of(market, beyond)), dtype)


class ReferenceEngine:
    """One replay of ``rows``. ``model`` is a name of QUEUE_MODELS, ``n`` the power of ``prob_power``."""

    def __init__(self, market: RecordedMarket, rows: Any, latency_ns: int, model: str = "risk_averse", n: float = 1.0) -> None:
        package, instrument = import_module("hftbacktest"), market.instrument
        asset = package.BacktestAsset().data(rows).linear_asset(1.0).constant_order_latency(latency_ns, RESPONSE_NS)
        asset = QUEUE_MODELS[model](asset, n).partial_fill_exchange().trading_value_fee_model(0, 0)
        self._asset = asset.tick_size(float(instrument.tick)).lot_size(float(instrument.step)).last_trades_capacity(0)
        self._backtest = package.HashMapMarketDepthBacktest([self._asset])
        self._rows = rows  # it reads them where they are
        self._instrument = instrument
        self._latency_ns = latency_ns
        self._backtest.elapse(1)

    def outcomes(self, asks: Sequence[Ask], books: Callable[[int], Book | None] | None = None) -> tuple[dict[int, Outcome], int]:
        """By the order's number; takers as they arrive, makers when their cancel is decided. The second value counts the
        orders at whose arrival ``books`` showed another book than hftbacktest had (0 without ``books``).

        Give maker orders one by one: filled to the very last lot by a trade, one stays in its queue, and the next event there is an
        error that ends the replay. What became of the order may not have been told by then.
        """
        steps: list[tuple[int, bool, Ask]] = [(ask.at_ns, True, ask) for ask in asks]
        steps += [(self._judged_ns(ask), False, ask) for ask in asks]
        found: dict[int, Outcome] = {}
        other_books = 0
        for at_ns, submits, ask in sorted(steps, key=lambda step: (step[0], step[2].number)):
            whole = self._reach(at_ns)
            if not whole and len(asks) > 1:
                raise RuntimeError(f"hftbacktest ended before {at_ns}; orders of one replay: {len(asks)}")
            if submits:
                self._submit(ask)
                continue
            found[ask.number] = msgspec.structs.replace(self._outcome(ask), broken=not whole)
            if ask.kind is not Kind.MAKER and books is not None:
                other_books += not self._has(books(at_ns))
        return found, other_books

    def close(self) -> None:
        self._backtest.close()

    def to_end(self) -> None:
        self._backtest._goto_end()

    def _judged_ns(self, ask: Ask) -> int:
        return ask.cancel_at_ns if ask.kind is Kind.MAKER else ask.at_ns + self._latency_ns + SETTLED_NS

    def _reach(self, at_ns: int) -> bool:
        """False if the replay ended with an error on the way."""
        if at_ns <= self._backtest.current_timestamp:
            return True
        return self._backtest.elapse(at_ns - self._backtest.current_timestamp) in (CAME_THERE, END_OF_DATA)

    def _submit(self, ask: Ask) -> None:
        submit = self._backtest.submit_buy_order if ask.side is Side.BUY else self._backtest.submit_sell_order
        force = GTC_POST_ONLY if ask.kind is Kind.MAKER else IOC
        kind, price = (MARKET, 0.0) if ask.price is None else (LIMIT, float(ask.price))
        if submit(0, ask.number, price, float(ask.quantity), force, kind, False) != 0:
            raise RuntimeError(f"hftbacktest took no order {ask.number}")

    def _outcome(self, ask: Ask) -> Outcome:
        order = self._backtest.orders(0).get(ask.number)
        filled = ask.quantity - self._lots(order.leaves_qty)
        if not filled:
            return Outcome(refused=ask.kind is Kind.MAKER and order.status == EXPIRED)
        return Outcome(
            filled=filled, last_price=order.exec_price_tick * self._instrument.tick, last_quantity=self._lots(order.exec_qty),
            last_at_ns=order.exch_timestamp,
        )

    def _lots(self, quantity: float) -> Decimal:
        return round(quantity / float(self._instrument.step)) * self._instrument.step

    def _has(self, book: Book | None) -> bool:
        depth, tick = self._backtest.depth(0), self._instrument.tick
        if book is None or depth.best_bid_tick != book.bids[0][0] / tick or depth.best_ask_tick != book.asks[0][0] / tick:
            return False
        return all(
            self._lots(quantity_at(int(price / tick))) == quantity
            for quantity_at, levels in ((depth.bid_qty_at_tick, book.bids), (depth.ask_qty_at_tick, book.asks))
            for price, quantity in levels
        )
