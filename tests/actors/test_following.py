"""Following a numbered stream: nothing lost, nothing doubled, and nobody flooded with questions."""

from typing import Any

import msgspec

from actors.envelopes import FactsGiven, FactsWanted, FactTold, LedgerHead, MarketGiven, MarketWanted
from actors.following import FactsFollower, MarketFollower
from messaging.mailbox import Delivery
from tests.trading.decision_facts import SECOND, book
from trading.messages import BookChanged, SessionClosed


class Questions:
    """The client end: what was asked is kept."""

    def __init__(self) -> None:
        self.sent: list[msgspec.Struct] = []

    def send(self, message: msgspec.Struct) -> bool:
        self.sent.append(message)
        return True


class Heard:
    """What a follower passed on, and how often it said that it has caught up."""

    def __init__(self) -> None:
        self.items: list[tuple[int, Any]] = []
        self.caught_up = 0

    def take(self, sequence: int, item: Any) -> None:
        self.items.append((sequence, item))

    def note(self) -> None:
        self.caught_up += 1

    @property
    def numbers(self) -> list[int]:
        return [number for number, _ in self.items]


def told(number: int) -> FactTold:
    return FactTold(sequence=number, fact=SessionClosed(at_ns=number, reason=""))


def live(message: Any) -> Delivery:
    return Delivery("facts", None, message)


def market(number: int) -> BookChanged:
    return book(number, number * SECOND)


def given(numbers: range, first: int = 1, head: int = 0) -> Delivery:
    return live(MarketGiven(facts=tuple(map(market, numbers)), first=first, head=head or max(numbers)))


def facts_follower() -> tuple[FactsFollower, Questions, Heard]:
    questions, heard = Questions(), Heard()
    return FactsFollower(questions, heard.take, heard.note), questions, heard  # type: ignore[arg-type]


def market_follower(from_start: bool) -> tuple[MarketFollower, Questions, Heard]:
    questions, heard = Questions(), Heard()
    return MarketFollower(questions, heard.take, heard.note, from_start), questions, heard  # type: ignore[arg-type]


def test_it_asks_for_the_beginning_and_page_after_page_until_the_head() -> None:
    follower, questions, heard = facts_follower()
    follower.tick()
    follower.on_page(FactsGiven(facts=(told(1), told(2)), head=3))
    assert heard.caught_up == 0
    follower.on_page(FactsGiven(facts=(told(3),), head=3))
    assert questions.sent == [FactsWanted(after=0), FactsWanted(after=2)]
    assert (heard.numbers, heard.caught_up, follower.caught_up) == ([1, 2, 3], 1, True)


def test_an_unanswered_question_is_not_repeated_with_every_tick() -> None:
    follower, questions, _ = facts_follower()
    for _ in range(100):
        follower.tick()
    assert len(questions.sent) == 1


def test_an_empty_ledger_is_caught_up_with_too() -> None:
    follower, _, heard = facts_follower()
    follower.on_page(FactsGiven(facts=(), head=0))
    assert heard.caught_up == 1


def test_what_comes_live_while_the_pages_are_read_waits_for_its_turn() -> None:
    follower, _, heard = facts_follower()
    follower.on_live(live(told(3)))
    follower.on_page(FactsGiven(facts=(told(1), told(2)), head=3))
    assert heard.numbers == [1, 2, 3]
    follower.on_live(live(told(4)))
    assert heard.numbers == [1, 2, 3, 4] and heard.caught_up == 1


def test_a_gap_is_asked_for_and_nothing_behind_it_is_passed_on_before() -> None:
    follower, questions, heard = facts_follower()
    follower.on_page(FactsGiven(facts=(told(1),), head=1))
    follower.on_live(live(told(4)))
    assert heard.numbers == [1] and follower.gap_count == 1
    assert questions.sent == [FactsWanted(after=1)]
    follower.on_page(FactsGiven(facts=(told(2), told(3)), head=4))
    assert heard.numbers == [1, 2, 3, 4]
    assert heard.caught_up == 1


def test_a_lost_last_fact_is_noticed_by_the_head_that_is_told() -> None:
    follower, questions, heard = facts_follower()
    follower.on_page(FactsGiven(facts=(told(1),), head=1))
    follower.on_live(live(LedgerHead(sequence=2)))
    assert questions.sent == [FactsWanted(after=1)]
    follower.on_page(FactsGiven(facts=(told(2),), head=2))
    assert heard.numbers == [1, 2]


def test_what_comes_twice_is_passed_on_once() -> None:
    follower, _, heard = facts_follower()
    for message in (told(1), told(1), told(2), told(1)):
        follower.on_live(live(message))
    follower.on_page(FactsGiven(facts=(told(1), told(2)), head=2))
    assert heard.numbers == [1, 2]


def test_other_messages_on_the_channel_are_nobodys() -> None:
    facts, _, heard_facts = facts_follower()
    facts.on_live(live(MarketWanted(after=0)))
    follower, _, heard = market_follower(from_start=True)
    follower.on_live(live(told(1)))
    follower.on_page(live(told(1)))
    assert heard_facts.items == [] and heard.items == []


def test_a_listener_from_now_on_begins_with_the_first_fact_it_hears() -> None:
    follower, questions, heard = market_follower(from_start=False)
    follower.tick()
    assert questions.sent == []
    follower.on_live(live(market(41)))
    follower.on_live(live(market(42)))
    assert (heard.numbers, heard.caught_up) == ([41, 42], 1)
    assert questions.sent == []


def test_and_from_then_on_it_misses_nothing() -> None:
    follower, questions, heard = market_follower(from_start=False)
    follower.on_live(live(market(41)))
    follower.on_live(live(market(44)))
    assert questions.sent == [MarketWanted(after=41)]
    follower.on_page(given(range(42, 45)))
    assert heard.numbers == [41, 42, 43, 44]


def test_what_the_feed_no_longer_has_is_passed_over_and_counted() -> None:
    follower, _, heard = market_follower(from_start=True)
    follower.on_live(live(market(12)))
    follower.on_page(given(range(8, 13), first=8))
    assert heard.numbers == [8, 9, 10, 11, 12]
    assert follower.unobserved_count == 7
    assert heard.caught_up == 1
