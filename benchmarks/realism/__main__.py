"""How far the simulated fills can be believed, measured on a tape: one table of four parts (docs/FIDELITY.md).

    python -m benchmarks.realism --tape FILE [--symbol S] [--orders 200] [--seed 1] [--latency-ms 100] [--json]

(a) the same orders at hftbacktest, (b) the tape's own takers, (c) ghost orders, (d) markouts. Part (a) needs the extra ``realism``;
without it that part says so and the others run.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.realism.agreement import agreement
from benchmarks.realism.ghosts import ghost_part, ghosts_of
from benchmarks.realism.markouts import markout_part
from benchmarks.realism.recorded_market import MS, RecordedMarket, read_market
from benchmarks.realism.self_test import self_test
from benchmarks.realism.table import Part, as_json, as_text

__all__ = ["measured"]


def measured(market: RecordedMarket, orders: int, seed: int, latency_ns: int) -> list[Part]:
    """All four parts; the same seed gives the same figures."""
    ghosts = ghosts_of(market, orders, seed, latency_ns)
    return [agreement(market, orders, seed, latency_ns), self_test(market), ghost_part(ghosts), markout_part(market, ghosts)]


def main() -> int:
    arguments = _arguments()
    market = read_market(arguments.tape, arguments.symbol)
    parts = measured(market, arguments.orders, arguments.seed, arguments.latency_ms * MS)
    length_s = (market.ends_ns - market.begins_ns) / 1e9
    if arguments.json:
        heading = {"symbol": market.instrument.symbol, "length_s": length_s, "orders": arguments.orders, "seed": arguments.seed}
        print(as_json(heading, parts))
    else:
        print(as_text(f"{market.instrument.symbol}, {length_s:.0f} s, {len(market.windows)} windows, seed {arguments.seed}", parts))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tape", type=Path, required=True)
    parser.add_argument("--symbol")
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency-ms", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
