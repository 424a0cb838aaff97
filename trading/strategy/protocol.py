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
from trading.words import OrderType, Side, TimeInForce, TriggerSource

__all__ = [
    "Again", "Bars", "Change", "Place", "Protection", "Stopped", "Strategy", "StrategySettings", "View", "Wishes", "Withdraw", "Working",
]

Bars = Annotated[int, msgspec.Meta(ge=1, le=1000)]
"""A number of bars."""


class StrategySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="strategy"):
    """What every strategy is told; the key ``strategy`` names it. ``quantity`` in base coin.

    ``report_latency_ms``: how much later than its own event time an account fact counts as heard, at least. As long as
    facts really arrive faster than that, decisions depend on the market alone and not on the scheduling of processes.
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


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """An order of the other side that only reduces; it sleeps until the order it protects has a fill, and ends with the position.

    ``quantity`` is what it closes at most. Of several protections of one order the first that fills whole cancels the others.
    """

    type: OrderType
    quantity: Decimal
    reason: str
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    trigger_by: TriggerSource = TriggerSource.LAST_PRICE
    trailing_bps: Decimal | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """I want this order, and what protects the position that it opens. Without a ``type``: MARKET without a price, LIMIT with one.
    ``gives_up``: it closes a position that could not be protected, which counts as stopped out."""

    side: Side
    quantity: Decimal
    reason: str
    type: OrderType | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    trigger_price: Decimal | None = None
    trigger_by: TriggerSource = TriggerSource.LAST_PRICE
    trailing_bps: Decimal | None = None
    protect: tuple[Protection, ...] = ()
    gives_up: bool = False


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """I want that order once more, which was refused; under another id, decided now."""

    order: SubmitOrder
    reason: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """I want that order to be another; None leaves a number as it is. ``quantity`` is the total, fills included."""

    client_order_id: str
    reason: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None


class Withdraw(msgspec.Struct, frozen=True, kw_only=True):
    """I no longer want that order."""

    client_order_id: str
    reason: str


Wishes: TypeAlias = tuple[Place | Again | Change | Withdraw, ...]


class Working(msgspec.Struct, frozen=True):
    """An own order that is not over: on its way, waiting, or resting. ``order`` is what it asks for now, amendments included.

    ``resting``: it stands in the book. ``triggered``: what it waited for has come. ``canceling`` once its end has been asked for;
    ``amending`` is the id of the newest amendment that has not been answered. ``gives_up`` as in a ``Place``.
    """

    order: SubmitOrder
    leaves: Decimal
    canceling: bool = False
    resting: bool = False
    triggered: bool = False
    amending: str = ""
    gives_up: bool = False

    @property
    def protects(self) -> bool:
        return bool(self.order.parent_order_id)

    @property
    def waits(self) -> bool:
        """For its trigger."""
        return self.order.type.waits_for_trigger and not self.triggered


class Stopped(msgspec.Struct, frozen=True):
    """A position that its protection, the lack of it, or the venue's liquidation has closed: BUY if it was long."""

    side: Side
    at_ns: int


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What may be known at the moment of a decision. ``position`` is signed; ``bid`` and ``ask`` are None before the
    first book, or when that side of it is empty. ``stopped`` is how the last position ended, if it ended so; None again
    with the next position."""

    instrument: Instrument
    at_ns: int
    position: Decimal
    working: tuple[Working, ...]
    bid: Decimal | None
    ask: Decimal | None
    stopped: Stopped | None = None

    @property
    def mid(self) -> Decimal | None:
        if self.bid is None or self.ask is None:
            return None
        return EXACT.divide(EXACT.add(self.bid, self.ask), Decimal(2))


class Strategy(Protocol):
    """Called by the trader for one symbol, in the order of events.

    ``on_bar`` sees every closed bar, also while its wishes cannot be granted (warm-up, untrusted data, draining):
    decide from the view, never from what was wished before. ``on_book`` is called only when wishes are granted.
    ``on_fact`` sees the account facts about own orders and liquidations, after the view has taken them in.
    """

    def on_bar(self, bar: BarClosed, view: View) -> Wishes: ...

    def on_book(self, book: BookChanged, view: View) -> Wishes: ...

    def on_fact(self, fact: AccountFact, view: View) -> Wishes: ...
