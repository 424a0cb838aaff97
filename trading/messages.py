"""The vocabulary of the product: facts in the past tense, intents in the imperative, all frozen.

Every message is one msgspec Struct with its class name as tag, so that one decoder serves a socket, a ledger row and a
test table. Market facts carry two clocks: ``at_ns`` is event time (the venue's ``ts``, never running backwards) and
``seen_ns`` the local monotonic instant of receipt. Facts of the account carry event time only: nothing in them depends on
the machine, so two runs that did the same have the same bytes. This module must not know how messages travel.
"""

from decimal import Decimal

import msgspec

from trading.market_facts import (
    AnyMarketFact, BookChanged, FeedLive, FeedStale, KlineChanged, Level, MarketFact, MarkPriceChanged, Message, Print,
    TradesPrinted,
)
from trading.quantities import Instrument
from trading.words import Liquidity, OrderType, Side, TimeInForce, TradingState

__all__ = [
    "AccountFact", "AnyAccountFact", "AnyMarketFact", "BookChanged", "CancelAll", "CancelOrder", "CancelSubmitted",
    "CarriedLot", "CloseAll", "ClosedLot", "DenyOrder", "EquityMarked", "FeedLive", "FeedStale", "FundingPaid", "KlineChanged",
    "Level", "MarkPriceChanged", "MarketFact", "MarketObserved", "MarketUnobserved", "OrderAccepted", "OrderCanceled", "OrderDenied",
    "OrderExpired", "OrderFilled", "OrderRejected", "OrderSubmitted", "PassOver", "PositionCarried", "Print", "ReportProgress", "SessionClosed",
    "SessionOpened", "StrategyProgressed", "SubmitOrder", "TradesPrinted", "TradingStateChanged",
]

# ---------------------------------------------------------------------------------------------------- intents


class SubmitOrder(Message, frozen=True, kw_only=True):
    """Ask for an order. ``decided_at_ns``, ``market_sequence`` and ``facts_sequence`` say on what knowledge it was decided
    (event time, last market fact, last account fact seen). ``price`` is None for MARKET."""

    client_order_id: str
    strategy_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    reason: str = ""
    decided_at_ns: int = 0
    market_sequence: int = 0
    facts_sequence: int = 0


class CancelOrder(Message, frozen=True, kw_only=True):
    """Ask for the end of a working order. Idempotent: canceling what is closed changes nothing."""

    command_id: str
    client_order_id: str
    reason: str = ""
    decided_at_ns: int = 0
    market_sequence: int = 0


class DenyOrder(Message, frozen=True, kw_only=True):
    """The risk gate's refusal on its way into the ledger. ``reason`` is the short word (``position_limit``),
    ``text`` the field's sentence (``POSITION_LIMIT_EXCEEDED: symbol=BTCUSDT, ...``)."""

    order: SubmitOrder
    reason: str
    text: str


class ReportProgress(Message, frozen=True, kw_only=True):
    """The strategy's own count, for the ledger: bars closed so far, and whether warm-up is over (the gate opens with it)."""

    command_id: str
    strategy_id: str
    bars: int
    warmup_bars: int
    warmup_complete: bool
    at_ns: int


class PassOver(Message, frozen=True, kw_only=True):
    """Go on without the market facts ``first`` to ``last``, which cannot be had. Where some of them had been taken in before, a
    recovered account could not hear them again: it forgets the market."""

    first: int
    last: int


class CancelAll(Message, frozen=True, kw_only=True):
    """Cancel every working and pending order, at once."""

    reason: str


class CloseAll(Message, frozen=True, kw_only=True):
    """Cancel every order and flatten every position at the last known price, at once. The kill switch's word."""

    reason: str


# ---------------------------------------------------------------------------------------------------- account facts


class AccountFact(Message, frozen=True, kw_only=True):
    """One row of the ledger; ``at_ns`` is event time, ``market_sequence`` the last market fact that the account had taken in, or
    given up by a ``MarketUnobserved`` before it."""

    at_ns: int
    market_sequence: int = 0


class SessionOpened(AccountFact, frozen=True, kw_only=True):
    """First row. ``instruments`` are the venue's rules as they were at the start. ``fingerprint`` names what decides the
    run: configuration, seed and venue, not when or where it ran."""

    fingerprint: str
    instruments: tuple[Instrument, ...]
    balance: Decimal
    fee_schedule: str
    maker_fee: Decimal
    taker_fee: Decimal
    slippage_model: str


class CarriedLot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``quantity`` is signed; ``fee`` was paid when the lot was opened and belongs to the first part of it that is closed."""

    quantity: Decimal
    price: Decimal
    fee: Decimal


class PositionCarried(AccountFact, frozen=True, kw_only=True):
    """A position that the account brought along, oldest lot first; only right behind ``SessionOpened``, whose balance is the cash
    that came with it. ``mark`` values the position until the market is heard."""

    symbol: str
    position: Decimal
    lots: tuple[CarriedLot, ...]
    mark: Decimal


class TradingStateChanged(AccountFact, frozen=True, kw_only=True):
    """The risk gate's state, as it told the broker."""

    state: TradingState
    reason: str


class StrategyProgressed(AccountFact, frozen=True, kw_only=True):
    strategy_id: str
    bars: int
    warmup_bars: int
    warmup_complete: bool


class OrderSubmitted(AccountFact, frozen=True, kw_only=True):
    """The intent is durable. ``effective_at_ns``: when the simulated venue receives it; ``late`` when that had already passed."""

    order: SubmitOrder
    effective_at_ns: int
    late: bool = False


class OrderDenied(AccountFact, frozen=True, kw_only=True):
    order: SubmitOrder
    reason: str
    text: str


class OrderRejected(AccountFact, frozen=True, kw_only=True):
    client_order_id: str
    reason: str
    text: str


class OrderAccepted(AccountFact, frozen=True, kw_only=True):
    client_order_id: str


class ClosedLot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A lot, or part of one, that a fill closed. ``quantity`` is signed as the lot was: positive long, negative short.
    ``fees``: a fill's fee goes whole to the first part that it opened or closed, so no unit of money is ever divided."""

    quantity: Decimal
    entry: Decimal
    exit: Decimal
    pnl: Decimal
    fees: Decimal


class OrderFilled(AccountFact, frozen=True, kw_only=True):
    """An execution. ``fee`` positive is paid, negative a rebate. ``mid`` is the reference of ``slippage_bps`` (positive: worse).
    ``stale_reference`` says that the price came from a book no longer live (kill switch only)."""

    client_order_id: str
    trade_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    leaves_quantity: Decimal
    liquidity: Liquidity
    fee: Decimal
    mid: Decimal
    slippage_bps: Decimal
    model: str
    book_sequence: int
    realized_pnl: Decimal
    position: Decimal
    closed: tuple[ClosedLot, ...] = ()
    stale_reference: bool = False


class CancelSubmitted(AccountFact, frozen=True, kw_only=True):
    """The request to cancel is durable; it reaches the simulated venue at ``effective_at_ns``, like an order does."""

    client_order_id: str
    command_id: str
    reason: str
    effective_at_ns: int
    late: bool = False


class OrderCanceled(AccountFact, frozen=True, kw_only=True):
    client_order_id: str
    reason: str


class OrderExpired(AccountFact, frozen=True, kw_only=True):
    """What IOC or FOK left unfilled, in the venue's own words."""

    client_order_id: str
    reason: str


class FundingPaid(AccountFact, frozen=True, kw_only=True):
    """Once per symbol and boundary. ``amount`` is signed as cash: negative was paid, positive received."""

    symbol: str
    boundary_at_ns: int
    rate: Decimal
    mark: Decimal
    position: Decimal
    amount: Decimal


class EquityMarked(AccountFact, frozen=True, kw_only=True):
    """One point of the equity curve: balance (cash) plus unrealized PnL on the mark price."""

    balance: Decimal
    unrealized_pnl: Decimal
    equity: Decimal
    marks: dict[str, Decimal]


class MarketUnobserved(AccountFact, frozen=True, kw_only=True):
    """From here to ``MarketObserved`` (or the end) nobody saw the market of ``symbol``, and nothing fills but what flattens.

    ``from_ns`` is the event time it was last seen at, 0 when it never was. ``reason``: the feed's word for its outage; ``gap``, when the market facts
    ``first_missing`` to ``last_missing`` cannot be had any more; ``not_heard_again``, when a recovered account had to act without
    those it knew before. Without missing facts both are 0. ``open_orders`` lie in it, on their way or at the venue."""

    symbol: str
    from_ns: int
    reason: str
    first_missing: int = 0
    last_missing: int = 0
    open_orders: tuple[str, ...] = ()


class MarketObserved(AccountFact, frozen=True, kw_only=True):
    """A fresh window of the book came: the market of ``symbol`` is seen again."""

    symbol: str


class SessionClosed(AccountFact, frozen=True, kw_only=True):
    """Last row of a session that ended in order: ``duration``, ``stop`` or ``kill``."""

    reason: str


AnyAccountFact = (
    SessionOpened | PositionCarried | TradingStateChanged | StrategyProgressed | OrderSubmitted | OrderDenied
    | OrderRejected | OrderAccepted | OrderFilled | CancelSubmitted | OrderCanceled | OrderExpired | FundingPaid | EquityMarked
    | MarketUnobserved | MarketObserved | SessionClosed
)
