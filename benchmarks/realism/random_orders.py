"""The orders that both sides are asked: drawn at random, the same for the same seed. Must not know who fills them.

Instants are whole nanoseconds that no tape's milliseconds meet, so that no order ties with an event. Each order is asked for alone:
what one order takes is not missing for the next, since hftbacktest's book does not remember it either.
"""

import math
import random
from decimal import Decimal
from enum import StrEnum

import msgspec

from benchmarks.realism.recorded_market import MS, SECOND, RecordedMarket
from trading.quantities import Instrument
from trading.words import OrderType, Side, TimeInForce

__all__ = ["Ask", "Kind", "makers", "takers"]

LEAST, MOST = 0.001, 20.0
"""Base coin: from one hundredth of the usual best level to more than the visible window."""
MAKER_LEVELS_BEHIND = 3
LIFETIME_NS = 60 * SECOND
LEAD_NS = 2 * SECOND
OFF_GRID_NS = 333_333
"""Tapes count milliseconds."""


class Kind(StrEnum):
    MARKET = "market"
    IOC = "ioc"
    MAKER = "maker"


class Ask(msgspec.Struct, frozen=True):
    """One order. ``at_ns``: when it is decided; a maker order is canceled at ``cancel_at_ns``. ``price`` None: market."""

    number: int
    kind: Kind
    side: Side
    quantity: Decimal
    price: Decimal | None
    at_ns: int
    cancel_at_ns: int = 0

    @property
    def type(self) -> OrderType:
        return OrderType.MARKET if self.price is None else OrderType.LIMIT

    @property
    def time_in_force(self) -> TimeInForce:
        return TimeInForce.GTC if self.kind is Kind.MAKER else TimeInForce.IOC


def takers(market: RecordedMarket, count: int, seed: int, latency_ns: int) -> list[Ask]:
    """Market orders and IOC limits at a random level of the window seen when they are decided; sizes log-uniform."""
    chance, asks = random.Random(f"takers {seed}"), []
    for number, at_ns in enumerate(_instants(market, count, chance, latency_ns), 1):
        side, book = chance.choice((Side.BUY, Side.SELL)), market.book_at(at_ns)
        assert book is not None, "instants lie behind the first window"
        kind, levels = chance.choice((Kind.MARKET, Kind.IOC)), book.opposite(side)
        price = None if kind is Kind.MARKET else chance.choice(levels)[0]
        asks.append(Ask(number, kind, side, _quantity(market.instrument, chance), price, at_ns))
    return asks


def makers(market: RecordedMarket, count: int, seed: int, latency_ns: int) -> list[Ask]:
    """Limits at the best price of their own side or up to three levels behind it, of less than a tenth of a coin, canceled
    after a minute or at the tape's end."""
    chance, asks = random.Random(f"makers {seed}"), []
    for number, at_ns in enumerate(_instants(market, count, chance, latency_ns), 1):
        side, book = chance.choice((Side.BUY, Side.SELL)), market.book_at(at_ns)
        assert book is not None, "instants lie behind the first window"
        levels = book.opposite(side.opposite)
        price = levels[min(chance.randrange(MAKER_LEVELS_BEHIND + 1), len(levels) - 1)][0]
        quantity = _on_step(market.instrument, chance.uniform(LEAST, 0.1))
        cancel_at_ns = min(at_ns + LIFETIME_NS, market.ends_ns - latency_ns - LEAD_NS // 2)
        asks.append(Ask(number, Kind.MAKER, side, quantity, price, at_ns, cancel_at_ns // MS * MS + OFF_GRID_NS))
    return asks


def _instants(market: RecordedMarket, count: int, chance: random.Random, latency_ns: int) -> list[int]:
    first_ns, last_ns = market.begins_ns + LEAD_NS, market.ends_ns - latency_ns - 2 * LEAD_NS
    if last_ns <= first_ns:
        raise ValueError("the tape is too short for random orders")
    return sorted(chance.randrange(first_ns, last_ns) // MS * MS + OFF_GRID_NS for _ in range(count))


def _quantity(instrument: Instrument, chance: random.Random) -> Decimal:
    return _on_step(instrument, math.exp(chance.uniform(math.log(LEAST), math.log(MOST))))


def _on_step(instrument: Instrument, quantity: float) -> Decimal:
    """An odd number of steps: never the difference of two printed quantities, which are coarser on recorded tapes."""
    steps = int(Decimal(quantity) / instrument.step)
    return max(instrument.step * (steps | 1), instrument.minimum_quantity)
