"""The state of one paper account: money, orders, markets, time. Must not decide anything.

Money and orders change in one place only, ``apply``, and only by facts; so the fold of the same facts is the same desk.
Markets and time also follow what the feed says.
"""

from collections.abc import Callable

import msgspec

from trading.account_settings import AccountSettings
from trading.ledger import Drawdown, Ledger
from trading.market import Market, concerned_by
from trading.matching_state import MatchingState
from trading.messages import (
    AccountFact, AmendRejected, AmendSubmitted, BookChanged, CancelSubmitted, EquityMarked, FeedStale, FundingPaid, MarketFact,
    MarketObserved, MarketUnobserved, MarkPriceChanged, OrderAccepted, OrderAmended, OrderCanceled, OrderDenied, OrderExpired,
    OrderFilled, OrderRejected, OrderRested, OrderSubmitted, OrderTriggered, PositionCarried, PositionLiquidated, SessionClosed,
    SessionOpened, StrategyProgressed, TradesPrinted, TradingStateChanged,
)
from trading.orders import Order, OrderEvent, Refused
from trading.progress import Progress
from trading.quantities import Instrument, signed
from trading.reading import Readings
from trading.sight import NOT_HEARD_AGAIN, Sight
from trading.words import TradingState
from trading.working import Orders

__all__ = ["Desk", "ImpossibleFact"]


class ImpossibleFact(ValueError):
    """A fact that does not follow from those before it: the ledger is damaged, or belongs to another run."""


class Desk:
    """``now_ns`` is event time. ``trading_state`` is what the risk gate last said. ``entry`` and ``response`` are how long commands and
    answers travel. ``readings`` may be shared by desks that hear the same market. One that does not keep evidence says in its receipts no
    more than it needs itself."""

    def __init__(
        self, settings: AccountSettings, fingerprint: str, readings: Readings | None = None, *, keeps_evidence: bool = True,
    ) -> None:
        self.settings = settings
        self.keeps_evidence = keeps_evidence
        self.fingerprint = fingerprint
        self._readings = readings or Readings(settings.print_band_bps)
        self.fees = settings.fees
        self.entry, self.response = settings.draws(fingerprint)
        self._list(settings.instruments)
        self.ledger = Ledger(settings.balance)
        self.drawdown = Drawdown(settings.balance)
        self.orders = Orders()
        self.now_ns = self.market_sequence = 0
        self.funding_at_ns: int | None = None
        self.fills = 0
        self.marked_at_ns = 0
        self.opened = self.closed = False
        self.trading_state = TradingState.STARTING
        self.progress: dict[str, Progress] = {}
        self.sight = Sight()
        self._hearers: dict[type[MarketFact], Callable[..., bool]] = {
            TradesPrinted: self._trades_printed, BookChanged: self._book_changed, MarkPriceChanged: self._mark_price_changed,
            FeedStale: self._feed_stale,
        }
        self._appliers: dict[type[AccountFact], Callable[..., Refused | None]] = {
            SessionOpened: self._session_opened, SessionClosed: self._session_closed, PositionCarried: self._position_carried,
            TradingStateChanged: self._trading_state_changed, StrategyProgressed: self._strategy_progressed,
            OrderSubmitted: self._order_submitted, OrderDenied: self._order_denied, OrderRejected: self._order_rejected,
            OrderAccepted: self._order_accepted, OrderFilled: self._order_filled,
            CancelSubmitted: self._cancel_submitted, OrderCanceled: self._order_canceled,
            OrderExpired: self._order_expired, FundingPaid: self._funding_paid, EquityMarked: self._equity_marked,
            OrderRested: self._order_rested, OrderTriggered: self._order_triggered, AmendSubmitted: self._amend_submitted,
            OrderAmended: self._order_amended, AmendRejected: self._amend_rejected, PositionLiquidated: self._position_liquidated,
            MarketUnobserved: self._market_unobserved, MarketObserved: self._market_observed,
        }

    @property
    def in_session(self) -> bool:
        """Between the first fact and the last."""
        return self.opened and not self.closed

    def apply(self, fact: AccountFact) -> None:
        """Computes in the caller's decimal context, which must be MONEY. Raises ImpossibleFact, and is of no further use then."""
        refused = self._appliers[type(fact)](fact)
        if refused is not None:
            raise ImpossibleFact(f"{fact}: {refused}")
        self.now_ns = max(self.now_ns, fact.at_ns)
        self.market_sequence = max(self.market_sequence, fact.market_sequence)

    def observe(self, message: MarketFact, now_ns: int) -> bool:
        """Take in what the feed says; what follows from it is for others to decide, and only if this is true: it meets an order or a
        position, names another settlement of funding, or changes what is seen. What the account once went on without stays unknown to it,
        whoever tells it later."""
        sight, sequence = self.sight, message.sequence
        if sight.missing:
            if sight.is_missing(sequence):
                return False
            if sight.crosses_gap(sequence):
                self._lose_books()
        if now_ns > self.now_ns:
            self.now_ns = now_ns
        if sequence > self.market_sequence:
            self.market_sequence = sequence
        hearer = self._hearers.get(type(message))
        meets = hearer is not None and hearer(message)
        if sight.missing and sight.ends_before_gap(sequence):
            self._lose_books()
        return meets

    def _trades_printed(self, message: TradesPrinted) -> bool:
        market = self.markets.get(message.symbol)
        return market is not None and self.matching[message.symbol].on_trades(message, market.on_trades(message), self.orders)

    def _book_changed(self, message: BookChanged) -> bool:
        market = self.markets.get(message.symbol)
        if market is None:
            return False
        return self.matching[message.symbol].on_book(market.on_book(message)) or message.symbol in self.sight.unseen

    def _mark_price_changed(self, message: MarkPriceChanged) -> bool:
        market = self.markets.get(message.symbol)
        if market is None:
            return False
        announced = market.on_mark(message, self.now_ns)
        if announced:
            self.note_funding()
        liquidates = message.symbol in self.settings.margin and self.ledger.any_open
        return self.matching[message.symbol].on_mark(message, self.orders) or announced or liquidates

    def _feed_stale(self, message: FeedStale) -> bool:
        for each in concerned_by(message, self.markets):
            each.on_stale(message)
        return True

    def _lose_books(self) -> None:
        for each in self.markets.values():
            each.on_gap()

    def note_funding(self) -> None:
        """Keep ``funding_at_ns`` at the next boundary of any symbol."""
        due = (market.funding.due_ns() for market in self.markets.values())
        self.funding_at_ns = min((each for each in due if each is not None), default=None)

    def _session_opened(self, fact: SessionOpened) -> None:
        if fact.fingerprint != self.fingerprint:
            raise ImpossibleFact(f"the ledger is of run {fact.fingerprint}, this is {self.fingerprint}")
        if self.opened:
            raise ImpossibleFact(f"{fact}: the session is open already")
        if fact.instruments != self.settings.instruments:
            self._list(fact.instruments)
        self.settings = msgspec.structs.replace(
            self.settings, entry_latency=fact.entry_latency, response_latency=fact.response_latency, margin=fact.margin,
        )
        self.entry, self.response = self.settings.draws(self.fingerprint)
        self.ledger = Ledger(fact.balance)
        self.drawdown = Drawdown(fact.balance)
        self.marked_at_ns = fact.at_ns
        self.opened = True

    def _position_carried(self, fact: PositionCarried) -> None:
        if not self.opened or self.orders.known or fact.symbol not in self.markets or self.ledger.position(fact.symbol):
            raise ImpossibleFact(f"{fact}: nothing can be carried into this")
        self.ledger.carry(fact.symbol, fact.lots)
        if self.ledger.position(fact.symbol) != fact.position:
            raise ImpossibleFact(f"{fact}: the lots make {self.ledger.position(fact.symbol)}")
        market = self.markets[fact.symbol]
        market.recorded_mark = market.filled_mid = fact.mark
        marks = {symbol: each.recorded_mark for symbol, each in self.markets.items() if each.recorded_mark is not None}
        self.drawdown = Drawdown(self.ledger.equity(marks))

    def _list(self, instruments: tuple[Instrument, ...]) -> None:
        """The venue's rules, for the whole session."""
        self.instruments = {each.symbol: each for each in instruments}
        self.markets = {each.symbol: Market(each.symbol, self._readings.of(each.symbol)) for each in instruments}
        self.matching = {each.symbol: MatchingState(each, self.settings.making, self.keeps_evidence) for each in instruments}

    def _session_closed(self, fact: SessionClosed) -> None:
        self.closed = True

    def _trading_state_changed(self, fact: TradingStateChanged) -> None:
        self.trading_state = fact.state

    def _strategy_progressed(self, fact: StrategyProgressed) -> None:
        self.progress[fact.strategy_id] = Progress(fact.bars, fact.warmup_bars, fact.warmup_complete)

    def _order_submitted(self, fact: OrderSubmitted) -> Refused | None:
        self._must_be_new(fact, fact.order.client_order_id)
        return self.orders.add_submitted(fact.order, fact.effective_at_ns, fact.decision_mid)

    def _order_denied(self, fact: OrderDenied) -> Refused | None:
        self._must_be_new(fact, fact.order.client_order_id)
        return self.orders.add_denied(fact.order, fact.reason)

    def _order_rejected(self, fact: OrderRejected) -> Refused | None:
        return self._end(fact, OrderEvent.REJECT, fact.reason)

    def _order_accepted(self, fact: OrderAccepted) -> Refused | None:
        return self.orders.accept(self._known(fact.client_order_id), fact.market_sequence)

    def _order_rested(self, fact: OrderRested) -> Refused | None:
        order = self._known(fact.client_order_id)
        refused = order.advance(OrderEvent.REST)
        if refused is None:
            self.matching[order.symbol].rested(order, fact)
        return refused

    def _order_triggered(self, fact: OrderTriggered) -> Refused | None:
        order = self._known(fact.client_order_id)
        self.matching[order.symbol].gone(fact.client_order_id)
        return self.orders.trigger(order)

    def _amend_submitted(self, fact: AmendSubmitted) -> None:
        self._known(fact.client_order_id)
        self.orders.ask_amend(fact)

    def _order_amended(self, fact: OrderAmended) -> Refused | None:
        order = self._known(fact.client_order_id)
        if fact.requeued or fact.trigger_price != order.intent.trigger_price:
            self.matching[order.symbol].gone(fact.client_order_id)
        return self.orders.amend(order, fact)

    def _amend_rejected(self, fact: AmendRejected) -> None:
        self.orders.answered_amends.add(fact.command_id)

    def _position_liquidated(self, fact: PositionLiquidated) -> None:
        if self.ledger.position(fact.symbol) != fact.position:
            raise ImpossibleFact(f"{fact}: the position is {self.ledger.position(fact.symbol)}")

    def _order_filled(self, fact: OrderFilled) -> Refused | None:
        order = self._known(fact.client_order_id)
        if fact.quantity > order.leaves_quantity:
            raise ImpossibleFact(f"{fact}: only {order.leaves_quantity} was left")
        refused = self.orders.fill(order, fact.quantity, fact.price, fact.market_sequence)
        if refused is None:
            closed = self.ledger.fill(fact.symbol, signed(fact.side, fact.quantity), fact.price, fact.fee)
            if closed != fact.closed or self.ledger.position(fact.symbol) != fact.position:
                raise ImpossibleFact(f"{fact}: the lots of {fact.symbol} say {closed}")
            self.markets[fact.symbol].filled_mid = fact.mid
            self.matching[fact.symbol].filled(fact)
            if not order.is_open:
                self.matching[fact.symbol].gone(fact.client_order_id)
            self.fills += 1
        return refused

    def _cancel_submitted(self, fact: CancelSubmitted) -> None:
        self.orders.ask_cancel(self._known(fact.client_order_id), fact.effective_at_ns, fact.reason)

    def _order_canceled(self, fact: OrderCanceled) -> Refused | None:
        return self._end(fact, OrderEvent.CANCEL, fact.reason)

    def _order_expired(self, fact: OrderExpired) -> Refused | None:
        return self._end(fact, OrderEvent.EXPIRE, fact.reason)

    def _end(self, fact: OrderRejected | OrderCanceled | OrderExpired, event: OrderEvent, reason: str) -> Refused | None:
        order = self._known(fact.client_order_id)
        if order.symbol in self.matching:  # what is rejected may be of an unknown symbol
            self.matching[order.symbol].gone(fact.client_order_id)
        return self.orders.end(order, event, reason)

    def _funding_paid(self, fact: FundingPaid) -> None:
        self.ledger.fund(fact.amount)
        self.markets[fact.symbol].funding.settle(fact.boundary_at_ns)

    def _equity_marked(self, fact: EquityMarked) -> None:
        self.drawdown.mark(fact.equity)
        self.marked_at_ns = fact.at_ns
        for symbol, mark in fact.marks.items():
            self.markets[symbol].recorded_mark = mark

    def _market_unobserved(self, fact: MarketUnobserved) -> None:
        market = self._market_of(fact)
        self.sight.lose(fact)
        if fact.reason == NOT_HEARD_AGAIN:
            market.forget()
            self.matching[fact.symbol].forget(fact.last_missing)
            self.note_funding()
        elif fact.first_missing:
            market.on_gap()
        self.market_sequence = max(self.market_sequence, fact.last_missing)

    def _market_observed(self, fact: MarketObserved) -> None:
        self._market_of(fact)
        self.sight.regain(fact)

    def _market_of(self, fact: MarketUnobserved | MarketObserved) -> Market:
        if fact.symbol not in self.markets:
            raise ImpossibleFact(f"{fact}: the session does not know {fact.symbol}")
        return self.markets[fact.symbol]

    def _known(self, client_order_id: str) -> Order:
        order = self.orders.known.get(client_order_id)
        if order is None:
            raise ImpossibleFact(f"no order {client_order_id}")
        return order

    def _must_be_new(self, fact: AccountFact, client_order_id: str) -> None:
        if client_order_id in self.orders.known:
            raise ImpossibleFact(f"{fact}: a second order of that id")
