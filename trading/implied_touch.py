"""Where the best prices are by now, as the last trade implies it, and the window moved there. Must not know orders.

A window is up to some hundreds of milliseconds old; the trades printed since say more. A buyer paid the ask and a seller got the bid, so
the last trade says where that side begins. The other side keeps its distance, but for a trade between the two best prices, which need not
have moved it. With its best prices the whole window moves: what stood there is quoted anew around the new touch. A newer window says all
of that itself and overrules it.

What else was tried on two recorded tapes (docs/FIDELITY.md, part b) and left out:

- levels that stay where the window showed them, with as much at the touch as the window had at its best: much worse for larger orders,
  which then walk a book that the makers have long refilled;
- what traded at the touch taken off its level: worse on one tape, makers refill that as well;
- each side by its own last trade, or a touch that goes on as it moved last: worse on both;
- a spread of one tick whatever the window's: better by 0.001 bps on both, where nearly every window's is one tick, and wrong by the whole
  of a wider one.
"""

from decimal import Decimal

from trading.book import Book
from trading.market_facts import Level, Print
from trading.quantities import ZERO
from trading.receipts import ImpliedTouch
from trading.words import Side

__all__ = ["implied_touch", "moved"]


def implied_touch(book: Book, trade: Print, market_sequence: int) -> ImpliedTouch | None:
    """By the last ``trade`` behind a usable book's window, of the market fact of that number; None where no price would be left for a
    bid."""
    bid, ask = book.bids[0][0], book.asks[0][0]
    buys = trade.aggressor is Side.BUY
    taken_by = trade.price - (ask if buys else bid)
    between = bid < trade.price <= ask if buys else bid <= trade.price < ask
    other_by = ZERO if between else taken_by
    bid, ask = (bid + other_by, trade.price) if buys else (trade.price, ask + other_by)
    return ImpliedTouch(market_sequence, bid, ask) if bid > 0 else None


def moved(book: Book, touch: ImpliedTouch) -> Book:
    """The window with its best prices at the touch, every level of a side by the same distance."""
    return Book(book.symbol, book.sequence, book.at_ns, _moved(book.bids, touch.bid), _moved(book.asks, touch.ask), book.fault)


def _moved(levels: tuple[Level, ...], best: Decimal) -> tuple[Level, ...]:
    by = best - levels[0][0]
    return tuple((price + by, quantity) for price, quantity in levels if price + by > 0) if by else levels
