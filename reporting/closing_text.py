"""The first and the last words of a session to a person. Pure: run facts and summary in, lines out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from records.log_lines import stripped
from reporting.belief import robustness_sentence
from reporting.numbers import NOTHING, clock_text, exact, grouped, number, signed_text

__all__ = ["banner_lines", "summary_lines"]

HEAD_DIGITS = 16


def banner_lines(facts: Mapping[str, Any]) -> list[str]:
    """``facts``: run_id, symbols, venue, strategy, planned_duration_s, seed, directory; what is missing is ``-``."""
    symbols = facts.get("symbols") or ()
    names = symbols if isinstance(symbols, str) else ", ".join(map(str, symbols))
    return [
        f"run {_text(facts, 'run_id')}: paper trading only, nothing here can send a real order",
        (f"    {stripped(names) or NOTHING} on {_text(facts, 'venue')}, strategy {_text(facts, 'strategy')},"
         f" {clock_text(facts.get('planned_duration_s'))}, seed {_text(facts, 'seed')} (--seed {_text(facts, 'seed')} repeats it)"),
        f"    kept in {_text(facts, 'directory')}",
        "    stop: Ctrl-C or run_agent.py stop    emergency: run_agent.py kill",
    ]


def summary_lines(summary: Mapping[str, Any], path: Path) -> list[str]:
    """Ten lines to twelve; the last one is the path of summary.json and nothing else, for scripts."""
    lines = [
        f"run {_text(summary, 'run_id')}: {_text(summary, 'outcome')} (exit code {_text(summary, 'exit_code')})",
        (f"    trades     {exact(summary.get('total_trades'))} ({exact(summary.get('maker_trades'))} maker,"
         f" {exact(summary.get('taker_trades'))} taker), volume {grouped(summary.get('volume_usd'))} USDT"),
        f"    orders     {_orders(summary.get('orders'))}",
        (f"    PnL        net {_money(summary, 'net_pnl_usd')} = realized {_money(summary, 'realized_pnl_usd')}, unrealized"
         f" {_money(summary, 'unrealized_pnl_usd')}, fees {_negated(summary, 'fees_paid_usd')}, funding {_money(summary, 'funding_usd')}"),
        f"    interval   {_interval(summary)}",
        (f"    risk       deepest drawdown {grouped(summary.get('max_drawdown_pct'), 3)} %,"
         f" slippage {grouped(summary.get('slippage_avg_bps'))} bps on average, position at the end {_positions(summary.get('positions'))}"),
        (f"    session    {clock_text(summary.get('duration_s'))}, {_count(summary, 'reconnect_attempt_count')} reconnect attempts,"
         f" {_restarts(summary)}, peak memory {_memory(summary)}"),
        f"    ledger     {exact(summary.get('ledger_seq'))} facts, head {_text(summary, 'ledger_head')[:HEAD_DIGITS]}",
        (f"    report     report.html beside summary.json; tables: run_agent.py export {_text(summary, 'run_id')} --fills"
         " (or --orders, --equity, --unobserved, --ledger)"),
        str(path),
    ]
    notes = [f"    note       {text}" for text in (_why_quiet(summary), _unseen(summary)) if text is not None]
    return [*lines[:2], *notes, *lines[2:]]


def _why_quiet(summary: Mapping[str, Any]) -> str | None:
    if summary.get("warmup_complete") is False:
        return (
            f"the strategy never left its warm-up ({exact(summary.get('bars'))} of {exact(summary.get('warmup_bars'))} bars):"
            " it may not order before"
        )
    return None


def _unseen(summary: Mapping[str, Any]) -> str | None:
    count, orders = number(summary.get("unobserved_count")), summary.get("unobserved_orders")
    if not count:
        return None
    lay = len(orders) if isinstance(orders, (list, tuple)) else 0
    return (
        f"the market was not seen {exact(count)} times, {grouped(summary.get('unobserved_s'))} s in all, with {lay} orders open:"
        " nothing filled meanwhile, and what would have is not known"
    )


def _orders(orders: Any) -> str:
    if not isinstance(orders, Mapping) or not orders:
        return "none"
    return ", ".join(f"{exact(count)} {stripped(str(state))}" for state, count in orders.items())


def _positions(positions: Any) -> str:
    if not isinstance(positions, Mapping) or not positions:
        return "flat"
    return ", ".join(f"{signed_text(quantity, None)} {stripped(str(symbol))}" for symbol, quantity in positions.items())


def _interval(summary: Mapping[str, Any]) -> str:
    interval = summary.get("pnl_interval")
    if not isinstance(interval, Mapping):
        return f"no interval: {stripped(str(summary.get('pnl_interval_note') or 'it was not reckoned'))}"
    base = interval.get("base")
    net = signed_text(base.get("net_pnl_usd") if isinstance(base, Mapping) else None, None)
    return f"book walk and published fees {net}; {robustness_sentence(interval)}"


def _money(summary: Mapping[str, Any], key: str) -> str:
    return signed_text(summary.get(key), None)


def _negated(summary: Mapping[str, Any], key: str) -> str:
    """Fees as they change the money: paid is minus."""
    value = number(summary.get(key))
    return signed_text(None if value is None else -value, None)


def _count(summary: Mapping[str, Any], name: str) -> str:
    metrics = summary.get("metrics")
    return grouped(metrics.get(name, 0), 0) if isinstance(metrics, Mapping) else NOTHING


def _restarts(summary: Mapping[str, Any]) -> str:
    restarts, away = summary.get("restarts"), summary.get("recovery_ms")
    if not isinstance(restarts, Mapping):
        return f"{NOTHING} restarts"
    times = f" (away p95 {grouped(away.get('p95'), 0)} ms)" if isinstance(away, Mapping) and away else ""
    return f"{sum(restarts.values())} restarts{times}"


def _memory(summary: Mapping[str, Any]) -> str:
    value = number(summary.get("rss_tree_peak_bytes"))
    return f"{grouped(value / 2**20, 0)} MiB" if value else NOTHING


def _text(facts: Mapping[str, Any], key: str) -> str:
    value = facts.get(key)
    return NOTHING if value is None else stripped(str(value))
