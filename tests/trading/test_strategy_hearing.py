"""When the strategy hears of its orders: no earlier than the floor, no earlier than the response took, never out of order."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.account_stories import Story
from tests.trading.decision_facts import MS, walk
from tests.trading.strategy_settings import AMENDED_QUOTES, CROSS, PROTECTED, QUOTES
from tests.trading.whole_loop import FINGERPRINT, Loop
from trading.latency import Constant, KnownLatency, Leg, LogNormal, Uniform, draw_ns
from trading.messages import AccountFact, EquityMarked, OrderAccepted, OrderDenied, SessionOpened, SubmitOrder
from trading.strategy.hearing import Hearing
from trading.strategy.protocol import StrategySettings
from trading.strategy.trader import Trader
from trading.words import Side

FLOOR = 200 * MS
SLOW = Uniform(Decimal(100), Decimal(900))


def opened(model: KnownLatency) -> SessionOpened:
    (first,) = (fact for fact in Story().facts if isinstance(fact, SessionOpened))
    return msgspec.structs.replace(first, at_ns=0, response_latency=model)


def accepted(name: str, at_ms: int) -> OrderAccepted:
    return OrderAccepted(at_ns=at_ms * MS, client_order_id=name)


def heard_at(model: KnownLatency, *facts: AccountFact) -> list[int]:
    """The instant at which each is heard first, in nanoseconds."""
    hearing = Hearing(FINGERPRINT, FLOOR)
    for sequence, fact in enumerate((opened(model), *facts), 1):
        hearing.put(sequence, fact)
    return [each.heard_ns for each in hearing._underway][1:]


def test_a_fact_about_an_order_takes_as_long_as_the_response_but_not_less_than_the_floor() -> None:
    quick, slow = Constant(ms=Decimal(50)), Constant(ms=Decimal(450))
    assert heard_at(quick, accepted("a", 1000)) == [1200 * MS]
    assert heard_at(slow, accepted("a", 1000)) == [1450 * MS]


@pytest.mark.parametrize("name", ["a", "b", "sma_cross-3f9a1c-000117-1"])
def test_the_delay_is_drawn_for_the_order_it_is_about(name: str) -> None:
    expected = 1000 * MS + max(FLOOR, draw_ns(SLOW, FINGERPRINT, name, Leg.RESPONSE))
    denied = OrderDenied(at_ns=1000 * MS, order=msgspec.structs.replace(an_order(), client_order_id=name), reason="", text="")
    assert heard_at(SLOW, accepted(name, 1000)) == heard_at(SLOW, denied) == [expected]


def test_a_fact_about_no_order_takes_the_floor() -> None:
    marked = EquityMarked(at_ns=1000 * MS, balance=Decimal(1), unrealized_pnl=Decimal(0), equity=Decimal(1), marks={})
    assert heard_at(SLOW, marked) == [1200 * MS]


def an_order() -> SubmitOrder:
    return Story().order(Side.BUY, "0.1")


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 400)), max_size=30))
def test_no_fact_overtakes_another_and_none_comes_early(steps: list[tuple[str, int]]) -> None:
    facts, at_ms = [], 1000
    for name, wait in steps:
        at_ms += wait
        facts.append(accepted(name, at_ms))
    heard = heard_at(SLOW, *facts)
    assert heard == sorted(heard)
    for instant, fact in zip(heard, facts, strict=True):
        own_ns = max(FLOOR, draw_ns(SLOW, FINGERPRINT, fact.client_order_id, Leg.RESPONSE))
        assert instant >= fact.at_ns + own_ns
        assert instant == fact.at_ns + own_ns or instant in heard[:heard.index(instant) + 1]


def test_a_fact_is_heard_with_the_first_market_fact_behind_its_time() -> None:
    hearing = Hearing(FINGERPRINT, FLOOR)
    hearing.put(1, accepted("a", 1000))
    assert list(hearing.due(1200 * MS, 1100 * MS)) == []
    assert [sequence for sequence, _ in hearing.due(1200 * MS + 1, 1100 * MS)] == [1]
    assert list(hearing.due(5000 * MS, 1201 * MS)) == []


def test_what_happened_in_a_silence_of_the_market_is_heard_behind_the_fact_that_ends_it() -> None:
    """It happened at 1000 ms, and the market was silent from 900 to 9000: whoever decides on the fact of 9000 has not been told yet."""
    hearing = Hearing(FINGERPRINT, FLOOR)
    hearing.put(1, accepted("a", 1000))
    assert list(hearing.due(9000 * MS, 900 * MS)) == []
    assert [sequence for sequence, _ in hearing.due(9001 * MS, 9000 * MS)] == [1]


# ---------------------------------------------------------------------------------------------------- in the whole loop

CHOICES = st.sampled_from([CROSS, PROTECTED, QUOTES, AMENDED_QUOTES])
PATHS = st.lists(st.integers(-40, 40), min_size=60, max_size=110).map(
    lambda steps: [65000 + sum(steps[: number + 1]) for number in range(len(steps))]
)
LATENCIES = st.sampled_from([Constant(ms=Decimal(0)), Constant(ms=Decimal(300)), SLOW, LogNormal(Decimal(60), Decimal(1), Decimal(3000))])


@settings(max_examples=25, deadline=None)
@given(CHOICES, PATHS, LATENCIES, st.data())
def test_a_restarted_trader_makes_the_same_intents_against_the_real_account(
    chosen: StrategySettings, path: list[int], latency: KnownLatency, data: st.DataObject,
) -> None:
    """Whatever was under way when it died: all facts first, then the market again; and it goes on as if nothing had happened."""
    market = walk(path)
    undisturbed = Loop(chosen, entry=latency, response=latency).run(market)
    killed_after = data.draw(st.integers(0, len(market)))
    loop = Loop(chosen, entry=latency, response=latency).run(market[:killed_after])
    loop.trader = Trader(chosen, loop.account.desk.settings.instruments, FINGERPRINT)
    for sequence, fact in enumerate(loop.facts, 1):
        assert loop.trader.on_fact(sequence, fact)
    again = [intent for fact in market[:killed_after] for intent in loop.trader.on_market(fact)]
    assert again == loop.intents
    loop.run(market[killed_after:])
    assert loop.intents == undisturbed.intents and loop.facts == undisturbed.facts
