"""Whether the market data of one symbol can be trusted right now.

The feed says so (``FeedStale``, ``FeedLive``); both who decides and who approves listen, each for itself. Must not know
what is done about it.
"""

from trading.messages import BookChanged, FeedLive, FeedStale, MarketFact

__all__ = ["MarketTrust"]

EVERY_STREAM = "all"
TRADED_ON = (EVERY_STREAM, "depth", "price")
"""How the names of the streams begin without which nobody can trade. A minute without trades is no outage."""


class MarketTrust:
    """Lost with the first stale stream that trading needs; back when every stale stream is live again *and* a book has come since.

    ``all`` stands for the whole connection: only its own ``FeedLive`` ends it, and that ends every other silence too.
    """

    def __init__(self) -> None:
        self._stale: set[str] = set()
        self._book_since = True

    @property
    def trusted(self) -> bool:
        return not self._stale and self._book_since

    @property
    def reason(self) -> str:
        """Which streams are stale, or ``book`` while only a fresh book is missing; empty when trusted."""
        if self._stale:
            return "+".join(sorted(self._stale))
        return "" if self._book_since else "book"

    def on_market(self, fact: MarketFact) -> None:
        match fact:
            case FeedStale(stream=stream) if stream.startswith(TRADED_ON):
                self._stale.add(stream)
                self._book_since = False
            case FeedLive(stream=stream) if stream == EVERY_STREAM:
                self._stale.clear()
            case FeedLive(stream=stream):
                self._stale.discard(stream)
            case BookChanged():
                self._book_since = True
