"""The seeded market of one contract: book, trades, bars, mark price and funding as a function of seed and virtual time.

Pure: no clock, no wire, no thread; the caller says until when. What happens does not depend on how the caller cuts
time into steps. Prices are whole ticks, quantities whole lots; `pair` says what they are worth.
"""

from collections import deque
from decimal import Decimal
from random import Random

from venue.rest_rows import TradingPair
from venue.stand_in import history
from venue.stand_in.history import Bar, Bars
from venue.stand_in.instruments import BTC_PRICE
from venue.stand_in.limit_book import Fill
from venue.stand_in.order_flow import OrderFlow, Print, Scale
from venue.stand_in.reference_prices import ReferencePrices, Settlement

TRADES_KEPT = 20_000
"""More than the busiest seconds hold; readers come every 100 ms."""

BTC_PER_MINUTE = 330.0
"""What the order flow trades in a usual minute, so that the made-up bars and the live ones look alike."""


class Market:
    """One contract. `advance` first, then read: every reader sees the market as of the last `advance`."""

    def __init__(self, seed: int, pair: TradingPair, start_ns: int, start_price: Decimal) -> None:
        self.pair = pair
        self.now_ns = start_ns
        self.last_tick = tick = int(start_price.scaleb(pair.quotePrecision))
        scale = Scale(tick / 10_000, float(BTC_PRICE / start_price) * 10.0**pair.basePrecision)
        self._flow = OrderFlow(_chance(seed, pair, "flow"), scale, tick, start_ns)
        self._bars = Bars(_chance(seed, pair, "past"), start_ns, tick, scale.ticks_per_bps,
                          BTC_PER_MINUTE * scale.lots_per_btc)
        self._mark_bars = Bars(_chance(seed, pair, "past"), start_ns, tick, scale.ticks_per_bps, 0.0)
        self._reference = ReferencePrices(_chance(seed, pair, "index"), start_ns, tick, scale.ticks_per_bps)
        self._trades: deque[Print] = deque(maxlen=TRADES_KEPT)

    def advance(self, to_ns: int) -> None:
        """Let everything happen that is due by `to_ns` (nanoseconds since the epoch); never backwards."""
        flow, reference = self._flow, self._reference
        while (now_ns := min(flow.next_ns, reference.next_ns)) <= to_ns:
            if flow.next_ns == now_ns:
                self._print(flow.step())
            else:
                reference.read(now_ns, (flow.book.bids.best + flow.book.asks.best) // 2, self.last_tick)
                self._mark_bars.add(now_ns, reference.mark_tick, 0)
        self.now_ns = max(self.now_ns, to_ns)
        self._bars.roll_to(self.now_ns)
        self._mark_bars.roll_to(self.now_ns)

    def book(self, levels: int) -> tuple[list[Fill], list[Fill]]:
        """(bids, asks), best first, at most `levels` of each."""
        return self._flow.book.bids.top(levels), self._flow.book.asks.top(levels)

    def trades_since(self, after_ns: int) -> list[Print]:
        """Prints later than `after_ns`, oldest first; the market remembers `TRADES_KEPT` of them."""
        fresh: list[Print] = []
        for trade in reversed(self._trades):
            if trade.at_ns <= after_ns:
                break
            fresh.append(trade)
        return fresh[::-1]

    def klines(self, interval: str, limit: int, before_ns: int | None = None, of_mark: bool = False) -> list[Bar]:
        """Bars of an interval of `history.MINUTES`, newest first, the forming one leading."""
        return history.rows(self._mark_bars if of_mark else self._bars, interval, limit, before_ns)

    def kline(self, interval: str, of_mark: bool = False) -> Bar:
        """The forming bar."""
        return history.newest(self._mark_bars if of_mark else self._bars, interval)

    def day(self) -> Bar:
        """The last 24 rolling hours."""
        return self._bars.day()

    @property
    def index_tick(self) -> int:
        return self._reference.index_tick

    @property
    def mark_tick(self) -> int:
        return self._reference.mark_tick

    @property
    def next_settlement_ns(self) -> int:
        return self._reference.next_settlement_ns

    @property
    def settlements(self) -> list[Settlement]:
        """Funding settled, oldest first."""
        return self._reference.settlements

    def _print(self, printed: list[Print]) -> None:
        for trade in printed:
            self._trades.append(trade)
            self._bars.add(trade.at_ns, trade.tick, trade.lots)
            self.last_tick = trade.tick


def _chance(seed: int, pair: TradingPair, part: str) -> Random:
    """A stream of chance of its own for every part, so that reading one never shifts another."""
    return Random(f"{seed}/{pair.symbol}/{part}")
