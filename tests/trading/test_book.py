"""A book replaces its window, and says itself whether it can be traded on."""

from decimal import Decimal

import pytest

from tests.trading.account_stories import BTC, levels
from trading.book import Book, BookFault, within
from trading.messages import BookChanged, Level
from trading.words import Side

BIDS = levels(("99", "1"), ("98", "2"))
ASKS = levels(("101", "1"), ("102", "2"))


def window(bids: tuple[Level, ...] = BIDS, asks: tuple[Level, ...] = ASKS, sequence: int = 7) -> BookChanged:
    return BookChanged(sequence=sequence, at_ns=5, seen_ns=6, symbol=BTC, bids=bids, asks=asks)


def test_a_window_replaces_the_whole_book() -> None:
    book = Book(BTC).replaced(window()).replaced(window(bids=levels(("50", "1")), sequence=8))
    assert (book.bids, book.asks, book.sequence, book.at_ns) == (levels(("50", "1")), ASKS, 8, 5)


def test_the_mid_is_halfway_and_exact() -> None:
    assert Book(BTC).replaced(window(bids=levels(("99.9", "1")), asks=levels(("100", "1")))).mid == Decimal("99.95")


@pytest.mark.parametrize(("bids", "asks", "fault"), [
    (BIDS, ASKS, None),
    ((), ASKS, BookFault.EMPTY),
    (BIDS, (), BookFault.EMPTY),
    ((), (), BookFault.EMPTY),
    (levels(("101", "1")), ASKS, BookFault.CROSSED),
    (levels(("102", "1")), ASKS, BookFault.CROSSED),
])
def test_a_window_that_cannot_be_traded_on_says_why(bids: tuple[Level, ...], asks: tuple[Level, ...], fault: BookFault | None) -> None:
    book = Book(BTC).replaced(window(bids, asks))
    assert (book.fault, book.usable) == (fault, fault is None)


def test_a_book_with_a_side_missing_has_no_mid() -> None:
    assert Book(BTC).mid is None
    assert Book(BTC).replaced(window(bids=())).mid is None


@pytest.mark.parametrize("fault", [BookFault.STALE, BookFault.GAPPED])
def test_a_distrusted_book_keeps_its_levels_and_is_whole_again_with_the_next_window(fault: BookFault) -> None:
    book = Book(BTC).replaced(window()).distrusted(fault)
    assert (book.fault, book.usable, book.bids, book.mid) == (fault, False, BIDS, Decimal(100))
    assert book.replaced(window()).usable


def test_a_book_never_seen_stays_unseen() -> None:
    assert Book(BTC).distrusted(BookFault.STALE).fault is BookFault.UNSEEN


@pytest.mark.parametrize(("side", "limit", "marketable"), [
    (Side.BUY, None, True), (Side.BUY, "101", True), (Side.BUY, "100.9", False),
    (Side.SELL, None, True), (Side.SELL, "99", True), (Side.SELL, "99.1", False),
])
def test_an_order_is_marketable_if_it_reaches_the_best_opposite_level(side: Side, limit: str | None, marketable: bool) -> None:
    book = Book(BTC).replaced(window())
    assert book.is_marketable(side, Decimal(limit) if limit else None) is marketable
    assert not Book(BTC).is_marketable(side, None)


def test_within_a_limit_means_the_limit_or_better() -> None:
    assert within(Side.BUY, Decimal(10), Decimal(10)) and within(Side.BUY, Decimal(10), Decimal(9))
    assert within(Side.SELL, Decimal(10), Decimal(10)) and within(Side.SELL, Decimal(10), Decimal(11))
    assert not within(Side.BUY, Decimal(10), Decimal(11)) and not within(Side.SELL, Decimal(10), Decimal(9))
