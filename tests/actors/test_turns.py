"""Lockstep without processes: one ledger, however the market facts arrive, wherever turns end, and whoever starts again in between."""

import pickle
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.envelopes import Command, Turn, TurnTaken
from actors.standing import StandingFacts, standing_to
from actors.turns import GateTurns, Intent, MarketQueue, StrategyTurns, consequences
from tests.trading.decision_facts import BTC, MS, SECOND, book, live, stale, trades
from tests.trading.risk_desk import SETTINGS
from tests.trading.strategy_settings import QUOTES
from trading.account import Account
from trading.account_settings import AccountSettings
from trading.latency import Constant
from trading.limits import RiskSettings
from trading.messages import AccountFact, AnyMarketFact, MarketFact, ReportProgress, SubmitOrder, TradingStateChanged
from trading.risk import RiskGate
from trading.strategy.trader import Trader
from trading.words import TradingState

QUICK = msgspec.structs.replace(QUOTES, warmup_bars=3, rest_ms=300, requote_ticks=8)
TIGHT: RiskSettings = msgspec.structs.replace(SETTINGS, max_open_orders_per_symbol=5)
ACCOUNT = AccountSettings(
    instruments=(BTC,), balance=Decimal(10_000), position_max={BTC.symbol: Decimal("0.05")}, slippage_model="fixed",
    slippage_bps=Decimal(1), entry_latency=Constant(ms=Decimal(50)),
)


def market(steps: Sequence[tuple[int, int, int]]) -> list[AnyMarketFact]:
    """(ms since the one before, kind, ticks away): prints, windows of the book, and now and then a silence and its end."""
    facts: list[AnyMarketFact] = []
    at_ns, price = 1_000 * SECOND, Decimal(65_000)
    for sequence, (wait_ms, kind, ticks) in enumerate(steps, 1):
        at_ns += wait_ms * MS
        price += ticks * BTC.tick
        if kind == 0:
            facts.append(stale(sequence, at_ns, "depth"))
        elif kind == 1:
            facts.append(live(sequence, at_ns, "depth"))
        elif kind < 6:
            facts.append(book(sequence, at_ns, price - BTC.tick, price + BTC.tick))
        else:
            facts.append(trades(sequence, at_ns, str(price), quantity="1"))
    return facts


class Lockstep:
    """Strategy, gate and account of one run, in one thread; everything between them arrives."""

    def __init__(self, facts: list[AnyMarketFact]) -> None:
        self.market = facts
        self.told = 0
        self.taken = 0
        self.turn_sizes: list[int] = []
        self.account = Account(ACCOUNT, "feedc0de")
        self.rows: list[AccountFact] = list(self.account.open(0))
        self.queue = MarketQueue()
        self.kept = b""
        self._start_gate()
        self._start_strategy(None)

    def run(self, chunks: Sequence[int], strikes: Sequence[str]) -> list[bytes]:
        """``chunks``: how many market facts come at once, over and over; ``strikes``: who starts again after each turn, or nobody."""
        turn_number = 0
        while True:
            turn = self.turns.next_turn(len(self.rows))
            if turn is None and self.told == len(self.market):
                return [msgspec.json.encode(row) for row in self.rows]
            if turn is None:
                self._tell(chunks[self.told % len(chunks)])
                continue
            self._strike(strikes[turn_number % len(strikes)], turn)
            turn_number += 1

    def _strike(self, whom: str, turn: Turn) -> None:
        """The turn is carried out; whoever is struck dies before (``gate``), or after it without having heard of it."""
        if whom == "gate":
            self._start_gate()
        judged = self.gate_turns.judged(turn, self._state_on_record(), self._judge, self._state_command)
        if whom == "gate twice":
            judged = self.gate_turns.judged(turn, self._state_on_record(), self._judge, self._state_command)
        before = self.taken
        self._record(consequences(self.account, self.queue, judged, self.taken))
        self.taken = max(self.taken, turn.market_sequence)
        self.turn_sizes.append(self.taken - before)
        if whom == "account":
            self._start_account()
            self._record(consequences(self.account, self.queue, judged, self.account.market_sequence))
        taken = TurnTaken(market_sequence=self.taken, facts_sequence=len(self.rows), final=False)
        self.gate_turns.on_taken(taken.market_sequence)
        if whom in ("strategy", "strategy with checkpoint"):
            self._start_strategy(self.kept if whom.endswith("checkpoint") and self.kept else None)
            return
        assert self.turns.on_taken(taken)
        if self.turns.settled:
            self.kept = pickle.dumps(self.trader)

    def _tell(self, count: int) -> None:
        for fact in self.market[self.told:self.told + count]:
            for listener in (self.turns.heard, self.gate_turns.heard, self.queue.put):
                listener(fact)
        self.told = min(self.told + count, len(self.market))

    def _record(self, facts: list[AccountFact]) -> None:
        for fact in facts:
            self.rows.append(fact)
            self.trader.on_fact(len(self.rows), fact)
            self.gate.on_fact(len(self.rows), fact)
        self.gate.catch_up(len(self.rows))

    def _start_strategy(self, kept: bytes | None) -> None:
        self.trader = Trader(QUICK, (BTC,), "feedc0de") if kept is None else pickle.loads(kept)
        for sequence, fact in enumerate(self.rows, 1):
            self.trader.on_fact(sequence, fact)
        self.turns = StrategyTurns(self.trader, _command, max(self.taken, self.trader.market_sequence), len(self.rows))
        for heard_again in self.market[self.trader.market_sequence:self.told]:
            self.turns.heard(heard_again)

    def _start_gate(self) -> None:
        self.gate = RiskGate(TIGHT, (BTC,))
        for sequence, fact in enumerate(self.rows, 1):
            self.gate.on_fact(sequence, fact)
        self.gate.catch_up(len(self.rows))
        self.gate_turns = GateTurns(self.gate, self.taken)
        self._hear_again(self.gate_turns.heard, self.taken)

    def _start_account(self) -> None:
        self.account = Account.recover(ACCOUNT, "feedc0de", self.rows)
        self.queue = MarketQueue()
        dealt_with = self.account.market_sequence

        def hear(fact: MarketFact) -> None:
            if fact.sequence <= dealt_with:
                self.account.observe(fact, fact.at_ns)
            else:
                self.queue.put(fact)

        self._hear_again(hear, standing_to(self.account))

    def _hear_again(self, hear: Callable[[MarketFact], None], standing: int) -> None:
        for fact in (*StandingFacts(self.market[:standing]).facts(), *self.market[standing:self.told]):
            hear(fact)

    def _state_on_record(self) -> TradingState | None:
        return next((row.state for row in reversed(self.rows) if isinstance(row, TradingStateChanged)), None)

    def _judge(self, command: Command) -> Command:
        assert isinstance(command.body, Intent)
        return msgspec.structs.replace(command, body=self.gate.decide(command.body, self.gate_turns.at_ns))

    def _state_command(self, market_sequence: int) -> Command:
        body = TradingStateChanged(at_ns=self.gate_turns.at_ns, state=self.gate.state, reason=self.gate.state_reason)
        return Command(command_id=f"state-{market_sequence}", body=body, sent_ns=0, market_sequence=market_sequence)


def _command(intent: Intent, market_sequence: int) -> Command:
    name = intent.client_order_id if isinstance(intent, SubmitOrder) else intent.command_id
    return Command(command_id=name, body=intent, sent_ns=0, market_sequence=market_sequence)


WAITS_MS = st.sampled_from([0, 0, 1, 40, 50, 90, 200, 201, 300, 600])
STEPS = st.lists(st.tuples(WAITS_MS, st.integers(0, 12), st.integers(-6, 6)), min_size=30, max_size=160)
WHOM = st.sampled_from(["nobody", "nobody", "strategy", "strategy with checkpoint", "gate", "gate twice", "account"])


@settings(max_examples=120)
@given(steps=STEPS, chunks=st.lists(st.integers(1, 90), min_size=1, max_size=6), strikes=st.lists(WHOM, min_size=1, max_size=12))
def test_one_ledger_however_the_market_arrives_and_whoever_starts_again(
    steps: list[tuple[int, int, int]], chunks: list[int], strikes: list[str]
) -> None:
    facts = market(steps)
    assert Lockstep(facts).run(chunks, strikes) == Lockstep(facts).run([1], ["nobody"])


def test_a_turn_covers_many_market_facts_and_a_decision_has_its_own() -> None:
    facts = market([(20, 6 if number % 5 else 3, 1 if number // 50 % 2 else -1) for number in range(400)])
    run = Lockstep(facts)
    rows = run.run([400], ["nobody"])
    assert any(b"OrderFilled" in row for row in rows) and any(b"OrderCanceled" in row for row in rows)
    assert sum(run.turn_sizes) == 400 and len(run.turn_sizes) < 200
    assert max(run.turn_sizes) <= 11, "200 ms of reporting latency"


def test_the_last_words_are_said_when_everything_is_taken_and_an_old_answer_ends_nothing() -> None:
    run = Lockstep(market([(20, 6, 0)] * 3))
    turn = run.turns
    for fact in run.market:
        turn.heard(fact)
    first = turn.next_turn(1)
    assert first is not None and not turn.on_taken(TurnTaken(market_sequence=first.market_sequence - 1, facts_sequence=1))
    while (made := turn.next_turn(1)) is not None:
        assert turn.on_taken(TurnTaken(market_sequence=made.market_sequence, facts_sequence=1))
    assert turn.idle
    last = turn.last_turn()
    assert last.final and isinstance(last.commands[0].body, ReportProgress)
    assert turn.on_taken(TurnTaken(market_sequence=3, facts_sequence=1, final=True)) and turn.final_taken
