"""Where the resting orders of one symbol stand, and what each public trade offers them. Must not know what an order is,
nor what became of an offer.

All of it follows from two things: the facts that made orders rest, each with its ``since`` (the ``market_sequence`` of
its row), and the market facts after it. What comes at or before ``since`` is ignored, order by order, so an account that
folds its facts first and is shown the market again has the same queues. Own fills change nothing here.

How it is used: whoever keeps the orders calls ``join`` where an order is accepted and rests and ``leave`` where it ends
(both while facts are applied), and ``on_trades`` and ``on_window`` for every push of trades and every window, also while it catches up and
while the book cannot be traded on; only then are the offers of no use. An offer is shared with ``share``.

A window never puts anybody to the front: it can only say that less is there than was believed. One that shows the other
side at or through an order's price offers what is shown there, as trades of that side would, and once: what the window
before it already showed is not offered again.
"""

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, localcontext
from functools import partial
from typing import Literal

import msgspec

from trading.book import Book, displayed, within
from trading.messages import Level, Print, TradesPrinted
from trading.quantities import EXACT, MONEY, ZERO
from trading.queue_models import MakingSettings, Penetrate, Queued, Touch, ahead_after_window
from trading.queue_position import QueuePosition, Trail
from trading.reading import Believed, NumberedPrint, Sweep
from trading.receipts import QueueStep
from trading.words import BUY, SELL, Side

__all__ = ["NOTHING", "Offer", "Offers", "Queues", "Unconsumed", "share"]

Unconsumed = Callable[[Side, Decimal, Decimal], Decimal]
"""``Consumption.available``: what own takers of a side left of the quantity shown at a price."""
Share = tuple[str, Decimal]
"""An order's id, and how much of a trade it may have."""


class Offer(msgspec.Struct, frozen=True, gc=False):
    """What one trade has for own orders: (order_id, available), best price first, then who joined earlier. Each
    availability is exact (rounding down to the instrument's step is up to the receiver) and counts from the whole trade. ``number`` is the
    trade's place in its push, the level's in its window.

    ``shown`` is zero for a print. For what a window shows, it is the whole quantity there, and ``trade`` what own takers
    had left of it; a fill from it is to be remembered as consumed at ``trade.price``, like a taker's.
    """

    number: int
    trade: Print
    shown: Decimal
    among: tuple[Share, ...]


class Offers:
    """What one market fact has for own orders, trade by trade in the order they were printed, each put together when its turn comes.
    ``order_ids`` are those who have a share in any: once they are done, the rest is of no interest."""

    def __init__(self, order_ids: Sequence[str], offers: Callable[[], Iterator[Offer]]) -> None:
        self.order_ids = order_ids
        self._offers = offers

    def __iter__(self) -> Iterator[Offer]:
        return self._offers()


NOTHING = Offers((), lambda: iter(()))
"""The only ones without an order."""


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
    """The queues of one symbol, both sides, under one model. ``tick`` is the instrument's. Without evidence they move the same, and nobody
    can tell afterwards how."""

    def __init__(self, model: MakingSettings, tick: Decimal, *, keeps_evidence: bool = True) -> None:
        self._keeps_evidence = keeps_evidence
        self._model: Queued | None = None if isinstance(model, (Touch, Penetrate)) else model
        self._gap = model.ticks * tick if isinstance(model, (Touch, Penetrate)) else ZERO
        self._positions: dict[str, QueuePosition] = {}
        self._bids: list[QueuePosition] = []
        self._asks: list[QueuePosition] = []

    def join(
        self, order_id: str, side: Side, price: Decimal, ahead: Decimal | None, level: Decimal | None, since: int, at_ns: int,
    ) -> None:
        """An order rests from now on, behind ``ahead``, where ``level`` is displayed (both None: the price is not
        visible). To be at the back: ``book.displayed`` for both. Whoever joins again has left first."""
        assert order_id not in self._positions, f"{order_id} rests already"
        assert (ahead is None) == (level is None), "what is in front is known if the level is"
        joined: Trail[QueueStep] = Trail([QueueStep(since, at_ns, ahead, "joined")])
        edge = price - self._gap if side is BUY else price + self._gap
        position = QueuePosition(order_id, side, price, edge, ahead, level, since, joined, Trail([]), self._keeps_evidence)
        self._positions[order_id] = position
        insort(self._bids if side is BUY else self._asks, position, key=_worst_last)

    def leave(self, order_id: str) -> None:
        """It ended. One that does not rest has nothing to leave."""
        position = self._positions.pop(order_id, None)
        if position is not None:
            self._bids = [each for each in self._bids if each is not position]
            self._asks = [each for each in self._asks if each is not position]

    def start_over(self, since: int) -> None:
        """Every order is where it joined; what happened up to ``since`` is not known."""
        for position in self._positions.values():
            joined = position.steps.kept[0]
            position.ahead = position.level = joined.ahead
            position.traded, position.met, position.since = ZERO, (), max(position.since, since)
            position.steps, position.listed, position.unlisted = Trail([joined]), Trail([]), []

    def position(self, order_id: str) -> QueuePosition | None:
        """For reading; None if it does not rest."""
        return self._positions.get(order_id)

    # ------------------------------------------------------------------------------------------------ trades

    def on_trades(self, fact: TradesPrinted, believed: Believed) -> Offers:
        """Move the queues on, and say what each trade that reaches anybody offers. ``believed`` are the trades of the fact that count."""
        if not self._positions:
            return NOTHING
        bids, asks = self._bids, self._asks
        sold, bought = believed.sweeps
        given: list[_Given] = []
        if sold is not None and bids and sold.reach <= bids[0].edge:
            given += self._met_by(fact, sold, [each for each in bids if sold.reach <= each.edge])
        if bought is not None and asks and bought.reach >= asks[0].edge:
            given += self._met_by(fact, bought, [each for each in asks if bought.reach >= each.edge])
        return Offers([name for name, _ in given], partial(_trade_by_trade, believed.prints, given)) if given else NOTHING

    def _met_by(self, fact: TradesPrinted, sweep: Sweep, reached: list[QueuePosition]) -> Iterator["_Given"]:
        """What it has for the orders that it reaches, best price first."""
        for position in reached:
            if fact.sequence > position.since:
                quantities = self._quantities(position, fact, sweep)
                if quantities:
                    yield position.order_id, quantities

    def _quantities(self, position: QueuePosition, fact: TradesPrinted, sweep: Sweep) -> dict[int, Decimal]:
        if self._model is None:
            return _met(position, fact, sweep.prints)
        return {} if position.withstands(fact, sweep) else _pressed(position, fact, sweep.prints)

    # ------------------------------------------------------------------------------------------------ windows

    def on_window(self, window: Book, unconsumed: Unconsumed | None = None) -> Offers:
        """Move the queues on, and say what the window offers. One that cannot be traded on says nothing. ``unconsumed`` limits what it
        offers, not how queues move."""
        if not self._positions or not window.usable:
            return NOTHING
        offers: list[Offer] = []
        with localcontext(MONEY):
            for side, resting, opposite in ((BUY, self._bids, window.asks), (SELL, self._asks, window.bids)):
                if resting and self._crosses(window, side, opposite[0][0], resting):
                    concerned = [each for each in resting if window.sequence > each.since]
                    offers += self._crossing(window, side, opposite, concerned, unconsumed)
                    for position in concerned:
                        position.met = _within_price(position, opposite)
        return Offers([name for offer in offers for name, _ in offer.among], partial(iter, offers)) if offers else NOTHING

    def _crosses(self, window: Book, side: Side, best: Decimal, resting: list[QueuePosition]) -> bool:
        """True if the other side, whose best price is given, is or was at or through the price of any."""
        crosses = False
        for position in resting:
            if window.sequence > position.since:
                if self._model is not None:
                    _look(position, window, self._model)
                crosses = crosses or bool(position.met) or within(side, position.price, best)
        return crosses

    def _crossing(
        self, window: Book, side: Side, opposite: tuple[Level, ...], concerned: list[QueuePosition], unconsumed: Unconsumed | None,
    ) -> Iterator[Offer]:
        """What is new of the other side at or through the prices. Nobody is in front any more: no window shows both
        sides at one price."""
        fresh = [_fresh(position, opposite) for position in concerned]
        for position, found in zip(concerned, fresh, strict=True):
            if found:
                position.meet(window, [(number, Print(*opposite[number], side.opposite)) for number in found])
        for number in sorted({number for found in fresh for number in found}):
            price, shown = opposite[number]
            free = shown if unconsumed is None else unconsumed(side, price, shown)
            if free > 0:
                reached = zip(concerned, fresh, strict=True)
                among = [(position.order_id, min(found[number], free)) for position, found in reached if number in found]
                yield Offer(number, Print(price, free, side.opposite), shown, tuple(among))


def _fresh(position: QueuePosition, opposite: tuple[Level, ...]) -> dict[int, Decimal]:
    """What of the other side the window before did not show, by the number of the level."""
    before, side, edge = dict(position.met), position.side, position.edge
    levels = enumerate(_within_price(position, opposite))
    left = {number: shown - before.get(price, ZERO) for number, (price, shown) in levels if within(side, edge, price)}
    return {number: quantity for number, quantity in left.items() if quantity > 0}


_Given = tuple[str, dict[int, Decimal]]
"""An order's id, and what each trade has for it, by the number of the trade in its push."""


def _trade_by_trade(prints: tuple[Print, ...], given: list[_Given]) -> Iterator[Offer]:
    if len(given) == 1:  # as nearly always
        name, quantities = given[0]
        yield from (Offer(number, prints[number], ZERO, ((name, quantity),)) for number, quantity in quantities.items())
    else:
        for number in sorted({number for _, quantities in given for number in quantities}):
            among = tuple([(name, quantities[number]) for name, quantities in given if number in quantities])
            yield Offer(number, prints[number], ZERO, among)


def _met(position: QueuePosition, fact: TradesPrinted, trades: tuple[NumberedPrint, ...]) -> dict[int, Decimal]:
    """Without a queue each trade at the edge or through it is the order's."""
    edge, buys = position.edge, position.side is BUY
    reaching = [each for each in trades if (each[1].price <= edge if buys else each[1].price >= edge)]
    offered = {number: trade.quantity for number, trade in reaching}
    position.meet(fact, reaching)
    return offered


def _pressed(position: QueuePosition, fact: TradesPrinted, trades: tuple[NumberedPrint, ...]) -> dict[int, Decimal]:
    """Take the trades that reach a queued order off what is in front; what that leaves of each is the order's. One step stands for all of
    them: what the last one did."""
    price, ahead, buys = position.price, position.ahead, position.side is BUY
    cause: Literal["trade", "through"] | None = None
    offered: dict[int, Decimal] = {}
    reaching = [each for each in trades if (each[1].price <= price if buys else each[1].price >= price)]
    for number, trade in reaching:
        left = trade.quantity
        if trade.price == price:
            position.traded = EXACT.add(position.traded, left)
            if ahead is None:
                continue
            if ahead:
                left, cause = EXACT.subtract(left, ahead), "trade"
                ahead = left.copy_negate() if left < 0 else ZERO
        elif ahead is None or ahead:
            ahead, cause = ZERO, "through"
        if left > 0:
            offered[number] = left
    position.meet(fact, reaching)
    if cause is not None:
        position.move(fact, ahead, cause)
    return offered


def _look(position: QueuePosition, window: Book, model: Queued) -> None:
    """Compare the queue with what a window shows at its price. The first window that shows it counts whole: who of it
    came later is not known."""
    shown = displayed(window, position.side, position.price)
    if shown is None:
        return
    ahead, level = position.ahead, position.level
    if ahead is None or level is None:
        left = shown if ahead is None else ahead
    else:
        left = ahead_after_window(model, ahead, level, position.traded, shown)
    position.level, position.traded = shown, ZERO
    if left != ahead:
        position.move(window, left, "window")


def _within_price(position: QueuePosition, levels: tuple[Level, ...]) -> tuple[Level, ...]:
    count = 0
    while count < len(levels) and within(position.side, position.price, levels[count][0]):
        count += 1
    return levels[:count]


def _worst_last(position: QueuePosition) -> Decimal:
    return -position.price if position.side is BUY else position.price
