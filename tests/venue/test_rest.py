"""REST over real sockets: every misbehaviour of a server becomes a value, and the stand-in's answers become ours."""

import socket
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from trading.quantities import Instrument
from venue.answers import HttpAnswer, RateLimited, Unreachable, VenueRefusal, read_answer, read_book, read_candles, read_funding, read_tiers
from venue.rest import Call, RestVenue, book_call, candles_call, funding_call, instruments_call, tiers_call
from venue.settings import RestSettings
from venue.stand_in.server import StandIn
from venue.stand_in.settings import StandInSettings
from tests.venue.raw_server import RawServer, raw_server, read_request

D = Decimal
MINUTE_NS = 60_000_000_000
OK_BODY = b'{"code":0,"data":7,"msg":"Success"}'
SEVEN = Call("/seven", (), lambda data: msgspec.json.decode(data, type=int))


def ask(server: RawServer, within_s: float = 5.0, **settings: Any) -> object:
    venue = RestVenue(f"http://127.0.0.1:{server.port}", RestSettings(**settings))
    try:
        return venue.ask(SEVEN, within_s)[0]
    finally:
        venue.close()


def http(status: int, body: bytes, *headers: bytes, length: int | None = None) -> bytes:
    head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n" % (status, len(body) if length is None else length)
    return head + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


def says(answer: bytes) -> Callable[[RawServer, socket.socket], None]:
    def serve(_: RawServer, client: socket.socket) -> None:
        read_request(client)
        client.sendall(answer)

    return serve


HTML = b"<html>error 1015</html>"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(http(200, OK_BODY), 7, id="success"),
        pytest.param(http(200, b'{"code":"0","data":7,"msg":""}'), 7, id="code as text"),
        pytest.param(http(404, OK_BODY), 7, id="success is the code, not the status"),
        pytest.param(http(200, b'{"code":20015,"data":null,"msg":"no"}'), VenueRefusal(20015, "no"), id="business error with HTTP 200"),
        pytest.param(http(200, b'{"code":404,"data":null,"msg":"Not Found"}'), VenueRefusal(404, "Not Found"), id="unknown path"),
        pytest.param(http(200, b'{"code":1,"data":null,"msg":"Network Error"}'), Unreachable("code 1: Network Error"), id="code 1"),
        pytest.param(http(200, b'{"code":10001,"data":null,"msg":"e"}'), Unreachable("code 10001: e"), id="code 10001"),
        pytest.param(http(200, b'{"code":10005,"msg":"slow"}'), RateLimited(0), id="code 10005"),
        pytest.param(http(200, b'{"code":10006,"msg":"slow"}', b"Retry-After: 3"), RateLimited(3), id="code 10006 with Retry-After"),
        pytest.param(http(429, b'{"code":10006,"msg":"slow"}', b"Retry-After: 2"), RateLimited(2), id="429 with Retry-After"),
        pytest.param(http(429, b'{"code":0,"data":7,"msg":""}'), RateLimited(0), id="429 whatever the code"),
        pytest.param(http(429, HTML), RateLimited(60), id="429 page of the edge"),
        pytest.param(http(403, HTML), RateLimited(60), id="403 page of the edge"),
        pytest.param(http(418, HTML, b"Retry-After: 90"), RateLimited(90), id="418 ban"),
        pytest.param(http(429, HTML, b"Retry-After: Wed, 21 Oct 2026 07:28:00 GMT"), RateLimited(60), id="Retry-After as a date"),
        pytest.param(http(500, HTML), Unreachable("http_500_not_json"), id="500 page"),
        pytest.param(http(503, OK_BODY), Unreachable("http_503"), id="503 with success inside"),
        pytest.param(http(200, HTML), Unreachable("http_200_not_json"), id="HTML with HTTP 200"),
        pytest.param(http(200, b"[]"), Unreachable("http_200_not_json"), id="JSON but no envelope"),
        pytest.param(http(200, b"[" * 2_000), Unreachable("http_200_not_json"), id="nested too deep"),
        pytest.param(http(200, b""), Unreachable("http_200_not_json"), id="empty"),
        pytest.param(http(302, b"", b"Location: http://127.0.0.1:1/"), Unreachable("http_302_not_json"), id="redirect is not followed"),
        pytest.param(http(200, OK_BODY[:10], length=500), Unreachable("ProtocolError"), id="body cut short"),
        pytest.param(b"garbage\r\n\r\n", Unreachable("ConnectionError"), id="no HTTP at all"),
        pytest.param(b"", Unreachable("ConnectionError"), id="hang-up"),
        pytest.param(http(200, b"x" * 3000), Unreachable("body_too_large"), id="larger than the bound"),
    ],
)
def test_whatever_a_server_answers_is_a_value(answer: bytes, outcome: object) -> None:
    with raw_server(says(answer)) as server:
        assert ask(server, largest_body_bytes=2048) == outcome


def test_code_zero_with_data_of_another_shape_is_worth_another_try() -> None:
    with raw_server(says(http(200, b'{"code":0,"data":"x","msg":""}'))) as server:
        outcome = ask(server)
    assert isinstance(outcome, Unreachable) and outcome.reason.startswith("malformed_answer")


def test_a_silent_server_costs_no_more_than_the_time_given() -> None:
    def serve(server: RawServer, client: socket.socket) -> None:
        read_request(client)
        server.hold.wait(10)

    with raw_server(serve) as server:
        assert ask(server, within_s=0.2) == Unreachable("ReadTimeout")


def test_a_body_that_drips_is_given_up_when_the_time_is_over() -> None:
    def serve(server: RawServer, client: socket.socket) -> None:
        read_request(client)
        client.sendall(http(200, b"", length=100_000))
        while not server.hold.wait(0.02):
            client.sendall(b" ")

    with raw_server(serve) as server:
        assert ask(server, within_s=0.3) == Unreachable("body_too_slow")


def test_no_credentials_are_sent_and_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    requests: list[bytes] = []

    def serve(_: RawServer, client: socket.socket) -> None:
        requests.append(read_request(client))
        client.sendall(http(200, OK_BODY))

    with raw_server(serve) as server:
        assert ask(server) == 7
    assert b"authorization" not in requests[0].lower()


# ------------------------------------------------------------------------------------------------ what the rows mean


def answered(read: Callable[[msgspec.Raw], object], data: str) -> Any:
    return read_answer(HttpAnswer(200, b'{"code":0,"msg":"","data":%s}' % data.encode()), read)


def row(minute: int, price: str = "100", **fields: Any) -> str:
    bar = {"open": price, "high": price, "low": price, "close": price, "quoteVol": "31.5", "baseVol": "2410748.6", "time": str(minute * 60_000)}
    return msgspec.json.encode({**bar, **fields}).decode()


def test_bars_come_oldest_first_without_the_forming_one_and_each_once() -> None:
    rows = answered(read_candles(10), f"[{row(3)},{row(2)},{row(2)},{row(1)}]")
    assert [candle.open_at_ns // MINUTE_NS for candle in rows] == [1, 2]


def test_the_swapped_volume_names_are_swapped_back() -> None:
    (candle,) = answered(read_candles(10), f"[{row(2)},{row(1)}]")
    assert candle.volume == D("31.5")


def test_no_more_bars_than_asked_for_and_the_newest_of_them() -> None:
    rows = answered(read_candles(2), "[" + ",".join(row(minute) for minute in range(9, 0, -1)) + "]")
    assert [candle.open_at_ns // MINUTE_NS for candle in rows] == [7, 8]


def test_a_bar_without_trades_that_opens_outside_its_range_is_widened() -> None:
    (candle,) = answered(read_candles(10), f"[{row(2)},{row(1, open='99')}]")
    assert (candle.low, candle.high) == (D(99), D(100))


@pytest.mark.parametrize("bad", [row(1, low="101"), row(1, close="NaN"), row(1, quoteVol="-1"), row(1, time="soon")])
def test_a_bar_that_cannot_be_spoils_the_answer(bad: str) -> None:
    assert isinstance(answered(read_candles(10), f"[{row(2)},{bad}]"), Unreachable)


@pytest.mark.parametrize("shape", ["%s", "[%s]"])
def test_funding_is_read_from_an_object_and_from_a_list_and_made_a_fraction(shape: str) -> None:
    funding = (
        '{"symbol":"BTCUSDT","markPrice":"100","lastPrice":"100","indexPrice":null,"fundingRate":"0.01","fundingInterval":8,'
        '"nextFundingTime":"1770710400000","maxFundingRate":"0.3","minFundingRate":"-0.3"}'
    )
    outcome = answered(read_funding, shape % funding)
    assert (outcome.rate, outcome.next_funding_at_ns) == (D("0.0001"), 1_770_710_400_000_000_000)


@pytest.mark.parametrize("levels", ['{"bids":[["2","1"]],"asks":[["1","1"]]}', '{"bids":[],"asks":[["1","1"]]}', '{"bids":[["NaN","1"]],"asks":[["1","1"]]}'])
def test_a_book_that_cannot_be_is_no_book(levels: str) -> None:
    assert isinstance(answered(read_book, levels), Unreachable)


def tier(level: int, start: str, end: str, leverage: str, rate: str, symbol: str = "BTCUSDT") -> str:
    return (
        f'{{"symbol":"{symbol}","level":{level},"startValue":{start},"endValue":{end},"leverage":{leverage},"maintenanceMarginRate":{rate}}}'
    )


@pytest.mark.parametrize("rows", [
    [tier(1, "0", "50000", "125", "0.004"), tier(2, "50000", "200000", "100", "0.005")],
    [tier(2, '"50000"', '"200000"', '"100"', '"0.005"'), tier(1, '"0"', '"50000"', '"125"', '"0.0040"')],
    [tier(1, '"0"', "50000.0", "125.0", '"0.004"'), tier(9, "0", "1", "1", "0.5", "ETHUSDT"), tier(2, "5e4", "2E+5", "100", "0.005")],
])
def test_tiers_are_read_from_numbers_and_texts_in_any_order_and_only_those_of_the_symbol(rows: list[str]) -> None:
    found = answered(read_tiers("BTCUSDT"), f"[{','.join(rows)}]")
    assert [(each.startValue, each.endValue, each.leverage, each.maintenanceMarginRate) for each in found] == [
        (D("0"), D("50000"), 125, D("0.004")), (D("50000"), D("200000"), 100, D("0.005")),
    ]


@pytest.mark.parametrize("number", ['"NaN"', '"Infinity"', '"-1"', "1e400", '"1e400"'])
def test_a_tier_with_an_absurd_number_is_not_asked_for_again(number: str) -> None:
    outcome = answered(read_tiers("BTCUSDT"), f"[{tier(1, '0', number, '1', '0.1')}]")
    assert isinstance(outcome, VenueRefusal) and "absurd number" in outcome.text


def test_no_tiers_are_no_tiers() -> None:
    assert answered(read_tiers("BTCUSDT"), "[]") == answered(read_tiers("BTCUSDT"), "null") == ()


def data_of(venue: RestVenue, call: Call) -> Any:
    """What the reader of ``call`` made of an answer that is one."""
    outcome, answer = venue.ask(call, 5)
    assert not isinstance(outcome, VenueRefusal | RateLimited | Unreachable) and answer is not None and answer.status == 200
    return outcome


@pytest.mark.parametrize("dialect", ["wire", "documents"])
def test_every_call_is_understood_by_the_stand_in_in_both_dialects(dialect: Literal["wire", "documents"]) -> None:
    stand_in = StandIn(StandInSettings(rest_dialect=dialect))
    venue = RestVenue(stand_in.start().rest_url, RestSettings())
    try:
        instruments = data_of(venue, instruments_call(("BTCUSDT",)))
        assert isinstance(instruments[0], Instrument) and instruments[0].tick == D("0.1") and instruments[0].step == D("0.0001")
        candles = data_of(venue, candles_call("BTCUSDT", "1m", 60))
        assert len(candles) == 60
        assert all(later.open_at_ns - earlier.open_at_ns == MINUTE_NS for earlier, later in zip(candles, candles[1:], strict=False))
        book = data_of(venue, book_call("BTCUSDT"))
        assert len(book.bids) == len(book.asks) == 15 and book.bids[0] > book.bids[1] and book.asks[0] < book.asks[1]
        funding = data_of(venue, funding_call("BTCUSDT"))
        assert abs(funding.rate) < D("0.003") and funding.mark > 0
        tiers = data_of(venue, tiers_call("BTCUSDT"))
        assert tiers[0].startValue < tiers[1].startValue
        refusal, _ = venue.ask(book_call("NOPEUSDT"), 5)
        assert isinstance(refusal, VenueRefusal) and refusal.code == 20015
        refusal, _ = venue.ask(instruments_call(("BTCUSDT", "NOPEUSDT")), 5)
        assert isinstance(refusal, VenueRefusal)
    finally:
        venue.close()
        stand_in.stop()
