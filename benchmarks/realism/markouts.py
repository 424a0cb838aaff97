"""Markouts: where the market went after a passive fill, for our simulated fills and for all passive volume on the tape.

A markout is the signed distance, in basis points, from a reference to the middle price some time after the fill; positive is good for
whoever rested. Two references: the fill's price (what a mark to market would show) and the middle of the last window before the fill
(the move alone). Whoever rests is run over on average; a model whose fills are run over less than all the passive volume of the
tape has fills that nobody would have got.

The error of a mean is that of five-second blocks, since neighbours share their future.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from benchmarks.realism.ghosts import Ghost
from benchmarks.realism.recorded_market import MS, SECOND, RecordedMarket
from benchmarks.realism.table import Part
from trading.quantities import BASIS_POINTS
from trading.words import Side

__all__ = ["Markout", "Passive", "markout_part", "markouts_of", "mean_and_error"]

HORIZONS_MS = (100, 1_000, 5_000, 30_000)
BLOCK_NS = 5 * SECOND
SUSPICIOUS = 2.0
"""In errors of the difference: so much better than the passive volume is a lie, or one chance in forty."""
ALL_PASSIVE = "all passive volume"


class Passive(msgspec.Struct, frozen=True):
    """An execution of an order that rested: ``side`` is the resting one's."""

    at_ns: int
    side: Side
    price: float
    quantity: float


class Markout(msgspec.Struct, frozen=True):
    at_ns: int
    weight: float
    from_price_bps: float
    from_mid_bps: float


def markout_part(market: RecordedMarket, ghosts: dict[str, list[Ghost]]) -> Part:
    """Part (d), of the fills that the ghosts got."""
    tape = list(passive_volume(market))
    groups = {ALL_PASSIVE: tape} | {model: list(fills_of(placed)) for model, placed in ghosts.items()}
    rows: list[tuple[str | int | float | None, ...]] = []
    for horizon_ms in HORIZONS_MS:
        passive = mean_and_error(markouts_of(market, tape, horizon_ms))
        for name, executions in groups.items():
            found = markouts_of(market, executions, horizon_ms)
            mean, error, from_mid = (*mean_and_error(found), mean_and_error(found, from_mid=True)[0]) if found else (None, None, None)
            rows.append((name, horizon_ms / 1000, len(found), mean, error, from_mid, _verdict(name, (mean, error), passive)))
    columns = ("fills", "after s", "count", "markout bps", "+- error", "from mid bps", "verdict")
    notes = (
        "weighted by quantity; markout from the fill's price; from mid: from the middle of the last window before the fill",
        "the middle is known at windows only: 0.1 s after a fill it is mostly still the window before it, so compare rows, not zero",
        f"too good: better than the passive volume by more than {SUSPICIOUS:g} errors of the difference",
    )
    return Part("(d) markouts of simulated maker fills and of the tape's passive volume", columns, tuple(rows), notes)


def passive_volume(market: RecordedMarket) -> Iterator[Passive]:
    """The other side of every print."""
    return (Passive(at_ns, each.aggressor.opposite, float(each.price), float(each.quantity)) for at_ns, each in market.trades())


def fills_of(ghosts: Iterable[Ghost]) -> Iterator[Passive]:
    fills = (ghost.fill for ghost in ghosts)
    return (Passive(fill.at_ns, fill.side, float(fill.price), float(fill.quantity)) for fill in fills if fill is not None)


def markouts_of(market: RecordedMarket, executions: Iterable[Passive], horizon_ms: int) -> list[Markout]:
    """Executions too close to either end of the tape have none."""
    found: list[Markout] = []
    for each in executions:
        later, before = market.mid_at(each.at_ns + horizon_ms * MS), market.mid_before(each.at_ns)
        if later is not None and before is not None:
            scale = float(BASIS_POINTS / before) * (1 if each.side is Side.BUY else -1)
            from_price, from_mid = scale * (float(later) - each.price), scale * float(later - before)
            found.append(Markout(each.at_ns, each.quantity, from_price, from_mid))
    return found


def mean_and_error(markouts: Sequence[Markout], *, from_mid: bool = False) -> tuple[float, float]:
    """The weighted mean, and its standard error over independent blocks of time. There is at least one."""
    values = [(each, each.from_mid_bps if from_mid else each.from_price_bps) for each in markouts]
    weight = sum(each.weight for each in markouts)
    mean = sum(each.weight * value for each, value in values) / weight
    blocks: defaultdict[int, float] = defaultdict(float)
    for each, value in values:
        blocks[each.at_ns // BLOCK_NS] += each.weight * (value - mean)
    return mean, math.sqrt(sum(block**2 for block in blocks.values())) / weight


def _verdict(name: str, own: tuple[float | None, float | None], passive: tuple[float, float]) -> str:
    mean, error = own
    if name == ALL_PASSIVE or mean is None or error is None:
        return "-"
    return "too good" if mean - passive[0] > SUSPICIOUS * math.hypot(error, passive[1]) else "not too good"
