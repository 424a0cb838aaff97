"""The shape of a check that watches a ledger row by row. Must not know any of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from trading.messages import AccountFact

__all__ = ["Invariant"]


class Invariant(ABC):
    """Sees every fact once, in order. What it yields is what is wrong, in words; for a sound ledger nothing."""

    name = ""

    @abstractmethod
    def see(self, fact: AccountFact) -> Iterable[str]:
        """What is wrong with this fact after those before it."""

    def end(self) -> Iterable[str]:
        """There are no more facts: what only shows now."""
        return ()
