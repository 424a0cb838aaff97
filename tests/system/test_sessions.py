"""Whole sessions that nothing happens to: what they leave is right to the last unit, and a seed repeats them."""

import json
from decimal import Decimal

import pytest

from records.tape import Frame, TapeReader
from tests.system.books import assert_settled, assert_summary_is_the_ledgers
from tests.system.conftest import MakePlace
from tests.system.driver import Place, at_s
from tests.system.settings import EXCHANGE, FITTED, QUOTER, SESSION, TRADING
from trading.latency import UNMEASURED, text


def test_a_session_trades_settles_and_reports_what_its_ledger_says(make_place: MakePlace) -> None:
    place = make_place(TRADING)
    session = place.start(duration_s=4)
    assert session.ended() == 0, session.story()
    assert place.summary()["total_trades"] >= 1
    assert_summary_is_the_ledgers(place)
    assert_settled(place)
    assert (place.summary()["exit_code"], place.summary()["reason"]) == (0, "duration")
    assert [each for each in session.events if each["level"] in ("error", "critical")] == []
    assert {frozenset(json.loads(line)) for line in place.log_lines} == {
        frozenset(("ts", "level", "actor", "pid", "run_id", "event", "fields"))
    }
    place.assert_nothing_left()
    assert session.complaints.read_text() == ""
    assert "the planned duration was reached" in session.output.read_text()


def test_fitted_latencies_are_measured_at_the_start_each_by_its_transport_and_stand_in_the_first_row(make_place: MakePlace) -> None:
    place = make_place({**TRADING, **FITTED})
    session = place.start(duration_s=4)
    assert session.ended(30) == 0, session.story()
    (opened,) = place.bodies("SessionOpened")
    entry, response, slow = opened["entry_latency"], opened["response_latency"], text(UNMEASURED)
    assert entry["model"] == response["model"] == "lognormal" and entry != response
    assert Decimal(entry["median_ms"]) < UNMEASURED.median_ms and Decimal(response["median_ms"]) < UNMEASURED.median_ms
    metrics, interval = place.summary()["metrics"], place.summary()["pnl_interval"]
    for transport in ("rest", "ws"):
        assert 0 < metrics[f"venue_{transport}_leg_median_ms"] <= metrics[f"venue_{transport}_leg_max_ms"]
    assert metrics["pings_count"] >= 5 and metrics.get("pongs_foreign_count", 0) == 0
    assert interval["latency_measured"] is True and slow not in interval["base"]["settings"]
    assert_settled(place)
    again = place.start("--venue", f"tape:{place.run.tape}", "--speed", "max")
    assert again.ended(30) == 0, again.story()
    assert {each["model"] for each in (place.bodies("SessionOpened")[0][leg] for leg in ("entry_latency", "response_latency"))} == {"lognormal"}


@pytest.mark.slow
def test_the_market_taker_trades_too(make_place: MakePlace) -> None:
    """Crossing averages pay the configured 30 basis points on every fill."""
    place = make_place()
    session = place.start(duration_s=9, strategy="sma_cross")
    assert session.ended(30) == 0, session.story()
    fills = place.bodies("OrderFilled")
    assert len(fills) >= 1
    assert {fill["liquidity"] for fill in fills} == {"TAKER"}
    assert all(Decimal(29) < Decimal(fill["slippage_bps"]) < Decimal(31) for fill in fills)
    assert_summary_is_the_ledgers(place)
    assert_settled(place)


@pytest.mark.slow
def test_no_order_before_the_warm_up_is_over_and_then_soon(make_place: MakePlace) -> None:
    place = make_place({**TRADING, (QUOTER, "warmup_bars"): "20"})
    session = place.start()
    warm = session.wait_for("WARMUP_COMPLETE")
    first = session.wait_for("ORDER_SUBMITTED")
    assert warm["fields"]["bars"] == 20
    assert at_s(first) >= at_s(warm)
    session.process.terminate()
    assert session.ended() == 0
    bars, submitted = place.bodies("StrategyProgressed")[0], place.bodies("OrderSubmitted")[0]
    assert submitted["order"]["decided_at_ns"] >= bars["at_ns"]


WHAT_FILLED = ("client_order_id", "trade_id", "side", "price", "quantity", "leaves_quantity", "fee", "liquidity", "position")


def test_the_same_seed_is_the_same_market_and_the_same_fills(make_place: MakePlace) -> None:
    """With latencies that a busy machine cannot exceed, and a start that is over before the warm-up, decisions depend on the
    market alone."""
    patient = {
        **TRADING, (QUOTER, "warmup_bars"): "40", (QUOTER, "rest_ms"): "1500", (QUOTER, "report_latency_ms"): "900",
        (SESSION, "entry"): "{model: constant, ms: 400}", (EXCHANGE, "healthy_after_ms"): "1000",
    }
    places = [make_place(patient), make_place(patient)]
    sessions = [place.start(duration_s=6) for place in places]
    assert [session.ended(40) for session in sessions] == [0, 0]
    assert [place.bodies("OrderDenied") for place in places] == [[], []]
    assert not any(row["late"] for place in places for row in place.bodies("OrderSubmitted"))
    tapes = [[record.text for record in TapeReader(place.run.tape) if isinstance(record, Frame) and '"ch"' in record.text] for place in places]
    common = min(map(len, tapes))
    assert common > 50
    assert tapes[0][:common] == tapes[1][:common]
    fills = [[[fill[each] for each in WHAT_FILLED] for fill in place.bodies("OrderFilled")] for place in places]
    common = min(map(len, fills))
    assert common >= 1
    assert fills[0][:common] == fills[1][:common]


@pytest.mark.slow
def test_the_paper_account_of_a_new_session_replaces_the_old_one_and_keeps_a_copy(place: Place) -> None:
    first = place.start(duration_s=1)
    assert first.ended() == 0
    before = place.workspace.state_file.read_bytes()
    assert place.start(duration_s=1).ended() == 0
    assert place.state()["run_id"] == place.run.run_id
    assert place.workspace.state_file.with_name("state.json.1").read_bytes() == before
    assert len(place.workspace.run_ids()) == 2
