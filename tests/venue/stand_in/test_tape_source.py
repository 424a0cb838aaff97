"""A recording served back: every frame as recorded, spaced as recorded or as fast as it is taken, none twice, none left out."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.venue.frames import CONNECT_FRAME, T0_MS, book, price, push, trade
from tests.venue.stand_in.staging import DEADLINE_S, Listener
from tests.venue.taped import MS, PONG, eventful, pushes_of, quiet
from venue.dialect import CHANNELS, DEPTH, TRADE
from venue.stand_in.server import Endpoints, StandIn
from venue.stand_in.settings import StandInSettings
from venue.stand_in.source import Push
from venue.stand_in.tape_source import BATCH_FRAMES, RecordedAnswer, TapeSource, topic_of
from venue.wire import END_OF_TAPE, Topic

MARKET = "/api/v1/futures/market"
EVERYTHING = {Topic("BTCUSDT", channel) for channel in CHANNELS}
Serve = Callable[..., Endpoints]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[StandIn] = []

    def start(source: TapeSource, **settings: Any) -> Endpoints:
        servers.append(StandIn(StandInSettings(**settings), source))
        return servers[-1].start()

    yield start
    for server in servers:
        server.stop()


def subscribed(endpoints: Endpoints) -> Listener:
    listener = Listener(endpoints)
    assert listener.text() == CONNECT_FRAME
    listener.subscribe(*CHANNELS)
    return listener


def to_the_end(listener: Listener) -> tuple[list[str], int, str]:
    """All texts up to the close, then its code and words."""
    texts: list[str] = []
    try:
        while True:
            texts.append(listener.text())
    except ConnectionClosed as end:
        assert end.rcvd is not None
        return texts, end.rcvd.code, end.rcvd.reason
    finally:
        listener.socket.close()


def source_of(texts: list[str], heard: Callable[[], Mapping[Topic, int]] | None = None, waits: bool = False) -> TapeSource:
    return TapeSource(pushes_of(texts), [], heard, waits)


# ---------------------------------------------------------------------------------------- frames


def test_every_push_comes_exactly_as_recorded_and_then_a_normal_close(serve: Serve) -> None:
    texts = eventful()
    heard, code, reason = to_the_end(subscribed(serve(source_of(texts))))
    assert heard == [text for text in texts if topic_of(text) in EVERYTHING]
    assert (code, reason) == (1000, END_OF_TAPE)


def test_every_later_connection_is_told_at_once_that_the_tape_is_over(serve: Serve) -> None:
    endpoints = serve(source_of(quiet(T0_MS, 2)))
    assert len(to_the_end(subscribed(endpoints))[0]) == 8
    for _ in range(2):
        assert to_the_end(subscribed(endpoints)) == ([], 1000, END_OF_TAPE)


@pytest.mark.parametrize("already", range(9))
def test_a_new_connection_goes_on_behind_what_its_client_has_on_record(serve: Serve, already: int) -> None:
    texts = quiet(T0_MS, 2)
    counts = Counter(push.topic for push in pushes_of(texts)[:already])
    heard, code, _ = to_the_end(subscribed(serve(source_of(texts, lambda: counts))))
    assert heard == texts[already:] and code == 1000


def test_a_client_that_is_cut_off_again_and_again_loses_nothing(serve: Serve) -> None:
    """The record counts what it has read; whatever was under way to it comes again."""
    texts = quiet(T0_MS, 300)
    record: list[str] = []
    counts: Counter[Topic] = Counter()
    endpoints = serve(source_of(texts, lambda: counts))
    for stop_at in (1, 2, 70, 71, 400, len(texts)):
        listener = subscribed(endpoints)
        while len(record) < stop_at:
            record.append(listener.text())
            counts[topic_of(record[-1]) or Topic()] += 1
        listener.socket.socket.close()
    assert record == texts


def test_only_the_topics_asked_for_are_served(serve: Serve) -> None:
    texts = [*quiet(T0_MS, 2), book(T0_MS + 900, symbol="ETHUSDT"), push("ticker", {}, T0_MS)]
    listener = Listener(serve(source_of(texts)))
    assert listener.text() == CONNECT_FRAME
    listener.subscribe(DEPTH, TRADE)
    assert to_the_end(listener)[0] == [text for text in texts if topic_of(text) in (Topic("BTCUSDT", DEPTH), Topic("BTCUSDT", TRADE))]


def test_a_client_that_does_not_read_is_waited_for_and_still_gets_everything(serve: Serve) -> None:
    """Far more than the server would let pile up for a client of a living market."""
    large = [push("trade", [{"t": "2026-04-07T05:47:52Z", "p": "1", "v": "1", "s": "buy"}] * 4_000, T0_MS + n) for n in range(150)]
    assert sum(map(len, large)) > 30_000_000
    source = source_of(large)
    server = StandIn(StandInSettings(), source)
    endpoints = server.start()
    try:
        with connect(endpoints.ws_url, ping_interval=None, compression=None, max_size=None, max_queue=1, legacy=True) as slow:
            assert slow.recv(DEADLINE_S) == CONNECT_FRAME
            slow.send('{"op":"subscribe","args":[{"symbol":"BTCUSDT","ch":"trade"}]}')
            assert slow.recv(DEADLINE_S) == large[0]
            assert requests.get(f"{endpoints.rest_url}{MARKET}/depth", timeout=DEADLINE_S).status_code == 200  # the server is not stuck
            assert [slow.recv(DEADLINE_S) for _ in large[1:]] == large[1:]
            with pytest.raises(ConnectionClosed) as end:
                slow.recv(DEADLINE_S)
            assert end.value.rcvd is not None and end.value.rcvd.reason == END_OF_TAPE
        assert server.stats().aborts == 0
    finally:
        server.stop()


# ---------------------------------------------------------------------------------------- time


def test_frames_are_due_at_their_recorded_distance_from_the_first() -> None:
    source = source_of([trade(T0_MS), trade(T0_MS + 400), trade(T0_MS + 1_000)], waits=True)
    topics = {Topic("BTCUSDT", TRADE)}
    assert source.start_ns == T0_MS * MS
    assert len(source.pushes(source.start_ns, topics)) == 1
    assert source.next_push_ns(topics) == (T0_MS + 400) * MS
    assert source.pushes((T0_MS + 399) * MS, topics) == []
    assert [each.at_ns for each in source.pushes((T0_MS + 5_000) * MS, topics)] == [(T0_MS + 400) * MS, (T0_MS + 1_000) * MS]
    assert source.ended and source.next_push_ns(topics) is None


def test_without_waiting_everything_is_due_at_once_in_batches_of_bounded_size() -> None:
    source = source_of(quiet(T0_MS, 100))
    assert source.next_push_ns(EVERYTHING) == source.start_ns
    sizes = []
    while not source.ended:
        sizes.append(len(source.pushes(source.start_ns, EVERYTHING)))
    assert sum(sizes) == 400 and max(sizes) == BATCH_FRAMES


def test_the_tape_stands_still_while_nobody_listens() -> None:
    source = source_of(quiet(T0_MS, 2), waits=True)
    assert source.pushes((T0_MS + 60_000) * MS, set()) == [] and source.next_push_ns(set()) is None
    assert len(source.pushes((T0_MS + 60_000) * MS, EVERYTHING)) == 8


def test_a_slow_tape_is_not_cut_off_and_a_fast_one_runs_that_much_faster(serve: Serve) -> None:
    """Two minutes of market in a fraction of a second of keep-alive."""
    texts = [price(T0_MS + 1_000 * second) for second in range(120)]
    endpoints = serve(source_of(texts, waits=True), speed=500, keep_alive_streaming_s=30.0)
    assert to_the_end(subscribed(endpoints)) == (texts, 1000, END_OF_TAPE)


# ---------------------------------------------------------------------------------------- REST

ANSWERS = [
    RecordedAnswer(f"{MARKET}/kline", {"symbol": "BTCUSDT", "interval": "1m", "limit": "200"}, 200, b'{"code":0,"data":[1]}'),
    RecordedAnswer(f"{MARKET}/kline", {"symbol": "BTCUSDT", "interval": "1m", "limit": "50"}, 200, b'{"code":0,"data":[2]}'),
    RecordedAnswer(f"{MARKET}/kline", {"symbol": "BTCUSDT", "interval": "5m"}, 200, b'{"code":0,"data":[3]}'),
    RecordedAnswer(f"{MARKET}/trading_pairs", {"symbols": "BTCUSDT"}, 200, b'{"code":0,"data":[4]}'),
    RecordedAnswer(f"{MARKET}/depth", {"symbol": "BTCUSDT"}, 503, b'{"code":1,"msg":"Network Error"}'),
    RecordedAnswer(f"{MARKET}/funding_rate", {"symbol": "BTCUSDT"}, 520, b'"<html>busy</html>"'),
]
ASKED = [
    # path and query, status, what the body has
    (f"{MARKET}/kline?symbol=BTCUSDT&interval=1m&limit=10", 200, '"data":[2]'),
    (f"{MARKET}/kline?symbol=btcusdt&interval=5m", 200, '"data":[3]'),
    (f"{MARKET}/kline?symbol=BTCUSDT&interval=1h", 200, '"code":20015'),
    (f"{MARKET}/kline?symbol=ETHUSDT&interval=1m", 200, '"code":20015'),
    (f"{MARKET}/trading_pairs?symbols=BTCUSDT", 200, '"data":[4]'),
    (f"{MARKET}/depth?symbol=BTCUSDT&limit=15", 503, "Network Error"),
    (f"{MARKET}/funding_rate?symbol=BTCUSDT", 520, "<html>busy</html>"),
    ("/api/v1/elsewhere", 200, '"code":404'),
]


@pytest.mark.parametrize(("target", "status", "words"), ASKED)
def test_a_request_gets_the_newest_recorded_answer_or_the_venues_own_error(serve: Serve, target: str, status: int, words: str) -> None:
    endpoints = serve(TapeSource([Push(1, Topic("BTCUSDT", TRADE), trade())], ANSWERS))
    answer = requests.get(endpoints.rest_url + target, timeout=DEADLINE_S)
    assert (answer.status_code, words in answer.text) == (status, True)


@pytest.mark.parametrize("text", [CONNECT_FRAME, PONG, "no json", "[1]", '{"ts":1}', '{"op":"subscribe"}'])
def test_frames_about_the_connection_and_what_is_no_frame_are_no_pushes(text: str) -> None:
    assert topic_of(text) is None
