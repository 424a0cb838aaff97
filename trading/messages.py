"""The vocabulary of the product: facts in the past tense, intents in the imperative, all frozen.

Every message is one msgspec Struct with its class name as tag, so that one decoder serves a socket, a ledger row and a
test table. Market facts carry two clocks: ``at_ns`` is event time (the venue's ``ts``, never running backwards) and
``seen_ns`` the local monotonic instant of receipt. Facts of the account carry event time only: nothing in them depends on
the machine, so two runs that did the same have the same bytes. This module must not know how messages travel.
"""

from decimal import Decimal

import msgspec

from trading.intents import AmendOrder, CancelAll, CancelOrder, CloseAll, DenyAmend, DenyOrder, PassOver, ReportProgress, SubmitOrder
from trading.market_facts import (
    AnyMarketFact, BookChanged, FeedLive, FeedStale, KlineChanged, Level, MarketFact, MarkPriceChanged, Message, Print,
    TradesPrinted,
)
from trading.latency import Constant, KnownLatency
from trading.margin import MarginSettings
from trading.quantities import Instrument
from trading.queue_models import MakingSettings, Touch
from trading.receipts import Receipt
from trading.words import Liquidity, Side, TradingState, TriggerSource

__all__ = [
    "AccountFact", "AmendOrder", "AmendRejected", "AmendSubmitted", "AnyAccountFact", "AnyMarketFact", "BookChanged",
    "CancelAll", "CancelOrder", "CancelSubmitted", "CarriedLot", "CloseAll", "ClosedLot", "DenyAmend", "DenyOrder",
    "EquityMarked", "FeedLive", "FeedStale", "FundingPaid", "KlineChanged", "Level", "MarkPriceChanged", "MarketFact",
    "MarketObserved", "MarketUnobserved", "OrderAccepted", "OrderAmended", "OrderCanceled", "OrderDenied", "OrderExpired",
    "OrderFilled", "OrderRejected", "OrderRested", "OrderSubmitted", "OrderTriggered", "PassOver", "PositionCarried",
    "PositionLiquidated", "Print", "Receipt", "ReportProgress", "SessionClosed", "SessionOpened", "StrategyProgressed",
    "SubmitOrder", "TradesPrinted", "TradingStateChanged",
]

# ---------------------------------------------------------------------------------------------------- account facts


class AccountFact(Message, frozen=True, kw_only=True):
    """One row of the ledger; ``at_ns`` is event time, ``market_sequence`` the last market fact that the account had taken in, or
    given up by a ``MarketUnobserved`` before it."""

    at_ns: int
    market_sequence: int = 0


class SessionOpened(AccountFact, frozen=True, kw_only=True):
    """First row. ``instruments`` are the venue's rules as they were at the start. ``fingerprint`` names what decides the
    run: configuration, seed and venue, not when or where it ran. Latencies are those that were measured, where that was asked for.
    ``margin``: leverage and tiers by symbol, and whose word the tiers are; a symbol that is not there is traded without."""

    fingerprint: str
    instruments: tuple[Instrument, ...]
    balance: Decimal
    fee_schedule: str
    maker_fee: Decimal
    taker_fee: Decimal
    slippage_model: str
    making: MakingSettings = Touch()
    entry_latency: KnownLatency = Constant(ms=Decimal(0))
    response_latency: KnownLatency = Constant(ms=Decimal(0))
    margin: dict[str, MarginSettings] = {}


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
    """The intent is durable. ``effective_at_ns``: when the simulated venue receives it; ``late`` when that had already passed.
    ``decision_mid``: the middle price when it was asked for; None before the first book."""

    order: SubmitOrder
    effective_at_ns: int
    late: bool = False
    decision_mid: Decimal | None = None


class OrderDenied(AccountFact, frozen=True, kw_only=True):
    order: SubmitOrder
    reason: str
    text: str


class OrderRejected(AccountFact, frozen=True, kw_only=True):
    client_order_id: str
    reason: str
    text: str
    receipt: Receipt | None = None


class OrderAccepted(AccountFact, frozen=True, kw_only=True):
    client_order_id: str


class OrderRested(AccountFact, frozen=True, kw_only=True):
    """The order waits in the book from now on, behind ``ahead``, all that was displayed at its price; None: the price is beyond the
    visible window."""

    client_order_id: str
    ahead: Decimal | None


class OrderTriggered(AccountFact, frozen=True, kw_only=True):
    """A conditional order has become an order proper: ``price`` of its trigger's source reached ``trigger_price``."""

    client_order_id: str
    trigger_price: Decimal
    price: Decimal


class AmendSubmitted(AccountFact, frozen=True, kw_only=True):
    """The request to amend is durable; it reaches the simulated venue at ``effective_at_ns``."""

    client_order_id: str
    command_id: str
    quantity: Decimal | None
    price: Decimal | None
    trigger_price: Decimal | None
    reason: str
    effective_at_ns: int
    late: bool = False


class OrderAmended(AccountFact, frozen=True, kw_only=True):
    """What the order asks for now, fills included. ``requeued``: it went to the end of its queue (another price, or more of it)."""

    client_order_id: str
    command_id: str
    quantity: Decimal
    leaves_quantity: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    requeued: bool


class AmendRejected(AccountFact, frozen=True, kw_only=True):
    """The order stays as it was."""

    client_order_id: str
    command_id: str
    reason: str
    text: str


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
    ``stale_reference`` says that the price came from a book no longer live (a flatten or a liquidation only). ``touch`` is the best
    price of the side that was taken from, or rested on."""

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
    touch: Decimal | None = None
    receipt: Receipt | None = None


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
    receipt: Receipt | None = None


class OrderExpired(AccountFact, frozen=True, kw_only=True):
    """What IOC or FOK left unfilled, in the venue's own words."""

    client_order_id: str
    reason: str
    receipt: Receipt | None = None


class PositionLiquidated(AccountFact, frozen=True, kw_only=True):
    """The mark reached the liquidation price: every order of the symbol is canceled and the position is closed by the venue, at no
    worse than the ``bankruptcy_price``, where its ``margin`` is lost to the last tick, the fee of closing included. ``cost`` is what
    the position was opened for, signed as it is."""

    symbol: str
    position: Decimal
    cost: Decimal
    mark: Decimal
    liquidation_price: Decimal
    bankruptcy_price: Decimal
    margin: Decimal


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
    SessionOpened | PositionCarried | TradingStateChanged | StrategyProgressed | OrderSubmitted | OrderDenied | OrderRejected
    | OrderAccepted | OrderRested | OrderTriggered | OrderFilled | AmendSubmitted | OrderAmended | AmendRejected | CancelSubmitted
    | OrderCanceled | OrderExpired | PositionLiquidated | FundingPaid | EquityMarked | MarketUnobserved | MarketObserved | SessionClosed
)
