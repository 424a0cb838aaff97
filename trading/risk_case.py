"""What a rule of the risk gate is shown, and what it may answer. Must not know any rule.

An amendment is shown as the order that it would make: ``order`` then has the new numbers, and the case leaves the old ones out.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from trading.limits import Limits
from trading.messages import DenyOrder, SubmitOrder
from trading.quantities import EXACT, ZERO, Instrument, plain, signed
from trading.words import Side, TradingState

__all__ = ["Case", "PASS", "Reference", "Refusal", "Rule", "Verdict", "marketable", "reduces", "refuse", "worst"]

PASS: Final = "PASS"


class Refusal(msgspec.Struct, frozen=True):
    """``reason`` is the short word, ``text`` the field's sentence: ``CATEGORY_CONDITION: key=value, ...``."""

    reason: str
    text: str


Verdict: TypeAlias = Refusal | Literal["PASS"]


class Reference(msgspec.Struct, frozen=True):
    """The touch of the last book that has two uncrossed sides. ``age_ms``: the greater of its age in event time and
    since receipt."""

    bid: Decimal
    ask: Decimal
    age_ms: int
    marketable_age_max_ms: int
    resting_age_max_ms: int

    @property
    def mid(self) -> Decimal:
        return EXACT.divide(EXACT.add(self.bid, self.ask), Decimal(2))


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a rule may look at besides the order. Quantities in base coin, ``position`` signed.

    ``working`` is the quantity open on the order's side that could open something, ``worst_before`` the signed position if all
    that is open there fills; ``filled`` is what an amended order has filled already, and none of these counts the order itself.
    ``parent`` is what was decided on the order that this one is a child of. ``messages`` went to the venue in the window of the
    limit. ``untrusted`` names the stale streams, ``bars`` counts those of the order's strategy.
    """

    instrument: Instrument
    limits: Limits
    facts_sequence: int
    facts_head: int | None
    permit_age_ms: int | None
    permit_lease_ms: int
    state: TradingState
    state_reason: str
    untrusted: str
    bars: int
    warm: bool
    position: Decimal
    working: Decimal
    worst_before: Decimal
    open_orders: int
    messages: int
    reference: Reference | None
    parent: SubmitOrder | DenyOrder | None = None
    filled: Decimal = ZERO


Rule: TypeAlias = Callable[[SubmitOrder, Case], Verdict]


def reduces(order: SubmitOrder, case: Case) -> bool:
    """It only reduces by its own word, which the venue holds it to; or, even if everything on its side fills, the position
    shrinks and does not pass zero."""
    if order.reduce_only:
        return True
    then = worst(order, case)
    return abs(then) < abs(case.position) and (then == 0 or (then > 0) == (case.position > 0))


def worst(order: SubmitOrder, case: Case) -> Decimal:
    """The signed position if everything on its side fills, and the rest of this order."""
    return EXACT.add(case.worst_before, signed(order.side, EXACT.subtract(order.quantity, case.filled)))


def marketable(order: SubmitOrder, reference: Reference) -> bool:
    """It would take at once; what waits for a trigger does not."""
    if order.type.waits_for_trigger:
        return False
    if order.price is None:
        return True
    return order.price >= reference.ask if order.side is Side.BUY else order.price <= reference.bid


def refuse(reason: str, condition: str, intent: SubmitOrder, /, **numbers: object) -> Refusal:
    shown = {"symbol": intent.symbol, **numbers}
    words = (f"{key}={plain(value) if isinstance(value, Decimal) else value}" for key, value in shown.items())
    return Refusal(reason, f"{condition}: {', '.join(words)}")
