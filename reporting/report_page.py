"""report.html: a session for a reader, on one page that needs nothing else. No script, no address to fetch from, works offline.

A projection of the summary and of the ledger's facts; decides nothing, computes no money. Everything is escaped by markup.py, and the
page's own policy (CSP) forbids every script and every request, should anything ever get through.
"""

import shlex
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from reporting.belief import attribution_section, belief_section
from reporting.charts import SHAPES, equity_chart, position_chart, price_chart
from reporting.chronicle import Chronicle
from reporting.margin_text import margin_text
from reporting.markup import Markup, description, joined, shown
from reporting.numbers import NOTHING, clock_text, exact, grouped, number, signed_text
from reporting.report_style import STYLE
from reporting.report_tables import (
    fill_table, mapping, measurements, order_table, outage_table, refusal_table, restart_table, state_table,
)
from trading.messages import AccountFact

__all__ = ["report_page"]

SYMBOLS_MAX = 2
SENTENCE_BYTES = 600
FILES = ("summary.json", "fills.csv", "orders.csv", "equity.csv", "unobserved.csv", "config.resolved.yaml", "ledger.db", "tape.jsonl.gz")

STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'"


def report_page(summary: Mapping[str, Any], facts: Iterable[AccountFact]) -> str:
    """The page, less than 500 KB however many facts there are and whatever their texts say.

    ``summary`` has the keys of summary.json (summary_file.py), what is missing is ``-``; ``facts`` are the ledger's, in order.
    """
    chronicle = Chronicle.of(facts)
    title = Markup(f"Run {shown(_text(summary, 'run_id'))}")
    body = joined((
        _head(title, summary), _tiles(summary), _section("Profit and loss", _profit(summary, chronicle)),
        _section("Which PnL to believe", belief_section(summary)), _section("Where it came from", attribution_section(summary)),
        _section("Charts", _charts(chronicle)), _section("Orders", order_table(summary, chronicle)),
        _section("Denials and rejections", refusal_table(chronicle)), _section("Fills", fill_table(chronicle)),
        _section("Trading states", state_table(chronicle)), _section("Unobserved market", outage_table(summary, chronicle)),
        _section("Restarts", restart_table(summary)), _section("Measurements", measurements(summary)),
        _section("The run", _run(summary)), _section("The ledger", _ledger(summary)),
    ))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _head(title: Markup, summary: Mapping[str, Any]) -> Markup:
    code = number(summary.get("exit_code"))
    return Markup(
        f'<h1>{title}</h1>\n<p>{shown(_text(summary, "outcome"), SENTENCE_BYTES)} '
        f'<span class="code {"good" if code == 0 else "bad"}">exit code {shown(exact(code))}</span></p>\n'
        '<p class="soft">Paper trading: no order on this page was ever sent to a market.</p>'
    )


def _tiles(summary: Mapping[str, Any]) -> Markup:
    trades, maker, taker = (exact(summary.get(f"{kind}_trades")) for kind in ("total", "maker", "taker"))
    tiles = (
        (signed_text(summary.get("net_pnl_usd")), "net PnL, USDT"),
        (trades, f"trades: {maker} maker, {taker} taker"),
        (grouped(summary.get("volume_usd")), "volume, USDT"),
        (f"{grouped(summary.get('max_drawdown_pct'), 3)} %", "deepest drawdown"),
        (f"{grouped(summary.get('slippage_avg_bps'))} bps", "average slippage of takers"),
        (_positions(summary), "position at the end"),
    )
    each = joined(Markup(f"<div><b>{shown(value)}</b><span>{shown(name)}</span></div>") for value, name in tiles)
    return Markup(f'<div class="tiles">\n{each}\n</div>')


def _profit(summary: Mapping[str, Any], chronicle: Chronicle) -> Markup:
    fees = number(summary.get("fees_paid_usd"))
    rows = description((
        ("realized", _money(summary, "realized_pnl_usd")), ("unrealized", _money(summary, "unrealized_pnl_usd")),
        ("fees", f"{signed_text(None if fees is None else -fees, None)}{' (a net rebate)' if fees is not None and fees < 0 else ''}"),
        ("funding", _money(summary, "funding_usd")), ("net", Markup(f"<b>{shown(_money(summary, 'net_pnl_usd'))}</b>")),
        ("balance", f"{exact(summary.get('starting_balance_usd'))} at the start, {exact(summary.get('ending_balance_usd'))} at the end"),
        ("equity at the end", exact(summary.get("ending_equity_usd"))),
        ("closed lots after fees", f"{exact(summary.get('winning_lots'))} with profit, {exact(summary.get('losing_lots'))} with loss"),
        ("gains per loss", exact(summary.get("profit_factor"))), ("slippage_avg_bps", exact(summary.get("slippage_avg_bps"))),
        ("max_drawdown_pct", exact(summary.get("max_drawdown_pct"))),
    ))
    opened = chronicle.opened
    basis = "" if opened is None else (
        f" Takers pay slippage by the model {shown(opened.slippage_model)}. Fees are by the schedule {shown(opened.fee_schedule)}:"
        f" makers {exact(opened.maker_fee)}, takers {exact(opened.taker_fee)} of the volume; a negative fee is a rebate."
    )
    return joined((rows, Markup(f'<p class="soft">USDT, every digit. Net is the sum of the four lines above it.{basis}</p>')))


def _charts(chronicle: Chronicle) -> Markup:
    symbols = sorted({*chronicle.marks, *chronicle.positions})
    every = f"; one fill in {chronicle.drawn.every} is drawn" if chronicle.drawn.every > 1 else ""
    unseen = "; red bands: nobody saw the market" if chronicle.outages else ""
    charts = [_figure(f"Equity, USDT; shaded: below its highest value so far{unseen}", equity_chart(chronicle))]
    for symbol in symbols[:SYMBOLS_MAX]:
        charts.append(_figure(f"{symbol}, mark price and fills{every}", price_chart(chronicle, symbol), _key()))
        charts.append(_figure(f"{symbol}, position", position_chart(chronicle, symbol)))
    if len(symbols) > SYMBOLS_MAX:
        charts.append(Markup(f'<p class="soft">{len(symbols) - SYMBOLS_MAX} more symbols are in ledger.db</p>'))
    return joined((*charts, Markup('<p class="soft">Times are event time, UTC: the market\'s own clock. Point at anything to read it.</p>')))


def _key() -> Markup:
    return joined((
        Markup(f'<svg class="key" viewBox="-8 -8 16 16"><path class="{side} {liquidity}" d="{shape}"/></svg> {side} {liquidity.lower()}')
        for (side, liquidity), shape in SHAPES.items()
    ), "")


def _run(summary: Mapping[str, Any]) -> Markup:
    return description((
        ("repeat it", Markup(f"<code>{shown(_command(summary), SENTENCE_BYTES)}</code> with the settings in config.resolved.yaml")),
        ("margin", margin_text(summary.get("margin"))),
        ("strategy", _text(summary, "strategy")), ("venue", _text(summary, "venue")), ("symbols", _symbols(summary)),
        ("seed", exact(summary.get("seed"))), ("fingerprint", _text(summary, "fingerprint")),
        ("started, ended", f"{_text(summary, 'started_at')}, {_text(summary, 'ended_at')} (this machine's clock)"),
        ("duration", f"{clock_text(summary.get('duration_s'))} of {clock_text(summary.get('planned_duration_s'))} planned"),
        ("warm-up", f"{exact(summary.get('bars'))} bars closed, {exact(summary.get('warmup_bars'))} needed"),
        ("peak memory", f"{exact(summary.get('rss_tree_peak_bytes'))} bytes"),
        ("files beside this one", joined((Markup(f'<a href="{name}">{name}</a>') for name in FILES), ", ")),
    ))


def _command(summary: Mapping[str, Any]) -> str:
    flags = {
        "--venue": _text(summary, "venue"), "--symbol": _symbols(summary), "--strategy": _text(summary, "strategy"),
        "--seed": exact(summary.get("seed")), "--duration": exact(summary.get("planned_duration_s")),
    }
    return shlex.join(["python", "run_agent.py", *(word for flag in flags.items() for word in flag)])


def _ledger(summary: Mapping[str, Any]) -> Markup:
    check = shlex.join(["python", "run_agent.py", "verify", _text(summary, "run_id")])
    head = Markup(f"<code>{shown(_text(summary, 'ledger_head'))}</code>")
    return joined((
        description((("facts", exact(summary.get("ledger_seq"))), ("head", head))),
        Markup(
            "<p>Everything above was made of these facts and of what this machine measured. The hash of each row covers the one before,"
            f" so the head stands for all of them. To check it: <code>{shown(check, SENTENCE_BYTES)}</code> ends with exit code 65 when"
            ' anything is not what was written; <code>sqlite3 ledger.db "select seq, lower(hex(chain)) from head"</code> prints the head'
            " that the file has.</p>"
        ),
    ))


def _section(heading: str, content: Markup) -> Markup:
    return Markup(f"<section>\n<h2>{shown(heading)}</h2>\n{content}\n</section>")


def _figure(caption: str, chart: Markup, key: str = "") -> Markup:
    return Markup(f"<figure>\n<figcaption>{shown(caption)}{key}</figcaption>\n{chart}\n</figure>")


def _money(summary: Mapping[str, Any], key: str) -> str:
    return signed_text(summary.get(key), None)


def _positions(summary: Mapping[str, Any]) -> str:
    positions = mapping(summary.get("positions"))
    return ", ".join(f"{signed_text(quantity, None)} {symbol}" for symbol, quantity in positions.items()) or "flat"


def _symbols(summary: Mapping[str, Any]) -> str:
    symbols = summary.get("symbols")
    return ", ".join(map(str, symbols)) if isinstance(symbols, (list, tuple)) else NOTHING


def _text(summary: Mapping[str, Any], key: str) -> str:
    value = summary.get(key)
    return NOTHING if value is None else str(value)
