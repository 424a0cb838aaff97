"""Following a numbered stream: nothing lost, nothing doubled, and nobody flooded with questions."""

from typing import Any

import msgspec

from actors.envelopes import FactsGiven, FactsWanted, FactTold, LedgerHead, MarketGiven, MarketWanted
from actors.following import AS_IT_STANDS, FactsFollower, MarketFollower
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
        self.passed_over: list[tuple[int, int]] = []

    def take(self, sequence: int, item: Any) -> None:
        self.items.append((sequence, item))

    def pass_over(self, first: int, last: int) -> None:
        self.passed_over.append((first, last))

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
    return FactsFollower(questions, heard.take, heard.note), questions, heard  # type: ignore[arg-type]  # a fake client


def market_follower(after: int = 0, standing_to: int = 0) -> tuple[MarketFollower, Questions, Heard]:
    questions, heard = Questions(), Heard()
    follower = MarketFollower(questions, heard.take, heard.note, after, standing_to, heard.pass_over)  # type: ignore[arg-type]  # a fake client
    return follower, questions, heard


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
    follower, _, heard = market_follower()
    follower.on_live(live(told(1)))
    follower.on_page(live(told(1)))
    assert heard_facts.items == [] and heard.items == []


def standing(numbers: tuple[int, ...], to: int, rest: range, first: int = 1) -> Delivery:
    facts = tuple(map(market, rest))
    head = max((to, *rest))
    return live(MarketGiven(facts=facts, first=first, head=head, standing=tuple(map(market, numbers)), standing_to=to))


def test_a_reader_that_has_heard_a_part_already_asks_behind_it() -> None:
    follower, questions, heard = market_follower(after=40)
    follower.on_live(live(market(44)))
    assert questions.sent == [MarketWanted(after=40)]
    follower.on_page(given(range(41, 45)))
    assert (heard.numbers, heard.caught_up, heard.passed_over) == ([41, 42, 43, 44], 1, [])


def test_of_what_only_has_to_stand_what_counts_is_heard_and_everything_behind_it() -> None:
    follower, questions, heard = market_follower(standing_to=40)
    follower.tick()
    assert questions.sent == [MarketWanted(after=0, standing_to=40)]
    follower.on_live(live(market(43)))
    follower.on_page(standing((12, 40), 40, range(41, 43)))
    follower.on_page(given(range(43, 45)))
    assert heard.numbers == [12, 40, 41, 42, 43, 44]
    assert (heard.caught_up, heard.passed_over, follower.unobserved_count) == (1, [], 0)


def test_how_the_market_stands_now_takes_the_place_of_what_came_live_meanwhile() -> None:
    follower, _, heard = market_follower(standing_to=AS_IT_STANDS)
    for number in (41, 42, 43):
        follower.on_live(live(market(number)))
    follower.on_page(standing((12, 42), 42, range(0)))
    assert heard.numbers == [12, 42, 43]
    assert (heard.caught_up, follower.unobserved_count) == (1, 0)


def test_what_stands_at_a_later_number_than_was_asked_for_was_passed_over_between() -> None:
    follower, _, heard = market_follower(standing_to=40)
    follower.on_page(standing((12, 60), 60, range(61, 63), first=61))
    assert heard.numbers == [12, 60, 61, 62]
    assert (heard.passed_over, follower.unobserved_count) == ([(41, 60)], 20)


def test_what_the_feed_no_longer_has_is_passed_over_and_counted() -> None:
    follower, _, heard = market_follower()
    follower.on_live(live(market(12)))
    follower.on_page(given(range(8, 13), first=8))
    assert heard.numbers == [8, 9, 10, 11, 12]
    assert follower.unobserved_count == 7 and heard.passed_over == [(1, 7)]
    assert heard.caught_up == 1


def test_a_reader_can_begin_before_it_has_everything_and_the_rest_still_comes() -> None:
    follower, questions, heard = market_follower()
    follower.on_page(given(range(1, 3), head=5))
    assert heard.caught_up == 0
    follower.suffices()
    follower.on_page(given(range(3, 6), head=5))
    assert (heard.numbers, heard.caught_up) == ([1, 2, 3, 4, 5], 1)
    assert questions.sent == [MarketWanted(after=2)]
