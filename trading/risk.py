"""The risk gate: the monitor in the path of every order. It refuses unless every rule lets the order pass.

Pure: market facts, account facts, permits and intents in; what goes on to the broker out. An amendment is judged as the
order that it would make. An approved order or amendment counts as exposure at once. The state's severity only rises by
itself; only PAUSED goes away by itself, the rest takes a person and a new session. Must not know how messages travel; the
clock is an argument (monotonic, of this process).
"""

from collections.abc import Iterable
from typing import TypeAlias

from trading.exposure import Exposure, Open
from trading.limits import Limits, RiskSettings
from trading.message_count import MessageCount
from trading.messages import (
    AccountFact, AmendOrder, AmendRejected, AmendSubmitted, CancelOrder, CancelSubmitted, DenyAmend, DenyOrder, FeedLive, FeedStale,
    MarketFact, OrderDenied, OrderSubmitted, ReportProgress, StrategyProgressed, SubmitOrder, TradingStateChanged,
)
from trading.quantities import ZERO, Instrument
from trading.risk_case import PASS, Case, Refusal, Rule
from trading.risk_market import RiskMarket
from trading.risk_rules import RULES
from trading.words import TradingState

__all__ = ["LATCHING", "RiskGate"]

MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000

LATCHING = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED, TradingState.KILLED)
"""The latch, in rising severity; it starts at ACTIVE and never comes down."""

PERMITS = {
    "trade": TradingState.ACTIVE,
    "reduce": TradingState.REDUCING,
    "halt": TradingState.HALTED,
    "kill": TradingState.KILLED,
}
"""The supervisor's words and how far each raises the latch. Any other word is no permit."""

Intent: TypeAlias = SubmitOrder | AmendOrder | CancelOrder | ReportProgress
Decision: TypeAlias = Intent | DenyOrder | DenyAmend


class RiskGate:
    """Judges intents for one account. ``rules`` are asked in their order; the first refusal is the answer.

    After a start it is recovering, and refuses everything, until :meth:`catch_up` has named the newest account fact and
    :meth:`on_fact` has seen it.
    """

    def __init__(
        self, settings: RiskSettings, instruments: Iterable[Instrument], rules: tuple[Rule, ...] = RULES
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._instruments = {each.symbol: each for each in instruments}
        self._markets = {symbol: RiskMarket() for symbol in self._instruments}
        self._exposure = Exposure()
        self._decided: dict[str, SubmitOrder | DenyOrder] = {}
        self._decided_amends: dict[str, AmendOrder | DenyAmend] = {}
        self._messages = MessageCount(settings.message_limit.window_s * SECOND_NS)
        self._progress: dict[str, tuple[int, bool]] = {}
        self._facts_sequence = 0
        self._facts_head: int | None = None
        self._permit_ns: int | None = None
        self._latch = TradingState.ACTIVE
        self._latch_reason = ""

    # ------------------------------------------------------------------------------------------------- decisions

    def decide(self, intent: Intent, now_mono_ns: int) -> Decision:
        """What goes on to the broker. Cancels and progress always pass; orders pass as they are or become a DenyOrder,
        amendments a DenyAmend.

        An id decided before is not judged again and not counted twice: its first decision is the answer, with the first
        content.
        """
        if isinstance(intent, CancelOrder):
            self._messages.count(intent.command_id, intent.decided_at_ns)
            return intent
        if isinstance(intent, ReportProgress):
            self._hear_progress(intent)
            return intent
        if isinstance(intent, AmendOrder):
            if intent.command_id not in self._decided_amends:
                self._decided_amends[intent.command_id] = self._judge_amend(intent, now_mono_ns)
            return self._decided_amends[intent.command_id]
        if intent.client_order_id not in self._decided:
            self._decided[intent.client_order_id] = self._judge(intent, now_mono_ns)
        return self._decided[intent.client_order_id]

    def permit(self, now_mono_ns: int, word: str) -> None:
        """Take the supervisor's word: it renews the lease and may raise the state. An unknown word does neither."""
        if word in PERMITS:
            self._permit_ns = now_mono_ns
            self.raise_to(PERMITS[word], f"supervisor: {word}")

    def raise_to(self, state: TradingState, reason: str) -> None:
        """Latch REDUCING, HALTED or KILLED. A lesser or equal state than the present changes nothing."""
        if state in LATCHING and LATCHING.index(state) > LATCHING.index(self._latch):
            self._latch, self._latch_reason = state, reason

    # ------------------------------------------------------------------------------------------------- what it hears

    def on_market(self, fact: MarketFact, seen_ns: int) -> None:
        """``seen_ns``: when this process received it, on the clock of :meth:`decide`. News of the whole connection
        may name no symbol of ours and concerns every symbol then; other facts of strangers are ignored."""
        if fact.symbol in self._markets:
            self._markets[fact.symbol].on_market(fact, seen_ns)
        elif isinstance(fact, FeedStale | FeedLive):
            for market in self._markets.values():
                market.on_market(fact, seen_ns)

    def on_fact(self, sequence: int, fact: AccountFact) -> bool:
        """Take one account fact; one taken before is ignored.

        False if facts between are missing: it was not taken, and the gate is recovering until they are all there.
        """
        if sequence > self._facts_sequence + 1:
            self.catch_up(sequence)
            return False
        if sequence == self._facts_sequence + 1:
            self._facts_sequence = sequence
            self._take(fact)
        return True

    def catch_up(self, head_sequence: int) -> None:
        """The account's newest fact has this sequence: refuse everything until it has been taken."""
        self._facts_head = max(head_sequence, self._facts_head or 0)

    # ------------------------------------------------------------------------------------------------- what it says

    @property
    def facts_sequence(self) -> int:
        """The last account fact taken: where to resume from."""
        return self._facts_sequence

    @property
    def recovered(self) -> bool:
        return self._facts_head is not None and self._facts_sequence >= self._facts_head

    @property
    def state(self) -> TradingState:
        """The gravest of what holds now. (A rule looks at each cause by itself: REDUCING does not hide a stale
        market.)"""
        if self._latch in (TradingState.KILLED, TradingState.HALTED):
            return self._latch
        if not self.recovered:
            return TradingState.STARTING
        if self._latch is not TradingState.ACTIVE:
            return self._latch
        if not all(market.trust.trusted for market in self._markets.values()):
            return TradingState.PAUSED
        warm = any(complete for _, complete in self._progress.values())
        return TradingState.ACTIVE if warm else TradingState.WARMUP

    @property
    def state_reason(self) -> str:
        """Why it is in a latched or paused state; empty otherwise."""
        if self.state in LATCHING:
            return self._latch_reason
        stale = (
            f"{symbol} {market.trust.reason}" for symbol, market in self._markets.items() if not market.trust.trusted
        )
        return ", ".join(stale)

    # ------------------------------------------------------------------------------------------------- how it decides

    def _judge(self, order: SubmitOrder, now_mono_ns: int) -> SubmitOrder | DenyOrder:
        refusal = self._permission_refused(order) or self._first_refusal(order, now_mono_ns)
        if refusal is not None:
            return DenyOrder(order=order, reason=refusal.reason, text=refusal.text)
        self._exposure.count(order)
        self._messages.count(order.client_order_id, order.decided_at_ns)
        return order

    def _judge_amend(self, request: AmendOrder, now_mono_ns: int) -> AmendOrder | DenyAmend:
        known = self._exposure.open_order(request.client_order_id)
        if known is None:
            refusal: Refusal | None = Refusal("not_working", f"ORDER_NOT_WORKING: client_order_id={request.client_order_id}")
        else:
            wanted = known.wanted(request)
            refusal = self._permission_refused(wanted) or self._first_refusal(wanted, now_mono_ns, known)
        if refusal is not None:
            return DenyAmend(
                command_id=request.command_id, client_order_id=request.client_order_id, reason=refusal.reason, text=refusal.text,
            )
        self._exposure.count_amend(request)
        self._messages.count(request.command_id, request.decided_at_ns)
        return request

    def _permission_refused(self, order: SubmitOrder) -> Refusal | None:
        """C1: a symbol is traded only with an instrument and complete limits. Asked first: no case can be made
        without."""
        missing = self._settings.missing(order.symbol)
        if order.symbol not in self._instruments:
            missing += ("instrument",)
        return (
            Refusal("no_limits", f"LIMITS_MISSING: symbol={order.symbol}, missing={'+'.join(missing)}")
            if missing
            else None
        )

    def _first_refusal(self, order: SubmitOrder, now_mono_ns: int, amended: Open | None = None) -> Refusal | None:
        """``amended`` is what the order was before, if this is an amendment of it."""
        limits = self._settings.limits(order.symbol)
        assert limits is not None, "asked by the permission before"
        case = self._case(order, limits, now_mono_ns, amended)
        for rule in self._rules:
            verdict = rule(order, case)
            if isinstance(verdict, Refusal):
                return verdict
            if verdict != PASS:
                return Refusal(
                    "undecided", f"RULE_UNDECIDED: symbol={order.symbol}, rule={getattr(rule, '__name__', 'unnamed')}"
                )
        return None

    def _case(self, order: SubmitOrder, limits: Limits, now_mono_ns: int, amended: Open | None = None) -> Case:
        symbol, market, itself = order.symbol, self._markets[order.symbol], order.client_order_id
        bars, warm = self._progress.get(order.strategy_id, (0, False))
        return Case(
            instrument=self._instruments[symbol],
            limits=limits,
            facts_sequence=self._facts_sequence,
            facts_head=self._facts_head,
            permit_age_ms=None if self._permit_ns is None else (now_mono_ns - self._permit_ns) // MILLISECOND_NS,
            permit_lease_ms=self._settings.permit_lease_ms,
            state=self.state,
            state_reason=self.state_reason,
            untrusted=market.trust.reason,
            bars=bars,
            warm=warm,
            position=self._exposure.position(symbol),
            working=self._exposure.working(symbol, order.side, itself),
            worst_before=self._exposure.worst(symbol, order.side, itself),
            open_orders=self._exposure.open_orders(symbol, itself),
            messages=self._messages.within(order.decided_at_ns),
            reference=market.reference(self._settings, now_mono_ns),
            parent=self._decided.get(order.parent_order_id),
            filled=ZERO if amended is None else amended.filled,
        )

    def _take(self, fact: AccountFact) -> None:
        self._exposure.on_fact(fact)
        match fact:
            case OrderSubmitted(order=order):
                self._decided[order.client_order_id] = order
                self._messages.count(order.client_order_id, order.decided_at_ns)
            case CancelSubmitted():
                self._messages.count(fact.command_id, fact.at_ns)
            case AmendSubmitted():
                self._decided_amends.setdefault(fact.command_id, _request(fact))
                self._messages.count(fact.command_id, fact.at_ns)
            case AmendRejected():
                self._decided_amends.setdefault(fact.command_id, _denial(fact))
            case OrderDenied(order=order):
                self._decided[order.client_order_id] = DenyOrder(order=order, reason=fact.reason, text=fact.text)
            case StrategyProgressed():
                self._hear_progress(fact)
            case TradingStateChanged():
                self.raise_to(fact.state, fact.reason)

    def _hear_progress(self, progress: ReportProgress | StrategyProgressed) -> None:
        """Believed complete only if the count agrees. Once complete, complete: a restarted strategy counts for
        itself."""
        _, was_complete = self._progress.get(progress.strategy_id, (0, False))
        complete = progress.warmup_complete and progress.bars >= progress.warmup_bars
        self._progress[progress.strategy_id] = (progress.bars, was_complete or complete)


def _request(fact: AmendSubmitted) -> AmendOrder:
    return AmendOrder(
        command_id=fact.command_id, client_order_id=fact.client_order_id, quantity=fact.quantity, price=fact.price,
        trigger_price=fact.trigger_price, reason=fact.reason,
    )


def _denial(fact: AmendRejected) -> DenyAmend:
    """Of a request that was never on record itself: the gate's own word."""
    return DenyAmend(command_id=fact.command_id, client_order_id=fact.client_order_id, reason=fact.reason, text=fact.text)
