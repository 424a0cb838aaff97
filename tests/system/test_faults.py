"""A venue that misbehaves: cut connections, silence, refusals. Judged by the timestamps of the log alone."""

import signal

import pytest

from tests.system.books import assert_settled, facts_of
from tests.system.conftest import MakePlace
from tests.system.driver import Session, at_s, until
from tests.system.settings import EXCHANGE, SESSION, TRADING, Settings
from trading.messages import TradingStateChanged

SLACK_S = 0.75
"""What a busy machine may add to a promise in seconds."""


def session_with(make_place: MakePlace, faults: str, **exchange: str) -> Session:
    changes: Settings = {**TRADING, (SESSION, "faults"): f'"{faults}"', **{(EXCHANGE, key): value for key, value in exchange.items()}}
    return make_place(changes).start()


def assert_ends_well(session: Session) -> None:
    """Trading went on after the fault, and nothing was accepted while it was paused."""
    session.wait_for("ORDER_ACCEPTED", after=len(session.events))
    session.send(signal.SIGTERM)
    assert session.ended() == 0, session.story()
    assert_settled(session.place)
    state = "STARTING"
    for fact in facts_of(session.place):
        if isinstance(fact, TradingStateChanged):
            state = str(fact.state)
        assert type(fact).__name__ != "OrderSubmitted" or state == "ACTIVE"


@pytest.mark.parametrize("fault", ["cut_mid_frame@3", pytest.param("cut@3", marks=pytest.mark.slow)])
def test_after_a_cut_data_flows_again_within_three_attempts(make_place: MakePlace, fault: str) -> None:
    session = session_with(make_place, fault)
    closed = session.wait_for("FEED_CLOSED")
    mark = session.events.index(closed)
    live = session.wait_for("FEED_LIVE", after=mark)
    attempts = [each for each in session.all("RECONNECT_ATTEMPT", after=mark) if at_s(each) <= at_s(live)]
    assert 1 <= len(attempts) <= 3
    assert attempts[0]["fields"]["attempt"] == 1
    paused = session.wait_for("TRADING_STATE", state="PAUSED")
    assert at_s(paused) - at_s(closed) < SLACK_S
    session.wait_for("TRADING_STATE", after=session.events.index(paused), state="ACTIVE")
    assert_ends_well(session)
    assert session.place.summary()["metrics"]["reconnect_attempt_count"] == len(session.all("RECONNECT_ATTEMPT"))


def test_a_frozen_feed_is_stale_at_the_limit_and_trading_paused_a_second_later(make_place: MakePlace) -> None:
    """The limits of the single streams are out of the way: the whole connection's is what is shown."""
    patient = {key: "60" for key in ("depth_s", "price_s", "trade_s", "kline_s")}
    session = session_with(make_place, "freeze@3+3", stale_after_s="2", **patient)
    stale = session.wait_for("ORDER_BOOK_STALE")
    assert 2000 <= stale["fields"]["age_ms"] < 2000 + 1000 * SLACK_S
    mark = session.events.index(stale)
    paused = session.wait_for("TRADING_STATE", after=mark, state="PAUSED")
    assert at_s(paused) - at_s(stale) <= 1.0
    closed = session.wait_for("FEED_CLOSED", after=mark)
    assert session.events.index(closed) > mark, "everybody hears of it before the socket is closed"
    live = session.wait_for("FEED_LIVE", after=mark)
    active = session.wait_for("TRADING_STATE", after=mark, state="ACTIVE")
    assert at_s(active) > at_s(paused) and at_s(active) - at_s(live) < 1.0 + SLACK_S
    assert_ends_well(session)


@pytest.mark.slow
def test_one_dead_stream_behind_a_healthy_connection_is_seen_at_its_own_limit(make_place: MakePlace) -> None:
    session = session_with(make_place, "silent_stream@3+3:depth_book15")
    stale = session.wait_for("STREAM_STALE", stream="depth_book15")
    assert 2000 <= stale["fields"]["age_ms"] < 2000 + 1000 * SLACK_S
    paused = session.wait_for("TRADING_STATE", after=session.events.index(stale), state="PAUSED")
    assert at_s(paused) - at_s(stale) <= 1.0
    session.wait_for("TRADING_STATE", after=session.events.index(paused), state="ACTIVE")
    assert_ends_well(session)


@pytest.mark.slow
def test_the_contract_as_shipped_fifteen_seconds_of_silence_and_paused_by_the_sixteenth(make_place: MakePlace) -> None:
    patient = {key: "60" for key in ("depth_s", "price_s", "trade_s", "kline_s")}
    session = session_with(make_place, "freeze@3+16", **patient)
    stale = session.wait_for("ORDER_BOOK_STALE", 40)
    assert 15_000 <= stale["fields"]["age_ms"] < 15_000 + 1000 * SLACK_S
    paused = session.wait_for("TRADING_STATE", after=session.events.index(stale), state="PAUSED")
    assert stale["fields"]["age_ms"] / 1000 + at_s(paused) - at_s(stale) <= 16
    session.wait_for("TRADING_STATE", after=session.events.index(paused), state="ACTIVE")
    assert_ends_well(session)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["pongs_only@3+3", "drip@3+3"])
def test_a_connection_that_only_looks_alive_is_found_out(make_place: MakePlace, fault: str) -> None:
    session = session_with(make_place, fault, stale_after_s="2")
    stale = session.wait_for("ORDER_BOOK_STALE")
    assert 2000 <= stale["fields"]["age_ms"] < 2000 + 1000 * SLACK_S
    session.wait_for("FEED_LIVE", after=session.events.index(stale))
    assert_ends_well(session)


@pytest.mark.slow
def test_a_venue_that_never_answers_the_handshake_is_given_up_on_and_tried_again(make_place: MakePlace) -> None:
    session = session_with(make_place, "cut@4,half_open@4+2", connect_timeout_s="1")
    mark = session.events.index(session.wait_for("FEED_CLOSED"))
    timed_out = session.wait_for("FEED_CLOSED", after=mark, reason="connect_timeout")
    session.wait_for("FEED_LIVE", after=session.events.index(timed_out))
    assert_ends_well(session)


@pytest.mark.slow
def test_refused_handshakes_are_retried_at_the_pace_for_refusals(make_place: MakePlace) -> None:
    session = session_with(make_place, "refuse@0+1.5#0:429", refused_wait_s="1")
    live = session.wait_for("FEED_LIVE")
    refused = [each for each in session.all("FEED_CLOSED", status=429) if at_s(each) < at_s(live)]
    attempts = session.all("RECONNECT_ATTEMPT")
    assert len(refused) >= 1
    for closed, attempt in zip(refused, attempts, strict=False):
        assert at_s(attempt) - at_s(closed) >= 0.95
    assert_ends_well(session)


@pytest.mark.slow
def test_attempts_are_counted_until_the_data_is_healthy_again(make_place: MakePlace) -> None:
    session = session_with(make_place, "cut@4,refuse@4+1:reset")
    mark = session.events.index(session.wait_for("FEED_CLOSED"))
    live = session.wait_for("FEED_LIVE", after=mark)
    numbers = [each["fields"]["attempt"] for each in session.all("RECONNECT_ATTEMPT", after=mark) if at_s(each) <= at_s(live)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 2
    until(lambda: session.all("TRADING_STATE", after=session.events.index(live), state="ACTIVE"), "trading again")
    assert_ends_well(session)


@pytest.mark.slow
def test_odd_data_is_counted_and_trading_goes_on(make_place: MakePlace) -> None:
    session = session_with(make_place, "crossed_book@3+1,repeated_price@3+2,malformed_kline@3+2,duplicate_trades@3+2,delayed_ts@5+1")
    session.wait_for("ORDER_FILLED")
    until(lambda: at_s(session.events[-1]) - at_s(session.events[0]) > 9, "the faults are over")
    assert_ends_well(session)
    assert [each for each in session.events if each["level"] in ("error", "critical")] == []
