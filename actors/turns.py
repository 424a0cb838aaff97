"""Lockstep: how a tape is traded so that nothing depends on the scheduling of processes, however fast it is served.

One turn per market fact. The strategy decides on it knowing every account fact of the turns before; the gate judges with the
market up to it; the broker takes the market up to it and then what was decided, in one transaction, and says so; only then
does the next turn begin. A turn is one message, sent again until it is taken, so a crash anywhere repeats it whole.
These objects are pure: actors send and own the clock.
"""

from collections import deque
from collections.abc import Callable, Iterable

from actors.envelopes import Command, Turn, TurnTaken
from trading.messages import CancelOrder, MarketFact, ReportProgress, SubmitOrder
from trading.strategy.trader import Trader

__all__ = ["MarketQueue", "StrategyTurns"]

Intent = SubmitOrder | CancelOrder | ReportProgress


class MarketQueue:
    """Market facts in order, waiting for the turn that covers them. The feed's lead bounds it."""

    def __init__(self) -> None:
        self._facts: deque[MarketFact] = deque()
        self.last = 0

    def __len__(self) -> int:
        return len(self._facts)

    def put(self, fact: MarketFact) -> None:
        self._facts.append(fact)
        self.last = fact.sequence

    def pop(self) -> MarketFact:
        return self._facts.popleft()

    def through(self, sequence: int) -> list[MarketFact]:
        """All that wait up to ``sequence``, taken out."""
        taken = []
        while self._facts and self._facts[0].sequence <= sequence:
            taken.append(self._facts.popleft())
        return taken


class StrategyTurns:
    """The strategy's side: decides one market fact at a time. ``taken`` is the last one that the account has taken in; up to it
    decisions are only repeated, not sent."""

    def __init__(self, trader: Trader, command: Callable[[Intent], Command], taken: int, facts_sequence: int) -> None:
        self.taken = taken
        self.facts_sequence = facts_sequence
        self.turn: Turn | None = None
        self.final_taken = False
        self._trader = trader
        self._command = command
        self._queue = MarketQueue()

    @property
    def idle(self) -> bool:
        """Nothing is under way and nothing waits."""
        return self.turn is None and not len(self._queue)

    def heard(self, fact: MarketFact) -> None:
        self._queue.put(fact)

    def next_turn(self, facts_heard: int) -> Turn | None:
        """The next turn to send, if the last one is over and all its account facts have been heard."""
        while self.turn is None and len(self._queue) and facts_heard >= self.facts_sequence:
            fact = self._queue.pop()
            intents = self._trader.on_market(fact)
            if fact.sequence > self.taken:
                self.turn = self._made(fact.sequence, intents, final=False)
        return self.turn

    def last_turn(self) -> Turn:
        """The strategy's last words; when nothing is under way."""
        self.turn = self._made(self.taken, self._trader.drain(), final=True)
        return self.turn

    def on_taken(self, taken: TurnTaken) -> bool:
        """True when this ends the turn that is under way; a late answer to an earlier one changes nothing."""
        turn = self.turn
        if turn is None or taken.market_sequence < turn.market_sequence or taken.final != turn.final:
            return False
        self.turn = None
        self.taken, self.facts_sequence = taken.market_sequence, taken.facts_sequence
        self.final_taken = self.final_taken or taken.final
        return True

    def _made(self, market_sequence: int, intents: Iterable[Intent], final: bool) -> Turn:
        commands = tuple(self._command(intent) for intent in intents)
        return Turn(market_sequence=market_sequence, facts_sequence=self.facts_sequence, commands=commands, final=final)
