"""The feed as a running actor against a stand-in: what it publishes, keeps, gives again, and how it comes back and ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.envelopes import LegGiven, LegWanted, MarketGiven, MarketWanted, RestAnswered
from actors.feed import Feed, FeedSettings
from actors.market_tape import MarketTape
from messaging.channels import Client, Subscriber
from messaging.control import Beat, Drained, Hello, Reached
from records.tape import ConnectionEvent, Frame, RestAnswer, TapeReader
from records.workspace import RunPaths
from trading.latency import FEWEST_SAMPLES, LogNormal
from trading.messages import BookChanged, FeedLive, FeedStale, KlineChanged, MarketFact, MarkPriceChanged, TradesPrinted
from venue.settings import LinkSettings
from venue.stand_in.faults import parse_faults
from venue.stand_in.server import StandIn
from venue.stand_in.settings import StandInSettings
from tests.actors.harness import ActorRoom, RunningActor, actor_room, until

QUICK = LinkSettings(healthy_after_ms=100)


class Listener:
    """A subscriber and a client of the feed that remember what they got."""

    def __init__(self, room: ActorRoom) -> None:
        self.subscriber: Subscriber = room.channels.subscriber("market")
        self.client: Client = room.channels.client("feed", "listener")
        self.facts: list[MarketFact] = []

    def has(self, *kinds: type[MarketFact]) -> bool:
        while (received := self.subscriber.receive()) is not None:
            self.facts.append(received[1])
        return all(any(isinstance(fact, kind) for fact in self.facts) for kind in kinds)

    def count(self, kind: type[MarketFact]) -> int:
        self.has()
        return sum(isinstance(fact, kind) for fact in self.facts)

    def ask(self, after: int) -> MarketGiven:
        self.client.send(MarketWanted(after=after))
        _, given = until(self.client.receive, self.client)
        assert isinstance(given, MarketGiven)
        return given

    def leg(self) -> LegGiven:
        """What the feed says of the way to the venue."""
        self.client.send(LegWanted())
        _, given = until(self.client.receive, self.client)
        assert isinstance(given, LegGiven)
        return given

    def known_leg(self) -> LogNormal:
        """As soon as it is known."""
        return until(lambda: self.leg().leg_latency)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ActorRoom]:
    with actor_room(tmp_path) as made:
        yield made


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    server = StandIn(StandInSettings())
    server.start()
    yield server
    server.stop()


def start(room: ActorRoom, stand_in: StandIn, incarnation: int = 1, **settings: Any) -> RunningActor:
    url = f"ws://127.0.0.1:{stand_in._port}/public/"
    return room.start(Feed, "feed", FeedSettings(ws_url=url, symbols=("BTCUSDT",), link=QUICK, **settings), incarnation)


def test_every_stream_of_the_venue_becomes_numbered_facts(room: ActorRoom, stand_in: StandIn) -> None:
    listener, feed = Listener(room), start(room, stand_in)
    until(lambda: listener.has(BookChanged, TradesPrinted, MarkPriceChanged, KlineChanged, FeedLive), listener.subscriber)
    first = listener.facts[0].sequence
    assert [fact.sequence for fact in listener.facts] == list(range(first, first + len(listener.facts)))
    assert feed.said(Hello)
    until(lambda: feed.said(Reached), room.control)
    assert feed.said(Reached)[0].milestone == "live"
    assert feed.stop() == 0


def test_the_status_shows_best_prices_age_and_whether_they_are_live(room: ActorRoom, stand_in: StandIn) -> None:
    feed = start(room, stand_in)

    def live_report() -> dict[str, Any] | None:
        beats = feed.said(Beat)
        shown = beats[-1].report["symbols"].get("BTCUSDT") if beats else None
        return shown if shown and shown["live"] else None

    shown = until(live_report, room.control)
    assert float(shown["bid"]) < float(shown["ask"])
    assert 0 <= shown["age_s"] < 15
    assert feed.said(Beat)[-1].gauges["feed_connected"] == 1
    assert feed.counter("frames_count") > 0
    feed.stop()


def test_the_way_to_the_venue_is_known_soon_after_the_subscription_and_is_a_metric(room: ActorRoom, stand_in: StandIn) -> None:
    listener, feed = Listener(room), start(room, stand_in)
    until(lambda: listener.has(BookChanged), listener.subscriber)
    first = listener.leg()
    assert first.leg_latency is None and not first.final
    leg = listener.known_leg()
    assert 0 < leg.median_ms <= leg.max_ms < 1_000
    assert feed.counter("pings_count") <= FEWEST_SAMPLES
    gauges = until(lambda: found if "venue_ws_leg_median_ms" in (found := feed.said(Beat)[-1].gauges) else None, room.control)
    assert [gauges[f"venue_ws_leg_{name}"] for name in LogNormal.__struct_fields__] == [float(leg.median_ms), float(leg.sigma), float(leg.max_ms)]
    feed.stop()


def test_a_feed_that_comes_back_measures_the_way_anew(room: ActorRoom, stand_in: StandIn) -> None:
    listener, first = Listener(room), start(room, stand_in)
    listener.known_leg()
    first.stop()
    second = start(room, stand_in, incarnation=2)
    assert listener.leg().leg_latency is None
    assert listener.known_leg().median_ms > 0
    assert stand_in.stats().aborts == 0, "the venue's limit on messages was kept"
    second.stop()


def test_pongs_that_never_come_leave_the_way_unknown(room: ActorRoom) -> None:
    """A venue that freezes while it is first heard of says nothing to pings either."""
    server = StandIn(StandInSettings(faults=parse_faults("freeze@0+30")))
    server.start()
    listener, feed = Listener(room), start(room, server)
    until(lambda: feed.counter("pings_count") >= 2, room.control)
    assert listener.leg() == LegGiven()
    assert "venue_ws_leg_median_ms" not in feed.said(Beat)[-1].gauges
    feed.stop()
    server.stop()


def test_what_was_missed_is_given_again_in_pages_with_what_there_is(room: ActorRoom, stand_in: StandIn) -> None:
    listener, feed = Listener(room), start(room, stand_in)
    until(lambda: listener.count(BookChanged) >= 3, listener.subscriber)
    given = listener.ask(after=2)
    assert [fact.sequence for fact in given.facts] == list(range(3, given.head + 1))
    assert given.first == 1
    nothing = listener.ask(after=given.head + 1000)
    assert nothing.facts == () and nothing.head >= given.head
    feed.stop()


def test_a_restarted_feed_goes_on_with_the_next_number_and_says_that_it_was_away(room: ActorRoom, stand_in: StandIn) -> None:
    listener, first = Listener(room), start(room, stand_in)
    until(lambda: listener.has(BookChanged, FeedLive), listener.subscriber)
    before = listener.ask(after=0)
    first.stop()
    second = start(room, stand_in, incarnation=2)
    until(lambda: listener.count(FeedLive) >= 2, listener.subscriber)
    again = listener.ask(after=0)
    old = [fact for fact in again.facts if fact.sequence <= before.head]
    assert len(old) == before.head
    for fact, kept in zip(old, before.facts, strict=True):
        assert type(fact) is type(kept) and (fact.sequence, fact.at_ns) == (kept.sequence, kept.at_ns)
        assert abs(fact.seen_ns - kept.seen_ns) < 1_000_000_000
    away = next(fact for fact in again.facts if isinstance(fact, FeedStale) and fact.reason == "feed_restarted")
    assert away.stream == "all"
    assert [fact.sequence for fact in again.facts] == list(range(1, len(again.facts) + 1))
    assert second.said(Hello)[0].detail["sequence"] == away.sequence
    second.stop()


def test_a_feed_killed_without_a_word_leaves_a_tape_to_go_on_with(room: ActorRoom, stand_in: StandIn, tmp_path: Path) -> None:
    """What SIGKILL leaves is the file as it is at some moment: it is copied while the first feed goes on writing."""
    listener, first = Listener(room), start(room, stand_in)
    until(lambda: listener.has(BookChanged, FeedLive), listener.subscriber)
    with actor_room(tmp_path / "after") as after:
        killed_at = RunPaths(room.run_directory).tape.read_bytes()
        RunPaths(after.run_directory).tape.write_bytes(killed_at[:-7])
        told = listener.ask(after=0).facts
        second, other = start(after, stand_in, incarnation=2), Listener(after)
        until(lambda: other.has(BookChanged), other.subscriber)
        again = other.ask(after=0).facts
        away = next(fact for fact in again if isinstance(fact, FeedStale) and fact.reason == "feed_restarted")
        assert away.sequence > 3
        same = [(type(fact), fact.sequence, fact.at_ns) for fact in again if fact.sequence < away.sequence]
        assert same == [(type(fact), fact.sequence, fact.at_ns) for fact in told[: len(same)]]
        second.stop()
    first.stop()


def test_the_tape_holds_every_frame_before_its_fact_and_the_gateways_answers(room: ActorRoom, stand_in: StandIn) -> None:
    listener, feed = Listener(room), start(room, stand_in)
    path = RunPaths(room.run_directory).tape
    until(lambda: listener.has(BookChanged, FeedLive), listener.subscriber)
    room.channels.client("feed", "gateway").send(RestAnswered(path="/p", query={"symbol": "BTCUSDT"}, status=200, body=b'{"code":0}'))

    def records() -> list[Frame | RestAnswer | ConnectionEvent]:
        found = list(TapeReader(path))
        return found if any(isinstance(each, RestAnswer) for each in found) else []

    taped = until(records)
    assert isinstance(taped[0], ConnectionEvent) and taped[0].event == "connected"
    assert any(isinstance(each, Frame) and "depth_book15" in each.text for each in taped)
    assert any(isinstance(each, ConnectionEvent) and "FeedLive" in each.detail for each in taped)
    times = [each.at_ns for each in taped]
    assert times == sorted(times)
    feed.stop()


def test_drained_means_hung_up_with_the_tape_ended_but_still_giving_again(room: ActorRoom, stand_in: StandIn) -> None:
    listener, feed = Listener(room), start(room, stand_in)
    until(lambda: listener.has(BookChanged), listener.subscriber)
    feed.drain()
    until(lambda: feed.said(Drained), room.control)
    reader = TapeReader(RunPaths(room.run_directory).tape)
    assert reader.header.ended_ns is not None
    list(reader)
    assert reader.tail is None
    assert listener.ask(after=0).facts
    assert feed.stop() == 0


def test_a_tape_that_cannot_be_ended_is_the_disks_fault(room: ActorRoom, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    listener, feed = Listener(room), start(room, stand_in)
    until(lambda: listener.has(BookChanged), listener.subscriber)
    monkeypatch.setattr(MarketTape, "close", lambda _: "No space left on device")
    feed.drain()
    until(lambda: feed.ended, room.control)
    assert feed.stop() == 74
    assert "No space left" in feed.log.named("ACTOR_UNSTARTABLE")[0]["reason"]


def test_a_damaged_tape_is_refused_with_the_exit_code_for_data(room: ActorRoom, stand_in: StandIn) -> None:
    listener, first = Listener(room), start(room, stand_in)
    until(lambda: listener.has(BookChanged), listener.subscriber)
    first.stop()
    path = RunPaths(room.run_directory).tape
    whole = bytearray(path.read_bytes())
    whole[40] ^= 0xFF
    path.write_bytes(whole)
    second = start(room, stand_in, incarnation=2)
    assert second.stop() == 65
    assert "ACTOR_UNSTARTABLE" in second.log.names()


def test_a_strangers_message_is_counted_and_not_answered(room: ActorRoom, stand_in: StandIn) -> None:
    listener, feed = Listener(room), start(room, stand_in)
    listener.client.send(Drained(name="stranger"))
    until(lambda: feed.counter("unexpected_message_count") == 1, room.control)
    feed.stop()
