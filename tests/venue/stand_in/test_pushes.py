"""What the seeded source tells: the same frames for the same seed, at the venue's pace, in the wire's types."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venue import wire
from venue.stand_in.seeded_source import START_NS, SeededSource
from venue.stand_in.settings import StandInSettings
from venue.stand_in.source import Push
from venue.wire import Depth, Kline, Price, Ticker, Topic, Trade

MS_NS = 1_000_000
CHANNELS = (
    "depth_book1",
    "depth_book5",
    "depth_book15",
    "depth_books",
    "trade",
    "price",
    "ticker",
    "tickers",
    "market_kline_1min",
    "mark_kline_5min",
)
TOPICS = [Topic("BTCUSDT", channel) for channel in CHANNELS]


def told(span_ms: int, topics: list[Topic] = TOPICS, **switches: Any) -> list[Push]:
    return SeededSource(StandInSettings(seed=4, **switches)).pushes(START_NS + span_ms * MS_NS, topics)


@settings(max_examples=8, deadline=None)
@given(cuts_ms=st.lists(st.integers(0, 8000), max_size=40))
def test_frames_do_not_depend_on_when_the_source_is_asked(cuts_ms: list[int]) -> None:
    source = SeededSource(StandInSettings(seed=4))
    heard: list[Push] = []
    for cut_ms in [*sorted(cuts_ms), 8000]:
        heard += source.pushes(START_NS + cut_ms * MS_NS, TOPICS)
    assert heard == told(8000)


def test_a_stream_is_the_same_whoever_else_is_listening() -> None:
    alone = told(5000, [Topic("BTCUSDT", "price")])
    assert alone == [push for push in told(5000) if push.topic.ch == "price"]


def test_the_next_push_is_announced() -> None:
    source = SeededSource(StandInSettings())
    assert source.next_push_ns([]) is None
    next_ns = source.next_push_ns(TOPICS)
    assert next_ns is not None
    assert source.pushes(next_ns - 1, TOPICS) == []
    assert source.next_push_ns(TOPICS) == next_ns


@pytest.mark.parametrize(
    ("channel", "period_ms", "jitter_ms"),
    [
        ("depth_book15", 310, 20),
        ("depth_books", 330, 20),
        ("price", 505, 10),
        ("ticker", 1440, 40),
        ("tickers", 1000, 40),
        ("market_kline_1min", 500, 10),
    ],
)
def test_every_stream_keeps_its_pace(channel: str, period_ms: int, jitter_ms: int) -> None:
    times = [push.at_ns / MS_NS for push in told(30_000, [Topic("BTCUSDT", channel)])]
    gaps = [late - early for early, late in pairwise(times)]
    assert 100 <= times[0] - START_NS / MS_NS <= 600
    assert all(abs(gap - period_ms) <= 2 * jitter_ms for gap in gaps)
    assert max(gaps) - min(gaps) > jitter_ms / 2
    assert sum(gaps) / len(gaps) == pytest.approx(period_ms, rel=0.02)


def test_klines_can_be_slower() -> None:
    assert len(told(20_000, [Topic("BTCUSDT", "market_kline_1min")], kline_push_ms=2000)) in (9, 10)


SHAPES = {
    "depth": Depth,
    "trade": list[Trade],
    "price": Price,
    "ticker": Ticker,
    "tickers": list[Ticker],
    "market": Kline,
    "mark": Kline,
}


def test_every_frame_is_an_envelope_with_its_send_time_and_data_of_its_shape() -> None:
    for push in told(3000):
        frame = wire.decode_frame(push.text)
        assert (frame.ch, frame.ts) == (push.topic.ch, push.at_ns // MS_NS)
        assert frame.symbol == ("" if frame.ch == "tickers" else "BTCUSDT")
        assert wire.decode_data(frame.data, SHAPES[frame.ch.split("_")[0]])


@pytest.mark.parametrize(("channel", "levels"), [("depth_book1", 1), ("depth_book5", 5), ("depth_book15", 15)])
def test_depth_windows_are_complete_and_ordered(channel: str, levels: int) -> None:
    for push in told(3000, [Topic("BTCUSDT", channel)]):
        depth = wire.decode_data(wire.decode_frame(push.text).data, Depth)
        assert len(depth.b) == len(depth.a) == levels
        assert depth.b == sorted(depth.b, reverse=True)
        assert depth.a == sorted(depth.a)
        assert depth.b[0][0] < depth.a[0][0]


def test_trade_pushes_hold_every_trade_once_and_are_never_empty() -> None:
    pushes = told(30_000, [Topic("BTCUSDT", "trade"), Topic("BTCUSDT", "market_kline_1min")])
    batches = [
        wire.decode_data(wire.decode_frame(push.text).data, list[Trade]) for push in pushes if push.topic.ch == "trade"
    ]
    klines = [push for push in pushes if push.topic.ch != "trade"]
    before = sum(
        (
            trade.v
            for push in pushes
            if push.topic.ch == "trade" and push.at_ns <= klines[-1].at_ns
            for trade in wire.decode_data(wire.decode_frame(push.text).data, list[Trade])
        ),
        Decimal(0),
    )
    bar = wire.decode_data(wire.decode_frame(klines[-1].text).data, Kline)
    assert all(batches)
    assert {trade.s for batch in batches for trade in batch} == {"buy", "sell"}
    assert 0 <= bar.b - before < Decimal("40"), "the bar knows the same trades, and those of the last 100 ms"


def test_trade_times_can_have_nanoseconds() -> None:
    whole, fine = (
        wire.decode_data(
            wire.decode_frame(told(2000, [Topic("BTCUSDT", "trade")], trade_time_digits=digits)[0].text).data,
            list[Trade],
        )[0].t
        for digits in (0, 9)
    )
    assert (len(whole), len(fine)) == (20, 30)


def test_depth_books_as_changes_rebuilds_the_whole_book() -> None:
    topic = [Topic("BTCUSDT", "depth_books")]
    whole, changes = told(10_000, topic), told(10_000, topic, depth_books="delta")
    assert changes[0].opening == whole[0].text
    book = wire.decode_data(wire.decode_frame(whole[0].text).data, Depth)
    bids, asks = dict(book.b), dict(book.a)
    for change, full in zip(changes[1:], whole[1:], strict=True):
        delta, book = (wire.decode_data(wire.decode_frame(push.text).data, Depth) for push in (change, full))
        for side, levels in ((bids, delta.b), (asks, delta.a)):
            side.update(levels)
            for price in [price for price, quantity in levels if not quantity]:
                del side[price]
        assert (sorted(bids.items(), reverse=True), sorted(asks.items())) == (book.b, book.a)
        assert len(change.text) < len(full.text)


def test_price_tells_the_last_settlement_in_percent_and_the_next_one() -> None:
    before, after = (
        wire.decode_data(wire.decode_frame(push.text).data, Price)
        for push in (told(2000, [Topic("BTCUSDT", "price")])[-1], told(182_000, [Topic("BTCUSDT", "price")])[-1])
    )
    assert (before.ft, before.nft) == ("2026-01-05T00:00:00Z", "2026-01-05T08:00:00Z")
    assert (after.ft, after.nft) == ("2026-01-05T08:00:00Z", "2026-01-05T16:00:00Z")
    assert after.fr is not None and abs(after.fr) <= Decimal("0.3")


def test_only_listed_contracts_and_real_channels_are_served() -> None:
    source = SeededSource(StandInSettings(symbols=("BTCUSDT", "ETHUSDT")))
    assert all(source.serves(Topic("ETHUSDT", channel)) for channel in CHANNELS)
    assert not any(
        source.serves(Topic("ETHUSDT", channel)) for channel in ("market_kline_1m", "depth", "", "market_price", "1min")
    )
    assert not source.serves(Topic("SOLUSDT", "trade"))


def test_a_symbol_without_facts_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="does not list DOGEUSDT; it knows BTCUSDT"):
        SeededSource(StandInSettings(symbols=("DOGEUSDT",)))


def test_the_start_price_can_be_given_for_the_first_symbol() -> None:
    source = SeededSource(StandInSettings(symbols=("ETHUSDT", "BTCUSDT"), start_price=Decimal(3000)))
    tickers = [
        wire.decode_data(wire.decode_frame(push.text).data, Ticker)
        for push in source.pushes(START_NS + 2000 * MS_NS, [Topic(symbol, "ticker") for symbol in source.symbols])
    ]
    last = {ticker.s: ticker.la for ticker in tickers}
    assert last["ETHUSDT"] == pytest.approx(3000, rel=0.005)
    assert last["BTCUSDT"] == pytest.approx(65000, rel=0.04)
