"""What a paper order gets that takes: the models for it. Must not know money, nor orders that rest (trading/queueing.py).

A model is a name in ``TAKER_MODELS``; a session names one. None of them changes the book: the market does not know that
the order was there. What own orders took of a window is in a ``Consumption``, which the models that walk respect; it is
up to whoever applies a fill to note it there.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

import msgspec

from trading.book import Book, within
from trading.consumption import Consumption
from trading.implied_touch import moved
from trading.quantities import BASIS_POINTS, EXACT, ZERO, Instrument
from trading.receipts import ImpliedTouch
from trading.words import Side

__all__ = ["BOOK_TRADED", "TAKER_MODELS", "Execution", "TakerModel", "Taking", "fixed_price"]

BOOK_TRADED = "book_traded"
"""The model that looks at ``Taking.touch``."""


class Execution(NamedTuple):
    """``level_displayed`` is what the book that was walked showed at the price, zero if the price is no such level's.
    ``extrapolated``: taken behind the last visible level, at a price that is an estimate. Of either kind a fill is noted
    with ``Consumption.take``."""

    price: Decimal
    quantity: Decimal
    level_displayed: Decimal = ZERO
    extrapolated: bool = False


class Taking(msgspec.Struct, frozen=True):
    """An order that takes now. ``book`` is usable and within the limit (None: any price); ``slippage_bps`` is the
    session's. ``band`` are the lowest and the highest price at which anything may be taken (the venue's price
    protection: mark x (1 -+ scope)); without a band nothing is extrapolated, as nothing would bound it.
    ``consumption`` is the symbol's; without it the whole window is free. ``touch`` is what the trades behind the window imply; None where
    there are none."""

    instrument: Instrument
    book: Book
    side: Side
    quantity: Decimal
    limit: Decimal | None
    slippage_bps: Decimal
    band: tuple[Decimal, Decimal] | None = None
    consumption: Consumption | None = None
    touch: ImpliedTouch | None = None

    def accepts(self, price: Decimal) -> bool:
        """True within the limit and inside the band."""
        inside = self.band is None or self.band[0] <= price <= self.band[1]
        return inside and within(self.side, self.limit, price)

    def available(self, price: Decimal, displayed: Decimal) -> Decimal:
        """On step, and not what own orders took already."""
        left = displayed if self.consumption is None else self.consumption.available(self.side, price, displayed)
        return self.instrument.floor_quantity(left)


TakerModel = Callable[[Taking], tuple[Execution, ...]]
"""Executions in order; together at most the quantity, each on tick, never worse than the limit or outside the band."""


def fixed(taking: Taking) -> tuple[Execution, ...]:
    """The whole quantity at mid x (1 +- slippage_bps / 10 000), on tick against the trader, or at a better limit."""
    mid = taking.book.mid
    assert mid is not None, "a usable book has both sides"
    price = fixed_price(taking.instrument, taking.side, mid, taking.slippage_bps)
    if taking.limit is not None and not within(taking.side, taking.limit, price):
        price = taking.limit
    return (Execution(price, taking.quantity),) if taking.accepts(price) else ()


def walk_the_book(taking: Taking) -> tuple[Execution, ...]:
    """One execution for each level walked, best first, of what own orders have not consumed; then, inside a band, one at
    an estimated price for what the visible window cannot give (``_behind``). What neither can give is left unfilled."""
    executions: list[Execution] = []
    leaves = taking.quantity
    for price, displayed in taking.book.opposite(taking.side):
        if leaves <= 0 or not taking.accepts(price):
            return tuple(executions)
        quantity = min(leaves, taking.available(price, displayed))
        if quantity > 0:
            executions.append(Execution(price, quantity, displayed))
            leaves -= quantity
    if leaves > 0 and taking.band is not None:
        executions += _behind(taking, leaves, taking.band)
    return tuple(executions)


def walk_the_traded_book(taking: Taking) -> tuple[Execution, ...]:
    """``walk_the_book``, of the window moved to where the last trade behind it implies its best prices; without one, of the window.

    Only the prices and quantities of what is taken are found so. Whether an order takes at all or rests stays the window's to say: what
    rests is queued behind what the window shows and met by what the next one shows, so that an inferred touch there would change the
    maker models, too. Slippage stays against the window's mid: that was on view, so the market's move since then is part of what taking
    cost.
    """
    if taking.touch is None:
        return walk_the_book(taking)
    return walk_the_book(msgspec.structs.replace(taking, book=moved(taking.book, taking.touch)))


def top_of_book(taking: Taking) -> tuple[Execution, ...]:
    """The whole quantity at the best opposite price, whatever is displayed there."""
    price = taking.book.opposite(taking.side)[0][0]
    return (Execution(price, taking.quantity),) if taking.accepts(price) else ()


TAKER_MODELS: dict[str, TakerModel] = {
    "fixed": fixed, "book": walk_the_book, BOOK_TRADED: walk_the_traded_book, "top": top_of_book,
}


def fixed_price(instrument: Instrument, side: Side, mid: Decimal, slippage_bps: Decimal) -> Decimal:
    """30 bps is 0.0030."""
    share = slippage_bps / BASIS_POINTS
    return instrument.round_against(side, mid * (1 + share if side is Side.BUY else 1 - share))


def _behind(taking: Taking, leaves: Decimal, band: tuple[Decimal, Decimal]) -> Iterator[Execution]:
    """What may be taken behind the visible window, all of it at the price of its last part.

    Depth summed up from the mid grows like the square of the distance, which is impact by a square-root law: with the
    quantity ``D`` visible over the distance ``d`` from the mid to the worst level, a rest ``R`` behind it reaches
    ``worst +- d * (sqrt((D + R) / D) - 1)``. ``R`` counts what own orders took behind the window before. The price is
    rounded against the trader; of the rest only so much is taken that the price stays within limit and band.
    """
    instrument, side, levels = taking.instrument, taking.side, taking.book.opposite(taking.side)
    worst, visible = levels[-1][0], sum((quantity for _, quantity in levels), ZERO)
    mid = taking.book.mid
    assert mid is not None, "a usable book has both sides"
    distance = abs(worst - mid)
    edge = _edge(taking, band)
    if edge <= 0 or within(side, worst, edge):
        return
    before = ZERO if taking.consumption is None else taking.consumption.behind(side, worst)
    reach = EXACT.divide(abs(edge - worst), distance) + 1
    most = EXACT.subtract(EXACT.multiply(visible, EXACT.multiply(reach, reach)), visible + before)
    rest = min(leaves, instrument.floor_quantity(max(most, ZERO)))
    if rest > 0:
        stretch = EXACT.sqrt(EXACT.divide(visible + before + rest, visible)) - 1
        away = EXACT.multiply(distance, stretch)
        price = instrument.round_against(side, EXACT.add(worst, away if side is Side.BUY else -away))
        # The last digit of a root may lie beyond the edge that its square was taken from.
        yield Execution(price if within(side, edge, price) else edge, rest, extrapolated=True)


def _edge(taking: Taking, band: tuple[Decimal, Decimal]) -> Decimal:
    """The worst price that limit and band allow, on tick."""
    buys = taking.side is Side.BUY
    edge = band[1] if buys else max(band[0], taking.instrument.tick)
    if taking.limit is not None:
        edge = min(edge, taking.limit) if buys else max(edge, taking.limit)
    return taking.instrument.round_for(taking.side, edge)
