"""REST as a client meets it, and the life of the server: a real server, requests and plain sockets."""

import socket

import pytest
import requests
from websockets.exceptions import ConnectionClosed

from tests.venue.stand_in.staging import DEADLINE_S, START_MS, Stage
from venue.stand_in.server import StandIn
from venue.stand_in.settings import StandInSettings
from venue.wire import Topic, subscribe

FAST = 20.0

# ---- REST


def test_rest_is_answered_on_one_kept_connection(stage: Stage) -> None:
    stage.open()
    with requests.Session() as session:
        for _ in range(3):
            answer = session.get(
                f"{stage.endpoints.rest_url}/api/v1/futures/market/depth?symbol=BTCUSDT&limit=5", timeout=DEADLINE_S
            )
            assert (answer.status_code, answer.json()["code"]) == (200, 0)
    assert stage.stand_in.stats().connections == 1


def test_business_errors_come_with_http_200(stage: Stage) -> None:
    stage.open()
    for path, query, code in (("market/depth", {"symbol": "NOPE"}, 20015), ("nowhere", {}, 404)):
        answer = stage.get(path, **query)
        assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (200, code, None)


@pytest.mark.parametrize(
    ("switch", "status", "code"), [("10006", 200, 10006), ("10005", 200, 10005), ("429", 429, None)]
)
def test_the_eleventh_request_in_a_second_is_answered_with_the_rate_limit(
    stage: Stage, switch: str, status: int, code: int | None
) -> None:
    stage.open(rate_limit_answer=switch, rest_per_endpoint_per_s=2)
    answers = [stage.get("market/tickers") for _ in range(3)]
    elsewhere = stage.get("market/trading_pairs")
    assert answers[1].json()["code"] == elsewhere.json()["code"] == 0
    assert answers[2].status_code == status
    assert code is None or answers[2].json()["code"] == code
    assert (status == 429) == ("Retry-After" in answers[2].headers)
    assert stage.stand_in.stats().rate_limit_answers == 1


def test_all_endpoints_together_can_be_limited(stage: Stage) -> None:
    stage.open(global_rest_per_s=1, global_rest_burst=3)
    codes = [
        stage.get(path).json()["code"]
        for path in ("market/tickers", "market/trading_pairs", "market/funding_rate/batch", "x")
    ]
    assert codes == [0, 0, 0, 10006]


def test_rest_shows_the_market_of_now(stage: Stage) -> None:
    listener = stage.open(speed=200.0).listener()
    listener.subscribe("ticker")
    listener.until_s(65)
    times = [
        row["time"] for row in stage.get("market/kline", symbol="BTCUSDT", interval="1m", limit="2").json()["data"]
    ]
    assert int(times[0]) >= START_MS + 60_000


# ---- life


def test_the_server_answers_for_itself_and_counts(stage: Stage) -> None:
    listener = stage.open(speed=FAST).listener()
    listener.subscribe("price")
    listener.frame()
    assert stage.stand_in.is_alive(DEADLINE_S)
    stats = stage.stand_in.stats()
    assert (stats.connections, stats.attempts, stats.aborts) == (1, 1, 0)
    assert stats.frames_sent >= 2


def test_stopping_drops_the_clients_and_is_final(stage: Stage) -> None:
    listener = stage.open().listener()
    stage.stand_in.stop()
    with pytest.raises(ConnectionClosed):
        listener.frame()
    assert not stage.stand_in.is_alive(0.1)
    assert stage.stand_in.stats().connections == 1


def test_a_taken_port_is_told_to_whoever_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        stand_in = StandIn(StandInSettings(port=taken.getsockname()[1]))
        with pytest.raises(OSError):
            stand_in.start()
        assert not stand_in.is_alive(0.1)


def test_a_client_that_does_not_read_is_cut_off_and_others_go_on(stage: Stage) -> None:
    stage.open(speed=400.0)
    lazy = socket.create_connection(("127.0.0.1", stage.endpoints.port))
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    lazy.sendall(
        f"GET /public/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    body = subscribe([Topic("BTCUSDT", "depth_books")]).encode()
    lazy.sendall(bytes([0x81, 0x80 | len(body)]) + bytes(4) + body)
    other = stage.listener()
    other.subscribe("ticker")
    other.until(lambda _: stage.stand_in.stats().aborts == 1)
    assert other.frame()["ch"] == "ticker"
    lazy.close()
