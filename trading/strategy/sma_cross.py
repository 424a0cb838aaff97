"""The default: long while the fast average of closes is above the slow one, short while it is below.

It holds a target rather than waiting for the moment of crossing, so the first bar after warm-up may already trade,
and an order that never came to be is wished again. A flip goes through zero with one MARKET order. A position that its
protection has closed is entered again only after the averages have crossed. Must not know ids or clocks.
"""

from decimal import Decimal

from trading.bars import BarClosed
from trading.indicators import Sma
from trading.messages import AccountFact, BookChanged
from trading.quantities import display
from trading.strategy.protection import ProtectedSettings
from trading.strategy.protocol import Bars, View, Wishes
from trading.strategy.targets import Reentry, side_of, toward

__all__ = ["SmaCross", "SmaCrossSettings"]


class SmaCrossSettings(ProtectedSettings, frozen=True, kw_only=True, tag="sma_cross"):
    """Windows in bars; ``quantity`` is the size of the position held, long or short."""

    fast_bars: Bars
    slow_bars: Bars

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.fast_bars < self.slow_bars <= self.warmup_bars:
            raise ValueError(
                "fast_bars < slow_bars <= warmup_bars must hold, not "
                f"{self.fast_bars}, {self.slow_bars}, {self.warmup_bars}"
            )


class SmaCross:
    def __init__(self, settings: SmaCrossSettings) -> None:
        self._settings = settings
        self._fast = Sma(settings.fast_bars)
        self._slow = Sma(settings.slow_bars)
        self._reentry = Reentry()

    def on_bar(self, bar: BarClosed, view: View) -> Wishes:
        self._fast.add(bar.close)
        self._slow.add(bar.close)
        fast, slow = self._fast.value, self._slow.value
        if fast is None or slow is None or fast == slow:
            return ()
        target = self._settings.quantity if fast > slow else -self._settings.quantity
        self._reentry.over(side_of(-target), bar.end_ns)
        if not self._reentry.allows(side_of(target), view):
            return ()
        return toward(target, view, _reason(fast, slow), self._settings.protections(target, view))

    def on_book(self, book: BookChanged, view: View) -> Wishes:
        return ()

    def on_fact(self, fact: AccountFact, view: View) -> Wishes:
        return ()


def _reason(fast: Decimal, slow: Decimal) -> str:
    word = "above" if fast > slow else "below"
    return f"fast average {display(fast)} {word} slow {display(slow)}"
