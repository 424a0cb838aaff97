"""What measures the fills is right itself: on small markets made by hand, and whole on a tape of the stand-in."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.made_tape import make_tape
from benchmarks.quoter import quoted
from benchmarks.realism.__main__ import measured
from benchmarks.realism.agreement import class_of
from benchmarks.realism.conversion import BOTH_ENDS, DEPTH_EVENT, SIDE_BITS, TRADE_EVENT, Beyond, events_of
from benchmarks.realism.ghosts import Bounds, bounds_of
from benchmarks.realism.markouts import ALL_PASSIVE, Markout, Passive, markouts_of, mean_and_error
from benchmarks.realism.outcome import Outcome
from benchmarks.realism.paper_account import account_settings, outcomes
from benchmarks.realism.random_orders import Ask, Kind, makers, takers
from benchmarks.realism.recorded_market import MS, SECOND, RecordedMarket, read_market
from benchmarks.realism.reference_engine import is_installed
from benchmarks.realism.reference_queue import falls_below_zero
from benchmarks.realism.self_test import errors_at_windows, errors_of, pushed, self_test, walked
from benchmarks.realism.table import Part, as_json, as_text
from trading.account import Account
from trading.messages import BookChanged, Level, MarketFact, OrderFilled, Print, SubmitOrder, TradesPrinted
from trading.words import OrderType, Side
from tests.trading.account_stories import INSTRUMENT, levels

T0 = 1_000 * SECOND
LATENCY_NS = 100 * MS


def window(at_ms: int, bids: tuple[Level, ...], asks: tuple[Level, ...]) -> BookChanged:
    return BookChanged(sequence=0, at_ns=T0 + at_ms * MS, seen_ns=0, symbol="BTCUSDT", bids=bids, asks=asks)


def trades(at_ms: int, *prints: tuple[str, str, Side]) -> TradesPrinted:
    told = tuple(Print(Decimal(price), Decimal(quantity), aggressor) for price, quantity, aggressor in prints)
    return TradesPrinted(sequence=0, at_ns=T0 + at_ms * MS, seen_ns=0, symbol="BTCUSDT", prints=told)


def market(*facts: MarketFact) -> RecordedMarket:
    return RecordedMarket(INSTRUMENT, list(facts))


BIDS, ASKS = levels(("100.0", "2"), ("99.9", "3")), levels(("100.1", "1"), ("100.2", "4"))
LATER = window(60_000, BIDS, ASKS)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedMarket:
    return read_market(make_tape(tmp_path_factory.mktemp("tape") / "tape.jsonl.gz", 40, 1))


# ------------------------------------------------------------------------------------------------- conversion


@pytest.mark.parametrize("beyond", Beyond)
def test_events_give_the_very_window_at_every_instant(recorded: RecordedMarket, beyond: Beyond) -> None:
    book: dict[int, dict[float, float]] = {SIDE_BITS[side]: {} for side in Side}
    after: dict[int, dict[int, dict[float, float]]] = {}
    for event in events_of(recorded, beyond):
        if event.ev & TRADE_EVENT == 0 and event.ev & DEPTH_EVENT:
            side = book[event.ev & ~(DEPTH_EVENT | BOTH_ENDS)]
            side[event.px] = event.qty
            after[event.exch_ts] = {bit: {price: quantity for price, quantity in known.items() if quantity} for bit, known in book.items()}
    known: dict[int, dict[float, float]] = {}
    for shown in recorded.windows:
        known = after.get(shown.at_ns, known)
        for side_, visible in ((Side.BUY, shown.bids), (Side.SELL, shown.asks)):
            worst = float(visible[-1][0])
            in_range = {
                price: quantity for price, quantity in known[SIDE_BITS[side_]].items() if (price >= worst if side_ is Side.BUY else price <= worst)
            }
            assert in_range == {float(price): float(quantity) for price, quantity in visible}
            assert beyond is Beyond.KEEP or len(in_range) == len(known[SIDE_BITS[side_]])


# ------------------------------------------------------------------------------------------------- agreement


def test_without_hftbacktest_the_part_says_so_and_the_others_run(recorded: RecordedMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.realism.agreement.is_installed", lambda: False)
    agreement, *others = measured(recorded, 10, 1, LATENCY_NS)
    assert agreement.rows == () and "not installed" in agreement.notes[0]
    assert all(part.rows for part in others)


@pytest.mark.skipif(not is_installed(), reason="hftbacktest is not installed: part (a) of benchmarks.realism is not tested")
def test_every_taker_order_gets_the_same_at_hftbacktest(recorded: RecordedMarket) -> None:
    rows = {str(row[0]): row for row in measured(recorded, 40, 1, LATENCY_NS)[0].rows}
    assert rows["takers"][3] == rows["takers"][1] == 40
    assert [row[-1] for row in rows.values()] == [0] * len(rows)


def test_random_orders_are_the_same_for_the_same_seed_and_tie_with_no_event(recorded: RecordedMarket) -> None:
    for draw in (takers, makers):
        asks = draw(recorded, 20, 7, LATENCY_NS)
        assert asks == draw(recorded, 20, 7, LATENCY_NS) != draw(recorded, 20, 8, LATENCY_NS)
        assert all(ask.at_ns % MS for ask in asks)


def ask(kind: Kind, price: str | None, quantity: str = "1") -> Ask:
    limit = None if price is None else Decimal(price)
    return Ask(1, kind, Side.BUY, Decimal(quantity), limit, T0 + 333_333, T0 + 50_000 * MS + 333_333)


def test_our_side_walks_the_window_at_its_arrival() -> None:
    moved = window(50, levels(("100.2", "1")), levels(("100.3", "0.4"), ("100.4", "5")))
    on = market(window(0, BIDS, ASKS), moved, window(300, BIDS, ASKS))
    found = outcomes(on, [ask(Kind.MARKET, None)], account_settings(on, LATENCY_NS), LATENCY_NS)[1]
    assert (found.filled, found.last_price, found.last_quantity) == (Decimal(1), Decimal("100.4"), Decimal("0.6"))
    assert found.last_at_ns == T0 + 333_333 + LATENCY_NS


DIFFERENCES: dict[str, tuple[MarketFact, str]] = {
    "trade through": (trades(500, ("99.9", "0.1", Side.SELL)), "1"),
    "crossing window": (window(500, levels(("99.8", "1")), levels(("99.9", "0.1"))), "1"),
    "queue below zero": (trades(500, ("100.0", "0.1", Side.SELL)), "1"),
    "unexplained": (trades(500, ("100.0", "5", Side.SELL)), "1"),
}


@pytest.mark.parametrize("cause", DIFFERENCES)
def test_differences_of_makers_have_their_cause_on_the_tape(cause: str) -> None:
    fact, quantity = DIFFERENCES[cause]
    theirs = Outcome(filled=Decimal(1), last_price=Decimal(100), last_quantity=Decimal(quantity), last_at_ns=fact.at_ns)
    ours = Outcome(filled=Decimal("0.1"), last_price=Decimal(100), last_quantity=Decimal("0.1"), last_at_ns=fact.at_ns)
    assert class_of(market(window(0, BIDS, ASKS), fact, LATER), ask(Kind.MAKER, "100.0"), theirs, ours) == cause


def test_what_their_engine_broke_on_is_not_our_difference() -> None:
    on = market(window(0, BIDS, ASKS), LATER)
    assert class_of(on, ask(Kind.MAKER, "100.0"), Outcome(broken=True), Outcome(filled=Decimal(1))) == "their error"
    assert class_of(on, ask(Kind.MAKER, "100.0"), Outcome(broken=True), Outcome()) == "equal"


QUEUES: dict[str, tuple[str, str, str, bool]] = {
    "a large cancel shared out by logarithms": ("prob_log", "34", "3", True),
    "the same by cubes": ("prob_power", "34", "3", False),
    "a cancel when little stands behind, by cubes": ("prob_power", "1.5", "0.1", True),
    "only trades move it": ("risk_averse", "34", "3", False),
}


@pytest.mark.parametrize("story", QUEUES)
def test_their_queue_falls_below_zero_when_its_share_of_a_cancel_is_more_than_is_there(story: str) -> None:
    model, grown, shrunk, falls = QUEUES[story]
    later = (window(at_ms, levels(("100.0", quantity), ("99.9", "3")), ASKS) for at_ms, quantity in ((500, grown), (900, shrunk)))
    on = market(window(0, levels(("100.0", "1"), ("99.9", "3")), ASKS), *later, LATER)
    resting = ask(Kind.MAKER, "100.0")
    assert falls_below_zero(on, resting, model, resting.at_ns, T0 + 2 * SECOND) is falls
    assert not falls_below_zero(on, resting, model, resting.at_ns, T0 + 600 * MS)


def test_what_is_priced_behind_the_window_is_told_apart() -> None:
    shown = Outcome(filled=Decimal(1), last_price=Decimal(100), last_quantity=Decimal(1), last_at_ns=T0)
    ours = Outcome(filled=Decimal(1), last_price=Decimal(100), last_quantity=Decimal(1), last_at_ns=T0, beyond=Decimal(2))
    on = market(window(0, BIDS, ASKS), LATER)
    assert class_of(on, ask(Kind.MARKET, None), shown, shown) == "equal"
    assert class_of(on, ask(Kind.MARKET, None), shown, ours) == "beyond the window"


# ------------------------------------------------------------------------------------------------- self-test


def test_prints_of_a_push_are_read_as_walks_or_as_one_order_of_each_side() -> None:
    prints = trades(
        0, ("100.1", "1", Side.BUY), ("100.2", "1", Side.BUY), ("100.0", "2", Side.SELL), ("100.2", "1", Side.BUY), ("100.1", "1", Side.BUY),
    ).prints
    assert [(each.side, float(each.quantity), float(each.vwap)) for each in walked(prints)] == [
        (Side.BUY, 2.0, 100.15), (Side.SELL, 2.0, 100.0), (Side.BUY, 1.0, 100.2), (Side.BUY, 1.0, 100.1),
    ]
    assert [(each.side, float(each.quantity)) for each in pushed(prints)] == [(Side.BUY, 4.0), (Side.SELL, 2.0)]


def test_predictions_use_only_what_came_before() -> None:
    """The market has moved three ticks since the window: the first buyer shows it, the next prediction knows it."""
    on = market(window(0, BIDS, ASKS), trades(100, ("100.4", "1", Side.BUY)), trades(200, ("100.4", "1", Side.BUY)))
    found = {(error.prediction, number // 3): error.bps for number, error in enumerate(errors_of(on, walked))}
    three_ticks_bps = float(Decimal("0.3") / Decimal("100.1") * 10_000)
    assert found == pytest.approx({
        ("book", 0): three_ticks_bps, ("book_traded", 0): three_ticks_bps, ("prints", 0): three_ticks_bps,
        ("book", 1): three_ticks_bps, ("book_traded", 1): 0.0, ("prints", 1): 0.0,
    })


def test_the_print_before_counts_also_within_one_push() -> None:
    on = market(window(0, BIDS, ASKS), trades(100, ("100.5", "1", Side.BUY), ("100.4", "1", Side.SELL), ("100.5", "1", Side.BUY)))
    last = list(errors_of(on, walked))[-3:]
    assert [(error.prediction, error.bps == 0) for error in last] == [("book", False), ("book_traded", False), ("prints", True)]


def test_a_prediction_is_what_a_session_with_that_model_fills() -> None:
    """Orders of the aggressors' sizes, each alone at an account that has heard the same."""
    heard = (window(0, BIDS, ASKS), trades(100, ("100.4", "1", Side.BUY)))
    on = market(*heard, trades(200, ("100.4", "1.5", Side.BUY)), LATER)
    for model, error in zip(("book", "book_traded"), list(errors_of(on, pushed))[-2:], strict=True):
        account = Account(msgspec.structs.replace(account_settings(on, 0), slippage_model=model), "test")
        account.open(T0)
        for number, fact in enumerate(heard, 1):
            account.on(msgspec.structs.replace(fact, sequence=number), fact.at_ns)
        facts = account.on(SubmitOrder(
            client_order_id="o", strategy_id="test", symbol="BTCUSDT", side=Side.BUY, type=OrderType.MARKET, quantity=Decimal("1.5"),
            decided_at_ns=heard[-1].at_ns,
        ), heard[-1].at_ns)
        fills = [fact for fact in facts if isinstance(fact, OrderFilled)]
        paid = sum((fill.price * fill.quantity for fill in fills), Decimal(0)) / sum((fill.quantity for fill in fills), Decimal(0))
        assert error.prediction == model and error.bps == pytest.approx(float((Decimal("100.4") - paid) / paid * 10_000))


def test_aggressors_behind_a_moved_touch_are_told_apart() -> None:
    on = market(window(0, BIDS, ASKS), trades(100, ("100.4", "1", Side.BUY)), trades(200, ("100.4", "1", Side.BUY), ("100.3", "1", Side.SELL)))
    away = [float(error.away) for error in errors_of(on, pushed) if error.prediction == "book_traded"]
    assert away == pytest.approx([0.0, 0.3, -0.3])
    rows = {(row[0], row[1], row[2]): row[3] for row in self_test(on).rows}
    assert rows["push", "book", "<= 1, moved away"] == rows["push", "book", "<= 1, come nearer"] == 1


def test_a_window_judges_what_was_known_before_it() -> None:
    on = market(window(0, BIDS, ASKS), trades(100, ("100.4", "1", Side.BUY)), window(300, levels(("100.3", "9")), levels(("100.4", "9"))))
    found = {(error.prediction, float(error.quantity)): error.bps for error in errors_at_windows(on) if error.quantity < 1}
    assert found["book_traded", 0.1] == 0 and abs(found["book", 0.1]) > 25
    assert list(errors_at_windows(market(window(0, BIDS, ASKS), LATER)))[0].bps == 0


def test_on_a_crossed_window_nothing_is_predicted() -> None:
    on = market(window(0, BIDS, ASKS), window(50, ASKS, BIDS), trades(100, ("100.4", "1", Side.BUY)), LATER)
    assert list(errors_of(on, walked)) == [] and list(errors_at_windows(on)) == []


# ------------------------------------------------------------------------------------------------- ghosts and markouts

BOUNDS: dict[str, tuple[tuple[MarketFact, ...], tuple[int | None, int | None]]] = {
    "nothing came": ((), (None, None)),
    "other side's trades do not count": ((trades(500, ("100.0", "9", Side.BUY)),), (None, None)),
    "the queue in front traded in part": ((trades(500, ("100.0", "1", Side.SELL)),), (500, None)),
    "all of it and the lot": ((trades(500, ("100.0", "1", Side.SELL)), trades(900, ("100.0", "2", Side.SELL))), (500, 900)),
    "traded through": ((trades(500, ("99.9", "0.1", Side.SELL)),), (500, 500)),
    "the other side is shown there": ((window(500, levels(("99.8", "1")), levels(("100.0", "1"))),), (500, 500)),
}


@pytest.mark.parametrize("story", BOUNDS)
def test_the_tape_bounds_when_a_ghost_could_have_been_filled(story: str) -> None:
    facts, (reached_ms, cleared_ms) = BOUNDS[story]
    found = bounds_of(market(window(0, BIDS, ASKS), *facts, LATER), ask(Kind.MAKER, "100.0"), T0 + 333_333)
    assert found == Bounds(*(None if at_ms is None else T0 + at_ms * MS for at_ms in (reached_ms, cleared_ms)))


def test_a_markout_is_positive_for_whoever_rested_when_the_market_goes_his_way() -> None:
    up = window(1_000, levels(("101.0", "1")), levels(("101.1", "1")))
    on = market(window(0, BIDS, ASKS), up, window(2_000, BIDS, ASKS))
    executions = [Passive(T0 + 500 * MS, side, 100.0, 1.0) for side in (Side.BUY, Side.SELL)]
    bought, sold = markouts_of(on, executions, 1_000)
    assert bought.from_price_bps == -sold.from_price_bps == pytest.approx(1.05 / 100.05 * 10_000)
    assert bought.from_mid_bps == -sold.from_mid_bps == pytest.approx(1.0 / 100.05 * 10_000)
    assert markouts_of(on, executions, 5_000) == [], "behind the tape's end nothing is known"


def test_a_mean_is_weighted_and_neighbours_count_as_one_observation() -> None:
    near = [Markout(T0, 1, 1.0, 0.0), Markout(T0 + MS, 1, 1.0, 0.0), Markout(T0 + 10 * SECOND, 2, -1.0, 0.0)]
    assert mean_and_error(near) == pytest.approx((0.0, 8**0.5 / 4))


# ------------------------------------------------------------------------------------------------- the whole


def test_all_parts_are_measured_and_repeat_themselves(recorded: RecordedMarket) -> None:
    parts = measured(recorded, 10, 3, LATENCY_NS)
    assert parts == measured(recorded, 10, 3, LATENCY_NS)
    assert [part.title[:3] for part in parts] == ["(a)", "(b)", "(c)", "(d)"]
    assert any(row[0] == ALL_PASSIVE and row[2] for row in parts[3].rows)


def test_tables_are_for_people_and_for_programs() -> None:
    part = Part("(x) made", ("name", "value"), (("one", 0.5), ("none", None)), ("a note",))
    assert as_text("made", [part]).splitlines() == ["made", "", "(x) made", "  name   value", "  one   0.5000", "  none       -", "  - a note"]
    told: dict[str, Any] = json.loads(as_json({"seed": 1}, [part]))
    assert told["seed"] == 1 and told["parts"][0]["rows"] == [{"name": "one", "value": 0.5}, {"name": "none", "value": None}]


def test_the_quoter_trades(recorded: RecordedMarket) -> None:
    fills = quoted(recorded, account_settings(recorded, LATENCY_NS, "touch"))
    assert fills is not None and fills > 0
    assert quoted(recorded, account_settings(recorded, LATENCY_NS), quotes=False) is None


def test_a_tape_without_books_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no books"):
        read_market(make_tape(tmp_path / "empty.jsonl.gz", 0, 1))
