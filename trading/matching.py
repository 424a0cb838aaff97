"""What a paper order gets: models for taking, and how a trade is shared among resting orders. Must not know money.

A model is a name in ``TAKER_MODELS``; a session names one. None of them changes the book: the market does not know that
the order was there, so two orders against the same window see the same depth.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from trading.book import Book, within
from trading.messages import BookChanged, Level, Print, TradesPrinted
from trading.orders import Order
from trading.quantities import BASIS_POINTS, Instrument
from trading.words import Side

__all__ = ["TAKER_MODELS", "TRADED", "Execution", "TakerModel", "Taking", "fixed_price", "reaches", "trades_of"]

TRADED = "traded"
"""The one model for resting orders: filled by what trades at or through their price, at their own price. No queue
ahead."""


class Execution(NamedTuple):
    price: Decimal
    quantity: Decimal


class Taking(msgspec.Struct, frozen=True):
    """An order that takes now. ``book`` is usable and within the limit (None: any price); ``slippage_bps`` is the
    session's."""

    instrument: Instrument
    book: Book
    side: Side
    quantity: Decimal
    limit: Decimal | None
    slippage_bps: Decimal


TakerModel = Callable[[Taking], tuple[Execution, ...]]
"""Executions in order; together at most the quantity, each on tick and never worse than the limit."""


def fixed(taking: Taking) -> tuple[Execution, ...]:
    """The whole quantity at mid x (1 +- slippage_bps / 10 000), on tick against the trader, or at a better limit."""
    mid = taking.book.mid
    assert mid is not None, "a usable book has both sides"
    price = fixed_price(taking.instrument, taking.side, mid, taking.slippage_bps)
    if taking.limit is not None and not within(taking.side, taking.limit, price):
        price = taking.limit
    return (Execution(price, taking.quantity),)


def walk_the_book(taking: Taking) -> tuple[Execution, ...]:
    """One execution for each level walked, best first; what the visible window cannot give is left unfilled."""
    executions: list[Execution] = []
    leaves = taking.quantity
    for price, available in taking.book.opposite(taking.side):
        if leaves <= 0 or not within(taking.side, taking.limit, price):
            break
        executions.append(Execution(price, min(leaves, available)))
        leaves -= available
    return tuple(executions)


def top_of_book(taking: Taking) -> tuple[Execution, ...]:
    """The whole quantity at the best opposite price, whatever is displayed there."""
    return (Execution(taking.book.opposite(taking.side)[0][0], taking.quantity),)


TAKER_MODELS: dict[str, TakerModel] = {"fixed": fixed, "book": walk_the_book, "top": top_of_book}


def fixed_price(instrument: Instrument, side: Side, mid: Decimal, slippage_bps: Decimal) -> Decimal:
    """30 bps is 0.0030."""
    share = slippage_bps / BASIS_POINTS
    return instrument.round_against(side, mid * (1 + share if side is Side.BUY else 1 - share))


def trades_of(
    fact: TradesPrinted | BookChanged, best_buy: Decimal | None, best_sell: Decimal | None,
) -> tuple[Print, ...]:
    """What could reach resting orders, the best of which have these limits: the prints, or what of a new window crosses
    them.

    A displayed ask at or below a resting buy would have met it on its way into the book (and the other way round), so
    it counts like a trade of its quantity at its price.
    """
    if isinstance(fact, TradesPrinted):
        return fact.prints
    return (*_crossing(fact.asks, Side.SELL, best_buy), *_crossing(fact.bids, Side.BUY, best_sell))


def reaches(trade: Print, resting: Sequence[Order]) -> Iterator[tuple[Order, Decimal]]:
    """Which resting orders of the passive side a trade reaches, in the order given, and how much of it each may have.

    The trade's quantity is shared once: what an order took (its ``leaves_quantity`` after it was offered) is gone for
    the next.
    """
    left = trade.quantity
    for order in resting:
        before = order.leaves_quantity
        if left <= 0 or not within(order.side, order.limit, trade.price):
            return
        yield order, min(left, before)
        left -= before - order.leaves_quantity


def _crossing(levels: tuple[Level, ...], aggressor: Side, limit: Decimal | None) -> Iterator[Print]:
    if limit is not None:
        for price, quantity in levels:
            if not within(aggressor.opposite, limit, price):
                return
            yield Print(price, quantity, aggressor)
