"""The newest market facts in memory, for whoever missed some. Must not know sockets or the tape."""

from collections import deque

from actors.envelopes import MarketGiven
from trading.messages import AnyMarketFact, BookChanged, MarketFact, TradesPrinted

__all__ = ["RetainedFacts"]

PAGE_FACTS = 500
PAGE_NUMBERS = 40_000
"""Price levels and trades on one page: with some forty bytes each a page stays far below the largest message."""


class RetainedFacts:
    """The newest facts, without a gap, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._facts: deque[AnyMarketFact] = deque(maxlen=limit)

    def keep(self, fact: MarketFact) -> None:
        self._facts.append(fact)  # type: ignore[arg-type]  # every market fact is one of the union

    def page(self, after: int, head: int, ended: bool = False) -> MarketGiven:
        """What follows ``after``, as far as it is still here and fits; ``head`` is the last number given, and for ever when ``ended``."""
        first = self._facts[0].sequence if self._facts else head + 1
        start = max(0, after + 1 - first)
        page: list[AnyMarketFact] = []
        numbers = 0
        for index in range(start, min(start + PAGE_FACTS, len(self._facts))):
            numbers += _numbers_in(self._facts[index])
            if page and numbers > PAGE_NUMBERS:
                break
            page.append(self._facts[index])
        return MarketGiven(facts=tuple(page), first=first, head=head, ended=ended)


def _numbers_in(fact: AnyMarketFact) -> int:
    if isinstance(fact, BookChanged):
        return len(fact.bids) + len(fact.asks)
    return len(fact.prints) if isinstance(fact, TradesPrinted) else 1
