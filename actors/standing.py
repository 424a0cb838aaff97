"""What still counts of all market facts so far: whoever hears these alone knows the market as it stands. Must not know who asks.

Of every symbol: the newest fact of each kind, the newest window that could be traded on, the newest word on each stream, and each
change of the funding boundary (a boundary once announced stays due, trading/funding.py). Bars and queues are not in it: who builds
those hears every fact.
"""

from collections import deque
from collections.abc import Iterable

from trading.account import Account
from trading.messages import AnyMarketFact, BookChanged, FeedLive, FeedStale, MarkPriceChanged

__all__ = ["StandingFacts", "standing_to"]

BOUNDARIES_KEPT = 16
"""Changes of the funding boundary per symbol: days of them, with one every few hours."""

Key = tuple[object, ...]


def standing_to(account: Account) -> int:
    """How far a recovered account needs only what still counts of the market. Behind that it has to hear everything (what happened
    where its orders wait), and from the beginning where facts are missing for ever."""
    if account.desk.sight.missing:
        return 0
    return account.needs_market_from - 1


class StandingFacts:
    """Takes facts in the order of their numbers."""

    def __init__(self, facts: Iterable[AnyMarketFact] = ()) -> None:
        self.last = 0
        self._newest: dict[Key, AnyMarketFact] = {}
        self._boundaries: dict[str, deque[MarkPriceChanged]] = {}
        for fact in facts:
            self.take(fact)

    def take(self, fact: AnyMarketFact) -> None:
        self.last = fact.sequence
        match fact:
            case FeedStale(stream=stream) | FeedLive(stream=stream):
                self._newest[type(fact), fact.symbol, stream] = fact
            case BookChanged():
                self._newest[BookChanged, fact.symbol] = fact
                if fact.bids and fact.asks and fact.bids[0][0] < fact.asks[0][0]:
                    self._newest["tradable", fact.symbol] = fact
            case MarkPriceChanged():
                self._newest[MarkPriceChanged, fact.symbol] = fact
                self._note_boundary(fact)
            case _:
                self._newest[type(fact), fact.symbol] = fact

    def facts(self) -> tuple[AnyMarketFact, ...]:
        """Each once, in the order of their numbers; the last one taken is always among them."""
        found: dict[int, AnyMarketFact] = {fact.sequence: fact for fact in self._newest.values()}
        for changes in self._boundaries.values():
            found.update((fact.sequence, fact) for fact in changes)
        return tuple(found[sequence] for sequence in sorted(found))

    def _note_boundary(self, fact: MarkPriceChanged) -> None:
        changes = self._boundaries.setdefault(fact.symbol, deque(maxlen=BOUNDARIES_KEPT))
        if not changes or changes[-1].next_funding_at_ns != fact.next_funding_at_ns:
            changes.append(fact)
