"""The money of one paper account: cash, positions, realized and unrealized profit, fees, funding. Must not know orders.

``balance`` is cash: starting balance, plus realized profit, minus fees, plus funding. Positions are linear contracts
settled in the quote currency, so that opening one moves no cash but its fee. Exact to the last unit: every method
computes in the ``MONEY`` context, which refuses to round.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext

import msgspec

from trading.funding import funding_amount
from trading.lots import AverageCost, Lots, Plan
from trading.messages import CarriedLot, ClosedLot
from trading.quantities import MONEY, ZERO, canonical, ratio

__all__ = ["Drawdown", "Holding", "Ledger"]

HUNDRED = Decimal(100)


class Holding:
    """One symbol's position, in lots and at average cost."""

    def __init__(self) -> None:
        self.lots = Lots()
        self.average = AverageCost()

    @property
    def quantity(self) -> Decimal:
        return self.lots.quantity


class Ledger:
    """Who asks for an unknown symbol asks about a flat position."""

    def __init__(self, starting_balance: Decimal) -> None:
        self.starting_balance = starting_balance
        self.realized_pnl = ZERO
        self.fees = ZERO
        self.funding = ZERO
        self.holdings: dict[str, Holding] = {}

    @property
    def balance(self) -> Decimal:
        with localcontext(MONEY):
            return canonical(self.starting_balance + self.realized_pnl - self.fees + self.funding)

    def position(self, symbol: str) -> Decimal:
        """Signed: positive long, negative short."""
        holding = self.holdings.get(symbol)
        return holding.quantity if holding else ZERO

    def plan(self, symbol: str, quantity: Decimal, price: Decimal, fee: Decimal) -> Plan:
        """What ``fill`` would do; changes nothing."""
        with localcontext(MONEY):
            holding = self.holdings.get(symbol)
            return (holding.lots if holding else Lots()).plan(quantity, price, fee)

    def fill(self, symbol: str, quantity: Decimal, price: Decimal, fee: Decimal) -> tuple[ClosedLot, ...]:
        """Book an execution of a signed quantity; the parts of lots it closed."""
        with localcontext(MONEY):
            holding = self.holdings.setdefault(symbol, Holding())
            closed = holding.lots.fill(quantity, price, fee)
            holding.average.fill(quantity, price)
            self.realized_pnl += sum((part.pnl for part in closed), ZERO)
            self.fees += fee
            return closed

    def carry(self, symbol: str, lots: Iterable[CarriedLot]) -> None:
        """Take over open lots from an earlier session: no cash moves, nothing is realized, their fees were paid then."""
        with localcontext(MONEY):
            holding = self.holdings.setdefault(symbol, Holding())
            for lot in lots:
                holding.lots.carry(lot.quantity, lot.price, lot.fee)
                holding.average.fill(lot.quantity, lot.price)

    def funding_due(self, symbol: str, mark: Decimal, rate: Decimal) -> Decimal:
        """Cash of a settlement on the position as it is; changes nothing."""
        with localcontext(MONEY):
            return canonical(funding_amount(self.position(symbol), mark, rate))

    def fund(self, amount: Decimal) -> None:
        """Book a settlement: negative was paid."""
        with localcontext(MONEY):
            self.funding += amount

    def unrealized(self, marks: Mapping[str, Decimal]) -> Decimal:
        """Of all open positions at these prices. KeyError for an open position without one: none is guessed."""
        with localcontext(MONEY):
            each = (holding.lots.unrealized(marks[symbol]) for symbol, holding in self.open_holdings())
            return canonical(sum(each, ZERO))

    def equity(self, marks: Mapping[str, Decimal]) -> Decimal:
        with localcontext(MONEY):
            return canonical(self.balance + self.unrealized(marks))

    @property
    def any_open(self) -> bool:
        """True with a position in any symbol."""
        return any(holding.quantity for holding in self.holdings.values())

    def open_holdings(self) -> Iterable[tuple[str, Holding]]:
        """Symbols with a position, in alphabetical order."""
        return [(symbol, self.holdings[symbol]) for symbol in sorted(self.holdings) if self.holdings[symbol].quantity]


class Drawdown(msgspec.Struct):
    """The deepest fall of an equity curve below its highest point so far."""

    peak: Decimal
    deepest_pct: Decimal = ZERO

    def mark(self, equity: Decimal) -> None:
        """The next point of the curve."""
        if equity > self.peak:
            self.peak = equity
        elif self.peak > 0:
            with localcontext(MONEY):
                self.deepest_pct = max(self.deepest_pct, ratio((self.peak - equity) * HUNDRED, self.peak))
