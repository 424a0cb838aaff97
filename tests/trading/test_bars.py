"""Trades become bars: on event time, without gaps."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.decision_facts import MS, SECOND, SYMBOL, book, trades
from trading.bars import LONGEST_GAP, BarBuilder, BarClosed, BarsReset, continuous, parse_interval, venue_interval
from trading.messages import MarketFact


def builder() -> BarBuilder:
    return BarBuilder(SYMBOL, SECOND)


def closed(bars: BarBuilder, facts: list[MarketFact]) -> list[BarClosed | BarsReset]:
    return [event for fact in facts for event in bars.on_market(fact)]


def shape(bar: BarClosed | BarsReset) -> tuple[int, str, str, str, str, str, int]:
    assert isinstance(bar, BarClosed)
    return (
        bar.open_at_ns // SECOND, str(bar.open), str(bar.high), str(bar.low), str(bar.close), str(bar.volume), bar.trades,
    )


def history(second: int, close: str = "100") -> BarClosed:
    price = Decimal(close)
    return BarClosed(
        symbol=SYMBOL,
        open_at_ns=second * SECOND,
        interval_ns=SECOND,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(1),
        trades=0,
    )


def test_a_bar_has_the_first_highest_lowest_and_last_price_and_the_whole_volume() -> None:
    facts = [
        book(1, 500 * MS),
        trades(2, 1_000 * MS, 100, 105),
        trades(3, 1_400 * MS, 95),
        trades(4, 1_999 * MS, 101),
        trades(5, 2_000 * MS, 102),
    ]
    assert [shape(bar) for bar in closed(builder(), facts)] == [(1, "100", "105", "95", "101", "0.4", 4)]


def test_any_market_fact_closes_a_bar_not_only_a_trade() -> None:
    bars = builder()
    assert closed(bars, [book(1, 500 * MS), trades(2, 1_200 * MS, 100), book(3, 1_999 * MS)]) == []
    assert [shape(bar)[0] for bar in bars.on_market(book(4, 2_000 * MS))] == [1]


def test_intervals_without_trades_give_flat_bars_at_the_previous_close() -> None:
    facts = [book(1, 500 * MS), trades(2, 1_200 * MS, 100, 103), book(3, 4_100 * MS)]
    assert [shape(bar) for bar in closed(builder(), facts)] == [
        (1, "100", "103", "100", "103", "0.2", 2),
        (2, "103", "103", "103", "103", "0", 0),
        (3, "103", "103", "103", "103", "0", 0),
    ]


def test_the_interval_in_which_listening_began_gives_no_bar_but_its_last_price_counts() -> None:
    facts = [trades(1, 500 * MS, 100), trades(2, 600 * MS, 107), book(3, 1_100 * MS), book(4, 2_000 * MS)]
    assert [shape(bar) for bar in closed(builder(), facts)] == [(1, "107", "107", "107", "107", "0", 0)]


def test_there_is_no_bar_before_the_first_price() -> None:
    facts = [book(1, 500 * MS), book(2, 3_500 * MS), trades(3, 3_600 * MS, 100), book(4, 4_000 * MS)]
    assert [shape(bar)[0] for bar in closed(builder(), facts)] == [3]


def test_a_trade_older_than_the_forming_bar_is_not_counted_twice() -> None:
    bars = builder()
    bars.continue_from(history(9))
    facts = [trades(1, 9_900 * MS, 90), trades(2, 10_000 * MS, 100), book(3, 11_000 * MS)]
    assert [shape(bar) for bar in closed(bars, facts)] == [(10, "100", "100", "100", "100", "0.1", 1)]


def test_after_history_the_first_interval_counts_and_the_gap_up_to_it_is_filled() -> None:
    bars = builder()
    bars.continue_from(history(9, "99"))
    facts = [trades(1, 11_500 * MS, 100), book(2, 12_000 * MS)]
    assert [shape(bar) for bar in closed(bars, facts)] == [
        (10, "99", "99", "99", "99", "0", 0),
        (11, "100", "100", "100", "100", "0.1", 1),
    ]


def test_a_jump_of_the_clock_is_filled_up_to_a_bound_and_beyond_it_the_builder_starts_afresh() -> None:
    bars = builder()
    assert len(closed(bars, [trades(1, 0, 100), book(2, LONGEST_GAP * SECOND)])) == LONGEST_GAP - 1
    late_ns = (2 * LONGEST_GAP + 1) * SECOND
    expected = BarsReset(symbol=SYMBOL, from_ns=LONGEST_GAP * SECOND, to_ns=late_ns, intervals=LONGEST_GAP + 1)
    assert bars.on_market(book(3, late_ns)) == [expected]
    facts = [trades(4, late_ns + 100, 50), trades(5, late_ns + SECOND, 60), book(6, late_ns + 2 * SECOND)]
    assert [shape(bar)[1:5] for bar in closed(bars, facts)] == [("60", "60", "60", "60")]


def test_facts_of_another_symbol_change_nothing() -> None:
    bars = builder()
    assert closed(bars, [trades(1, 0, 100, symbol="ETHUSDT"), book(2, 60 * SECOND, symbol="ETHUSDT")]) == []
    assert bars.forming_at_ns is None


@pytest.mark.parametrize(
    ("given_seconds", "until", "expected"),
    [
        ([3, 1, 2], None, [1, 2, 3]),
        ([1, 2, 2, 1], None, [1, 2]),
        ([1, 4], None, [1, 2, 3, 4]),
        ([1, 2], 5, [1, 2, 3, 4]),
        ([1, 2, 3, 4], 3, [1, 2]),
        ([1, 2, 1 + 2 * LONGEST_GAP], None, [1 + 2 * LONGEST_GAP]),
        ([1], 2 * LONGEST_GAP, []),
        ([], 5, []),
    ],
)
def test_history_is_put_in_order_without_doubles_and_gaps(
    given_seconds: list[int], until: int | None, expected: list[int]
) -> None:
    line = continuous([history(each) for each in given_seconds], None if until is None else until * SECOND)
    assert [bar.open_at_ns // SECOND for bar in line] == expected


def test_of_two_bars_for_one_interval_the_first_given_counts() -> None:
    assert [bar.close for bar in continuous([history(1, "100"), history(1, "200")])] == [Decimal(100)]


@pytest.mark.parametrize(
    ("text", "interval_ns", "venue"),
    [
        ("100ms", 100 * MS, None),
        ("500ms", 500 * MS, None),
        ("1s", SECOND, None),
        ("60s", 60 * SECOND, "1m"),
        ("1m", 60 * SECOND, "1m"),
        ("5m", 300 * SECOND, "5m"),
        ("7m", 420 * SECOND, None),
        ("1h", 3600 * SECOND, "1h"),
        ("24h", 86400 * SECOND, "1d"),
    ],
)
def test_intervals_are_read_and_known_to_the_venue_or_not(text: str, interval_ns: int, venue: str | None) -> None:
    assert parse_interval(text) == interval_ns
    assert venue_interval(interval_ns) == venue


@pytest.mark.parametrize(
    "text", ["", "5", "m", "1.5s", "-1s", "1 s", "1S", "1w", "0ms", "99ms", "2d", "9" * 30 + "ms", "1s\n"]
)
def test_a_bad_interval_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="bar interval"):
        parse_interval(text)


steps = st.lists(st.tuples(st.integers(0, 1700), st.lists(st.integers(1, 1000), max_size=3)), min_size=1, max_size=80)


@given(steps)
def test_bars_agree_with_sorting_all_trades_into_intervals(steps: list[tuple[int, list[int]]]) -> None:
    """Against a naive computation from the list of all trades: no gap, no trade lost or doubled."""
    bars, at_ns, heard, made = builder(), 0, list[tuple[int, int]](), list[BarClosed]()
    for number, (wait_ms, prices) in enumerate(steps, 1):
        at_ns += wait_ms * MS
        fact = trades(number, at_ns, *prices) if prices else book(number, at_ns)
        made += [event for event in bars.on_market(fact) if isinstance(event, BarClosed)]
        heard += [(at_ns // SECOND, price) for price in prices]
    first = steps[0][0] * MS // SECOND
    priced = min((second for second, _ in heard), default=None)
    seconds = range(max(first + 1, priced or 0), at_ns // SECOND) if priced is not None else range(0)
    assert [bar.open_at_ns // SECOND for bar in made] == list(seconds)
    for bar in made:
        inside = [Decimal(price) for second, price in heard if second == bar.open_at_ns // SECOND]
        before = [Decimal(price) for second, price in heard if second < bar.open_at_ns // SECOND]
        expected = inside or before[-1:]
        assert (bar.open, bar.high, bar.low, bar.close) == (expected[0], max(expected), min(expected), expected[-1])
        assert (bar.trades, bar.volume) == (len(inside), Decimal("0.1") * len(inside))
