"""Prices, quantities and money: how they are parsed, checked and rounded.

The only place where rounding happens. Everything is ``decimal.Decimal``; a binary float never enters. This module must
not know what an order or an account is.
"""

from decimal import (
    ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow,
)
from functools import lru_cache
from typing import TypeVar

import msgspec

from trading.words import BUY, Side

__all__ = ["EXACT", "Instrument", "MONEY", "ZERO", "bps_between", "canonical", "canonical_numbers", "display", "plain", "ratio", "signed"]

ZERO = Decimal(0)

EXACT = Context(prec=50, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Sums and products of market numbers (at most 12 digits each) are exact in it; only divisions round (half even)."""

MONEY = Context(prec=160, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])
"""For the ledger: a sum or product that would lose a digit raises. Wide enough for numbers of 60 digits and 10**18 rows."""

BASIS_POINTS = Decimal(10_000)
RATIO_DIGITS = Decimal("1e-12")
WIDEST = 64

S = TypeVar("S", bound=msgspec.Struct)


class Instrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the venue says about one contract (Bitunix: a row of ``trading_pairs``).

    Prices are multiples of ``tick``, quantities multiples of ``step`` in base coin.
    """

    symbol: str
    tick: Decimal
    step: Decimal
    minimum_quantity: Decimal
    maximum_limit_quantity: Decimal
    maximum_market_quantity: Decimal
    price_protect_scope: Decimal = Decimal("0.01")

    def on_tick(self, price: Decimal) -> bool:
        """True for a finite positive price on the tick grid."""
        return price.is_finite() and price > 0 and EXACT.remainder(price, self.tick) == 0

    def on_step(self, quantity: Decimal) -> bool:
        """True for a finite positive quantity on the step grid."""
        return quantity.is_finite() and quantity > 0 and EXACT.remainder(quantity, self.step) == 0

    def round_against(self, side: Side, price: Decimal) -> Decimal:
        """The price on the tick grid that is no better for the trader: up for a BUY, down for a SELL."""
        rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
        return _to_grid(price, self.tick, rounding)

    def round_for(self, side: Side, price: Decimal) -> Decimal:
        """The price on the tick grid that is no worse for the trader: down for a BUY, up for a SELL."""
        return self.round_against(side.opposite, price)

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """The largest quantity on the step grid that does not exceed ``quantity``."""
        return _to_grid(quantity, self.step, ROUND_FLOOR)


def signed(side: Side, quantity: Decimal) -> Decimal:
    """A BUY counts up, a SELL counts down."""
    return quantity if side is BUY else -quantity


def bps_between(side: Side, price: Decimal, reference: Decimal) -> Decimal:
    """How much worse than ``reference`` the price is for the trader, in basis points (negative: better)."""
    worse = price - reference if side is Side.BUY else reference - price
    return ratio(worse * BASIS_POINTS, reference)


def ratio(numerator: Decimal, denominator: Decimal) -> Decimal:
    """A quotient for display and averages, to 12 decimal places; money is never divided."""
    if denominator == 0:
        return ZERO
    return EXACT.divide(numerator, denominator).quantize(RATIO_DIGITS, ROUND_HALF_EVEN, EXACT).normalize(EXACT) + ZERO


def plain(value: Decimal) -> str:
    """Canonical text: no exponent, no trailing zeros, no negative zero. Equal numbers give equal text."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def canonical(value: Decimal) -> Decimal:
    """The same number in the one form whose text is ``plain``. What is no sane number (NaN, 1E+999999) stays as it is."""
    text = str(value)
    if "E" not in text and (text[-1] != "0" or ("." not in text and text != "-0")):
        return value  # as nearly all are
    if not value:
        return ZERO
    if not value.is_finite() or abs(value.adjusted()) > WIDEST:
        return value
    return Decimal(plain(value))


def canonical_numbers(struct: S) -> S:
    """The same with every number in its one form, so that equal runs have equal bytes."""
    values = ((name, getattr(struct, name)) for name in _number_fields(type(struct)))
    numbers = {name: one for name, value in values if value is not None and (one := canonical(value)) is not value}
    return msgspec.structs.replace(struct, **numbers) if numbers else struct


@lru_cache(maxsize=64)  # a closed set of types
def _number_fields(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Of the type Decimal, or Decimal | None."""
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.type in (Decimal, Decimal | None))


def display(value: Decimal, places: int = 2) -> str:
    """Rounded text for people; never read back. What is no sane number is shown as it is."""
    if not value.is_finite() or value.adjusted() + places >= EXACT.prec:
        return str(value)
    return format(value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, EXACT), "f")


def _to_grid(value: Decimal, grid: Decimal, rounding: str) -> Decimal:
    if not EXACT.remainder(value, grid):
        return EXACT.quantize(value, grid)  # as nearly all are
    return EXACT.multiply(EXACT.divide(value, grid).to_integral_value(rounding), grid)
