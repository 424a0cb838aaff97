"""The seeded market: a function of seed and time, a sound book, and numbers like the recorded market's."""

import gzip
import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import mean, quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venue.stand_in.history import MINUTE_NS
from venue.stand_in.instruments import PAIRS, TYPICAL_PRICES
from venue.stand_in.market import Market
from venue.stand_in.order_flow import OrderFlow, Scale
from venue.stand_in.seeded_source import START_NS

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
TAPE = Path(__file__).parents[4] / "shared" / "data" / "tape_btcusdt_2024-08-08.jsonl.gz"


def market(seed: int = 3, symbol: str = "BTCUSDT") -> Market:
    return Market(seed, PAIRS[symbol], START_NS, TYPICAL_PRICES[symbol])


def state(subject: Market) -> tuple[object, ...]:
    return (
        subject.book(400),
        subject.trades_since(0),
        subject.klines("1m", 10),
        subject.mark_tick,
        subject.index_tick,
        subject.settlements[-1],
        subject.day(),
    )


# ---- determinism


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), cuts_ms=st.lists(st.integers(1, 20_000), max_size=30))
def test_the_market_does_not_depend_on_the_steps_in_which_it_is_advanced(seed: int, cuts_ms: list[int]) -> None:
    at_once, in_steps = market(seed), market(seed)

    at_once.advance(START_NS + 20 * SECOND_NS)
    for cut_ms in sorted(cuts_ms):
        in_steps.advance(START_NS + cut_ms * MS_NS)
        in_steps.kline("1h"), in_steps.book(5), in_steps.trades_since(0)
    in_steps.advance(START_NS + 20 * SECOND_NS)

    assert state(at_once) == state(in_steps)


def test_another_seed_is_another_market() -> None:
    one, other = market(1), market(2)
    for subject in (one, other):
        subject.advance(START_NS + SECOND_NS)
    assert one.book(15) != other.book(15)


# ---- the book


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), symbol=st.sampled_from(sorted(PAIRS)))
def test_the_book_is_never_crossed_locked_empty_or_without_quantity(seed: int, symbol: str) -> None:
    scale = Scale(float(TYPICAL_PRICES[symbol]) * 10 ** PAIRS[symbol].quotePrecision / 1e4, 10.0**4)
    flow = OrderFlow(Random(seed), scale, round(scale.ticks_per_bps * 1e4), 0)
    while flow.next_ns < 30 * SECOND_NS:
        flow.step()
        bids, asks = flow.book.bids.top(1000), flow.book.asks.top(1000)
        assert bids[0][0] < asks[0][0]
        assert min(lots for _, lots in bids + asks) > 0
        assert all(upper[0] > lower[0] for upper, lower in pairwise(bids))
        assert all(lower[0] < upper[0] for lower, upper in pairwise(asks))


def test_every_print_is_taken_out_of_the_book_at_the_price_where_it_rested() -> None:
    flow = OrderFlow(Random(11), Scale(65.0, 1e4), 650_000, 0)
    printed = 0
    while printed < 2000:
        before = {1: dict(flow.book.asks.top(1000)), -1: dict(flow.book.bids.top(1000))}
        prints = flow.step()
        printed += len(prints)
        for trade in prints:
            resting = before[1 if trade.buyer_took else -1]
            resting[trade.tick] -= trade.lots
            assert resting[trade.tick] >= 0
        for way in {1 if trade.buyer_took else -1 for trade in prints}:
            swept = [trade.tick * way for trade in prints]
            assert swept == sorted(swept), "the best price is taken first"
            worse_left = [tick for tick, lots in before[way].items() if lots and tick * way < swept[-1]]
            assert not worse_left, "no better price is passed over"


def test_trades_since_returns_each_trade_once() -> None:
    subject = market()
    told = []
    for second in range(20):
        subject.advance(START_NS + (second + 1) * SECOND_NS)
        told += subject.trades_since(START_NS + second * SECOND_NS)
    assert told == subject.trades_since(0)
    assert len(told) > 200


# ---- likeness


def recorded() -> tuple[list[dict[str, list[list[str]]]], list[list[dict[str, str]]]]:
    if not TAPE.exists():
        pytest.skip("the recorded tape is not beside the project (../shared/data)")
    depths, trades = [], []
    with gzip.open(TAPE, "rt") as lines:
        for line in lines:
            frame = json.loads(json.loads(line).get("text", "{}"))
            if frame.get("ch") == "depth_book15":
                depths.append(frame["data"])
            elif frame.get("ch") == "trade":
                trades.append(frame["data"])
    return depths, trades


class Likeness:
    """What a trader would notice about a market, from book windows every 310 ms and batches of trade sizes."""

    def __init__(
        self, mids: list[float], spreads_bps: list[float], best: list[float], batches: list[list[float]], span_s: float
    ) -> None:
        sizes = [size for batch in batches for size in batch]
        moves = [abs(late / early - 1) * 1e4 for early, late in pairwise(mids)]
        self.spread_bps = mean(spreads_bps)
        self.best_btc = mean(best)
        self.move_p95_bps = quantiles(moves, n=20)[-1]
        self.move_10_s_p50_bps = quantiles([abs(mids[i + 32] / mids[i] - 1) * 1e4 for i in range(len(mids) - 32)], n=2)[
            0
        ]
        self.trades_per_s = len(sizes) / span_s
        self.batches_per_s = len(batches) / span_s
        self.size_mean_btc = mean(sizes)
        self.size_quartiles = quantiles(sizes, n=4)


@cache
def likeness_of_tape() -> Likeness:
    depths, trades = recorded()
    tops = [(float(depth["b"][0][0]), float(depth["a"][0][0])) for depth in depths]
    best = [float(depth[side][0][1]) for depth in depths for side in ("a", "b")]
    return Likeness(
        [(bid + ask) / 2 for bid, ask in tops],
        [(ask / bid - 1) * 1e4 for bid, ask in tops],
        best,
        [[float(trade["v"]) for trade in batch] for batch in trades],
        len(depths) * 0.318,
    )


@cache
def likeness_of_model(seed: int, span_s: int) -> Likeness:
    subject = market(seed)
    mids, spreads, best, batches = [], [], [], []
    for step in range(1, span_s * 100):
        now_ns = START_NS + step * 10 * MS_NS
        subject.advance(now_ns)
        if step % 31 == 0:
            [(bid, bid_lots)], [(ask, ask_lots)] = subject.book(1)
            mids.append((bid + ask) / 2)
            spreads.append((ask / bid - 1) * 1e4)
            best += [bid_lots / 1e4, ask_lots / 1e4]
        if step % 10 == 0 and (batch := subject.trades_since(now_ns - 100 * MS_NS)):
            batches.append([trade.lots / 1e4 for trade in batch])
    return Likeness(mids, spreads, best, batches, span_s)


@pytest.mark.parametrize(
    "measure",
    ["spread_bps", "best_btc", "move_p95_bps", "move_10_s_p50_bps", "trades_per_s", "batches_per_s", "size_mean_btc"],
)
def test_the_market_is_like_the_recorded_one(measure: str) -> None:
    real = getattr(likeness_of_tape(), measure)
    modelled = mean(getattr(likeness_of_model(seed, 300), measure) for seed in (1, 2))
    assert 0.6 * real < modelled < 1.6 * real


def test_trade_sizes_have_the_recorded_quartiles() -> None:
    low, middle, high = likeness_of_model(5, 120).size_quartiles
    assert 0.002 <= low <= 0.004
    assert 0.012 <= middle <= 0.021
    assert 0.06 <= high <= 0.11


# ---- bars


def test_two_hundred_closed_bars_lead_up_to_the_start_price() -> None:
    bars = market().klines("1m", 201)

    assert bars[0].open_ns == START_NS
    assert [newer.open_ns - older.open_ns for newer, older in pairwise(bars)] == [MINUTE_NS] * 200
    assert bars[1].close == bars[0].open == 650_000
    for bar in bars[1:]:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.low * bar.volume <= bar.turnover <= bar.high * bar.volume


def test_longer_bars_are_gathered_from_minutes_on_their_own_boundaries() -> None:
    subject = market()
    subject.advance(START_NS + 150 * SECOND_NS)
    minutes = subject.klines("1m", 30)
    for bar in subject.klines("5m", 4):
        parts = [minute for minute in minutes if bar.open_ns <= minute.open_ns < bar.open_ns + 5 * MINUTE_NS]
        assert bar.open_ns % (5 * MINUTE_NS) == 0
        assert (bar.open, bar.close) == (parts[-1].open, parts[0].close)
        assert (bar.high, bar.low) == (max(part.high for part in parts), min(part.low for part in parts))
        assert bar.volume == sum(part.volume for part in parts)


def test_live_bars_count_the_trades_that_were_printed() -> None:
    subject = market()
    subject.advance(START_NS + MINUTE_NS + 5 * SECOND_NS)
    first = [trade for trade in subject.trades_since(0) if trade.at_ns < START_NS + MINUTE_NS]
    bar = subject.klines("1m", 2)[1]
    assert (bar.open, bar.close) == (first[0].tick, first[-1].tick)
    assert (bar.high, bar.low) == (max(trade.tick for trade in first), min(trade.tick for trade in first))
    assert (bar.volume, bar.turnover) == (
        sum(trade.lots for trade in first),
        sum(trade.tick * trade.lots for trade in first),
    )


def test_funding_is_settled_at_eight_oclock_within_a_ten_minute_session() -> None:
    subject = market()
    midnight, eight = START_NS - 477 * MINUTE_NS, START_NS + 3 * MINUTE_NS
    assert (subject.settlements[-1].at_ns, subject.next_settlement_ns) == (midnight, eight)

    subject.advance(eight)

    assert (subject.settlements[-1].at_ns, subject.next_settlement_ns) == (eight, eight + 480 * MINUTE_NS)
    assert abs(subject.settlements[-1].rate_e6) <= 3000
    assert subject.settlements[-1].mark_tick == pytest.approx(subject.last_tick, rel=0.002)
