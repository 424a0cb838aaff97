"""What own takers had is gone until the market says otherwise; and what the ``book`` model gives inside a band."""

from decimal import Decimal, localcontext

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.trading.account_stories import BTC, INSTRUMENT, levels
from trading.book import Book
from trading.consumption import MEMORY_NS, Consumption
from trading.matching import TAKER_MODELS, Execution, Taking
from trading.messages import BookChanged
from trading.quantities import MONEY, ZERO
from trading.words import Side

ASKS = (("100.1", "1"), ("100.2", "2"), ("100.5", "4"))
BIDS = (("99.9", "1"), ("99.8", "2"), ("99.5", "4"))
WIDE = (Decimal(50), Decimal(150))


def window(sequence: int = 1, at_ns: int = 0, bids: tuple[tuple[str, str], ...] = BIDS, asks: tuple[tuple[str, str], ...] = ASKS) -> BookChanged:
    return BookChanged(sequence=sequence, at_ns=at_ns, seen_ns=0, symbol=BTC, bids=levels(*bids), asks=levels(*asks))


class Taker:
    """Takes from one symbol, and notes what it took as whoever applies its fills would."""

    def __init__(self) -> None:
        self.consumption = Consumption()
        self.book = Book(BTC)
        self.see(window())

    def see(self, fact: BookChanged) -> None:
        self.consumption.on_book(Book(BTC).replaced(fact))
        self.book = self.book.replaced(fact)

    def look(
        self, side: Side, quantity: str | Decimal, band: tuple[Decimal, Decimal] | None = WIDE, limit: str | None = None, model: str = "book",
    ) -> tuple[Execution, ...]:
        edge = None if limit is None else Decimal(limit)
        return TAKER_MODELS[model](Taking(INSTRUMENT, self.book, side, Decimal(quantity), edge, Decimal(30), band, self.consumption))

    def take(
        self, side: Side, quantity: str | Decimal, band: tuple[Decimal, Decimal] | None = WIDE, limit: str | None = None,
    ) -> tuple[Execution, ...]:
        got = self.look(side, quantity, band, limit)
        for each in got:
            self.consumption.take(side, each.price, each.quantity, each.level_displayed, self.book.sequence, self.book.at_ns)
        return got


def told(got: tuple[Execution, ...]) -> list[tuple[str, str]]:
    return [(str(each.price), str(each.quantity.normalize()) + "?" * each.extrapolated) for each in got]


# ---------------------------------------------------------------------------------------------------- own consumption


def test_two_orders_against_one_window_do_not_get_the_same_quantity() -> None:
    taker = Taker()
    assert told(taker.take(Side.BUY, "0.4")) == [("100.1", "0.4")]
    assert told(taker.take(Side.BUY, "1")) == [("100.1", "0.6"), ("100.2", "0.4")]
    assert told(taker.take(Side.BUY, "1", limit="100.1")) == []
    assert told(taker.take(Side.SELL, "1")) == [("99.9", "1")], "the other side is another quantity"


@pytest.mark.parametrize(("story", "fact", "again"), [
    ("the same window", window(2, 310), "100.2"),
    ("the same window, just before the minute is over", window(2, MEMORY_NS - 1), "100.2"),
    ("the same window after a minute", window(2, MEMORY_NS), "100.1"),
    ("more at that price", window(2, asks=(("100.1", "1.5"), ("100.2", "2"))), "100.1"),
    ("less at that price", window(2, asks=(("100.1", "0.5"), ("100.2", "2"))), "100.1"),
    ("a change at another price", window(2, asks=(("100.1", "1"), ("100.2", "3"))), "100.2"),
    ("an older window", window(1, asks=(("100.1", "7"),)), "100.2"),
    ("a window that cannot be traded on", window(2, bids=(), asks=(("100.1", "7"),)), "100.2"),
])
def test_what_was_taken_is_gone_until(story: str, fact: BookChanged, again: str) -> None:
    taker = Taker()
    taker.take(Side.BUY, "1")
    taker.consumption.on_book(Book(BTC).replaced(fact))
    book = Book(BTC).replaced(fact) if fact.sequence > 1 and fact.bids else taker.book
    taker.book = book
    assert told(taker.look(Side.BUY, "0.3"))[0][0] == again, story


def test_a_price_that_the_window_no_longer_shows_is_forgotten() -> None:
    taker = Taker()
    taker.take(Side.BUY, "1")
    taker.see(window(2, asks=(("100.2", "2"),)))
    taker.see(window(3))
    assert told(taker.look(Side.BUY, "1")) == [("100.1", "1")]


def test_what_was_taken_behind_the_window_makes_the_next_one_dearer() -> None:
    taker = Taker()
    first, second = (taker.take(Side.BUY, quantity)[-1] for quantity in ("9", "2"))
    assert first.extrapolated and second.extrapolated and first.price < second.price
    assert second == Taker().look(Side.BUY, "11")[-1]._replace(quantity=Decimal(2))
    taker.see(window(2, asks=(("100.1", "1"), ("101", "6"))))
    assert taker.consumption.behind(Side.BUY, Decimal("100.5")) == 0, "the window reaches there now, and it is fresh"


def test_memory_keeps_no_more_than_a_minute_also_without_a_window() -> None:
    consumption = Consumption()
    for second in range(0, 1000, 10):
        consumption.take(Side.BUY, Decimal(100), Decimal(1), Decimal(50), since=second, at_ns=second * 1_000_000_000)
    assert consumption.available(Side.BUY, Decimal(100), Decimal(50)) == 44


steps = st.lists(st.one_of(
    st.tuples(st.sampled_from(Side), st.integers(1, 30).map(lambda each: Decimal(each) / 4)),
    st.tuples(st.integers(0, 30), st.sampled_from(["1", "2"]), st.sampled_from(["2", "3"])),
), max_size=25)


@effort(deadline=None)
@given(steps)
def test_facts_folded_first_and_windows_shown_again_remember_the_same(story: list[tuple[object, ...]]) -> None:
    taker, recovered = Taker(), Consumption()
    windows: list[BookChanged] = []
    now_ns = 0
    for step in story:
        match step:
            case Side() as side, Decimal() as quantity:
                for each in taker.take(side, quantity):
                    recovered.take(side, each.price, each.quantity, each.level_displayed, taker.book.sequence, now_ns)
            case int(seconds), str(best), str(next_one):
                now_ns += seconds * 1_000_000_000
                windows.append(window(len(windows) + 2, now_ns, asks=(("100.1", best), ("100.2", next_one)), bids=(("99.9", best),)))
                taker.see(windows[-1])
    for fact in windows:
        recovered.on_book(Book(BTC).replaced(fact))
    for side in Side:
        for price, displayed in taker.book.opposite(side):
            assert recovered.available(side, price, displayed) == taker.consumption.available(side, price, displayed)
        worst = taker.book.opposite(side)[-1][0]
        assert recovered.behind(side, worst) == taker.consumption.behind(side, worst)


@effort(deadline=None)
@given(st.sampled_from(Side), st.lists(st.integers(1, 80).map(lambda each: Decimal(each) / 10), max_size=12))
def test_of_one_window_no_level_is_taken_twice(side: Side, orders: list[Decimal]) -> None:
    taker, taken = Taker(), {price: ZERO for price, _ in BOOK_LEVELS[side]}
    for quantity in orders:
        got = taker.take(side, quantity)
        assert sum((each.quantity for each in got), ZERO) == quantity
        for each in got:
            taken[each.price] = taken.get(each.price, ZERO) + (ZERO if each.extrapolated else each.quantity)
    assert all(taken[price] <= displayed for price, displayed in BOOK_LEVELS[side])


BOOK_LEVELS = {Side.BUY: levels(*ASKS), Side.SELL: levels(*BIDS)}


# ---------------------------------------------------------------------------------------------------- behind the window and within the band


@pytest.mark.parametrize(("side", "quantity", "band", "limit", "expected"), [
    # 7 are visible over 0.5 from the mid: 9 reach 0.5 x (sqrt(9 / 7) - 1) = 0.067 behind the last level, 28 reach 0.5.
    (Side.BUY, "9", ("99", "101"), None, [("100.1", "1"), ("100.2", "2"), ("100.5", "4"), ("100.6", "2?")]),
    (Side.SELL, "9", ("99", "101"), None, [("99.9", "1"), ("99.8", "2"), ("99.5", "4"), ("99.4", "2?")]),
    (Side.BUY, "28", ("99", "101"), None, [("100.1", "1"), ("100.2", "2"), ("100.5", "4"), ("101.0", "21?")]),
    (Side.BUY, "30", ("99", "101.05"), None, [("100.1", "1"), ("100.2", "2"), ("100.5", "4"), ("101.0", "21?")]),
    (Side.BUY, "30", ("99", "105"), "101", [("100.1", "1"), ("100.2", "2"), ("100.5", "4"), ("101.0", "21?")]),
    (Side.SELL, "30", ("99", "101"), None, [("99.9", "1"), ("99.8", "2"), ("99.5", "4"), ("99.0", "21?")]),
    (Side.BUY, "9", ("99", "100.5"), None, [("100.1", "1"), ("100.2", "2"), ("100.5", "4")]),
    (Side.BUY, "9", ("99", "100.4"), None, [("100.1", "1"), ("100.2", "2")]),
    (Side.BUY, "9", ("99", "105"), "100.2", [("100.1", "1"), ("100.2", "2")]),
    (Side.BUY, "9", ("99", "100"), None, []),
    (Side.BUY, "9", ("101", "103"), None, []),
])
def test_the_book_model_gives_within_a_band(
    side: Side, quantity: str, band: tuple[str, str], limit: str | None, expected: list[tuple[str, str]],
) -> None:
    assert told(Taker().look(side, quantity, (Decimal(band[0]), Decimal(band[1])), limit)) == expected


def test_without_a_band_nothing_is_taken_behind_the_window() -> None:
    assert sum(each.quantity for each in Taker().look(Side.BUY, "9", None)) == 7


@pytest.mark.parametrize("model", ["fixed", "top"])
def test_the_plain_models_give_nothing_outside_the_band(model: str) -> None:
    assert Taker().look(Side.BUY, "9", (Decimal(99), Decimal(101)), model=model) == Taker().look(Side.BUY, "9", None, model=model)
    assert Taker().look(Side.BUY, "9", (Decimal(99), Decimal(100)), model=model) == ()


def test_a_displayed_quantity_off_step_is_taken_on_step() -> None:
    taker = Taker()
    taker.see(window(2, asks=(("100.1", "0.00015"), ("100.2", "1"))))
    assert told(taker.take(Side.BUY, "1")) == [("100.1", "0.0001"), ("100.2", "0.9999")]


sides, sizes = st.sampled_from(Side), st.integers(1, 2_000_000).map(lambda each: each * INSTRUMENT.step)
bands = st.tuples(st.integers(1, 1010), st.integers(1010, 3000)).map(lambda each: (each[0] * Decimal("0.099"), each[1] * Decimal("0.101")))
ladders = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 500)), min_size=1, max_size=6)


def ladder(side: Side, rungs: list[tuple[int, int]]) -> Book:
    """The side that is taken from as given, in ticks and tenths; the other is a level at the mirror of its best."""
    sign = 1 if side is Side.BUY else -1
    price, rows = Decimal(100), []
    for ticks, tenths in rungs:
        price += sign * ticks * INSTRUMENT.tick
        rows.append((price, Decimal(tenths) / 10))
    mirror = ((200 - rows[0][0], Decimal(1)),)
    asks, bids = (tuple(rows), mirror) if side is Side.BUY else (mirror, tuple(rows))
    return Book(BTC, 1, 1, bids, asks, None)


@effort(deadline=None)
@given(sides, sizes, bands, ladders)
def test_a_walk_is_ordered_exact_bounded_and_never_better_than_the_best(
    side: Side, quantity: Decimal, band: tuple[Decimal, Decimal], rungs: list[tuple[int, int]],
) -> None:
    taker = Taker()
    taker.book = ladder(side, rungs)
    rows, got = taker.book.opposite(side), taker.look(side, quantity, band)
    with localcontext(MONEY):
        assert got == taker.look(side, quantity, band), "whatever the context of the caller"
    worse = [side is Side.BUY and later.price > before.price or side is Side.SELL and later.price < before.price
             for before, later in zip(got, got[1:], strict=False)]
    assert all(worse) and all(band[0] <= each.price <= band[1] for each in got)
    assert all(INSTRUMENT.on_tick(each.price) and INSTRUMENT.on_step(each.quantity) for each in got)
    assert sum((each.quantity for each in got), ZERO) <= quantity
    assert [each[:3] for each in got if not each.extrapolated] == [
        (price, each.quantity, shown) for (price, shown), each in zip(rows, got, strict=False) if not each.extrapolated
    ]
    assert [each.extrapolated for each in got[:-1]] == [False] * len(got[:-1])
    if WIDE[0] >= band[0] and WIDE[1] <= band[1] and quantity <= rows[-1][1]:
        assert sum((each.quantity for each in got), ZERO) == quantity


@effort(deadline=None)
@given(sides, sizes, sizes, ladders)
def test_more_never_costs_less_for_each(side: Side, one: Decimal, other: Decimal, rungs: list[tuple[int, int]]) -> None:
    taker = Taker()
    taker.book = ladder(side, rungs)
    averages = []
    for quantity in sorted((one, other)):
        got = taker.look(side, quantity, (INSTRUMENT.tick, Decimal(10**6)))
        filled = sum((each.quantity for each in got), ZERO)
        averages.append(sum((each.price * each.quantity for each in got), ZERO) / filled)
    assert averages[0] <= averages[1] if side is Side.BUY else averages[0] >= averages[1]


def test_a_walk_changes_neither_book_nor_memory() -> None:
    taker = Taker()
    before = msgspec.json.encode(taker.book)
    assert taker.look(Side.BUY, "9") == taker.look(Side.BUY, "9")
    assert msgspec.json.encode(taker.book) == before
