"""One resting order's place in the queue, and the trail of how it came there, as its receipts tell it. Must not know models, nor what
becomes of an offer.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Generic, Literal, TypeVar

import msgspec

from trading.book import Book
from trading.messages import Level, TradesPrinted
from trading.quantities import EXACT, ZERO, canonical
from trading.reading import NumberedPrint, Sweep
from trading.receipts import Consumed, QueueStep
from trading.words import Side

__all__ = ["KEPT", "QueuePosition", "Trail"]

KEPT = 32
"""Of each trail: the first and the newest 31."""

Cause = Literal["joined", "trade", "window", "through"]
T = TypeVar("T")


class Meeting(msgspec.Struct, frozen=True, gc=False):
    """What of one market fact reached an order."""

    market_sequence: int
    trades: Sequence[NumberedPrint]

    def parted(self, until: int) -> tuple["Meeting", "Meeting"]:
        """The trades up to this number, and those behind it."""
        count = sum([number <= until for number, _ in self.trades])
        return Meeting(self.market_sequence, self.trades[:count]), Meeting(self.market_sequence, self.trades[count:])


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
    levels of the other side, at the price or better, that the last window showed. Numbers are exact; canonical only in the trails."""

    order_id: str
    side: Side
    price: Decimal
    edge: Decimal
    ahead: Decimal | None
    level: Decimal | None
    since: int
    steps: Trail[QueueStep]
    listed: Trail[Consumed]
    keeps_evidence: bool
    traded: Decimal = ZERO
    met: tuple[Level, ...] = ()
    unlisted: list[Meeting] = []

    def move(self, fact: Book | TradesPrinted, ahead: Decimal | None, cause: Cause) -> None:
        """One step for each market fact."""
        self.ahead = ahead
        if self.keeps_evidence:
            self.steps.extend([QueueStep(fact.sequence, fact.at_ns, None if ahead is None else canonical(ahead), cause)])

    def withstands(self, fact: TradesPrinted, sweep: Sweep) -> bool:
        """True if the sweep, all of it at the order's price, leaves something of what is in front; then it is taken off."""
        ahead, quantity = self.ahead, sweep.at_one_price
        if not ahead or quantity is None or ahead <= quantity or sweep.reach != self.price:
            return False
        self.traded = EXACT.add(self.traded, quantity)
        self.move(fact, EXACT.subtract(ahead, quantity), "trade")
        self.meet(fact, sweep.prints)
        return True

    def meet(self, fact: Book | TradesPrinted, trades: Sequence[NumberedPrint]) -> None:
        """To be listed when somebody asks, or when there are too many."""
        if self.keeps_evidence:
            self.unlisted.append(Meeting(fact.sequence, trades))
        if len(self.unlisted) > KEPT:
            self._list(self.unlisted)
            self.unlisted = []

    def consumed_by(self, until: int | None = None) -> Trail[Consumed]:
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
            sequence = each.market_sequence
            self.listed.extend([Consumed(sequence, canonical(one.price), canonical(one.quantity)) for _, one in each.trades])
