"""The tables of a report: orders, fills, refusals, measurements, restarts. Summary and chronicle in, markup out; decides nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from reporting.axes import moment
from reporting.chronicle import Chronicle, Fill, Outage, Refusal
from reporting.markup import Markup, joined, shown, table
from reporting.numbers import NOTHING, exact, grouped, number
from reporting.summary_file import ENDED_IN_ORDER

__all__ = ["fill_table", "measurements", "order_table", "outage_table", "refusal_table", "restart_table", "state_table"]

ORDER_BYTES = 40
REASON_BYTES = 72
TEXT_BYTES = 240
REASONS_MAX = 5
METRICS_MAX = 100
NAME_BYTES = 60

SOUGHT = (
    "reconnect_attempt_count", "stale_count", "frame_errors_count", "rate_limiter_wait_seconds", "rate_limiter_wait_seconds_max",
    "rate_limited_count", "restart_count",
)
"""Metrics that people look for; a session that did not measure one has no value there."""

LATENCIES = {
    "market_age_ms": "from receipt of a market message to its measurement",
    "tick_to_order_ms": "from receipt of a market message to the intent it led to",
    "order_ack_ms": "from intent to durable order",
    "order_to_fill_ms": "from intent to durable fill",
}
QUANTILES = ("p50", "p95", "max")


def order_table(summary: Mapping[str, Any], chronicle: Chronicle) -> Markup:
    """Orders by the state they ended in, with the reasons that are on record for it."""
    orders = mapping(summary.get("orders"))
    rows = ((state, number(count), _reasons(str(state), chronicle)) for state, count in orders.items())
    return table(("state", "orders", "reasons"), rows, right=("orders",))


def fill_table(chronicle: Chronicle) -> Markup:
    """The first fills, each with the reason of its order."""
    right = ("quantity", "price", "fee", "slippage_bps", "realized PnL", "position")
    headers = ("event time (UTC)", "order", "side", "liquidity", *right, "reason")
    rows = table(headers, map(_fill_row, chronicle.fills), right)
    return _with_rest(rows, chronicle.drawn.count - len(chronicle.fills), "fills.csv")


def refusal_table(chronicle: Chronicle) -> Markup:
    """Denials (the risk gate's) and rejections (the venue's), with what they said."""
    headers = ("event time (UTC)", "state", "order", "side", "quantity", "price", "reason", "text")
    rows = table(headers, map(_refusal_row, chronicle.refusals), ("quantity", "price"))
    return _with_rest(rows, chronicle.refusal_count - len(chronicle.refusals), "orders.csv")


def state_table(chronicle: Chronicle) -> Markup:
    """What the risk gate let through, and since when."""
    told = ((moment(fact.at_ns), fact.state, shown(fact.reason, TEXT_BYTES)) for fact in chronicle.states)
    rows = table(("event time (UTC)", "trading state", "reason"), told)
    return _with_rest(rows, chronicle.state_count - len(chronicle.states), "ledger.db")


def outage_table(summary: Mapping[str, Any], chronicle: Chronicle) -> Markup:
    """When nobody saw the market, and which orders were open then."""
    if not chronicle.outage_count:
        return Markup('<p class="soft">the market was seen from the first window of its book to the end</p>')
    headers = ("not seen from (UTC)", "to", "symbol", "reason", "market facts missing", "orders that were open")
    rows = table(headers, map(_outage_row, chronicle.outages))
    words = (
        f"{exact(summary.get('unobserved_count'))} times, {exact(summary.get('unobserved_s'))} s of event time in all. Nothing filled"
        " meanwhile but what flattened a position; what the market would have given is not known."
    )
    told = Markup(f'<p class="bad">{shown(words, 2 * TEXT_BYTES)}</p>')
    return joined((told, _with_rest(rows, chronicle.outage_count - len(chronicle.outages), "unobserved.csv")))


def restart_table(summary: Mapping[str, Any]) -> Markup:
    """Per actor how often it was restarted and how long it was away each time, with the quantiles; below it those over all."""
    if summary.get("ended_by", ENDED_IN_ORDER) != ENDED_IN_ORDER:
        return Markup('<p class="soft">not known: nobody was left to say it</p>')
    away, by_actor = mapping(summary.get("recoveries_ms")), mapping(summary.get("recovery_ms_by_actor"))
    rows = (
        (actor, number(count), _times(away.get(actor)), *(grouped(mapping(by_actor.get(actor)).get(name), 1) for name in QUANTILES))
        for actor, count in mapping(summary.get("restarts")).items()
    )
    over_all = mapping(summary.get("recovery_ms"))
    words = ", ".join(f"{name} {grouped(over_all.get(name), 1)} ms" for name in QUANTILES)
    count = exact(over_all.get("count"))
    below = f"from death until serving again: {words}, over {count} recoveries" if over_all else "nothing had to recover"
    actors = table(("actor", "restarts", "away", *QUANTILES), rows, ("restarts", *QUANTILES))
    return joined((actors, Markup(f'<p class="soft">recovery_ms: {shown(below)}</p>')))


def measurements(summary: Mapping[str, Any]) -> Markup:
    """What was measured: what people look for, latencies, and everything else folded away."""
    metrics = mapping(summary.get("metrics"))
    sought = table(("metric", "value"), ((name, exact(metrics.get(name))) for name in SOUGHT), ("value",))
    latencies = table(("latency", *QUANTILES, "what"), _latency_rows(metrics), QUANTILES)
    told = {*SOUGHT, *(f"{name}_{word}" for name in LATENCIES for word in QUANTILES)}
    rest = sorted((shown(name, NAME_BYTES), exact(value)) for name, value in metrics.items() if name not in told)[:METRICS_MAX]
    other = Markup(f"<details><summary>{len(rest)} other metrics</summary>{table(('metric', 'value'), rest, ('value',))}</details>")
    return joined((sought, Markup("<h3>Latencies in milliseconds</h3>"), latencies, *([other] if rest else [])))


def mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _fill_row(fill: Fill) -> tuple[object, ...]:
    fact = fill.fact
    side = Markup(f'<span class="{fact.side}">{fact.side}</span>')
    price = Markup(f"{shown(fact.price)} (stale book)") if fact.stale_reference else fact.price
    return (
        moment(fact.at_ns), shown(fact.client_order_id, ORDER_BYTES), side, fact.liquidity, fact.quantity, price, fact.fee,
        fact.slippage_bps, fact.realized_pnl, fact.position, shown(fill.reason, REASON_BYTES),
    )


def _outage_row(outage: Outage) -> tuple[object, ...]:
    lost = outage.lost
    missing = f"{lost.first_missing} to {lost.last_missing}" if lost.first_missing else NOTHING
    to = "not seen again" if outage.to_ns is None else moment(outage.to_ns)
    return (moment(lost.from_ns), to, lost.symbol, shown(lost.reason, REASON_BYTES), missing, ", ".join(lost.open_orders) or "none")


def _refusal_row(refusal: Refusal) -> tuple[object, ...]:
    order = refusal.order
    asked = (order.side, order.quantity, NOTHING if order.price is None else order.price) if order else (NOTHING,) * 3
    return (
        moment(refusal.at_ns), refusal.state, shown(refusal.client_order_id, ORDER_BYTES), *asked, shown(refusal.reason, REASON_BYTES),
        shown(refusal.text, TEXT_BYTES),
    )


def _reasons(state: str, chronicle: Chronicle) -> Markup:
    found = [(reason, count) for (ended, reason), count in chronicle.ends.most_common() if ended == state]
    told = [f"{count} {shown(reason or NOTHING, REASON_BYTES)}" for reason, count in found[:REASONS_MAX]]
    return Markup(", ".join([*told, *([f"{len(found) - REASONS_MAX} more reasons"] if len(found) > REASONS_MAX else [])]))


def _times(away: Any) -> str:
    return ", ".join(f"{grouped(each, 1)} ms" for each in away[:10]) if isinstance(away, (list, tuple)) else ""


def _latency_rows(metrics: Mapping[Any, Any]) -> Iterator[tuple[object, ...]]:
    for name, what in LATENCIES.items():
        yield (name, *(exact(metrics.get(f"{name}_{word}")) for word in QUANTILES), what)


def _with_rest(rows: Markup, more: int, where: str) -> Markup:
    return joined((rows, Markup(f'<p class="soft">{more} more are in {where}</p>'))) if more > 0 else rows
