"""The rules of the risk gate. A rule can only refuse.

Each looks at one order and its :class:`Case` and answers ``PASS`` or a :class:`Refusal`; whatever else it might answer
counts as a refusal too. The numbers of the controls (C1, C2, ...) are those of docs/OPERATING.md. A new control is a new
function and a row in ``RULES``, whose order is the order in which reasons are given. Must not change anything, nor know
what a decision leads to.
"""

from trading.messages import DenyOrder, SubmitOrder
from trading.risk_case import PASS, Case, Rule, Verdict, reduces, refuse, worst
from trading.risk_prices import price_within_collar, reference_fresh, trigger_within_distance, value_within_limit, well_formed
from trading.words import TimeInForce, TradingState

__all__ = ["RULES"]

BLOCKING = (TradingState.HALTED, TradingState.KILLED)


def caught_up(order: SubmitOrder, case: Case) -> Verdict:
    """A gate that does not know every fact of the account does not know the exposure."""
    if case.facts_head is not None and case.facts_sequence >= case.facts_head:
        return PASS
    head = "unknown" if case.facts_head is None else case.facts_head
    return refuse("recovering", "GATE_RECOVERING", order, facts_sequence=case.facts_sequence, head=head)


def permit_fresh(order: SubmitOrder, case: Case) -> Verdict:
    """The supervisor's permit is a lease: silence revokes it."""
    if case.permit_age_ms is not None and case.permit_age_ms < case.permit_lease_ms:
        return PASS
    age = "none" if case.permit_age_ms is None else case.permit_age_ms
    return refuse("permit_expired", "PERMIT_EXPIRED", order, age_ms=age, max_ms=case.permit_lease_ms)


def state_allows(order: SubmitOrder, case: Case) -> Verdict:
    """Nothing passes when halted or killed; REDUCING lets through what reduces."""
    if case.state in BLOCKING or (case.state is TradingState.REDUCING and not reduces(order, case)):
        return refuse(case.state.lower(), f"TRADING_{case.state}", order, cause=case.state_reason)
    return PASS


def market_trusted(order: SubmitOrder, case: Case) -> Verdict:
    """The feed's own word about the symbol, whatever graver state hides it."""
    return PASS if not case.untrusted else refuse("paused", "TRADING_PAUSED", order, stale=case.untrusted)


def warmed_up(order: SubmitOrder, case: Case) -> Verdict:
    """No order of a strategy before its own warm-up is over."""
    return (
        PASS if case.warm else refuse("warmup", "WARMUP_INCOMPLETE", order, strategy=order.strategy_id, bars=case.bars)
    )


def follows_its_parent(order: SubmitOrder, case: Case) -> Verdict:
    """A child goes where its parent went, and only reduces what that opens."""
    parent, named = case.parent, order.parent_order_id
    if not named:
        return PASS
    if parent is None:
        return refuse("parent_unknown", "PARENT_UNKNOWN", order, parent_order_id=named)
    if isinstance(parent, DenyOrder):
        return refuse("parent_denied", "PARENT_DENIED", order, parent_order_id=named, parent_reason=parent.reason)
    if not order.reduce_only or order.side is parent.side or order.symbol != parent.symbol:
        return refuse("invalid", "CHILD_MUST_REDUCE", order, side=order.side, parent_side=parent.side, reduce_only=order.reduce_only)
    return PASS


def position_within_cap(order: SubmitOrder, case: Case) -> Verdict:
    """C7: on the worst case of position, working orders of that side, and this order."""
    if reduces(order, case) or abs(worst(order, case)) <= case.limits.position_max:
        return PASS
    return refuse(
        "position_limit",
        "POSITION_LIMIT_EXCEEDED",
        order,
        position=case.position,
        working=case.working,
        order=order.quantity,
        max=case.limits.position_max,
    )


def quantity_within_limit(order: SubmitOrder, case: Case) -> Verdict:
    """C3. A reducing order may close the whole position at once."""
    if reduces(order, case) or order.quantity <= case.limits.order_quantity_max:
        return PASS
    return refuse(
        "order_quantity", "ORDER_QUANTITY_EXCEEDED", order, order=order.quantity, max=case.limits.order_quantity_max
    )


def open_orders_within_limit(order: SubmitOrder, case: Case) -> Verdict:
    """C8: for what can rest or wait; MARKET, IOC and FOK are over at once, and what only reduces must not be kept out."""
    stays = order.type.waits_for_trigger or (order.type.has_limit and order.time_in_force is TimeInForce.GTC)
    if not stays or order.reduce_only or case.open_orders < case.limits.open_orders_max:
        return PASS
    return refuse("open_orders", "OPEN_ORDERS_EXCEEDED", order, open=case.open_orders, max=case.limits.open_orders_max)


def messages_within_limit(order: SubmitOrder, case: Case) -> Verdict:
    """C9: new orders and amendments; cancels are never refused, nor is what reduces."""
    limit = case.limits.message_limit
    if reduces(order, case) or case.messages < limit.count:
        return PASS
    return refuse("message_limit", "MESSAGE_LIMIT_EXCEEDED", order, messages=case.messages, max=limit.count, window_s=limit.window_s)


RULES: tuple[Rule, ...] = (
    well_formed,  # first: the others calculate with these numbers
    caught_up,
    permit_fresh,
    state_allows,
    market_trusted,
    warmed_up,
    follows_its_parent,
    position_within_cap,  # before the order's own size, so that the cap is what is named when both are broken
    reference_fresh,
    quantity_within_limit,
    value_within_limit,
    price_within_collar,
    trigger_within_distance,
    open_orders_within_limit,
    messages_within_limit,
)
