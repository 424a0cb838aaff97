"""A session as pictures: equity with its drawdowns, mark price with the fills on it, position. SVG as text, no script.

Each takes curves and gives markup; what is pointed at tells its numbers (``<title>``). Must not know where the numbers come from.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal, localcontext

from reporting.axes import Frame, frame_around, moment
from reporting.chronicle import Chronicle, Fill, Outage
from reporting.curves import Curve, Point
from reporting.markup import Markup, shown
from reporting.numbers import exact, grouped
from trading.quantities import EXACT, ZERO, ratio
from trading.words import Liquidity, Side

__all__ = ["SHAPES", "equity_chart", "position_chart", "price_chart"]

EQUITY_HEIGHT = 240
PRICE_HEIGHT = 320
POSITION_HEIGHT = 150
COLUMNS = 86
REASON_BYTES = 60

SHAPES = {
    (Side.BUY, Liquidity.MAKER): "M0-6L5.5 4.5H-5.5Z",
    (Side.SELL, Liquidity.MAKER): "M0 6L5.5-4.5H-5.5Z",
    (Side.BUY, Liquidity.TAKER): "M0-7L6 0H2V7H-2V0H-6Z",
    (Side.SELL, Liquidity.TAKER): "M0 7L6 0H2V-7H-2V0H-6Z",
}
"""Makers are hollow triangles, takers full arrows; a BUY points up, a SELL down."""


def equity_chart(chronicle: Chronicle) -> Markup:
    """Equity over event time; between it and its highest value so far lies the drawdown, shaded."""
    with localcontext(EXACT):
        points = chronicle.equity.points()
        if not points:
            return _nothing("no equity was marked")
        frame = _frame(EQUITY_HEIGHT, chronicle, [point.value for point in points] + [points[0].highest])
        tops = " ".join(f"{frame.x(at_ns)},{frame.y(value)}" for at_ns, value in reversed(list(_tops(points))))
        shade = Markup(f'<polygon class="fall" points="{_pairs(frame, points)} {tops}"/>')
        layers = (shade, *_bands(frame, chronicle.outages), _line(frame, points), *_readings(frame, points, _equity_words))
        return frame.picture("equity over time", layers)


def price_chart(chronicle: Chronicle, symbol: str) -> Markup:
    """The mark price of one symbol over event time, and its fills where they happened."""
    with localcontext(EXACT):
        points = chronicle.marks.get(symbol, Curve()).points()
        fills = [fill for fill in chronicle.drawn.kept if fill.fact.symbol == symbol]
        values = [point.value for point in points] + [fill.fact.price for fill in fills]
        if not values:
            return _nothing("no mark price was heard")
        frame = _frame(PRICE_HEIGHT, chronicle, values)
        bands = _bands(frame, (each for each in chronicle.outages if each.lost.symbol == symbol))
        layers = (*bands, _line(frame, points), *_readings(frame, points, _value_words), *(_marker(frame, fill) for fill in fills))
        return frame.picture(f"mark price of {symbol} over time, with fills", layers)


def position_chart(chronicle: Chronicle, symbol: str) -> Markup:
    """The signed position of one symbol over event time; it changes in steps."""
    with localcontext(EXACT):
        points = chronicle.positions.get(symbol, Curve()).points()
        if not points:
            return _nothing("no position was held")
        frame = _frame(POSITION_HEIGHT, chronicle, [ZERO, *(point.value for point in points)])
        steps = "".join(f"H{frame.x(point.at_ns)}V{frame.y(point.value)}" for point in points)
        path = f"M{frame.x(points[0].at_ns)} {frame.y(points[0].value)}{steps}"
        zero = frame.y(ZERO)
        area = Markup(f'<path class="held" d="{path}V{zero}H{frame.x(points[0].at_ns)}Z"/><path class="line" d="{path}"/>')
        bands = _bands(frame, (each for each in chronicle.outages if each.lost.symbol == symbol))
        return frame.picture(f"position in {symbol} over time", (*bands, area, *_readings(frame, points, _value_words)))


def _frame(height: int, chronicle: Chronicle, values: Iterable[Decimal]) -> Frame:
    return frame_around(height, chronicle.start_ns, chronicle.end_ns, values)


def _bands(frame: Frame, outages: Iterable[Outage]) -> Iterator[Markup]:
    """Where nobody saw the market, from top to bottom."""
    for each in outages:
        to_ns = frame.end_ns if each.to_ns is None else each.to_ns
        words = f"{moment(each.lost.from_ns)} to {moment(to_ns)}: {each.lost.symbol} was not seen, {each.lost.reason}"
        yield Markup(f'<rect class="unseen" {frame.band(each.lost.from_ns, to_ns)}><title>{shown(words)}</title></rect>')


def _tops(points: Sequence[Point]) -> Iterator[tuple[int, Decimal]]:
    """The highest value so far, level until the curve itself crosses it."""
    before = points[0]
    for point in points:
        if point.highest > before.highest > before.value:
            share = ratio(before.highest - before.value, point.value - before.value)
            yield before.at_ns + int((point.at_ns - before.at_ns) * min(share, Decimal(1))), before.highest
        yield point.at_ns, point.highest
        before = point


def _line(frame: Frame, points: Sequence[Point]) -> Markup:
    return Markup(f'<polyline class="line" points="{_pairs(frame, points)}"/>')


def _pairs(frame: Frame, points: Sequence[Point]) -> str:
    return " ".join(f"{frame.x(point.at_ns)},{frame.y(point.value)}" for point in points)


def _readings(frame: Frame, points: Sequence[Point], words: Callable[[Point], str]) -> Iterator[Markup]:
    """Strips that tell the last value before their middle to whoever points at them."""
    instants = [point.at_ns for point in points]
    for at_ns, geometry in frame.columns(COLUMNS):
        behind = bisect_right(instants, at_ns)
        if behind:
            point = points[behind - 1]
            yield Markup(f'<rect class="reading" {geometry}><title>{shown(f"{moment(point.at_ns)}: {words(point)}")}</title></rect>')


def _equity_words(point: Point) -> str:
    below = point.highest - point.value
    if not below:
        return f"{exact(point.value)}, the highest so far"
    return f"{exact(point.value)}, {exact(below)} ({grouped(ratio(below * 100, point.highest), 4)} %) below the highest so far"


def _value_words(point: Point) -> str:
    return exact(point.value)


def _marker(frame: Frame, fill: Fill) -> Markup:
    fact = fill.fact
    words = (
        f"{moment(fact.at_ns)}: {fact.side} {exact(fact.quantity)} at {exact(fact.price)}, {fact.liquidity}, fee {exact(fact.fee)},"
        f" slippage_bps {exact(fact.slippage_bps)}"
    )
    reason = f", reason: {shown(fill.reason, REASON_BYTES)}" if fill.reason else ""
    return Markup(
        f'<path class="{fact.side} {fact.liquidity}" transform="translate({frame.x(fact.at_ns)} {frame.y(fact.price)})"'
        f' d="{SHAPES[fact.side, fact.liquidity]}"><title>{shown(words)}{reason}</title></path>'
    )


def _nothing(why: str) -> Markup:
    return Markup(f'<p class="soft">{shown(why)}</p>')
