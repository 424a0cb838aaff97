"""Trades become time bars: true OHLCV, without gaps, on event time.

A bar covers [open_at, open_at + interval); its boundaries are multiples of the interval since the Unix epoch. It closes
when event time reaches its end, by whatever market fact says so. Must not know what anybody does with a bar.

- An interval without trades gives a bar at the previous close with volume 0, as soon as there is a previous price.
- The interval in which listening began was seen only in part and gives no bar, unless older bars were there to
  continue from (:meth:`BarBuilder.continue_from`).
- A jump of more than ``LONGEST_GAP`` intervals is not filled: the builder starts afresh and says so
(:class:`BarsReset`).
"""

import re
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from trading.messages import MarketFact, Print, TradesPrinted
from trading.quantities import EXACT, ZERO

__all__ = ["BarBuilder", "BarClosed", "BarsReset", "LONGEST_GAP", "continuous", "parse_interval", "venue_interval"]

LONGEST_GAP = 1_000
"""Intervals. What one jump of the clock may cost, and more than any warm-up needs."""

MILLISECOND = 1_000_000
UNITS_NS = {
    "ms": MILLISECOND,
    "s": 1_000 * MILLISECOND,
    "m": 60_000 * MILLISECOND,
    "h": 3_600_000 * MILLISECOND,
    "d": 86_400_000 * MILLISECOND,
}
SHORTEST_NS = 100 * MILLISECOND
LONGEST_NS = UNITS_NS["d"]
VENUE_INTERVALS = ("1m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")
"""What ``GET kline`` serves and what divides the day evenly."""


class BarClosed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A finished bar; ``volume`` in base coin, ``trades`` is 0 where the source does not count them."""

    symbol: str
    open_at_ns: int
    interval_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int

    @property
    def end_ns(self) -> int:
        """First instant that no longer belongs to the bar."""
        return self.open_at_ns + self.interval_ns


class BarsReset(msgspec.Struct, frozen=True, kw_only=True):
    """Event time jumped over ``intervals`` whole bars: too many to fill. What was built from older bars no longer
    holds."""

    symbol: str
    from_ns: int
    to_ns: int
    intervals: int


class BarBuilder:
    """Builds the bars of one symbol from its market facts."""

    def __init__(self, symbol: str, interval_ns: int) -> None:
        self.symbol = symbol
        self.interval_ns = interval_ns
        self._open_at_ns: int | None = None
        self._whole = False
        self._last_price: Decimal | None = None
        self._forming: _Forming | None = None

    @property
    def forming_at_ns(self) -> int | None:
        """When the bar being built opened; None before the first fact."""
        return self._open_at_ns

    def on_market(self, fact: MarketFact) -> list[BarClosed | BarsReset]:
        """What closed because of this fact, oldest first. Facts of other symbols change nothing.

        Trades older than the bar being built belong to a closed bar (of the history, usually) and are not counted
        again.
        """
        if fact.symbol != self.symbol:
            return []
        closed = self._advance(fact.at_ns)
        if isinstance(fact, TradesPrinted) and self._open_at_ns is not None and fact.at_ns >= self._open_at_ns:
            for each in fact.prints:
                self._count(each)
        return closed

    def continue_from(self, bar: BarClosed) -> None:
        """Follow a closed bar without a gap: the next bar opens where it ends, and its first interval counts as
        whole."""
        self._whole = True
        if self._open_at_ns is None:
            self._open_at_ns = bar.end_ns
        if self._last_price is None:
            self._last_price = bar.close

    def _advance(self, at_ns: int) -> list[BarClosed | BarsReset]:
        start_ns = at_ns - at_ns % self.interval_ns
        if self._open_at_ns is None:
            self._open_at_ns = start_ns
        intervals = (start_ns - self._open_at_ns) // self.interval_ns
        if intervals > LONGEST_GAP:
            return [self._reset(start_ns, intervals)]
        closed: list[BarClosed | BarsReset] = []
        for _ in range(intervals):
            bar = self._close()
            if bar is not None:
                closed.append(bar)
        return closed

    def _close(self) -> BarClosed | None:
        """End the forming interval and open the next; None where there is nothing true to say about it."""
        assert self._open_at_ns is not None
        bar = None
        if self._whole and self._forming is not None:
            bar = self._forming.bar(self.symbol, self._open_at_ns, self.interval_ns)
        elif self._whole and self._last_price is not None:
            bar = flat_bar(self.symbol, self._open_at_ns, self.interval_ns, self._last_price)
        self._open_at_ns += self.interval_ns
        self._forming = None
        self._whole = True
        return bar

    def _count(self, trade: Print) -> None:
        if self._forming is None:
            self._forming = _Forming(trade.price)
        self._forming.add(trade)
        self._last_price = trade.price

    def _reset(self, start_ns: int, intervals: int) -> BarsReset:
        assert self._open_at_ns is not None
        reset = BarsReset(symbol=self.symbol, from_ns=self._open_at_ns, to_ns=start_ns, intervals=intervals)
        self._open_at_ns = start_ns
        self._whole = False
        self._last_price = None
        self._forming = None
        return reset


class _Forming:
    """The bar being built, once it has a trade."""

    def __init__(self, price: Decimal) -> None:
        self.open = self.high = self.low = self.close = price
        self.volume = ZERO
        self.trades = 0

    def add(self, trade: Print) -> None:
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.close = trade.price
        self.volume = EXACT.add(self.volume, trade.quantity)
        self.trades += 1

    def bar(self, symbol: str, open_at_ns: int, interval_ns: int) -> BarClosed:
        return BarClosed(
            symbol=symbol,
            open_at_ns=open_at_ns,
            interval_ns=interval_ns,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
            trades=self.trades,
        )


def flat_bar(symbol: str, open_at_ns: int, interval_ns: int, price: Decimal) -> BarClosed:
    """The bar of an interval in which nothing traded."""
    return BarClosed(
        symbol=symbol,
        open_at_ns=open_at_ns,
        interval_ns=interval_ns,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=ZERO,
        trades=0,
    )


def continuous(bars: Iterable[BarClosed], until_ns: int | None = None) -> list[BarClosed]:
    """Bars of one symbol and interval in order, each once, gaps filled flat, up to ``until_ns`` (the opening of the
    next bar).

    Of two bars for one interval the first given counts. What lies before a gap of more than ``LONGEST_GAP`` intervals
    is left out; so is what ends after ``until_ns``.
    """
    unique: dict[int, BarClosed] = {}
    for bar in bars:
        if until_ns is None or bar.end_ns <= until_ns:
            unique.setdefault(bar.open_at_ns, bar)
    line: list[BarClosed] = []
    for open_at_ns in sorted(unique):
        _fill(line, open_at_ns)
        line.append(unique[open_at_ns])
    if until_ns is not None:
        _fill(line, until_ns)
    return line


def parse_interval(text: str) -> int:
    """``500ms``, ``1s``, ``5m``, ``1h``, ``1d`` -> nanoseconds. Raises ValueError, saying what is wrong and what
    would do."""
    match = re.fullmatch(r"(\d{1,6})(ms|s|m|h|d)", text)
    if match is None:
        raise ValueError(
            f"bar interval {text!r} is not a whole number and one of ms, s, m, h, d, such as 500ms, 1s or 5m"
        )
    interval_ns = int(match[1]) * UNITS_NS[match[2]]
    if not SHORTEST_NS <= interval_ns <= LONGEST_NS:
        raise ValueError(f"bar interval {text!r} is outside 100ms to 1d")
    return interval_ns


def venue_interval(interval_ns: int) -> str | None:
    """How the venue spells this interval if it keeps history for it: ``60s`` is its ``1m``, ``500ms`` is None."""
    return next((text for text in VENUE_INTERVALS if parse_interval(text) == interval_ns), None)


def _fill(line: list[BarClosed], next_ns: int) -> None:
    """Extend the line with flat bars up to ``next_ns``; empty it when that is too far away."""
    if not line:
        return
    last = line[-1]
    missing = (next_ns - last.end_ns) // last.interval_ns
    if missing > LONGEST_GAP:
        line.clear()
    else:
        opens = range(last.end_ns, next_ns, last.interval_ns)
        line.extend(flat_bar(last.symbol, open_at_ns, last.interval_ns, last.close) for open_at_ns in opens)
