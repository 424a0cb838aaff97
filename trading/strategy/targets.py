"""From the position that is held to the one that is wanted, with one order, and what protects it on the way.

Nobody withdraws the protection of a position that is left or flipped: should the new order fail, the position is protected still,
and once it has filled, the venue ends by itself what has nothing to reduce. Must not know why a position is wanted.
"""

from decimal import Decimal

from trading.quantities import EXACT, ZERO
from trading.strategy.protocol import Place, Protection, View, Wishes
from trading.words import Side

__all__ = ["Reentry", "side_of", "toward"]


def side_of(position: Decimal) -> Side:
    """BUY for a long one."""
    return Side.BUY if position > 0 else Side.SELL


def toward(target: Decimal, view: View, reason: str, protect: tuple[Protection, ...] = ()) -> Wishes:
    """The one MARKET order that brings the position to ``target``, also through zero.

    None before the first book, nor while another order is working; what protects a position that is still there is no such order.
    ``protect`` goes with an order that opens a position, or that adds to one without protection. An order that only reduces says so:
    should a protection come first, it must not open the other side.
    """
    change = EXACT.subtract(target, view.position)
    if change == 0 or view.mid is None or not _free(view):
        return ()
    opens = target != 0 and (view.position == 0 or (target > 0) != (view.position > 0))
    adds = not opens and abs(target) > abs(view.position)
    bare = adds and not any(each.protects and not each.canceling for each in view.working)
    order = Place(
        side=side_of(change), quantity=abs(change), reason=reason, reduce_only=not opens and not adds,
        protect=protect if opens or bare else (),
    )
    return (order,)


def _free(view: View) -> bool:
    """True if nothing is working that another order could collide with. Protection of a position that is gone is about to end: it
    must not meet the next one."""
    return all(each.protects for each in view.working) and (view.position != ZERO or not view.working)


class Reentry:
    """After its protection has closed a position, that side is not entered again before the signal for it was over once.

    Told by bars when a side's signal is over, so it is the same whether or not wishes were granted.
    """

    def __init__(self) -> None:
        self._over_at_ns = {Side.BUY: 0, Side.SELL: 0}

    def over(self, side: Side, at_ns: int) -> None:
        """At this instant of event time nothing speaks for a position of this side."""
        self._over_at_ns[side] = at_ns

    def allows(self, side: Side, view: View) -> bool:
        stopped = view.stopped
        return stopped is None or stopped.side is not side or stopped.at_ns < self._over_at_ns[side]
