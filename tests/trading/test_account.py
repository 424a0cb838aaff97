"""The paper account as its users meet it: when orders take effect, what they get, what is refused, and how it ends."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.trading.account_stories import BTC, INSTRUMENT, MS, START, Story, settings
from trading.account import Account, ImpossibleFact
from trading.account_settings import AccountSettings
from trading.messages import (
    AccountFact, CancelAll, CancelSubmitted, CloseAll, DenyOrder, EquityMarked, FeedLive, OrderAccepted, OrderCanceled, OrderDenied, OrderExpired,
    OrderFilled, OrderRejected, OrderSubmitted, ReportProgress, SessionClosed, SessionOpened, StrategyProgressed, TradingStateChanged,
)
from trading.receipts import Receipt
from trading.words import Liquidity, OrderState, Side, TimeInForce, TradingState


def kinds(facts: Iterable[object]) -> list[str]:
    return [type(fact).__name__ for fact in facts]


# ---------------------------------------------------------------------------------------------------- when orders take effect


def slow() -> Story:
    story = Story(settings(entry_latency_ms=100))
    story.book("29999.9", "30000.1", at_ms=0)
    return story


def test_an_order_meets_the_book_of_the_moment_it_takes_effect() -> None:
    story = slow()
    assert kinds(story.buy("0.1")) == ["OrderSubmitted"]
    story.book("39999.9", "40000.1", at_ms=50)
    facts = story.book("49999.9", "50000.1", at_ms=150)
    assert kinds(facts) == ["OrderAccepted", "OrderFilled"]
    assert [fact.at_ns for fact in facts] == 2 * [START + 100 * MS]
    assert story.fills[0].mid == 40000
    assert story.of(OrderSubmitted)[0].effective_at_ns == START + 100 * MS


def test_an_order_due_at_the_very_instant_of_a_book_meets_that_book() -> None:
    story = slow()
    story.buy("0.1")
    story.book("39999.9", "40000.1", at_ms=100)
    assert story.fills[0].mid == 40000


def test_an_order_that_arrives_too_late_takes_effect_at_once_and_is_marked() -> None:
    story = slow()
    decided = story.order(Side.BUY, "0.1")
    story.book("39999.9", "40000.1", at_ms=300)
    assert kinds(story.tell(decided)) == ["OrderSubmitted", "OrderAccepted", "OrderFilled"]
    [submitted] = story.of(OrderSubmitted)
    assert (submitted.late, submitted.effective_at_ns) == (True, START + 300 * MS)
    assert story.fills[0].mid == 40000


def test_fills_do_not_depend_on_when_an_order_arrives_before_it_is_due() -> None:
    def run(early: bool) -> list[OrderFilled]:
        story = slow()
        decided = story.order(Side.BUY, "0.1")
        if early:
            story.tell(decided)
        story.book("39999.9", "40000.1", at_ms=99)
        if not early:
            story.tell(decided)
        story.book("49999.9", "50000.1", at_ms=500)
        return story.fills

    assert run(early=True) == run(early=False)


def test_a_cancel_takes_as_long_as_an_order_and_the_market_may_be_faster() -> None:
    story = slow()
    story.buy("0.1", "29990", client_order_id="hit")
    story.buy("0.1", "29980", client_order_id="saved")
    story.book(at_ms=200)
    assert kinds(story.cancel("hit") + story.cancel("saved")) == ["CancelSubmitted", "CancelSubmitted"]
    story.trade("29990", "5", Side.SELL, at_ms=250)
    story.trade("29980", "5", Side.SELL, at_ms=350)
    assert story.status("hit") == ("filled", "")
    assert story.status("saved") == ("canceled", "test")
    assert story.of(OrderCanceled)[0].at_ns == START + 300 * MS


def test_a_cancel_never_overtakes_the_order_that_it_is_about() -> None:
    story = slow()
    for order_id, price in (("takes", None), ("rests", "29000")):
        story.tell(story.order(Side.BUY, "0.1", price, client_order_id=order_id, decided_at_ns=story.now_ns + 1000 * MS))
        story.cancel(order_id)
    story.book(at_ms=150)
    assert [story.status(each) for each in ("takes", "rests")] == 2 * [("submitted", "")]
    story.book(at_ms=2000)
    assert [story.status(each) for each in ("takes", "rests")] == [("filled", ""), ("canceled", "test")]
    assert story.of(OrderCanceled)[0].at_ns == START + 1100 * MS


def test_canceling_twice_or_what_is_closed_or_unknown_changes_nothing() -> None:
    story = slow()
    story.buy("0.1", "29990", client_order_id="a")
    story.book(at_ms=200)
    story.cancel("a")
    assert story.cancel("a") == ()
    story.book(at_ms=400)
    assert story.cancel("a") == () == story.cancel("unknown")
    assert len(story.of(CancelSubmitted)) == len(story.of(OrderCanceled)) == 1


def test_event_time_never_runs_backwards() -> None:
    story = slow()
    story.book(at_ms=900)
    story.book(at_ms=100)
    story.buy("0.1", decided_at_ns=0)
    assert {fact.at_ns for fact in story.facts[1:]} == {START + 900 * MS}


# ---------------------------------------------------------------------------------------------------- what is refused

REFUSED = [
    ("below_minimum", {"quantity": "0.00005"}),
    ("above_maximum", {"quantity": "51"}),
    ("above_maximum", {"quantity": "101", "price": "29990"}),
    ("off_step", {"quantity": "0.00015"}),
    ("off_tick", {"quantity": "0.1", "price": "29990.05"}),
    ("off_tick", {"quantity": "0.1", "price": "1E-999"}),
    ("price_band", {"quantity": "0.1", "price": "30300.1"}),
    ("price_band", {"quantity": "0.1", "price": "1E+999999"}),
    ("post_only_would_take", {"quantity": "0.1", "price": "30000.1", "post_only": True}),
    ("invalid", {"quantity": "0.1", "post_only": True}),
    ("invalid", {"quantity": "0.1", "price": "29990", "post_only": True, "time_in_force": TimeInForce.IOC}),
    ("invalid", {"quantity": "0"}),
    ("invalid", {"quantity": "-1"}),
    ("invalid", {"quantity": "NaN"}),
    ("invalid", {"quantity": "Infinity"}),
    ("invalid", {"quantity": "0.1", "price": "NaN"}),
    ("invalid", {"quantity": "0.1", "price": "-5"}),
    ("reduce_only_would_increase", {"quantity": "0.1", "reduce_only": True}),
    ("position_limit", {"quantity": "10.0001"}),
]


@pytest.mark.parametrize(("reason", "fields"), REFUSED)
def test_the_venue_refuses(reason: str, fields: dict[str, Any]) -> None:
    story = Story()
    story.book()
    facts = story.buy(**{"price": None, "client_order_id": "a", **fields})
    assert kinds(facts) == ["OrderSubmitted", "OrderRejected"]
    assert story.status("a") == ("rejected", reason)


def test_a_refusal_names_the_condition_and_its_numbers() -> None:
    story = Story()
    story.book()
    story.buy("0.00015")
    assert story.of(OrderRejected)[0].text == "QUANTITY_OFF_STEP: symbol=BTCUSDT, quantity=0.00015, step=0.0001"


def test_a_sell_far_below_the_mark_is_out_of_band_and_far_above_is_not() -> None:
    story = Story()
    story.book()
    story.mark("30000")
    story.sell("0.1", "29699.9", client_order_id="low")
    story.sell("0.1", "90000", client_order_id="high")
    assert (story.status("low"), story.status("high")) == (("rejected", "price_band"), ("accepted", ""))


def test_an_unknown_symbol_is_refused() -> None:
    story = Story()
    story.book()
    story.tell(msgspec.structs.replace(story.order(Side.BUY, "0.1", client_order_id="a"), symbol="DOGEUSDT"))
    assert story.status("a") == ("rejected", "unknown_symbol")


def test_nothing_is_accepted_without_a_book_that_can_be_traded_on() -> None:
    story = Story()
    story.buy("0.1", client_order_id="unseen")
    story.window((), (("30000.1", "1"),))
    story.buy("0.1", client_order_id="empty")
    story.book("30000.1", "30000.1")
    story.buy("0.1", client_order_id="crossed")
    story.book()
    story.stale("depth_book15")
    story.buy("0.1", "29000", client_order_id="stale")
    story.book()
    story.stale("all", reason="gap")
    story.sell("0.1", client_order_id="gapped")
    reasons = {each: story.status(each)[1] for each in ("unseen", "empty", "crossed", "stale", "gapped")}
    assert reasons == {
        "unseen": "stale_book", "empty": "no_liquidity", "crossed": "crossed_book", "stale": "stale_book",
        "gapped": "stale_book",
    }
    assert story.of(OrderRejected)[-1].text == "BOOK_UNUSABLE: symbol=BTCUSDT, book=GAPPED"


def test_a_denied_order_is_known_and_never_reaches_the_venue() -> None:
    story = Story()
    story.book()
    order = story.order(Side.BUY, "0.1", client_order_id="a")
    denial = DenyOrder(order=order, reason="position_limit", text="POSITION_LIMIT_EXCEEDED: ...")
    assert kinds(story.tell(denial)) == ["OrderDenied"]
    assert story.tell(denial) == () == story.tell(order)
    assert story.status("a") == ("rejected", "position_limit")
    assert len(story.of(OrderDenied)) == 1


# ---------------------------------------------------------------------------------------------------- what orders get


def test_a_limit_order_that_does_not_cross_rests_and_fills_at_its_own_price() -> None:
    story = Story()
    story.book()
    story.buy("0.1", "29990", client_order_id="a")
    assert story.status("a") == ("accepted", "")
    story.trade("29980", "0.04", Side.SELL)
    assert story.status("a") == ("partially_filled", "")
    story.trade("29990", "5", Side.BUY)
    assert story.position == Decimal("0.04"), "a buyer's trade takes nothing from a resting buy"
    story.trade("29990", "5", Side.SELL)
    assert [(fill.price, fill.quantity, fill.liquidity) for fill in story.fills] == [
        (Decimal(29990), Decimal("0.04"), Liquidity.MAKER), (Decimal(29990), Decimal("0.06"), Liquidity.MAKER),
    ]


def test_one_trade_fills_own_orders_in_price_time_priority_and_once() -> None:
    story = Story()
    story.book()
    for name, price in (("late", "29990"), ("best", "29995"), ("later", "29990")):
        story.buy("0.1", price, client_order_id=name)
    story.trade("29990", "0.25", Side.SELL)
    assert [(fill.client_order_id, fill.quantity) for fill in story.fills] == [
        ("best", Decimal("0.1")), ("late", Decimal("0.1")), ("later", Decimal("0.05")),
    ]


def test_a_new_window_that_crosses_a_resting_order_fills_it_up_to_what_it_shows() -> None:
    story = Story()
    story.book()
    story.sell("0.5", "30010")
    story.window((("30012", "0.1"), ("30010", "0.2"), ("30009", "9")), (("30013", "1"),))
    assert [(fill.price, fill.quantity, fill.liquidity) for fill in story.fills] == [
        (Decimal(30010), Decimal("0.1"), Liquidity.MAKER), (Decimal(30010), Decimal("0.2"), Liquidity.MAKER),
    ]


@pytest.mark.parametrize("fault", ["stale", "crossed", "empty"])
def test_nothing_fills_while_the_book_is_unusable_and_again_after_it(fault: str) -> None:
    story = Story()
    story.book()
    story.buy("0.1", "29990")
    if fault == "stale":
        story.stale()
    else:
        story.window((), ()) if fault == "empty" else story.book("29980", "29970")
    story.trade("29900", "9", Side.SELL)
    story.tell(FeedLive(sequence=99, at_ns=story.now_ns, seen_ns=0, symbol=BTC, stream="all"))
    assert story.fills == []
    story.book()
    story.trade("29900", "9", Side.SELL)
    assert len(story.fills) == 1


def test_a_silent_stream_other_than_depth_leaves_the_book_alone() -> None:
    story = Story()
    story.book()
    story.stale("trade")
    story.buy("0.1")
    assert len(story.fills) == 1


def test_what_ioc_and_market_orders_leave_expires() -> None:
    story = Story(settings(slippage_model="book"))
    story.window((("29999", "1"),), (("30001", "0.3"), ("30002", "1")))
    story.buy("0.5", "30001", time_in_force=TimeInForce.IOC, client_order_id="ioc")
    story.buy("2", client_order_id="market")
    story.buy("0.1", "29000", time_in_force=TimeInForce.IOC, client_order_id="away")
    assert [(fact.client_order_id, fact.reason) for fact in story.of(OrderExpired)] == [
        ("ioc", "no_liquidity"), ("away", "no_liquidity"),
    ]
    taken = [(fill.client_order_id, fill.quantity, fill.price) for fill in story.fills]
    assert taken[:2] == [("ioc", Decimal("0.3"), Decimal(30001)), ("market", Decimal(1), Decimal(30002))], "nothing is taken twice"
    behind = story.fills[2]
    assert (behind.quantity, behind.price > Decimal(30002)) == (Decimal(1), True)
    assert behind.receipt is not None and behind.receipt.extrapolated


def test_fok_fills_whole_or_not_at_all() -> None:
    story = Story(settings(slippage_model="book"))
    story.window((("29999", "1"),), (("30001", "0.3"), ("30002", "1")))
    story.buy("0.5", "30001", time_in_force=TimeInForce.FOK, client_order_id="too much")
    story.buy("0.5", "30002", time_in_force=TimeInForce.FOK, client_order_id="enough")
    assert (story.status("too much")[0], story.status("enough")[0]) == ("expired", "filled")
    assert story.position == Decimal("0.5")


def test_a_limit_order_takes_what_it_can_and_rests_with_what_is_left() -> None:
    story = Story(settings(slippage_model="book"))
    story.window((("29999", "1"),), (("30001", "0.3"), ("30002", "1")))
    story.buy("0.5", "30001", client_order_id="a")
    assert story.status("a") == ("partially_filled", "")
    [open_order] = story.account.state().open_orders
    assert (open_order.filled_quantity, open_order.leaves_quantity) == (Decimal("0.3"), Decimal("0.2"))


def test_reduce_only_never_flips_a_position() -> None:
    story = Story()
    story.book()
    story.buy("0.1")
    story.sell("0.3", reduce_only=True, client_order_id="out")
    assert story.position == 0
    assert story.status("out") == ("canceled", "reduce_only_would_increase")


def test_a_resting_reduce_only_order_is_canceled_when_nothing_is_left_to_reduce() -> None:
    story = Story()
    story.book()
    story.buy("0.1")
    story.sell("0.1", "30100", reduce_only=True, client_order_id="exit")
    story.sell("0.1")
    story.trade("30100", "1", Side.BUY)
    assert story.position == 0
    assert story.status("exit") == ("canceled", "reduce_only_would_increase")


def test_a_fill_says_everything_about_itself() -> None:
    story = Story()
    story.book()
    story.buy("0.10", client_order_id="a")
    [fill] = story.fills
    assert fill == OrderFilled(
        at_ns=START, market_sequence=1, client_order_id="a", trade_id="T-000001", symbol=BTC, side=Side.BUY, quantity=Decimal("0.1"),
        price=Decimal(30090), leaves_quantity=Decimal(0), liquidity=Liquidity.TAKER, fee=Decimal("1.5045"),
        mid=Decimal(30000), slippage_bps=Decimal(30), model="fixed", book_sequence=1, realized_pnl=Decimal(0),
        position=Decimal("0.1"), touch=Decimal("30000.1"), receipt=Receipt(
            model="fixed(slippage_bps=30)", fee_schedule="default", book_sequence=1, bid=Decimal("29999.9"), ask=Decimal("30000.1"),
            latency=("constant(ms=0)", "constant(ms=0)"), levels_walked=1,
        ),
    )
    assert msgspec.json.encode(fill).count(b"0.10") == 0, "numbers have one form"


# ---------------------------------------------------------------------------------------------------- ending


def with_orders_and_a_position() -> Story:
    story = Story(settings(entry_latency_ms=100))
    story.book()
    story.buy("0.1", decided_at_ns=0)
    story.buy("0.1", "29990", client_order_id="resting", decided_at_ns=0)
    story.buy("0.1", client_order_id="pending")
    return story


def test_cancel_all_cancels_what_rests_and_what_is_on_its_way() -> None:
    story = with_orders_and_a_position()
    story.tell(CancelAll(reason="stop"))
    assert story.status("resting") == story.status("pending") == ("canceled", "stop")
    assert story.account.state().open_orders == ()
    story.book(at_ms=500)
    assert story.position == Decimal("0.1")


def test_close_all_cancels_flattens_and_lets_nothing_in_afterwards() -> None:
    story = with_orders_and_a_position()
    facts = story.tell(CloseAll(reason="kill"))
    assert kinds(facts) == [
        "TradingStateChanged", "OrderCanceled", "OrderCanceled", "OrderSubmitted", "OrderAccepted", "OrderFilled",
    ]
    assert story.position == 0
    assert (story.fills[-1].client_order_id, story.fills[-1].price) == (f"CLOSE-{BTC}-1", Decimal(29910))
    assert not story.fills[-1].stale_reference
    story.buy("0.1", client_order_id="after", decided_at_ns=0)
    assert story.status("after") == ("rejected", "halted")
    assert story.tell(CloseAll(reason="kill")) == ()


@pytest.mark.parametrize("fault", ["stale", "crossed", "empty"])
def test_close_all_flattens_on_the_last_book_that_could_be_traded_on(fault: str) -> None:
    story = with_orders_and_a_position()
    if fault == "stale":
        story.stale()
    else:
        story.window((), ()) if fault == "empty" else story.book("40000", "39000")
    story.tell(CloseAll(reason="kill"))
    assert story.position == 0
    assert (story.fills[-1].price, story.fills[-1].stale_reference, story.fills[-1].model) == (Decimal(29910), True, "fixed")


def test_close_all_flattens_beyond_the_visible_depth() -> None:
    story = Story(settings(slippage_model="book"))
    story.book(quantity="1")
    story.sell("1")
    story.book(quantity="0.4")
    story.tell(CloseAll(reason="kill"))
    assert [(fill.quantity, fill.price, fill.model) for fill in story.fills[1:]] == [
        (Decimal("0.4"), Decimal("30000.1"), "book"), (Decimal("0.6"), Decimal("30000.2"), "book"),
    ]
    assert story.position == 0


def test_a_recovered_account_that_has_seen_no_book_can_still_be_flattened() -> None:
    story = with_orders_and_a_position()
    recovered = Account.recover(story.settings, "test", story.facts)
    fill = recovered.on(CloseAll(reason="kill"), story.now_ns)[-1]
    assert isinstance(fill, OrderFilled)
    assert (fill.price, fill.stale_reference) == (Decimal(29910), True)
    assert recovered.position(BTC) == 0


def test_the_session_ends_with_a_mark_and_a_reason_and_is_deaf_afterwards() -> None:
    story = Story()
    story.book()
    story.buy("0.1")
    facts = story.account.close(story.now_ns, "duration")
    assert kinds(facts) == ["EquityMarked", "SessionClosed"]
    assert isinstance(facts[1], SessionClosed) and facts[1].reason == "duration"
    assert story.buy("0.1") == story.book(at_ms=5000) == story.account.close(story.now_ns, "again") == ()


def test_nothing_follows_before_the_session_is_open_and_opening_twice_is_opening_once() -> None:
    account = Account(settings(), "test")
    story = Story()
    assert account.on(story.order(Side.BUY, "1"), START) == ()
    assert kinds(account.open(START)) == ["SessionOpened"]
    assert account.open(START) == ()


# ---------------------------------------------------------------------------------------------------- the curve, and the rest


def test_equity_is_marked_once_an_interval_of_event_time_on_the_mark_price() -> None:
    story = Story(settings(equity_interval_ms=1000))
    story.book()
    story.buy("0.1")
    story.mark("30100")
    story.book(at_ms=999)
    assert story.of(EquityMarked) == []
    story.book(at_ms=1000)
    story.book(at_ms=1999)
    story.book(at_ms=5500)
    assert [fact.at_ns for fact in story.of(EquityMarked)] == [START + 1000 * MS, START + 5500 * MS]
    marked = story.of(EquityMarked)[0]
    assert marked.marks == {BTC: Decimal(30100)}
    assert (marked.balance, marked.unrealized_pnl, marked.equity) == (Decimal("9998.4955"), Decimal(1), Decimal("9999.4955"))


def test_without_a_mark_price_the_mid_counts() -> None:
    story = Story()
    story.book(at_ms=1000)
    assert story.of(EquityMarked)[0].marks == {BTC: Decimal(30000)}


def test_progress_and_trading_state_are_recorded_when_they_change() -> None:
    story = Story()
    report = ReportProgress(command_id="1", strategy_id="s", bars=50, warmup_bars=50, warmup_complete=True, at_ns=0)
    active = TradingStateChanged(at_ns=0, state=TradingState.ACTIVE, reason="warm")
    for message in (report, report, active, active):
        story.tell(message)
    assert kinds(story.facts) == ["SessionOpened", "StrategyProgressed", "TradingStateChanged"]
    assert story.of(StrategyProgressed)[0].bars == 50
    assert story.account.trading_state is TradingState.ACTIVE


def test_halted_and_killed_are_latched() -> None:
    story = Story()
    for state in (TradingState.HALTED, TradingState.ACTIVE, TradingState.KILLED, TradingState.HALTED, TradingState.ACTIVE):
        story.tell(TradingStateChanged(at_ns=0, state=state, reason=""))
    assert [fact.state for fact in story.of(TradingStateChanged)] == [TradingState.HALTED, TradingState.KILLED]


def test_the_state_of_the_account_is_one_value() -> None:
    story = with_orders_and_a_position()
    state = story.account.state()
    assert (state.balance, state.equity) == (Decimal("9998.4955"), Decimal("9989.4955"))
    assert state.positions[BTC].average_price == 30090
    assert [(each.client_order_id, each.state) for each in state.open_orders] == [
        ("resting", OrderState.ACCEPTED), ("pending", OrderState.SUBMITTED),
    ]
    assert msgspec.json.decode(msgspec.json.encode(state))["positions"][BTC]["quantity"] == "0.1"


# ---------------------------------------------------------------------------------------------------- recovery and settings


@pytest.mark.parametrize("damage", [
    lambda facts: facts[:1] + facts[2:],  # a submission lost
    lambda facts: facts + facts[-1:],  # a row doubled
    lambda facts: facts[:1] + facts,  # opened twice
    lambda facts: [*facts[:-1], msgspec.structs.replace(facts[-1], quantity=Decimal(7))],
    lambda facts: [*facts[:-1], msgspec.structs.replace(facts[-1], position=Decimal(7))],
])
def test_facts_that_do_not_follow_from_each_other_are_refused(damage: Callable[[list[AccountFact]], list[AccountFact]]) -> None:
    story = Story()
    story.book()
    story.buy("0.1")
    assert kinds(story.facts) == ["SessionOpened", "OrderSubmitted", "OrderAccepted", "OrderFilled"]
    with pytest.raises(ImpossibleFact):
        Account.recover(story.settings, "test", damage(story.facts))


def test_the_ledger_of_another_run_is_refused() -> None:
    with pytest.raises(ImpossibleFact, match="the ledger is of run test, this is other"):
        Account.recover(settings(), "other", Story().facts)


def test_recovery_takes_the_venue_rules_of_the_start() -> None:
    story = Story()
    coarser = msgspec.structs.replace(INSTRUMENT, step=Decimal(1))
    recovered = Account.recover(settings(instruments=(coarser,)), "test", story.facts)
    assert recovered.desk.instruments[BTC].step == Decimal("0.0001")
    assert story.of(SessionOpened)[0].instruments == (INSTRUMENT,)


@pytest.mark.parametrize(("change", "complaint"), [
    ({"balance": Decimal(0)}, "balance"),
    ({"position_max": {}}, "position_max has no limit for BTCUSDT"),
    ({"position_max": {BTC: Decimal("NaN")}}, "position_max.BTCUSDT"),
    ({"slippage_model": "hope"}, "slippage_model must be one of book, book_traded, fixed, top, not hope"),
    ({"slippage_bps": Decimal(10_000)}, "slippage_bps"),
    ({"maker_fee": Decimal("NaN")}, "maker_fee"),
    ({"equity_interval_ms": 0}, "equity_interval_ms"),
])
def test_settings_that_make_no_sense_are_refused(change: dict[str, object], complaint: str) -> None:
    fields: dict[str, Any] = {"instruments": (INSTRUMENT,), "position_max": {BTC: Decimal(1)}, **change}
    with pytest.raises(ValueError, match=complaint):
        AccountSettings(**fields)


def test_an_order_is_accepted_exactly_once() -> None:
    story = slow()
    story.buy("0.1", "29990")
    for at_ms in (100, 100, 200, 300):
        story.book(at_ms=at_ms)
    assert len(story.of(OrderAccepted)) == 1
