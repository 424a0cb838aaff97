"""One resting order's place in the queue, and the trail of how it came there. Must not know models, nor what becomes of an offer."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Generic, Literal, TypeVar

import msgspec

from trading.book import Book
from trading.messages import Level, TradesPrinted
from trading.quantities import EXACT, ZERO
from trading.reading import NumberedPrint, Sweep
from trading.words import Side

__all__ = ["KEPT", "Hit", "Meeting", "QueuePosition", "Step", "Trail"]

KEPT = 32
"""Of each trail: the first and the newest 31."""

Cause = Literal["joined", "trade", "window", "through"]
T = TypeVar("T")


class Step(msgspec.Struct, frozen=True, gc=False):
    """A market fact changed what is in front. ``through``: a trade went through the price, nothing can be in front any more."""

    market_sequence: int
    at_ns: int
    ahead: Decimal | None
    cause: Cause


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A trade that reached the price, or the other side shown there; ``offered`` is what was left of it behind the queue."""

    market_sequence: int
    at_ns: int
    price: Decimal
    quantity: Decimal
    offered: Decimal


class Meeting(msgspec.Struct, frozen=True, gc=False):
    """What of one market fact reached an order; ``offered`` by the number of the trade, where anything was left."""

    fact: Book | TradesPrinted
    trades: Sequence[NumberedPrint]
    offered: dict[int, Decimal]

    def parted(self, until: int) -> tuple["Meeting", "Meeting"]:
        """The trades up to this number, and those behind it."""
        count = sum([number <= until for number, _ in self.trades])
        return Meeting(self.fact, self.trades[:count], self.offered), Meeting(self.fact, self.trades[count:], self.offered)


class Trail(msgspec.Struct, Generic[T]):
    """The first and the newest of a series; ``dropped`` counts those between them that are forgotten."""

    kept: list[T]
    dropped: int = 0

    def extend(self, items: list[T]) -> None:
        self.kept += items
        if len(self.kept) > KEPT:
            self.dropped += len(self.kept) - KEPT
            del self.kept[1 : 1 - KEPT]


class QueuePosition(msgspec.Struct):
    """One resting order. ``ahead`` (base coin) is in front of it at its price, None while that price was never visible;
    the models without a queue leave it as it was on joining. ``level`` was last shown there, ``traded`` has traded there
    since. A trade at ``edge`` or through it concerns the order: it is the price, or as far beyond it as the model demands. ``met``: the
    levels of the other side, at the price or better, that the last window showed. Numbers are exact but not canonical."""

    order_id: str
    side: Side
    price: Decimal
    edge: Decimal
    ahead: Decimal | None
    level: Decimal | None
    since: int
    steps: Trail[Step]
    listed: Trail[Hit]
    traded: Decimal = ZERO
    met: tuple[Level, ...] = ()
    unlisted: list[Meeting] = []

    def move(self, fact: Book | TradesPrinted, ahead: Decimal | None, cause: Cause) -> None:
        """One step for each market fact."""
        self.ahead = ahead
        self.steps.extend([Step(fact.sequence, fact.at_ns, ahead, cause)])

    def withstands(self, fact: TradesPrinted, sweep: Sweep) -> bool:
        """True if the sweep, all of it at the order's price, leaves something of what is in front; then it is taken off."""
        ahead, quantity = self.ahead, sweep.at_one_price
        if not ahead or quantity is None or ahead <= quantity or sweep.reach != self.price:
            return False
        self.traded = EXACT.add(self.traded, quantity)
        self.move(fact, EXACT.subtract(ahead, quantity), "trade")
        self.meet(Meeting(fact, sweep.prints, {}))
        return True

    def meet(self, meeting: Meeting) -> None:
        """To be listed when somebody asks, or when there are too many."""
        self.unlisted.append(meeting)
        if len(self.unlisted) > KEPT:
            self._list(self.unlisted)
            self.unlisted = []

    def hits(self, until: int | None = None) -> Trail[Hit]:
        """What reached the order; of the newest market fact only the trades up to this number."""
        if self.unlisted:
            meetings, self.unlisted = self.unlisted, []
            if until is not None and meetings[-1].trades[-1][0] > until:
                meetings[-1], later = meetings[-1].parted(until)
                self.unlisted.append(later)
            self._list(meetings)
        return self.listed

    def _list(self, meetings: list[Meeting]) -> None:
        for each in meetings:
            sequence, at_ns, offered = each.fact.sequence, each.fact.at_ns, each.offered
            self.listed.extend([Hit(sequence, at_ns, one.price, one.quantity, offered.get(number, ZERO)) for number, one in each.trades])
