"""How fast a tape goes through our account, beside NautilusTrader's and hftbacktest's engines on the same tape where they are installed.

    python -m benchmarks.replay_speed --tape FILE [--symbol S] [--rounds 3] [--json]

The work is the same for all but hftbacktest: a quoter that replaces one order of one lot at the best price of each side with every tenth
window, and takes one lot with every thirtieth. Reading and converting the tape is outside the clock, except in the row that says so.
CPU seconds, the best of the rounds; each round has every row once, so that what slows the machine for a while slows them all. The
engines count events differently (a window is one fact here, up to 31 rows there), so the common measures are how many public trades,
and how many seconds of the tape, pass in one second of a core.

The row "three shadows and receipts" is what ``interval`` and ``verify`` do for the PnL interval, but for reading files: the
ledger that the quoter left in the account is lived again by four accounts, each of its rows is compared, and the interval is reckoned.
Every other row of ours is one account that hears the market and the orders. Every row that is recorded has its receipt; what shadows
say is recorded nowhere, so they keep no evidence.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from benchmarks.quoter import RUN, ledger_of, quoted
from benchmarks.realism.conversion import Beyond
from benchmarks.realism.paper_account import MAKING, account_settings
from benchmarks.realism.recorded_market import MS, SECOND, RecordedMarket, read_market
from benchmarks.realism.reference_engine import ReferenceEngine, is_installed, rows_of
from benchmarks.realism.table import Part, as_json, as_text
from trading.account import AccountSettings
from trading.latency import MeasuredLegs
from trading.messages import AccountFact, TradesPrinted
from trading.replay import replay
from trading.shadows import ShadowedAccount, shadow_settings

__all__ = ["speed_part"]

LATENCY_NS = 20 * MS
COLUMNS = ("engine", "events", "events/s", "public trades/s", "x real time", "fills")
SHADOWED = "prob_power"
"""The model of the account that has shadows: theirs are touch, prob_power and penetrate."""
Row = tuple[str | int | float | None, ...]


class Run(NamedTuple):
    """``run`` is one replay; it answers how many fills the quoter had, None where no order was placed."""

    name: str
    events: int
    run: Callable[[], int | None]


def speed_part(market: RecordedMarket, path: Path, rounds: int) -> Part:
    facts, symbol = len(market.facts), market.instrument.symbol
    unquoted = partial(quoted, market, _settings(market, "touch"), quotes=False)
    runs = [Run("reading the tape", facts, lambda: _read(path, symbol)), Run("our account, no orders", facts, unquoted)]
    runs += (Run(f"our account, {model}", facts, partial(quoted, market, _settings(market, model))) for model in MAKING)
    lived_again = partial(_lived_again, market, _settings(market, SHADOWED), ledger_of(market, _settings(market, SHADOWED)))
    runs.append(Run(f"our account, {SHADOWED}, three shadows and receipts", facts, lived_again))
    notes = []
    if is_installed():
        runs.append(_hftbacktest(market))
    else:
        notes.append("hftbacktest is not installed (pip install 'paper-agent[realism]')")
    if find_spec("nautilus_trader") is not None:
        from benchmarks.nautilus_replay import NautilusReplay

        replay = NautilusReplay(market)
        runs.append(Run("NautilusTrader, order book deltas", replay.events, replay.run))
    else:
        notes.append("NautilusTrader is not installed (pip install 'paper-agent[nautilus]', in an environment of its own)")
    timed = [[_timed(each.run) for each in runs] for _ in range(rounds)]
    rows = [_row(market, each, *min(found, key=lambda one: one[0])) for each, found in zip(runs, zip(*timed, strict=True), strict=True)]
    return Part("replay speed on one core", COLUMNS, tuple(rows), tuple(notes))


def _read(path: Path, symbol: str) -> None:
    read_market(path, symbol)


def _settings(market: RecordedMarket, model: str) -> AccountSettings:
    return account_settings(market, LATENCY_NS, model, equity_interval_ms=1_000)


def _lived_again(market: RecordedMarket, settings: AccountSettings, ledger: list[AccountFact]) -> int:
    """As front/pnl_reckoning.py does it, with the facts at hand."""
    account = ShadowedAccount(settings, RUN, shadow_settings(settings, published=None, measured=MeasuredLegs()))
    found = replay(account, market.facts, ledger, ledger[-1].market_sequence)
    assert found is None, f"the ledger does not follow from the tape: {found}"
    account.interval()
    return account.desk.fills


def _hftbacktest(market: RecordedMarket) -> Run:
    rows = rows_of(market, Beyond.FORGET)

    def run() -> None:
        engine = ReferenceEngine(market, rows, LATENCY_NS)
        engine.to_end()
        engine.close()

    run()  # the first one compiles
    return Run("hftbacktest, no orders", len(rows), run)


def _timed(run: Callable[[], int | None]) -> tuple[float, int | None]:
    """(CPU seconds, fills)."""
    began = time.process_time()
    fills = run()
    return time.process_time() - began, fills


def _row(market: RecordedMarket, run: Run, cpu_s: float, fills: int | None) -> Row:
    length_s = (market.facts[-1].at_ns - market.facts[0].at_ns) / SECOND
    trades = sum(len(fact.prints) for fact in market.facts if isinstance(fact, TradesPrinted))
    return run.name, run.events, round(run.events / cpu_s), round(trades / cpu_s), round(length_s / cpu_s), fills


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tape", type=Path, required=True)
    parser.add_argument("--symbol")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    market = read_market(arguments.tape, arguments.symbol)
    part = speed_part(market, arguments.tape, arguments.rounds)
    symbol = market.instrument.symbol
    print(as_json({"symbol": symbol}, [part]) if arguments.json else as_text(symbol, [part]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
