"""The paper exchange account: messages in, facts out. Must not know how messages arrive or where facts are kept.

``on`` decides, and applies each fact it returns; ``apply`` alone changes money and orders. So a ledger is replayed by
``recover``, and an account recovered from its facts and shown the same market is the same account.

Time is the market's. An order or a cancel decided at ``t`` reaches the simulated venue at ``t + entry_latency_ms`` and
meets the market as it stood then: before a market fact of a later instant is taken in, after one of that very instant.
What arrives here later than that takes effect at once and is marked late.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, localcontext
from itertools import chain
from typing import TypeVar

import msgspec

from trading.account_settings import AccountSettings
from trading.acceptance import LATCHED
from trading.desk import Desk, ImpossibleFact, Progress
from trading.execution import cancel_everything, flatten, hit_resting
from trading.market_facts import Message
from trading.messages import (
    AccountFact, BookChanged, CancelAll, CancelOrder, CancelSubmitted, CloseAll, DenyOrder, MarketFact, OrderDenied,
    OrderSubmitted, PassOver, PositionCarried, ReportProgress, SessionClosed, SessionOpened, StrategyProgressed, SubmitOrder, TradesPrinted,
    TradingStateChanged,
)
from trading.orders import OrderResult
from trading.outages import changes_sight, pass_over, sight_changes
from trading.passage import mark_equity, pass_time
from trading.quantities import MONEY, canonical
from trading.snapshot import AccountState, state_of
from trading.words import TradingState

__all__ = ["Account", "AccountSettings", "AccountState", "ImpossibleFact"]

NS_PER_MS = 1_000_000

Facts = Iterator[AccountFact]
S = TypeVar("S", bound=msgspec.Struct)


class Account:
    """One session's account. ``now_ns`` is event time everywhere; it never runs backwards, an earlier one is now.

    ``fingerprint`` names the run; facts of another run raise ``ImpossibleFact`` on recovery.
    """

    def __init__(self, settings: AccountSettings, fingerprint: str) -> None:
        self._desk = Desk(settings, fingerprint)
        self._latency_ns = settings.entry_latency_ms * NS_PER_MS
        self._interval_ns = settings.equity_interval_ms * NS_PER_MS
        self._deciders: dict[type[Message], Callable[..., Facts]] = {
            SubmitOrder: self._submit, CancelOrder: self._cancel, DenyOrder: self._deny, ReportProgress: self._progress,
            TradingStateChanged: self._trading_state, CancelAll: self._cancel_all, CloseAll: self._close_all,
            PassOver: lambda request: pass_over(self._desk, request),
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
            taker_fee=first.taker_fee, slippage_model=first.slippage_model,
            position_max={each.symbol: each.maximum_limit_quantity for each in first.instruments},
        )
        return cls.recover(settings, first.fingerprint, chain((first,), rest))

    # ------------------------------------------------------------------------------------------------ the session

    def open(self, at_ns: int, carried: tuple[PositionCarried, ...] = ()) -> tuple[AccountFact, ...]:
        """First rows of the ledger, with the positions that the account brings along. Opening what is open does nothing."""
        return () if self._desk.opened else self._record(self._opening(max(at_ns, self._desk.now_ns), carried))

    def close(self, at_ns: int, reason: str) -> tuple[AccountFact, ...]:
        """Last rows: a mark of the equity, and the end. Closing what is closed does nothing."""
        return () if self._desk.closed else self._record(self._closing(max(at_ns, self._desk.now_ns), reason))

    def on(self, message: Message, now_ns: int) -> tuple[AccountFact, ...]:
        """Everything that follows from one message, applied already. A message of no concern to an account has no
        facts; nothing has, before the session is open and after it is closed."""
        now_ns = max(now_ns, self._desk.now_ns)
        if isinstance(message, MarketFact):
            if self._desk.sight.is_missing(message.sequence):
                return ()
            if self._is_quiet(now_ns) and not changes_sight(self._desk, message):
                self._desk.observe(message, now_ns)
                return ()
            return self._record(self._market(message, now_ns))
        return self._record(self._intent(message, now_ns)) if self._desk.in_session else ()

    def observe(self, message: MarketFact, now_ns: int) -> None:
        """Take in a market fact whose consequences are facts already: catching up after ``recover``."""
        self._desk.observe(message, now_ns)
        self._desk.skip_funding()

    def apply(self, fact: AccountFact) -> None:
        """Raises ImpossibleFact."""
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

    def _is_quiet(self, now_ns: int) -> bool:
        """True if nothing can follow from a market fact: the common case, and the fast one."""
        desk = self._desk
        return not desk.in_session or (
            now_ns // self._interval_ns == desk.marked_at_ns // self._interval_ns
            and (desk.funding_at_ns is None or now_ns < desk.funding_at_ns)
            and not desk.orders.open()
        )

    def _market(self, message: MarketFact, now_ns: int) -> Facts:
        yield from pass_time(self._desk, now_ns, inclusive=False)
        self._desk.observe(message, now_ns)
        yield from sight_changes(self._desk, message)
        if isinstance(message, (BookChanged, TradesPrinted)) and self._desk.orders.any_resting(message.symbol):
            yield from hit_resting(self._desk, message)
        yield from pass_time(self._desk, now_ns, inclusive=True)
        if now_ns // self._interval_ns != self._desk.marked_at_ns // self._interval_ns:
            yield from mark_equity(self._desk)

    # ------------------------------------------------------------------------------------------------ intents

    def _intent(self, message: Message, now_ns: int) -> Facts:
        yield from pass_time(self._desk, now_ns, inclusive=True)
        decider = self._deciders.get(type(message))
        if decider is not None:
            yield from decider(message)

    def _submit(self, intent: SubmitOrder) -> Facts:
        desk = self._desk
        if intent.client_order_id in desk.orders.known:
            return
        effective_at_ns, late = self._effective(intent.decided_at_ns)
        yield OrderSubmitted(at_ns=desk.now_ns, order=_canonical(intent), effective_at_ns=effective_at_ns, late=late)
        yield from pass_time(self._desk, desk.now_ns, inclusive=True)

    def _cancel(self, request: CancelOrder) -> Facts:
        desk = self._desk
        order = desk.orders.known.get(request.client_order_id)
        if order is None or not order.is_open or order.cancel_at_ns is not None:
            return
        effective_at_ns, late = self._effective(request.decided_at_ns)
        yield CancelSubmitted(
            at_ns=desk.now_ns, client_order_id=request.client_order_id, command_id=request.command_id,
            reason=request.reason, effective_at_ns=effective_at_ns, late=late,
        )
        yield from pass_time(self._desk, desk.now_ns, inclusive=True)

    def _effective(self, decided_at_ns: int) -> tuple[int, bool]:
        planned = decided_at_ns + self._latency_ns
        return max(planned, self._desk.now_ns), planned < self._desk.now_ns

    def _deny(self, denial: DenyOrder) -> Facts:
        if denial.order.client_order_id not in self._desk.orders.known:
            order = _canonical(denial.order)
            yield OrderDenied(at_ns=self._desk.now_ns, order=order, reason=denial.reason, text=denial.text)

    def _progress(self, report: ReportProgress) -> Facts:
        progress = Progress(report.bars, report.warmup_bars, report.warmup_complete)
        if progress != self._desk.progress.get(report.strategy_id):
            yield StrategyProgressed(
                at_ns=self._desk.now_ns, strategy_id=report.strategy_id, bars=report.bars,
                warmup_bars=report.warmup_bars, warmup_complete=report.warmup_complete,
            )

    def _trading_state(self, told: TradingStateChanged) -> Facts:
        """HALTED and KILLED are latched: from there only KILLED follows."""
        now = self._desk.trading_state
        if told.state is not now and (now not in LATCHED or told.state is TradingState.KILLED):
            yield TradingStateChanged(at_ns=self._desk.now_ns, state=told.state, reason=told.reason)

    def _cancel_all(self, request: CancelAll) -> Facts:
        yield from cancel_everything(self._desk, request.reason)

    def _close_all(self, request: CloseAll) -> Facts:
        """Halted first: what was still on its way must not open again what is closed here."""
        if self._desk.trading_state not in LATCHED:
            yield TradingStateChanged(at_ns=self._desk.now_ns, state=TradingState.HALTED, reason=request.reason)
        yield from cancel_everything(self._desk, request.reason)
        yield from flatten(self._desk, request.reason)

    # ------------------------------------------------------------------------------------------------ recording

    def _opening(self, at_ns: int, carried: tuple[PositionCarried, ...]) -> Facts:
        settings = self._desk.settings
        yield SessionOpened(
            at_ns=at_ns, fingerprint=self._desk.fingerprint, instruments=tuple(map(_canonical, settings.instruments)),
            balance=canonical(settings.balance), fee_schedule=settings.fee_schedule,
            maker_fee=canonical(settings.maker_fee), taker_fee=canonical(settings.taker_fee),
            slippage_model=settings.slippage_model,
        )
        for each in carried:
            yield msgspec.structs.replace(each, at_ns=at_ns)

    def _closing(self, at_ns: int, reason: str) -> Facts:
        yield from pass_time(self._desk, at_ns, inclusive=True)
        yield from mark_equity(self._desk)
        yield SessionClosed(at_ns=self._desk.now_ns, reason=reason)

    def _record(self, facts: Facts) -> tuple[AccountFact, ...]:
        """Apply each fact, stamped with what was known, before the next one is decided."""
        recorded: list[AccountFact] = []
        with localcontext(MONEY):
            for each in facts:
                fact = msgspec.structs.replace(each, market_sequence=self._desk.market_sequence)
                self._desk.apply(fact)
                recorded.append(fact)
        return tuple(recorded)


def _canonical(struct: S) -> S:
    """The same with every number in its one form, so that equal runs have equal bytes."""
    values = msgspec.structs.asdict(struct).items()
    numbers = {name: canonical(value) for name, value in values if isinstance(value, Decimal)}
    return msgspec.structs.replace(struct, **numbers)
