"""Index, mark and funding: the prices that no order sets. It knows no book, no clock and no wire; chance is an
argument.

Mark price as on the venue's help page: the median of index plus funding basis, index plus its moving basis, and last
price. Funding as everywhere: mean premium plus (interest - premium clamped to 0.05 %), capped at 0.3 %, settled at
00/08/16 UTC.
"""

from random import Random
from typing import NamedTuple

FUNDING_PERIOD_NS = 8 * 3_600_000_000_000
READING_NS = 2_000_000_000
INTEREST_E6 = 100
CLAMP_E6 = 500
CAP_E6 = 3000
BASIS_SPREAD_BPS = 4.0
SETTLEMENTS_KEPT = 200


class Settlement(NamedTuple):
    """Funding paid at `at_ns`; the rate in millionths (100 is 0.01 %), the mark price in ticks."""

    at_ns: int
    rate_e6: int
    mark_tick: int


class ReferencePrices:
    """Readings every two seconds, settlements every eight hours. Prices in ticks."""

    def __init__(self, chance: Random, start_ns: int, start_tick: int, ticks_per_bps: float) -> None:
        self._chance = chance
        self._ticks_per_bps = ticks_per_bps
        self._usual_bps = chance.uniform(-1.5 * BASIS_SPREAD_BPS, 1.5 * BASIS_SPREAD_BPS)
        self._basis_bps = self._moving_bps = self._premium_bps = self._usual_bps
        self._reading_ns = start_ns
        self.next_settlement_ns = start_ns - start_ns % FUNDING_PERIOD_NS + FUNDING_PERIOD_NS
        self.settlements = self._made_up(start_tick)
        self.index_tick = self.mark_tick = start_tick
        self.read(start_ns, start_tick, start_tick)

    @property
    def next_ns(self) -> int:
        return self._reading_ns

    @property
    def predicted_e6(self) -> int:
        """What would be settled if the period ended now."""
        return _funding_e6(self._premium_bps)

    def read(self, now_ns: int, mid_tick: int, last_tick: int) -> None:
        """Take the reading due at `next_ns`; the first one at or after a settlement time settles."""
        self._reading_ns += READING_NS
        self._basis_bps += 0.01 * (self._usual_bps - self._basis_bps) + self._chance.gauss(0.0, 0.06)
        self._moving_bps += (self._basis_bps - self._moving_bps) / 900  # 30 minutes of readings
        self._premium_bps += (self._basis_bps - self._premium_bps) / 14_400  # 8 hours of readings
        self.index_tick = round(mid_tick - self._basis_bps * self._ticks_per_bps)
        if now_ns >= self.next_settlement_ns:
            self._settle()
        left = (self.next_settlement_ns - now_ns) / FUNDING_PERIOD_NS
        funded = self.index_tick + self.settlements[-1].rate_e6 / 100 * left * self._ticks_per_bps
        moving = self.index_tick + self._moving_bps * self._ticks_per_bps
        self.mark_tick = sorted((round(funded), round(moving), last_tick))[1]

    def _settle(self) -> None:
        self.settlements.append(Settlement(self.next_settlement_ns, self.predicted_e6, self.mark_tick))
        del self.settlements[:-SETTLEMENTS_KEPT]
        self.next_settlement_ns += FUNDING_PERIOD_NS

    def _made_up(self, start_tick: int) -> list[Settlement]:
        """A past of settlements, oldest first, the newest one at the last boundary before the start."""
        past: list[Settlement] = []
        tick = start_tick
        for ago in range(1, SETTLEMENTS_KEPT + 1):
            rate = _funding_e6(self._chance.gauss(self._usual_bps / 2, BASIS_SPREAD_BPS))
            past.append(Settlement(self.next_settlement_ns - ago * FUNDING_PERIOD_NS, rate, tick))
            tick = max(1, tick + round(self._chance.gauss(0.0, 100 * self._ticks_per_bps)))
        return past[::-1]


def _funding_e6(premium_bps: float) -> int:
    premium = round(premium_bps * 100)
    rate = premium + min(max(INTEREST_E6 - premium, -CLAMP_E6), CLAMP_E6)
    return min(max(rate, -CAP_E6), CAP_E6)
