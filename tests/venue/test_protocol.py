"""The connection's logic under a clock of the test's own: dialing, subscribing, staleness, health, backoff."""

import pytest

from trading.messages import BookChanged
from venue.effects import Close, Connect, Effect, Note, Send, TellStatus
from venue.outgoing import Outgoing
from venue.phases import Phase
from venue.protocol import NEVER
from venue.stream import EVERY_STREAM as ALL
from tests.venue.frames import CONNECT_FRAME, SECOND, Bench, book, kline, price, push, trade


def test_one_frame_subscribes_to_everything_after_the_venues_greeting() -> None:
    bench = Bench()
    bench.open()
    (frame,) = bench.sent()
    assert frame["op"] == "subscribe"
    assert [each["ch"] for each in frame["args"]] == ["depth_book15", "trade", "price", "market_kline_1min"]


def test_a_venue_that_does_not_greet_is_subscribed_to_after_a_second() -> None:
    bench = Bench()
    bench.link.opened(1, bench._now_ns)
    bench.wait(0.9)
    assert not bench.sent()
    bench.wait(0.2)
    assert bench.sent()[0]["op"] == "subscribe"


def test_a_late_greeting_does_not_subscribe_twice() -> None:
    bench = Bench().open()
    bench.say(CONNECT_FRAME)
    bench.wait(1.5)
    assert [frame["op"] for frame in bench.sent()].count("subscribe") == 1


def pinged_s(bench: Bench) -> list[float]:
    """When, in seconds since the bench's beginning."""
    return [round(at - 1000, 1) for at, effect in bench.log if isinstance(effect, Send) and '"ping"' in effect.text]


def test_pings_follow_the_subscription_until_the_way_is_known_and_then_every_ten_seconds() -> None:
    bench = Bench()
    bench.pong_after_s = 0.1
    bench.open().flow(31)
    assert bench.sent()[0]["op"] == "subscribe"
    assert pinged_s(bench) == [0.5, 1.0, 1.5, 2.0, 2.5, 12.5, 22.5]
    assert list(bench.link.pings.round_trips_ns) == pytest.approx([100_000_000] * 7, abs=10)


def test_a_venue_that_does_not_answer_is_not_pinged_early_for_ever() -> None:
    bench = Bench().open()
    bench.flow(26)
    assert pinged_s(bench) == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 15.0, 25.0]
    assert +bench.link.pings.counts == {"pings_count": 12, "pings_unanswered_count": 4}


def test_a_later_connection_pings_early_only_when_the_way_is_not_known() -> None:
    bench = Bench()
    bench.open().flow(1.2)
    bench.lose()
    bench.wait_for_dialing()
    bench.pong_after_s = 0.02
    bench.open().flow(4)
    bench.lose()
    bench.wait_for_dialing()
    bench.forget()
    third_s = bench.now_s - 1000
    bench.open().flow(11)
    assert pinged_s(bench) == [round(third_s + 10, 1)]
    assert +bench.link.pings.counts == {"pings_count": 2 + 5 + 1, "pings_unanswered_count": 2}


def test_an_early_ping_lets_other_frames_go_first_and_one_that_keeps_alive_goes_before_them() -> None:
    outgoing = Outgoing(ping_s=3.0, messages_per_s=1.0)
    outgoing.restart(0)
    outgoing.keep_alive(0)
    outgoing.put("a", "b", "c")
    said = [(second, effect.text) for second in range(6) for effect in outgoing.flush(second * SECOND, 7) if isinstance(effect, Send)]
    assert [(second, text if len(text) == 1 else "ping") for second, text in said] == [
        (0, "a"), (1, "b"), (2, "c"), (3, "ping"), (4, "ping"), (5, "ping"),
    ]
    outgoing.put("d", "e", "f")
    waiting = [outgoing.flush(second * SECOND, 7) for second in range(6, 10)]
    assert [each.text for effects in waiting for each in effects if isinstance(each, Send) and len(each.text) == 1] == ["d", "e", "f"]
    assert isinstance(waiting[2][0], Send) and "ping" in waiting[2][0].text


def test_early_pings_go_out_no_faster_than_our_limit_allows() -> None:
    bench = Bench(client_messages_per_s=0.5).open()
    bench.flow(9)
    assert pinged_s(bench) == [2.0, 4.0, 6.0, 8.0]


def test_never_more_than_two_frames_a_second_also_when_every_stream_is_resubscribed() -> None:
    bench = Bench(ping_s=1.0).live()
    bench.flow(30, without=(trade, book))
    moments = [at for at, effect in bench.log if isinstance(effect, Send)]
    assert all(later - earlier >= 0.499 for earlier, later in zip(moments, moments[1:], strict=False))


def test_the_feed_is_live_only_after_a_fresh_book_and_lasting_data() -> None:
    bench = Bench().open()
    bench.say(price(bench.ts), trade(bench.ts), kline(bench.ts))
    bench.wait(1.5)
    bench.say(price(bench.ts))
    assert not bench.alive(ALL), "data, but no book"
    bench.say(book(bench.ts))
    assert [fact.symbol for fact in bench.alive(ALL)] == ["BTCUSDT"]


def test_a_burst_of_messages_is_not_yet_health() -> None:
    bench = Bench().open()
    bench.say(book(), price(), trade(), kline(), book())
    assert not bench.alive(ALL)


def test_facts_and_watchdog_facts_share_one_gapless_row() -> None:
    bench = Bench().live()
    bench.lose()
    bench.wait(5)
    bench.live()
    numbers = sorted(fact.sequence for fact in bench.facts())
    assert numbers == list(range(1, bench.stream.sequence + 1))


@pytest.mark.parametrize("what", ["nothing", "pongs", "unknown channels", "damage"])
def test_fifteen_seconds_without_a_valid_message_are_stale_and_told_before_the_socket_closes(what: str) -> None:
    noise = {
        "nothing": (), "pongs": ('{"op":"ping","pong":1,"ping":2}',), "unknown channels": (push("ticker", {}),), "damage": ("{",),
    }[what]
    bench = Bench().live()
    bench.forget()
    silent_from = bench.now_s
    while bench.now_s < silent_from + 17:
        bench.say(*noise)
        bench.wait(0.5)
    (stale,) = bench.stale(ALL)
    assert stale.reason == "no_valid_message"
    effects = [effect for _, effect in bench.log]
    told = next(n for n, each in enumerate(effects) if isinstance(each, TellStatus) and each.fact.stream == ALL)
    closed = next(n for n, each in enumerate(effects) if isinstance(each, Close))
    assert told < closed
    assert bench.when(Close, 0) - silent_from == pytest.approx(15, abs=0.5)
    (noted,) = bench.notes("ORDER_BOOK_STALE")
    assert 14_500 <= noted["age_ms"] <= 15_500


def test_a_connection_that_never_says_anything_is_closed_after_fifteen_seconds_too() -> None:
    bench = Bench().open()
    bench.wait(16)
    assert len(bench.notes("ORDER_BOOK_STALE")) == 1
    assert len(bench.stale(ALL)) == 1
    assert bench.of(Close)


def test_a_handshake_that_never_completes_is_given_up() -> None:
    bench = Bench(connect_timeout_s=4.0)
    bench.wait(4.1)
    assert bench.of(Close) == [Close(1, "connect_timeout")]
    bench.wait(5)
    assert bench.of(Connect)[-1] == Connect(2)


def test_a_lost_connection_makes_everything_stale_at_once_but_keeps_the_last_book() -> None:
    bench = Bench().live()
    before = bench.stream.last_known_book("BTCUSDT")
    assert before is not None and before.live
    bench.lose()
    after = bench.stream.last_known_book("BTCUSDT")
    assert after is not None and not after.live and after.book == before.book
    assert bench.stale(ALL)[-1].reason == "connection_lost"


def test_reconnect_attempts_are_counted_and_their_waits_grow_until_healthy_data() -> None:
    bench = Bench()
    for _ in range(6):
        bench.lose("connection_refused")
        bench.wait_for_dialing()
    waits = [fields["wait_s"] for fields in bench.notes("RECONNECT_ATTEMPT")]
    assert [fields["attempt"] for fields in bench.notes("RECONNECT_ATTEMPT")] == [1, 2, 3, 4, 5, 6]
    assert bench.counted("reconnect_attempt_count") == 6
    bounds = [(2, 4), (4, 8), (8, 16), (16, 32), (30, 60), (30, 60)]
    assert all(low <= wait <= high for wait, (low, high) in zip(waits, bounds, strict=True))


def test_a_mere_connect_does_not_reset_the_backoff_but_healthy_data_does() -> None:
    bench = Bench()
    for _ in range(4):
        bench.open()
        bench.say(book(bench.ts))
        bench.lose()
        bench.wait_for_dialing()
    assert bench.notes("RECONNECT_ATTEMPT")[-1]["attempt"] == 4
    bench.live()
    bench.lose()
    bench.wait_for_dialing()
    last = bench.notes("RECONNECT_ATTEMPT")[-1]
    assert last["attempt"] == 1 and 2 <= last["wait_s"] <= 4


@pytest.mark.parametrize("status", [403, 429])
def test_a_handshake_refused_by_the_edge_is_not_tried_again_for_a_minute(status: int) -> None:
    bench = Bench()
    bench.lose("handshake_refused", status)
    bench.wait(59)
    assert len(bench.of(Connect)) == 1
    bench.wait(2)
    assert len(bench.of(Connect)) == 2


def test_one_silent_stream_behind_a_healthy_socket_is_seen_at_its_limit() -> None:
    bench = Bench().live()
    bench.forget()
    began = bench.now_s
    bench.flow(2.5, without=(book,))
    (stale,) = bench.stale("depth_book15")
    assert 2000 <= stale.age_ms <= 2400
    assert not bench.stale(ALL) and not bench.of(Close)
    known = bench.stream.last_known_book("BTCUSDT")
    assert known is not None and not known.live
    assert bench.now_s - began < 3


def test_a_silent_stream_is_resubscribed_and_live_again_when_it_returns() -> None:
    bench = Bench().live()
    bench.flow(4, without=(book,))
    ops = [(frame["op"], [arg["ch"] for arg in frame["args"]]) for frame in bench.sent()[1:] if frame["op"] != "ping"]
    assert ops == [("unsubscribe", ["depth_book15"]), ("subscribe", ["depth_book15"])]
    bench.flow(1)
    assert len(bench.alive("depth_book15")) == 1
    known = bench.stream.last_known_book("BTCUSDT")
    assert known is not None and known.live


def test_depth_that_stays_silent_while_others_are_heard_ends_in_a_reconnect() -> None:
    bench = Bench().live()
    bench.flow(14, without=(book,))
    assert [each.reason for each in bench.of(Close)] == ["stream_silent"]
    assert len([frame for frame in bench.sent() if frame["op"] == "unsubscribe"]) == 2


@pytest.mark.parametrize(("make", "stream"), [(trade, "trade"), (kline, "market_kline_1min")])
def test_streams_that_may_be_quiet_never_cause_a_reconnect(make: object, stream: str) -> None:
    bench = Bench().live()
    bench.flow(150, without=(make,))
    assert len(bench.stale(stream)) == 1
    assert not bench.of(Close)


def test_after_live_for_all_a_stream_still_silent_is_said_again() -> None:
    bench = Bench().live()
    bench.lose()
    bench.wait(5)
    bench.open()
    bench.flow(0.9, without=(price,))
    bench.wait(0.2)
    bench.flow(3, without=(price, book))
    bench.flow(0.5, without=(price,))
    facts = [each.fact for each in bench.of(TellStatus)]
    last_live = max(n for n, fact in enumerate(facts) if fact in bench.alive(ALL))
    assert any(fact in bench.stale("price") for fact in facts[last_live:])


def test_an_unknown_symbol_is_reported_once_and_never_causes_a_reconnect() -> None:
    bench = Bench(("BTCUSDT", "NOPEUSDT")).open()
    nothing = [["", ""]] * 15
    bench.say(*[push("depth_book15", {"b": nothing, "a": nothing}, symbol="NOPEUSDT")] * 3)
    bench.flow(40)
    assert bench.notes("UNKNOWN_SYMBOL") == [{"symbol": "NOPEUSDT"}]
    assert not bench.of(Close)
    assert [fact.symbol for fact in bench.alive(ALL)] == ["BTCUSDT"]


def test_a_refused_subscription_is_noted() -> None:
    bench = Bench().open()
    bench.say('{"op":"subscribe","data":{"msg":"subscribe channel > 300","nonce":"","result":false}}')
    assert "300" in bench.notes("SUBSCRIBE_REFUSED")[0]["answer"]


def test_what_an_older_connection_still_delivers_is_not_heard() -> None:
    bench = Bench().live()
    bench.lose()
    bench.wait(5)
    assert bench.link.received(1, book(bench.ts), bench._now_ns, bench._now_ns) == []
    assert bench.link.lost(1, "late", 0, bench._now_ns) == []
    assert bench.link.phase is Phase.CONNECTING


def test_stopped_means_no_timer_and_no_connection_ever_again() -> None:
    bench = Bench().live()
    assert bench.link.stop() == [Close(1, "stopped")]
    assert bench.link.due_ns == NEVER
    assert bench.link.lost(1, "aborted", 0, bench._now_ns) == []
    assert bench.link.tick(bench._now_ns + 10**12) == []


def test_after_our_own_restart_consumers_hear_that_nobody_listened() -> None:
    bench = Bench()
    bench.stream.sequence = 41
    (effect,) = bench.link.interrupted("feed_restarted", bench._now_ns - 3_000_000_000, bench._now_ns)
    assert isinstance(effect, TellStatus)
    assert (effect.fact.sequence, effect.fact.stream) == (42, ALL)


def test_limits_are_in_market_time_when_a_tape_is_served_faster() -> None:
    bench = Bench(pace=10.0).live()
    bench.forget()
    bench.flow(0.25, without=(book,), step_s=0.05)
    assert bench.stale("depth_book15")
    bench.wait(1.6)
    assert bench.stale(ALL)


def test_the_connection_asks_for_a_wakeup_no_earlier_than_needed() -> None:
    """Ten minutes of healthy data cost a bounded number of ticks, not one per message."""
    bench = Bench().live()
    ticks = 0
    tick = bench.link.tick

    def counted(now_ns: int) -> list[Effect]:
        nonlocal ticks
        ticks += 1
        return tick(now_ns)

    bench.link.tick = counted  # type: ignore[method-assign]  # counted on its way
    bench.flow(600)
    assert ticks < 600
    assert not [note for note in bench.of(Note) if note.event == "STREAM_STALE"]
    assert isinstance(bench.facts()[0], BookChanged)
