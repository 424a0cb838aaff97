"""Bars: one-minute ones kept, longer ones gathered from them, and a past made up so that it ends at the start price.

It knows no clock and no order flow; chance is drawn from a stream of its own, so that asking for the past changes no
future.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

MINUTE_NS = 60_000_000_000
DAY_MINUTES = 1440
OLDEST_MINUTES = 14 * DAY_MINUTES
"""How far back the made-up past goes; a request for more gets fewer rows, as with a young listing."""

MINUTES = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480,
           "12h": 720, "1d": DAY_MINUTES, "3d": 3 * DAY_MINUTES, "1w": 7 * DAY_MINUTES, "1M": 0}
"""Intervals as REST spells them; a calendar month has no fixed length."""

MONDAY_MINUTES = 4 * DAY_MINUTES
"""The epoch was a Thursday; weeks begin on Monday."""


class Bar(NamedTuple):
    """Prices in ticks, volume in lots, turnover in ticks x lots; `open_ns` is a whole minute since the epoch."""

    open_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    turnover: int = 0


class Bars:
    """One-minute bars of one price, from `OLDEST_MINUTES` before the start until now; the last one is still forming."""

    def __init__(self, chance: Random, start_ns: int, start_tick: int, ticks_per_bps: float,
                 lots_per_minute: float) -> None:
        self._chance = chance
        self._ticks_per_bps = ticks_per_bps
        self._lots_per_minute = lots_per_minute
        self._spread_bps = 6.0
        first = start_ns - start_ns % MINUTE_NS
        self._past: list[Bar] = []
        self._live: list[Bar] = []
        self._forming = Bar(first, start_tick, start_tick, start_tick, start_tick)
        self._start_tick = start_tick
        self._first_ns = first

    @property
    def forming(self) -> Bar:
        return self._forming

    def roll_to(self, now_ns: int) -> None:
        """Close the minutes that ended by `now_ns`; a minute without trades has the last close as all its prices."""
        while self._forming.open_ns + MINUTE_NS <= now_ns:
            bar = self._forming
            self._live.append(bar)
            self._forming = Bar(bar.open_ns + MINUTE_NS, bar.close, bar.close, bar.close, bar.close)

    def add(self, at_ns: int, tick: int, lots: int) -> None:
        """Count one trade (or one reading of a price, with no lots); the first of a minute sets its open, high and
        low.
        """
        self.roll_to(at_ns)
        bar = self._forming
        fresh = not bar.volume and bar.open == bar.high == bar.low == bar.close and lots
        self._forming = Bar(bar.open_ns, tick if fresh else bar.open, tick if fresh else max(bar.high, tick),
                            tick if fresh else min(bar.low, tick), tick, bar.volume + lots, bar.turnover + tick * lots)

    def newest_first(self) -> Iterator[Bar]:
        """The forming bar, then every closed one back to the oldest; the past is made up only as far as it is read."""
        yield self._forming
        yield from reversed(self._live)
        for ago in range(OLDEST_MINUTES):
            if ago == len(self._past):
                self._past.append(self._earlier())
            yield self._past[ago]

    def day(self) -> Bar:
        """The last 24 rolling hours as one bar."""
        minutes = self.newest_first()
        return merged([next(minutes) for _ in range(DAY_MINUTES)])

    def _earlier(self) -> Bar:
        """One more minute of the past: it closes where the one after it opens. Calm and lively hours come in turns."""
        chance = self._chance
        after = self._past[-1] if self._past else None
        close, open_ns = (after.open, after.open_ns) if after else (self._start_tick, self._first_ns)
        self._spread_bps = min(max(self._spread_bps * chance.lognormvariate(0.0, 0.12), 3.0), 14.0)
        reach = self._spread_bps * self._ticks_per_bps
        opened = max(1, close - round(chance.gauss(0.0, reach)))
        high = max(opened, close) + int(chance.expovariate(2.5 / reach))
        low = max(1, min(opened, close) - int(chance.expovariate(2.5 / reach)))
        volume = round(self._lots_per_minute * (self._spread_bps / 6.0) * chance.lognormvariate(-0.18, 0.6))
        return Bar(open_ns - MINUTE_NS, opened, high, low, close, volume, volume * ((high + low + opened + close) // 4))


def rows(bars: Bars, interval: str, limit: int, before_ns: int | None = None) -> list[Bar]:
    """At most `limit` bars of an interval of `MINUTES`, newest first, that opened before `before_ns` (default: all)."""
    gathered: list[Bar] = []
    bucket: list[Bar] = []
    for bar in bars.newest_first():
        opened = bucket_ns(interval, bar.open_ns)
        if before_ns is not None and opened >= before_ns:
            continue
        if bucket and bucket_ns(interval, bucket[0].open_ns) != opened:
            gathered.append(_bucket_bar(interval, bucket))
            bucket = []
            if len(gathered) == limit:
                return gathered
        bucket.append(bar)
    return [*gathered, _bucket_bar(interval, bucket)] if bucket else gathered


def newest(bars: Bars, interval: str) -> Bar:
    """The forming bar of an interval of `MINUTES`."""
    return bars.forming if interval == "1m" else rows(bars, interval, 1)[0]


def merged(newest_first: list[Bar]) -> Bar:
    """Adjacent bars as one."""
    first, last = newest_first[-1], newest_first[0]
    return Bar(first.open_ns, first.open, max(bar.high for bar in newest_first), min(bar.low for bar in newest_first),
               last.close, sum(bar.volume for bar in newest_first), sum(bar.turnover for bar in newest_first))


def bucket_ns(interval: str, ns: int) -> int:
    """When the bar of `interval` that contains `ns` opened; UTC, weeks from Monday, calendar months."""
    minutes = ns // MINUTE_NS
    length = MINUTES[interval]
    if interval == "1M":
        month = datetime.fromtimestamp(ns // 1_000_000_000, UTC).replace(day=1, hour=0, minute=0, second=0)
        return int(month.timestamp()) * 1_000_000_000
    offset = MONDAY_MINUTES if interval == "1w" else 0
    return (minutes - (minutes - offset) % length) * MINUTE_NS


def _bucket_bar(interval: str, newest_first: list[Bar]) -> Bar:
    return merged(newest_first)._replace(open_ns=bucket_ns(interval, newest_first[0].open_ns))
