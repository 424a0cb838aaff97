"""The tape through NautilusTrader's BacktestEngine (optional extra ``nautilus``), with the quoter of benchmarks/quoter.py.

Windows become order book deltas (a clear and up to 30 adds), prints become trade ticks. Only imported where it is installed.
"""

from decimal import Decimal
from importlib import import_module
from typing import Any

from benchmarks.quoter import QUOTES_EVERY, TAKES_EVERY
from benchmarks.realism.recorded_market import RecordedMarket
from trading.messages import BookChanged, Level, TradesPrinted
from trading.words import Side

__all__ = ["NautilusReplay"]

BACKTEST = import_module("nautilus_trader.backtest.engine")
CONFIG = import_module("nautilus_trader.config")
DATA = import_module("nautilus_trader.model.data")
ENUMS = import_module("nautilus_trader.model.enums")
IDS = import_module("nautilus_trader.model.identifiers")
INSTRUMENTS = import_module("nautilus_trader.model.instruments")
MONEY = import_module("nautilus_trader.model.objects")
STRATEGY: Any = import_module("nautilus_trader.trading.strategy").Strategy

VENUE = "SIM"
BALANCE = 10**7
"""More, and its floating point numbers no longer add up."""
LAST_OF_EVENT = 128
"""RecordFlag.F_LAST: the book is whole again."""


class NautilusReplay:
    """``events`` counts what the engine is given: single deltas and trades."""

    def __init__(self, market: RecordedMarket) -> None:
        self._instrument = _instrument(market)
        self._data: list[Any] = []
        self.events = 0
        for fact in market.facts:
            if isinstance(fact, BookChanged):
                self._data.append(self._deltas(fact))
                self.events += 1 + len(fact.bids) + len(fact.asks)
            elif isinstance(fact, TradesPrinted):
                for number, each in enumerate(fact.prints):
                    aggressor = ENUMS.AggressorSide.BUYER if each.aggressor is Side.BUY else ENUMS.AggressorSide.SELLER
                    price, quantity = self._instrument.make_price(each.price), self._instrument.make_qty(each.quantity)
                    trade_id = IDS.TradeId(f"{fact.sequence}-{number}")
                    self._data.append(DATA.TradeTick(self._instrument.id, price, quantity, aggressor, trade_id, fact.at_ns, fact.at_ns))
                self.events += len(fact.prints)

    def run(self) -> int:
        """One replay; how many fills the quoter had."""
        logging = CONFIG.LoggingConfig(bypass_logging=True)
        engine = BACKTEST.BacktestEngine(CONFIG.BacktestEngineConfig(logging=logging))
        engine.add_venue(
            venue=IDS.Venue(VENUE), oms_type=ENUMS.OmsType.NETTING, account_type=ENUMS.AccountType.MARGIN,
            starting_balances=[MONEY.Money(BALANCE, self._instrument.quote_currency)], book_type=ENUMS.BookType.L2_MBP, trade_execution=True,
        )
        engine.add_instrument(self._instrument)
        engine.add_data(self._data, validate=False, sort=False)
        quoter = Quoter(self._instrument)
        engine.add_strategy(quoter)
        engine.run()
        fills = quoter.fills
        engine.dispose()
        return fills

    def _deltas(self, window: BookChanged) -> Any:
        identifier, at_ns = self._instrument.id, window.at_ns
        deltas = [DATA.OrderBookDelta.clear(identifier, window.sequence, at_ns, at_ns)]
        last = len(window.bids) + len(window.asks)
        sides = ((ENUMS.OrderSide.BUY, window.bids), (ENUMS.OrderSide.SELL, window.asks))
        rows: list[tuple[Any, Level]] = [(side, level) for side, levels in sides for level in levels]
        for number, (side, (price, quantity)) in enumerate(rows, 1):
            order = DATA.BookOrder(side, self._instrument.make_price(price), self._instrument.make_qty(quantity), 0)
            flags = LAST_OF_EVENT if number == last else 0
            deltas.append(DATA.OrderBookDelta(identifier, ENUMS.BookAction.ADD, order, flags, window.sequence, at_ns, at_ns))
        return DATA.OrderBookDeltas(identifier, deltas)


class Quoter(STRATEGY):  # type: ignore[misc]  # imported by name: it need not be there
    """Replaces one lot at each best price with every tenth window, takes one lot with every thirtieth."""

    def __init__(self, instrument: Any) -> None:
        super().__init__()
        self.fills = 0
        self._quoted = instrument
        self._lot = instrument.make_qty(instrument.size_increment)
        self._windows = 0

    def on_start(self) -> None:
        self.subscribe_order_book_deltas(self._quoted.id, ENUMS.BookType.L2_MBP)
        self.subscribe_trade_ticks(self._quoted.id)

    def on_order_book_deltas(self, deltas: Any) -> None:
        self._windows += 1
        book = self.cache.order_book(self._quoted.id)
        if book is None:
            return
        if self._windows % QUOTES_EVERY == 0:
            self.cancel_all_orders(self._quoted.id)
            for side, price in ((ENUMS.OrderSide.BUY, book.best_bid_price()), (ENUMS.OrderSide.SELL, book.best_ask_price())):
                self.submit_order(self.order_factory.limit(self._quoted.id, side, self._lot, price))
        if self._windows % TAKES_EVERY == 0:
            side = ENUMS.OrderSide.BUY if self._windows % (2 * TAKES_EVERY) else ENUMS.OrderSide.SELL
            self.submit_order(self.order_factory.market(self._quoted.id, side, self._lot))

    def on_order_filled(self, event: Any) -> None:
        self.fills += 1


def _instrument(market: RecordedMarket) -> Any:
    rules = market.instrument
    base, quote = MONEY.Currency.from_str(rules.symbol.removesuffix("USDT")), MONEY.Currency.from_str("USDT")
    symbol = IDS.Symbol(rules.symbol)
    places = {"price_precision": -_exponent(rules.tick), "size_precision": -_exponent(rules.step)}
    return INSTRUMENTS.CryptoPerpetual(
        instrument_id=IDS.InstrumentId(symbol, IDS.Venue(VENUE)), raw_symbol=symbol, base_currency=base, quote_currency=quote,
        settlement_currency=quote, is_inverse=False, price_increment=MONEY.Price.from_str(str(rules.tick)),
        size_increment=MONEY.Quantity.from_str(str(rules.step)), margin_init=Decimal("0.01"), margin_maint=Decimal("0.005"),
        maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.0005"), ts_event=0, ts_init=0, **places,
    )


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "a tick is finite"
    return exponent
