"""The venue client's promises, told against a real stand-in with faults: reconnect, stale, rate.

    python -m pytest tests/test_bitunix_ws.py -v -k "reconnect or stale or rate"

The numbers that take long in real time (15 s of silence, waits up to 60 s) are told on the pure connection with a clock of the
test's own; the same behaviour is then shown over sockets with shorter limits.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from actors.envelopes import Fetch, FetchBook, Fetched, FetchedBook, FetchFailed, FetchFunding, FetchInstruments, FetchKlines
from actors.feed import Feed, FeedSettings
from actors.gateway import Gateway, GatewaySettings
from messaging.control import Beat
from timing.backoff import BackoffSettings
from timing.clock import monotonic_ns
from trading.messages import BookChanged, FeedLive, FeedStale, MarketFact
from venue.effects import Close, TellStatus
from venue.settings import FreshnessSettings, LinkSettings
from venue.stand_in.faults import parse_faults
from venue.stand_in.server import StandIn
from venue.stand_in.settings import StandInSettings
from tests.actors.harness import ActorRoom, RunningActor, actor_room, until
from tests.venue.frames import Bench, book
from tests.venue.raw_server import answers_in_turn, raw_server

QUICK = LinkSettings(
    connect_timeout_s=1.0, stale_after_s=1.5, healthy_after_ms=200, resubscribe_wait_s=0.5,
    freshness=FreshnessSettings(depth_s=0.8, price_s=1.2),
    backoff=BackoffSettings(multiplier_s=0.02, shortest_s=0.04, longest_s=0.4),
)


class Session:
    """A stand-in with faults, the feed connected to it, and a consumer."""

    def __init__(self, room: ActorRoom, faults: str, link: LinkSettings = QUICK) -> None:
        self.stand_in = StandIn(StandInSettings(faults=parse_faults(faults)))
        url = self.stand_in.start().ws_url
        self._room = room
        self.subscriber = room.channels.subscriber("market")
        self.facts: list[MarketFact] = []
        self.feed: RunningActor = room.start(Feed, "feed", FeedSettings(ws_url=url, symbols=("BTCUSDT",), link=link))

    def heard(self) -> list[MarketFact]:
        while (received := self.subscriber.receive()) is not None:
            self.facts.append(received[1])
        return self.facts

    def stale(self, stream: str) -> list[FeedStale]:
        return [fact for fact in self.heard() if isinstance(fact, FeedStale) and fact.stream == stream]

    def live(self, stream: str) -> list[FeedLive]:
        return [fact for fact in self.heard() if isinstance(fact, FeedLive) and fact.stream == stream]

    def wait_for(self, stream: str, *, stale: int = 0, live: int = 0) -> None:
        until(lambda: len(self.stale(stream)) >= stale and len(self.live(stream)) >= live, self.subscriber)

    def counter(self, name: str) -> float:
        return self.feed.counter(name)

    def shown(self) -> dict[str, Any]:
        """The symbol as in the newest heartbeat."""
        beats = self.feed.said(Beat)
        return dict(beats[-1].report["symbols"].get("BTCUSDT", {})) if beats else {}

    def end(self) -> None:
        assert self.feed.stop() == 0
        self.stand_in.stop()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ActorRoom]:
    with actor_room(tmp_path) as made:
        yield made


# ------------------------------------------------------------------------------------------------------------ reconnect


@pytest.mark.parametrize("fault", ["cut@1", "cut_mid_frame@1"])
def test_reconnect_after_a_cut_brings_data_back_within_three_attempts(room: ActorRoom, fault: str) -> None:
    session = Session(room, fault)
    session.wait_for("all", live=1)
    session.wait_for("all", stale=1)
    session.wait_for("all", live=2)
    lost, back = session.stale("all")[0], session.live("all")[1]
    fresh = [fact for fact in session.facts if isinstance(fact, BookChanged) and lost.sequence < fact.sequence < back.sequence]
    assert fresh, "live again only after a fresh book"
    assert [fact.sequence for fact in session.facts] == list(range(session.facts[0].sequence, session.facts[-1].sequence + 1))
    assert 1 <= until(lambda: session.counter("reconnect_attempt_count"), room.control) <= 3
    attempts = session.feed.log.named("RECONNECT_ATTEMPT")
    assert [each["attempt"] for each in attempts] == list(range(1, len(attempts) + 1))
    session.end()


def test_reconnect_keeps_the_last_known_book_but_not_as_live(room: ActorRoom) -> None:
    session = Session(room, "cut@1,refuse@1+1.5")
    session.wait_for("all", live=1)
    session.wait_for("all", stale=1)
    last = [fact for fact in session.facts if isinstance(fact, BookChanged)][-1]
    shown = until(lambda: now if (now := session.shown()) and not now["live"] else None, room.control)
    assert (shown["bid"], shown["ask"]) == (str(last.bids[0][0]), str(last.asks[0][0]))
    session.end()


def test_reconnect_waits_grow_through_refused_handshakes_and_start_anew_after_healthy_data(room: ActorRoom) -> None:
    session = Session(room, "cut@0.8,refuse@0.8+0.6:reset,cut@3")
    session.wait_for("all", live=3)
    attempts = session.feed.log.named("RECONNECT_ATTEMPT")
    first_series = [each["attempt"] for each in attempts].index(1, 1)
    assert first_series >= 2, "several attempts were refused"
    waits = [each["wait_s"] for each in attempts[:first_series]]
    assert waits == sorted(waits)
    assert attempts[first_series]["attempt"] == 1 and attempts[first_series]["wait_s"] <= 0.08
    session.end()


def test_reconnect_when_the_handshake_never_completes(room: ActorRoom) -> None:
    session = Session(room, "half_open@0+1.2#1", replace(QUICK, connect_timeout_s=0.4))
    session.wait_for("all", live=1)
    assert any("timeout" in each["reason"] for each in session.feed.log.named("FEED_CLOSED"))
    session.end()


def test_reconnect_backoff_is_two_to_sixty_seconds_and_not_reset_by_a_mere_connect() -> None:
    bench = Bench()
    for _ in range(7):
        bench.open()
        bench.say(book(bench.ts))
        bench.lose()
        bench.wait_for_dialing()
    waits = [each["wait_s"] for each in bench.notes("RECONNECT_ATTEMPT")]
    assert waits[0] >= 2 and max(waits) <= 60
    assert waits[:5] == sorted(waits[:5]) and waits[-1] >= 30
    assert bench.counted("reconnect_attempt_count") == 7


def test_reconnect_waits_a_minute_after_the_edge_refused_the_handshake() -> None:
    bench = Bench()
    bench.lose("handshake_refused", 429)
    bench.wait_for_dialing()
    assert bench.notes("RECONNECT_ATTEMPT")[0]["wait_s"] >= 60


# ---------------------------------------------------------------------------------------------------------------- stale


@pytest.mark.parametrize("fault", ["freeze@1+2.5", "pongs_only@1+2.5", "drip@1+2.5"])
def test_stale_feed_is_told_before_the_socket_closes_and_resumes_by_itself(room: ActorRoom, fault: str) -> None:
    session = Session(room, fault)
    session.wait_for("all", live=1)
    session.wait_for("all", stale=1)
    stale = session.stale("all")[0]
    assert stale.reason == "no_valid_message" and stale.age_ms >= 1_500
    names = until(lambda: names if "FEED_CLOSED" in (names := session.feed.log.names()) else None)
    assert names.index("ORDER_BOOK_STALE") < names.index("FEED_CLOSED")
    session.wait_for("all", live=2)
    until(lambda: session.shown().get("live"), room.control)
    session.end()


def test_stale_after_fifteen_seconds_whatever_else_is_said() -> None:
    bench = Bench().live()
    bench.forget()
    silent_from = bench.now_s
    while bench.now_s < silent_from + 16:
        bench.say('{"op":"ping","pong":1,"ping":2}')
        bench.wait(0.5)
    at_s, told = next((at, effect.fact) for at, effect in bench.log if isinstance(effect, TellStatus) and effect.fact.stream == "all")
    assert isinstance(told, FeedStale)
    assert 14.4 <= at_s - silent_from <= 15.1 and 15_000 <= told.age_ms + 500
    assert bench.notes("ORDER_BOOK_STALE")
    order = [type(effect) for _, effect in bench.log if isinstance(effect, Close) or (isinstance(effect, TellStatus) and effect.fact is told)]
    assert order == [TellStatus, Close]


@pytest.mark.parametrize(("stream", "limit_ms"), [("depth_book15", 800), ("price", 1_200)])
def test_stale_single_stream_behind_a_healthy_socket_is_seen_at_its_limit(room: ActorRoom, stream: str, limit_ms: int) -> None:
    patient = replace(QUICK, resubscribe_limit=10, stale_after_s=10.0)
    session = Session(room, f"silent_stream@1+2:{stream}", patient)
    session.wait_for("all", live=1)
    session.wait_for(stream, stale=1)
    assert limit_ms <= session.stale(stream)[0].age_ms
    session.wait_for(stream, live=1)
    assert not session.stale("all"), "the connection itself was healthy all the time"
    assert session.feed.log.named("STREAM_STALE") and session.feed.log.named("STREAM_LIVE")
    session.end()


def test_stale_stream_that_stays_silent_is_resubscribed_and_then_reconnected(room: ActorRoom) -> None:
    session = Session(room, "silent_stream@1+2.5:depth_book15")
    session.wait_for("all", live=2)
    assert any(each["reason"] == "stream_silent" for each in session.feed.log.named("FEED_CLOSED"))
    session.end()


def test_stale_is_not_said_of_a_market_that_only_repeats_itself(room: ActorRoom) -> None:
    """Ten windows take three seconds; a window that changed nothing and did not count would be missed after two."""
    patient = replace(QUICK, freshness=LinkSettings().freshness, stale_after_s=10.0)
    session = Session(room, "repeated_price@0+30", patient)
    session.wait_for("all", live=1)
    books = sum(isinstance(fact, BookChanged) for fact in session.heard())
    until(lambda: sum(isinstance(fact, BookChanged) for fact in session.heard()) >= books + 10, session.subscriber)
    assert not [fact for fact in session.heard() if isinstance(fact, FeedStale)]
    session.end()


def test_stale_is_never_ended_by_a_crossed_book(room: ActorRoom) -> None:
    patient = replace(QUICK, resubscribe_limit=10)
    session = Session(room, "crossed_book@1+1.6", patient)
    session.wait_for("all", live=1)
    session.wait_for("depth_book15", stale=1)
    stale = session.stale("depth_book15")[0]
    session.wait_for("depth_book15", live=1)
    between = [fact for fact in session.facts if stale.sequence < fact.sequence < session.live("depth_book15")[0].sequence]
    assert all(fact.bids[0][0] < fact.asks[0][0] for fact in session.facts if isinstance(fact, BookChanged))
    assert sum(isinstance(fact, BookChanged) for fact in between) == 1
    assert until(lambda: session.counter("frame_errors_count"), room.control) > 0
    session.end()


# ----------------------------------------------------------------------------------------------------------------- rate


def test_rate_limit_of_a_hundred_requests_at_once_is_never_hit_and_all_are_served(room: ActorRoom) -> None:
    stand_in = StandIn(StandInSettings(rest_per_endpoint_per_s=10, global_rest_per_s=20, global_rest_burst=50))
    url = stand_in.start().rest_url
    gateway = room.start(Gateway, "gateway", GatewaySettings(rest_url=url))
    desk = room.channels.client("gateway", "desk")
    for number in range(25):  # never the same question twice, so that none is shared
        for request in (
            FetchBook(symbol="BTCUSDT" if number == 0 else f"X{number}USDT"), FetchFunding(symbol=f"X{number}USDT"),
            FetchKlines(symbol="BTCUSDT", interval="1m", limit=number + 1), FetchInstruments(symbols=("BTCUSDT",) * (number + 1)),
        ):
            desk.send(Fetch(request_id=f"{type(request).__name__}{number}", request=request, deadline_ms=30_000))
    answers: dict[str, Fetched] = {}

    def all_served() -> bool:
        while (received := desk.receive()) is not None:
            answers[received[1].request_id] = received[1]
        return len(answers) == 100

    until(all_served, desk)
    failures = {answer.answer.reason for answer in answers.values() if isinstance(answer.answer, FetchFailed)}
    assert failures == {"code 20015: this Futures is not allowed to trade."}, "the venue's own answer for symbols it does not list"
    assert isinstance(answers["FetchBook0"].answer, FetchedBook)
    waited = until(lambda: gateway.counter("rate_limiter_wait_seconds"), room.control)
    assert waited > 10, "a hundred requests waited behind the limit, together for long"
    assert until(lambda: gateway.counter("rate_limiter_waits_count") >= 99, room.control)
    assert gateway.counter("rate_limited_count") == 0
    assert stand_in.stats().rate_limit_answers == 0
    assert stand_in.stats().rest_requests == 100
    assert gateway.stop() == 0
    stand_in.stop()


@pytest.mark.parametrize(
    "complaint", [(200, b'{"code":10005,"msg":"slow"}'), (200, b'{"code":10006,"msg":"slow"}'), (429, b'{"code":10006,"msg":"slow"}')]
)
def test_rate_limit_answers_are_honoured_with_a_pause_of_a_second(room: ActorRoom, complaint: tuple[int, bytes]) -> None:
    served = (200, b'{"code":0,"data":{"bids":[["1","1"]],"asks":[["2","1"]]},"msg":"Success"}')
    with raw_server(answers_in_turn(complaint, served)) as venue:
        gateway = room.start(Gateway, "gateway", GatewaySettings(rest_url=f"http://127.0.0.1:{venue.port}"))
        desk, asked_ns = room.channels.client("gateway", "desk"), monotonic_ns()
        desk.send(Fetch(request_id="one", request=FetchBook(symbol="BTCUSDT"), deadline_ms=15_000))
        _, fetched = until(desk.receive, desk)
        assert isinstance(fetched.answer, FetchedBook) and monotonic_ns() - asked_ns >= 1_000_000_000
        (limited,) = gateway.log.named("RATE_LIMITED")
        assert limited["wait_s"] >= 1
        assert venue.accepted == 2, "one refused, then one after the pause"
        assert gateway.stop() == 0


def test_rate_of_our_own_frames_stays_within_two_a_second() -> None:
    bench = Bench(ping_s=0.5, resubscribe_wait_s=0.5, resubscribe_limit=20).live()
    bench.flow(10, without=(book,))
    assert len(bench.sent()) <= 2 * 12
