"""The frame of a chart: where an instant and a value lie on the paper, the grid and its labels. Must not know what is drawn in it.

Coordinates are computed in whole tenths of a unit from decimals, so a picture is a function of its numbers alone.
"""

from collections.abc import Iterable, Iterator
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from reporting.markup import Markup, joined, shown
from reporting.numbers import grouped
from timing.clock import iso_text

__all__ = ["WIDTH", "Frame", "frame_around", "moment"]

WIDTH = 960
LEFT = 84
RIGHT = 14
TOP = 12
BOTTOM = 24

NS_PER_S = 1_000_000_000
DAY_S = 86_400
TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, DAY_S)
TIMES_MAX = 8
VALUES = 6
BAND_MIN = Decimal("1.0")
EMPTY_MARGIN = Decimal("0.001")


class Frame(NamedTuple):
    """``low`` is less than ``high``. All coordinates are of the picture, as text with one decimal."""

    height: int
    start_ns: int
    end_ns: int
    low: Decimal
    high: Decimal

    def x(self, at_ns: int) -> str:
        span_ns = self.end_ns - self.start_ns
        behind_ns = min(max(at_ns - self.start_ns, 0), span_ns)
        return _tenths(LEFT * 10 + (behind_ns * (WIDTH - LEFT - RIGHT) * 10 // span_ns if span_ns else 0))

    def y(self, value: Decimal) -> str:
        inner = (self.height - TOP - BOTTOM) * 10
        return _tenths(TOP * 10 + inner - int((value - self.low) * inner / (self.high - self.low)))

    def picture(self, label: str, layers: Iterable[Markup]) -> Markup:
        """An SVG with the grid below everything."""
        return Markup(
            f'<svg viewBox="0 0 {WIDTH} {self.height}" role="img" aria-label="{shown(label)}">\n'
            f"{joined((*self._values(), *self._times(), *layers))}\n</svg>"
        )

    def columns(self, count: int) -> Iterator[tuple[int, Markup]]:
        """Upright strips of equal width: the instant in the middle of each, and its geometry as attributes."""
        width = (WIDTH - LEFT - RIGHT) * 10 // count
        for number in range(count):
            at_ns = self.start_ns + (self.end_ns - self.start_ns) * (2 * number + 1) // (2 * count)
            left, high = _tenths(LEFT * 10 + number * width), self.height - TOP - BOTTOM
            yield at_ns, Markup(f'x="{left}" y="{TOP}" width="{_tenths(width)}" height="{high}"')

    def band(self, from_ns: int, to_ns: int) -> Markup:
        """From one instant to another, from top to bottom, as attributes; wide enough to be seen."""
        left, right = Decimal(self.x(from_ns)), Decimal(self.x(to_ns))
        return Markup(f'x="{left}" y="{TOP}" width="{max(right - left, BAND_MIN)}" height="{self.height - TOP - BOTTOM}"')

    def _values(self) -> Iterator[Markup]:
        step = _round_step((self.high - self.low) / VALUES)
        places = max(0, -int(step.normalize().as_tuple().exponent))
        value = (self.low / step).to_integral_value(ROUND_CEILING) * step
        while value <= self.high:
            y = self.y(value)
            yield Markup(
                f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
                f'<text class="axis n" x="{LEFT - 8}" y="{y}" dy="4">{shown(grouped(value, places))}</text>'
            )
            value += step

    def _times(self) -> Iterator[Markup]:
        step_s = _time_step_s((self.end_ns - self.start_ns) // NS_PER_S)
        step_ns, bottom = step_s * NS_PER_S, self.height - BOTTOM
        for at_ns in range(-(-self.start_ns // step_ns) * step_ns, self.end_ns + 1, step_ns):
            x, text = self.x(at_ns), moment(at_ns)
            clock = text[5:16] if self.end_ns - self.start_ns > DAY_S * NS_PER_S else text[11:19] if step_s < 60 else text[11:16]
            yield Markup(f'<path class="grid" d="M{x} {bottom}v4"/><text class="axis m" x="{x}" y="{bottom + 17}">{shown(clock)}</text>')


def frame_around(height: int, start_ns: int, end_ns: int, values: Iterable[Decimal]) -> Frame:
    """With some room above and below the values; a single value gets room, too."""
    known = list(values)
    low, high = min(known), max(known)
    margin = (high - low) / 20 or abs(high) * EMPTY_MARGIN or Decimal(1)
    return Frame(height, start_ns, end_ns, low - margin, high + margin)


def moment(at_ns: int) -> str:
    """``2026-01-05 08:17:00.300``, UTC; before the market's first word there is no time."""
    return iso_text(at_ns)[:23].replace("T", " ") if at_ns > 0 else "before the market"


def _round_step(rough: Decimal) -> Decimal:
    """1, 2 or 5 times a power of ten, not less than ``rough``."""
    power = Decimal(1).scaleb(rough.adjusted())
    return next(power * times for times in (1, 2, 5, 10) if power * times >= rough)


def _time_step_s(span_s: int) -> int:
    fitting = (step for step in TIME_STEPS_S if span_s <= step * TIMES_MAX)
    return next(fitting, (span_s // DAY_S // TIMES_MAX + 1) * DAY_S)


def _tenths(count: int) -> str:
    return f"{count // 10}.{count % 10}"
