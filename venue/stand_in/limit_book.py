"""A limit order book in whole ticks and lots. It knows no time, no chance and no symbol; it is never crossed or
locked.
"""

from bisect import bisect_left, insort

Fill = tuple[int, int]
"""(price in ticks, quantity in lots)"""


class LimitBook:
    """Both sides of a book. Adding at a price that the other side already holds is a bug of the caller."""

    def __init__(self) -> None:
        self.bids = BookSide(-1)
        self.asks = BookSide(1)

    def side(self, sign: int) -> "BookSide":
        """The bids for -1, the asks for +1: the sign of a walk away from the spread."""
        return self.asks if sign > 0 else self.bids

    def add(self, sign: int, tick: int, lots: int) -> None:
        opposite = self.side(-sign)
        assert lots > 0, f"no quantity to add at {tick}"
        assert not len(opposite) or (opposite.best - tick) * sign < 0, f"{tick} would cross {opposite.best}"
        self.side(sign).add(tick, lots)


class BookSide:
    """Levels of one side. `sign` is -1 for bids, +1 for asks, so that `tick * sign` grows away from the best price."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._ranks: list[int] = []
        self._lots: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._ranks)

    @property
    def best(self) -> int:
        """Best price in ticks; the side must not be empty."""
        return self._ranks[0] * self._sign

    def at(self, tick: int) -> int:
        """Lots resting at a price, 0 when none."""
        return self._lots.get(tick, 0)

    def tick_at(self, depth: int) -> int:
        """Price of the level `depth` places behind the best one."""
        return self._ranks[depth] * self._sign

    def top(self, levels: int) -> list[Fill]:
        """The best `levels` levels, best first."""
        return [(tick, self._lots[tick]) for tick in (rank * self._sign for rank in self._ranks[:levels])]

    def add(self, tick: int, lots: int) -> None:
        if tick in self._lots:
            self._lots[tick] += lots
        else:
            insort(self._ranks, tick * self._sign)
            self._lots[tick] = lots

    def cancel(self, tick: int, lots: int) -> None:
        """Take up to `lots` away from a level; the level goes when nothing is left."""
        left = self._lots[tick] - lots
        if left > 0:
            self._lots[tick] = left
            return
        del self._lots[tick]
        del self._ranks[bisect_left(self._ranks, tick * self._sign)]

    def cancel_within(self, tick: int) -> None:
        """Take away every level at `tick` or better."""
        cut = bisect_left(self._ranks, tick * self._sign + 1)
        for rank in self._ranks[:cut]:
            del self._lots[rank * self._sign]
        del self._ranks[:cut]

    def cancel_beyond(self, tick: int) -> None:
        """Take away every level worse than `tick`."""
        cut = bisect_left(self._ranks, tick * self._sign + 1)
        for rank in self._ranks[cut:]:
            del self._lots[rank * self._sign]
        del self._ranks[cut:]

    def take(self, lots: int, worst_tick: int) -> list[Fill]:
        """A market order of `lots` that pays no worse than `worst_tick`: its fills, best level first; the rest is not
        filled.
        """
        fills: list[Fill] = []
        while lots and self._ranks and self._ranks[0] <= worst_tick * self._sign:
            tick = self.best
            filled = min(lots, self._lots[tick])
            self.cancel(tick, filled)
            fills.append((tick, filled))
            lots -= filled
        return fills
