"""Trades against stretched prices: enters where a close lies far from its recent mean, leaves where it is back.

The z-score of the newest close in its window says how far. Enter long at -entry, short at +entry; leave at the mean.
The position itself tells which of the two is due. A position that its protection has closed is entered again only after the
price was back at its mean. Must not know ids or clocks.
"""

from decimal import Decimal

from trading.bars import BarClosed
from trading.constraints import require_positive
from trading.indicators import ZScore
from trading.messages import AccountFact, BookChanged
from trading.quantities import ZERO, display
from trading.strategy.protection import ProtectedSettings
from trading.strategy.protocol import Bars, View, Wishes
from trading.strategy.targets import Reentry, side_of, toward
from trading.words import Side

__all__ = ["MeanReversion", "MeanReversionSettings"]


class MeanReversionSettings(ProtectedSettings, frozen=True, kw_only=True, tag="mean_reversion"):
    """``entry_deviations``: standard deviations between the mean and a close that is worth trading against."""

    window_bars: Bars
    entry_deviations: Decimal

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(entry_deviations=self.entry_deviations)
        if not 2 <= self.window_bars <= self.warmup_bars:
            raise ValueError(f"2 <= window_bars <= warmup_bars must hold, not {self.window_bars}, {self.warmup_bars}")


class MeanReversion:
    def __init__(self, settings: MeanReversionSettings) -> None:
        self._settings = settings
        self._stretch = ZScore(settings.window_bars)
        self._reentry = Reentry()

    def on_bar(self, bar: BarClosed, view: View) -> Wishes:
        self._stretch.add(bar.close)
        z = self._stretch.value
        if z is None:
            return ()
        for side, is_back in ((Side.BUY, z >= 0), (Side.SELL, z <= 0)):
            if is_back:
                self._reentry.over(side, bar.end_ns)
        if view.position == 0:
            return self._enter(z, view)
        back = z >= 0 if view.position > 0 else z <= 0
        return toward(ZERO, view, f"close back at its mean ({display(z)} deviations)") if back else ()

    def on_book(self, book: BookChanged, view: View) -> Wishes:
        return ()

    def on_fact(self, fact: AccountFact, view: View) -> Wishes:
        return ()

    def _enter(self, z: Decimal, view: View) -> Wishes:
        target = self._entry_target(z)
        if not self._reentry.allows(side_of(target), view):
            return ()
        reason = f"close {display(z)} deviations from its mean"
        return toward(target, view, reason, self._settings.protections(target, view))

    def _entry_target(self, z: Decimal) -> Decimal:
        if z <= -self._settings.entry_deviations:
            return self._settings.quantity
        return -self._settings.quantity if z >= self._settings.entry_deviations else ZERO
