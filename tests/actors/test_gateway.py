"""The gateway as a running actor: questions over a socket, the venue behind it a real server, the feed's end watched."""

import socket
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from actors.envelopes import (
    Fetch, FetchBook, Fetched, FetchedBook, FetchedFunding, FetchedInstruments, FetchedKlines, FetchedTiers, FetchFailed, FetchFunding,
    FetchInstruments, FetchKlines, FetchTiers, RestAnswered, TierRow,
)
from actors.gateway import Gateway, GatewaySettings
from messaging.channels import Client, Server
from messaging.control import Beat, Drained
from timing.backoff import BackoffSettings
from venue.settings import BudgetSettings, RestSettings
from venue.stand_in.server import StandIn
from venue.stand_in.settings import StandInSettings
from tests.actors.harness import ActorRoom, RunningActor, actor_room, until
from tests.venue.raw_server import RawServer, answers_in_turn, raw_server

QUICK = RestSettings(retry=BackoffSettings(multiplier_s=0.01, shortest_s=0.02, longest_s=0.1))

Request = FetchInstruments | FetchKlines | FetchBook | FetchFunding | FetchTiers


class Desk:
    """One client of the gateway, and the feed's end of the tape."""

    def __init__(self, room: ActorRoom) -> None:
        self.client: Client = room.channels.client("gateway", "desk")
        self.feed: Server = room.channels.server("feed")
        self._answers: dict[str, Fetched] = {}
        self.answer_count = 0

    def ask(self, request_id: str, request: Request, deadline_ms: int = 10_000) -> None:
        self.client.send(Fetch(request_id=request_id, request=request, deadline_ms=deadline_ms))

    def answer(self, request_id: str) -> Fetched:
        return until(lambda: self._take().get(request_id), self.client)

    def fetch(self, request: Request, deadline_ms: int = 10_000) -> object:
        self.ask("one", request, deadline_ms)
        answer = self.answer("one").answer
        del self._answers["one"]
        return answer

    def _take(self) -> dict[str, Fetched]:
        while (received := self.client.receive()) is not None:
            self._answers[received[1].request_id] = received[1]
            self.answer_count += 1
        return self._answers


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ActorRoom]:
    with actor_room(tmp_path) as made:
        yield made


def start(room: ActorRoom, url: str, rest: RestSettings = QUICK) -> RunningActor:
    return room.start(Gateway, "gateway", GatewaySettings(rest_url=url, rest=rest))


@pytest.fixture
def stand_in() -> Iterator[str]:
    server = StandIn(StandInSettings())
    yield server.start().rest_url
    server.stop()


def test_every_question_gets_its_kind_of_answer(room: ActorRoom, stand_in: str) -> None:
    gateway, desk = start(room, stand_in), Desk(room)
    instruments = desk.fetch(FetchInstruments(symbols=("BTCUSDT",)))
    assert isinstance(instruments, FetchedInstruments) and instruments.instruments[0].symbol == "BTCUSDT"
    klines = desk.fetch(FetchKlines(symbol="BTCUSDT", interval="1m", limit=60))
    assert isinstance(klines, FetchedKlines) and len(klines.rows) == 60
    book = desk.fetch(FetchBook(symbol="BTCUSDT"))
    assert isinstance(book, FetchedBook) and book.bids[0][0] < book.asks[0][0]
    funding = desk.fetch(FetchFunding(symbol="BTCUSDT"))
    assert isinstance(funding, FetchedFunding) and funding.mark > 0
    tiers = desk.fetch(FetchTiers(symbol="BTCUSDT"))
    assert isinstance(tiers, FetchedTiers) and tiers.rows[0] == TierRow(Decimal(0), Decimal(50_000), 125, Decimal("0.004"))
    assert gateway.stop() == 0


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (FetchBook(symbol="NOPEUSDT"), "code 20015"),
        (FetchTiers(symbol="NOPEUSDT"), "code 20015"),
        (FetchInstruments(symbols=()), "impossible_request"),
        (FetchKlines(symbol="BTCUSDT", interval="1m", limit=200), "impossible_request"),
        (FetchKlines(symbol="BTCUSDT", interval="7m", limit=10), "code 10002"),
    ],
)
def test_a_refusal_comes_back_with_the_reason(room: ActorRoom, stand_in: str, request_: Request, reason: str) -> None:
    gateway, desk = start(room, stand_in), Desk(room)
    failed = desk.fetch(request_)
    assert isinstance(failed, FetchFailed) and failed.reason.startswith(reason)
    gateway.stop()


def test_what_the_venue_answered_goes_to_the_feed_for_the_tape(room: ActorRoom, stand_in: str) -> None:
    gateway, desk = start(room, stand_in), Desk(room)
    desk.fetch(FetchBook(symbol="BTCUSDT"))
    _, kept = until(desk.feed.receive, desk.feed)
    assert isinstance(kept, RestAnswered)
    assert (kept.path, kept.query["symbol"], kept.status) == ("/api/v1/futures/market/depth", "BTCUSDT", 200)
    assert b'"bids"' in kept.body
    gateway.stop()


PAGE = (502, b"<html>bad gateway</html>")
BOOK = (200, b'{"code":0,"data":{"bids":[["1","1"]],"asks":[["2","1"]]},"msg":"Success"}')


def test_a_passing_failure_is_tried_again_and_noted(room: ActorRoom) -> None:
    with raw_server(answers_in_turn(PAGE, PAGE, BOOK)) as server:
        gateway, desk = start(room, f"http://127.0.0.1:{server.port}"), Desk(room)
        assert isinstance(desk.fetch(FetchBook(symbol="BTCUSDT")), FetchedBook)
        retries = gateway.log.named("REST_RETRY")
        assert [(each["attempt"], each["reason"]) for each in retries] == [(1, "http_502_not_json"), (2, "http_502_not_json")]
        gateway.stop()


def test_a_lasting_failure_ends_with_the_deadline(room: ActorRoom) -> None:
    with raw_server(answers_in_turn(PAGE)) as server:
        gateway, desk = start(room, f"http://127.0.0.1:{server.port}"), Desk(room)
        assert desk.fetch(FetchBook(symbol="BTCUSDT"), deadline_ms=400) == FetchFailed(reason="deadline")
        gateway.stop()


def test_a_server_that_never_answers_does_not_stop_the_heartbeat(room: ActorRoom) -> None:
    def serve(server: RawServer, client: socket.socket) -> None:
        server.hold.wait(20)

    with raw_server(serve) as server:
        gateway, desk = start(room, f"http://127.0.0.1:{server.port}"), Desk(room)
        for number in range(6):
            desk.ask(f"r{number}", FetchBook(symbol=f"S{number}USDT"), deadline_ms=700)
        until(lambda: gateway.counter("rest_requests_count") >= 4, room.control)
        beats = len(gateway.said(Beat))
        until(lambda: len(gateway.said(Beat)) >= beats + 2, room.control)
        assert {desk.answer(f"r{number}").answer for number in range(6)} == {FetchFailed(reason="deadline")}
        gateway.stop()


def test_a_full_queue_is_answered_at_once(room: ActorRoom) -> None:
    def serve(server: RawServer, client: socket.socket) -> None:
        server.hold.wait(20)

    rest = RestSettings(queue_limit=2, workers=1)
    with raw_server(serve) as server:
        gateway, desk = start(room, f"http://127.0.0.1:{server.port}", rest), Desk(room)
        for number in range(3):
            desk.ask(f"r{number}", FetchBook(symbol=f"S{number}USDT"), deadline_ms=1_000)
        assert desk.answer("r2").answer == FetchFailed(reason="queue_full")
        assert desk.answer("r0").answer == desk.answer("r1").answer == FetchFailed(reason="deadline")
        gateway.stop()


def held_back(answering: threading.Event) -> Callable[[RawServer, socket.socket], None]:
    """A venue that answers once the event says so."""

    def serve(server: RawServer, client: socket.socket) -> None:
        answering.wait(10)
        answers_in_turn(BOOK)(server, client)

    return serve


def test_the_same_question_asked_again_is_answered_once(room: ActorRoom, stand_in: str) -> None:
    gateway, desk = start(room, stand_in), Desk(room)
    for _ in range(3):
        desk.ask("same", FetchBook(symbol="BTCUSDT"))
    desk.ask("other", FetchFunding(symbol="BTCUSDT"))
    desk.answer("same")
    desk.answer("other")
    assert desk.answer_count == 2
    gateway.stop()


def test_a_question_that_is_repeated_while_it_is_under_way_reaches_the_venue_once(room: ActorRoom) -> None:
    """As the broker repeats it, in case that a gateway has died over it."""
    answering = threading.Event()
    with raw_server(held_back(answering)) as server:
        gateway, desk = start(room, f"http://127.0.0.1:{server.port}"), Desk(room)
        for _ in range(100):
            desk.ask("same", FetchBook(symbol="BTCUSDT"))
        assert isinstance(desk.fetch(FetchInstruments(symbols=())), FetchFailed), "by now all of them were heard"
        beats = len(gateway.said(Beat))
        until(lambda: len(gateway.said(Beat)) > beats, room.control)
        newest = gateway.said(Beat)[-1]
        assert (newest.counters["rest_requests_count"], newest.gauges["rest_waiting"]) == (1, 1)
        answering.set()
        assert isinstance(desk.answer("same").answer, FetchedBook) and desk.answer_count == 2
        gateway.stop()


def test_too_many_requests_slows_down_and_still_serves(room: ActorRoom) -> None:
    rest = RestSettings(budget=BudgetSettings(shortest_pause_s=0.2))
    with raw_server(answers_in_turn((200, b'{"code":10006,"data":null,"msg":"slow"}'), BOOK)) as server:
        gateway, desk = start(room, f"http://127.0.0.1:{server.port}", rest), Desk(room)
        assert isinstance(desk.fetch(FetchBook(symbol="BTCUSDT")), FetchedBook)
        assert [each["attempt"] for each in gateway.log.named("RATE_LIMITED")] == [1]
        assert until(lambda: gateway.counter("rate_limited_count"), room.control) == 1
        gateway.stop()


def test_draining_finishes_what_was_asked_and_refuses_what_comes_later(room: ActorRoom) -> None:
    answering = threading.Event()
    with raw_server(held_back(answering)) as server:
        gateway, desk = start(room, f"http://127.0.0.1:{server.port}"), Desk(room)
        desk.ask("before", FetchBook(symbol="BTCUSDT"))
        until(lambda: gateway.counter("rest_requests_count") == 1, room.control)
        gateway.drain()
        until(lambda: gateway.log.named("REST_DRAINING"))
        desk.ask("after", FetchFunding(symbol="BTCUSDT"))
        assert desk.answer("after").answer == FetchFailed(reason="draining")
        assert not gateway.said(Drained)
        answering.set()
        assert isinstance(desk.answer("before").answer, FetchedBook)
        until(lambda: gateway.said(Drained), room.control)
        assert gateway.stop() == 0
