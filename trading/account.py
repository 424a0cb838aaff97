"""The paper exchange account: messages in, facts out. Must not know how messages arrive or where facts are kept.

``on`` decides, and applies each fact it returns; ``apply`` alone changes money and orders. So a ledger is replayed by
``recover``, and an account recovered from its facts and shown the same market is the same account.

Time is the market's. An order, an amendment or a cancel decided at ``t`` reaches the simulated venue at ``t`` plus an entry latency
drawn for its id, and meets the market as it stood then: before a market fact of a later instant is taken in, after one of that very
instant. What arrives here later than that takes effect at once and is marked late; nothing overtakes the order that it is about.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, localcontext
from functools import partial
from itertools import chain

import msgspec

from trading.acceptance import LATCHED
from trading.account_settings import AccountSettings
from trading.aftermath import FOLLOWED, aftermath
from trading.closing_out import flatten, liquidate
from trading.desk import Desk, ImpossibleFact
from trading.execution import cancel_everything, hit_resting, trigger
from trading.market_facts import Message
from trading.messages import (
    AccountFact, AmendOrder, AmendSubmitted, BookChanged, CancelAll, CancelOrder, CancelSubmitted, CloseAll, DenyAmend, DenyOrder, FeedStale,
    MarketFact, MarkPriceChanged, OrderSubmitted, PassOver, PositionCarried, ReportProgress, SessionOpened, SubmitOrder,
    TradingStateChanged,
)
from trading.notes import note_denial, note_denied_amend, note_progress, note_trading_state
from trading.orders import OrderResult
from trading.outages import pass_over, sight_changes
from trading.passage import is_due, mark_equity, pass_time, skip_funding
from trading.quantities import MONEY, canonical, canonical_numbers
from trading.queueing import NOTHING
from trading.reading import Readings
from trading.recollection import needed_from
from trading.session_rows import closing, opening
from trading.snapshot import AccountState, state_of
from trading.words import TradingState

__all__ = ["Account", "AccountSettings", "AccountState", "ImpossibleFact"]

NS_PER_MS = 1_000_000
NEVER_NS = 1 << 63

Facts = Iterator[AccountFact]


class Account:
    """One session's account. ``now_ns`` is event time everywhere; it never runs backwards, an earlier one is now.

    ``fingerprint`` names the run; facts of another run raise ``ImpossibleFact`` on recovery. ``readings``: for accounts that hear the same
    market, so that it is read once. ``keeps_evidence`` is for facts that somebody reads: without it receipts are as good as empty.
    """

    def __init__(
        self, settings: AccountSettings, fingerprint: str, readings: Readings | None = None, *, keeps_evidence: bool = True,
    ) -> None:
        self._desk = Desk(settings, fingerprint, readings, keeps_evidence=keeps_evidence)
        self._interval_ns = settings.equity_interval_ms * NS_PER_MS
        self._idle_until_ns = 0
        desk = self._desk
        self._deciders: dict[type[Message], Callable[..., Facts]] = {
            SubmitOrder: self._submit, CancelOrder: self._cancel, AmendOrder: self._amend, CancelAll: self._cancel_all,
            CloseAll: self._close_all, DenyOrder: partial(note_denial, desk), DenyAmend: partial(note_denied_amend, desk),
            ReportProgress: partial(note_progress, desk), TradingStateChanged: partial(note_trading_state, desk),
            PassOver: partial(pass_over, desk),
        }

    @classmethod
    def recover(cls, settings: AccountSettings, fingerprint: str, facts: Iterable[AccountFact]) -> "Account":
        """The account that all these facts, in order, lead to. Raises ImpossibleFact.

        The market is not in the facts: show the account what it had already seen with ``observe``, then go on with
        ``on``.
        """
        account = cls(settings, fingerprint)
        for fact in facts:
            account.apply(fact)
        return account

    @classmethod
    def folded(cls, facts: Iterable[AccountFact]) -> "Account":
        """An account as its facts alone say it is, for reading: limits and latencies are not in them. Raises ImpossibleFact."""
        rest = iter(facts)
        first = next(rest, None)
        if not isinstance(first, SessionOpened):
            raise ImpossibleFact(f"the first fact is {first}")
        settings = AccountSettings(
            balance=first.balance, instruments=first.instruments, fee_schedule=first.fee_schedule, maker_fee=first.maker_fee,
            taker_fee=first.taker_fee, slippage_model=first.slippage_model, making=first.making,
            position_max={each.symbol: each.maximum_limit_quantity for each in first.instruments},
        )
        return cls.recover(settings, first.fingerprint, chain((first,), rest))

    # ------------------------------------------------------------------------------------------------ the session

    def open(self, at_ns: int, carried: tuple[PositionCarried, ...] = ()) -> tuple[AccountFact, ...]:
        """First rows of the ledger, with the positions that the account brings along. Opening what is open does nothing."""
        return () if self._desk.opened else self._record(opening(self._desk, max(at_ns, self._desk.now_ns), carried))

    def close(self, at_ns: int, reason: str) -> tuple[AccountFact, ...]:
        """Last rows: a mark of the equity, and the end. Closing what is closed does nothing."""
        return () if self._desk.closed else self._record(closing(self._desk, max(at_ns, self._desk.now_ns), reason))

    def on(self, message: Message, now_ns: int) -> tuple[AccountFact, ...]:
        """Everything that follows from one message, applied already. A message of no concern to an account has no
        facts; nothing has, before the session is open and after it is closed."""
        desk = self._desk
        if now_ns < desk.now_ns:
            now_ns = desk.now_ns
        if not isinstance(message, MarketFact):
            return self._record(self._intent(message, now_ns)) if desk.in_session else ()
        if desk.sight.missing and desk.sight.is_missing(message.sequence):
            return ()
        if now_ns >= self._idle_until_ns and self._wakes(now_ns):
            return self._record(self._market(message, now_ns))
        # Nearly always nothing is due and nothing is met: then taking the fact in is all there is to do.
        return self._record(self._met(message)) if desk.observe(message, now_ns) else ()

    def observe(self, message: MarketFact, now_ns: int) -> None:
        """Take in a market fact whose consequences are facts already: catching up after ``recover``."""
        self._desk.observe(message, now_ns)
        skip_funding(self._desk)
        self._idle_until_ns = 0

    def apply(self, fact: AccountFact) -> None:
        """Raises ImpossibleFact."""
        self._idle_until_ns = 0
        with localcontext(MONEY):
            self._desk.apply(fact)

    # ------------------------------------------------------------------------------------------------ what it knows

    @property
    def desk(self) -> Desk:
        """For reading: money, orders and markets."""
        return self._desk

    @property
    def market_sequence(self) -> int:
        """The last market fact taken in or passed over; after ``recover`` the last one whose consequences are all in the facts."""
        return self._desk.market_sequence

    @property
    def needs_market_from(self) -> int:
        """After ``recover``: where ``observe`` may begin. Of what came before, show each symbol's newest of: windows that can be traded
        on, windows, trades, marks for each funding boundary to come, and what went stale behind the first of these."""
        return needed_from(self._desk)

    @property
    def trading_state(self) -> TradingState:
        return self._desk.trading_state

    def result_of(self, client_order_id: str) -> OrderResult | None:
        """What became of an order; None if there is none of that id."""
        order = self._desk.orders.known.get(client_order_id)
        return order.result if order else None

    def position(self, symbol: str) -> Decimal:
        """Signed: positive long, negative short."""
        return self._desk.ledger.position(symbol)

    def state(self) -> AccountState:
        with localcontext(MONEY):
            return state_of(self._desk)

    # ------------------------------------------------------------------------------------------------ the market

    def _wakes(self, now_ns: int) -> bool:
        """True if something follows from the time alone. Found anew when that instant has come or may be another one."""
        self._idle_until_ns = self._next_instant_ns()
        return now_ns >= self._idle_until_ns

    def _next_instant_ns(self) -> int:
        desk = self._desk
        if not desk.in_session:
            return NEVER_NS
        due = desk.orders.next_due()
        return min(
            NEVER_NS if due is None else due.at_ns,
            NEVER_NS if desk.funding_at_ns is None else desk.funding_at_ns,
            (desk.marked_at_ns // self._interval_ns + 1) * self._interval_ns,
        )

    def _market(self, message: MarketFact, now_ns: int) -> Facts:
        desk = self._desk
        yield from pass_time(desk, now_ns, inclusive=False)
        if desk.observe(message, now_ns):
            yield from self._met(message)
        if is_due(desk, now_ns):
            yield from pass_time(desk, now_ns, inclusive=True)
        if now_ns // self._interval_ns != desk.marked_at_ns // self._interval_ns:
            yield from mark_equity(desk)

    def _met(self, message: MarketFact) -> Facts:
        """What the fact fills, triggers and takes away, and what it shows or hides."""
        desk, symbol = self._desk, message.symbol
        if not desk.in_session:
            return
        if isinstance(message, (BookChanged, FeedStale)):
            yield from sight_changes(desk, message)
        if isinstance(message, FeedStale):
            return
        state = desk.matching[symbol]
        if state.offers is not NOTHING:
            yield from hit_resting(desk, symbol)
        if state.hits:
            yield from trigger(desk, symbol)
        if isinstance(message, MarkPriceChanged):
            yield from liquidate(desk, symbol)

    # ------------------------------------------------------------------------------------------------ intents

    def _intent(self, message: Message, now_ns: int) -> Facts:
        desk = self._desk
        if is_due(desk, now_ns):
            yield from pass_time(desk, now_ns, inclusive=True)
        desk.now_ns = now_ns
        decider = self._deciders.get(type(message))
        if decider is not None:
            yield from decider(message)
        if is_due(desk, now_ns):
            yield from pass_time(desk, now_ns, inclusive=True)

    def _submit(self, intent: SubmitOrder) -> Facts:
        desk = self._desk
        if intent.client_order_id in desk.orders.known:
            return
        effective_at_ns, late = self._effective(intent.client_order_id, intent.decided_at_ns)
        market = desk.markets.get(intent.symbol)
        mid = market.mid if market else None
        yield OrderSubmitted(
            at_ns=desk.now_ns, order=canonical_numbers(intent), effective_at_ns=effective_at_ns, late=late,
            decision_mid=None if mid is None else canonical(mid),
        )

    def _cancel(self, request: CancelOrder) -> Facts:
        desk = self._desk
        order = desk.orders.known.get(request.client_order_id)
        if order is None or not order.is_open or order.cancel_at_ns is not None:
            return
        effective_at_ns, late = self._effective(request.command_id, request.decided_at_ns, order.effective_at_ns)
        yield CancelSubmitted(
            at_ns=desk.now_ns, client_order_id=request.client_order_id, command_id=request.command_id,
            reason=request.reason, effective_at_ns=effective_at_ns, late=late,
        )

    def _amend(self, request: AmendOrder) -> Facts:
        desk = self._desk
        order = desk.orders.known.get(request.client_order_id)
        if order is None or not order.is_open or not desk.orders.is_new_amend(request.command_id):
            return
        effective_at_ns, late = self._effective(request.command_id, request.decided_at_ns, order.effective_at_ns)
        asked = canonical_numbers(request)
        yield AmendSubmitted(
            at_ns=desk.now_ns, client_order_id=request.client_order_id, command_id=request.command_id, quantity=asked.quantity,
            price=asked.price, trigger_price=asked.trigger_price, reason=request.reason,
            effective_at_ns=effective_at_ns, late=late,
        )

    def _effective(self, command_id: str, decided_at_ns: int, not_before_ns: int = 0) -> tuple[int, bool]:
        planned = max(decided_at_ns + self._desk.entry.ns(command_id), not_before_ns)
        return max(planned, self._desk.now_ns), planned < self._desk.now_ns

    def _cancel_all(self, request: CancelAll) -> Facts:
        yield from cancel_everything(self._desk, request.reason)

    def _close_all(self, request: CloseAll) -> Facts:
        """Halted first: what was still on its way must not open again what is closed here."""
        if self._desk.trading_state not in LATCHED:
            yield TradingStateChanged(at_ns=self._desk.now_ns, state=TradingState.HALTED, reason=request.reason)
        yield from cancel_everything(self._desk, request.reason)
        yield from flatten(self._desk, request.reason)

    # ------------------------------------------------------------------------------------------------ recording

    def _record(self, facts: Facts) -> tuple[AccountFact, ...]:
        """Apply each fact, stamped with what was known, before the next one is decided."""
        recorded: list[AccountFact] = []
        with localcontext(MONEY):
            for each in facts:
                self._apply_with_aftermath(each, recorded)
        self._idle_until_ns = 0
        return tuple(recorded)

    def _apply_with_aftermath(self, decided: AccountFact, recorded: list[AccountFact]) -> None:
        """What hangs on a fact follows it at once, before anything else is decided."""
        fact = msgspec.structs.replace(decided, market_sequence=self._desk.market_sequence)
        self._desk.apply(fact)
        recorded.append(fact)
        if type(fact) in FOLLOWED:
            for each in aftermath(self._desk, fact):
                self._apply_with_aftermath(each, recorded)
