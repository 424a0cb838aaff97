"""Since when which market was not seen, and which market facts are missing for ever. Must not know books, orders or money.

Folded from ``MarketUnobserved`` and ``MarketObserved``; so an account recovered from its facts, the replay of a ledger and a summary
agree on it.
"""

from trading.messages import MarketObserved, MarketUnobserved

__all__ = ["GAP", "NOT_HEARD_AGAIN", "Sight"]

GAP, NOT_HEARD_AGAIN = "gap", "not_heard_again"
"""The reasons of an outage that is not the feed's word."""


class Sight:
    """``unseen`` maps a symbol whose market is not seen now to the event time it was last seen at.

    ``outages`` counts those that are over or under way; another loss while a market is not seen belongs to the same one. ``missing``
    are the market sequences that are missing for ever.
    """

    def __init__(self) -> None:
        self.unseen: dict[str, int] = {}
        self.missing: list[range] = []
        self.outages = 0
        self._unseen_ns = 0
        self._last = 0

    def lose(self, fact: MarketUnobserved) -> None:
        if fact.symbol not in self.unseen:
            self.unseen[fact.symbol] = fact.from_ns
            self.outages += 1
        if fact.first_missing:
            missing = range(fact.first_missing, fact.last_missing + 1)
            if missing not in self.missing:
                self.missing.append(missing)

    def regain(self, fact: MarketObserved) -> None:
        self._unseen_ns += _between(self.unseen.pop(fact.symbol, 0), fact.at_ns)

    def unseen_ns(self, now_ns: int) -> int:
        """Of all outages and symbols together, in event time; what is not over lasts until ``now_ns``. What comes before a market
        was first seen is no part of it."""
        return self._unseen_ns + sum(_between(from_ns, now_ns) for from_ns in self.unseen.values())

    def is_missing(self, sequence: int) -> bool:
        return any(sequence in missing for missing in self.missing)

    def crosses_gap(self, sequence: int) -> bool:
        """True for the first market fact behind missing ones, each time the market is told in order."""
        before, self._last = self._last, sequence
        return any(before < missing.start <= sequence for missing in self.missing)

    def ends_before_gap(self, sequence: int) -> bool:
        """True for the last market fact before missing ones."""
        return any(missing.start == sequence + 1 for missing in self.missing)


def _between(from_ns: int, to_ns: int) -> int:
    return max(0, to_ns - from_ns) if from_ns else 0
