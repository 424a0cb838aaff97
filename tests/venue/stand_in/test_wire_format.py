"""The venue's dialect as types: samples from captures decode, and what the stand-in writes is spelled like them."""

import json
from decimal import Decimal

import msgspec
import pytest

from venue import wire
from venue.notation import iso_of, ns_of, plain
from venue.rest_rows import FundingRate, FundingSettlement, KlineRow
from venue.wire import Depth, Kline, Price, Ticker, Topic, Trade, UnknownSymbolDepth


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [
        (867_290, 1, "86729"),
        (7142, 4, "0.7142"),
        (18, 4, "0.0018"),
        (0, 4, "0"),
        (-77, 5, "-0.00077"),
        (1, 6, "0.000001"),
        (650_000, 1, "65000"),
        (3593481407800, 7, "359348.14078"),
    ],
)
def test_numbers_are_spelled_without_exponent_or_trailing_zeros(units: int, decimals: int, text: str) -> None:
    assert wire.encode(plain(units, decimals)) == f'"{text}"'


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-04-07T05:47:52Z", 1_775_540_872_000_000_000),
        ("2026-04-07T05:47:52.959908526Z", 1_775_540_872_959_908_526),
        ("2026-04-07T05:47:52.5Z", 1_775_540_872_500_000_000),
    ],
)
def test_times_are_read_with_any_number_of_decimals(text: str, ns: int) -> None:
    assert ns_of(text) == ns


@pytest.mark.parametrize("text", ["", "yesterday", "2026-04-07T05:47:52.0123456789Z", "2026-04-07T05:47:52.x1Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        ns_of(text)


@pytest.mark.parametrize(("digits", "text"), [(0, "2026-04-07T05:47:52Z"), (9, "2026-04-07T05:47:52.959908526Z")])
def test_times_are_written_in_whole_seconds_or_nanoseconds(digits: int, text: str) -> None:
    assert iso_of(1_775_540_872_959_908_526, digits) == text


ONE = Decimal(1)

SAMPLES = [
    (
        '{"ch":"depth_book5","symbol":"BTCUSDT","ts":1790126515693,"data":{"b":[["86699.6","2.274"]],"a":[["86699.7","0.7"]]}}',
        Depth,
        Depth([(Decimal("86699.6"), Decimal("2.274"))], [(Decimal("86699.7"), Decimal("0.7"))]),
    ),
    (
        '{"ch":"trade","symbol":"BTCUSDT","ts":1,"data":[{"t":"2026-04-07T05:47:52Z","p":"68621.4","v":"0.7142","s":"buy"}]}',
        list[Trade],
        [Trade("2026-04-07T05:47:52Z", Decimal("68621.4"), Decimal("0.7142"), "buy")],
    ),
    (
        '{"ch":"price","symbol":"BTCUSDT","ts":1,"data":{"mp":"86688.3","fr":"-0.00077"}}',
        Price,
        Price(mp=Decimal("86688.3"), fr=Decimal("-0.00077")),
    ),
    (
        '{"ch":"market_kline_1min","symbol":"BTCUSDT","ts":1,"data":{"o":"1","c":"2","h":"3","l":"0.5","b":"5.2","q":"9","x":1}}',
        Kline,
        Kline(Decimal(1), Decimal(2), Decimal(3), Decimal("0.5"), Decimal("5.2"), Decimal(9)),
    ),
    (
        '{"ch":"ticker","symbol":"B","ts":1,"data":{"la":"1","o":"1","h":"1","l":"1","b":"1","q":"1","r":"0"}}',
        Ticker,
        Ticker(la=ONE, o=ONE, h=ONE, l=ONE, b=ONE, q=ONE, r=Decimal(0)),
    ),
]


@pytest.mark.parametrize(("text", "shape", "meaning"), SAMPLES)
def test_captured_frames_decode(text: str, shape: type, meaning: object) -> None:
    assert wire.decode_data(wire.decode_frame(text).data, shape) == meaning


def test_the_push_for_an_unknown_symbol_is_told_from_a_book() -> None:
    frame = wire.decode_frame('{"ch":"depth_book15","ts":1,"data":{"b":[["",""]],"a":[["",""]]}}')
    with pytest.raises(msgspec.ValidationError):
        wire.decode_data(frame.data, Depth)
    assert wire.decode_data(frame.data, UnknownSymbolDepth).b == [("", "")]


def test_control_frames_decode_by_the_same_type() -> None:
    pong = wire.decode_frame('{"op":"ping","pong":1732519687,"ping":1732519690}')
    assert (pong.op, pong.ch, pong.pong) == ("ping", "", 1732519687)


@pytest.mark.parametrize("body", ['{"code":"0","data":null,"msg":"Success"}', '{"code":0,"msg":"Success","more":1}'])
def test_an_envelope_is_read_with_its_code_as_number_or_string(body: str) -> None:
    assert wire.decode_answer(body.encode()).code == wire.CODE_SUCCESS


def test_an_html_page_is_no_envelope() -> None:
    with pytest.raises(msgspec.MsgspecError):
        wire.decode_answer(b"<!DOCTYPE html><html></html>")


ROW = '{"fundingRate":"-0.00001191","fundingTime":"1772449200000","markPrice":"66286.6"}'


@pytest.mark.parametrize(("data", "count"), [(ROW, 1), (f"[{ROW},{ROW}]", 2), ("[]", 0), ("null", 0)])
def test_rows_come_as_a_list_an_object_or_nothing(data: str, count: int) -> None:
    rows = wire.decode_rows(msgspec.Raw(data.encode()), FundingSettlement)
    assert [row.fundingRate for row in rows] == [Decimal("-0.00001191")] * count


def test_kline_rows_are_read_as_strings_or_as_the_documents_numbers() -> None:
    wired = (
        '{"open":"76445","high":"76480.7","low":"76389","close":"76389.5","quoteVol":"31.5403",'
        '"baseVol":"2410748.64904","time":"1789482120000"}'
    )
    numbers = {name: float(text) for name, text in json.loads(wired).items()} | {
        "time": 1789482120000,
        "type": "LAST_PRICE",
    }
    (as_text,), (as_numbers,) = (
        wire.decode_rows(msgspec.Raw(text.encode()), KlineRow) for text in (wired, json.dumps(numbers))
    )
    assert (as_text.close, as_text.quoteVol, int(as_text.time)) == (
        as_numbers.close,
        as_numbers.quoteVol,
        int(as_numbers.time),
    )


def test_a_missing_index_price_is_none() -> None:
    row = (
        '{"symbol":"X","markPrice":"1","lastPrice":"1","indexPrice":null,"fundingRate":"0","fundingInterval":8,'
        '"nextFundingTime":"1","maxFundingRate":"0.3","minFundingRate":"-0.3"}'
    )
    assert wire.decode_rows(msgspec.Raw(row.encode()), FundingRate)[0].indexPrice is None


def test_one_subscribe_frame_carries_all_topics() -> None:
    assert wire.subscribe([Topic("BTCUSDT", "trade"), Topic("BTCUSDT", "price")]) == (
        '{"op":"subscribe","args":[{"symbol":"BTCUSDT","ch":"trade"},{"symbol":"BTCUSDT","ch":"price"}]}'
    )
