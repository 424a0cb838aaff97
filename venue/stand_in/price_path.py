"""Where the market wants to go: regimes and jumps of the fair price. It knows no book and no clock; chance is an
argument.

A fair price that stands still most of the time and then moves several ticks at once, one move often setting off the
next, is what the recorded BTCUSDT market does: 75 % of its 310 ms steps are flat, 5 % exceed 1.3 bps. Regimes last
seconds to a minute, so that one-minute bars show trends and lulls.
"""

from random import Random
from typing import NamedTuple

SECOND_NS = 1_000_000_000


class Regime(NamedTuple):
    """A mood of the market. `up_chance` is the share of jumps that go up, `activity` scales everybody's pace."""

    name: str
    mean_s: float
    jumps_per_s: float
    jump_bps: float
    up_chance: float
    activity: float


class Jump(NamedTuple):
    """The fair price moves by `size_bps` (signed) at `at_ns`; `depth` counts the jumps that led to it."""

    at_ns: int
    size_bps: float
    depth: int


QUIET = Regime("quiet", 12.0, 0.30, 0.46, 0.50, 0.45)
NORMAL = Regime("normal", 22.0, 0.80, 0.60, 0.50, 1.05)
RALLY = Regime("rally", 16.0, 0.95, 0.64, 0.64, 1.25)
SLUMP = Regime("slump", 16.0, 0.95, 0.64, 0.36, 1.25)
BURST = Regime("burst", 3.0, 2.60, 0.95, 0.50, 4.50)

FOLLOWS: dict[Regime, tuple[tuple[Regime, float], ...]] = {
    QUIET: ((NORMAL, 0.60), (RALLY, 0.15), (SLUMP, 0.15), (BURST, 0.10)),
    NORMAL: ((QUIET, 0.40), (RALLY, 0.22), (SLUMP, 0.22), (BURST, 0.16)),
    RALLY: ((NORMAL, 0.45), (QUIET, 0.20), (SLUMP, 0.15), (BURST, 0.20)),
    SLUMP: ((NORMAL, 0.45), (QUIET, 0.20), (RALLY, 0.15), (BURST, 0.20)),
    BURST: ((NORMAL, 0.40), (RALLY, 0.25), (SLUMP, 0.25), (QUIET, 0.10)),
}

ECHO_CHANCE = 0.42
ECHO_SAME_WAY_CHANCE = 0.80
ECHO_MEAN_S = 0.08
ECHO_DEPTH_MAX = 5
JUMP_BPS_MAX = 12.0


class PricePath:
    """A stream of jumps. `next_ns` is when `step` has something to tell; all chance is drawn there, in order of time.

    `buy_chance` is the share of takers who buy while the present regime lasts: orders come one-sided for minutes on
    end.
    """

    def __init__(self, chance: Random, start_ns: int) -> None:
        self._chance = chance
        self.regime = NORMAL
        self.buy_chance = 0.5
        self._regime_ends_ns = start_ns + self._wait_ns(NORMAL.mean_s)
        self._jump = self._fresh_jump(start_ns)

    @property
    def next_ns(self) -> int:
        return min(self._regime_ends_ns, self._jump.at_ns)

    def step(self) -> Jump | None:
        """Do what is due at `next_ns`: a jump of the fair price, or a change of regime (None)."""
        if self._regime_ends_ns <= self._jump.at_ns:
            self._change_regime(self._regime_ends_ns)
            return None
        jump = self._jump
        echoes = jump.depth < ECHO_DEPTH_MAX and self._chance.random() < ECHO_CHANCE
        self._jump = self._echo(jump) if echoes else self._fresh_jump(jump.at_ns)
        return jump

    def _change_regime(self, now_ns: int) -> None:
        regimes, weights = zip(*FOLLOWS[self.regime], strict=True)
        self.regime = self._chance.choices(regimes, weights)[0]
        self.buy_chance = self.regime.up_chance + self._chance.uniform(-0.22, 0.22)
        self._regime_ends_ns = now_ns + self._wait_ns(self.regime.mean_s)
        # The wait for a fresh jump has no memory, so it may be drawn anew at the new pace; an echo keeps its time.
        if not self._jump.depth:
            self._jump = self._fresh_jump(now_ns)

    def _fresh_jump(self, now_ns: int) -> Jump:
        regime = self.regime
        way = 1 if self._chance.random() < regime.up_chance else -1
        size = min(self._chance.expovariate(1 / regime.jump_bps), JUMP_BPS_MAX)
        return Jump(now_ns + self._wait_ns(1 / regime.jumps_per_s), way * size, 0)

    def _echo(self, jump: Jump) -> Jump:
        way = 1 if self._chance.random() < ECHO_SAME_WAY_CHANCE else -1
        size = jump.size_bps * way * self._chance.uniform(0.3, 0.9)
        return Jump(jump.at_ns + self._wait_ns(ECHO_MEAN_S), size, jump.depth + 1)

    def _wait_ns(self, mean_s: float) -> int:
        return 1 + int(self._chance.expovariate(1 / mean_s) * SECOND_NS)
