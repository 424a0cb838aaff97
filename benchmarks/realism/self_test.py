"""The tape's own takers as a test: what each paid, against what our ``book`` model would have said just before it.

An aggressor is not on the tape, only its prints, several to a push of some 110 ms. Two readings of who it was:

- ``walk``: consecutive prints of one push and side whose price does not come back: one order walking the book.
- ``push``: all prints of one push and side, as if one order had come at that instant.

Three predictions of its VWAP, each by the session's own ``book`` walk of the newest window before it; they differ in where the walk
begins. None looks ahead:

- ``raw``: at the window's best price. Up to 310 ms old, and the market moves meanwhile.
- ``pushes``: at the touch that the last print of earlier pushes implies: a buyer paid the ask, so the bid is one tick below, and the
  other way round. A window newer than the print overrules it. Known to whoever hears the feed.
- ``prints``: the same with the last print before this aggressor, also of its own push. Known to the venue, not yet to the listener:
  it measures the model, without the age of what the model is told.

Levels of the window that are better than the touch are gone; where the window has none at the touch itself, as much is assumed there
as it showed at its best.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import msgspec

from benchmarks.realism.recorded_market import RecordedMarket
from benchmarks.realism.table import Part
from trading.book import Book, within
from trading.matching import TAKER_MODELS, Taking
from trading.messages import BookChanged, Print, TradesPrinted
from trading.quantities import BASIS_POINTS, EXACT, Instrument, signed
from trading.words import Side

__all__ = ["Aggressor", "Error", "errors_of", "pushed", "self_test", "walked"]

NOTHING, HUNDREDTH, TENTH, ONE, EVERYTHING = map(Decimal, ("0", "0.01", "0.1", "1", "1e12"))
BUCKETS = (
    ("<= 0.01", NOTHING, HUNDREDTH), ("0.01 - 0.1", HUNDREDTH, TENTH), ("0.1 - 1", TENTH, ONE), ("all <= 1", NOTHING, ONE), ("> 1", ONE, EVERYTHING),
)
AIM_BPS = 0.05


Touches = dict[Side, Decimal]
"""The best price that an aggressor of each side finds."""


class Aggressor(msgspec.Struct, frozen=True):
    side: Side
    quantity: Decimal
    vwap: Decimal
    last_price: Decimal


Reading = Callable[[Sequence[Print]], list[Aggressor]]


class Error(msgspec.Struct, frozen=True):
    """Signed: positive when the aggressor really paid more than predicted. ``visible``: the window held the whole quantity."""

    prediction: str
    quantity: Decimal
    bps: float
    visible: bool


def self_test(market: RecordedMarket) -> Part:
    """Part (b)."""
    rows: list[tuple[str | int | float | None, ...]] = []
    for reading, group in READINGS.items():
        found = list(errors_of(market, group))
        for prediction in dict.fromkeys(error.prediction for error in found):
            mine = [error for error in found if error.prediction == prediction]
            rows += [_row(reading, prediction, name, [each for each in mine if low < each.quantity <= high]) for name, low, high in BUCKETS]
    notes = (
        f"aim: mean |error| of at most {AIM_BPS} bps up to 1 coin; size in base coin; bias: what was really paid beyond the prediction",
        "raw: window only; pushes: touch implied by earlier pushes; prints: touch implied by the print before, also of the same push",
        "coverage: of the aggressors behind the tape's first window (count), those whose whole quantity the window held",
    )
    columns = ("aggressors read as", "from", "size", "count", "mean |error| bps", "median bps", "p95 bps", "bias bps", "coverage")
    return Part("(b) the tape's own takers: VWAP predicted by the book model", columns, tuple(rows), notes)


def walked(prints: Sequence[Print]) -> list[Aggressor]:
    """Consecutive prints of one side whose price does not come back."""
    groups: list[list[Print]] = []
    for each in prints:
        last = groups[-1][-1] if groups else None
        if last is not None and each.aggressor is last.aggressor and within(each.aggressor.opposite, last.price, each.price):
            groups[-1].append(each)
        else:
            groups.append([each])
    return [_aggressor(group) for group in groups]


def pushed(prints: Sequence[Print]) -> list[Aggressor]:
    """All prints of one side."""
    sides = ([each for each in prints if each.aggressor is side] for side in Side)
    return [_aggressor(group) for group in sides if group]


READINGS: dict[str, Reading] = {"walk": walked, "push": pushed}


def errors_of(market: RecordedMarket, group: Reading) -> Iterator[Error]:
    """Every prediction for every aggressor behind the first window; ``prints`` only where the reading keeps the prints' order."""
    book: Book | None = None
    touches: Touches = {}
    for fact in market.facts:
        if isinstance(fact, BookChanged):
            book = Book(fact.symbol).replaced(fact)
            touches = {side: book.opposite(side)[0][0] for side in Side}
        elif isinstance(fact, TradesPrinted) and book is not None:
            earlier = touches
            for aggressor in group(fact.prints):
                yield _error("raw", market.instrument, book, aggressor, book.opposite(aggressor.side)[0][0])
                yield _error("pushes", market.instrument, book, aggressor, earlier[aggressor.side])
                if group is walked:
                    yield _error("prints", market.instrument, book, aggressor, touches[aggressor.side])
                    touches = _implied(market.instrument, aggressor.side, aggressor.last_price)
            touches = _implied(market.instrument, fact.prints[-1].aggressor, fact.prints[-1].price)


def _implied(instrument: Instrument, side: Side, price: Decimal) -> Touches:
    """A buyer paid the ask, a seller got the bid; the other side is one tick away."""
    return {side: price, side.opposite: price - signed(side, instrument.tick)}


def _error(prediction: str, instrument: Instrument, book: Book, aggressor: Aggressor, touch: Decimal) -> Error:
    side, levels = aggressor.side, book.opposite(aggressor.side)
    behind = tuple(level for level in levels if within(side.opposite, touch, level[0]))
    if not behind or behind[0][0] != touch:
        behind = ((touch, levels[0][1]), *behind)
    moved = msgspec.structs.replace(book, asks=behind) if side is Side.BUY else msgspec.structs.replace(book, bids=behind)
    scope = instrument.price_protect_scope
    taking = Taking(
        instrument, moved, side, aggressor.quantity, None, Decimal(0), band=(touch * (1 - scope), touch * (1 + scope)),
    )
    executions = TAKER_MODELS["book"](taking)
    value = sum((each.price * each.quantity for each in executions), Decimal(0))
    predicted = EXACT.divide(value, sum((each.quantity for each in executions), Decimal(0)))
    error_bps = float(signed(side, aggressor.vwap - predicted) / predicted * BASIS_POINTS)
    return Error(prediction, aggressor.quantity, error_bps, not any(each.extrapolated for each in executions))


def _aggressor(prints: Sequence[Print]) -> Aggressor:
    quantity = sum((each.quantity for each in prints), Decimal(0))
    value = sum((each.price * each.quantity for each in prints), Decimal(0))
    return Aggressor(prints[0].aggressor, quantity, EXACT.divide(value, quantity), prints[-1].price)


def _row(reading: str, prediction: str, size: str, errors: Sequence[Error]) -> tuple[str | int | float | None, ...]:
    sizes = sorted(abs(error.bps) for error in errors)
    if not sizes:
        return reading, prediction, size, 0, None, None, None, None, None
    return (
        reading, prediction, size, len(sizes), sum(sizes) / len(sizes), sizes[len(sizes) // 2], sizes[int(len(sizes) * 0.95)],
        sum(error.bps for error in errors) / len(sizes), sum(error.visible for error in errors) / len(sizes),
    )
