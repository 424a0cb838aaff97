"""The evidence that a fill, and every end of an order, carries with it. Part of the vocabulary of trading/messages.py.

A receipt says on which book, behind which queue, with which latency and under which model the simulated venue acted, so that
the result can be told again without the program that made it. Must not know how any of it was found.
"""

from decimal import Decimal

import msgspec

from trading.market_facts import Level

__all__ = ["Consumed", "ImpliedTouch", "QueueStep", "Receipt"]


class ImpliedTouch(msgspec.Struct, frozen=True, array_like=True):
    """The best prices as a trade implies them that was printed behind the window: the last one of the market fact ``market_sequence``."""

    market_sequence: int
    bid: Decimal
    ask: Decimal


class QueueStep(msgspec.Struct, frozen=True, array_like=True):
    """The displayed quantity ahead of a resting order after a market fact; None while its price was never in the visible window.
    ``cause``: joined, trade, window or through."""

    market_sequence: int
    at_ns: int
    ahead: Decimal | None
    cause: str


class Consumed(msgspec.Struct, frozen=True, array_like=True):
    """A public trade that reached the order: how much of it traded."""

    market_sequence: int
    price: Decimal
    quantity: Decimal


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """- ``model``: with its parameters, as ``prob_power(n=3)``. ``fee_schedule``: by name.
    - ``book_sequence``, ``book_age_ms``, ``bid``, ``ask``: the window acted on, its age in event time, its best prices.
    - ``entry_latency_us``, ``response_latency_us``: as drawn for this order; ``latency``: the models, entry then response.
    - ``implied``: where the model had moved that window's best prices to; None where no trade came behind it, or another model acted.
    - ``level``: the displayed price and quantity taken from, moved with the window; ``levels_walked``: how many so far;
      ``extrapolated``: priced beyond the visible depth.
    - ``queue``: the way to the front, first and newest steps; ``queue_steps_left_out``: how many lay between them.
      ``consumed_by``: the newest trades that advanced it or filled the order.
    """

    model: str = ""
    fee_schedule: str = ""
    book_sequence: int = 0
    book_age_ms: int = 0
    bid: Decimal | None = None
    ask: Decimal | None = None
    latency: tuple[str, str] = ("", "")
    entry_latency_us: int = 0
    response_latency_us: int = 0
    level: Level | None = None
    implied: ImpliedTouch | None = None
    levels_walked: int = 0
    extrapolated: bool = False
    queue: tuple[QueueStep, ...] = ()
    queue_steps_left_out: int = 0
    consumed_by: tuple[Consumed, ...] = ()
