"""Makers and takers around a fair price, one event at a time. It knows no clock, no bars and no wire; chance is an
argument.

The fair price is an anchor: makers want to bid at it and to offer one tick above. A jump of the path moves the anchor;
takers run through the levels in between, makers pull what is left of them and quote anew around the anchor a moment
later. In calm stretches takers hit the best price again and again and makers refill it. Constants are fitted to 344 s
of recorded BTCUSDT.
"""

from itertools import pairwise
from math import exp
from random import Random
from typing import NamedTuple

from venue.stand_in.limit_book import Fill, LimitBook
from venue.stand_in.price_path import SECOND_NS, Jump, PricePath

# Inverse distribution of the size of one print, in BTC: (share of prints not larger, size), log-linear in between.
PRINT_SIZES = ((0.0, 0.001), (0.10, 0.002), (0.25, 0.003), (0.50, 0.016), (0.75, 0.081), (0.90, 0.265), (0.95, 0.486),
               (0.99, 1.146), (1.0, 8.0))
LEVELS_WANTED = 220
LEVELS_LEAST = 110
OPENING_LEVELS = 130
BAND_BPS = 60.0
MAKER_EVENTS_PER_S = 55.0
TAKER_EVENTS_PER_S = 10.5
TAKER_ECHO_CHANCE = 0.30
TAKER_ECHO_MEAN_S = 0.012
SAME_SIDE_CHANCE = 0.62
REQUOTE_MEAN_S = 0.003


class Scale(NamedTuple):
    """What one contract's tick and lot are worth beside the BTC market the constants were fitted to."""

    ticks_per_bps: float
    lots_per_btc: float


class Print(NamedTuple):
    """One trade print: `buyer_took` says that the taker bought."""

    at_ns: int
    tick: int
    lots: int
    buyer_took: bool


class OrderFlow:
    """The book and whoever moves it. `next_ns` is when `step` acts next; the prints of a step are returned, oldest
    first.
    """

    def __init__(self, chance: Random, scale: Scale, start_tick: int, start_ns: int) -> None:
        self.book = LimitBook()
        self._chance = chance
        self._scale = scale
        self._anchor = start_tick
        self._path = PricePath(chance, start_ns)
        self._way = 1
        self._taker_ns = start_ns + self._wait_ns(1 / TAKER_EVENTS_PER_S)
        self._maker_ns = start_ns + self._wait_ns(1 / MAKER_EVENTS_PER_S)
        self._requote_ns = start_ns
        self._open_book()

    @property
    def next_ns(self) -> int:
        return min(self._path.next_ns, self._taker_ns, self._maker_ns, self._requote_ns)

    def step(self) -> list[Print]:
        """Let whoever is due at `next_ns` act. The order of the questions decides ties, so it is part of the seed's
        meaning.
        """
        now_ns = self.next_ns
        if self._path.next_ns == now_ns:
            jump = self._path.step()
            return self._jump(jump) if jump else []
        if self._requote_ns == now_ns:
            self._requote()
            return []
        if self._taker_ns == now_ns:
            return self._taker(now_ns)
        self._maker(now_ns)
        return []

    # ---- takers

    def _taker(self, now_ns: int) -> list[Print]:
        """One market order against the best price; it seldom reaches further, for most takers send what the best price
        holds.
        """
        chance = self._chance
        echo = chance.random() < TAKER_ECHO_CHANCE
        self._taker_ns = now_ns + self._wait_ns(
            TAKER_ECHO_MEAN_S if echo else 1 / (TAKER_EVENTS_PER_S * self._path.regime.activity))
        if chance.random() >= SAME_SIDE_CHANCE:
            self._way = 1 if chance.random() < self._path.buy_chance else -1
        side = self.book.side(self._way)
        prints = 1 if chance.random() < 0.64 else 1 + int(chance.lognormvariate(1.3, 1.2))
        reach = 0 if chance.random() < 0.9 else int(0.12 * self._scale.ticks_per_bps)
        best = side.best
        printed = self._run(now_ns, self._way, prints, best + self._way * reach)
        if not side.at(best):
            self._depleted(now_ns, self._way)
        return printed

    def _run(self, now_ns: int, way: int, prints: int, worst_tick: int) -> list[Print]:
        """Takers of `prints` sizes on one side at one instant, none paying worse than `worst_tick`."""
        side = self.book.side(way)
        printed: list[Print] = []
        for _ in range(prints):
            fills: list[Fill] = side.take(self._print_lots(), worst_tick)
            if not fills:
                break
            printed += [Print(now_ns, tick, lots, way > 0) for tick, lots in fills]
        return printed

    def _depleted(self, now_ns: int, way: int) -> None:
        """The best level is gone: either its makers come back to it, or the other side follows into the gap."""
        if self._chance.random() < 0.35:
            self._anchor += way * self._chance.randint(1, max(1, int(0.15 * self._scale.ticks_per_bps)))
            self._pull(way)
        self._requote_soon(now_ns)

    def _jump(self, jump: Jump) -> list[Print]:
        """The fair price moves: takers run up to it, makers pull what they leave behind."""
        ticks = int(abs(jump.size_bps) * self._scale.ticks_per_bps)
        if not ticks:
            return []
        way = 1 if jump.size_bps > 0 else -1
        self._anchor += way * ticks
        self._way = way
        prints = 1 + int(self._chance.lognormvariate(2.3, 1.25))
        printed = self._run(jump.at_ns, way, min(prints, 400), self._quote(way))
        self._pull(way)
        self._follow(-way, ticks)
        self._requote_soon(jump.at_ns)
        return printed

    def _print_lots(self) -> int:
        share = self._chance.random()
        (low, small), (high, large) = next(step for step in pairwise(PRINT_SIZES) if share <= step[1][0])
        size: float = small * (large / small) ** ((share - low) / (high - low))
        return max(1, round(size * self._scale.lots_per_btc))

    # ---- makers

    def _quote(self, sign: int) -> int:
        """Where makers of a side want the best price: the anchor for bids, one tick above for asks."""
        return self._anchor + (1 if sign > 0 else 0)

    def _pull(self, way: int) -> None:
        """Cancel the quotes which the anchor has overtaken, and those it has left so far behind that nobody remembers
        them.
        """
        self.book.side(way).cancel_within(self._quote(way) - way)
        self.book.side(-way).cancel_beyond(self._anchor - way * int(BAND_BPS * self._scale.ticks_per_bps))

    def _requote_soon(self, now_ns: int) -> None:
        self._requote_ns = min(self._requote_ns, now_ns + self._wait_ns(REQUOTE_MEAN_S))
        if not (len(self.book.bids) and len(self.book.asks)):
            self._requote()

    def _requote(self) -> None:
        """Bring both best prices back to the anchor and top a thin side up."""
        self._requote_ns = NEVER_NS
        for sign in (-1, 1):
            side, tick = self.book.side(sign), self._quote(sign)
            if not len(side) or side.best != tick:
                self.book.add(sign, tick, self._lots(1.3, 1.1))
            while len(side) < LEVELS_LEAST:
                self._rest(sign)

    def _maker(self, now_ns: int) -> None:
        """One arrival or cancel somewhere in the book."""
        chance = self._chance
        self._maker_ns = now_ns + self._wait_ns(1 / (MAKER_EVENTS_PER_S * (0.5 + 0.5 * self._path.regime.activity)))
        sign = 1 if chance.random() < 0.5 else -1
        side = self.book.side(sign)
        if chance.random() < 0.36:
            self._at_best(sign)
        elif chance.random() < LEVELS_WANTED / (LEVELS_WANTED + len(side)):
            self._rest(sign)
        elif len(side) > 1:
            tick = side.tick_at(1 + int((len(side) - 1) * chance.random() ** 1.5))
            side.cancel(tick, side.at(tick))

    def _at_best(self, sign: int) -> None:
        """Join the best price, or take a part of it away."""
        side = self.book.side(sign)
        lots = side.at(side.best)
        if self._chance.random() < 0.62:
            side.add(side.best, self._lots(0.28, 1.35))
        elif lots > 1:
            side.cancel(side.best, max(1, int(lots * self._chance.uniform(0.02, 0.24))))

    def _rest(self, sign: int) -> None:
        """One order behind the best price: near ones thickly strewn and often beside another, far ones thinly."""
        chance, per_bps = self._chance, self._scale.ticks_per_bps
        side = self.book.side(sign)
        draw = chance.random()
        if draw < 0.33 and len(side) > 2:
            beside = side.tick_at(int(min(len(side), 30) * chance.random() ** 1.4))
            tick = beside + chance.choice((-1, 1))
        elif draw < 0.88:
            tick = self._quote(sign) + sign * (1 + int(chance.expovariate(1 / (1.25 * per_bps))))
        else:
            tick = self._quote(sign) + sign * (1 + int(chance.uniform(0.5, BAND_BPS) * per_bps))
        if (tick - self._quote(sign)) * sign > 0:
            self.book.add(sign, tick, self._resting_lots(tick))

    def _follow(self, sign: int, ticks: int) -> None:
        """Makers who follow a jump fill the gap that it left behind the new best price."""
        for _ in range(min(14, 1 + int(ticks / (0.11 * self._scale.ticks_per_bps)))):
            tick = self._quote(sign) + sign * (1 + int(self._chance.random() ** 1.3 * ticks))
            self.book.add(sign, tick, self._resting_lots(tick))

    def _open_book(self) -> None:
        self._requote()
        for sign in (-1, 1):
            while len(self.book.side(sign)) < OPENING_LEVELS:
                self._rest(sign)

    def _resting_lots(self, tick: int) -> int:
        """A third of the levels are dust, the rest spread over four decades; round prices draw size."""
        draw = self._chance.random()
        if draw < 0.33:
            return max(1, round(self._chance.choice((0.002, 0.002, 0.003, 0.004)) * self._scale.lots_per_btc))
        if tick % 100 == 0 or (tick % 10 == 0 and draw > 0.9):
            return self._lots(1.2, 1.3)
        return self._lots(0.11, 1.25)

    def _lots(self, median_btc: float, sigma: float) -> int:
        btc = min(median_btc * exp(self._chance.gauss(0.0, sigma)), 60.0)
        return max(1, round(btc * self._scale.lots_per_btc))

    def _wait_ns(self, mean_s: float) -> int:
        return 1 + int(self._chance.expovariate(1 / mean_s) * SECOND_NS)


NEVER_NS = 1 << 62
