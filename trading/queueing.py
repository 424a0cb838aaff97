"""Where the resting orders of one symbol stand, and what each public trade offers them. Must not know what an order is,
nor what became of an offer.

All of it follows from two things: the facts that made orders rest, each with its ``since`` (the ``market_sequence`` of
its row), and the market facts after it. What comes at or before ``since`` is ignored, order by order, so an account that
folds its facts first and is shown the market again has the same queues. Own fills change nothing here.

How it is used: whoever keeps the orders calls ``join`` where an order is accepted and rests and ``leave`` where it ends
(both while facts are applied), and ``on_market`` for every book and trade, also while it catches up and while the book
cannot be traded on; only then are the offers of no use. An offer is shared with ``share``.

A window never puts anybody to the front: it can only say that less is there than was believed. One that shows the other
side at or through an order's price offers what is shown there, as trades of that side would, and once: what the window
before it already showed is not offered again.
"""

from bisect import insort
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from typing import Generic, Literal, NamedTuple, TypeVar

import msgspec

from trading.book import displayed, fault_of, within
from trading.messages import BookChanged, Level, Print, TradesPrinted
from trading.quantities import MONEY, ZERO
from trading.queue_models import MakingSettings, Penetrate, Queued, Touch, ahead_after_window
from trading.words import Side

__all__ = ["Hit", "Offer", "QueuePosition", "Queues", "Step", "Trail", "Unconsumed", "share"]

KEPT = 32
"""Of each trail: the first and the newest 31."""
NO_BID, NO_ASK = Decimal("-Infinity"), Decimal("Infinity")
"""No trade is at these prices or through them."""

Cause = Literal["joined", "trade", "window", "through"]
Unconsumed = Callable[[Side, Decimal, Decimal], Decimal]
"""``Consumption.available``: what own takers of a side left of the quantity shown at a price."""
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


class Trail(msgspec.Struct, Generic[T]):
    """The first and the newest of a series; ``dropped`` counts those between them that are forgotten."""

    kept: list[T]
    dropped: int = 0

    def add(self, item: T) -> None:
        self.kept.append(item)
        if len(self.kept) > KEPT:
            del self.kept[1]
            self.dropped += 1


class QueuePosition(msgspec.Struct):
    """One resting order. ``ahead`` (base coin) is in front of it at its price, None while that price was never visible;
    the models without a queue leave it as it was on joining. ``level`` was last shown there, ``traded`` has traded there
    since. ``met``: the levels of the other side, at the price or better, that the last window showed. Numbers are exact
    but not canonical."""

    order_id: str
    side: Side
    price: Decimal
    ahead: Decimal | None
    level: Decimal | None
    since: int
    steps: Trail[Step]
    hits: Trail[Hit]
    traded: Decimal = ZERO
    met: tuple[Level, ...] = ()


class Offer(NamedTuple):
    """What one trade has for own orders: (order_id, available), best price first, then who joined earlier. Each
    availability is exact (rounding down to the instrument's step is up to the receiver) and counts from the whole trade.

    ``shown`` is zero for a print. For what a window shows, it is the whole quantity there, and ``trade`` what own takers
    had left of it; a fill from it is to be remembered as consumed at ``trade.price``, like a taker's.
    """

    trade: Print
    shown: Decimal
    among: tuple[tuple[str, Decimal], ...]


def share(offer: Offer, leaves: Callable[[str], Decimal]) -> Iterator[tuple[str, Decimal]]:
    """How much of one trade each order may have; the trade's quantity is given once.

    ``leaves`` is what an order can still take, zero once it is closed. It is asked before and after an order had its
    turn: what an order took is gone for those behind it, what it declined is not. One that is closed in its turn counts
    as if it took all it was offered.
    """
    taken = ZERO
    for order_id, available in offer.among:
        before = leaves(order_id)
        quantity = min(available - taken, before)
        if quantity > 0:
            yield order_id, quantity
            taken += min(quantity, before - leaves(order_id))


class Queues:
    """The queues of one symbol, both sides, under one model. ``tick`` is the instrument's."""

    def __init__(self, model: MakingSettings, tick: Decimal) -> None:
        self._model: Queued | None = None if isinstance(model, (Touch, Penetrate)) else model
        self._gap = model.ticks * tick if isinstance(model, (Touch, Penetrate)) else ZERO
        self._positions: dict[str, QueuePosition] = {}
        self._resting: dict[Side, list[QueuePosition]] = {side: [] for side in Side}

    def join(
        self, order_id: str, side: Side, price: Decimal, ahead: Decimal | None, level: Decimal | None, since: int, at_ns: int,
    ) -> None:
        """An order rests from now on, behind ``ahead``, where ``level`` is displayed (both None: the price is not
        visible). To be at the back: ``book.displayed`` for both. Whoever joins again has left first."""
        assert order_id not in self._positions, f"{order_id} rests already"
        assert (ahead is None) == (level is None), "what is in front is known if the level is"
        joined: Trail[Step] = Trail([Step(since, at_ns, ahead, "joined")])
        position = QueuePosition(order_id, side, price, ahead, level, since, joined, Trail([]))
        self._positions[order_id] = position
        insort(self._resting[side], position, key=_worst_last)

    def leave(self, order_id: str) -> None:
        """It ended. One that does not rest has nothing to leave."""
        position = self._positions.pop(order_id, None)
        if position is not None:
            self._resting[position.side] = [each for each in self._resting[position.side] if each is not position]

    def start_over(self, since: int) -> None:
        """Every order is where it joined; what happened up to ``since`` is not known."""
        for position in self._positions.values():
            joined = position.steps.kept[0]
            position.ahead = position.level = joined.ahead
            position.traded, position.met, position.since = ZERO, (), max(position.since, since)
            position.steps, position.hits = Trail([joined]), Trail([])

    def position(self, order_id: str) -> QueuePosition | None:
        """For reading; None if it does not rest."""
        return self._positions.get(order_id)

    def on_market(self, fact: TradesPrinted | BookChanged, unconsumed: Unconsumed | None = None) -> tuple[Offer, ...]:
        """Move the queues on, and say what the fact offers, one offer for each trade that reaches anybody.

        ``unconsumed`` limits what a window offers, not how queues move. A window that cannot be traded on says nothing.
        """
        if not self._positions:
            return ()
        if isinstance(fact, TradesPrinted):
            return self._on_trades(fact)
        if fault_of(fact.bids, fact.asks):
            return ()
        with localcontext(MONEY):
            return self._on_window(fact, unconsumed)

    # ------------------------------------------------------------------------------------------------ trades

    def _on_trades(self, fact: TradesPrinted) -> tuple[Offer, ...]:
        bids, asks, seller = self._resting[Side.BUY], self._resting[Side.SELL], Side.SELL
        bid, ask = bids[0].price if bids else NO_BID, asks[0].price if asks else NO_ASK
        reaching = [each for each in fact.prints if (each.price <= bid if each.aggressor is seller else each.price >= ask)]
        if not reaching:
            return ()
        with localcontext(MONEY):
            offers = [Offer(trade, ZERO, self._among(fact, trade, bids if trade.aggressor is seller else asks)) for trade in reaching]
        return tuple([each for each in offers if each.among])

    def _among(self, fact: TradesPrinted, trade: Print, resting: list[QueuePosition]) -> tuple[tuple[str, Decimal], ...]:
        """What a trade has for each order that it reaches, best price first."""
        price, buys = trade.price, trade.aggressor is Side.SELL
        among = []
        for position in resting:
            if price > position.price if buys else price < position.price:
                break
            if fact.sequence > position.since:
                offered = self._offered(position, fact, trade)
                position.hits.add(Hit(fact.sequence, fact.at_ns, price, trade.quantity, offered))
                if offered:
                    among.append((position.order_id, offered))
        return tuple(among)

    def _offered(self, position: QueuePosition, fact: TradesPrinted, trade: Print) -> Decimal:
        """Take a trade off the queue in front; what it leaves of the trade is the order's."""
        ahead, quantity = position.ahead, trade.quantity
        if self._model is None:
            return quantity if self._reaches(position, trade.price) else ZERO
        if trade.price != position.price:
            if ahead is None or ahead:
                _move(position, fact, ZERO, "through")
            return quantity
        position.traded += quantity
        if ahead is None:
            return ZERO
        if not ahead:
            return quantity
        left = quantity - ahead
        _move(position, fact, ZERO if left >= 0 else -left, "trade")
        return left if left > 0 else ZERO

    def _reaches(self, position: QueuePosition, price: Decimal) -> bool:
        """True if a price is as far through the position's as the model demands."""
        through = position.price - price if position.side is Side.BUY else price - position.price
        return through >= self._gap

    # ------------------------------------------------------------------------------------------------ windows

    def _on_window(self, fact: BookChanged, unconsumed: Unconsumed | None) -> tuple[Offer, ...]:
        offers: list[Offer] = []
        for side, opposite in ((Side.BUY, fact.asks), (Side.SELL, fact.bids)):
            concerned = [each for each in self._resting[side] if fact.sequence > each.since]
            if self._model is not None:
                for position in concerned:
                    _look(position, fact, self._model)
            if any(each.met or within(side, each.price, opposite[0][0]) for each in concerned):
                offers += self._crossing(fact, side, opposite, concerned, unconsumed)
                for position in concerned:
                    position.met = _within_price(position, opposite)
        return tuple(offers)

    def _crossing(
        self, fact: BookChanged, side: Side, opposite: tuple[Level, ...], concerned: list[QueuePosition],
        unconsumed: Unconsumed | None,
    ) -> Iterator[Offer]:
        """What is new of the other side at or through the prices. Nobody is in front any more: no window shows both
        sides at one price."""
        met = [dict(position.met) for position in concerned]
        for price, shown in opposite:
            if not within(side, concerned[0].price, price):
                return
            free = shown if unconsumed is None else unconsumed(side, price, shown)
            among = []
            for position, before in zip(concerned, met, strict=True):
                if not within(side, position.price, price):
                    break
                fresh = shown - before.get(price, ZERO)
                if fresh > 0 and self._reaches(position, price):
                    position.hits.add(Hit(fact.sequence, fact.at_ns, price, shown, fresh))
                    if free > 0:
                        among.append((position.order_id, min(fresh, free)))
            if among:
                yield Offer(Print(price, free, side.opposite), shown, tuple(among))


def _look(position: QueuePosition, fact: BookChanged, model: Queued) -> None:
    """Compare the queue with what a window shows at its price. The first window that shows it counts whole: who of it
    came later is not known."""
    shown = displayed(fact, position.side, position.price)
    if shown is None:
        return
    ahead, level = position.ahead, position.level
    if ahead is None or level is None:
        left = shown if ahead is None else ahead
    else:
        left = ahead_after_window(model, ahead, level, position.traded, shown)
    position.level, position.traded = shown, ZERO
    if left != ahead:
        _move(position, fact, left, "window")


def _move(position: QueuePosition, fact: BookChanged | TradesPrinted, ahead: Decimal, cause: Cause) -> None:
    """One step for each market fact: what its last trade did stands for all of them."""
    position.ahead = ahead
    step, steps = Step(fact.sequence, fact.at_ns, ahead, cause), position.steps
    if steps.kept[-1].market_sequence == fact.sequence:
        steps.kept[-1] = step
    else:
        steps.add(step)


def _within_price(position: QueuePosition, levels: tuple[Level, ...]) -> tuple[Level, ...]:
    count = 0
    while count < len(levels) and within(position.side, position.price, levels[count][0]):
        count += 1
    return levels[:count]


def _worst_last(position: QueuePosition) -> Decimal:
    return -position.price if position.side is Side.BUY else position.price
