"""The strategy actor: market and account facts in, intents out to the risk gate, resent until answered.

After a restart it hears again what came after its last checkpoint (without one: the whole session); what the account already has
on record is not sent a second time. The decisions are in trading/strategy/.
"""

from collections import deque
from decimal import Decimal
from typing import Any

import msgspec

from actors.checkpoint import Checkpoint
from actors.envelopes import Answer, Command, FactsGiven, FactTold, Fetch, Fetched, FetchedKlines, FetchKlines, MarketTaken, TurnTaken
from actors.following import FactsFollower, MarketFollower, market_follower
from actors.process import ProcessActor
from actors.turns import Intent, StrategyTurns
from messaging.channels import Client
from messaging.control import Drain, Halt, Pulse
from messaging.mailbox import Delivery
from messaging.outbox import Outbox
from records.workspace import RunPaths
from timing.clock import monotonic_ns
from trading.bars import BarClosed, parse_interval
from trading.messages import MarketFact, ReportProgress, SessionOpened, SubmitOrder
from trading.prints import DEFAULT_BAND_BPS
from trading.strategy.protocol import StrategySettings
from trading.strategy.trader import Trader

__all__ = ["StrategyActor", "StrategyActorSettings"]

TICK_NS = 100_000_000
RESEND_NS = 250_000_000
OUTBOX_LIMIT = 256
MARKET_TAKEN_EVERY = 500
CHECKPOINT_EVERY = 250
"""Market facts between two checkpoints: hearing so many again takes some milliseconds."""

EARLY_LIMIT = 100_000
"""Market facts held while the session starts; the start has a deadline long before."""
HISTORY_DEADLINE_MS = 8_000


class StrategyActorSettings(msgspec.Struct, frozen=True):
    """``print_band_bps``: what is printed farther outside the book moves no bar, as it fills nothing in the account."""

    strategy: StrategySettings
    print_band_bps: Decimal = DEFAULT_BAND_BPS


class StrategyActor(ProcessActor):
    """Holds one ``Trader``."""

    def open(self) -> None:
        channels = self.post.channels
        fits = f"{self.post.run_id} {self.post.codec_fingerprint} {self.post.settings}"
        self._checkpoint = Checkpoint.of_run(RunPaths(self.post.run_directory), self.post.name, fits)
        self._trader: Trader | None = self._checkpoint.read()
        self._kept_sequence = self._trader.market_sequence if self._trader is not None else 0
        self._told_feed = 0
        self._draining = False
        self._market: MarketFollower | None = None
        self._market_seen_ns = 0
        self._turns: StrategyTurns | None = None
        self._early: deque[MarketFact] = deque(maxlen=EARLY_LIMIT)
        self._turn_sent_ns = 0
        self._taken_at_start = 0
        self._ended_told = False
        self._feed: Client | None = None
        self._outbox = Outbox(RESEND_NS, OUTBOX_LIMIT)
        self._risk = channels.client("risk", self._identity())
        self._broker = channels.client("broker", self._identity())
        self._gateway = channels.client("gateway", self._identity())
        received = self._trader.received_sequence if self._trader is not None else 0
        self._facts = FactsFollower(self._broker, self._on_fact, self._on_facts_caught_up, after=received)
        self.listen("answers", self._risk, self._on_answer)
        self.listen("pages", self._broker, self._on_page)
        self.listen("history", self._gateway, self._on_history)
        self.listen("facts", channels.subscriber("facts"), self._facts.on_live)
        self.every("tick", TICK_NS, self._on_tick)
        self._facts.tick()

    def on_drain(self, drain: Drain) -> None:
        """No new intent; drained when the gate has answered everything that is under way."""
        if not self._draining and self._trader is not None:
            self._draining = True
            for intent in self._trader.drain() if self._turns is None else ():
                self._send(intent)
            self._advance()
        self._drained_if_empty()

    def on_halt(self, halt: Halt) -> None:
        self._draining = True
        self.halted()

    def report(self) -> dict[str, Any]:
        trader = self._trader
        return {} if trader is None else {"bars": trader.bars, "warm": trader.warm}

    # ------------------------------------------------------------------ what it hears

    def _on_fact(self, sequence: int, told: FactTold) -> None:
        self.failpoints.reach("on_fact")
        if isinstance(told.fact, SessionOpened):
            settings: StrategyActorSettings = self.post.settings
            self._trader = Trader(
                settings.strategy, told.fact.instruments, told.fact.fingerprint, print_band_bps=settings.print_band_bps,
            )
        if self._trader is not None:
            self._trader.on_fact(sequence, told.fact)
        self._advance()

    def _on_facts_caught_up(self) -> None:
        if self._trader is None:
            self._facts.caught_up = False  # the broker has not opened the session yet: ask again
            return
        if self.post.lockstep:
            taken = max(self._taken_at_start, self._trader.market_sequence)
            self._turns = StrategyTurns(self._trader, self._command, taken, self._facts.reader.last)
        channels = self.post.channels
        self._feed = channels.client("feed", self._identity())
        self._market = market_follower(
            channels.subscriber("market"), self._feed, self.listen, self._on_market,
            self._on_market_caught_up, after=self._trader.market_sequence,
        )
        self._market.tick()

    def _on_market_caught_up(self) -> None:
        assert self._trader is not None
        wanted = self._trader.history_request
        if wanted is not None and not self._trader.warm:
            for symbol in self._trader.symbols:
                request = FetchKlines(symbol=symbol, interval=wanted.interval, limit=wanted.bars)
                self._gateway.send(Fetch(request_id=f"history:{symbol}", request=request, deadline_ms=HISTORY_DEADLINE_MS))
        self.serve(bars=self._trader.bars, warm=self._trader.warm)

    def _on_market(self, sequence: int, fact: MarketFact) -> None:
        trader = self._trader
        assert trader is not None
        self._market_seen_ns = fact.seen_ns
        self.failpoints.reach("on_market")
        if self._turns is not None:
            self._turns.heard(fact)
            if fact.sequence > self._turns.taken and self._market is not None:
                self._market.suffices()  # for the next turn; how much further the feed has told does not matter
            self._advance()
            return
        if self.pulse.state == "STARTING" and self.post.incarnation == 1:
            self._early.append(fact)  # decided on as soon as the session runs: the gate would deny until then
            return
        self._decide(trader, fact)
        self._keep(trader)

    def on_pulse(self, pulse: Pulse) -> None:
        """The session runs: what was heard while it started comes first."""
        while self._early and pulse.state != "STARTING" and self._trader is not None:
            self._decide(self._trader, self._early.popleft())

    def _decide(self, trader: Trader, fact: MarketFact) -> None:
        for intent in trader.on_market(fact):
            if trader.settled(intent):
                self.count("intents_not_sent_again_count")
            else:
                self._send(intent)
        self.gauges["bars_closed"] = trader.bars

    def _on_history(self, delivery: Delivery) -> None:
        fetched = delivery.message
        if not isinstance(fetched, Fetched) or self._trader is None:
            return
        symbol = fetched.request_id.partition(":")[2]
        wanted = self._trader.history_request
        if not isinstance(fetched.answer, FetchedKlines) or wanted is None:
            self.log.warning("HISTORY_UNAVAILABLE", symbol=symbol, reason=str(fetched.answer))
            return
        interval_ns = parse_interval(wanted.interval)
        bars = [
            BarClosed(
                symbol=symbol, open_at_ns=row.open_at_ns, interval_ns=interval_ns, open=row.open, high=row.high, low=row.low,
                close=row.close, volume=row.volume, trades=0,
            )
            for row in fetched.answer.rows
        ]
        self.log.info("HISTORY_FETCHED", symbol=symbol, interval=wanted.interval, bars=len(bars))
        for intent in self._trader.seed_history(symbol, bars):
            self._send(intent)

    # ------------------------------------------------------------------ what it sends

    def _advance(self) -> None:
        """In lockstep: the next turn, once the last one is taken; after the last market fact the last words."""
        turns = self._turns
        if turns is None or self.pulse.state not in ("RUNNING", "DRAINING"):
            return
        before = turns.turn
        turn = None if self._draining and before is None else turns.next_turn(self._facts.reader.last)
        if turn is None and self._draining and not turns.final_taken:
            turn = turns.last_turn()
        if turn is not None and turn is not before:
            self.failpoints.reach("after_decide")
            self._turn_sent_ns = monotonic_ns()
            self._risk.send(turn)
            self.failpoints.reach("after_send")

    def _on_taken(self, turns: StrategyTurns, taken: TurnTaken) -> None:
        if turns.on_taken(taken):
            if turns.taken - self._told_feed >= MARKET_TAKEN_EVERY:
                self._tell_feed(turns)
            assert self._trader is not None
            self.gauges["bars_closed"] = self._trader.bars
            self._keep(self._trader)
        self._advance()
        self._drained_if_empty()

    def _command(self, intent: Intent, market_sequence: int = 0) -> Command:
        command_id = intent.client_order_id if isinstance(intent, SubmitOrder) else intent.command_id
        self._log_intent(intent)
        return Command(
            command_id=command_id, body=intent, sent_ns=monotonic_ns(), market_seen_ns=self._market_seen_ns, market_sequence=market_sequence,
        )

    def _send(self, intent: Intent) -> None:
        """A full outbox drops the intent, loudly: the gate has not answered for too long to trade on."""
        command = self._command(intent)
        if not self._outbox.post(command.command_id, command, command.sent_ns):
            self.count("intents_dropped_count")
            self.log.warning("INTENT_DROPPED", command_id=command.command_id, waiting=len(self._outbox))
            return
        self.failpoints.reach("after_decide")
        self._risk.send(command)
        self.failpoints.reach("after_send")

    def _log_intent(self, intent: Intent) -> None:
        if isinstance(intent, SubmitOrder):
            self.count("intents_count")
            self.log.debug("INTENT", client_order_id=intent.client_order_id, side=intent.side, quantity=intent.quantity, reason=intent.reason)
            if self._trader is not None and self._trader.gives_up(intent):
                self.count("unprotected_closed_count")
                self.log.warning("POSITION_UNPROTECTED", symbol=intent.symbol, closing=intent.client_order_id, reason=intent.reason)
        elif isinstance(intent, ReportProgress) and intent.warmup_complete and not self._draining:
            self.log.info("WARMUP_COMPLETE", bars=intent.bars, warmup_bars=intent.warmup_bars)

    def _on_answer(self, delivery: Delivery) -> None:
        self.failpoints.reach("on_answer")
        if isinstance(delivery.message, TurnTaken) and self._turns is not None:
            self._on_taken(self._turns, delivery.message)
        elif isinstance(delivery.message, Answer):
            self._outbox.answered(delivery.message.command_id)
            self._drained_if_empty()

    def _drained_if_empty(self) -> None:
        settled = self._turns.final_taken if self._turns is not None else not len(self._outbox)
        if self._draining and settled:
            self.drained(bars=self._trader.bars if self._trader else 0)

    def _on_page(self, delivery: Delivery) -> None:
        if isinstance(delivery.message, FactsGiven):
            self._taken_at_start = delivery.message.market_sequence
            self._facts.on_page(delivery.message)

    def _on_tick(self, _: Delivery) -> None:
        self._facts.tick()
        if self._market is not None:
            self._market.tick()
        self.counters["commands_resent_count"] = self._outbox.resent_count
        for message in self._outbox.due(monotonic_ns()):
            self._risk.send(message)
        if self._turns is not None:
            self._look_after(self._turns)

    def _look_after(self, turns: StrategyTurns) -> None:
        """A turn that nobody took is sent again; when nothing waits the feed is asked whether the tape is over."""
        if turns.turn is not None and monotonic_ns() - self._turn_sent_ns >= RESEND_NS:
            self._turn_sent_ns = monotonic_ns()
            self._risk.send(turns.turn)
        self._advance()
        if self._market is not None and self._market.ended and turns.idle and not self._ended_told:
            self._ended_told = True
            self.reached("ended")
        elif self._market is not None and turns.idle:
            self._market.ask_again()
        self._tell_feed(turns)

    def _tell_feed(self, turns: StrategyTurns) -> None:
        """The feed reads on only as far as this leads it."""
        if self._feed is not None:
            self._told_feed = turns.taken
            self._feed.send(MarketTaken(sequence=turns.taken))

    def _keep(self, trader: Trader) -> None:
        """A checkpoint, at a moment when all that the trader wished is answered."""
        settled = self._turns.settled if self._turns is not None else not len(self._outbox)
        if settled and not self._draining and trader.market_sequence - self._kept_sequence >= CHECKPOINT_EVERY:
            self._kept_sequence = trader.market_sequence
            self._checkpoint.keep(trader)

    def _identity(self) -> str:
        return f"strategy.{self.post.incarnation}"
