"""The risk actor: every intent passes the gate or is denied; either way it goes on to the broker, which makes it durable.

Fails closed: without fresh permit, market, facts or limits nothing passes. The rules are in trading/risk.py.
"""

from collections import OrderedDict
from typing import Any

import msgspec

from actors.envelopes import Answer, Command, FactsGiven, FactTold, Turn, TurnTaken
from actors.following import AS_IT_STANDS, FactsFollower, MarketFollower, market_follower
from actors.process import EXIT_FAILED, ProcessActor
from actors.turns import GateTurns
from messaging.control import Drain, Pulse
from messaging.mailbox import Delivery
from messaging.outbox import Outbox
from timing.clock import monotonic_ns
from trading.limits import RiskSettings
from trading.messages import DenyAmend, DenyOrder, SessionOpened, SubmitOrder, TradingStateChanged
from trading.risk import RiskGate
from trading.words import TradingState

__all__ = ["Risk"]

TICK_NS = 100_000_000
RESEND_NS = 250_000_000
OUTBOX_LIMIT = 512
REMEMBERED_PEERS = 4_096

PERMIT_WORDS = {"RUNNING": "trade", "DRAINING": "halt", "KILLED": "kill"}
"""The session's phases and what they permit; any other phase permits nothing."""

LOCKSTEP_PHASES = ("RUNNING", "DRAINING")
"""In lockstep the strategy ends by itself: its last turn is judged while the session drains."""


class Risk(ProcessActor):
    """Holds the gate; forwards under the same command id and hands the broker's answer back."""

    def open(self) -> None:
        channels = self.post.channels
        self._gate: RiskGate | None = None
        self._state_told: TradingState | None = None
        self._state_number = 0
        self._at_ns = 0
        self._draining = False
        self._market: MarketFollower | None = None
        self._taken_at_start = 0
        self._turns: GateTurns | None = None
        self._turn: tuple[bytes, Turn] | None = None
        self._turn_peer = b""
        self._outbox = Outbox(RESEND_NS, OUTBOX_LIMIT)
        self._peers: OrderedDict[str, bytes] = OrderedDict()
        self._server = channels.server("risk")
        self._broker = channels.client("broker", self._identity())
        self._facts = FactsFollower(self._broker, self._on_fact, self._on_facts_caught_up)
        self.listen("intents", self._server, self._on_intent)
        self.listen("answers", self._broker, self._on_broker)
        self.listen("facts", channels.subscriber("facts"), self._on_facts)
        self.every("tick", TICK_NS, self._on_tick)
        self._facts.tick()

    def on_pulse(self, pulse: Pulse) -> None:
        if self._gate is not None and pulse.state in PERMIT_WORDS and not self.post.lockstep:
            self._gate.permit(self.pulse_seen_ns, PERMIT_WORDS[pulse.state])

    def on_drain(self, drain: Drain) -> None:
        """Drained when the broker has answered everything that is under way."""
        self._draining = True
        self._drained_if_empty()

    def report(self) -> dict[str, Any]:
        gate = self._gate
        return {"state": str(gate.state), "reason": gate.state_reason} if gate is not None else {"state": "STARTING"}

    # ------------------------------------------------------------------ what it hears

    def _on_fact(self, sequence: int, told: FactTold) -> None:
        self.failpoints.reach("on_fact")
        fact = told.fact
        if isinstance(fact, SessionOpened):
            settings: RiskSettings = self.post.settings
            self._gate = RiskGate(settings, fact.instruments)
        if self._gate is not None:
            self._gate.on_fact(sequence, fact)
        if isinstance(fact, TradingStateChanged):
            self._state_told = fact.state
        self._at_ns = max(self._at_ns, fact.at_ns)
        self._judge_turn()

    def _on_facts(self, delivery: Delivery) -> None:
        """What is known to be missing closes the gate until it has come."""
        self._facts.on_live(delivery)
        if self._gate is not None and self._facts.reader.missing is not None:
            self._gate.catch_up(self._facts.reader.head)

    def _on_facts_caught_up(self) -> None:
        if self._gate is None:
            self._facts.caught_up = False  # the broker has not opened the session yet: ask again
            return
        self._gate.catch_up(self._facts.reader.last)
        self._follow_market(self._gate)
        self.serve(facts_sequence=self._facts.reader.last)

    def _follow_market(self, gate: RiskGate) -> None:
        """In lockstep every fact behind those that are dealt with is wanted by itself; otherwise the market as it stands is enough."""
        channels, standing_to = self.post.channels, AS_IT_STANDS
        if self.post.lockstep:
            standing_to = self._taken_at_start
            self._turns = GateTurns(gate, standing_to)
        self._market = market_follower(
            channels.subscriber("market"), channels.client("feed", self._identity()), self.listen, self._on_market, lambda: None,
            standing_to=standing_to,
        )
        self._market.tick()

    def _on_market(self, sequence: int, fact: Any) -> None:
        if self._turns is not None:
            self._turns.heard(fact)
            self._judge_turn()
            return
        self._at_ns = max(self._at_ns, fact.at_ns)
        if self._gate is not None:
            self._gate.on_market(fact, fact.seen_ns)
            self._tell_state()

    def _on_tick(self, _: Delivery) -> None:
        self._facts.tick()
        if self._market is not None:
            self._market.tick()
        self.counters["commands_resent_count"] = self._outbox.resent_count
        for message in self._outbox.due(monotonic_ns()):
            self._broker.send(message)
        self.gauges["risk_outbox_messages"] = len(self._outbox)
        if self.post.lockstep:
            self._judge_turn()
        else:
            self._tell_state()

    # ------------------------------------------------------------------ deciding and forwarding

    def _on_intent(self, delivery: Delivery) -> None:
        self.failpoints.reach("on_intent")
        command = delivery.message
        if isinstance(command, Turn) and delivery.peer is not None:
            self._turn = (delivery.peer, command)
            self._judge_turn()
            return
        if not isinstance(command, Command) or self._gate is None or delivery.peer is None:
            return
        self._peers[command.command_id] = delivery.peer
        if len(self._peers) > REMEMBERED_PEERS:
            self._peers.popitem(last=False)
        if command.command_id in self._outbox:
            return
        self._forward(self._judged(self._gate, command, monotonic_ns()))
        self._tell_state()  # the end of a warm-up is on record before the first order behind it

    def _judged(self, gate: RiskGate, command: Command, now_ns: int) -> Command:
        decision = gate.decide(command.body, now_ns)  # type: ignore[arg-type]  # the strategy sends nothing else
        if isinstance(decision, DenyOrder):
            self._log_denial(decision)
        elif isinstance(decision, DenyAmend):
            self.count("amendments_denied_by_risk_count")
            self.log.warning("AMEND_DENIED", client_order_id=decision.client_order_id, reason=decision.reason, text=decision.text)
        elif isinstance(decision, SubmitOrder):
            self.count("orders_approved_count")
        self.failpoints.reach("after_decide")
        return msgspec.structs.replace(command, body=decision)

    def _judge_turn(self) -> None:
        """In lockstep, when the account facts and the market of the waiting turn are here."""
        gate, turns = self._gate, self._turns
        if self._turn is None or gate is None or turns is None or not gate.recovered or not self._permitted():
            return
        peer, turn = self._turn
        if self._facts.reader.last < turn.facts_sequence or not turns.covers(turn):
            return
        self._turn_peer, self._turn = peer, None
        if turns.too_late_for(turn):
            self.log.warning("TURN_TOO_LATE", market_sequence=turn.market_sequence)
            self.leave(EXIT_FAILED)
            return
        judged = turns.judged(
            turn, self._state_told, lambda command: self._judged(gate, command, turns.at_ns),
            lambda market_sequence: self._state_command(gate, f"state-{market_sequence}", turns.at_ns, market_sequence),
        )
        self._broker.send(judged)
        self.failpoints.reach("after_forward")

    def _permitted(self) -> bool:
        """The supervisor's permit is real time in lockstep, too: without it a turn waits."""
        fresh = monotonic_ns() - self.pulse_seen_ns <= self.post.settings.permit_lease_ms * 1_000_000
        return fresh and self.pulse.state in LOCKSTEP_PHASES

    def _log_denial(self, denial: DenyOrder) -> None:
        event = denial.text.split(":", 1)[0]
        self.count("orders_denied_by_risk_count")
        self.log.warning(
            event, client_order_id=denial.order.client_order_id, side=denial.order.side, quantity=denial.order.quantity,
            reason=denial.reason, text=denial.text,
        )

    def _forward(self, command: Command) -> None:
        """A full outbox keeps nothing: the strategy, unanswered, sends the same id again."""
        if self._outbox.post(command.command_id, command, monotonic_ns()):
            self._broker.send(command)
            self.failpoints.reach("after_forward")

    def _on_broker(self, delivery: Delivery) -> None:
        self.failpoints.reach("on_answer")
        message = delivery.message
        if isinstance(message, FactsGiven):
            self._taken_at_start = message.market_sequence
            self._facts.on_page(message)
        elif isinstance(message, TurnTaken):
            if self._turns is not None:
                self._turns.on_taken(message.market_sequence)
            self._server.send(self._turn_peer, message)
        elif isinstance(message, Answer):
            self._outbox.answered(message.command_id)
            peer = self._peers.pop(message.command_id, None)
            if peer is not None:
                self._server.send(peer, message)
            self._drained_if_empty()

    def _drained_if_empty(self) -> None:
        if self._draining and not len(self._outbox):
            self.drained()

    # ------------------------------------------------------------------ the trading state, for the ledger and the log

    def _tell_state(self) -> None:
        gate = self._gate
        if gate is None or gate.state is self._state_told or gate.state is TradingState.STARTING:
            return
        self._state_number += 1
        self._forward(self._state_command(gate, f"state-{self.post.incarnation}-{self._state_number}", self._at_ns))
        self._state_told = gate.state

    def _state_command(self, gate: RiskGate, command_id: str, at_ns: int, market_sequence: int = 0) -> Command:
        reason = gate.state_reason
        self.log.info("TRADING_STATE", state=gate.state, before=self._state_told, reason=reason)
        body = TradingStateChanged(at_ns=at_ns, state=gate.state, reason=reason)
        return Command(command_id=command_id, sent_ns=monotonic_ns(), body=body, market_sequence=market_sequence)

    def _identity(self) -> str:
        return f"risk.{self.post.incarnation}"
