"""Every kind of fault against the real server. Times are virtual seconds, twenty to a real one."""

import socket
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from tests.venue.stand_in.staging import DEADLINE_S, START_MS, Stage

FAST = 20.0

Frames = list[dict[str, Any]]


def heard(stage: Stage, faults: str, *channels: str, until_s: float = 8.0) -> Frames:
    listener = stage.open(faults, speed=FAST).listener()
    listener.subscribe(*channels)
    return listener.until_s(until_s)


def seconds(frames: Frames) -> list[float]:
    return [(frame["ts"] - START_MS) / 1000 for frame in frames]


def during(frames: Frames, start_s: float, end_s: float) -> Frames:
    return [frame for frame in frames if start_s <= (frame["ts"] - START_MS) / 1000 < end_s]


# ---- connections


def test_cut_resets_the_connection_and_a_new_one_works(stage: Stage) -> None:
    listener = stage.open("cut@3", speed=FAST).listener()
    listener.subscribe("price")
    with pytest.raises(ConnectionClosed) as closed:
        listener.until_s(9)
    assert closed.value.rcvd is None
    assert stage.stand_in.stats().aborts == 1
    again = stage.listener()
    again.subscribe("price")
    assert again.frame()["ch"] == "price"


def test_cut_mid_frame_sends_a_part_of_a_frame_and_hangs_up(stage: Stage) -> None:
    data = raw_bytes(stage.open("cut_mid_frame@3", speed=FAST))
    whole, rest = frames_in(data)
    assert len(whole) > 3
    assert 10 < len(rest) < len(whole[-1]) + 2


def test_a_half_open_server_accepts_and_never_answers_the_handshake(stage: Stage) -> None:
    stage.open("half_open@0+60#1")
    client = socket.create_connection(("127.0.0.1", stage.endpoints.port), timeout=0.4)
    client.sendall(HANDSHAKE)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.close()


def test_a_half_open_server_opens_again(stage: Stage) -> None:
    stage.open("half_open@0+0.2#1")
    client = socket.create_connection(("127.0.0.1", stage.endpoints.port), timeout=0.5)
    client.sendall(HANDSHAKE)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.close()
    assert stage.listener()


@pytest.mark.parametrize("status", ["403", "429"])
def test_the_edge_refuses_the_handshake_with_a_page(stage: Stage, status: str) -> None:
    stage.open(f"refuse@0+60#1:{status}")
    with pytest.raises(InvalidStatus) as refused:
        stage.stranger()
    assert refused.value.response.status_code == int(status)
    assert b"<html>" in refused.value.response.body
    assert stage.stand_in.stats().refusals == 1


def test_the_handshake_can_be_refused_by_a_reset(stage: Stage) -> None:
    stage.open("refuse@0+60#2:reset")
    stage.listener()
    with pytest.raises((ConnectionResetError, InvalidMessage, EOFError)):
        stage.stranger()


# ---- silence


def test_a_frozen_server_sends_nothing_not_even_pongs(stage: Stage) -> None:
    frames = heard(stage, "freeze@2+4", "depth_book1", "price")
    assert during(frames, 0, 2) and not during(frames, 2, 6) and during(frames, 6, 8)
    assert stage.stand_in.stats().aborts == 0


def test_a_frozen_server_does_not_answer_pings(stage: Stage) -> None:
    listener = stage.open("freeze@0+60#0").stranger()
    listener.say('{"op":"ping","ping":1}')
    pong = listener.socket.ping()
    with pytest.raises(TimeoutError):
        listener.text(0.4)
    assert not pong.is_set()


def test_pongs_only_answers_pings_and_sends_no_data(stage: Stage) -> None:
    listener = stage.open("pongs_only@0+60#0").listener()
    listener.subscribe("trade", "depth_book15", "price")
    for number in range(3):
        listener.say(f'{{"op":"ping","ping":{number}}}')
        assert listener.frame()["pong"] == number
    with pytest.raises(TimeoutError):
        listener.text(0.4)
    assert listener.socket.ping().wait(DEADLINE_S)


def test_one_stream_falls_silent_and_the_others_go_on(stage: Stage) -> None:
    frames = heard(stage, "silent_stream@2+4:depth_book1", "depth_book1", "price")
    assert {frame["ch"] for frame in during(frames, 2, 6)} == {"price"}
    assert (
        {frame["ch"] for frame in during(frames, 0, 2)}
        == {frame["ch"] for frame in during(frames, 6, 8)}
        == {"price", "depth_book1"}
    )


def test_a_dripping_server_sends_a_byte_at_a_time_and_then_goes_on(stage: Stage) -> None:
    frames = heard(stage, "drip@2+10", "depth_book1", "price", until_s=14)
    assert len(during(frames, 2, 11)) == 1, "the frame that was dripped arrives whole, the others of that time never"
    assert len(during(frames, 0, 2)) > 5
    assert len(during(frames, 12.5, 14)) > 3


def test_the_bytes_of_a_dripped_frame_come_one_by_one(stage: Stage) -> None:
    stage.open("drip@0+600#0", speed=FAST)
    client = raw_client(stage)
    pieces = [client.recv(4096) for _ in range(4)]
    assert [len(piece) for piece in pieces] == [1, 1, 1, 1]
    client.close()


# ---- content


def test_a_crossed_book_has_its_bid_above_its_ask(stage: Stage) -> None:
    frames = heard(stage, "crossed_book@2+2", "depth_book5")
    crossed = [Decimal(frame["data"]["b"][0][0]) > Decimal(frame["data"]["a"][0][0]) for frame in frames]
    assert [2 <= second < 4 for second in seconds(frames)] == crossed
    assert any(crossed)


def test_repeated_prices_carry_old_content_under_new_times(stage: Stage) -> None:
    frames = heard(stage, "repeated_price@2+5", "price", until_s=12)
    stuck = during(frames, 2, 7)
    assert len(stuck) > 5
    assert all(frame["data"] == during(frames, 0, 2)[-1]["data"] for frame in stuck)
    assert len(set(seconds(frames))) == len(frames)
    assert during(frames, 9, 12)[-1]["data"] != stuck[0]["data"]


def test_a_malformed_kline_has_its_low_above_its_open(stage: Stage) -> None:
    frames = heard(stage, "malformed_kline@2+2", "market_kline_1min")
    wrong = [Decimal(frame["data"]["l"]) > Decimal(frame["data"]["o"]) for frame in frames]
    assert [2 <= second < 4 for second in seconds(frames)] == wrong
    assert any(wrong)


def test_duplicated_trades_come_twice(stage: Stage) -> None:
    frames = heard(stage, "duplicate_trades@2+3", "trade")
    twice = during(frames, 2, 5)
    assert twice and twice[0::2] == twice[1::2]
    assert len(set(seconds(during(frames, 0, 2)))) == len(during(frames, 0, 2))


def test_delayed_times_lie_five_seconds_in_the_past(stage: Stage) -> None:
    frames = heard(stage, "delayed_ts@3+2:price", "price", "depth_book1")
    late = [frame for frame in frames if frame["ch"] == "price" and frame["ts"] < START_MS]
    assert 3 <= len(late) <= 5
    assert all(-2.1 <= second <= 0 for second in seconds(late))
    assert all(
        early <= late for early, late in pairwise(seconds([frame for frame in frames if frame["ch"] == "depth_book1"]))
    )


def test_faults_of_content_are_part_of_the_seeds_frames(stage: Stage) -> None:
    faults = "crossed_book@1+1,freeze@2+1,duplicate_trades@3+1,repeated_price@3+3"
    runs = [
        [str(frame) for frame in heard(stage, faults, "depth_book5", "trade", "price", until_s=6)] for _ in range(2)
    ]
    assert runs[0] == runs[1]


# ---- REST


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [("429", 429, None), ("500", 500, 1), ("html", 403, None), ("10005", 200, 10005), ("10006", 200, 10006)],
)
def test_rest_fails_as_told(stage: Stage, target: str, status: int, code: int | None) -> None:
    stage.open(f"rest_error@0+60#0:{target}")
    answer = stage.get("market/tickers")
    assert answer.status_code == status
    if code is None:
        with pytest.raises(requests.JSONDecodeError):
            answer.json()
    else:
        assert answer.json()["code"] == code


def test_rest_recovers_after_the_fault(stage: Stage) -> None:
    listener = stage.open("rest_error@0+4:500", speed=FAST).listener()
    assert stage.get("market/tickers").status_code == 200
    listener.subscribe("price")
    listener.frame()
    assert stage.get("market/tickers").status_code == 500
    listener.until_s(5)
    assert stage.get("market/tickers").status_code == 200


# ---- raw bytes

HANDSHAKE = (
    b"GET /public/ HTTP/1.1\r\nHost: venue\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SUBSCRIBE = b'{"op":"subscribe","args":[{"symbol":"BTCUSDT","ch":"depth_book5"}]}'


def raw_client(stage: Stage) -> socket.socket:
    """A TCP client whose handshake is answered; nothing after it has been read."""
    client = socket.create_connection(("127.0.0.1", stage.endpoints.port), timeout=DEADLINE_S)
    client.sendall(HANDSHAKE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    return client


def raw_bytes(stage: Stage) -> bytes:
    """All that a listener to a depth channel gets until the server hangs up."""
    client = raw_client(stage)
    client.sendall(bytes([0x81, 0x80 | len(SUBSCRIBE)]) + bytes(4) + SUBSCRIBE)
    data = b""
    while piece := client.recv(65536):
        data += piece
    client.close()
    return data


def frames_in(data: bytes) -> tuple[list[bytes], bytes]:
    """(payloads of the whole server frames, what is left of the last one)."""
    payloads = []
    while len(data) >= 4:
        long = data[1] == 126
        length, head = (int.from_bytes(data[2:4], "big"), 4) if long else (data[1], 2)
        if len(data) < head + length:
            break
        payloads.append(data[head : head + length])
        data = data[head + length :]
    return payloads, data
