"""Isolated margin of one linear contract in one-way mode: what a position ties up, and where it is taken away. Must not know orders or
accounts.

Quantities are signed, positive long; prices, notionals and margins in the quote currency. ``wallet`` is the margin that
belongs to the position alone: what it was opened with, and whatever was added or paid from it since. Divisions go to 12
places (``quantities.ratio``), or to 50 digits and then onto the tick where the result is a price.
"""

from decimal import Decimal

import msgspec

from trading.quantities import EXACT, ZERO, Instrument, plain, ratio
from trading.words import Side

__all__ = [
    "DEFAULT_LEVERAGE", "DEFAULT_TIERS", "MarginSettings", "Tier", "bankruptcy_price", "initial_margin", "is_liquidated", "liquidation_price",
]

ONE = Decimal(1)


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The venue's rule for notionals from ``start_value`` to ``end_value`` (Bitunix: a row of ``get_position_tiers``).

    ``leverage`` is the most that may be used, ``maintenance_rate`` a fraction of the whole notional. Raises ValueError.
    """

    start_value: Decimal
    end_value: Decimal
    leverage: int
    maintenance_rate: Decimal

    def __post_init__(self) -> None:
        if not (self.start_value.is_finite() and self.end_value.is_finite() and 0 <= self.start_value < self.end_value):
            raise ValueError(f"end_value must be above start_value, {self.start_value}, and neither negative, not {self.end_value}")
        if self.leverage < 1:
            raise ValueError(f"leverage must be at least 1, not {self.leverage}")
        if not (self.maintenance_rate.is_finite() and 0 <= self.maintenance_rate < 1):
            raise ValueError(f"maintenance_rate must be a fraction from 0 to below 1, not {self.maintenance_rate}")


DEFAULT_LEVERAGE = 20
"""The venue's (``defaultLeverage`` of ``trading_pairs``)."""
DEFAULT_TIERS = (Tier(ZERO, Decimal(10_000_000), 200, Decimal("0.004")),)
"""Until the venue's own are known: its highest leverage (``maxLeverage``), with a rate that leaves room below 1 / 200."""


class MarginSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The leverage of every position in one symbol, and the symbol's tiers, smallest notional first. Raises ValueError."""

    leverage: int = DEFAULT_LEVERAGE
    tiers: tuple[Tier, ...] = DEFAULT_TIERS

    def __post_init__(self) -> None:
        if self.leverage < 1:
            raise ValueError(f"leverage must be at least 1, not {self.leverage}")
        if not self.tiers:
            raise ValueError("tiers must not be empty")
        for lower, higher in zip(self.tiers, self.tiers[1:], strict=False):
            if higher.start_value < lower.end_value:
                raise ValueError(f"tiers must not overlap: {higher.start_value} begins before {lower.end_value} ends")

    def tier_of(self, notional: Decimal) -> Tier:
        """The last that begins below it, so that an end belongs to the tier it ends; the last for whatever exceeds them all."""
        return next((tier for tier in reversed(self.tiers) if notional > tier.start_value), self.tiers[0])

    def maintenance(self, notional: Decimal) -> Decimal:
        """The margin below which a position of this notional is liquidated: its tier's rate on the whole of it. Exact."""
        return EXACT.multiply(notional, self.tier_of(notional).maintenance_rate)

    def objection(self, symbol: str, notional: Decimal) -> str | None:
        """Why a position of this notional may not be opened at this leverage, in the field's words; None if it may."""
        tier, largest = self.tier_of(notional), self.tiers[-1].end_value
        if notional > largest:
            return f"NOTIONAL_EXCEEDS_MAXIMUM: symbol={symbol}, notional={plain(notional)}, max={plain(largest)}"
        if self.leverage > tier.leverage:
            return (
                f"LEVERAGE_EXCEEDS_MAXIMUM: symbol={symbol}, leverage={self.leverage}, notional={plain(notional)}, max={tier.leverage}"
            )
        return None


def initial_margin(notional: Decimal, leverage: int) -> Decimal:
    """What opening a position of this notional ties up, before fees; to 12 places, half even."""
    return ratio(notional, Decimal(leverage))


def liquidation_price(
    instrument: Instrument, quantity: Decimal, entry: Decimal, wallet: Decimal, taker_fee: Decimal, maintenance_rate: Decimal,
) -> Decimal:
    """The mark at which wallet and unrealized profit are just the maintenance margin and the fee of closing.

    Long ``(entry - wallet / quantity) / (1 - (maintenance_rate + taker_fee))``, short ``(entry + wallet / quantity) / (1 +
    (maintenance_rate + taker_fee))`` (freqtrade, ``Exchange.dry_run_liquidation_price``), as one division. On tick against
    the trader: up for a long, down for a short. Zero for a long that no price can liquidate. The position is not flat,
    and the two rates together are below 1.
    """
    reserved = EXACT.multiply(abs(quantity), EXACT.add(maintenance_rate, taker_fee))
    return _price_of_loss(instrument, quantity, entry, wallet, EXACT.subtract(quantity, reserved))


def bankruptcy_price(instrument: Instrument, quantity: Decimal, entry: Decimal, wallet: Decimal) -> Decimal:
    """The price at which the loss is the whole wallet, before the fee of closing; zero if no price is that low.

    On tick toward the entry, up for a long: who is closed here loses no more than the wallet. The position is not flat.
    """
    return _price_of_loss(instrument, quantity, entry, wallet, quantity)


def is_liquidated(quantity: Decimal, mark: Decimal, at_price: Decimal) -> bool:
    """True once the mark has come to the position's liquidation price; never for a flat one."""
    if quantity == 0:
        return False
    return mark <= at_price if quantity > 0 else mark >= at_price


def _price_of_loss(instrument: Instrument, quantity: Decimal, entry: Decimal, wallet: Decimal, divisor: Decimal) -> Decimal:
    cost = EXACT.subtract(EXACT.multiply(quantity, entry), wallet)
    position_side = Side.BUY if quantity > 0 else Side.SELL
    return max(instrument.round_against(position_side, EXACT.divide(cost, divisor)), ZERO)
