"""Rests limit orders on both sides of the mid and moves them along with it: earns the maker's rebate, carries
inventory.

Two ways to follow the market. Without ``amend`` a ladder is withdrawn as a whole when the mid has moved away from where it was
placed, or when part of it is gone (filled, rejected), and the next one is placed when nothing of the old one is working. With
``amend`` each quote that is out of place is moved where it stands, and only what is missing is placed: half the messages, and
quotes on both sides all the time. Either way exposure never doubles, and ``rest_ms`` bounds the number of messages. Must not
know ids or clocks.
"""

from decimal import Decimal
from typing import Annotated

import msgspec

from trading.bars import BarClosed
from trading.constraints import require_positive
from trading.messages import AccountFact, BookChanged
from trading.quantities import EXACT, ZERO
from trading.strategy.protocol import Change, Place, StrategySettings, View, Wishes, Withdraw, Working
from trading.words import Side

__all__ = ["Quoter", "QuoterSettings"]

MILLISECOND_NS = 1_000_000

Ticks = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class QuoterSettings(StrategySettings, frozen=True, kw_only=True, tag="quoter"):
    """``quantity`` is the size of each quote. A side is quoted only as far as ``inventory_max`` (base coin) allows. ``amend``: move
    quotes in place."""

    levels: Annotated[int, msgspec.Meta(ge=1, le=10)]
    offset_ticks: Ticks
    spacing_ticks: Ticks
    requote_ticks: Ticks
    rest_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)]
    inventory_max: Decimal
    amend: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(inventory_max=self.inventory_max)


class Quoter:
    def __init__(self, settings: QuoterSettings) -> None:
        self._settings = settings
        self._anchor: Decimal | None = None
        self._placed = 0
        self._placed_at_ns = 0

    def on_bar(self, bar: BarClosed, view: View) -> Wishes:
        return ()

    def on_book(self, book: BookChanged, view: View) -> Wishes:
        if view.mid is None or view.bid is None or view.ask is None or view.bid >= view.ask or not self._rested(view):
            return ()
        if self._settings.amend:
            return self._moved(view.mid, view.bid, view.ask, view)
        if not view.working:
            return self._ladder(view.mid, view.bid, view.ask, view)
        reason = self._outdated(view.mid, view)
        return _withdraw_all(view, reason) if reason else ()

    def on_fact(self, fact: AccountFact, view: View) -> Wishes:
        return ()

    def _rested(self, view: View) -> bool:
        return view.at_ns - self._placed_at_ns >= self._settings.rest_ms * MILLISECOND_NS

    def _moved(self, mid: Decimal, bid: Decimal, ask: Decimal, view: View) -> Wishes:
        """Each side's quotes, best first, are moved to its levels where they are off by ``requote_ticks``; what is too many is
        withdrawn, what is missing is placed."""
        wishes: list[Place | Change | Withdraw] = []
        for side in Side:
            wanted = [self._quote(side, level, mid, bid, ask, view) for level in range(self._room(side, view.position))]
            present = [each for each in view.working if each.order.side is side]
            staying = sorted((each for each in present if not each.canceling), key=_distance)
            wishes += (_change(quote, each) for each, quote in zip(staying, wanted, strict=False) if self._is_off(each, quote, view))
            wishes += (_withdraw(each, "inventory limit") for each in staying[len(wanted):])
            wishes += wanted[len(present):]
        if wishes:
            self._placed_at_ns = view.at_ns
        return tuple(wishes)

    def _is_off(self, quoted: Working, wanted: Place, view: View) -> bool:
        """What is not in the book yet, or is being moved already, is left alone."""
        if not quoted.resting or quoted.amending or quoted.order.price is None or wanted.price is None:
            return False
        away = EXACT.divide(abs(EXACT.subtract(quoted.order.price, wanted.price)), view.instrument.tick)
        return away >= self._settings.requote_ticks

    def _outdated(self, mid: Decimal, view: View) -> str:
        """Why the ladder has to go; empty while it may stay. Orders of an earlier life have no anchor: they go."""
        if self._anchor is None:
            return "quotes of an earlier life"
        moved = EXACT.divide(abs(EXACT.subtract(mid, self._anchor)), view.instrument.tick)
        if moved >= self._settings.requote_ticks:
            return f"mid moved {moved:f} ticks"
        return "ladder incomplete" if len(view.working) < self._placed else ""

    def _ladder(self, mid: Decimal, bid: Decimal, ask: Decimal, view: View) -> Wishes:
        quotes = [
            self._quote(side, level, mid, bid, ask, view)
            for side in Side
            for level in range(self._room(side, view.position))
        ]
        self._anchor, self._placed, self._placed_at_ns = mid, len(quotes), view.at_ns
        return tuple(quotes)

    def _room(self, side: Side, position: Decimal) -> int:
        """How many levels of this side the inventory allows."""
        held = position if side is Side.BUY else -position
        levels = EXACT.divide_int(EXACT.subtract(self._settings.inventory_max, held), self._settings.quantity)
        return max(0, min(self._settings.levels, int(levels)))

    def _quote(self, side: Side, level: int, mid: Decimal, bid: Decimal, ask: Decimal, view: View) -> Place:
        """Never better than the best price of its own side's touch, so that post_only does not cross."""
        ticks = self._settings.offset_ticks + level * self._settings.spacing_ticks
        distance = EXACT.multiply(view.instrument.tick, Decimal(ticks))
        buying = side is Side.BUY
        price = min(EXACT.subtract(mid, distance), bid) if buying else max(EXACT.add(mid, distance), ask)
        return Place(
            side=side,
            quantity=self._settings.quantity,
            price=view.instrument.round_for(side, price),
            post_only=True,
            reason=f"quote {level + 1} at {ticks} ticks from mid",
        )


def _withdraw_all(view: View, reason: str) -> Wishes:
    return tuple(_withdraw(each, reason) for each in view.working if not each.canceling)


def _withdraw(quoted: Working, reason: str) -> Withdraw:
    return Withdraw(client_order_id=quoted.order.client_order_id, reason=reason)


def _change(wanted: Place, quoted: Working) -> Change:
    return Change(client_order_id=quoted.order.client_order_id, price=wanted.price, reason=wanted.reason)


def _distance(quoted: Working) -> Decimal:
    """Best price first: the highest BUY, the lowest SELL."""
    price = quoted.order.price or ZERO
    return -price if quoted.order.side is Side.BUY else price
