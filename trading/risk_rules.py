"""The rules of the risk gate. A rule can only refuse.

Each looks at one order and its :class:`Case` and answers ``PASS`` or a :class:`Refusal`; whatever else it might answer
counts as a refusal too. Numbers of the controls: docs/OPERATING.md. A new control is a new function and a row in
``RULES``, whose order is the order in which reasons are given. Must not change anything, nor know what a decision
leads to.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from trading.limits import Limits
from trading.messages import SubmitOrder
from trading.quantities import EXACT, Instrument, plain, ratio, signed
from trading.words import OrderType, Side, TimeInForce, TradingState

__all__ = ["Case", "PASS", "RULES", "Reference", "Refusal", "Rule", "Verdict", "reduces"]

PASS: Final = "PASS"
HUNDRED = Decimal(100)
LARGEST_NUMBER = Decimal(2**53)
"""Beyond it nothing is a price or a quantity (control C2)."""

BLOCKING = (TradingState.HALTED, TradingState.KILLED)


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

    ``working`` is the quantity already open on the order's side, ``worst_before`` the signed position if all of that
    fills. ``untrusted`` names the stale streams, ``bars`` counts those of the order's strategy.
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
    reference: Reference | None


Rule: TypeAlias = Callable[[SubmitOrder, Case], Verdict]


def well_formed(order: SubmitOrder, case: Case) -> Verdict:
    """C2: finite, positive, on the grid, and a price exactly where the type wants one."""
    instrument = case.instrument
    if not (_usable(order.quantity) and instrument.on_step(order.quantity)):
        return _refuse("invalid", "ORDER_INVALID", order, quantity=str(order.quantity), step=instrument.step)
    if (order.type is OrderType.LIMIT) != (order.price is not None):
        return _refuse("invalid", "ORDER_INVALID", order, type=order.type, price=str(order.price))
    if order.price is not None and not (_usable(order.price) and instrument.on_tick(order.price)):
        return _refuse("invalid", "ORDER_INVALID", order, price=str(order.price), tick=instrument.tick)
    return PASS


def caught_up(order: SubmitOrder, case: Case) -> Verdict:
    """A gate that does not know every fact of the account does not know the exposure."""
    if case.facts_head is not None and case.facts_sequence >= case.facts_head:
        return PASS
    head = "unknown" if case.facts_head is None else case.facts_head
    return _refuse("recovering", "GATE_RECOVERING", order, facts_sequence=case.facts_sequence, head=head)


def permit_fresh(order: SubmitOrder, case: Case) -> Verdict:
    """The supervisor's permit is a lease: silence revokes it."""
    if case.permit_age_ms is not None and case.permit_age_ms < case.permit_lease_ms:
        return PASS
    age = "none" if case.permit_age_ms is None else case.permit_age_ms
    return _refuse("permit_expired", "PERMIT_EXPIRED", order, age_ms=age, max_ms=case.permit_lease_ms)


def state_allows(order: SubmitOrder, case: Case) -> Verdict:
    """Nothing passes when halted or killed; REDUCING lets through what reduces."""
    if case.state in BLOCKING or (case.state is TradingState.REDUCING and not reduces(order, case)):
        return _refuse(case.state.lower(), f"TRADING_{case.state}", order, cause=case.state_reason)
    return PASS


def market_trusted(order: SubmitOrder, case: Case) -> Verdict:
    """The feed's own word about the symbol, whatever graver state hides it."""
    return PASS if not case.untrusted else _refuse("paused", "TRADING_PAUSED", order, stale=case.untrusted)


def warmed_up(order: SubmitOrder, case: Case) -> Verdict:
    """No order of a strategy before its own warm-up is over."""
    return (
        PASS if case.warm else _refuse("warmup", "WARMUP_INCOMPLETE", order, strategy=order.strategy_id, bars=case.bars)
    )


def position_within_cap(order: SubmitOrder, case: Case) -> Verdict:
    """C7: on the worst case of position, working orders of that side, and this order."""
    if reduces(order, case) or abs(_worst(order, case)) <= case.limits.position_max:
        return PASS
    return _refuse(
        "position_limit",
        "POSITION_LIMIT_EXCEEDED",
        order,
        position=case.position,
        working=case.working,
        order=order.quantity,
        max=case.limits.position_max,
    )


def reference_fresh(order: SubmitOrder, case: Case) -> Verdict:
    """C5: what takes at once needs a younger book than what would rest."""
    reference = case.reference
    if reference is None:
        return _refuse("stale_market", "MARKET_STALE", order, age_ms="none")
    limit_ms = reference.marketable_age_max_ms if _marketable(order, reference) else reference.resting_age_max_ms
    if reference.age_ms < limit_ms:
        return PASS
    return _refuse("stale_market", "MARKET_STALE", order, age_ms=reference.age_ms, max_ms=limit_ms)


def quantity_within_limit(order: SubmitOrder, case: Case) -> Verdict:
    """C3. A reducing order may close the whole position at once."""
    if reduces(order, case) or order.quantity <= case.limits.order_quantity_max:
        return PASS
    return _refuse(
        "order_quantity", "ORDER_QUANTITY_EXCEEDED", order, order=order.quantity, max=case.limits.order_quantity_max
    )


def value_within_limit(order: SubmitOrder, case: Case) -> Verdict:
    """C4: at the limit price, or for MARKET at the far end of the collar."""
    if reduces(order, case):
        return PASS
    if case.reference is None:
        return _refuse("stale_market", "MARKET_STALE", order, age_ms="none")
    collar = EXACT.add(1, EXACT.divide(case.limits.collar_pct, HUNDRED))
    price = EXACT.multiply(case.reference.mid, collar) if order.price is None else order.price
    value = EXACT.multiply(price, order.quantity)
    if value <= case.limits.order_value_max_usd:
        return PASS
    return _refuse(
        "order_value", "ORDER_VALUE_EXCEEDED", order, value=value, price=price, max=case.limits.order_value_max_usd
    )


def price_within_collar(order: SubmitOrder, case: Case) -> Verdict:
    """C5: a limit price far from the mid on either side is a mistake."""
    if order.price is None:
        return PASS
    if case.reference is None:
        return _refuse("stale_market", "MARKET_STALE", order, age_ms="none")
    mid = case.reference.mid
    away = EXACT.multiply(abs(EXACT.subtract(order.price, mid)), HUNDRED)
    if away <= EXACT.multiply(case.limits.collar_pct, mid):
        return PASS
    return _refuse(
        "collar",
        "PRICE_COLLAR_EXCEEDED",
        order,
        price=order.price,
        mid=mid,
        away_pct=ratio(away, mid),
        max_pct=case.limits.collar_pct,
    )


def open_orders_within_limit(order: SubmitOrder, case: Case) -> Verdict:
    """C8: for what can rest; MARKET, IOC and FOK are over at once."""
    rests = order.type is OrderType.LIMIT and order.time_in_force is TimeInForce.GTC
    if not rests or case.open_orders < case.limits.open_orders_max:
        return PASS
    return _refuse("open_orders", "OPEN_ORDERS_EXCEEDED", order, open=case.open_orders, max=case.limits.open_orders_max)


RULES: tuple[Rule, ...] = (
    well_formed,  # first: the others calculate with these numbers
    caught_up,
    permit_fresh,
    state_allows,
    market_trusted,
    warmed_up,
    position_within_cap,  # before the order's own size, so that the cap is what is named when both are broken
    reference_fresh,
    quantity_within_limit,
    value_within_limit,
    price_within_collar,
    open_orders_within_limit,
)


def reduces(order: SubmitOrder, case: Case) -> bool:
    """Even if everything on its side fills, the position shrinks and does not pass zero."""
    worst = _worst(order, case)
    return abs(worst) < abs(case.position) and (worst == 0 or (worst > 0) == (case.position > 0))


def _worst(order: SubmitOrder, case: Case) -> Decimal:
    return EXACT.add(case.worst_before, signed(order.side, order.quantity))


def _usable(value: Decimal) -> bool:
    return value.is_finite() and 0 < value <= LARGEST_NUMBER


def _marketable(order: SubmitOrder, reference: Reference) -> bool:
    if order.price is None:
        return True
    return order.price >= reference.ask if order.side is Side.BUY else order.price <= reference.bid


def _refuse(reason: str, condition: str, intent: SubmitOrder, /, **numbers: object) -> Refusal:
    shown = {"symbol": intent.symbol, **numbers}
    words = (f"{key}={plain(value) if isinstance(value, Decimal) else value}" for key, value in shown.items())
    return Refusal(reason, f"{condition}: {', '.join(words)}")
