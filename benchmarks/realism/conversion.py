"""A recorded market as hftbacktest's events: rows of (ev, exch_ts, local_ts, px, qty, order_id, ival, fval). Must not know orders.

hftbacktest keeps one book and changes it level by level; here a window replaces the one before. So each window becomes the changes
that turn the book before it into itself: first what is gone, then what is new or has another quantity. The feed has no latency: an
event reaches both ends at its event time.

``Beyond`` says what becomes of a level that is worse than the last one visible. FORGET: deleted, so that the book is exactly the
window (what a taker walks). KEEP: left as it was last seen, since nothing is known of it, as our queue models do.
"""

from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from benchmarks.realism.recorded_market import RecordedMarket
from trading.messages import BookChanged, Level, TradesPrinted
from trading.words import Side

__all__ = ["Beyond", "Event", "events_of"]

# The flags of hftbacktest.types.
DEPTH_EVENT, TRADE_EVENT = 1, 2
BOTH_ENDS = 1 << 31 | 1 << 30
SIDE_BITS = {Side.BUY: 1 << 29, Side.SELL: 1 << 28}


class Beyond(Enum):
    FORGET = "forget"
    KEEP = "keep"


class Event(NamedTuple):
    """One row; field order is that of hftbacktest's ``event_dtype``."""

    ev: int
    exch_ts: int
    local_ts: int
    px: float
    qty: float
    order_id: int = 0
    ival: int = 0
    fval: float = 0.0


def events_of(market: RecordedMarket, beyond: Beyond) -> Iterator[Event]:
    """Every window and trade of the tape, in its order."""
    book: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}
    for fact in market.facts:
        if isinstance(fact, TradesPrinted):
            for each in fact.prints:
                yield _event(TRADE_EVENT, each.aggressor, fact.at_ns, each.price, each.quantity)
        elif isinstance(fact, BookChanged):
            yield from _changes(book, fact, beyond)


def _changes(book: dict[Side, dict[Decimal, Decimal]], window: BookChanged, beyond: Beyond) -> Iterator[Event]:
    sides = ((Side.BUY, window.bids), (Side.SELL, window.asks))
    for side, levels in sides:
        for price in _gone(book[side], side, levels, beyond):
            del book[side][price]
            yield _event(DEPTH_EVENT, side, window.at_ns, price, Decimal(0))
    for side, levels in sides:
        for price, quantity in levels:
            if book[side].get(price) != quantity:
                book[side][price] = quantity
                yield _event(DEPTH_EVENT, side, window.at_ns, price, quantity)


def _gone(known: dict[Decimal, Decimal], side: Side, levels: tuple[Level, ...], beyond: Beyond) -> list[Decimal]:
    shown, worst = {price for price, _ in levels}, levels[-1][0]
    return [
        price for price in known
        if price not in shown and (beyond is Beyond.FORGET or (price > worst if side is Side.BUY else price < worst))
    ]


def _event(kind: int, side: Side, at_ns: int, price: Decimal, quantity: Decimal) -> Event:
    return Event(kind | BOTH_ENDS | SIDE_BITS[side], at_ns, at_ns, float(price), float(quantity))
