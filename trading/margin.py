"""Isolated margin of one linear contract in one-way mode: what a position ties up, and where it is taken away. Must not know orders or
accounts.

Quantities are signed, positive long; prices, notionals and margins in the quote currency. ``cost`` is what the position was opened
for, signed like its quantity: quantity times average entry price. ``wallet`` is the margin that belongs to the position alone: what it
was opened with, and whatever was added or paid from it since. Divisions go to 12 places (``quantities.ratio``), or to 50 digits and
then onto the tick where the result is a price.
"""

from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from trading.quantities import EXACT, ZERO, Instrument, canonical_numbers, plain, ratio
from trading.words import Side

__all__ = [
    "DEFAULT_LEVERAGE", "DEFAULT_TIERS", "Isolated", "MarginSettings", "Tier", "bankruptcy_price", "initial_margin", "is_liquidated",
    "liquidation_price", "tiered_liquidation_price",
]


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The venue's rule for notionals from ``start_value`` to ``end_value`` (Bitunix: a row of ``get_position_tiers``).

    ``leverage`` is the most that may be used, ``maintenance_rate`` a fraction of the whole notional, below what a position at that
    leverage is opened with. Raises ValueError.
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
        if EXACT.multiply(self.maintenance_rate, self.leverage) >= 1:
            raise ValueError(f"maintenance_rate must be below 1 / leverage, 1 / {self.leverage}, not {self.maintenance_rate}")


DEFAULT_LEVERAGE = 20
"""The venue's (``defaultLeverage`` of ``trading_pairs``)."""
DEFAULT_TIERS = (Tier(ZERO, Decimal(10_000_000), 200, Decimal("0.004")),)
"""Until the venue's own are known: its highest leverage (``maxLeverage``), with a rate that leaves room below 1 / 200."""


class MarginSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The leverage of every position in one symbol, and the symbol's tiers, smallest notional first. ``tiers_from`` says whose word
    they are: the venue's own answer, or the configuration. Raises ValueError."""

    leverage: int = DEFAULT_LEVERAGE
    tiers: tuple[Tier, ...] = DEFAULT_TIERS
    tiers_from: Literal["venue", "config"] = "config"

    def __post_init__(self) -> None:
        if self.leverage < 1:
            raise ValueError(f"leverage must be at least 1, not {self.leverage}")
        if not self.tiers:
            raise ValueError("tiers must not be empty")
        for lower, higher in zip(self.tiers, self.tiers[1:], strict=False):
            if higher.start_value < lower.end_value:
                raise ValueError(f"tiers must not overlap: {higher.start_value} begins before {lower.end_value} ends")

    def canonical(self) -> "MarginSettings":
        """The same with every number in its one form."""
        return msgspec.structs.replace(self, tiers=tuple(map(canonical_numbers, self.tiers)))

    def tier_of(self, notional: Decimal) -> Tier:
        """The last that begins below it, so that an end belongs to the tier it ends; the last for whatever exceeds them all."""
        return next((tier for tier in reversed(self.tiers) if notional > tier.start_value), self.tiers[0])

    def span_of(self, notional: Decimal) -> tuple[Decimal, Decimal | None]:
        """Above which notional and up to which one the tier of this notional is the same; None: however large."""
        place = self.tiers.index(self.tier_of(notional))
        above = self.tiers[place].start_value if place else ZERO
        return above, self.tiers[place + 1].start_value if place + 1 < len(self.tiers) else None

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


class Isolated(NamedTuple):
    """A position that is not flat, with the margin that is its own. ``taker_fee`` is the rate that closing it costs; of a rebate
    nothing is counted on."""

    instrument: Instrument
    quantity: Decimal
    cost: Decimal
    wallet: Decimal
    taker_fee: Decimal


def liquidation_price(position: Isolated, maintenance_rate: Decimal) -> Decimal:
    """The mark at which wallet and unrealized profit are just the maintenance margin and the fee of closing.

    Long ``(entry - wallet / quantity) / (1 - (maintenance_rate + taker_fee))``, short ``(entry + wallet / quantity) / (1 +
    (maintenance_rate + taker_fee))`` (freqtrade, ``Exchange.dry_run_liquidation_price``), as one division. On tick against
    the trader: up for a long, down for a short. Zero for a long that no price can liquidate. The two rates together are below 1.
    """
    return _price_of_loss(position, maintenance_rate)


def tiered_liquidation_price(position: Isolated, settings: MarginSettings, mark: Decimal) -> Decimal:
    """The liquidation price by the tier of the position's notional at this mark.

    Within one tier the rate is one number. Where the notional is no longer of that tier another price holds, so this one does not lie
    beyond the tier's last: a long is liquidated from there down, a short from there up, as far as the tier goes. Asked at each mark
    anew, by the mark alone: the way it took does not matter.
    """
    size, side = abs(position.quantity), _side(position)
    notional = EXACT.multiply(size, mark)
    price = liquidation_price(position, settings.tier_of(notional).maintenance_rate)
    above, up_to = settings.span_of(notional)
    if side is Side.SELL:
        return max(price, position.instrument.round_against(side, EXACT.divide(above, size)))
    return price if up_to is None else min(price, position.instrument.round_against(side, EXACT.divide(up_to, size)))


def bankruptcy_price(position: Isolated) -> Decimal:
    """The price at which the loss and the fee of closing are just the wallet; zero if no price is that low.

    The liquidation price without a maintenance margin. On tick toward the entry, up for a long: who is closed here loses no more
    than the wallet, fee and all.
    """
    return _price_of_loss(position, ZERO)


def is_liquidated(quantity: Decimal, mark: Decimal, at_price: Decimal) -> bool:
    """True once the mark has come to the position's liquidation price; never for a flat one."""
    if quantity == 0:
        return False
    return mark <= at_price if quantity > 0 else mark >= at_price


def _price_of_loss(position: Isolated, maintenance_rate: Decimal) -> Decimal:
    quantity = position.quantity
    reserved = EXACT.multiply(abs(quantity), EXACT.add(maintenance_rate, max(position.taker_fee, ZERO)))
    price = EXACT.divide(EXACT.subtract(position.cost, position.wallet), EXACT.subtract(quantity, reserved))
    return max(position.instrument.round_against(_side(position), price), ZERO)


def _side(position: Isolated) -> Side:
    return Side.BUY if position.quantity > 0 else Side.SELL
