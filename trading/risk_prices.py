"""The rules of the risk gate about form, value and price of an order. A rule can only refuse.

A conditional order counts when its trigger is reached: its limit is judged against the trigger, and the trigger itself, which is away
from the mid by nature, only for being a mistake. Must not change anything, nor know what a decision leads to.
"""

from decimal import Decimal

from trading.messages import SubmitOrder
from trading.quantities import BASIS_POINTS, EXACT, ratio
from trading.risk_case import PASS, Case, Reference, Verdict, marketable, reduces, refuse
from trading.words import OrderType

__all__ = ["price_within_collar", "reference_fresh", "trigger_within_distance", "value_within_limit", "well_formed"]

HUNDRED = Decimal(100)
LARGEST_NUMBER = Decimal(2**53)
"""Beyond it nothing is a price or a quantity (control C2)."""


def well_formed(order: SubmitOrder, case: Case) -> Verdict:
    """C2: finite, positive, on the grid, and prices exactly where the type wants them."""
    instrument, trails = case.instrument, order.type is OrderType.TRAILING_STOP_MARKET
    if not (_usable(order.quantity) and instrument.on_step(order.quantity)):
        return refuse("invalid", "ORDER_INVALID", order, quantity=str(order.quantity), step=instrument.step)
    if order.type.has_limit != (order.price is not None):
        return refuse("invalid", "ORDER_INVALID", order, type=order.type, price=str(order.price))
    if not trails and order.type.waits_for_trigger != (order.trigger_price is not None):
        return refuse("invalid", "ORDER_INVALID", order, type=order.type, trigger_price=str(order.trigger_price))
    if trails != (order.trailing_bps is not None):
        return refuse("invalid", "ORDER_INVALID", order, type=order.type, trailing_bps=str(order.trailing_bps))
    for name, price in (("price", order.price), ("trigger_price", order.trigger_price)):
        if price is not None and not (_usable(price) and instrument.on_tick(price)):
            return refuse("invalid", "ORDER_INVALID", order, **{name: str(price)}, tick=instrument.tick)
    if order.trailing_bps is not None and not _usable(order.trailing_bps):
        return refuse("invalid", "ORDER_INVALID", order, trailing_bps=str(order.trailing_bps))
    return PASS


def reference_fresh(order: SubmitOrder, case: Case) -> Verdict:
    """C5: what takes at once needs a younger book than what would rest or wait."""
    reference = case.reference
    if reference is None:
        return refuse("stale_market", "MARKET_STALE", order, age_ms="none")
    limit_ms = reference.marketable_age_max_ms if marketable(order, reference) else reference.resting_age_max_ms
    if reference.age_ms < limit_ms:
        return PASS
    return refuse("stale_market", "MARKET_STALE", order, age_ms=reference.age_ms, max_ms=limit_ms)


def value_within_limit(order: SubmitOrder, case: Case) -> Verdict:
    """C4: at the limit price, else at the trigger price, else for a trailing stop at the mid, and for MARKET at the far end of the
    collar."""
    if reduces(order, case):
        return PASS
    if case.reference is None:
        return refuse("stale_market", "MARKET_STALE", order, age_ms="none")
    price = order.price or order.trigger_price or _value_price(order, case, case.reference)
    value = EXACT.multiply(price, order.quantity)
    if value <= case.limits.order_value_max_usd:
        return PASS
    return refuse(
        "order_value", "ORDER_VALUE_EXCEEDED", order, value=value, price=price, max=case.limits.order_value_max_usd
    )


def price_within_collar(order: SubmitOrder, case: Case) -> Verdict:
    """C5: a limit price far from the mid on either side is a mistake; that of a conditional order, far from its trigger."""
    if order.price is None:
        return PASS
    if case.reference is None:
        return refuse("stale_market", "MARKET_STALE", order, age_ms="none")
    centre, named = (case.reference.mid, "mid") if order.trigger_price is None else (order.trigger_price, "trigger_price")
    away_pct = _away_pct(order.price, centre)
    if away_pct <= case.limits.collar_pct:
        return PASS
    return refuse(
        "collar", "PRICE_COLLAR_EXCEEDED", order, price=order.price, **{named: centre}, away_pct=ratio(away_pct, Decimal(1)),
        max_pct=case.limits.collar_pct,
    )


def trigger_within_distance(order: SubmitOrder, case: Case) -> Verdict:
    """C5: a trigger absurdly far from the mid, or a trailing distance that is absurdly long, is a mistake too."""
    if order.trigger_price is None and order.trailing_bps is None:
        return PASS
    if case.reference is None:
        return refuse("stale_market", "MARKET_STALE", order, age_ms="none")
    max_pct, mid = case.limits.trigger_distance_max_pct, case.reference.mid
    if order.trailing_bps is not None and EXACT.multiply(order.trailing_bps, HUNDRED) > EXACT.multiply(max_pct, BASIS_POINTS):
        return refuse("trigger_distance", "TRIGGER_DISTANCE_EXCEEDED", order, trailing_bps=order.trailing_bps, max_pct=max_pct)
    if order.trigger_price is None or (away_pct := _away_pct(order.trigger_price, mid)) <= max_pct:
        return PASS
    return refuse(
        "trigger_distance", "TRIGGER_DISTANCE_EXCEEDED", order, trigger_price=order.trigger_price, mid=mid,
        away_pct=ratio(away_pct, Decimal(1)), max_pct=max_pct,
    )


def _value_price(order: SubmitOrder, case: Case, reference: Reference) -> Decimal:
    """What an order without a price of its own is worth."""
    if order.type.waits_for_trigger:
        return reference.mid
    return EXACT.multiply(reference.mid, EXACT.add(1, EXACT.divide(case.limits.collar_pct, HUNDRED)))


def _away_pct(price: Decimal, centre: Decimal) -> Decimal:
    return EXACT.divide(EXACT.multiply(abs(EXACT.subtract(price, centre)), HUNDRED), centre)


def _usable(value: Decimal) -> bool:
    return value.is_finite() and 0 < value <= LARGEST_NUMBER
