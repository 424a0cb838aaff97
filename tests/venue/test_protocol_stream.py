"""Texts to numbered facts: what each channel means, what is dropped and why, and that nothing a venue says can raise."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.tape import Frame, TapeReader
from trading.messages import BookChanged, KlineChanged, MarketFact, MarkPriceChanged, Print, TradesPrinted
from trading.words import Side
from venue.dialect import DEPTH, KLINE, PRICE, TRADE, Refused, UnknownSymbol
from venue.stream import Control, MarketStream
from tests.venue.frames import T0_MS, book, kline, price, push, trade

D = Decimal
MS = 1_000_000


def heard(text: str, stream: MarketStream | None = None) -> object:
    return (stream or MarketStream(("BTCUSDT",))).heard(text, 77)


def test_a_window_replaces_the_book_whole() -> None:
    text = push(DEPTH, {"b": [["86699.6", "2.274"], ["86699.5", "0.01"]], "a": [["86699.7", "0.7095"], ["86699.8", "0.3"]]})
    assert heard(text) == BookChanged(
        sequence=1, at_ns=T0_MS * MS, seen_ns=77, symbol="BTCUSDT", bids=((D("86699.6"), D("2.274")), (D("86699.5"), D("0.01"))),
        asks=((D("86699.7"), D("0.7095")), (D("86699.8"), D("0.3"))),
    )


def test_levels_of_quantity_zero_are_no_levels() -> None:
    fact = heard(push(DEPTH, {"b": [["101", "0"], ["100", "1"]], "a": [["102", "1"]]}))
    assert isinstance(fact, BookChanged) and fact.bids == ((D(100), D(1)),)


def test_trades_keep_their_order_and_the_takers_side() -> None:
    items = [
        {"t": "2026-04-07T05:47:52Z", "p": "68621.4", "v": "0.7142", "s": "buy"},
        {"t": "2026-04-07T05:47:52.959908526Z", "p": "68621.3", "v": "0.0018", "s": "sell"},
    ]
    fact = heard(push(TRADE, items))
    assert isinstance(fact, TradesPrinted)
    assert fact.prints == (Print(D("68621.4"), D("0.7142"), Side.BUY), Print(D("68621.3"), D("0.0018"), Side.SELL))


def test_the_funding_rate_of_the_wire_is_percent_and_becomes_a_fraction() -> None:
    fact = heard(price())
    assert isinstance(fact, MarkPriceChanged)
    assert fact.funding_rate == D("0.0001")
    assert fact.next_funding_at_ns == 1_790_150_400 * 1_000_000_000


def test_what_a_price_push_omits_is_unchanged() -> None:
    stream = MarketStream(("BTCUSDT",))
    assert heard(price(mp="99"), stream) == Refused("incomplete_price")
    stream.heard(price(), 1)
    fact = stream.heard(price(T0_MS + 1, mp="101.5"), 2)
    assert isinstance(fact, MarkPriceChanged)
    assert (fact.mark, fact.index, fact.funding_rate) == (D("101.5"), D("100.15"), D("0.0001"))


def test_a_bar_opens_at_the_minute_in_which_the_push_was_sent() -> None:
    fact = heard(kline(T0_MS + 44_999))
    assert isinstance(fact, KlineChanged)
    assert fact.open_at_ns == (T0_MS + 44_999) // 60_000 * 60_000 * MS
    assert (fact.interval, fact.volume) == ("1m", D("5.2"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(book(bid="100.2", ask="100.2"), "crossed_book", id="bid at ask"),
        pytest.param(book(bid="100.3", ask="100.2"), "crossed_book", id="bid above ask"),
        pytest.param(push(DEPTH, {"b": [["100", "1"], ["101", "1"]], "a": [["102", "1"]]}), "unordered_book", id="bids out of order"),
        pytest.param(push(DEPTH, {"b": [], "a": [["102", "1"]]}), "one_sided_book", id="no bids"),
        pytest.param(push(DEPTH, {"b": [["NaN", "1"]], "a": [["102", "1"]]}), "absurd_number", id="NaN"),
        pytest.param(push(DEPTH, {"b": [["1", "sNaN"]], "a": [["102", "1"]]}), "absurd_number", id="signalling NaN"),
        pytest.param(push(DEPTH, {"b": [["Infinity", "1"]], "a": [["102", "1"]]}), "absurd_number", id="infinity"),
        pytest.param(push(DEPTH, {"b": [["1e400", "1"]], "a": [["102", "1"]]}), "absurd_number", id="huge"),
        pytest.param(push(DEPTH, {"b": [["1" * 5000, "1"]], "a": [["102", "1"]]}), "absurd_number", id="endless digits"),
        pytest.param(push(DEPTH, {"b": [["-5", "1"]], "a": [["102", "1"]]}), "absurd_number", id="negative price"),
        pytest.param(push(DEPTH, {"b": "x", "a": []}), "malformed_depth", id="depth of wrong type"),
        pytest.param(push(DEPTH, None), "malformed_depth", id="depth null"),
        pytest.param(push(TRADE, []), "empty_trades", id="no trades"),
        pytest.param(push(TRADE, [{"t": "", "p": "1", "v": "1", "s": "hold"}]), "malformed_trade", id="no such side"),
        pytest.param(push(TRADE, [{"t": "", "p": "0", "v": "1", "s": "buy"}]), "absurd_number", id="free trade"),
        pytest.param(kline(l="100.1"), "malformed_kline", id="low above open"),
        pytest.param(kline(h="100.5"), "malformed_kline", id="high below close"),
        pytest.param(kline(b="-1"), "absurd_number", id="negative volume"),
        pytest.param(push(KLINE, {"o": "1"}), "malformed_kline", id="bar without fields"),
        pytest.param(price(mp="0"), "absurd_number", id="mark of zero"),
        pytest.param(price(fr="NaN"), "absurd_number", id="funding NaN"),
        pytest.param(price(nft="tomorrow"), "malformed_price", id="funding time"),
        pytest.param(push(PRICE, []), "malformed_price", id="price of wrong type"),
        pytest.param(push("ticker", {}), "unknown_channel", id="channel we never asked for"),
        pytest.param(book().replace("BTCUSDT", "ETHUSDT"), "unsubscribed_symbol", id="symbol we never asked for"),
        pytest.param(push(DEPTH, {"b": [["", ""]], "a": [["", ""]]}, symbol=""), "unsubscribed_symbol", id="depth without symbol"),
        pytest.param(book(ts=-1), "absurd_time", id="time before all time"),
        pytest.param(book(ts=10**30), "absurd_time", id="time beyond all time"),
        pytest.param("", "malformed_frame", id="empty"),
        pytest.param("hello", "malformed_frame", id="no JSON"),
        pytest.param("[]", "malformed_frame", id="a list"),
        pytest.param('{"ch":"trade"', "malformed_frame", id="half a frame"),
        pytest.param("[" * 100_000, "malformed_frame", id="nested too deep"),
        pytest.param('{"data":' + "[" * 100_000, "malformed_frame", id="data nested too deep"),
        pytest.param('{"ch":"trade","x":"' + "y" * 5_000_000 + '"}', "frame_too_large", id="five megabytes"),
    ],
)
def test_what_cannot_be_used_is_dropped_with_a_reason(text: str, reason: str) -> None:
    stream = MarketStream(("BTCUSDT",))
    assert heard(text, stream) == Refused(reason)
    assert stream.sequence == 0


def test_a_symbol_the_venue_does_not_know_is_told_from_damage() -> None:
    nothing = [["", ""]] * 15
    assert heard(push(DEPTH, {"b": nothing, "a": nothing})) == UnknownSymbol("BTCUSDT")


def test_frames_about_the_connection_are_no_facts() -> None:
    assert heard('{"op":"ping","pong":1732519687,"ping":1732519690}') == Control("ping", b"", 1732519687)
    assert heard('{"op":"unsubscribe","ts":1790126500916,"data":"success"}') == Control("unsubscribe", b'"success"')


def test_an_older_push_of_the_same_stream_is_dropped_but_another_streams_is_not() -> None:
    stream = MarketStream(("BTCUSDT",))
    stream.heard(book(T0_MS + 500), 1)
    assert stream.heard(book(T0_MS + 499), 2) == Refused("old_time")
    fact = stream.heard(trade(T0_MS + 300), 3)
    assert isinstance(fact, MarketFact)
    assert fact.at_ns == (T0_MS + 500) * MS, "event time never runs backwards over all channels"


def test_a_new_connection_may_have_a_clock_that_is_behind() -> None:
    stream = MarketStream(("BTCUSDT",))
    stream.heard(book(T0_MS + 500), 1)
    stream.connected()
    assert isinstance(stream.heard(book(T0_MS), 2), BookChanged)


def test_one_time_from_the_future_does_not_stop_the_clock() -> None:
    stream = MarketStream(("BTCUSDT",))
    stream.heard(book(), 1)
    assert stream.heard(trade(T0_MS + 7_200_000), 2) == Refused("future_time")
    assert isinstance(stream.heard(book(T0_MS + 300), 3), BookChanged)


def test_after_a_long_absence_the_new_time_is_believed_when_frames_agree() -> None:
    stream = MarketStream(("BTCUSDT",))
    stream.heard(book(), 1)
    later = T0_MS + 86_400_000
    makers: tuple[Callable[[int], str], ...] = (book, price, trade)
    answers = [stream.heard(make(later + n), n) for n, make in enumerate(makers)]
    assert answers[:2] == [Refused("future_time")] * 2
    assert isinstance(answers[2], TradesPrinted)


def test_a_trade_push_that_comes_twice_counts_once() -> None:
    stream = MarketStream(("BTCUSDT",))
    assert isinstance(stream.heard(trade(), 1), TradesPrinted)
    assert stream.heard(trade(), 2) == Refused("repeated_trades")
    assert isinstance(stream.heard(trade(price="100.2"), 3), TradesPrinted)


def test_a_book_that_comes_twice_is_fresh_twice() -> None:
    stream = MarketStream(("BTCUSDT",))
    stream.heard(book(), 1)
    assert isinstance(stream.heard(book(), 2), BookChanged)


def test_a_real_tape_is_read_without_a_single_refusal() -> None:
    path = Path(__file__).parents[2].parent / "shared" / "data" / "tape_btcusdt_2024-08-08.jsonl.gz"
    if not path.exists():
        pytest.skip("the recorded market data (../shared/data) is not here")
    stream = MarketStream(("BTCUSDT",))
    frames = [record for record in TapeReader(path) if isinstance(record, Frame)]
    facts = [stream.heard(record.text, record.at_ns) for record in frames]
    assert all(isinstance(fact, MarketFact) for fact in facts)
    assert stream.sequence == len(frames) > 4_000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["NaN", "1e999999999", "-0", "1E-999999", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(list("bapvstohlc") + ["mp", "fr", "nft"]), inner, max_size=6),
    max_leaves=30,
)


@given(channel=st.sampled_from([DEPTH, TRADE, PRICE, KLINE, ""]), data=json_values, ts=st.integers() | json_values)
def test_nothing_that_is_json_can_raise(channel: str, data: object, ts: object) -> None:
    heard(json.dumps({"ch": channel, "symbol": "BTCUSDT", "ts": ts, "data": data}))


@given(st.text(max_size=200))
def test_nothing_that_is_text_can_raise(text: str) -> None:
    heard(text)


@given(st.lists(st.tuples(st.sampled_from([book, trade, price, kline]), st.integers(-400, 400)), max_size=60))
def test_numbers_have_no_gap_and_times_never_run_backwards(pushes: list[tuple[Callable[[int], str], int]]) -> None:
    stream = MarketStream(("BTCUSDT",))
    facts = [fact for make, shift in pushes if isinstance(fact := stream.heard(make(T0_MS + shift), 0), MarketFact)]
    assert [fact.sequence for fact in facts] == list(range(1, len(facts) + 1))
    assert all(earlier.at_ns <= later.at_ns for earlier, later in zip(facts, facts[1:], strict=False))


def test_every_cut_of_a_frame_is_dropped_whole() -> None:
    for text in (book(), trade(), kline()):
        for length in range(len(text)):
            assert isinstance(heard(text[:length]), Refused)
