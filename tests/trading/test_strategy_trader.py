"""The trader: warm-up, ids, stamps, pauses, draining, and the same again after a restart."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.decision_facts import BTC, MS, SECOND, SYMBOL, Exchange, book, filled, live, stale, trades, walk
from tests.trading.risk_desk import SETTINGS
from tests.trading.strategy_settings import AMENDED_QUOTES, CROSS, PROTECTED, QUOTES, REVERSION
from tests.trading.whole_loop import Loop
from trading.bars import BarClosed
from trading.messages import (
    AccountFact, AmendOrder, AmendRejected, AmendSubmitted, CancelOrder, MarketFact, OrderAmended, OrderCanceled, OrderDenied,
    OrderSubmitted, ReportProgress, SubmitOrder,
)
from trading.strategy.own_orders import OwnOrders
from trading.strategy.protocol import StrategySettings
from trading.strategy.record import Record
from trading.strategy.trader import HistoryRequest, Intent, Trader
from trading.words import OrderType, Side

FINGERPRINT = "3f9a1c77"


def trader(chosen: StrategySettings = CROSS) -> Trader:
    return Trader(chosen, [BTC], FINGERPRINT)


def run(agent: Trader, market: Iterable[MarketFact], exchange: Exchange | None = None) -> list[Intent]:
    """Every fact in turn; the exchange, if any, answers at once."""
    intents: list[Intent] = []
    for fact in market:
        made = agent.on_market(fact)
        intents += made
        for sequence, answer in exchange.take(made) if exchange else []:
            assert agent.on_fact(sequence, answer)
    return intents


def orders(intents: Sequence[Intent]) -> list[SubmitOrder]:
    return [intent for intent in intents if isinstance(intent, SubmitOrder)]


def zigzag(count: int) -> list[int]:
    """Ten up, ten down, and so on."""
    return [65000 + 3 * (number % 20 if number % 20 < 10 else 20 - number % 20) for number in range(count)]


def bars(count: int, interval_ns: int = 60 * SECOND, first: int = 0) -> list[BarClosed]:
    return [
        BarClosed(
            symbol=SYMBOL,
            open_at_ns=number * interval_ns,
            interval_ns=interval_ns,
            open=Decimal(100),
            high=Decimal(200 + number),
            low=Decimal(100),
            close=Decimal(100 + number),
            volume=Decimal(1),
            trades=0,
        )
        for number in range(first, first + count)
    ]


def test_no_order_before_the_fiftieth_bar_and_the_fifty_first_gives_the_first_signal() -> None:
    agent, counts = trader(), []
    for fact in walk(range(65000, 65060)):
        intents = agent.on_market(fact)
        if intents:
            counts.append((agent.bars, [type(intent) for intent in intents]))
    assert counts == [(50, [ReportProgress]), (51, [SubmitOrder])]


def test_the_end_of_warm_up_is_reported_once() -> None:
    agent = trader()
    progress = [intent for intent in run(agent, walk(range(65000, 65200))) if isinstance(intent, ReportProgress)]
    assert [(each.bars, each.warmup_bars, each.warmup_complete) for each in progress] == [(50, 50, True)]


def test_an_order_carries_its_id_and_the_knowledge_it_was_decided_on() -> None:
    agent, exchange = trader(), Exchange()
    first = orders(run(agent, walk(range(65000, 65060)), exchange))[0]
    assert first.client_order_id == f"sma_cross-3f9a1c-{first.market_sequence:06d}-1"
    assert (first.symbol, first.side, first.type, first.quantity) == (
        SYMBOL,
        Side.BUY,
        OrderType.MARKET,
        Decimal("0.01"),
    )
    assert first.decided_at_ns == walk(range(65000, 65060))[first.market_sequence - 1].at_ns
    assert first.facts_sequence == 1, "the report of warm-up was the only account fact by then"
    assert "fast average" in first.reason


def test_a_cross_trades_through_zero_and_never_twice_for_one_signal() -> None:
    agent, exchange = trader(), Exchange()
    made = orders(run(agent, walk(zigzag(200)), exchange))
    assert made[0].quantity == Decimal("0.01")
    assert len(made) > 5
    assert all(order.quantity == Decimal("0.02") for order in made[1:])
    assert all(one.side is not two.side for one, two in zip(made, made[1:], strict=False))


def test_while_an_order_is_in_flight_no_other_is_sent() -> None:
    assert len(orders(run(trader(), walk(zigzag(300))))) == 1


def test_after_a_denial_it_waits_before_it_asks_again() -> None:
    agent, asked_at = trader(), []
    sequence = 0
    for fact in walk(range(65000, 65070)):
        for order in orders(agent.on_market(fact)):
            asked_at.append(agent.bars)
            sequence += 1
            agent.on_fact(
                sequence, OrderDenied(at_ns=fact.at_ns, order=order, reason="warmup", text="WARMUP_INCOMPLETE")
            )
    assert asked_at[0] == 51
    assert all(two - one == CROSS.denial_pause_bars for one, two in zip(asked_at, asked_at[1:], strict=False))


def test_a_stale_feed_stops_new_orders_until_it_is_live_and_a_fresh_book_has_come() -> None:
    agent = trader()
    market = walk(range(65000, 65060))
    paused_at = 80
    assert run(agent, market[:paused_at]) == []
    agent.on_market(stale(paused_at + 1, market[paused_at - 1].at_ns))
    later = [msgspec.structs.replace(fact, sequence=fact.sequence + 1) for fact in market[paused_at:]]
    quiet = run(agent, later)
    assert orders(quiet) == [] and agent.bars >= 51
    last = later[-1]
    assert orders(agent.on_market(live(last.sequence + 1, last.at_ns))) == []
    again = walk(range(65060, 65064), start_ns=last.at_ns + 250 * MS)
    resumed = [msgspec.structs.replace(fact, sequence=last.sequence + 1 + fact.sequence) for fact in again]
    assert len(orders(run(agent, resumed))) == 1


def test_the_quoter_takes_its_quotes_back_when_the_feed_is_stale() -> None:
    agent, exchange = trader(QUOTES), Exchange()
    market = walk([65000] * 60)
    run(agent, market, exchange)
    assert len(exchange.resting) == 6
    intents = agent.on_market(stale(len(market) + 1, market[-1].at_ns))
    assert {intent.client_order_id for intent in intents if isinstance(intent, CancelOrder)} == set(exchange.resting)
    assert agent.on_market(stale(len(market) + 2, market[-1].at_ns, "depth")) == (), "asked for once"


def test_the_quoter_keeps_at_least_five_orders_resting_and_moves_them() -> None:
    agent, exchange = trader(QUOTES), Exchange()
    intents = run(agent, walk([65000] * 60 + [65050] * 20), exchange)
    assert any(isinstance(intent, CancelOrder) for intent in intents)
    assert len(exchange.resting) == 6
    assert {str(order.price) for order in exchange.resting.values() if order.side is Side.BUY} == {
        "65049.5",
        "65048.5",
        "65047.5",
    }


def test_after_draining_there_is_one_last_count_and_no_intent() -> None:
    agent, exchange = trader(QUOTES), Exchange()
    market = walk([65000] * 80)
    run(agent, market[:130], exchange)
    (progress,) = agent.drain()
    assert (progress.bars, progress.warmup_complete) == (agent.bars, True)
    assert run(agent, market[130:], exchange) == []
    assert agent.on_market(stale(1000, market[-1].at_ns)) == ()


def test_a_market_fact_heard_twice_changes_nothing() -> None:
    once, twice = trader(), trader()
    market = walk(zigzag(80))
    assert run(once, market) == run(twice, [fact for fact in market for _ in range(2)])


def test_account_facts_with_a_gap_are_not_taken() -> None:
    agent, exchange = trader(), Exchange()
    run(agent, walk(range(65000, 65060)))
    answers = exchange.take(orders(run(trader(), walk(range(65000, 65060)))))
    assert agent.on_fact(*answers[1]) is False
    assert agent.received_sequence == 0
    assert all(agent.on_fact(sequence, fact) for sequence, fact in answers)
    assert agent.on_fact(*answers[0]) is True, "known already"
    assert agent.received_sequence == len(answers)


def test_two_symbols_trade_only_when_both_are_warm() -> None:
    other = msgspec.structs.replace(BTC, symbol="ETHUSDT")
    agent = Trader(CROSS, [BTC, other], FINGERPRINT)
    run(agent, walk(range(65000, 65100)))
    assert agent.bars == 0 and not agent.warm
    intents = run(
        agent,
        [
            msgspec.structs.replace(fact, sequence=fact.sequence + 1000, symbol="ETHUSDT")
            for fact in walk(range(3000, 3060))
        ],
    )
    assert isinstance(intents[0], ReportProgress)
    assert [order.symbol for order in orders(intents)] == ["ETHUSDT"]


# ---------------------------------------------------------------------------------------------------- amendments


def test_moving_quotes_in_place_takes_fewer_messages_and_never_leaves_the_book() -> None:
    path = [65000] * 54 + [65000 + 20 * number for number in range(30)]
    moved, renewed = Loop(AMENDED_QUOTES).run(walk(path)), Loop(QUOTES).run(walk(path))
    messages = [sum(1 for intent in loop.intents if not isinstance(intent, ReportProgress)) for loop in (moved, renewed)]
    assert messages[0] < messages[1]
    assert any(isinstance(intent, AmendOrder) for intent in moved.intents) and moved.of(OrderAmended)
    assert not any(isinstance(intent, CancelOrder) for intent in moved.intents)
    assert {fact.reason for fact in moved.of(AmendRejected)} <= {"not_working"}, "filled before the strategy heard of it"


def test_a_refused_amendment_reaches_the_strategy_and_is_asked_for_again() -> None:
    refused = Loop(msgspec.structs.replace(AMENDED_QUOTES, offset_ticks=200)).run(walk([65000] * 55))
    refused.gate._settings = msgspec.structs.replace(SETTINGS, price_collar_pct=Decimal("0.0001"))
    start = refused.account.market_sequence
    again = walk([65000, 65009, 65009, 65009, 65009, 65009], start_ns=refused.account.desk.now_ns + 250 * MS)
    refused.run(msgspec.structs.replace(fact, sequence=fact.sequence + start) for fact in again)
    denied = refused.of(AmendRejected)
    assert denied and all(fact.reason == "collar" for fact in denied)
    assert len({fact.command_id for fact in denied}) > len({fact.client_order_id for fact in denied}), "asked for more than once"


def amend(command_id: str, client_order_id: str = "o", market_sequence: int = 5) -> AmendOrder:
    return AmendOrder(command_id=command_id, client_order_id=client_order_id, market_sequence=market_sequence)


def on_record(*facts: AccountFact) -> Trader:
    agent = trader(QUOTES)
    for sequence, fact in enumerate(facts, 1):
        agent.on_fact(sequence, fact)
    return agent


def test_an_amendment_is_settled_by_its_record_its_refusal_or_the_end_of_its_order() -> None:
    asked = AmendSubmitted(
        at_ns=0, client_order_id="o", command_id="a", quantity=None, price=None, trigger_price=None, reason="", effective_at_ns=0,
    )
    refused = AmendRejected(at_ns=0, client_order_id="o", command_id="b", reason="collar", text="")
    agent = on_record(asked, refused)
    assert [agent.settled(amend(name)) for name in ("a", "b", "c")] == [True, True, False]
    assert on_record(OrderCanceled(at_ns=0, client_order_id="o", reason="oco")).settled(amend("c"))


def test_children_and_amendments_follow_the_newest_order_on_record_but_not_an_older_one() -> None:
    (parent, child, *_) = Loop(PROTECTED).run(walk([65000 + number for number in range(53)])).orders
    record = Record("sma_cross")
    record.on_fact(1, OrderSubmitted(at_ns=0, order=parent, effective_at_ns=0))
    assert record.could_follow(child), "the process died between the two: the child is made up for"
    assert record.could_follow(amend("a", market_sequence=child.market_sequence))
    newer = msgspec.structs.replace(parent, client_order_id="newer", market_sequence=parent.market_sequence + 1)
    record.on_fact(2, OrderSubmitted(at_ns=0, order=newer, effective_at_ns=0))
    assert not record.could_follow(child) and not record.could_follow(amend("a", market_sequence=child.market_sequence))
    record.on_fact(3, OrderSubmitted(at_ns=0, order=child, effective_at_ns=0))
    assert record.could_follow(child)


# ---------------------------------------------------------------------------------------------------- prints


def test_a_print_that_the_book_does_not_vouch_for_moves_no_bar_and_is_counted() -> None:
    agent = Trader(CROSS, [BTC], FINGERPRINT, print_band_bps=Decimal(10))
    run(agent, [book(1, SECOND), trades(2, SECOND, 65000, 65066, 64934), trades(3, 2 * SECOND, 65065)])
    assert agent.off_book_count == 2, "65065 is within 10 bps of the ask, 65066 is not"
    heard = agent._desks[SYMBOL]._recent[-1]
    assert (heard.high, heard.low, heard.trades) == (Decimal(65000), Decimal(65000), 0)
    agent.on_market(book(4, 3 * SECOND))
    high = max(bar.high for bar in agent._desks[SYMBOL]._recent)
    assert high == Decimal(65065)


def test_bars_begin_when_trading_is_heard_and_a_silent_book_vouches_for_nothing() -> None:
    agent = trader()
    run(agent, [trades(1, SECOND, 3000)])
    run(agent, [book(2, SECOND), stale(3, SECOND, "depth"), trades(4, SECOND, 80000)])
    assert agent.off_book_count == 0
    run(agent, [book(5, SECOND), stale(6, SECOND, "price"), trades(7, SECOND, 80000)])
    assert agent.off_book_count == 1


# ---------------------------------------------------------------------------------------------------- history

MINUTES = msgspec.structs.replace(CROSS, bar_interval="1m")


def test_history_is_asked_for_where_the_venue_keeps_it() -> None:
    assert trader(MINUTES).history_request == HistoryRequest("1m", 50)
    assert trader(CROSS).history_request is None


def test_history_ends_the_warm_up_at_once_and_the_next_bar_gives_the_first_signal() -> None:
    agent = trader(MINUTES)
    (progress,) = agent.seed_history(SYMBOL, bars(50))
    assert isinstance(progress, ReportProgress) and progress.warmup_complete and progress.bars == 50
    assert agent.on_market(trades(1, 50 * 60 * SECOND + 5 * SECOND, 160)) == ()
    (order,) = agent.on_market(book(2, 51 * 60 * SECOND, 160, 161))
    assert isinstance(order, SubmitOrder) and order.side is Side.BUY


def test_history_may_come_late_overlap_and_have_a_gap_before_the_first_live_bar() -> None:
    agent, minute = trader(MINUTES), 60 * SECOND
    run(
        agent,
        [
            book(1, 60 * minute + SECOND, 500, 501),
            trades(2, 61 * minute + SECOND, 500),
            book(3, 62 * minute, 509, 510),
            trades(4, 62 * minute + 1, 510),
        ],
    )
    assert agent.bars == 1
    (progress,) = agent.seed_history(SYMBOL, bars(63))
    assert isinstance(progress, ReportProgress) and progress.bars == 62, "0 to 61; the 62nd is still forming"
    agent = trader(MINUTES)
    last = [book(1, 60 * minute + SECOND, 500, 501), trades(2, 61 * minute + SECOND, 500), book(3, 62 * minute, 500, 501)]
    run(agent, last)
    agent.seed_history(SYMBOL, bars(55))
    assert agent.bars == 62, "55 from history, 6 flat, 1 heard live"


def test_history_after_warm_up_changes_nothing_and_of_another_kind_is_refused() -> None:
    agent = trader(MINUTES)
    agent.seed_history(SYMBOL, bars(50))
    assert agent.seed_history(SYMBOL, bars(80)) == ()
    assert agent.bars == 50
    with pytest.raises(ValueError, match="history is not of BTCUSDT at 1m"):
        trader(MINUTES).seed_history(SYMBOL, bars(50, interval_ns=SECOND))


def test_after_a_jump_of_the_market_it_warms_up_again() -> None:
    agent = trader()
    run(agent, walk(range(65000, 65049)))
    agent.on_market(book(10_000, 2_000 * SECOND))
    assert agent.bars == 0 and not agent.warm


# ---------------------------------------------------------------------------------------------------- restarts

CHOICES = st.sampled_from([CROSS, REVERSION, QUOTES])
PATHS = st.lists(st.integers(-40, 40), min_size=70, max_size=140).map(
    lambda steps: [65000 + sum(steps[: number + 1]) for number in range(len(steps))]
)


@settings(max_examples=40, deadline=None)
@given(CHOICES, PATHS, st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_how_fast_account_facts_arrive_makes_no_difference(
    chosen: StrategySettings, path: list[int], delays: list[int]
) -> None:
    """As long as they arrive within the report latency: 200 ms, of which the fifth market fact, 50 ms apart, is the
    first after."""
    fast = msgspec.structs.replace(chosen, bar_interval="100ms")
    market = walk(path, step_ns=100 * MS)
    expected = run(trader(fast), market, Exchange())
    agent, exchange, made = trader(fast), Exchange(), list[Intent]()
    on_the_way: list[tuple[int, tuple[int, AccountFact]]] = []
    for number, fact in enumerate(market):
        while on_the_way and on_the_way[0][0] <= number:
            assert agent.on_fact(*on_the_way.pop(0)[1])
        intents = agent.on_market(fact)
        made += intents
        for answer in exchange.take(intents):
            on_the_way.append((number + delays[answer[0] % len(delays)], answer))
    assert made == expected


@settings(max_examples=40, deadline=None)
@given(CHOICES, PATHS, st.data())
def test_a_restarted_trader_makes_the_same_intents_and_knows_which_are_settled(
    chosen: StrategySettings, path: list[int], data: st.DataObject
) -> None:
    """Killed anywhere, also between an intent and its answer; the account ends as if nothing had happened."""
    market = walk(path)
    undisturbed, reference = trader(chosen), Exchange()
    expected = run(undisturbed, market, reference)
    killed_after = data.draw(st.integers(0, len(market)))
    first, exchange = trader(chosen), Exchange()
    before = run(first, market[:killed_after], exchange)
    if data.draw(st.booleans()) and killed_after < len(market):
        first.on_market(market[killed_after])  # decided, but the process died before it was sent
    second = trader(chosen)
    for sequence, fact in list(exchange.facts):
        assert second.on_fact(sequence, fact)
    replayed = [second.on_market(fact) for fact in market[:killed_after]]
    again = [intent for intents in replayed for intent in intents]
    assert again == before
    assert all(second.settled(intent) for intent in again)
    assert [*again, *run(second, market[killed_after:], exchange)] == expected
    assert exchange.facts == reference.facts


def test_a_decision_older_than_the_newest_order_on_record_is_not_made_again() -> None:
    """A restarted trader that decides otherwise than it once did (here: other windows) sends nothing that is out of
    date."""
    market, exchange = walk(zigzag(200)), Exchange()
    known = orders(run(trader(), market, exchange))
    restarted = trader(msgspec.structs.replace(CROSS, fast_bars=2, slow_bars=3))
    for sequence, fact in exchange.facts:
        restarted.on_fact(sequence, fact)
    replayed = orders(run(restarted, walk(zigzag(300))))
    newest = max(order.market_sequence for order in known)
    assert all(restarted.settled(order) or order.market_sequence >= newest for order in replayed)
    assert any(not restarted.settled(order) for order in replayed), "it did decide otherwise in the end"


def test_an_order_made_again_after_its_end_is_not_working() -> None:
    own = OwnOrders("sma_cross", SYMBOL)
    (order,) = orders(run(trader(), walk(range(65000, 65060))))
    own.on_fact(OrderSubmitted(at_ns=0, order=order, effective_at_ns=0))
    own.on_fact(filled(order, Decimal("0.01"), 0))
    own.sent(order)
    assert own.working == () and own.position == Decimal("0.01")


def test_fills_of_the_kill_switch_move_the_position_though_the_order_is_not_its_own() -> None:
    own = OwnOrders("sma_cross", SYMBOL)
    (order,) = orders(run(trader(), walk(range(65000, 65060))))
    flattening = msgspec.structs.replace(order, client_order_id="close-1", strategy_id="kill", side=Side.SELL)
    assert own.on_fact(OrderSubmitted(at_ns=0, order=flattening, effective_at_ns=0)) is False
    assert own.on_fact(filled(flattening, Decimal("-0.01"), 0)) is False
    assert own.working == () and own.position == Decimal("-0.01")
