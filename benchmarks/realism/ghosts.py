"""Ghost orders: one lot at the best price or a few levels behind, at random times, which nobody on the tape ever saw.

Each is placed in a fresh account of ours under every maker model, and what the model says (filled within 5, 15, 60 s or not) is held
against the tape. No tape can know when an order that was not there would have filled, but it bounds it:

- not before ``reached``, the first trade at the price or through it;
- not after ``cleared``, when all that was displayed at the price on arrival, and the lot itself, had traded there, or a trade or the
  other side of a window went through the price: then everybody who stood there at the arrival has been served.

The event that is forecast is ``cleared``: the displayed queue really traded through. The Brier score is the mean squared distance of
the forecast (0 or 1) from the event (0 or 1), to be compared with that of always forecasting the event's own frequency. Fills between
the bounds are plausible (cancels in front), fills outside them are wrong: ``too early``, ``too late``.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from benchmarks.realism.paper_account import MAKING, account_settings, facts_of
from benchmarks.realism.random_orders import Ask, makers
from benchmarks.realism.recorded_market import SECOND, RecordedMarket
from benchmarks.realism.table import Part
from trading.book import displayed, within
from trading.messages import AccountFact, BookChanged, OrderFilled, OrderRested, TradesPrinted
from trading.words import Side

__all__ = ["Bounds", "Ghost", "bounds_of", "ghost_part", "ghosts_of"]

HORIZONS_S = (5, 15, 60)


class Bounds(msgspec.Struct, frozen=True):
    """Instants; None: not within the ghost's life."""

    reached_ns: int | None
    cleared_ns: int | None


class Ghost(msgspec.Struct, frozen=True):
    """``fill`` is what the model said, None if nothing until ``ends_ns``."""

    ask: Ask
    rested_ns: int
    ends_ns: int
    fill: OrderFilled | None
    bounds: Bounds


def ghosts_of(market: RecordedMarket, count: int, seed: int, latency_ns: int) -> dict[str, list[Ghost]]:
    """By the name of the maker model; the same orders for all. Orders that would have taken on arrival are no ghosts."""
    lot = market.instrument.minimum_quantity
    asks = [msgspec.structs.replace(ask, quantity=lot) for ask in makers(market, count, seed, latency_ns)]
    found: dict[str, list[Ghost]] = {}
    for model in MAKING:
        settings = account_settings(market, latency_ns, model)
        ghosts = (_ghost(market, ask, facts_of(market, ask, settings, latency_ns)) for ask in asks)
        found[model] = [ghost for ghost in ghosts if ghost is not None]
    return found


def bounds_of(market: RecordedMarket, ask: Ask, rested_ns: int) -> Bounds:
    """From the tape alone: displayed quantities and prints."""
    assert ask.price is not None, "ghosts rest"
    book = market.book_at(rested_ns)
    assert book is not None, "it rested in one"
    ahead = displayed(book, ask.side, ask.price) or Decimal(0)
    traded, reached_ns = Decimal(0), None
    for fact in market.between(rested_ns, ask.cancel_at_ns):
        if fact.at_ns <= rested_ns:
            continue
        if isinstance(fact, BookChanged) and within(ask.side, ask.price, _other_side(fact, ask)):
            return Bounds(reached_ns or fact.at_ns, fact.at_ns)
        for each in fact.prints if isinstance(fact, TradesPrinted) else ():
            if each.aggressor is ask.side or not within(ask.side, ask.price, each.price):
                continue
            reached_ns = reached_ns or fact.at_ns
            traded += each.quantity
            if each.price != ask.price or traded >= ahead + ask.quantity:
                return Bounds(reached_ns, fact.at_ns)
    return Bounds(reached_ns, None)


def ghost_part(ghosts: dict[str, list[Ghost]]) -> Part:
    """Part (c)."""
    rows: list[tuple[str | int | float | None, ...]] = []
    for model, placed in ghosts.items():
        for horizon_s in HORIZONS_S:
            rows.append(_row(model, horizon_s, placed))
    columns = (
        "model", "within s", "ghosts", "forecast filled", "queue traded through", "Brier", "Brier of base rate", "too early", "too late",
    )
    notes = (
        "ghosts whose life on the tape is shorter than the horizon are left out of its row",
        "risk_averse forecasts nearly the event itself (it waits for the displayed queue to trade); its score shows that it is computed right",
        "too early, too late: share of fills forecast outside the tape's bounds (first trade at the price; all displayed there traded, or through)",
    )
    return Part("(c) ghost orders of one lot, one forecast for each maker model", columns, tuple(rows), notes)


def _ghost(market: RecordedMarket, ask: Ask, facts: Sequence[AccountFact]) -> Ghost | None:
    rested = next((fact for fact in facts if isinstance(fact, OrderRested)), None)
    if rested is None:
        return None
    fill = next((fact for fact in facts if isinstance(fact, OrderFilled)), None)
    return Ghost(ask, rested.at_ns, ask.cancel_at_ns, fill, bounds_of(market, ask, rested.at_ns))


def _row(model: str, horizon_s: int, placed: Sequence[Ghost]) -> tuple[str | int | float | None, ...]:
    lived = [ghost for ghost in placed if ghost.ends_ns - ghost.rested_ns >= horizon_s * SECOND * 99 // 100]
    if not lived:
        return model, horizon_s, 0, None, None, None, None, None, None
    pairs = [(_within(_filled_ns(ghost), ghost, horizon_s), _within(ghost.bounds.cleared_ns, ghost, horizon_s)) for ghost in lived]
    forecast, base = (sum(column) / len(lived) for column in zip(*pairs, strict=True))
    brier = sum((said - happened) ** 2 for said, happened in pairs) / len(lived)
    early, late = sum(map(_too_early, lived)) / len(lived), sum(map(_too_late, lived)) / len(lived)
    return model, horizon_s, len(lived), forecast, base, brier, base * (1 - base), early, late


def _within(at_ns: int | None, ghost: Ghost, horizon_s: int) -> int:
    return int(at_ns is not None and at_ns - ghost.rested_ns <= horizon_s * SECOND)


def _filled_ns(ghost: Ghost) -> int | None:
    return None if ghost.fill is None else ghost.fill.at_ns


def _too_early(ghost: Ghost) -> bool:
    filled_ns, reached_ns = _filled_ns(ghost), ghost.bounds.reached_ns
    return filled_ns is not None and (reached_ns is None or filled_ns < reached_ns)


def _too_late(ghost: Ghost) -> bool:
    filled_ns, cleared_ns = _filled_ns(ghost), ghost.bounds.cleared_ns
    return cleared_ns is not None and (filled_ns is None or filled_ns > cleared_ns)


def _other_side(window: BookChanged, ask: Ask) -> Decimal:
    return (window.asks if ask.side is Side.BUY else window.bids)[0][0]
