"""The money of an account told again, slowly and obviously: fractions, one lot after the other. Must not use the account's code."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from trading.account_settings import AccountSettings
from trading.messages import AccountFact, FundingPaid, OrderFilled
from trading.words import Liquidity, Side


class Money(NamedTuple):
    balance: Fraction
    realized: Fraction
    fees: Fraction
    funding: Fraction
    position: Fraction
    cost: Fraction


class Oracle:
    """Of one symbol. Prices and quantities are taken from the facts; what they cost and earn is not."""

    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings
        self._lots: list[list[Fraction]] = []
        self._realized = self._fees = self._funding = Fraction(0)

    def see(self, facts: Iterable[AccountFact]) -> None:
        for fact in facts:
            if isinstance(fact, OrderFilled):
                self._fill(fact)
            elif isinstance(fact, FundingPaid):
                self._funding -= self._position() * Fraction(fact.mark) * Fraction(fact.rate)

    @property
    def money(self) -> Money:
        cost = sum((quantity * price for quantity, price in self._lots), Fraction(0))
        balance = Fraction(self._settings.balance) + self._realized - self._fees + self._funding
        return Money(balance, self._realized, self._fees, self._funding, self._position(), cost)

    def unrealized(self, mark: Decimal) -> Fraction:
        return sum((quantity * (Fraction(mark) - price) for quantity, price in self._lots), Fraction(0))

    def _fill(self, fact: OrderFilled) -> None:
        price, left = Fraction(fact.price), Fraction(fact.quantity) * (1 if fact.side is Side.BUY else -1)
        rate = self._settings.maker_fee if fact.liquidity is Liquidity.MAKER else self._settings.taker_fee
        self._fees += abs(left) * price * Fraction(rate)
        while left and self._lots and self._lots[0][0] * left < 0:
            held, entry = self._lots[0]
            part = min(abs(held), abs(left)) * (1 if held > 0 else -1)
            self._realized += part * (price - entry)
            self._lots[0][0] -= part
            left += part
            if not self._lots[0][0]:
                del self._lots[0]
        if left:
            self._lots.append([left, price])

    def _position(self) -> Fraction:
        return sum((quantity for quantity, _ in self._lots), Fraction(0))
