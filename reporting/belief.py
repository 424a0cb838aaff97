"""Which PnL to believe, and where it came from: the interval and the attribution of a summary, for people. Decides nothing.

``interval`` and ``parts`` are ``pnl_interval`` and ``attribution`` of summary.json; what is missing is ``-``.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from reporting.markup import Markup, joined, shown, table
from reporting.numbers import exact, number, signed_text

__all__ = ["CAVEAT", "UNMEASURED", "attribution_section", "belief_section", "interval_lines", "robustness_sentence"]

CAVEAT = (
    "The shadow accounts saw the orders, but the strategy did not see the shadow accounts: on other terms it would have decided otherwise."
)
UNMEASURED = "The way to the venue was hardly measured: base and pessimistic take it for slow."
ACCOUNTS = {
    "configured": "as the session was configured",
    "optimistic": "filled at the touch, nothing takes time, the cheaper fees",
    "base": "what the book walk and the published fees would have given",
    "pessimistic": "filled only by trades through the price, the worst latency, the published fees",
}
PARTS = {
    "price_move_usd": "from the mid that was decided at to the last mark",
    "latency_usd": "what the mid did between decision and fill",
    "spread_usd": "from the mid to the best price",
    "slippage_usd": "from the best price to the one paid",
    "fees_usd": "a gain is a net rebate",
    "funding_usd": "received or paid",
}
TERMS_BYTES = 320
LINE, LABEL, WIDTH, VALUE = 24, 150, 960, 120
"""Of the picture: height of a bar with its gap, and the room left and right of the bars."""


def robustness_sentence(interval: Mapping[str, Any]) -> str:
    low, high = (signed_text(interval.get(name), None) for name in ("low_usd", "high_usd"))
    if interval.get("sign_robust") is True and low == high == "0":
        return "0 USDT on all four terms: nothing came of any"
    if interval.get("sign_robust") is True:
        return f"from {low} to {high} USDT; the sign is robust: it is the same on all four terms"
    return f"from {low} to {high} USDT; the sign is not robust: it hangs on the terms, so do not believe it"


def interval_lines(interval: Mapping[str, Any]) -> list[str]:
    """For a terminal: a line for each account, then the interval and what to think of it."""
    lines = []
    for name, what in ACCOUNTS.items():
        each = interval.get(name)
        told = each if isinstance(each, Mapping) else {}
        fees = number(told.get("fees_paid_usd"))
        lines += [
            (f"{name:<11} net {signed_text(told.get('net_pnl_usd'), None)}, fees {signed_text(None if fees is None else -fees, None)},"
             f" funding {signed_text(told.get('funding_usd'), None)}, {exact(told.get('fills'))} fills: {what}"),
            f"{'':<11} {told.get('settings', '-')}",
        ]
    return [*lines, f"{'interval':<11} {robustness_sentence(interval)}", f"{'':<11} {_caveats(interval)}"]


def belief_section(summary: Mapping[str, Any]) -> Markup:
    """The four accounts side by side, and one sentence on whether the sign can be believed."""
    interval = summary.get("pnl_interval")
    if not isinstance(interval, Mapping):
        note = summary.get("pnl_interval_note") or "it was not reckoned"
        return Markup(f'<p class="soft">{shown(f"no interval: {note}", TERMS_BYTES)}</p>')
    money = ("net PnL", "fees", "funding", "fills")
    rows = table(("account", "what it assumes", *money, "terms"), _account_rows(interval), money)
    mood = "good" if interval.get("sign_robust") is True else "bad"
    net = signed_text(summary.get("net_pnl_usd"), None)
    sentence = f"Configured {net} USDT; on other terms {robustness_sentence(interval)}."
    return joined((
        rows, Markup(f'<p class="{mood}">{shown(sentence, TERMS_BYTES)}</p>'),
        Markup(f'<p class="soft">{shown(_caveats(interval), TERMS_BYTES)}</p>'),
    ))


def attribution_section(summary: Mapping[str, Any]) -> Markup:
    """Six parts that add up to the net profit, as numbers and as bars."""
    parts = summary.get("attribution")
    if not isinstance(parts, Mapping):
        return Markup('<p class="soft">not known</p>')
    rows = [(name.removesuffix("_usd").replace("_", " "), signed_text(parts.get(name), None), what) for name, what in PARTS.items()]
    rows.append(("net", signed_text(summary.get("net_pnl_usd"), None), "the sum"))
    return joined((table(("part", "USDT", "what it is"), rows, ("USDT",)), _bars(parts)))


def _caveats(interval: Mapping[str, Any]) -> str:
    return CAVEAT if interval.get("latency_measured") is True else f"{CAVEAT} {UNMEASURED}"


def _account_rows(interval: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for name, what in ACCOUNTS.items():
        each = interval.get(name)
        told = each if isinstance(each, Mapping) else {}
        yield (
            name, what, signed_text(told.get("net_pnl_usd"), None), exact(told.get("fees_paid_usd")),
            signed_text(told.get("funding_usd"), None), exact(told.get("fills")), shown(told.get("settings", "-"), TERMS_BYTES),
        )


def _bars(parts: Mapping[str, Any]) -> Markup:
    """To the right a gain, to the left a cost, all on one scale."""
    values = {name: number(parts.get(name)) or Decimal(0) for name in PARTS}
    low, high = min(*values.values(), Decimal(0)), max(*values.values(), Decimal(0))
    if low == high:
        return Markup("")
    height = LINE * len(values)
    zero = _x(Decimal(0), low, high)
    axis = Markup(f'<path class="grid" d="M{zero} 0V{height}"/>')
    bars = (_bar(number, name, value, zero, _x(value, low, high)) for number, (name, value) in enumerate(values.items()))
    return Markup(
        f'<figure>\n<figcaption>Where it came from, USDT; right of the line a gain, left of it a cost</figcaption>\n'
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="attribution of the profit">\n{joined((axis, *bars))}\n</svg>\n</figure>'
    )


def _bar(place: int, name: str, value: Decimal, zero: Decimal, end: Decimal) -> Markup:
    top, label = place * LINE, shown(name.removesuffix("_usd").replace("_", " "))
    told = shown(signed_text(value, 4))
    return Markup(
        f'<text class="axis n" x="{LABEL - 10}" y="{top + 16}">{label}</text>'
        f'<rect class="{"fall" if value < 0 else "held"}" x="{min(zero, end)}" y="{top + 4}" width="{abs(end - zero)}" height="{LINE - 8}">'
        f"<title>{label} {told}</title></rect>"
        f'<text class="axis" x="{WIDTH - VALUE + 10}" y="{top + 16}">{told}</text>'
    )


def _x(value: Decimal, low: Decimal, high: Decimal) -> Decimal:
    """In whole tenths of a unit."""
    tenths = (value - low) * (WIDTH - LABEL - VALUE) * 10 // (high - low)
    return Decimal(LABEL * 10 + int(tenths)).scaleb(-1)
