"""A paper account of one symbol, kept by hand: lots in a list, money as fractions, every instant compared. Believes no fact it can work out itself."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import msgspec

from trading.account import AccountSettings
from trading.market_facts import Message
from trading.latency import Constant
from trading.messages import (
    AccountFact, CancelSubmitted, EquityMarked, FundingPaid, MarkPriceChanged, OrderAccepted, OrderCanceled, OrderExpired,
    OrderFilled, OrderRejected, OrderSubmitted,
)
from trading.words import Liquidity, Side

__all__ = ["PlainAccount"]

MS = 1_000_000


class PlainLot(msgspec.Struct):
    """``quantity`` is signed."""

    quantity: Fraction
    price: Fraction
    fee: Fraction


class PlainOrder(msgspec.Struct):
    left: Fraction
    effective_at_ns: int
    accepted: bool = False
    cancel_at_ns: int | None = None


class Mark(NamedTuple):
    price: Fraction
    rate: Fraction


class PlainAccount:
    """``hear`` takes a message and the facts that the account gave for it; AssertionError at the first that is wrong or missing."""

    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings
        assert isinstance(settings.entry_latency, Constant)
        self._latency_ns = int(settings.entry_latency.ms * MS)
        self.cash = Fraction(settings.balance)
        self.realized = self.fees = self.funding = Fraction(0)
        self.lots: list[PlainLot] = []
        self.orders: dict[str, PlainOrder] = {}
        self._mark: Mark | None = None
        self._boundaries: list[int] = []

    @property
    def position(self) -> Fraction:
        return sum((lot.quantity for lot in self.lots), Fraction(0))

    def hear(self, message: Message, now_ns: int, facts: Sequence[AccountFact]) -> None:
        for fact in facts:
            self._settled_before(fact)
            self._take(fact)
        if isinstance(message, MarkPriceChanged):
            self._mark = Mark(Fraction(message.mark), Fraction(message.funding_rate))
            if message.next_funding_at_ns > now_ns and message.next_funding_at_ns not in self._boundaries:
                self._boundaries.append(message.next_funding_at_ns)
        self._nothing_is_overdue(now_ns)

    def unrealized(self, price: Fraction) -> Fraction:
        return sum((lot.quantity * (price - lot.price) for lot in self.lots), Fraction(0))

    # ------------------------------------------------------------------------------------------------ facts

    def _take(self, fact: AccountFact) -> None:
        match fact:
            case OrderSubmitted():
                planned_ns = fact.order.decided_at_ns + (0 if fact.order.strategy_id == "account" else self._latency_ns)
                assert (fact.effective_at_ns, fact.late) == (max(planned_ns, fact.at_ns), planned_ns < fact.at_ns)
                self.orders[fact.order.client_order_id] = PlainOrder(Fraction(fact.order.quantity), fact.effective_at_ns)
            case OrderAccepted():
                self._arrives(fact).accepted = True
            case OrderRejected():
                self._arrives(fact)
                del self.orders[fact.client_order_id]
            case CancelSubmitted():
                order = self.orders[fact.client_order_id]
                assert order.cancel_at_ns is None and fact.effective_at_ns >= fact.at_ns
                order.cancel_at_ns = fact.effective_at_ns
            case OrderCanceled() | OrderExpired():
                del self.orders[fact.client_order_id]
            case OrderFilled():
                self._filled(fact)
            case FundingPaid():
                self._funded(fact)
            case EquityMarked():
                unrealized = sum((self.unrealized(Fraction(mark)) for mark in fact.marks.values()), Fraction(0))
                told = (fact.balance, fact.unrealized_pnl, fact.equity)
                assert tuple(map(Fraction, told)) == (self.cash, unrealized, self.cash + unrealized)

    def _arrives(self, fact: OrderAccepted | OrderRejected) -> PlainOrder:
        """At the very instant it was to, once, and not behind its own cancel."""
        order = self.orders[fact.client_order_id]
        assert not order.accepted and fact.at_ns == order.effective_at_ns
        assert order.cancel_at_ns is None or fact.at_ns <= order.cancel_at_ns
        return order

    def _filled(self, fact: OrderFilled) -> None:
        order = self.orders[fact.client_order_id]
        assert order.accepted and fact.at_ns >= order.effective_at_ns
        assert order.cancel_at_ns is None or fact.at_ns <= order.cancel_at_ns, "a cancel in flight stops nothing, one that arrived everything"
        quantity, price = Fraction(fact.quantity), Fraction(fact.price)
        order.left -= quantity
        assert quantity > 0 and order.left == Fraction(fact.leaves_quantity) >= 0
        if not order.left:
            del self.orders[fact.client_order_id]
        fees = self._settings.fees
        fee = quantity * price * Fraction(fees.maker if fact.liquidity is Liquidity.MAKER else fees.taker)
        closed = self._booked(quantity if fact.side is Side.BUY else -quantity, price, fee)
        realized = sum((each[3] for each in closed), Fraction(0))
        self.realized, self.fees, self.cash = self.realized + realized, self.fees + fee, self.cash + realized - fee
        told = [tuple(map(Fraction, (lot.quantity, lot.entry, lot.exit, lot.pnl, lot.fees))) for lot in fact.closed]
        assert (told, Fraction(fact.realized_pnl), Fraction(fact.fee)) == (closed, realized, fee)
        assert Fraction(fact.position) == self.position

    def _booked(self, quantity: Fraction, price: Fraction, fee: Fraction) -> list[tuple[Fraction, ...]]:
        """(quantity, entry, exit, profit, fees) of each part that was closed, oldest first; what is left opens a lot."""
        closed: list[tuple[Fraction, ...]] = []
        while quantity and self.lots and self.lots[0].quantity * quantity < 0:
            lot = self.lots[0]
            part = lot.quantity if abs(lot.quantity) <= abs(quantity) else -quantity
            closed.append((part, lot.price, price, part * (price - lot.price), lot.fee + fee))
            lot.quantity, lot.fee, fee = lot.quantity - part, Fraction(0), Fraction(0)
            quantity += part
            self.lots = [each for each in self.lots if each.quantity]
        if quantity:
            self.lots.append(PlainLot(quantity, price, fee))
        return closed

    # ------------------------------------------------------------------------------------------------ time

    def _settled_before(self, fact: AccountFact) -> None:
        """Nothing happens at or behind a boundary before its funding, which is nothing for a flat position."""
        while self._boundaries and self._boundaries[0] <= fact.at_ns:
            if self.position and isinstance(fact, FundingPaid):
                return
            assert not self.position, "funding was left out"
            self._boundaries.pop(0)

    def _funded(self, fact: FundingPaid) -> None:
        assert self._mark is not None
        assert fact.boundary_at_ns == fact.at_ns == self._boundaries.pop(0), "each boundary once, when it is reached"
        amount = -self.position * self._mark.price * self._mark.rate
        assert tuple(map(Fraction, (fact.position, fact.mark, fact.rate, fact.amount))) == (self.position, *self._mark, amount)
        self.funding, self.cash = self.funding + amount, self.cash + amount

    def _nothing_is_overdue(self, now_ns: int) -> None:
        """What was to arrive by now has arrived, or was canceled."""
        for order in self.orders.values():
            assert order.accepted or order.effective_at_ns > now_ns
            assert order.cancel_at_ns is None or order.cancel_at_ns > now_ns
        due = [each for each in self._boundaries if each <= now_ns]
        assert not (due and self.position), "funding was left out"
        self._boundaries = [each for each in self._boundaries if each > now_ns]
