"""A feed on a recording: the same facts at any speed and over any number of lives and lines, in step with whoever takes them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.envelopes import LegGiven, MarketTaken
from actors.feed import Feed, FeedSettings
from actors.recording import read_recording, topics_on
from messaging.control import Drained, Reached
from records.tape import Frame, TapeDamaged, TapeReader
from records.workspace import RunPaths
from trading.messages import FeedStale, MarketFact
from venue.continuous import ContinuousMarket
from venue.effects import Tell, TellStatus
from venue.settings import LinkSettings
from venue.stand_in.faults import parse_faults
from venue.stand_in.server import StandIn
from venue.stand_in.settings import StandInSettings
from venue.stand_in.tape_source import TapeSource, topic_of
from venue.stream import MarketStream
from tests.actors.harness import ActorRoom, RunningActor, actor_room, until
from tests.actors.test_feed import Listener
from tests.venue.frames import T0_MS
from tests.venue.taped import REAL_TAPES, eventful, pairs_answer, quiet, write_tape

QUICK = LinkSettings(healthy_after_ms=500)


class Served:
    """A recording, the stand-in that serves it, and one run's directory at a time."""

    def __init__(self, tape: Path, room: ActorRoom, waits: bool = False, faults: str = "", **settings: Any) -> None:
        recording = read_recording(tape)
        own = RunPaths(room.run_directory).tape
        source = TapeSource(recording.frames, recording.answers, lambda: topics_on(own), waits)
        self.room = room
        self.own = own
        self.server = StandIn(StandInSettings(faults=parse_faults(faults), **settings), source)
        self._url = self.server.start().ws_url
        self.incarnation = 0

    def feed(self, symbol: str = "BTCUSDT", **settings: Any) -> RunningActor:
        self.incarnation += 1
        asked = FeedSettings(ws_url=self._url, symbols=(symbol,), link=QUICK, continuous=True, **settings)
        return self.room.start(Feed, "feed", asked, self.incarnation)

    def recorded(self) -> list[str]:
        """Pushes on the run's own tape, in order."""
        return [each.text for each in TapeReader(self.own) if isinstance(each, Frame) and topic_of(each.text) is not None]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ActorRoom]:
    with actor_room(tmp_path / "room") as made:
        yield made


def ended(feed: RunningActor) -> bool:
    return any(word.milestone == "ended" for word in feed.said(Reached))


def all_facts(listener: Listener) -> list[MarketFact]:
    """Everything the feed still has, page by page, without what is not the tape's."""
    facts: list[MarketFact] = []
    while True:
        given = listener.ask(after=len(facts))
        facts += [msgspec.structs.replace(fact, seen_ns=0) for fact in given.facts]
        if len(facts) == given.head:
            return facts


def told_by(texts: list[str], symbol: str = "BTCUSDT") -> list[MarketFact]:
    """What these texts say, without any feed."""
    market = ContinuousMarket(MarketStream((symbol,)), QUICK)
    told = [market.heard(text, 0) for text in texts]
    return [each.fact for effects in told if isinstance(effects, list) for each in effects if isinstance(each, (Tell, TellStatus))]


def test_at_the_end_of_the_tape_the_feed_says_so_and_goes_on_giving_what_was_missed(room: ActorRoom, tmp_path: Path) -> None:
    served, listener = Served(write_tape(tmp_path / "t.gz", eventful()), room), Listener(room)
    feed = served.feed()
    until(lambda: ended(feed), room.control)
    given = listener.ask(after=0)
    assert given.ended and all_facts(listener) == told_by(eventful())
    assert listener.leg() == LegGiven(final=True), "there was no time for pings, and nobody is to wait for one"
    assert "RECONNECT_ATTEMPT" not in feed.log.names()
    feed.drain()
    until(lambda: feed.said(Drained), room.control)
    assert feed.stop() == 0
    served.server.stop()


def test_a_feed_that_comes_back_after_the_end_says_it_again_and_tells_nothing_new(room: ActorRoom, tmp_path: Path) -> None:
    served, listener = Served(write_tape(tmp_path / "t.gz", eventful()), room), Listener(room)
    first = served.feed()
    until(lambda: ended(first), room.control)
    first.stop()
    second = served.feed()
    until(lambda: ended(second), room.control)
    assert [word.milestone for word in second.said(Reached)] == ["live", "ended"]
    assert all_facts(listener) == told_by(eventful())
    second.stop()
    served.server.stop()


@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 0.97, 1.0])
def test_killed_anywhere_the_successor_tells_the_facts_of_an_undisturbed_feed(room: ActorRoom, tmp_path: Path, share: float) -> None:
    """What SIGKILL leaves is a beginning of the file, torn at any byte: the successor is started on such a beginning."""
    texts = eventful()
    served = Served(write_tape(tmp_path / "t.gz", texts), room)
    first = served.feed()
    until(lambda: ended(first), room.control)
    whole = served.own.read_bytes()
    with actor_room(tmp_path / "after") as after:
        again, listener = Served(tmp_path / "t.gz", after), Listener(after)
        if share:
            again.own.write_bytes(whole[:int(len(whole) * share)])
        feed = again.feed()
        until(lambda: ended(feed), after.control)
        assert all_facts(listener) == told_by(texts)
        assert again.recorded() == [text for text in texts if topic_of(text) is not None]
        assert not [fact for fact in all_facts(listener) if isinstance(fact, FeedStale) and fact.reason == "feed_restarted"]
        feed.stop()
        again.server.stop()
    first.stop()
    served.server.stop()


def test_on_a_paced_tape_the_stand_in_answers_pings_and_is_timed(room: ActorRoom, tmp_path: Path) -> None:
    served, listener = Served(write_tape(tmp_path / "t.gz", quiet(T0_MS, 60)), room, waits=True, speed=4), Listener(room)
    feed = served.feed()
    assert 0 < listener.known_leg().max_ms < 1_000
    until(lambda: ended(feed), room.control)
    assert served.recorded() == quiet(T0_MS, 60) and all_facts(listener) == told_by(quiet(T0_MS, 60)), "pongs are no frames of the market"
    feed.stop()
    served.server.stop()


def test_restarts_and_cuts_in_the_middle_of_a_paced_tape_change_no_fact(room: ActorRoom, tmp_path: Path) -> None:
    texts = quiet(T0_MS, 40)
    served = Served(write_tape(tmp_path / "t.gz", texts), room, waits=True, speed=20, faults="cut@3,cut_mid_frame@6")
    listener = Listener(room)

    def heard(number: int) -> bool:
        return listener.ask(after=0).head >= number

    for stop_at in (20, 110):
        feed = served.feed()
        until(partial(heard, stop_at))
        feed.stop()
    feed = served.feed()
    until(lambda: ended(feed), room.control)
    assert served.recorded() == texts
    assert all_facts(listener) == told_by(texts)
    feed.stop()
    served.server.stop()


def test_behind_a_checkpoint_only_what_follows_is_told_again_and_the_rest_when_it_is_wanted(room: ActorRoom, tmp_path: Path) -> None:
    texts = quiet(T0_MS, 200)
    served, listener = Served(write_tape(tmp_path / "t.gz", texts), room, waits=True, speed=100), Listener(room)
    feed = served.feed()
    until(lambda: listener.ask(after=0).head >= 600)
    feed.stop()
    assert RunPaths(room.run_directory).checkpoint("feed").exists()
    feed = served.feed()
    until(lambda: ended(feed), room.control)
    whole = told_by(texts)
    assert listener.ask(after=0).first == 1 and all_facts(listener) == whole
    assert served.recorded() == texts
    feed.stop()
    served.server.stop()


def test_a_checkpoint_of_another_tape_is_not_taken(room: ActorRoom, tmp_path: Path) -> None:
    texts = quiet(T0_MS, 100)
    served, listener = Served(write_tape(tmp_path / "t.gz", texts), room), Listener(room)
    feed = served.feed()
    until(lambda: ended(feed), room.control)
    feed.stop()
    assert RunPaths(room.run_directory).checkpoint("feed").exists()
    whole = served.own.read_bytes()
    served.own.write_bytes(whole[:len(whole) // 3])
    feed = served.feed()
    until(lambda: ended(feed), room.control)
    assert all_facts(listener) == told_by(texts) and served.recorded() == texts
    feed.stop()
    served.server.stop()


def test_the_feed_runs_no_further_ahead_than_its_lead_until_somebody_took_it(room: ActorRoom, tmp_path: Path) -> None:
    texts = quiet(T0_MS, 500)
    served, listener = Served(write_tape(tmp_path / "t.gz", texts), room), Listener(room)
    feed = served.feed(lead_limit=300)
    until(lambda: listener.ask(after=0).head >= 300)
    stopped = listener.ask(after=0).head
    assert 300 <= stopped <= 300 + 2 * 64 + 1
    for _ in range(20):
        assert listener.ask(after=0).head <= 300 + 2 * 64 + 1
    assert not ended(feed)
    assert listener.leg() == LegGiven(final=True), "pongs stand behind what is not read"
    taken = stopped
    while not ended(feed):
        listener.client.send(MarketTaken(sequence=taken))
        head = listener.ask(after=taken).head
        assert head <= taken + 300 + 2 * 64 + 1
        taken = head
    assert all_facts(listener) == told_by(texts)
    feed.stop()
    served.server.stop()


def test_a_feed_that_waits_for_its_listeners_can_still_be_drained(room: ActorRoom, tmp_path: Path) -> None:
    served, listener = Served(write_tape(tmp_path / "t.gz", quiet(T0_MS, 500)), room), Listener(room)
    feed = served.feed(lead_limit=100)
    until(lambda: listener.ask(after=0).head >= 100)
    feed.drain()
    until(lambda: feed.said(Drained), room.control)
    assert feed.stop() == 0
    served.server.stop()


def test_a_venue_that_comes_back_on_its_port_goes_on_where_the_record_ends(room: ActorRoom, tmp_path: Path) -> None:
    texts = quiet(T0_MS, 60)
    path = write_tape(tmp_path / "t.gz", texts)
    served, listener = Served(path, room, waits=True, speed=20), Listener(room)
    feed = served.feed()
    until(lambda: listener.ask(after=0).head >= 50)
    served.server.stop()
    port, origin = served.server._port, served.server.origin_mono_ns
    recording = read_recording(path)
    source = TapeSource(recording.frames, recording.answers, lambda: topics_on(served.own))
    successor = StandIn(StandInSettings(port=port, origin_mono_ns=origin, speed=20), source)
    successor.start()
    until(lambda: ended(feed), room.control)
    assert served.recorded() == texts and all_facts(listener) == told_by(texts)
    feed.stop()
    successor.stop()


def test_a_record_that_is_being_written_is_counted_without_its_torn_end(room: ActorRoom, tmp_path: Path) -> None:
    path = write_tape(tmp_path / "t.gz", quiet(T0_MS, 5), pairs_answer())
    whole = path.read_bytes()
    torn = tmp_path / "torn.gz"
    torn.write_bytes(whole[:-40])
    assert sum(topics_on(path).values()) == 20
    assert 0 < sum(topics_on(torn).values()) <= 20
    assert topics_on(tmp_path / "none.gz") == {}


def test_a_frame_that_no_client_would_take_is_damage(tmp_path: Path) -> None:
    path = write_tape(tmp_path / "t.gz", [*quiet(T0_MS, 1), '{"ch":"trade","symbol":"BTCUSDT","ts":1,"data":"' + "x" * 1_048_576 + '"}'])
    with pytest.raises(TapeDamaged, match="line 6"):
        read_recording(path)


@pytest.mark.parametrize("name", ["tape_btcusdt_2024-08-08.jsonl.gz", "tape_ethusdt_2024-08-08.jsonl.gz"])
def test_every_frame_of_the_real_tapes_arrives_at_full_speed_also_across_killed_connections(
    room: ActorRoom, tmp_path: Path, name: str
) -> None:
    tape = REAL_TAPES / name
    if not tape.exists():
        pytest.skip(f"the recording {name} is not here")
    symbol = name[5:12].upper()
    texts = [each.text for each in TapeReader(tape) if isinstance(each, Frame)]
    served, listener = Served(tape, room, faults="cut@60,cut_mid_frame@180"), Listener(room)
    feed = served.feed(symbol)
    until(lambda: ended(feed), room.control)
    assert len(texts) == {"BTCUSDT": 4919, "ETHUSDT": 4460}[symbol]
    assert served.recorded() == texts
    facts = all_facts(listener)
    assert facts == told_by(texts, symbol)
    assert len(feed.log.named("RECONNECT_ATTEMPT")) >= 2
    feed.stop()
    served.server.stop()
