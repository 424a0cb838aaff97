"""A whole session in one value, folded from its facts. Must not know where facts are kept or how results are shown."""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Any

import msgspec

from trading.ledger import Drawdown, Ledger
from trading.margin import MarginSettings
from trading.messages import (
    AccountFact, ClosedLot, EquityMarked, FundingPaid, MarketObserved, MarketUnobserved, OrderAccepted, OrderCanceled, OrderDenied,
    OrderExpired, OrderFilled, OrderRejected, OrderSubmitted, OrderTriggered, PositionCarried, SessionClosed, SessionOpened,
    StrategyProgressed,
)
from trading.quantities import MONEY, ZERO, canonical, ratio, signed
from trading.sight import Sight
from trading.words import Liquidity, OrderState

__all__ = ["Summary", "fold"]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Money in the quote currency, quantities in base coin and signed.

    - ``total_trades`` counts fills. ``orders`` counts orders by the state they ended in (or are in).
    - ``realized_pnl_usd`` is before fees and funding; ``fees_paid_usd`` is negative for a net rebate; ``funding_usd``
      is signed as cash. ``net_pnl_usd`` = realized + unrealized - fees + funding = ending equity - starting balance.
      A position carried in from an earlier session counts from its own entry prices.
    - ``max_drawdown_pct``: deepest fall of the marked equity below its highest point so far, the starting equity
      included.
    - ``slippage_avg_bps``: over fills that took liquidity, weighted by quantity; positive is worse than the mid.
    - ``winning_lots``, ``losing_lots`` and ``profit_factor`` (gains / losses, None without losses) are of closed lots
      after fees.
    - ``margin``: by symbol the ``leverage``, whose word the tiers are (``tiers_from``: venue or config), and the ``tiers``.
    - ``unobserved_count``: how often the market was out of sight, ``unobserved_s``: for how many seconds of event time
      in all, ``unobserved_orders``: the orders that were open when it was lost. None of them filled meanwhile.
    """

    total_trades: int
    maker_trades: int
    taker_trades: int
    orders: dict[str, int]
    volume_usd: Decimal
    starting_balance_usd: Decimal
    ending_balance_usd: Decimal
    ending_equity_usd: Decimal
    realized_pnl_usd: Decimal
    unrealized_pnl_usd: Decimal
    fees_paid_usd: Decimal
    funding_usd: Decimal
    net_pnl_usd: Decimal
    max_drawdown_pct: Decimal
    slippage_avg_bps: Decimal
    winning_lots: int
    losing_lots: int
    profit_factor: Decimal | None
    positions: dict[str, Decimal]
    margin: dict[str, dict[str, Any]]
    bars: int
    warmup_bars: int
    warmup_complete: bool
    unobserved_count: int
    unobserved_s: Decimal
    unobserved_orders: list[str]
    end_reason: str | None


def fold(facts: Iterable[AccountFact]) -> Summary:
    """Of a finished session or of any prefix of one (``end_reason`` None). Positions are valued at the last marks in
    the facts."""
    tally = Tally()
    with localcontext(MONEY):
        for fact in facts:
            tally.see(fact)
        return tally.summary()


class Tally:
    """The running counts behind a ``Summary``. Computes in the caller's decimal context, which must be MONEY."""

    def __init__(self) -> None:
        self._ledger = Ledger(ZERO)
        self._drawdown = Drawdown(ZERO)
        self._margin: dict[str, dict[str, Any]] = {}
        self._marks: dict[str, Decimal] = {}
        self._states: dict[str, OrderState] = {}
        self._trades = {Liquidity.MAKER: 0, Liquidity.TAKER: 0}
        self._volume = ZERO
        self._taken = ZERO
        self._slippage = ZERO
        self._gains = ZERO
        self._losses = ZERO
        self._winning = 0
        self._losing = 0
        self._progress: dict[str, StrategyProgressed] = {}
        self._sight = Sight()
        self._unobserved_orders: dict[str, None] = {}
        self._at_ns = 0
        self._end_reason: str | None = None

    def see(self, fact: AccountFact) -> None:
        self._at_ns = max(self._at_ns, fact.at_ns)
        match fact:
            case SessionOpened():
                self._ledger, self._drawdown = Ledger(fact.balance), Drawdown(fact.balance)
                self._margin = {symbol: _told(each) for symbol, each in fact.margin.items()}
            case PositionCarried():
                self._carry(fact)
            case OrderFilled():
                self._fill(fact)
            case FundingPaid():
                self._ledger.fund(fact.amount)
            case EquityMarked():
                self._marks.update(fact.marks)
                self._drawdown.mark(fact.equity)
            case StrategyProgressed():
                self._progress[fact.strategy_id] = fact
            case MarketUnobserved():
                self._sight.lose(fact)
                self._unobserved_orders.update(dict.fromkeys(fact.open_orders))
            case MarketObserved():
                self._sight.regain(fact)
            case SessionClosed():
                self._end_reason = fact.reason
            case _:
                self._order(fact)

    def _order(self, fact: AccountFact) -> None:
        match fact:
            case OrderSubmitted(order=order):
                self._states[order.client_order_id] = OrderState.SUBMITTED
            case OrderDenied(order=order):
                self._states[order.client_order_id] = OrderState.DENIED
            case OrderAccepted():
                self._states[fact.client_order_id] = OrderState.ACCEPTED
            case OrderTriggered():
                self._states[fact.client_order_id] = OrderState.TRIGGERED
            case OrderRejected():
                self._states[fact.client_order_id] = OrderState.REJECTED
            case OrderCanceled():
                self._states[fact.client_order_id] = OrderState.CANCELED
            case OrderExpired():
                self._states[fact.client_order_id] = OrderState.EXPIRED

    def _carry(self, fact: PositionCarried) -> None:
        self._ledger.carry(fact.symbol, fact.lots)
        self._marks[fact.symbol] = fact.mark
        self._drawdown = Drawdown(self._ledger.equity(self._marks))

    def _fill(self, fact: OrderFilled) -> None:
        self._ledger.fill(fact.symbol, signed(fact.side, fact.quantity), fact.price, fact.fee)
        self._marks.setdefault(fact.symbol, fact.mid)
        self._states[fact.client_order_id] = OrderState.PARTIALLY_FILLED if fact.leaves_quantity else OrderState.FILLED
        self._trades[fact.liquidity] += 1
        self._volume += fact.quantity * fact.price
        if fact.liquidity is Liquidity.TAKER:
            self._taken += fact.quantity
            self._slippage += fact.quantity * fact.slippage_bps
        for part in fact.closed:
            self._close(part)

    def _close(self, part: ClosedLot) -> None:
        net = part.pnl - part.fees
        if net > 0:
            self._winning += 1
            self._gains += net
        elif net < 0:
            self._losing += 1
            self._losses -= net

    def summary(self) -> Summary:
        ledger, progress = self._ledger, self._progress.values()
        unrealized = ledger.unrealized(self._marks)
        equity = ledger.balance + unrealized
        return Summary(
            total_trades=sum(self._trades.values()), maker_trades=self._trades[Liquidity.MAKER],
            taker_trades=self._trades[Liquidity.TAKER], orders=self._ended(), volume_usd=canonical(self._volume),
            starting_balance_usd=canonical(ledger.starting_balance), ending_balance_usd=ledger.balance,
            ending_equity_usd=canonical(equity), realized_pnl_usd=canonical(ledger.realized_pnl),
            unrealized_pnl_usd=unrealized, fees_paid_usd=canonical(ledger.fees), funding_usd=canonical(ledger.funding),
            net_pnl_usd=canonical(equity - ledger.starting_balance),
            max_drawdown_pct=canonical(self._drawdown.deepest_pct),
            slippage_avg_bps=canonical(ratio(self._slippage, self._taken)), winning_lots=self._winning,
            losing_lots=self._losing,
            profit_factor=canonical(ratio(self._gains, self._losses)) if self._losses else None,
            positions={symbol: holding.quantity for symbol, holding in ledger.open_holdings()}, margin=self._margin,
            bars=sum(each.bars for each in progress),
            warmup_bars=max((each.warmup_bars for each in progress), default=0),
            warmup_complete=bool(progress) and all(each.warmup_complete for each in progress),
            unobserved_count=self._sight.outages, unobserved_s=_seconds(self._sight.unseen_ns(self._at_ns)),
            unobserved_orders=list(self._unobserved_orders), end_reason=self._end_reason,
        )

    def _ended(self) -> dict[str, int]:
        """Every state that at least one order is in, alphabetically."""
        states = sorted(self._states.values())
        return {state.value: states.count(state) for state in sorted(set(states))}


def _told(margin: MarginSettings) -> dict[str, Any]:
    return msgspec.structs.asdict(margin) | {"tiers": list(map(msgspec.structs.asdict, margin.tiers))}


def _seconds(span_ns: int) -> Decimal:
    return canonical(Decimal(span_ns).scaleb(-9))
