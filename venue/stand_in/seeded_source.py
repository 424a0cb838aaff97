"""The seeded market as a source of pushes and answers. Frames are a function of seed and virtual time; it has no clock
of its own.
"""

import heapq
from collections.abc import Collection, Mapping
from decimal import Decimal
from random import Random

from venue import wire
from venue.stand_in.history import MINUTES
from venue.stand_in.http_answer import HttpAnswer
from venue.stand_in.instruments import PAIRS, TYPICAL_PRICES
from venue.stand_in.limit_book import Fill
from venue.stand_in.market import Market
from venue.stand_in.quotes import Quotes
from venue.stand_in.rest import RestDesk
from venue.stand_in.schedule import MS_NS, PACES, Schedule
from venue.stand_in.settings import StandInSettings
from venue.stand_in.source import Push
from venue.wire import KLINE_INTERVALS, MARK_KLINE_PREFIX, MARKET_KLINE_PREFIX, Topic

START_NS = 1_767_599_820_000_000_000
"""2026-01-05T07:57:00Z: a ten-minute session meets the funding settlement of 08:00."""

WHOLE_BOOK = 1_000_000
DEPTH_LEVELS = {"depth_book1": 1, "depth_book5": 5, "depth_book15": 15, "depth_books": WHOLE_BOOK}

# WebSocket spelling of an interval -> REST spelling
INTERVALS = dict(zip(KLINE_INTERVALS, MINUTES, strict=True))


class SeededSource:
    """One market per symbol, told in order of time; raises ValueError for a symbol that no facts are known of."""

    patient = False  # an exchange waits for nobody
    ended = False

    def __init__(self, settings: StandInSettings) -> None:
        self._settings = settings
        self._markets = {symbol: Market(settings.seed, PAIRS[symbol], START_NS, price)
                         for symbol, price in _start_prices(settings).items()}
        self._quotes = {symbol: Quotes(market, settings.trade_time_digits) for symbol, market in self._markets.items()}
        self._desk = RestDesk(self._quotes, settings)
        self._schedule = Schedule(settings.seed, START_NS, settings.kline_push_ms)
        self._told_ns = START_NS
        self._whole_books: dict[str, tuple[list[Fill], list[Fill]]] = {}

    @property
    def start_ns(self) -> int:
        return START_NS

    @property
    def symbols(self) -> Collection[str]:
        return self._markets.keys()

    def serves(self, topic: Topic) -> bool:
        known = topic.ch in PACES or _kline_interval(topic.ch) is not None
        return known and topic.symbol in self._markets

    def next_push_ns(self, topics: Collection[Topic]) -> int | None:
        return min((self._schedule.after(topic, self._told_ns) for topic in topics), default=None)

    def pushes(self, until_ns: int, topics: Collection[Topic]) -> list[Push]:
        told: list[Push] = []
        due = [(self._schedule.after(topic, self._told_ns), topic.ch, topic.symbol) for topic in topics]
        heapq.heapify(due)
        while due and due[0][0] <= until_ns:
            at_ns, channel, symbol = due[0]
            topic = Topic(symbol, channel)
            self._markets[symbol].advance(at_ns)
            told += self._push(at_ns, topic)
            heapq.heapreplace(due, (self._schedule.after(topic, at_ns), channel, symbol))
        for market in self._markets.values():
            market.advance(until_ns)
        self._told_ns = max(self._told_ns, until_ns)
        return told

    def cue(self, topics: Collection[Topic]) -> None:
        """Nobody is waited for: who comes late hears the rest."""

    def answer(self, path: str, query: Mapping[str, str]) -> HttpAnswer:
        return HttpAnswer(200, self._desk.answer(path, query))

    def _push(self, at_ns: int, topic: Topic) -> list[Push]:
        """The push due at this instant; none when there is nothing to tell."""
        if topic.ch == "depth_books" and self._settings.depth_books == "delta":
            return [self._book_changes(at_ns, topic)]
        data = self._data(at_ns, topic)
        if not data:
            return []
        symbol = "" if topic.ch == "tickers" else topic.symbol
        return [Push(at_ns, topic, wire.push(topic.ch, symbol, at_ns // MS_NS, data))]

    def _data(self, at_ns: int, topic: Topic) -> object:
        quotes = self._quotes[topic.symbol]
        match topic.ch:
            case "trade":
                return quotes.trades(at_ns - PACES["trade"][0] * MS_NS)
            case "price":
                return quotes.price()
            case "ticker":
                return quotes.ticker(with_best=False)
            case "tickers":
                return [quotes.ticker(with_best=True)]
            case channel if channel in DEPTH_LEVELS:
                return quotes.depth(DEPTH_LEVELS[channel])
        return quotes.kline(INTERVALS[_kline_interval(topic.ch) or ""], topic.ch.startswith(MARK_KLINE_PREFIX))

    def _book_changes(self, at_ns: int, topic: Topic) -> Push:
        """The documents' reading of depth_books: a whole book first, then changed levels, quantity 0 for a level that
        is gone.
        """
        quotes, ts_ms = self._quotes[topic.symbol], at_ns // MS_NS
        book = self._markets[topic.symbol].book(WHOLE_BOOK)
        before = self._whole_books.get(topic.symbol, ([], []))
        self._whole_books[topic.symbol] = book
        bids, asks = (quotes.levels(_changes(old, new)) for old, new in zip(before, book, strict=True))
        whole = wire.push(topic.ch, topic.symbol, ts_ms, quotes.depth(WHOLE_BOOK))
        return Push(at_ns, topic, wire.push(topic.ch, topic.symbol, ts_ms, wire.Depth(bids, asks)), opening=whole)


def _changes(before: list[Fill], now: list[Fill]) -> list[Fill]:
    kept = dict(before)
    standing = {tick for tick, _ in now}
    changed = [(tick, lots) for tick, lots in now if kept.get(tick) != lots]
    return changed + [(tick, 0) for tick in kept if tick not in standing]


def _kline_interval(channel: str) -> str | None:
    for prefix in (MARKET_KLINE_PREFIX, MARK_KLINE_PREFIX):
        if channel.removeprefix(prefix) in INTERVALS and channel.startswith(prefix):
            return channel.removeprefix(prefix)
    return None


def _start_prices(settings: StandInSettings) -> dict[str, Decimal]:
    """A start price per symbol: the given one for the first, else within 3 % of the usual price, as the seed says."""
    prices: dict[str, Decimal] = {}
    for symbol in settings.symbols:
        if symbol not in PAIRS:
            raise ValueError(f"the stand-in does not list {symbol}; it knows {', '.join(PAIRS)}")
        tick = Decimal(1).scaleb(-PAIRS[symbol].quotePrecision)
        share = Decimal(Random(f"{settings.seed}/{symbol}/start").randint(-300, 300)) / 10_000
        given = settings.start_price if settings.start_price and not prices else TYPICAL_PRICES[symbol] * (1 + share)
        prices[symbol] = given.quantize(tick)
    return prices
