"""The settings that protect a strategy's position, and the orders that they mean. Must not know when a position is wanted."""

from decimal import Decimal

from trading.quantities import BASIS_POINTS, EXACT
from trading.strategy.protocol import Protection, StrategySettings, View
from trading.strategy.targets import side_of
from trading.words import OrderType

__all__ = ["ProtectedSettings"]

WIDEST_BPS = Decimal(5_000)
"""What the simulated venue takes as a trailing distance at most; nobody protects farther away."""


class ProtectedSettings(StrategySettings, frozen=True, kw_only=True):
    """Distances in basis points of the middle price when the position is decided on; 0: no such order. The trailing stop keeps its
    distance from the best price since the position was opened."""

    stop_loss_bps: Decimal
    take_profit_bps: Decimal
    trailing_stop_bps: Decimal

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("stop_loss_bps", "take_profit_bps", "trailing_stop_bps"):
            value: Decimal = getattr(self, name)
            if not (value.is_finite() and 0 <= value <= WIDEST_BPS):
                raise ValueError(f"{name} must be from 0 (none) to {WIDEST_BPS}, not {value}")

    def protections(self, target: Decimal, view: View) -> tuple[Protection, ...]:
        """Of a position of this signed size, decided on now; none for no position, nor without a book."""
        if target == 0 or view.mid is None:
            return ()
        return (
            *self._at(OrderType.STOP_MARKET, self.stop_loss_bps, -1, target, view.mid, view),
            *self._at(OrderType.TAKE_PROFIT_MARKET, self.take_profit_bps, 1, target, view.mid, view),
            *self._trailing(target),
        )

    def _at(self, type_: OrderType, away_bps: Decimal, gain: int, target: Decimal, mid: Decimal, view: View) -> tuple[Protection, ...]:
        """``gain`` 1: on the side where the position earns; -1: where it loses. On tick, no better than asked for."""
        if not away_bps:
            return ()
        up = gain if target > 0 else -gain
        price = EXACT.multiply(mid, EXACT.add(1, EXACT.divide(up * away_bps, BASIS_POINTS)))
        return (Protection(
            type=type_, quantity=abs(target), reason=f"{away_bps:f} bps from {mid:f}",
            trigger_price=view.instrument.round_against(side_of(-target), price),
        ),)

    def _trailing(self, target: Decimal) -> tuple[Protection, ...]:
        away_bps = self.trailing_stop_bps
        if not away_bps:
            return ()
        reason = f"{away_bps:f} bps behind the best price"
        return (Protection(type=OrderType.TRAILING_STOP_MARKET, quantity=abs(target), trailing_bps=away_bps, reason=reason),)
