"""The REST answers, quirks included, without a server."""

import json
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from venue.stand_in.seeded_source import START_NS, SeededSource
from venue.stand_in.settings import StandInSettings
from venue.wire import MARKET_PATH, POSITION_TIERS_PATH

MINUTE_MS = 60_000
START_MS = START_NS // 1_000_000


def answer(endpoint: str, /, **query: str) -> dict[str, Any]:
    return asked(StandInSettings(seed=4, symbols=("BTCUSDT", "ETHUSDT")), endpoint, **query)


@cache
def source_of(settings: StandInSettings) -> SeededSource:
    """A source a minute and a half into its story; reading it changes nothing."""
    source = SeededSource(settings)
    source.pushes(START_NS + 90_000_000_000, [])
    return source


def asked(settings: StandInSettings, endpoint: str, /, **query: str) -> dict[str, Any]:
    path = endpoint if endpoint.startswith("/") else f"{MARKET_PATH}/{endpoint}"
    body: dict[str, Any] = json.loads(source_of(settings).answer(path, query).body)
    return body


@pytest.mark.parametrize(
    ("endpoint", "query", "code"),
    [
        ("nope", {}, 404),
        ("depth", {}, 1),
        ("depth", {"symbol": "NOPE"}, 20015),
        ("depth", {"symbol": "BTCUSDT", "limit": "20"}, 10008),
        ("kline", {"symbol": "NOPE", "interval": "1m"}, 20015),
        ("kline", {"symbol": "BTCUSDT", "interval": "1min"}, 10002),
        ("kline", {"symbol": "BTCUSDT", "interval": "1m", "endTime": "soon"}, 10002),
        ("kline", {"interval": "1m"}, 10002),
        ("tickers", {"symbols": "BTCUSDT,NOPE"}, 20015),
        ("trading_pairs", {"symbols": "NOPE"}, 20015),
        ("funding_rate", {}, 10002),
        ("get_funding_rate_history", {"symbol": "NOPE"}, 20015),
        (POSITION_TIERS_PATH, {}, 10002),
    ],
)
def test_wrong_requests_are_refused_with_the_venues_code_and_no_data(
    endpoint: str, query: dict[str, str], code: int
) -> None:
    body = answer(endpoint, **query)
    assert (body["code"], body["data"]) == (code, None)
    assert body["msg"]


def test_the_refusal_of_a_depth_limit_names_the_choices() -> None:
    assert answer("depth", symbol="BTCUSDT", limit="20")["msg"] == (
        'Parameter 20 does not match, alternative value ["1","5","15","50","max"].'
    )


@pytest.mark.parametrize(("limit", "levels"), [("1", 1), ("5", 5), ("15", 15), ("50", 50)])
def test_depth_has_the_levels_asked_for_best_first(limit: str, levels: int) -> None:
    data = answer("depth", symbol="btcusdt", limit=limit)["data"]
    bids, asks = ([Decimal(price) for price, _ in data[side]] for side in ("bids", "asks"))
    assert len(bids) == len(asks) == levels
    assert bids == sorted(bids, reverse=True) and asks == sorted(asks) and bids[0] < asks[0]


def test_depth_without_limit_is_the_whole_book() -> None:
    whole = answer("depth", symbol="BTCUSDT")["data"]
    assert whole == answer("depth", symbol="BTCUSDT", limit="max")["data"]
    assert len(whole["bids"]) > 100


def test_klines_come_newest_first_with_the_forming_bar_and_swapped_volumes() -> None:
    rows = answer("kline", symbol="BTCUSDT", interval="1m", limit="3")["data"]
    assert [int(row["time"]) for row in rows] == [START_MS + MINUTE_MS, START_MS, START_MS - MINUTE_MS]
    for row in rows:
        assert all(isinstance(value, str) for value in row.values())
        assert Decimal(row["low"]) <= Decimal(row["baseVol"]) / Decimal(row["quoteVol"]) <= Decimal(row["high"])


@pytest.mark.parametrize(("limit", "rows"), [("1", 1), ("150", 150), ("200", 200), ("1000", 200)])
def test_a_page_of_klines_has_at_most_200_rows(limit: str, rows: int) -> None:
    assert len(answer("kline", symbol="BTCUSDT", interval="1m", limit=limit)["data"]) == rows


def test_a_page_of_klines_has_100_rows_unless_told() -> None:
    assert len(answer("kline", symbol="BTCUSDT", interval="1m")["data"]) == 100


def test_the_start_time_does_not_anchor_a_page() -> None:
    anywhere = answer("kline", symbol="BTCUSDT", interval="1m", limit="5", startTime=str(START_MS - 90 * MINUTE_MS))
    assert anywhere == answer("kline", symbol="BTCUSDT", interval="1m", limit="5")


@pytest.mark.parametrize(
    ("inclusive", "newest"), [(False, START_MS - 10 * MINUTE_MS), (True, START_MS - 9 * MINUTE_MS)]
)
def test_the_end_time_anchors_a_page(inclusive: bool, newest: int) -> None:
    rows = asked(
        StandInSettings(kline_end_inclusive=inclusive),
        "kline",
        symbol="BTCUSDT",
        interval="1m",
        limit="4",
        endTime=str(START_MS - 9 * MINUTE_MS),
    )["data"]
    assert [int(row["time"]) for row in rows] == [newest - i * MINUTE_MS for i in range(4)]


@pytest.mark.parametrize("interval", ["5m", "15m", "30m", "1h", "4h", "1d", "1w", "1M"])
def test_every_interval_has_bars_that_contain_each_other(interval: str) -> None:
    rows = answer("kline", symbol="BTCUSDT", interval=interval, limit="2")["data"]
    assert len(rows) == 2
    assert Decimal(rows[0]["low"]) <= Decimal(rows[0]["close"]) <= Decimal(rows[0]["high"])
    assert int(rows[1]["time"]) < int(rows[0]["time"]) <= START_MS + 90_000


def test_mark_klines_have_no_volume() -> None:
    rows = answer("kline", symbol="BTCUSDT", interval="1m", limit="5", type="MARK_PRICE")["data"]
    assert {row["quoteVol"] for row in rows} == {"0"}


def test_tickers_tell_of_the_symbols_asked_for_or_all() -> None:
    assert [row["symbol"] for row in answer("tickers")["data"]] == ["BTCUSDT", "ETHUSDT"]
    (row,) = answer("tickers", symbols="ETHUSDT")["data"]
    assert Decimal(row["quoteVol"]) / Decimal(row["baseVol"]) == pytest.approx(Decimal(row["last"]), rel=Decimal("0.1"))


def test_trading_pairs_tell_the_contract() -> None:
    (row,) = answer("trading_pairs", symbols="BTCUSDT")["data"]
    assert (row["quotePrecision"], row["basePrecision"], row["minTradeVolume"], row["maxLeverage"]) == (
        1,
        4,
        "0.0001",
        200,
    )
    assert row["symbolStatus"] == "OPEN" and row["isApiSupported"] is True


def test_funding_is_percent_in_one_place_and_a_fraction_in_the_other() -> None:
    now = answer("funding_rate", symbol="BTCUSDT")["data"]
    past = answer("get_funding_rate_history", symbol="BTCUSDT", limit="3")["data"]
    assert Decimal(now["fundingRate"]) == Decimal(past[0]["fundingRate"]) * 100
    assert int(now["nextFundingTime"]) == int(past[0]["fundingTime"]) + 8 * 3_600_000
    assert [int(row["fundingTime"]) for row in past] == sorted((int(row["fundingTime"]) for row in past), reverse=True)
    assert now in answer("funding_rate/batch")["data"]


def test_funding_history_is_cut_by_the_misspelled_start_and_the_end() -> None:
    times = [row["fundingTime"] for row in answer("get_funding_rate_history", symbol="BTCUSDT")["data"]]
    assert len(times) == 100
    part = answer("get_funding_rate_history", symbol="BTCUSDT", starTime=times[5], endTime=times[3])["data"]
    assert [row["fundingTime"] for row in part] == times[3:6]


def test_position_tiers_follow_one_another() -> None:
    tiers = answer(POSITION_TIERS_PATH, symbol="BTCUSDT")["data"]
    assert (tiers[0]["leverage"], tiers[0]["maintenanceMarginRate"]) == (125, "0.004")
    assert [tier["startValue"] for tier in tiers[1:]] == [tier["endValue"] for tier in tiers[:-1]]


def test_the_documents_reading_has_numbers_lists_and_a_code_in_quotes() -> None:
    settings = StandInSettings(rest_dialect="documents")
    klines = asked(settings, "kline", symbol="BTCUSDT", interval="1m", limit="1")
    assert klines["code"] == "0"
    assert klines["data"][0]["type"] == "LAST_PRICE"
    assert isinstance(klines["data"][0]["open"], int | float)
    assert isinstance(asked(settings, "depth", symbol="BTCUSDT", limit="1")["data"]["asks"][0][0], int | float)
    assert isinstance(asked(settings, "funding_rate", symbol="BTCUSDT")["data"], list)
