"""A recording's market: its texts alone decide the facts, whoever is killed, cut off or slow; silences are told in its own time."""

import json
from random import Random
from typing import TypeVar

import msgspec
import pytest

from tests.venue.frames import CONNECT_FRAME, SECOND, T0_MS, book, pong, price, trade
from tests.venue.taped import MS, PONG, eventful, quiet
from trading.messages import BookChanged, FeedLive, FeedStale, MarketFact
from venue.continuous import ContinuousMarket
from venue.continuous_connection import ContinuousConnection
from venue.effects import Close, Connect, Effect, Ended, Note, Send, Tell, TellStatus
from venue.phases import Phase
from venue.protocol import NEVER
from venue.settings import LinkSettings
from venue.stream import MarketStream
from venue.wire import END_OF_TAPE

Kind = TypeVar("Kind")
QUICK = LinkSettings(healthy_after_ms=500)
END = f"closed_by_venue 1000 {END_OF_TAPE}"


def facts_in(effects: list[Effect]) -> list[MarketFact]:
    return [effect.fact for effect in effects if isinstance(effect, (Tell, TellStatus))]


def new_market() -> ContinuousMarket:
    return ContinuousMarket(MarketStream(("BTCUSDT",)), QUICK)


def heard(market: ContinuousMarket, texts: list[str], seen_ns: int = 0) -> list[MarketFact]:
    found: list[MarketFact] = []
    for text in texts:
        told = market.heard(text, seen_ns)
        found += facts_in(told) if isinstance(told, list) else []
    return found


def timeless(facts: list[MarketFact]) -> list[MarketFact]:
    """Without the one number that is not the tape's."""
    return [msgspec.structs.replace(fact, seen_ns=0) for fact in facts]


def story(facts: list[MarketFact]) -> list[tuple[str, str, int]]:
    """(kind, stream, milliseconds of the tape) of the watchdogs' facts."""
    return [
        ("stale" if isinstance(fact, FeedStale) else "live", fact.stream, fact.at_ns // MS - T0_MS)
        for fact in facts if isinstance(fact, (FeedStale, FeedLive))
    ]


# ---------------------------------------------------------------------------------------- what is told


def test_a_market_counts_as_live_after_enough_of_its_own_time() -> None:
    assert story(heard(new_market(), quiet(T0_MS, 10, step_ms=100))) == [("live", "all", 500)]


def test_a_silent_stream_is_told_at_the_instant_it_was_due_before_the_frame_that_shows_it() -> None:
    market = new_market()
    heard(market, quiet(T0_MS, 4, step_ms=300))  # the last ones at 900 ms
    assert heard(market, [price(T0_MS + 2_900)])[0].__class__.__name__ == "MarkPriceChanged"  # exactly at the limit: not yet
    facts = heard(market, [price(T0_MS + 3_000)])
    assert story(facts) == [("stale", "depth_book15", 2_900)]
    assert [fact.sequence for fact in facts] == [facts[0].sequence, facts[0].sequence + 1]
    assert story(heard(market, [book(T0_MS + 3_100)])) == [("live", "depth_book15", 3_100)]


def test_an_outage_is_told_in_the_tapes_time_and_trust_is_earned_anew() -> None:
    market = new_market()
    heard(market, quiet(T0_MS, 4, step_ms=300))
    facts = heard(market, quiet(T0_MS + 100_000, 4, step_ms=300))
    assert story(facts) == [
        ("stale", "depth_book15", 2_900), ("stale", "price", 3_900), ("stale", "all", 15_900), ("live", "all", 100_600),
    ]
    assert [fact.at_ns for fact in facts] == sorted(fact.at_ns for fact in facts)
    assert not market.stream.live_symbols.isdisjoint({"BTCUSDT"})


def test_what_is_still_silent_when_the_symbol_is_live_is_said_again() -> None:
    facts = heard(new_market(), [book(T0_MS - 5_000), price(T0_MS), trade(T0_MS), book(T0_MS + 400)])
    assert story(facts) == [
        ("stale", "depth_book15", -3_000), ("stale", "price", -2_000), ("live", "price", 0),
        ("live", "all", 0), ("stale", "depth_book15", 0), ("live", "depth_book15", 400),
    ]


def test_refused_frames_take_no_number_but_their_time_has_passed() -> None:
    market = new_market()
    first = heard(market, quiet(T0_MS, 4))
    facts = heard(market, ["no json", book(T0_MS + 3_500).replace("100.1", "NaN"), price(T0_MS + 3_600)])
    assert story(facts) == [("stale", "depth_book15", 2_900)]
    assert [fact.sequence for fact in facts] == [first[-1].sequence + 1, first[-1].sequence + 2]


def test_frames_of_a_recorded_reconnect_do_not_start_anything_anew() -> None:
    plain = heard(new_market(), quiet(T0_MS, 8))
    with_reconnects = [text for each in quiet(T0_MS, 8) for text in (each, CONNECT_FRAME, PONG)]
    assert heard(new_market(), with_reconnects) == plain


# ---------------------------------------------------------------------------------------- lives and lines


@pytest.mark.parametrize("cut", range(0, len(eventful()) + 1, 3))
def test_a_life_that_hears_its_record_again_goes_on_with_the_very_same_facts(cut: int) -> None:
    """Kill after any frame: the successor hears the record again, then the rest."""
    texts = eventful()
    whole = heard(new_market(), texts, seen_ns=1)
    successor = new_market()
    again = heard(successor, texts[:cut], seen_ns=2) + heard(successor, texts[cut:], seen_ns=3)
    assert timeless(again) == timeless(whole)
    assert {type(fact) for fact in whole} >= {FeedStale, FeedLive, BookChanged}


class Line:
    """A connection driven by hand; what the server has sent but nobody recorded comes again on the next line."""

    def __init__(self, market: ContinuousMarket) -> None:
        self.link = ContinuousConnection(market, QUICK, Random(1))
        self.now_ns = SECOND
        self.effects: list[Effect] = self.link.start(self.now_ns)

    def open(self) -> "Line":
        self.effects += self.link.opened(self.link.connection_id, self.now_ns)
        return self.say(CONNECT_FRAME)

    def say(self, *texts: str) -> "Line":
        for text in texts:
            self.now_ns += 1
            self.effects += self.link.received(self.link.connection_id, text, self.now_ns, self.now_ns)
        return self

    def lose(self, reason: str = "connection_lost") -> "Line":
        self.effects += self.link.lost(self.link.connection_id, reason, 0, self.now_ns)
        return self

    def wait(self, seconds: float) -> "Line":
        ends_ns = self.now_ns + int(seconds * SECOND)
        while self.link.due_ns <= ends_ns:
            self.now_ns = max(self.now_ns, self.link.due_ns)
            self.effects += self.link.tick(self.now_ns)
        self.now_ns = ends_ns
        return self

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [effect for effect in self.effects if isinstance(effect, kind)]


@pytest.mark.parametrize("cut", range(0, len(eventful()) + 1, 9))
def test_a_broken_line_reaches_no_fact(cut: int) -> None:
    texts = eventful()
    line = Line(new_market()).open().say(*texts[:cut]).lose().wait(3600).open().say(*texts[cut:])
    assert timeless(facts_in(line.effects)) == timeless(heard(new_market(), texts))


def test_it_subscribes_once_a_connection_and_dials_again_soon() -> None:
    line = Line(new_market()).open()
    assert len(line.of(Send)) == 1 and "subscribe" in line.of(Send)[0].text
    line.lose().wait(0.3)
    assert len(line.of(Connect)) == 2
    line.open().say(CONNECT_FRAME)
    assert len(line.of(Send)) == 2


def test_without_a_connect_frame_it_subscribes_after_a_second() -> None:
    line = Line(new_market())
    line.effects += line.link.opened(1, line.now_ns)
    assert not line.wait(0.9).of(Send)
    assert len(line.wait(0.2).of(Send)) == 1


def test_silence_of_the_tape_never_breaks_the_line_and_pings_go_on() -> None:
    line = Line(new_market()).open().say(*quiet(T0_MS, 3)).wait(605)
    assert line.link.phase is Phase.OPEN and not line.of(Close)
    assert len(line.of(Send)) == 1 + 10 + 60, "ten early ones, which nobody answers, and then every ten seconds"


def test_pongs_between_the_tapes_frames_are_timed_unless_they_waited_behind_them() -> None:
    line = Line(new_market()).open().wait(1.0)
    first, second = (json.loads(each.text)["ping"] for each in line.of(Send)[1:3])
    ms = SECOND // 1000
    line.link.received(1, pong(second), line.now_ns + 3 * ms, line.now_ns + 3 * ms)
    line.link.received(1, pong(first), line.now_ns + 4 * ms, line.now_ns + 90 * ms)
    assert list(line.link.pings.round_trips_ns) == [3 * ms]
    assert +line.link.pings.counts == {"pings_count": 2, "pongs_held_up_count": 1}


def test_a_handshake_that_never_completes_is_given_up() -> None:
    line = Line(new_market()).wait(10.5)
    assert line.of(Close) and len(line.of(Connect)) == 2


def test_at_the_end_of_the_tape_it_says_so_and_never_dials_again() -> None:
    line = Line(new_market()).open().say(*quiet(T0_MS, 2)).lose(END)
    assert line.of(Ended) and line.link.phase is Phase.ENDED and line.link.due_ns == NEVER
    assert len(line.of(Connect)) == 1
    assert not [note for note in line.of(Note) if note.event == "FEED_CLOSED"]


@pytest.mark.parametrize("reason", ["closed_by_venue 1000", "closed_by_venue 1001 end of tape", "connection_lost: end of tape"])
def test_any_other_end_is_a_broken_line(reason: str) -> None:
    line = Line(new_market()).open().lose(reason).wait(1)
    assert not line.of(Ended) and len(line.of(Connect)) == 2


def test_after_a_stop_nothing_happens_any_more() -> None:
    line = Line(new_market()).open()
    line.effects += line.link.stop()
    assert line.of(Close) and line.link.due_ns == NEVER
    before = len(line.effects)
    line.say(book()).lose()
    assert len(line.effects) == before
