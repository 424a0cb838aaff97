"""hftbacktest's estimate of the queue in front of one order, reckoned again from the tape, to prove where it leaves the possible.

Its probabilistic models share a cancel out between front and back, and the front's share may be more than is there: the estimate falls
below zero. Then the next trade fills more than it traded, or ``prob_log`` takes the logarithm of a negative number, and its order waits
until a trade goes through the price. Formulas: hftbacktest 2.4, ``ProbQueueModel``. Must not know our own models.
"""

import math
from collections.abc import Callable

from benchmarks.realism.random_orders import Ask
from benchmarks.realism.recorded_market import RecordedMarket
from trading.book import displayed
from trading.messages import BookChanged, TradesPrinted

__all__ = ["POWER", "falls_below_zero"]

POWER = 3.0
"""The ``n`` of prob_power on both sides."""
PROBABILITIES: dict[str, Callable[[float, float], float]] = {
    "prob_power": lambda front, back: back**POWER / (back**POWER + front**POWER),
    "prob_log": lambda front, back: math.log1p(back) / (math.log1p(back) + math.log1p(front)),
}


def falls_below_zero(market: RecordedMarket, ask: Ask, model: str, rested_ns: int, until_ns: int) -> bool:
    """True if a window brings the estimate of that model below zero while the order rests."""
    book, probability = market.book_at(rested_ns), PROBABILITIES.get(model)
    if book is None or ask.price is None or probability is None:
        return False
    front = level = float(displayed(book, ask.side, ask.price) or 0)
    traded = 0.0
    for fact in market.between(rested_ns, until_ns):
        if fact.at_ns <= rested_ns:
            continue
        if isinstance(fact, TradesPrinted):
            here = sum(float(each.quantity) for each in fact.prints if each.aggressor is not ask.side and each.price == ask.price)
            front, traded = max(front - here, 0.0), traded + here
        elif isinstance(fact, BookChanged) and (shown := displayed(fact, ask.side, ask.price)) is not None and float(shown) != level:
            change, back = level - float(shown) - traded, level - front
            level, traded = float(shown), 0.0
            if change >= 0 and front > 0:
                behind = probability(front, max(back, 0.0)) * change
                front += min(back - behind, 0.0) - (change - behind)
                if front < 0:
                    return True
            front = min(front, level)
    return False
