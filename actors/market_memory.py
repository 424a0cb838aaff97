"""The newest market facts in memory, for whoever missed some. Must not know sockets or the tape.

Of what is older than these the standing facts are kept (actors/standing.py): the market as it stood is never forgotten.
"""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice

from actors.envelopes import MarketGiven, MarketWanted
from actors.standing import StandingFacts
from trading.messages import AnyMarketFact, BookChanged, MarketFact, TradesPrinted

__all__ = ["RetainedFacts"]

PAGE_FACTS = 500
PAGE_NUMBERS = 40_000
"""Price levels and trades on one page: with some forty bytes each a page stays far below the largest message."""


class RetainedFacts:
    """The newest facts, without a gap, up to a limit.

    ``begin_behind`` starts it with what stood at some number; the facts before are fetched only when somebody wants them.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._facts: deque[AnyMarketFact] = deque()
        self._standing = StandingFacts()
        self._standing_now = StandingFacts()
        self._older: Callable[[], Iterable[MarketFact]] | None = None

    def keep(self, fact: MarketFact) -> None:
        self._facts.append(fact)  # type: ignore[arg-type]  # every market fact is one of the union
        self._standing_now.take(self._facts[-1])
        if len(self._facts) > self._limit:
            self._standing.take(self._facts.popleft())

    def begin_behind(self, standing: tuple[AnyMarketFact, ...], older: Callable[[], Iterable[MarketFact]]) -> None:
        """Before the first ``keep``. ``older``: all facts up to the last of ``standing``, in order."""
        self._standing, self._standing_now, self._older = StandingFacts(standing), StandingFacts(standing), older

    def standing(self) -> tuple[AnyMarketFact, ...]:
        """What counts of all facts so far."""
        return self._standing_now.facts()

    def page(self, wanted: MarketWanted, head: int, ended: bool = False) -> MarketGiven:
        """What is wanted, as far as it is still here and fits; ``head`` is the last number given, and for ever when ``ended``.

        What stood at a number that is further back than the facts go is given as of the oldest that can be.
        """
        after, standing_to = wanted.after, min(wanted.standing_to, head)
        if self._older is not None and max(after, standing_to) < self._standing.last:
            self._fetch_older(self._older)
        standing: tuple[AnyMarketFact, ...] = ()
        if after < standing_to:
            after = standing_to = max(standing_to, self._standing.last)
            standing = self._standing_at(standing_to)
        else:
            standing_to = 0
        return MarketGiven(
            facts=self._following(after), first=self._standing.last + 1, head=head, ended=ended, standing=standing, standing_to=standing_to,
        )

    def _standing_at(self, sequence: int) -> tuple[AnyMarketFact, ...]:
        if sequence == self._standing_now.last:
            return self._standing_now.facts()
        covered = islice(self._facts, sequence - self._standing.last)
        return StandingFacts((*self._standing.facts(), *covered)).facts()

    def _following(self, after: int) -> tuple[AnyMarketFact, ...]:
        page: list[AnyMarketFact] = []
        numbers = 0
        start = max(0, after - self._standing.last)
        for fact in islice(self._facts, start, start + PAGE_FACTS):
            numbers += _numbers_in(fact)
            if page and numbers > PAGE_NUMBERS:
                break
            page.append(fact)
        return tuple(page)

    def _fetch_older(self, older: Callable[[], Iterable[MarketFact]]) -> None:
        newer, self._facts, self._standing, self._older = self._facts, deque(), StandingFacts(), None
        self._standing_now = StandingFacts()
        for fact in (*older(), *newer):
            self.keep(fact)


def _numbers_in(fact: AnyMarketFact) -> int:
    if isinstance(fact, BookChanged):
        return len(fact.bids) + len(fact.asks)
    return len(fact.prints) if isinstance(fact, TradesPrinted) else 1
