"""What each model gives a taking order, and how a trade is shared among resting ones."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.account_stories import BTC, INSTRUMENT, levels
from trading.book import Book, within
from trading.matching import TAKER_MODELS, Execution, Taking, reaches, trades_of
from trading.messages import BookChanged, Print, SubmitOrder, TradesPrinted
from trading.orders import Order, OrderEvent
from trading.words import OrderType, Side

ASKS = (("100.1", "1"), ("100.2", "2"), ("100.5", "4"))
BIDS = (("99.9", "1"), ("99.8", "2"), ("99.5", "4"))
BOOK = Book(BTC, 1, 1, levels(*BIDS), levels(*ASKS), None)


def taking(side: Side, quantity: str, limit: str | None = None) -> Taking:
    return Taking(INSTRUMENT, BOOK, side, Decimal(quantity), Decimal(limit) if limit else None, Decimal(30))


def executions(*pairs: tuple[str, str]) -> tuple[Execution, ...]:
    return tuple(Execution(Decimal(price), Decimal(quantity)) for price, quantity in pairs)


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
]


@pytest.mark.parametrize(("model", "side", "quantity", "limit", "expected"), STORIES)
def test_a_model_gives(model: str, side: Side, quantity: str, limit: str | None, expected: list[tuple[str, str]]) -> None:
    assert TAKER_MODELS[model](taking(side, quantity, limit)) == executions(*expected)


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


def resting(side: Side, price: str, quantity: str) -> Order:
    intent = SubmitOrder(
        client_order_id=price, strategy_id="s", symbol=BTC, side=side, type=OrderType.LIMIT, quantity=Decimal(quantity),
        price=Decimal(price),
    )
    order = Order(intent, effective_at_ns=0)
    order.advance(OrderEvent.SUBMIT)
    order.advance(OrderEvent.ACCEPT)
    return order


def shares(trade: Print, orders: list[Order], took: Decimal = Decimal(1)) -> list[tuple[str, Decimal]]:
    """What each order is offered, if each takes the share ``took`` of it."""
    offers = []
    for order, quantity in reaches(trade, orders):
        offers.append((order.client_order_id, quantity))
        if took:
            order.fill(quantity * took, order.intent.price or Decimal(0))
    return offers


def test_a_trade_is_shared_once_best_price_first() -> None:
    orders = [resting(Side.BUY, "100", "1"), resting(Side.BUY, "99", "1"), resting(Side.BUY, "98", "1")]
    assert shares(Print(Decimal(98), Decimal("1.5"), Side.SELL), orders) == [("100", 1), ("99", Decimal("0.5"))]


def test_a_trade_reaches_orders_at_its_price_and_better_only() -> None:
    orders = [resting(Side.SELL, "100", "1"), resting(Side.SELL, "101", "1"), resting(Side.SELL, "102", "1")]
    assert shares(Print(Decimal(101), Decimal(9), Side.BUY), orders) == [("100", 1), ("101", 1)]


def test_what_an_order_declines_is_left_for_the_next() -> None:
    orders = [resting(Side.BUY, "100", "1"), resting(Side.BUY, "99", "1")]
    assert shares(Print(Decimal(98), Decimal(1), Side.SELL), orders, took=Decimal("0.5")) == [("100", 1), ("99", Decimal("0.5"))]
    orders = [resting(Side.BUY, "100", "1"), resting(Side.BUY, "99", "1")]
    assert shares(Print(Decimal(98), Decimal(1), Side.SELL), orders, took=Decimal(0)) == [("100", 1), ("99", 1)]


def test_what_of_a_window_crosses_resting_orders_counts_like_trades() -> None:
    common = {"sequence": 1, "at_ns": 1, "seen_ns": 1, "symbol": BTC}
    window = BookChanged(**common, bids=levels(("99", "2"), ("98", "1")), asks=levels(("101", "3"), ("102", "1")))  # type: ignore[arg-type]
    assert trades_of(window, Decimal(100), Decimal(100)) == () == trades_of(window, None, None)
    assert trades_of(window, Decimal(101), None) == (Print(Decimal(101), Decimal(3), Side.SELL),)
    assert trades_of(window, None, Decimal(98)) == (Print(Decimal(99), Decimal(2), Side.BUY), Print(Decimal(98), Decimal(1), Side.BUY))
    printed = TradesPrinted(**common, prints=(Print(Decimal(99), Decimal(2), Side.BUY),))  # type: ignore[arg-type]
    assert trades_of(printed, None, None) == printed.prints


def test_a_model_leaves_the_book_as_it_is() -> None:
    before = msgspec.json.encode(BOOK)
    for model in TAKER_MODELS.values():
        model(taking(Side.BUY, "2"))
    assert msgspec.json.encode(BOOK) == before
