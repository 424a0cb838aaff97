"""One strategy at work in one symbol: its bars, its book, its orders, and when its wishes are granted.

Must not know ids, sequences or how wishes become intents; that is the trader's.
"""

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from trading.bars import BarBuilder, BarClosed, BarsReset, continuous
from trading.messages import AccountFact, BookChanged, FeedStale, MarketFact, OrderDenied, OrderRejected, TradesPrinted
from trading.prints import PrintGuard
from trading.quantities import Instrument
from trading.strategy.own_orders import OwnOrders
from trading.strategy.protocol import Again, Strategy, StrategySettings, View, Wishes, Withdraw
from trading.strategy.unprotected import OVERTAKEN, Unprotected
from trading.trust import MarketTrust

__all__ = ["Desk"]

BOOK_STREAMS = ("all", "depth")
"""How the names of the streams begin whose silence leaves the book without a voucher."""


class Desk:
    """Counts bars to the end of warm-up and asks the strategy; a fold of market facts, account facts and history.

    Wishes about bar ``warmup_bars`` + 1 are the first to be granted. None is granted while the market data is not
    trusted, nor for ``denial_pause_bars`` bars after an order was denied or rejected; a stale feed makes the desk
    withdraw what could still open something. Protection that was refused is seen to whether or not wishes are granted
    (unprotected.py), as long as the data is trusted; a position that is given up comes before what the strategy wishes. A print
    farther than ``print_band_bps`` off the book moves no bar.
    """

    def __init__(
        self, strategy_id: str, settings: StrategySettings, instrument: Instrument, print_band_bps: Decimal,
        build: Callable[[], Strategy],
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
        self._guard = PrintGuard(print_band_bps)
        self._unprotected = Unprotected()
        self._pause_bars = 0
        self._bid: Decimal | None = None
        self._ask: Decimal | None = None

    @property
    def ready(self) -> bool:
        """Warm-up is over."""
        return self.bars >= self._settings.warmup_bars

    @property
    def off_book_count(self) -> int:
        """Prints that moved no bar because the book does not vouch for them."""
        return self._guard.off_book_count

    def on_market(self, fact: MarketFact, permitted: bool) -> Wishes:
        """The wishes to grant; no orders unless ``permitted`` by the trader."""
        self._trust.on_market(fact)
        if isinstance(fact, BookChanged):
            self._take_book(fact)
        elif isinstance(fact, FeedStale) and fact.stream.startswith(BOOK_STREAMS):
            self._guard.forget()
        wishes = self._on_bars(self._vouched(fact))
        if isinstance(fact, FeedStale):
            return self._withdraw_opening(f"market data stale: {fact.stream}")
        if not (permitted and self._trust.trusted):
            return ()
        protecting = self._unprotected.wishes(self._view(fact.at_ns)) if self._unprotected.active else ()
        if not (self.ready and self._granting) or not all(isinstance(each, Again) for each in protecting):
            return protecting
        if isinstance(fact, BookChanged) and not wishes:
            wishes = self._strategy.on_book(fact, self._view(fact.at_ns))
        return protecting + wishes if protecting else wishes

    def on_fact(self, fact: AccountFact, at_ns: int, permitted: bool) -> Wishes:
        """Take in one account fact; the wishes to grant, if ``permitted``."""
        self._unprotected.hear(fact, self.orders, at_ns)
        heard = self.orders.on_fact(fact)
        if self._unprotected.active:
            self._unprotected.settle(self.orders)
        if not heard:
            return ()
        if isinstance(fact, OrderDenied | OrderRejected) and fact.reason not in OVERTAKEN:
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

        self._guard.on_book(book.bids, book.asks)

    def _vouched(self, fact: MarketFact) -> MarketFact:
        """Without the prints that are off the book; what is left of the fact still says what time it is."""
        if not isinstance(fact, TradesPrinted):
            return fact
        prints = tuple(each for each in fact.prints if self._guard.credible(each.price))
        return fact if len(prints) == len(fact.prints) else msgspec.structs.replace(fact, prints=prints)

    def _withdraw_opening(self, reason: str) -> Wishes:
        """What rests or waits, but for what only reduces: a position stays protected."""
        return tuple(
            Withdraw(client_order_id=each.order.client_order_id, reason=reason)
            for each in self.orders.working
            if (each.order.price is not None or each.waits) and not (each.canceling or each.order.reduce_only)
        )

    def _view(self, at_ns: int) -> View:
        return View(
            instrument=self.instrument,
            at_ns=at_ns,
            position=self.orders.position,
            working=self.orders.working,
            bid=self._bid,
            ask=self._ask,
            stopped=self.orders.stopped,
        )
