"""What is kept for those who missed something: whole, in order, in pages that fit into a message."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from actors.envelopes import MarketWanted, run_codec
from actors.market_memory import RetainedFacts
from messaging.codec import MAX_FRAME_BYTES
from trading.messages import BookChanged, FeedLive, Print, TradesPrinted
from trading.words import Side

D = Decimal


def mark(sequence: int) -> FeedLive:
    return FeedLive(sequence=sequence, at_ns=0, seen_ns=0, symbol="BTCUSDT", stream="all")


def filled(count: int, limit: int = 1000) -> RetainedFacts:
    retained = RetainedFacts(limit)
    for sequence in range(1, count + 1):
        retained.keep(mark(sequence))
    return retained


@given(count=st.integers(0, 1500), after=st.integers(0, 1600), limit=st.integers(1, 1200))
def test_pages_one_after_the_other_give_everything_that_is_still_here(count: int, after: int, limit: int) -> None:
    retained, got, last = filled(count, limit), [], after
    while (page := retained.page(MarketWanted(after=last), count)).facts:
        assert len(page.facts) <= 500
        got += [fact.sequence for fact in page.facts]
        last = got[-1]
    oldest = max(1, count - limit + 1)
    assert got == list(range(max(after + 1, oldest), count + 1))
    assert page.head == count and page.first == (oldest if count else 1)


def test_even_the_largest_facts_make_pages_that_fit_into_a_message() -> None:
    retained = RetainedFacts(1000)
    price = D("123456789012.123456789012")
    for sequence in range(1, 600):
        prints = (Print(price, price, Side.SELL),) * 9_000
        retained.keep(TradesPrinted(sequence=sequence, at_ns=1 << 62, seen_ns=1 << 62, symbol="BTCUSDT", prints=prints))
    page = retained.page(MarketWanted(after=0), 599)
    assert page.facts and len(run_codec().encode(page)) < MAX_FRAME_BYTES


def test_a_single_fact_larger_than_a_page_is_still_given() -> None:
    retained = RetainedFacts(10)
    levels = tuple((D(n), D(1)) for n in range(50_000, 0, -1))
    retained.keep(BookChanged(sequence=1, at_ns=0, seen_ns=0, symbol="BTCUSDT", bids=levels, asks=()))
    assert len(retained.page(MarketWanted(after=0), 1).facts) == 1


@given(count=st.integers(1, 60), after=st.integers(0, 70), standing_to=st.integers(0, 70), limit=st.integers(1, 60))
def test_what_stood_is_given_at_the_number_asked_for_or_at_the_oldest_that_can_be(count: int, after: int, standing_to: int, limit: int) -> None:
    retained = filled(count, limit)
    page = retained.page(MarketWanted(after=after, standing_to=standing_to), count)
    asked = min(standing_to, count)
    oldest = max(0, count - limit)
    assert page.standing_to == (max(asked, oldest) if after < asked else 0)
    assert [fact.sequence for fact in page.standing[-1:]] == ([page.standing_to] if page.standing_to else [])
    assert [fact.sequence for fact in page.facts] == list(range(max(page.standing_to or after, oldest) + 1, count + 1))


def test_older_facts_are_fetched_once_and_only_when_somebody_wants_them() -> None:
    fetched: list[int] = []

    def older() -> list[FeedLive]:
        fetched.append(len(fetched))
        return [mark(sequence) for sequence in range(1, 41)]

    retained = RetainedFacts(1000)
    retained.begin_behind((mark(40),), older)
    for sequence in range(41, 51):
        retained.keep(mark(sequence))
    assert [fact.sequence for fact in retained.page(MarketWanted(after=40), 50).facts] == list(range(41, 51))
    page = retained.page(MarketWanted(after=0, standing_to=45), 50)
    assert [fact.sequence for fact in (*page.standing, *page.facts)] == list(range(45, 51))
    assert fetched == []
    for _ in range(2):
        page = retained.page(MarketWanted(after=30), 50)
        assert [fact.sequence for fact in page.facts] == list(range(31, 51)) and page.first == 1
    assert fetched == [0]
