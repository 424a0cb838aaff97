"""The independent check of the books: the ledger's fills and payments added up again, another way, and compared.

Nothing of trading/'s arithmetic is used: fractions instead of decimals, a plain list of lots instead of a running position. The
facts' own claims (position, realized profit, fee, funding, equity) are checked on the way, then the account or state file that
says it is the fold of them. ``average_price`` is not compared: it is rounded for people, and the lots say more.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import msgspec

from records.canonical import simple
from trading.messages import (
    AccountFact, EquityMarked, FundingPaid, OrderAccepted, OrderAmended, OrderCanceled, OrderDenied, OrderExpired, OrderFilled, OrderRejected,
    OrderSubmitted, PositionCarried, SessionClosed, SessionOpened,
)
from trading.words import Liquidity, Side

__all__ = ["Books", "Mismatch", "mismatches"]


class Mismatch(msgspec.Struct, frozen=True):
    """``where``: ``seq 15 position`` or ``state balance``; both values as text."""

    where: str
    recorded: str
    recomputed: str

    def __str__(self) -> str:
        return f"{self.where}: recorded {self.recorded}, recomputed {self.recomputed}"


def mismatches(facts: Iterable[AccountFact], state: object) -> list[Mismatch]:
    """Everything in which the facts contradict themselves, or ``state`` (an AccountState, a PaperState, or a mapping like
    state.json's) differs from them; empty when all is equal. What ``state`` does not say is not compared."""
    books = Books()
    for fact in facts:
        books.see(fact)
    content = state if isinstance(state, Mapping) else simple(state)
    assert isinstance(content, Mapping), "an account's state has fields"
    books.compare_state(content)
    return books.found


class Books:
    """The books of one session, kept the obvious way. All amounts are fractions."""

    def __init__(self) -> None:
        self.found: list[Mismatch] = []
        self.seq = 0
        self.start = self.realized = self.fees = self.funding = Fraction(0)
        self.rates = {Liquidity.MAKER: Fraction(0), Liquidity.TAKER: Fraction(0)}
        self.lots: dict[str, list[tuple[Fraction, Fraction]]] = {}
        self.marks: dict[str, Fraction] = {}
        self.open_orders: dict[str, Fraction] = {}
        self.closed = False

    @property
    def balance(self) -> Fraction:
        return self.start + self.realized - self.fees + self.funding

    def position(self, symbol: str) -> Fraction:
        return sum((quantity for quantity, _ in self.lots.get(symbol, [])), Fraction(0))

    def unrealized(self) -> Fraction:
        """At the last marks; a symbol without one counts at its cost."""
        valued = [(symbol, lot) for symbol, lots in self.lots.items() if symbol in self.marks for lot in lots]
        return sum((quantity * (self.marks[symbol] - price) for symbol, (quantity, price) in valued), Fraction(0))

    def see(self, fact: AccountFact) -> None:
        """The next fact of the ledger."""
        self.seq += 1
        match fact:
            case SessionOpened():
                self.start = Fraction(fact.balance)
                self.rates = {Liquidity.MAKER: Fraction(fact.maker_fee), Liquidity.TAKER: Fraction(fact.taker_fee)}
            case PositionCarried():
                self._carried(fact)
            case OrderSubmitted():
                self.open_orders[fact.order.client_order_id] = Fraction(fact.order.quantity)
            case OrderFilled():
                self._filled(fact)
            case OrderAmended():
                self.open_orders[fact.client_order_id] = Fraction(fact.leaves_quantity)
            case OrderCanceled() | OrderExpired() | OrderRejected():
                self._ended(fact.client_order_id)
            case FundingPaid():
                self._funded(fact)
            case EquityMarked():
                self._marked(fact)
            case SessionClosed():
                self.closed = True
            case OrderAccepted() | OrderDenied() | AccountFact():
                pass  # moves nothing

    def compare_state(self, state: Mapping[str, Any]) -> None:
        """``state`` with decimals as text or as Decimals."""
        totals = {"balance": self.balance, "realized_pnl": self.realized, "fees": self.fees, "funding": self.funding}
        if self.closed:  # the closing row marks the equity; before it, an account may know newer prices than its facts
            totals |= {"equity": self.balance + self.unrealized(), "unrealized_pnl": self.unrealized()}
        for name, value in totals.items():
            if name in state:
                self._compare(f"state {name}", Fraction(state[name]), value)
        if "ledger_seq" in state:
            self._compare("state ledger_seq", Fraction(state["ledger_seq"]), Fraction(self.seq))
        self._compare_positions(state.get("positions", {}))
        listed = {each["client_order_id"]: Fraction(each["leaves_quantity"]) for each in state.get("open_orders", ())}
        for order_id in sorted(listed.keys() | self.open_orders.keys()):
            self._compare(f"state open order {order_id}", listed.get(order_id), self.open_orders.get(order_id))

    def _compare_positions(self, positions: Mapping[str, Mapping[str, Any]]) -> None:
        for symbol in sorted(positions.keys() | self.lots.keys()):
            recorded = positions.get(symbol, {"quantity": 0, "lots": ()})
            self._compare(f"state position {symbol}", Fraction(recorded["quantity"]), self.position(symbol))
            lots = [(Fraction(lot["quantity"]), Fraction(lot["price"])) for lot in recorded["lots"]]
            if lots != self.lots.get(symbol, []):
                self.found.append(Mismatch(f"state lots {symbol}", _lots_text(lots), _lots_text(self.lots.get(symbol, []))))

    def _carried(self, fact: PositionCarried) -> None:
        self.lots[fact.symbol] = [(Fraction(lot.quantity), Fraction(lot.price)) for lot in fact.lots]
        self.marks[fact.symbol] = Fraction(fact.mark)
        self._claim("position", fact.position, self.position(fact.symbol))

    def _filled(self, fact: OrderFilled) -> None:
        quantity, price = Fraction(fact.quantity), Fraction(fact.price)
        change = quantity if fact.side is Side.BUY else -quantity
        realized = self._close_and_open(self.lots.setdefault(fact.symbol, []), change, price)
        fee = price * quantity * self.rates[fact.liquidity]
        self.realized += realized
        self.fees += fee
        leaves = self.open_orders.get(fact.client_order_id, Fraction(0)) - quantity
        self._claim("fee", fact.fee, fee)
        self._claim("realized_pnl", fact.realized_pnl, realized)
        self._claim("position", fact.position, self.position(fact.symbol))
        self._claim("leaves_quantity", fact.leaves_quantity, leaves)
        self._claim("realized_pnl of the closed lots", sum(part.pnl for part in fact.closed), realized)
        self.open_orders[fact.client_order_id] = leaves
        if leaves == 0:
            del self.open_orders[fact.client_order_id]

    @staticmethod
    def _close_and_open(lots: list[tuple[Fraction, Fraction]], change: Fraction, price: Fraction) -> Fraction:
        """First in, first out; returns the profit of what was closed."""
        realized = Fraction(0)
        while lots and change and (lots[0][0] > 0) != (change > 0):
            held, entry = lots.pop(0)
            part = held if abs(held) <= abs(change) else -change
            realized += part * (price - entry)
            change += part
            if held != part:
                lots.insert(0, (held - part, entry))
        if change:
            lots.append((change, price))
        return realized

    def _ended(self, client_order_id: str) -> None:
        if self.open_orders.pop(client_order_id, None) is None:
            self.found.append(Mismatch(f"seq {self.seq} end of order {client_order_id}", "open", "not open"))

    def _funded(self, fact: FundingPaid) -> None:
        amount = -self.position(fact.symbol) * Fraction(fact.mark) * Fraction(fact.rate)
        self.funding += amount
        self._claim("position", fact.position, self.position(fact.symbol))
        self._claim("amount", fact.amount, amount)

    def _marked(self, fact: EquityMarked) -> None:
        self.marks |= {symbol: Fraction(mark) for symbol, mark in fact.marks.items()}
        self._claim("balance", fact.balance, self.balance)
        self._claim("unrealized_pnl", fact.unrealized_pnl, self.unrealized())
        self._claim("equity", fact.equity, self.balance + self.unrealized())

    def _claim(self, name: str, recorded: Any, recomputed: Fraction) -> None:
        self._compare(f"seq {self.seq} {name}", Fraction(recorded), recomputed)

    def _compare(self, where: str, recorded: Fraction | None, recomputed: Fraction | None) -> None:
        if recorded != recomputed:
            self.found.append(Mismatch(where, _text(recorded), _text(recomputed)))


def _text(value: Fraction | None) -> str:
    """Decimals have few digits; a fraction without a decimal form can only be somebody's mistake and stays a fraction."""
    if value is None:
        return "nothing"
    places = 0
    while value * 10**places % 1 and places < 60:
        places += 1
    scaled = value * 10**places
    if scaled % 1:
        return str(value)
    digits = f"{abs(scaled.numerator):0{places + 1}d}"
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def _lots_text(lots: list[tuple[Fraction, Fraction]]) -> str:
    return ", ".join(f"{_text(quantity)} @ {_text(price)}" for quantity, price in lots) or "none"
