"""A tape of the stand-in's own market, made in one go without a session: for tests and benchmarks that have no recorded one.

    python -m benchmarks.made_tape FILE [--seconds 60] [--seed 1]
"""

import argparse
from pathlib import Path

from records.tape import Frame, RestAnswer, TapeHeader, TapeWriter
from venue.stand_in.seeded_source import SeededSource
from venue.stand_in.settings import StandInSettings
from venue.wire import POSITION_TIERS_PATH, Topic

__all__ = ["make_tape"]

SYMBOL = "BTCUSDT"
TOPICS = tuple(Topic(SYMBOL, channel) for channel in ("depth_book15", "trade", "price", "market_kline_1min"))
PAIRS = "/api/v1/futures/market/trading_pairs"
NS_PER_S = 1_000_000_000


def make_tape(path: Path, seconds: float, seed: int) -> Path:
    """The same seed gives the same tape."""
    source = SeededSource(StandInSettings(seed=seed, symbols=(SYMBOL,)))
    until_ns = source.start_ns + int(seconds * NS_PER_S)
    header = TapeHeader(venue="bitunix", symbols=(SYMBOL,), started_ns=source.start_ns, source=f"stand-in, seed {seed}")
    writer = TapeWriter.open(path, header)
    for path_asked, query in ((PAIRS, {"symbols": SYMBOL}), (POSITION_TIERS_PATH, {"symbol": SYMBOL})):
        answer = source.answer(path_asked, query)
        writer.append(RestAnswer.received(source.start_ns, path_asked, query, answer.status, answer.body.encode()))
    for push in source.pushes(until_ns, TOPICS):
        writer.append(Frame(push.at_ns, push.text))
    writer.close(until_ns)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(make_tape(arguments.file, arguments.seconds, arguments.seed))


if __name__ == "__main__":
    main()
