"""The status of a session as one line that fits, and as a page. Pure: takes the status as spoken (docs, ``status --json``).

Whatever is missing or of the wrong type is shown as ``-``: a status comes from processes that may just be starting.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from records.log_lines import stripped
from reporting.numbers import NOTHING, clock_text, exact, grouped, number, signed_text

__all__ = ["ASCII", "UNICODE", "Glyphs", "format_status", "status_line"]

BAR_CELLS = 6
PRICE_PLACES = 1
MEBIBYTE = 1024 * 1024
NOT_UP = ("WAITING", "STARTING", "BACKOFF", "GONE")


class Glyphs:
    """Signs for a terminal; colour is never needed to tell them apart."""

    def __init__(self, full: str, empty: str, separator: str, yes: str, no: str) -> None:
        self.full = full
        self.empty = empty
        self.separator = separator
        self.yes = yes
        self.no = no


UNICODE = Glyphs("▮", "▯", " │ ", "✓", "✗")
ASCII = Glyphs("#", ".", " | ", " ok", " refused")


def status_line(status: Mapping[str, Any], width: int | None = None, glyphs: Glyphs = UNICODE) -> str:
    """``03:12/10:00 ▮▮▯▯▯▯ ACTIVE │ BTC 65 012.4 (0.3s) │ pos +0.02 │ PnL +1.84 (fees 0.41) │ orders 14✓ 2✗ │ 7/7 up``

    What does not fit into ``width`` columns goes in the order of what is missed least; None: all of it.
    """
    line = _line(status, glyphs, 0)
    for left_out in range(1, LEVELS):
        if width is None or len(line) <= width:
            break
        line = _line(status, glyphs, left_out)
    return line if width is None else line[:max(width, 0)]


LEVELS = 9
"""One more than the things that ``_line`` can leave out, one by one."""


def _line(status: Mapping[str, Any], glyphs: Glyphs, left_out: int) -> str:
    bar, label, fees, up, age, orders, actors, position = (left_out < level for level in range(1, LEVELS))
    symbol, view = _first_symbol(status)
    pnl, (accepted, refused) = _mapping(status.get("pnl")), _order_counts(status)
    head = [_clocks(status), _bar(status, glyphs) if bar else "", _word(status.get("state"))]
    price = f"{symbol.removesuffix('USDT')} {grouped(_mid(view), PRICE_PLACES)}"
    parts = [
        " ".join(each for each in head if each),
        f"{price} ({_age(view)})" if age else price,
        f"pos {signed_text(view.get('position'), None)}" if position else "",
        f"PnL {signed_text(pnl.get('net'))}" + (f" (fees {grouped(pnl.get('fees'))})" if fees else ""),
        f"{'orders ' if label else ''}{accepted}{glyphs.yes} {refused}{glyphs.no}" if orders else "",
        f"{_up_text(status)}{' up' if up else ''}" if actors else "",
    ]
    return glyphs.separator.join(each for each in parts if each)


def format_status(status: Mapping[str, Any]) -> str:
    """A page for the verb ``status``, without a line break at its end."""
    pnl, (accepted, refused) = _mapping(status.get("pnl")), _order_counts(status)
    lines = [
        f"run      {_word(status.get('run_id'))} on {_word(status.get('venue'))}",
        f"state    {_word(status.get('state'))}, {clock_text(status.get('elapsed_s'))} of {clock_text(status.get('duration_s'))}",
        *(_symbol_line(stripped(str(name)), _mapping(view)) for name, view in _mapping(status.get("symbols")).items()),
        "PnL      " + "  ".join(f"{name} {signed_text(pnl.get(name))}" for name in ("net", "realized", "unrealized"))
        + f"  fees {grouped(pnl.get('fees'))}  funding {signed_text(pnl.get('funding'))}",
        f"orders   {accepted} accepted, {refused} denied or rejected",
        "",
        f"{'actor':<10}{'pid':>8}  {'state':<10}{'restarts':>8}{'last beat':>12}{'memory':>10}",
        *(_actor_line(actor) for actor in _actors(status)),
    ]
    return "\n".join(lines)


def _symbol_line(name: str, view: Mapping[str, Any]) -> str:
    return (
        f"{name:<8} bid {exact(view.get('bid'))}  ask {exact(view.get('ask'))}  ({_age(view)} old)"
        f"  position {signed_text(view.get('position'), None)}  working orders {exact(view.get('working_orders'))}"
    )


def _actor_line(actor: Mapping[str, Any]) -> str:
    beat, memory = number(actor.get("beat_age_s")), number(actor.get("rss_bytes"))
    beat_text = NOTHING if beat is None else f"{grouped(beat, 1)} s ago"
    memory_text = f"{grouped(memory / MEBIBYTE, 0)} MiB" if memory else NOTHING
    return (
        f"{_word(actor.get('name')):<10}{exact(actor.get('pid')):>8}  {_word(actor.get('state')):<10}"
        f"{exact(actor.get('restarts')):>8}{beat_text:>12}{memory_text:>10}"
    )


def _clocks(status: Mapping[str, Any]) -> str:
    return f"{clock_text(status.get('elapsed_s'))}/{clock_text(status.get('duration_s'))}"


def _bar(status: Mapping[str, Any], glyphs: Glyphs) -> str:
    elapsed, duration = number(status.get("elapsed_s")), number(status.get("duration_s"))
    share = elapsed / duration if elapsed and duration and duration > 0 else 0
    full = max(0, min(BAR_CELLS, int(share * BAR_CELLS)))
    return glyphs.full * full + glyphs.empty * (BAR_CELLS - full)


def _first_symbol(status: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    for name, view in _mapping(status.get("symbols")).items():
        return stripped(str(name)), _mapping(view)
    return "price", {}


def _mid(view: Mapping[str, Any]) -> Any:
    bid, ask = number(view.get("bid")), number(view.get("ask"))
    return None if bid is None or ask is None else (bid + ask) / 2


def _age(view: Mapping[str, Any]) -> str:
    age = number(view.get("age_s"))
    return NOTHING if age is None else f"{grouped(age, 1)}s"


def _order_counts(status: Mapping[str, Any]) -> tuple[int, int]:
    """(accepted, denied or rejected) of the broker's own counters."""
    metrics = _mapping(status.get("metrics"))
    counts = {name: int(number(metrics.get(f"orders_{name}_count")) or 0) for name in ("accepted", "denied", "rejected")}
    return counts["accepted"], counts["denied"] + counts["rejected"]


def _up_text(status: Mapping[str, Any]) -> str:
    actors = _actors(status)
    return f"{sum(actor.get('state') not in NOT_UP for actor in actors)}/{len(actors)}"


def _actors(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    actors = status.get("actors")
    return [actor for actor in actors if isinstance(actor, Mapping)] if isinstance(actors, Sequence) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _word(value: Any) -> str:
    return NOTHING if value is None else stripped(str(value))
