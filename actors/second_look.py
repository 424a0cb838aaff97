"""A second look at the market through the other door: after every (re)connect the venue's REST book is compared with the feed's,
and at the start its funding rate is asked. What disagrees is said; nothing is decided here.
"""

from typing import Any

from actors.envelopes import Fetch, FetchBook, Fetched, FetchedBook, FetchedFunding, FetchFunding
from messaging.channels import Client
from trading.messages import BookChanged, FeedLive, MarketFact
from trading.quantities import bps_between, plain
from trading.words import Side

__all__ = ["SecondLook"]

DEADLINE_MS = 5_000
ALARM_BPS = 20
EVERY_STREAM = "all"


class SecondLook:
    """Of one process; ``counters`` is where it counts."""

    def __init__(self, gateway: Client, log: Any, counters: dict[str, float]) -> None:
        self._gateway = gateway
        self._log = log
        self._counters = counters
        self._books: dict[str, BookChanged] = {}
        self._funding_asked: set[str] = set()
        counters.update(book_checks_count=0, book_disagreements_count=0)

    def on_market(self, fact: MarketFact) -> None:
        if isinstance(fact, BookChanged):
            if fact.symbol not in self._books:
                self._look(fact.symbol)
            self._books[fact.symbol] = fact
        elif isinstance(fact, FeedLive) and fact.stream == EVERY_STREAM:
            self._look(fact.symbol)

    def on_fetched(self, fetched: Fetched) -> None:
        symbol = fetched.request_id.partition(":")[2]
        match fetched.answer:
            case FetchedBook():
                self._compare(fetched.answer)
            case FetchedFunding(rate=rate, next_funding_at_ns=next_ns):
                self._log.info("FUNDING_KNOWN", symbol=symbol, rate=plain(rate), next_funding_at_ns=next_ns)
            case _:
                self._log.debug("NO_SECOND_LOOK", request=fetched.request_id, reason=str(fetched.answer))

    def _look(self, symbol: str) -> None:
        self._gateway.send(Fetch(request_id=f"book:{symbol}", request=FetchBook(symbol=symbol), deadline_ms=DEADLINE_MS))
        if symbol not in self._funding_asked:
            self._funding_asked.add(symbol)
            self._gateway.send(Fetch(request_id=f"funding:{symbol}", request=FetchFunding(symbol=symbol), deadline_ms=DEADLINE_MS))

    def _compare(self, rest: FetchedBook) -> None:
        """Mid against mid; the two were taken within a moment of each other, so only a large difference means something."""
        feed = self._books.get(rest.symbol)
        if feed is None or not (feed.bids and feed.asks and rest.bids and rest.asks):
            return
        self._counters["book_checks_count"] += 1
        mids = [(book.bids[0][0] + book.asks[0][0]) / 2 for book in (feed, rest)]
        apart_bps = abs(bps_between(Side.BUY, mids[0], mids[1]))
        if apart_bps > ALARM_BPS:
            self._counters["book_disagreements_count"] += 1
            self._log.warning("BOOK_DISAGREES", symbol=rest.symbol, feed_mid=plain(mids[0]), rest_mid=plain(mids[1]), apart_bps=plain(apart_bps))
        else:
            self._log.info("BOOK_AGREES", symbol=rest.symbol, apart_bps=plain(apart_bps))
