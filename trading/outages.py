"""When an account loses sight of a market and regains it, told as facts. Must not apply them.

A market is seen through the windows of its book. It is out of sight from the feed's word that nothing can be trusted, or from a gap in
the numbered market facts, until the next window: what happened meanwhile nobody knows, and nothing is made up.
"""

from collections.abc import Iterator

from trading.book import BookFault
from trading.desk import Desk
from trading.market import concerned_by
from trading.messages import AccountFact, BookChanged, FeedStale, MarketFact, MarketObserved, MarketUnobserved, PassOver
from trading.sight import GAP, NOT_HEARD_AGAIN

__all__ = ["pass_over", "sight_changes"]


def sight_changes(desk: Desk, message: MarketFact) -> Iterator[AccountFact]:
    """What follows from a market fact that was just taken in. A market that was never seen cannot be lost."""
    if isinstance(message, FeedStale):
        for market in concerned_by(message, desk.markets):
            if market.book.fault is not BookFault.UNSEEN and market.symbol not in desk.sight.unseen:
                yield _unobserved(desk, market.symbol, market.book.at_ns, message.reason)
    elif isinstance(message, BookChanged) and message.symbol in desk.sight.unseen:
        yield MarketObserved(at_ns=desk.now_ns, symbol=message.symbol)


def pass_over(desk: Desk, request: PassOver) -> Iterator[AccountFact]:
    """A gap in the numbers is one in every market: nobody knows which symbol the missing facts were of."""
    reason = NOT_HEARD_AGAIN if request.first <= desk.market_sequence else GAP
    for symbol in desk.markets:
        yield _unobserved(desk, symbol, desk.now_ns, reason, request.first, request.last)


def _unobserved(desk: Desk, symbol: str, from_ns: int, reason: str, first: int = 0, last: int = 0) -> MarketUnobserved:
    return MarketUnobserved(
        at_ns=desk.now_ns, symbol=symbol, from_ns=from_ns, reason=reason, first_missing=first, last_missing=last,
        open_orders=tuple(order.client_order_id for order in desk.orders.open() if order.symbol == symbol),
    )
