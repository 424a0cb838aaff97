"""One strategy at work in one symbol: its bars, its book, its orders, and when its wishes are granted.

Must not know ids, sequences or how wishes become intents; that is the trader's.
"""

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal

from trading.bars import BarBuilder, BarClosed, BarsReset, continuous
from trading.messages import AccountFact, BookChanged, FeedStale, MarketFact, OrderDenied, OrderRejected
from trading.quantities import Instrument
from trading.strategy.own_orders import OwnOrders
from trading.strategy.protocol import Strategy, StrategySettings, View, Wishes, Withdraw
from trading.trust import MarketTrust

__all__ = ["Desk"]


class Desk:
    """Counts bars to the end of warm-up and asks the strategy; a fold of market facts, account facts and history.

    Wishes about bar ``warmup_bars`` + 1 are the first to be granted. None is granted while the market data is not
    trusted, nor for ``denial_pause_bars`` bars after an order was denied or rejected; a stale feed makes the desk
    withdraw what rests.
    """

    def __init__(
        self, strategy_id: str, settings: StrategySettings, instrument: Instrument, build: Callable[[], Strategy]
    ) -> None:
        self.instrument = instrument
        self.orders = OwnOrders(strategy_id, instrument.symbol)
        self.bars = 0
        self._settings = settings
        self._build = build
        self._strategy = build()
        self._builder = BarBuilder(instrument.symbol, settings.interval_ns)
        self._recent: deque[BarClosed] = deque(maxlen=settings.warmup_bars)
        self._trust = MarketTrust()
        self._pause_bars = 0
        self._bid: Decimal | None = None
        self._ask: Decimal | None = None

    @property
    def ready(self) -> bool:
        """Warm-up is over."""
        return self.bars >= self._settings.warmup_bars

    def on_market(self, fact: MarketFact, permitted: bool) -> Wishes:
        """The wishes to grant; no orders unless ``permitted`` by the trader."""
        self._trust.on_market(fact)
        if isinstance(fact, BookChanged):
            self._take_book(fact)
        wishes = self._on_bars(fact)
        if isinstance(fact, FeedStale):
            return self._withdraw_resting(f"market data stale: {fact.stream}")
        if not (permitted and self.ready and self._granting):
            return ()
        if isinstance(fact, BookChanged) and not wishes:
            return self._strategy.on_book(fact, self._view(fact.at_ns))
        return wishes

    def on_fact(self, fact: AccountFact, at_ns: int, permitted: bool) -> Wishes:
        """Take in one account fact; the wishes to grant, if ``permitted``."""
        if not self.orders.on_fact(fact):
            return ()
        if isinstance(fact, OrderDenied | OrderRejected):
            self._pause_bars = self._settings.denial_pause_bars
        wishes = self._strategy.on_fact(fact, self._view(at_ns))
        return wishes if permitted and self.ready and self._granting else ()

    def seed(self, history: Iterable[BarClosed], at_ns: int) -> None:
        """Warm up from closed bars of the venue's history, continued without a gap by what was heard live since.

        Does nothing once warm. Raises ValueError for bars of another symbol or interval.
        """
        bars = list(history)
        if any(bar.symbol != self.instrument.symbol or bar.interval_ns != self._settings.interval_ns for bar in bars):
            raise ValueError(f"history is not of {self.instrument.symbol} at {self._settings.bar_interval}")
        line = continuous([*bars, *self._recent], until_ns=self._builder.forming_at_ns)
        if self.ready or not line:
            return
        self._start_over()
        for bar in line:
            self._strategy.on_bar(bar, self._view(at_ns))
            self._recent.append(bar)
        self.bars = len(line)
        self._builder.continue_from(line[-1])

    @property
    def _granting(self) -> bool:
        return self._trust.trusted and self._pause_bars == 0

    def _on_bars(self, fact: MarketFact) -> Wishes:
        """Show the strategy what closed. Of several bars at once only the newest is worth acting on."""
        wishes: Wishes = ()
        for event in self._builder.on_market(fact):
            if isinstance(event, BarsReset):
                self._start_over()
                continue
            self.bars += 1
            self._recent.append(event)
            self._pause_bars = max(0, self._pause_bars - 1)
            wishes = self._strategy.on_bar(event, self._view(fact.at_ns))
        return wishes if self.bars > self._settings.warmup_bars else ()

    def _start_over(self) -> None:
        self._strategy = self._build()
        self._recent.clear()
        self.bars = 0

    def _take_book(self, book: BookChanged) -> None:
        self._bid = book.bids[0][0] if book.bids else None
        self._ask = book.asks[0][0] if book.asks else None

    def _withdraw_resting(self, reason: str) -> Wishes:
        return tuple(
            Withdraw(client_order_id=each.order.client_order_id, reason=reason)
            for each in self.orders.working
            if each.order.price is not None and not each.canceling
        )

    def _view(self, at_ns: int) -> View:
        return View(
            instrument=self.instrument,
            at_ns=at_ns,
            position=self.orders.position,
            working=self.orders.working,
            bid=self._bid,
            ask=self._ask,
        )
