"""The risk gate: the monitor in the path of every order. It refuses unless every rule lets the order pass.

Pure: market facts, account facts, permits and intents in; what goes on to the broker out. An approved order counts as
exposure at once. The state's severity only rises by itself; only PAUSED goes away by itself, the rest takes a person
and a new session. Must not know how messages travel; the clock is an argument (monotonic, of this process).
"""

from collections.abc import Iterable
from typing import TypeAlias

from trading.exposure import Exposure
from trading.limits import Limits, RiskSettings
from trading.messages import (
    AccountFact,
    BookChanged,
    CancelOrder,
    DenyOrder,
    FeedLive,
    FeedStale,
    MarketFact,
    OrderDenied,
    OrderSubmitted,
    ReportProgress,
    StrategyProgressed,
    SubmitOrder,
    TradingStateChanged,
)
from trading.quantities import Instrument
from trading.risk_rules import PASS, RULES, Case, Reference, Refusal, Rule
from trading.trust import MarketTrust
from trading.words import TradingState

__all__ = ["LATCHING", "RiskGate"]

MILLISECOND_NS = 1_000_000

LATCHING = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED, TradingState.KILLED)
"""The latch, in rising severity; it starts at ACTIVE and never comes down."""

PERMITS = {
    "trade": TradingState.ACTIVE,
    "reduce": TradingState.REDUCING,
    "halt": TradingState.HALTED,
    "kill": TradingState.KILLED,
}
"""The supervisor's words and how far each raises the latch. Any other word is no permit."""

Intent: TypeAlias = SubmitOrder | CancelOrder | ReportProgress
Decision: TypeAlias = SubmitOrder | CancelOrder | ReportProgress | DenyOrder


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
        self._markets = {symbol: _Market() for symbol in self._instruments}
        self._exposure = Exposure()
        self._decided: dict[str, SubmitOrder | DenyOrder] = {}
        self._progress: dict[str, tuple[int, bool]] = {}
        self._facts_sequence = 0
        self._facts_head: int | None = None
        self._permit_ns: int | None = None
        self._latch = TradingState.ACTIVE
        self._latch_reason = ""

    # ------------------------------------------------------------------------------------------------- decisions

    def decide(self, intent: Intent, now_mono_ns: int) -> Decision:
        """What goes on to the broker. Cancels and progress always pass; orders pass as they are or become a DenyOrder.

        An id decided before is not judged again and not counted twice: its first decision is the answer, with the first
        order's content.
        """
        if isinstance(intent, CancelOrder):
            return intent
        if isinstance(intent, ReportProgress):
            self._hear_progress(intent)
            return intent
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
        return order

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

    def _first_refusal(self, order: SubmitOrder, now_mono_ns: int) -> Refusal | None:
        limits = self._settings.limits(order.symbol)
        assert limits is not None, "asked by the permission before"
        case = self._case(order, limits, now_mono_ns)
        for rule in self._rules:
            verdict = rule(order, case)
            if isinstance(verdict, Refusal):
                return verdict
            if verdict != PASS:
                return Refusal(
                    "undecided", f"RULE_UNDECIDED: symbol={order.symbol}, rule={getattr(rule, '__name__', 'unnamed')}"
                )
        return None

    def _case(self, order: SubmitOrder, limits: Limits, now_mono_ns: int) -> Case:
        symbol, market = order.symbol, self._markets[order.symbol]
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
            working=self._exposure.working(symbol, order.side),
            worst_before=self._exposure.worst(symbol, order.side),
            open_orders=self._exposure.open_orders(symbol),
            reference=market.reference(self._settings, now_mono_ns),
        )

    def _take(self, fact: AccountFact) -> None:
        self._exposure.on_fact(fact)
        match fact:
            case OrderSubmitted(order=order):
                self._decided[order.client_order_id] = order
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


class _Market:
    """What the gate knows of one symbol's market."""

    def __init__(self) -> None:
        self.trust = MarketTrust()
        self._at_ns = 0
        self._book: BookChanged | None = None
        self._book_seen_ns = 0

    def on_market(self, fact: MarketFact, seen_ns: int) -> None:
        self.trust.on_market(fact)
        self._at_ns = max(self._at_ns, fact.at_ns)
        if isinstance(fact, BookChanged):
            self._book, self._book_seen_ns = fact, seen_ns

    def reference(self, settings: RiskSettings, now_mono_ns: int) -> Reference | None:
        """None without a book of two uncrossed sides. Event time sees one silent stream, receipt sees a silent feed."""
        book = self._book
        if book is None or not book.bids or not book.asks or book.bids[0][0] >= book.asks[0][0]:
            return None
        age_ns = max(self._at_ns - book.at_ns, now_mono_ns - self._book_seen_ns)
        return Reference(
            bid=book.bids[0][0],
            ask=book.asks[0][0],
            age_ms=age_ns // MILLISECOND_NS,
            marketable_age_max_ms=int(settings.stale_market_s.marketable * 1000),
            resting_age_max_ms=int(settings.stale_market_s.resting * 1000),
        )
