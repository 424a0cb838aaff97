"""The REST book and the feed's are compared after each connect; a difference is said and counted, nothing else happens."""

from decimal import Decimal
from typing import Any

import pytest

from actors.envelopes import Fetch, FetchBook, Fetched, FetchedBook, FetchedFunding, FetchFailed, FetchFunding
from actors.second_look import SecondLook
from trading.messages import BookChanged, FeedLive


class Desk:
    def __init__(self) -> None:
        self.sent: list[Fetch] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.counters: dict[str, float] = {}

    def send(self, fetch: Fetch) -> bool:
        self.sent.append(fetch)
        return True

    def info(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))

    warning = debug = info


def book(sequence: int, bid: str, ask: str) -> BookChanged:
    one = Decimal(1)
    return BookChanged(
        sequence=sequence, at_ns=sequence, seen_ns=sequence, symbol="BTCUSDT", bids=((Decimal(bid), one),), asks=((Decimal(ask), one),)
    )


def rest(bid: str, ask: str) -> Fetched:
    one = Decimal(1)
    answer = FetchedBook(symbol="BTCUSDT", bids=((Decimal(bid), one),), asks=((Decimal(ask), one),))
    return Fetched(request_id="book:BTCUSDT", answer=answer)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def look(desk: Desk) -> SecondLook:
    made = SecondLook(desk, desk, desk.counters)  # type: ignore[arg-type]  # a fake client
    made.on_market(book(1, "30000", "30000.2"))
    return made


def test_asks_for_book_and_funding_at_the_first_book_and_for_the_book_after_every_reconnect(desk: Desk, look: SecondLook) -> None:
    look.on_market(book(2, "30000", "30000.2"))
    look.on_market(FeedLive(sequence=3, at_ns=3, seen_ns=3, symbol="BTCUSDT", stream="price"))
    look.on_market(FeedLive(sequence=4, at_ns=4, seen_ns=4, symbol="BTCUSDT", stream="all"))
    assert [type(fetch.request) for fetch in desk.sent] == [FetchBook, FetchFunding, FetchBook]


@pytest.mark.parametrize(("bid", "ask", "event", "disagreements"), [
    ("30001", "30001.2", "BOOK_AGREES", 0), ("30100", "30100.2", "BOOK_DISAGREES", 1), ("29800", "29800.2", "BOOK_DISAGREES", 1),
])
def test_says_whether_the_two_books_agree(desk: Desk, look: SecondLook, bid: str, ask: str, event: str, disagreements: int) -> None:
    look.on_fetched(rest(bid, ask))
    assert [name for name, _ in desk.events] == [event]
    assert desk.counters == {"book_checks_count": 1, "book_disagreements_count": disagreements}


def test_a_failed_look_and_the_funding_rate_are_only_noted(desk: Desk, look: SecondLook) -> None:
    look.on_fetched(Fetched(request_id="book:BTCUSDT", answer=FetchFailed(reason="deadline")))
    funding = FetchedFunding(symbol="BTCUSDT", rate=Decimal("0.0001"), mark=Decimal(30000), next_funding_at_ns=7)
    look.on_fetched(Fetched(request_id="funding:BTCUSDT", answer=funding))
    assert [name for name, _ in desk.events] == ["NO_SECOND_LOOK", "FUNDING_KNOWN"]
    assert desk.counters["book_checks_count"] == 0
