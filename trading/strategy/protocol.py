"""What a strategy is: it is shown bars, books and account facts, and says what it wants.

A strategy owns neither ids nor clocks nor sockets; the trader stamps its wishes and turns them into intents. To write
one: a settings type derived from :class:`StrategySettings`, a class with the four members of :class:`Strategy`, one
row in ``registry.py``. Must not know any particular strategy.
"""

from decimal import Decimal
from typing import Annotated, Protocol, TypeAlias

import msgspec

from trading.bars import BarClosed, parse_interval
from trading.constraints import require_positive
from trading.messages import AccountFact, BookChanged, SubmitOrder
from trading.quantities import EXACT, Instrument
from trading.words import Side

__all__ = ["Bars", "Place", "Strategy", "StrategySettings", "View", "Wishes", "Withdraw", "Working", "toward"]

Bars = Annotated[int, msgspec.Meta(ge=1, le=1000)]
"""A number of bars."""


class StrategySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="strategy"):
    """What every strategy is told; the key ``strategy`` names it. ``quantity`` in base coin.

    ``report_latency_ms``: how much later than its own event time an account fact counts as heard. As long as facts
    really arrive faster than that, decisions depend on the market alone and not on the scheduling of processes.
    ``denial_pause_bars``: bars to wait with new orders after the risk gate denied one, or the venue rejected it.
    """

    warmup_bars: Bars
    bar_interval: str
    quantity: Decimal
    report_latency_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    denial_pause_bars: Annotated[int, msgspec.Meta(ge=0, le=1000)]

    def __post_init__(self) -> None:
        parse_interval(self.bar_interval)
        require_positive(quantity=self.quantity)

    @property
    def name(self) -> str:
        """The literal that names the strategy in its configuration file, and its orders' ``strategy_id``."""
        return str(self.__struct_config__.tag)

    @property
    def interval_ns(self) -> int:
        return parse_interval(self.bar_interval)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """I want this order: MARKET without a price, LIMIT with one."""

    side: Side
    quantity: Decimal
    reason: str
    price: Decimal | None = None
    post_only: bool = False
    reduce_only: bool = False


class Withdraw(msgspec.Struct, frozen=True, kw_only=True):
    """I no longer want that order."""

    client_order_id: str
    reason: str


Wishes: TypeAlias = tuple[Place | Withdraw, ...]


class Working(msgspec.Struct, frozen=True):
    """An own order that is not over: on its way, or resting. ``canceling`` once its end has been asked for."""

    order: SubmitOrder
    leaves: Decimal
    canceling: bool = False


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What may be known at the moment of a decision. ``position`` is signed; ``bid`` and ``ask`` are None before the
    first book, or when that side of it is empty."""

    instrument: Instrument
    at_ns: int
    position: Decimal
    working: tuple[Working, ...]
    bid: Decimal | None
    ask: Decimal | None

    @property
    def mid(self) -> Decimal | None:
        if self.bid is None or self.ask is None:
            return None
        return EXACT.divide(EXACT.add(self.bid, self.ask), Decimal(2))


class Strategy(Protocol):
    """Called by the trader for one symbol, in the order of events.

    ``on_bar`` sees every closed bar, also while its wishes cannot be granted (warm-up, untrusted data, draining):
    decide from the view, never from what was wished before. ``on_book`` is called only when wishes are granted.
    ``on_fact`` sees the account facts about own orders, after the view has taken them in.
    """

    def on_bar(self, bar: BarClosed, view: View) -> Wishes: ...

    def on_book(self, book: BookChanged, view: View) -> Wishes: ...

    def on_fact(self, fact: AccountFact, view: View) -> Wishes: ...


def toward(target: Decimal, view: View, reason: str) -> Wishes:
    """The one MARKET order that brings the position to ``target``, also through zero; none while an order is
    working."""
    change = EXACT.subtract(target, view.position)
    if change == 0 or view.working:
        return ()
    side = Side.BUY if change > 0 else Side.SELL
    return (Place(side=side, quantity=abs(change), reason=reason),)
