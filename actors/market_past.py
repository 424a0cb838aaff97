"""The market that a feed has told so far: kept aside now and then, and at a start got back from there and from the run's tape.

What the tape has behind the checkpoint is told again; what is older only when somebody wants it. Must not know sockets.
"""

from collections.abc import Callable

from actors.checkpoint import Checkpoint
from actors.market_memory import RetainedFacts
from actors.market_tape import Market, MarketTape

__all__ = ["MarketPast"]

CHECKPOINT_EVERY = 250
"""Market facts between two checkpoints: telling so many again takes some milliseconds."""


class MarketPast:
    """``fresh`` makes a market that has told nothing."""

    def __init__(self, tape: MarketTape, retained: RetainedFacts, checkpoint: Checkpoint, fresh: Callable[[], Market]) -> None:
        self._tape = tape
        self._retained = retained
        self._checkpoint = checkpoint
        self._fresh = fresh
        self._kept_sequence = 0

    def recover(self) -> Market:
        """The market as it was, its facts retained with the numbers they had. Raises Unstartable."""
        if not self._tape.resumed:
            return self._fresh()
        kept = self._tape.behind(self._checkpoint.read())
        market = self._fresh() if kept is None else kept.market
        if kept is not None:
            sequence = self._kept_sequence = kept.sequence
            self._retained.begin_behind(kept.standing, lambda: self._tape.told_to(self._fresh(), sequence))
        for fact in self._tape.tell_again(market):
            self._retained.keep(fact)
        return market

    def keep(self, market: Market, sequence: int) -> None:
        """When everything on the tape has been told, up to this number: a checkpoint, if one is due."""
        if sequence - self._kept_sequence >= CHECKPOINT_EVERY:
            self._kept_sequence = sequence
            self._checkpoint.keep(self._tape.kept(market, sequence, self._retained.standing()))
