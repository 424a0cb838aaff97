"""How fast a tape goes through our account, beside NautilusTrader's and hftbacktest's engines on the same tape where they are installed.

    python -m benchmarks.replay_speed --tape FILE [--symbol S] [--rounds 3] [--json]

The work is the same for all but hftbacktest: a quoter that replaces one order of one lot at the best price of each side with every tenth
window, and takes one lot with every thirtieth. Reading and converting the tape is outside the clock, except in the row that says so.
CPU seconds, the best of the rounds. The engines count events differently (a window is one fact here, up to 31 rows there), so the
common measure is how many seconds of the tape pass in one second of a core.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from benchmarks.quoter import quoted
from benchmarks.realism.conversion import Beyond
from benchmarks.realism.paper_account import MAKING, account_settings
from benchmarks.realism.recorded_market import MS, SECOND, RecordedMarket, read_market
from benchmarks.realism.reference_engine import ReferenceEngine, is_installed, rows_of
from benchmarks.realism.table import Part, as_json, as_text
from trading.account import AccountSettings

__all__ = ["speed_part"]

LATENCY_NS = 20 * MS
COLUMNS = ("engine", "events", "events/s", "x real time", "fills")
Row = tuple[str | int | float | None, ...]


def speed_part(market: RecordedMarket, path: Path, rounds: int) -> Part:
    facts, symbol = len(market.facts), market.instrument.symbol
    unquoted = partial(quoted, market, _settings(market, "touch"), quotes=False)
    rows: list[Row] = [
        _row(market, "reading the tape", facts, *_best(rounds, lambda: _read(path, symbol))),
        _row(market, "our account, no orders", facts, *_best(rounds, unquoted)),
    ]
    for model in MAKING:
        rows.append(_row(market, f"our account, {model}", facts, *_best(rounds, partial(quoted, market, _settings(market, model)))))
    notes = []
    if is_installed():
        rows.append(_hftbacktest(market, rounds))
    else:
        notes.append("hftbacktest is not installed (pip install 'paper-agent[realism]')")
    if find_spec("nautilus_trader") is not None:
        from benchmarks.nautilus_replay import NautilusReplay

        replay = NautilusReplay(market)
        rows.append(_row(market, "NautilusTrader, order book deltas", replay.events, *_best(rounds, replay.run)))
    else:
        notes.append("NautilusTrader is not installed (pip install 'paper-agent[nautilus]', in an environment of its own)")
    return Part("replay speed on one core", COLUMNS, tuple(rows), tuple(notes))


def _read(path: Path, symbol: str) -> None:
    read_market(path, symbol)


def _settings(market: RecordedMarket, model: str) -> AccountSettings:
    return account_settings(market, LATENCY_NS, model, equity_interval_ms=1_000)


def _hftbacktest(market: RecordedMarket, rounds: int) -> Row:
    rows = rows_of(market, Beyond.FORGET)

    def run() -> None:
        engine = ReferenceEngine(market, rows, LATENCY_NS)
        engine.to_end()
        engine.close()

    run()  # the first one compiles
    return _row(market, "hftbacktest, no orders", len(rows), *_best(rounds, run))


def _best(rounds: int, run: Callable[[], int | None]) -> tuple[float, int | None]:
    """(CPU seconds, fills) of the quickest round; None where no order was placed."""
    found: list[tuple[float, int | None]] = []
    for _ in range(rounds):
        began = time.process_time()
        fills = run()
        found.append((time.process_time() - began, fills))
    return min(found, key=lambda each: each[0])


def _row(market: RecordedMarket, name: str, events: int, cpu_s: float, fills: int | None) -> Row:
    length_s = (market.facts[-1].at_ns - market.facts[0].at_ns) / SECOND
    return name, events, round(events / cpu_s), round(length_s / cpu_s), fills


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
