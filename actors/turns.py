"""Lockstep: how a tape is traded so that nothing depends on the scheduling of processes, however fast it is served.

One turn covers one market fact, or several of which only the last may have led to decisions. The strategy decides on each knowing every
account fact of the market facts before; the gate judges with the market up to it; the broker takes the market up to it and then
what was decided, in one transaction, and says so; only then does the next turn begin. A turn is one message, sent again until it
is taken, so a crash anywhere repeats it whole. The ledger is the same wherever turns end:

- several market facts go into one turn only as far as nothing that the account finds out meanwhile could take effect
  (``Trader.foreseen_ns``), and end before the first that leads to decisions, which has a turn of its own;
- what the gate says between them carries the number of the market fact that it comes behind.

These objects are pure: actors send and own the clock.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from actors.envelopes import Command, Turn, TurnTaken
from trading.account import Account
from trading.messages import AccountFact, AmendOrder, CancelOrder, MarketFact, ReportProgress, SubmitOrder, TradingStateChanged
from trading.risk import RiskGate
from trading.strategy.trader import Trader
from trading.words import TradingState

__all__ = ["GateTurns", "Intent", "MarketQueue", "StrategyTurns", "consequences"]

Intent = SubmitOrder | AmendOrder | CancelOrder | ReportProgress

TURN_FACTS = 64
"""Market facts that one turn covers at most."""


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

    def first(self) -> MarketFact:
        return self._facts[0]

    def pop(self) -> MarketFact:
        return self._facts.popleft()

    def through(self, sequence: int) -> list[MarketFact]:
        """All that wait up to ``sequence``, taken out."""
        taken = []
        while self._facts and self._facts[0].sequence <= sequence:
            taken.append(self._facts.popleft())
        return taken


class _Decided(NamedTuple):
    """A market fact that led to decisions, and these."""

    market_sequence: int
    intents: tuple[Intent, ...]


class StrategyTurns:
    """The strategy's side. ``taken`` is the last market fact that the account has taken in; up to it decisions are only repeated,
    not sent."""

    def __init__(self, trader: Trader, command: Callable[[Intent, int], Command], taken: int, facts_sequence: int) -> None:
        self.taken = taken
        self.facts_sequence = facts_sequence
        self.turn: Turn | None = None
        self.final_taken = False
        self._trader = trader
        self._command = command
        self._queue = MarketQueue()
        self._decided: _Decided | None = None

    @property
    def settled(self) -> bool:
        """Nothing is under way: what the trader knows is what was sent and taken."""
        return self.turn is None and self._decided is None

    @property
    def idle(self) -> bool:
        """Nothing is under way and nothing waits."""
        return self.settled and not len(self._queue)

    def heard(self, fact: MarketFact) -> None:
        self._queue.put(fact)

    def next_turn(self, facts_heard: int) -> Turn | None:
        """The next turn to send, if the last one is over and all its account facts have been heard."""
        if self.turn is None and facts_heard >= self.facts_sequence:
            covered = self._decide() if self._decided is None else 0
            if covered:
                self.turn = self._made(covered, ())
            elif self._decided is not None:
                self.turn = self._made(*self._decided)
                self._decided = None
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

    def _decide(self) -> int:
        """Hear as many market facts as may go into one turn; the last one that led to no decision, or 0. What the next one led to is
        kept in ``_decided``: its turn follows."""
        covered = count = 0
        foreseen_ns = 0
        while len(self._queue) and count < TURN_FACTS and (not count or self._queue.first().at_ns <= foreseen_ns):
            if not count:
                foreseen_ns = self._trader.foreseen_ns
            fact = self._queue.pop()
            intents = self._trader.on_market(fact)
            if fact.sequence <= self.taken:
                continue
            if intents:
                self._decided = _Decided(fact.sequence, intents)
                break
            covered, count = fact.sequence, count + 1
        return covered

    def _made(self, market_sequence: int, intents: Iterable[Intent], final: bool = False) -> Turn:
        commands = tuple(self._command(intent, market_sequence) for intent in intents)
        return Turn(market_sequence=market_sequence, facts_sequence=self.facts_sequence, commands=commands, final=final)


class GateTurns:
    """The gate's side: judges in event time, which no scheduling changes. ``dealt_with`` is the last market fact that the account had
    taken in when this life began: of those up to it the gate hears what still counts."""

    def __init__(self, gate: RiskGate, dealt_with: int) -> None:
        self.at_ns = 0
        self._gate = gate
        self._dealt_with = dealt_with
        self._queue = MarketQueue()
        self._looked_to = 0
        self._said: list[Command] = []

    def heard(self, fact: MarketFact) -> None:
        if fact.sequence > self._dealt_with:
            self._queue.put(fact)
        else:
            self._look_at(fact)
            self._queue.last = fact.sequence

    def covers(self, turn: Turn) -> bool:
        """The market of the turn is here."""
        return self._queue.last >= turn.market_sequence

    def too_late_for(self, turn: Turn) -> bool:
        """The gate has looked at more of the market than these decisions may be judged by: only a fresh life can do it."""
        return bool(turn.commands) and turn.market_sequence < self._looked_to

    def judged(
        self, turn: Turn, on_record: TradingState | None, judge: Callable[[Command], Command], state_command: Callable[[int], Command],
    ) -> Turn:
        """What goes on to the account: the decisions as judged, and each change of the gate's own state behind the market fact that
        brought it. ``on_record``: the state that the account has; what was said since is said again until the turn is taken."""
        for fact in self._queue.through(turn.market_sequence):
            self._look_at(fact)
            if fact.sequence < turn.market_sequence:
                self._say_state(fact.sequence, on_record, state_command)
        self._gate.permit(self.at_ns, "trade")
        decided = [judge(command) for command in turn.commands]
        self._say_state(turn.market_sequence, on_record, state_command)
        between = [command for command in self._said if command.market_sequence < turn.market_sequence]
        behind = [command for command in self._said if command.market_sequence == turn.market_sequence]
        commands = (*between, *decided, *behind)
        return Turn(market_sequence=turn.market_sequence, facts_sequence=turn.facts_sequence, commands=commands, final=turn.final)

    def on_taken(self, market_sequence: int) -> None:
        self._said = [command for command in self._said if command.market_sequence > market_sequence]

    def _look_at(self, fact: MarketFact) -> None:
        self.at_ns = max(self.at_ns, fact.at_ns)
        self._looked_to = fact.sequence
        self._gate.on_market(fact, self.at_ns)

    def _say_state(self, market_sequence: int, on_record: TradingState | None, state_command: Callable[[int], Command]) -> None:
        body = self._said[-1].body if self._said else None
        said = body.state if isinstance(body, TradingStateChanged) else on_record
        if self._gate.state is not said:
            self._said.append(state_command(market_sequence))


def consequences(account: Account, market: MarketQueue, turn: Turn, taken: int) -> list[AccountFact]:
    """What a turn leads to, all of it for one transaction. Commands behind a market fact up to ``taken`` have been carried out before
    (but for the last words, which change nothing a second time)."""
    facts: list[AccountFact] = []
    commands = deque(command for command in turn.commands if command.market_sequence > taken or turn.final)
    for fact in market.through(turn.market_sequence):
        facts += account.on(fact, fact.at_ns)
        while commands and commands[0].market_sequence <= fact.sequence:
            facts += account.on(commands.popleft().body, account.desk.now_ns)
    for command in commands:
        facts += account.on(command.body, account.desk.now_ns)
    return facts
