"""What an execution costs. Must not know orders or accounts."""

from decimal import Decimal

import msgspec

from trading.words import Liquidity

__all__ = ["FeeSchedule"]


class FeeSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rates as fractions of the notional; a negative rate is a rebate."""

    name: str = "default"
    maker: Decimal = Decimal("-0.0002")
    taker: Decimal = Decimal("0.0005")

    def fee(self, liquidity: Liquidity, price: Decimal, quantity: Decimal) -> Decimal:
        """``price * quantity * rate``, exact and unrounded. Positive is paid, negative received."""
        rate = self.maker if liquidity is Liquidity.MAKER else self.taker
        return price * quantity * rate
