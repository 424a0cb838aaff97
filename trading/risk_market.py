"""What the risk gate knows of one symbol's market: whether it can be trusted, and the prices that orders are compared with.

Must not know any order. Two clocks: event time and the receipt in this process.
"""

from trading.limits import RiskSettings
from trading.messages import BookChanged, MarketFact
from trading.risk_case import Reference
from trading.trust import MarketTrust

__all__ = ["RiskMarket"]

MILLISECOND_NS = 1_000_000


class RiskMarket:
    def __init__(self) -> None:
        self.trust = MarketTrust()
        self._at_ns = 0
        self._book: BookChanged | None = None
        self._book_seen_ns = 0

    def on_market(self, fact: MarketFact, seen_ns: int) -> None:
        self.trust.on_market(fact)
        self._at_ns = max(self._at_ns, fact.at_ns)
        if isinstance(fact, BookChanged):
            self._book, self._book_seen_ns = fact, seen_ns

    def reference(self, settings: RiskSettings, now_mono_ns: int) -> Reference | None:
        """None without a book of two uncrossed sides. Event time sees one silent stream, receipt sees a silent feed."""
        book = self._book
        if book is None or not book.bids or not book.asks or book.bids[0][0] >= book.asks[0][0]:
            return None
        age_ns = max(self._at_ns - book.at_ns, now_mono_ns - self._book_seen_ns)
        return Reference(
            bid=book.bids[0][0],
            ask=book.asks[0][0],
            age_ms=age_ns // MILLISECOND_NS,
            marketable_age_max_ms=int(settings.stale_market_s.marketable * 1000),
            resting_age_max_ms=int(settings.stale_market_s.resting * 1000),
        )
