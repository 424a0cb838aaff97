"""The protocol as a client meets it: a real server, a plain WebSocket client and requests."""

import json
import queue
from itertools import pairwise
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.venue.stand_in.staging import DEADLINE_S, EVERYTHING, START_MS, Stage
from venue.wire import Topic, subscribe

FAST = 20.0


def is_push(frame: dict[str, Any]) -> bool:
    return "ch" in frame


# ---- time and determinism


def test_time_stands_still_until_the_first_subscribe(stage: Stage) -> None:
    stage.open(speed=FAST)
    listener = stage.listener()
    before = stage.get("market/kline", symbol="BTCUSDT", interval="1m", limit="1").json()
    assert stage.stand_in.origin_mono_ns is None

    listener.subscribe("price")

    assert before["data"][0]["time"] == str(START_MS)
    assert 100 <= listener.until(is_push)[-1]["ts"] - START_MS <= 600
    assert stage.stand_in.origin_mono_ns is not None


def test_the_beginning_of_time_is_told(stage: Stage) -> None:
    told: queue.Queue[int] = queue.Queue()
    stage.open(on_origin=told.put)
    assert told.empty()
    stage.listener().subscribe("trade")
    assert told.get(timeout=DEADLINE_S) == stage.stand_in.origin_mono_ns


def test_the_same_seed_gives_the_same_bytes(stage: Stage) -> None:
    runs = []
    for _ in range(2):
        listener = stage.open(seed=9, speed=FAST).listener()
        listener.subscribe(*EVERYTHING)
        runs.append([listener.text() for _ in range(300)])
    assert runs[0] == runs[1]


def test_a_successor_continues_the_same_market(stage: Stage) -> None:
    undisturbed = stage.open(seed=9, speed=FAST).listener()
    undisturbed.subscribe("depth_book5", "trade")
    expected = [undisturbed.text() for _ in range(400)]

    first = stage.open(seed=9, speed=FAST)
    listener = first.listener()
    listener.subscribe("depth_book5", "trade")
    begun = [listener.text() for _ in range(20)]
    origin, port = first.stand_in.origin_mono_ns, first.endpoints.port
    first.stand_in.stop()
    successor = stage.open(seed=9, speed=FAST, origin_mono_ns=origin, port=port)
    listener = successor.listener()
    listener.subscribe("depth_book5", "trade")
    continued = [listener.text() for _ in range(20)]

    assert begun == expected[:20]
    assert json.loads(continued[0])["ts"] > json.loads(begun[-1])["ts"]
    overlap = [text for text in continued if json.loads(text)["ts"] <= json.loads(expected[-1])["ts"]]
    assert all(text in expected for text in overlap)
    assert successor.endpoints.port == port


# ---- the WebSocket dialect


def test_subscribing_is_not_acknowledged_by_default(stage: Stage) -> None:
    listener = stage.open(speed=FAST).listener()
    listener.subscribe("trade", "depth_book1", symbol="btcusdt")
    frame = listener.frame()
    assert is_push(frame) and frame["symbol"] == "BTCUSDT"


@pytest.mark.parametrize(
    ("switch", "acks"),
    [
        ("per_channel", [{"op": "subscribe", "ch": "trade", "symbol": "BTCUSDT", "data": {"result": True}}]),
        ("empty", [{"op": "subscribe"}]),
    ],
)
def test_subscribing_can_be_acknowledged(stage: Stage, switch: str, acks: list[dict[str, Any]]) -> None:
    listener = stage.open(subscribe_ack=switch).listener()
    listener.subscribe("trade")
    assert [listener.frame() for _ in acks] == acks


def test_unsubscribing_is_acknowledged_and_ends_the_stream(stage: Stage) -> None:
    listener = stage.open(speed=FAST).listener()
    listener.subscribe("price", "depth_book1")
    listener.until(lambda frame: frame.get("ch") == "price")
    listener.say('{"op":"unsubscribe","args":[{"symbol":"BTCUSDT","ch":"price"}]}')
    ack = listener.until(lambda frame: frame.get("op") == "unsubscribe")[-1]
    assert ack["data"] == "success" and ack["ts"] > START_MS
    later = listener.until_s((ack["ts"] - START_MS) / 1000 + 3)
    assert {frame["ch"] for frame in later} == {"depth_book1"}


def test_a_stream_subscribed_twice_comes_once(stage: Stage) -> None:
    listener = stage.open(speed=FAST).listener()
    listener.say(subscribe([Topic("BTCUSDT", "depth_book1"), Topic("btcusdt", "depth_book1")]))
    listener.subscribe("depth_book1")
    times = [frame["ts"] for frame in listener.until_s(4)]
    assert all(270 <= late - early <= 350 for early, late in pairwise(times))


@pytest.mark.parametrize("switch", ["opened", "now"])
def test_a_json_ping_is_echoed_under_the_name_ping(stage: Stage, switch: str) -> None:
    listener = stage.open(ping_reply=switch).listener()
    listener.say('{"op":"ping","ping":1732519687}')
    assert listener.frame() == {"op": "ping", "pong": 1732519687, "ping": START_MS // 1000}


def test_the_ping_reply_can_tell_the_servers_time(stage: Stage) -> None:
    listener = stage.open(ping_reply="now", speed=FAST).listener()
    listener.subscribe("price")
    listener.until_s(5)
    listener.say('{"op":"ping","ping":1}')
    pong = listener.until(lambda frame: frame.get("op") == "ping")[-1]
    assert pong["ping"] >= START_MS // 1000 + 5


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "[]",
        "{}",
        '{"op":"dance"}',
        '{"op":"subscribe","args":[{"symbol":"BTCUSDT","ch":"depth20"}]}',
        '{"op":"subscribe","args":"trade"}',
        '{"op":"subscribe","args":[{"ch":"market_kline_1m"}]}',
    ],
)
def test_what_is_not_understood_is_met_with_silence_on_an_open_socket(stage: Stage, text: str) -> None:
    listener = stage.open().listener()
    listener.say(text)
    listener.say('{"op":"ping","ping":7}')
    assert listener.frame()["pong"] == 7


@pytest.mark.parametrize("symbol", ["NOPE", ""])
def test_a_wrong_symbol_on_a_depth_channel_gets_one_empty_window(stage: Stage, symbol: str) -> None:
    listener = stage.open(speed=FAST).listener()
    listener.subscribe("depth_book5", symbol=symbol)
    listener.subscribe("depth_book1")
    frames = listener.until_s(3)
    assert frames[0]["data"] == {"b": [["", ""]] * 15, "a": [["", ""]] * 15}
    assert ("symbol" in frames[0]) == bool(symbol)
    assert {frame["ch"] for frame in frames[1:]} == {"depth_book1"}


def test_the_301st_topic_is_refused_and_the_first_300_go_on(stage: Stage) -> None:
    listener = stage.open(speed=FAST).listener()
    unknown = [Topic(f"X{number}", "trade") for number in range(299)]
    listener.say(subscribe([Topic("BTCUSDT", "price"), *unknown, Topic("BTCUSDT", "depth_book1")]))
    assert listener.frame() == {
        "op": "subscribe",
        "data": {"msg": "subscribe channel > 300", "nonce": "", "result": False},
    }
    assert {frame["ch"] for frame in listener.until_s(3)} == {"price"}


def test_a_sixth_frame_within_a_second_ends_the_connection_without_a_close_frame(stage: Stage) -> None:
    listener = stage.open().listener()
    with pytest.raises(ConnectionClosed) as closed:
        for _ in range(6):
            listener.say('{"op":"ping","ping":1}')
        while True:
            listener.frame()
    assert closed.value.rcvd is None
    assert stage.stand_in.stats().aborts == 1


def test_a_flooding_client_can_be_refused_for_a_while(stage: Stage) -> None:
    listener = stage.open(flood_refusal_s=60.0).listener()
    with pytest.raises(ConnectionClosed):
        for _ in range(6):
            listener.say("flood")
        listener.frame()
    with pytest.raises(Exception, match="429"):
        stage.stranger()


def test_without_limits_a_client_may_talk_as_it_likes(stage: Stage) -> None:
    listener = stage.open(enforce_limits=False).listener()
    for number in range(20):
        listener.say(f'{{"op":"ping","ping":{number}}}')
    assert [listener.frame()["pong"] for _ in range(20)] == list(range(20))


def test_a_silent_client_is_dropped_without_a_close_frame(stage: Stage) -> None:
    listener = stage.open(keep_alive_idle_s=0.2, keep_alive_streaming_s=600.0).listener()
    with pytest.raises(ConnectionClosed) as closed:
        listener.frame()
    assert closed.value.rcvd is None


def test_a_listening_client_is_dropped_when_it_never_pings(stage: Stage) -> None:
    listener = stage.open(keep_alive_idle_s=600.0, keep_alive_streaming_s=0.4, speed=FAST).listener()
    listener.subscribe("price")
    with pytest.raises(ConnectionClosed):
        listener.until(lambda _: False)


def test_json_pings_keep_a_connection_open(stage: Stage) -> None:
    listener = stage.open(keep_alive_idle_s=0.8).listener()
    for number in range(4):
        with pytest.raises(TimeoutError):
            listener.text(0.3)
        listener.say(f'{{"op":"ping","ping":{number}}}')
        assert listener.frame()["pong"] == number
    with pytest.raises(ConnectionClosed):
        listener.frame()


def test_a_protocol_ping_is_answered(stage: Stage) -> None:
    assert stage.open().listener().socket.ping().wait(DEADLINE_S)


def test_a_protocol_ping_before_any_frame_can_end_the_connection(stage: Stage) -> None:
    listener = stage.open(protocol_ping_first_drops=True).listener()
    listener.socket.ping()
    with pytest.raises(ConnectionClosed):
        listener.frame()
    assert listener.socket.close_code == 1006
    assert stage.stand_in.stats().aborts == 1
    polite = stage.listener()
    polite.say('{"op":"ping","ping":1}')
    assert polite.frame()["pong"] == 1
    assert polite.socket.ping().wait(DEADLINE_S)


def test_a_client_that_says_goodbye_is_answered(stage: Stage) -> None:
    listener = stage.open().listener()
    listener.socket.close()
    assert listener.socket.close_code == 1000


def test_two_clients_hear_the_same_stream(stage: Stage) -> None:
    one, other = stage.open(speed=FAST).listener(), stage.listener()
    for listener in (one, other):
        listener.subscribe("depth_book5")
    late = other.text()
    assert late in [one.text() for _ in range(40)]


def test_whole_books_and_changes_open_with_a_snapshot_for_everyone(stage: Stage) -> None:
    stage.open(speed=FAST, depth_books="delta")
    for _ in range(2):
        listener = stage.listener()
        listener.subscribe("depth_books")
        first, second = listener.frame(), listener.frame()
        assert len(first["data"]["b"]) > 100 > len(second["data"]["b"])
