"""When a resting order's turn comes: the maker models, their settings, and how cancels move a queue.

Must not know orders, trades or books. A session names one model (``{model: prob_power, n: 3}``); from the lenient to the
strict, on the same market each of them fills no more than the one before:

- ``touch``: no queue. Every trade at the price or through it counts.
- ``prob_power``, ``prob_log``: a queue. Trades at the price shorten it; of the cancels a part stood in front.
- ``risk_averse``: a queue that trades alone shorten: every cancel stood behind, as long as enough was there.
- ``penetrate``: no queue. Only trades that many ticks through the price count.
"""

from decimal import ROUND_CEILING, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import lru_cache
from typing import ClassVar

import msgspec

from trading.quantities import EXACT, ZERO, plain

__all__ = [
    "MakingModel", "MakingSettings", "Penetrate", "ProbLog", "ProbPower", "Queued", "RiskAverse", "Touch", "ahead_after_window",
]

ONE = Decimal(1)
CHANCE = Context(prec=28, traps=[InvalidOperation, DivisionByZero, Overflow])
"""For probabilities, whatever the context of the caller: the same digits on every machine."""
QUEUE_DIGITS = Decimal("1e-12")
GREATEST_TICKS = 1_000
GREATEST_N = 100


class MakingModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="model"):
    """Base of all maker models. As text one line, for receipts: ``prob_power(n=3)``."""

    @lru_cache(maxsize=64)  # settings: few, and for good
    def __str__(self) -> str:
        values = msgspec.structs.asdict(self).items()
        fields = ", ".join(f"{name}={plain(each) if isinstance(each, Decimal) else each}" for name, each in values)
        tag = str(self.__struct_config__.tag)
        return f"{tag}({fields})" if fields else tag


class Touch(MakingModel, frozen=True, tag="touch"):
    """As ``penetrate`` with no tick at all."""

    ticks: ClassVar[int] = 0


class Penetrate(MakingModel, frozen=True, tag="penetrate"):
    """``ticks``: how far through the price a trade must be. Raises ValueError."""

    ticks: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.ticks <= GREATEST_TICKS:
            raise ValueError(f"ticks must be from 1 to {GREATEST_TICKS}, not {self.ticks}")


class RiskAverse(MakingModel, frozen=True, tag="risk_averse"):
    def behind(self, front: Decimal, back: Decimal) -> Decimal:
        """The chance that what was canceled stood behind the order, with ``front`` before and ``back`` behind it."""
        return ONE


class ProbPower(MakingModel, frozen=True, tag="prob_power"):
    """``back**n / (back**n + front**n)`` (hftbacktest, PowerProbQueueFunc). The greater ``n``, the more surely a cancel
    is in the longer part; a whole ``n`` is quickest. Raises ValueError."""

    n: Decimal = Decimal(3)

    def __post_init__(self) -> None:
        if not (self.n.is_finite() and 0 < self.n <= GREATEST_N):
            raise ValueError(f"n must be greater than 0 and at most {GREATEST_N}, not {self.n}")

    def behind(self, front: Decimal, back: Decimal) -> Decimal:
        if not back:
            return ZERO
        return CHANCE.divide(ONE, CHANCE.add(ONE, CHANCE.power(CHANCE.divide(front, back), self.n)))


class ProbLog(MakingModel, frozen=True, tag="prob_log"):
    """``ln(1 + back) / (ln(1 + back) + ln(1 + front))`` (hftbacktest, LogProbQueueFunc), quantities in base coin."""

    def behind(self, front: Decimal, back: Decimal) -> Decimal:
        if not back:
            return ZERO
        log_back, log_front = CHANCE.ln(CHANCE.add(ONE, back)), CHANCE.ln(CHANCE.add(ONE, front))
        return CHANCE.divide(log_back, CHANCE.add(log_back, log_front))


Queued = RiskAverse | ProbPower | ProbLog
"""The models with a queue in front of the order."""
MakingSettings = Touch | Penetrate | Queued


def ahead_after_window(model: Queued, ahead: Decimal, level: Decimal, traded: Decimal, shown: Decimal) -> Decimal:
    """What is in front after the level went from ``level`` to ``shown``, ``traded`` of it by trades seen in between.

    Never more than before and never more than is shown. With ``change = level - shown - traded`` canceled, ``p`` the
    chance that it stood behind and ``back = level - ahead`` (hftbacktest, QueuePos of ProbQueueModel):
    ``ahead - (1 - p) * change + min(back - p * change, 0)``. Growth joins behind. There the result may fall below zero,
    which fills orders without a trade; here it ends at zero. Fractions are rounded up to 12 places, against the order.
    """
    if not ahead:
        return ahead
    change = level - shown - traded
    if change > 0:
        back = max(level - ahead, ZERO)
        canceled_behind = CHANCE.multiply(model.behind(ahead, back), change)
        if canceled_behind < back:
            moved = CHANCE.subtract(change, canceled_behind)
            left = EXACT.subtract(ahead, moved).quantize(QUEUE_DIGITS, ROUND_CEILING, EXACT)
            ahead = min(ahead, max(left, ZERO))
        else:
            # The back is used up; the rest came from the front: ahead + back - change, which the trades alone explain.
            ahead = min(ahead, max(ahead + back - change, ZERO))
    return min(ahead, shown)
