"""The tape's own takers as a test: what each paid, against what the product's taking models would have said just before it.

An aggressor is not on the tape, only its prints, several to a push of some 110 ms. Two readings of who it was:

- ``walk``: consecutive prints of one push and side whose price does not come back: one order walking the book.
- ``push``: all prints of one push and side, as if one order had come at that instant.

Each is predicted by what a session fills: a desk hears the tape, and the models are told what an order's arrival would tell them.

- ``book``: walks the newest window, up to 310 ms old; the market moves meanwhile.
- ``book_traded``: the same from where the last trade of earlier pushes implies the touch: what a session with that model would fill.
- ``prints``: ``book_traded`` at a desk that has also heard what its own push printed before it. Known to the venue, not yet to the
  listener: it measures the model, without the age of what the model is told.

A third reading needs no aggressor: ``next window``, what a market order of a given size would pay by each new window, predicted with what
was known before it. None of them looks ahead. Must not know how a model works.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import msgspec

from benchmarks.realism.paper_account import account_settings
from benchmarks.realism.recorded_market import RecordedMarket
from benchmarks.realism.table import Part
from trading.book import within
from trading.desk import Desk
from trading.execution import taking_of
from trading.matching import BOOK_TRADED, TAKER_MODELS, Execution
from trading.messages import BookChanged, Print, TradesPrinted
from trading.quantities import BASIS_POINTS, EXACT, ZERO, signed
from trading.words import Side

__all__ = ["Aggressor", "Error", "errors_at_windows", "errors_of", "pushed", "self_test", "walked"]

AIM_BPS = 0.05
MODELS = ("book", BOOK_TRADED)
SIZES = tuple(map(Decimal, ("0.1", "1", "5")))

Cell = str | int | float | None


class Aggressor(msgspec.Struct, frozen=True):
    """One order as its prints tell of it, oldest first."""

    side: Side
    quantity: Decimal
    vwap: Decimal
    prints: tuple[Print, ...]


Reading = Callable[[Sequence[Print]], list[Aggressor]]


class Error(msgspec.Struct, frozen=True):
    """Signed: positive when the aggressor really paid more than predicted. ``visible``: the window held the whole quantity. ``away``: how
    far the earlier pushes have moved the touch since the window, positive for the worse."""

    prediction: str
    quantity: Decimal
    bps: float
    visible: bool
    away: Decimal = ZERO


def _between(low: str, high: str) -> Callable[[Error], bool]:
    return lambda error: Decimal(low) < error.quantity <= Decimal(high)


BUCKETS: dict[str, Callable[[Error], bool]] = {
    "<= 0.01": _between("0", "0.01"), "0.01 - 0.1": _between("0.01", "0.1"), "0.1 - 1": _between("0.1", "1"), "all <= 1": _between("0", "1"),
    "> 1": _between("1", "1e12"),
    "<= 1, moved away": lambda error: error.quantity <= 1 and error.away > 0,
    "<= 1, come nearer": lambda error: error.quantity <= 1 and error.away < 0,
}


def self_test(market: RecordedMarket) -> Part:
    """Part (b)."""
    rows: list[tuple[Cell, ...]] = []
    for reading, group in READINGS.items():
        rows += _rows(reading, list(errors_of(market, group)), BUCKETS)
    at_windows = list(errors_at_windows(market))
    rows += _rows("next window", at_windows, {f"{size}": _of_size(size) for size in SIZES})
    notes = (
        f"aim: mean |error| of at most {AIM_BPS} bps up to 1 coin; size in base coin; bias: what was really paid beyond the prediction",
        f"book: the window only; {BOOK_TRADED}: moved by earlier pushes, the row of a session with that model and of the shadow accounts base"
        " and pessimistic; prints: the same, told what its own push printed before",
        "moved away, come nearer: aggressors who found the touch worse, or better, than the window's by earlier pushes",
        "coverage: of the aggressors behind the tape's first window (count), those whose whole quantity the window held",
    )
    columns = ("aggressors read as", "model", "size", "count", "mean |error| bps", "median bps", "p95 bps", "bias bps", "coverage")
    return Part("(b) the tape's own takers: VWAP predicted by the taking models", columns, tuple(rows), notes)


def walked(prints: Sequence[Print]) -> list[Aggressor]:
    """Consecutive prints of one side whose price does not come back."""
    return [_aggressor(group) for group in _walks(prints)]


def pushed(prints: Sequence[Print]) -> list[Aggressor]:
    """All prints of one side."""
    sides = ([each for each in prints if each.aggressor is side] for side in Side)
    return [_aggressor(group) for group in sides if group]


READINGS: dict[str, Reading] = {"walk": walked, "push": pushed}


def errors_of(market: RecordedMarket, group: Reading) -> Iterator[Error]:
    """Every prediction for every aggressor behind the first window; ``prints`` only where the reading keeps the prints' order."""
    session, venue = _desk(market), _desk(market)
    for fact in market.facts:
        if not isinstance(fact, TradesPrinted):
            venue.observe(fact, fact.at_ns)
        elif session.markets[fact.symbol].book.usable:
            for aggressor in group(fact.prints):
                for model in MODELS:
                    yield from _errors(session, fact.symbol, model, model, aggressor)
                if group is walked:
                    yield from _errors(venue, fact.symbol, BOOK_TRADED, "prints", aggressor)
                    venue.observe(msgspec.structs.replace(fact, prints=aggressor.prints), fact.at_ns)
        session.observe(fact, fact.at_ns)


def errors_at_windows(market: RecordedMarket) -> Iterator[Error]:
    """Every prediction for a market order of each size and side at every window but the first."""
    session, symbol = _desk(market), market.instrument.symbol
    asked = [(model, side, size) for model in MODELS for side in Side for size in SIZES]
    for fact in market.facts:
        if not (isinstance(fact, BookChanged) and session.markets[symbol].book.usable):
            session.observe(fact, fact.at_ns)
            continue
        before = [_taken(session, symbol, *each) for each in asked]
        session.observe(fact, fact.at_ns)
        if session.markets[symbol].book.usable:
            for (model, side, size), predicted in zip(asked, before, strict=True):
                paid = _taken(session, symbol, "book", side, size)
                if predicted and paid:
                    yield Error(model, size, _bps(side, _vwap(paid), _vwap(predicted)), _is_visible(predicted))


def _errors(desk: Desk, symbol: str, model: str, prediction: str, aggressor: Aggressor) -> Iterator[Error]:
    """None where the venue's price protection leaves nothing to take."""
    side, known = aggressor.side, desk.markets[symbol]
    executions = _taken(desk, symbol, model, side, aggressor.quantity)
    if executions:
        best = known.book.opposite(side)[0][0]
        implied = best if known.touch is None else known.touch.ask if side is Side.BUY else known.touch.bid
        error_bps = _bps(side, aggressor.vwap, _vwap(executions))
        yield Error(prediction, aggressor.quantity, error_bps, _is_visible(executions), signed(side, implied - best))


def _desk(market: RecordedMarket) -> Desk:
    return Desk(account_settings(market, 0), "self-test")


def _taken(desk: Desk, symbol: str, model: str, side: Side, quantity: Decimal) -> tuple[Execution, ...]:
    return TAKER_MODELS[model](taking_of(desk, symbol, side, quantity, None))


def _aggressor(prints: Sequence[Print]) -> Aggressor:
    return Aggressor(prints[0].aggressor, sum((each.quantity for each in prints), ZERO), _vwap(prints), tuple(prints))


def _walks(prints: Sequence[Print]) -> list[list[Print]]:
    groups: list[list[Print]] = []
    for each in prints:
        last = groups[-1][-1] if groups else None
        if last is not None and each.aggressor is last.aggressor and within(each.aggressor.opposite, last.price, each.price):
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _vwap(parts: Sequence[Execution] | Sequence[Print]) -> Decimal:
    return EXACT.divide(sum((each.price * each.quantity for each in parts), ZERO), sum((each.quantity for each in parts), ZERO))


def _bps(side: Side, paid: Decimal, predicted: Decimal) -> float:
    return float(signed(side, paid - predicted) / predicted * BASIS_POINTS)


def _is_visible(executions: Sequence[Execution]) -> bool:
    return not any(each.extrapolated for each in executions)


def _of_size(size: Decimal) -> Callable[[Error], bool]:
    return lambda error: error.quantity == size


def _rows(reading: str, errors: Sequence[Error], buckets: dict[str, Callable[[Error], bool]]) -> Iterator[tuple[Cell, ...]]:
    for prediction in dict.fromkeys(error.prediction for error in errors):
        mine = [error for error in errors if error.prediction == prediction]
        yield from (_row(reading, prediction, name, [each for each in mine if belongs(each)]) for name, belongs in buckets.items())


def _row(reading: str, prediction: str, size: str, errors: Sequence[Error]) -> tuple[Cell, ...]:
    sizes = sorted(abs(error.bps) for error in errors)
    if not sizes:
        return reading, prediction, size, 0, None, None, None, None, None
    return (
        reading, prediction, size, len(sizes), sum(sizes) / len(sizes), sizes[len(sizes) // 2], sizes[int(len(sizes) * 0.95)],
        sum(error.bps for error in errors) / len(sizes), sum(error.visible for error in errors) / len(sizes),
    )
