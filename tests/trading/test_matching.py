"""What each model gives a taking order."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.account_stories import BTC, INSTRUMENT, levels
from trading.book import Book, within
from trading.matching import TAKER_MODELS, Taking
from trading.words import Side

ASKS = (("100.1", "1"), ("100.2", "2"), ("100.5", "4"))
BIDS = (("99.9", "1"), ("99.8", "2"), ("99.5", "4"))
BOOK = Book(BTC, 1, 1, levels(*BIDS), levels(*ASKS), None)


def taking(side: Side, quantity: str, limit: str | None = None) -> Taking:
    return Taking(INSTRUMENT, BOOK, side, Decimal(quantity), Decimal(limit) if limit else None, Decimal(30))


def executions(*pairs: tuple[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in pairs)


STORIES = [
    ("fixed", Side.BUY, "9", None, [("100.3", "9")]),
    ("fixed", Side.SELL, "9", None, [("99.7", "9")]),
    ("fixed", Side.BUY, "9", "100.2", [("100.2", "9")]),
    ("fixed", Side.SELL, "9", "99.8", [("99.8", "9")]),
    ("fixed", Side.BUY, "9", "200", [("100.3", "9")]),
    ("top", Side.BUY, "9", None, [("100.1", "9")]),
    ("top", Side.SELL, "9", "99.9", [("99.9", "9")]),
    ("book", Side.BUY, "0.4", None, [("100.1", "0.4")]),
    ("book", Side.BUY, "2.5", None, [("100.1", "1"), ("100.2", "1.5")]),
    ("book", Side.SELL, "3", None, [("99.9", "1"), ("99.8", "2")]),
    ("book", Side.SELL, "9", None, [("99.9", "1"), ("99.8", "2"), ("99.5", "4")]),
    ("book", Side.BUY, "9", "100.2", [("100.1", "1"), ("100.2", "2")]),
    ("book_traded", Side.BUY, "2.5", None, [("100.1", "1"), ("100.2", "1.5")]),
    ("book_traded", Side.SELL, "9", "99.8", [("99.9", "1"), ("99.8", "2")]),
]


@pytest.mark.parametrize(("model", "side", "quantity", "limit", "expected"), STORIES)
def test_a_model_gives(model: str, side: Side, quantity: str, limit: str | None, expected: list[tuple[str, str]]) -> None:
    got = TAKER_MODELS[model](taking(side, quantity, limit))
    assert tuple(each[:2] for each in got) == executions(*expected)
    shown = {price: quantity for price, quantity in BOOK.opposite(side)} if model.startswith("book") else {}
    assert all(each.level_displayed == shown.get(each.price, 0) and not each.extrapolated for each in got)


@given(
    model=st.sampled_from(sorted(TAKER_MODELS)), side=st.sampled_from(Side), quantity=st.integers(1, 100_000),
    distance=st.none() | st.integers(0, 50), slippage=st.integers(0, 200),
)
def test_no_model_gives_more_than_asked_or_worse_than_the_limit_or_off_tick(
    model: str, side: Side, quantity: int, distance: int | None, slippage: int,
) -> None:
    best = BOOK.opposite(side)[0][0]
    step = (1 if side is Side.BUY else -1) * INSTRUMENT.tick
    limit = None if distance is None else best + distance * step
    asked = Taking(INSTRUMENT, BOOK, side, quantity * INSTRUMENT.step, limit, Decimal(slippage))
    got = TAKER_MODELS[model](asked)
    assert 0 < sum(each.quantity for each in got) <= asked.quantity
    assert all(within(side, limit, each.price) and INSTRUMENT.on_tick(each.price) for each in got)


def test_a_model_leaves_the_book_as_it_is() -> None:
    before = msgspec.json.encode(BOOK)
    for model in TAKER_MODELS.values():
        model(taking(Side.BUY, "2"))
    assert msgspec.json.encode(BOOK) == before
