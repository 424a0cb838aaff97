"""A book in ticks and lots: what takers get and what stays behind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venue.stand_in.limit_book import LimitBook


def book_with(bids: dict[int, int], asks: dict[int, int]) -> LimitBook:
    book = LimitBook()
    for sign, levels in ((-1, bids), (1, asks)):
        for tick, lots in levels.items():
            book.add(sign, tick, lots)
    return book


def test_a_market_order_takes_the_best_levels_first_and_leaves_the_rest() -> None:
    book = book_with({100: 5, 99: 7}, {101: 3, 103: 4, 110: 9})

    assert book.asks.take(5, worst_tick=105) == [(101, 3), (103, 2)]
    assert book.asks.top(9) == [(103, 2), (110, 9)]
    assert book.bids.take(6, worst_tick=0) == [(100, 5), (99, 1)]
    assert book.bids.top(9) == [(99, 6)]


def test_a_market_order_never_pays_worse_than_its_worst_price() -> None:
    book = book_with({100: 5, 99: 7}, {101: 3, 103: 4})

    assert book.asks.take(50, worst_tick=101) == [(101, 3)]
    assert book.bids.take(50, worst_tick=100) == [(100, 5)]


def test_levels_are_cancelled_within_and_beyond_a_price() -> None:
    book = book_with({100: 1, 99: 1, 90: 1}, {101: 1, 103: 1, 110: 1})

    book.asks.cancel_within(103)
    book.bids.cancel_within(100)
    assert (book.bids.top(9), book.asks.top(9)) == ([(99, 1), (90, 1)], [(110, 1)])
    book.bids.cancel_beyond(95)
    assert book.bids.top(9) == [(99, 1)]


@pytest.mark.parametrize(("sign", "tick"), [(-1, 101), (-1, 105), (1, 100), (1, 99)])
def test_a_quote_that_would_lock_or_cross_the_book_is_a_bug_of_the_caller(sign: int, tick: int) -> None:
    book = book_with({100: 5}, {101: 3})

    with pytest.raises(AssertionError, match="would cross"):
        book.add(sign, tick, 1)


@given(
    st.dictionaries(st.integers(101, 160), st.integers(1, 50), min_size=1), st.integers(1, 3000), st.integers(95, 170)
)
def test_what_is_taken_and_what_stays_add_up(asks: dict[int, int], lots: int, worst_tick: int) -> None:
    book = book_with({100: 1}, asks)

    fills = book.asks.take(lots, worst_tick)

    taken = sum(filled for _, filled in fills)
    assert taken + sum(left for _, left in book.asks.top(99)) == sum(asks.values())
    assert taken == min(lots, sum(offered for tick, offered in asks.items() if tick <= worst_tick))
    assert [tick for tick, _ in fills] == sorted(tick for tick, _ in fills)
