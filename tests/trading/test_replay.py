"""A ledger that follows from its market and its commands is told again without a difference; any other has its first one named."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.trading.account_stories import BTC, START, Story, settings
from tests.trading.test_account_properties import STEPS, a_story, act, latencies, models
from trading.account import Account
from trading.carry import carried_from
from trading.latency import Constant
from trading.messages import (
    AccountFact, AnyAccountFact, CancelAll, CloseAll, DenyOrder, EquityMarked, MarketFact, OrderAccepted, OrderCanceled, OrderFilled, OrderRested,
    ReportProgress, SessionClosed, TradingStateChanged,
)
from trading.replay import Difference, replay
from trading.words import Side, TradingState

DECODER = msgspec.json.Decoder(list[AnyAccountFact])


def stored(facts: list[AccountFact]) -> list[AccountFact]:
    return list(DECODER.decode(msgspec.json.encode(facts)))


def told_again(story: Story, facts: list[AccountFact] | None = None, market: list[MarketFact] | None = None) -> Difference | None:
    facts = stored(story.facts if facts is None else facts)
    if market is None:
        market = [message for message, _ in story.told if isinstance(message, MarketFact)]
    return replay(Account(story.settings, "test"), market, facts, facts[-1].market_sequence if facts else 0)


def a_day() -> Story:
    """Every kind of command: progress, states, denial, orders, a cancel in time and a late one, a duplicate, a kill at the end."""
    story = Story(settings(entry_latency_ms=50))
    story.book()
    story.mark("30000", "0.0001", next_funding_ms=700)
    story.tell(ReportProgress(command_id="p", strategy_id="test", bars=50, warmup_bars=50, warmup_complete=True, at_ns=START))
    story.tell(TradingStateChanged(at_ns=0, state=TradingState.ACTIVE, reason=""))
    story.tell(DenyOrder(order=story.order(Side.BUY, "9"), reason="position_limit", text="POSITION_LIMIT_EXCEEDED"))
    story.buy("0.4", client_order_id="in")
    story.buy("0.2", "29000", client_order_id="rests")
    story.buy("0.2", "28000", client_order_id="rests too")
    story.book(at_ms=100)
    story.cancel("rests")
    story.buy("0.4", client_order_id="in")
    story.book("29990", "29991", at_ms=600)
    story.sell("0.1", client_order_id="late", decided_at_ns=START)
    story.mark("30010", "0.0001", next_funding_ms=10_000, at_ms=800)
    story.stale(at_ms=1500)
    story.tell(TradingStateChanged(at_ns=0, state=TradingState.PAUSED, reason="stale"))
    story.facts += story.account.on(CloseAll(reason="kill"), story.now_ns)
    story.facts += story.account.close(story.now_ns, "kill")
    return story


@effort(max_examples=120, deadline=None)
@given(st.lists(STEPS, max_size=50), models, latencies, st.sampled_from(["kill", "drain", "cut short"]))
def test_whatever_happened_is_told_again_without_a_difference(
    steps: list[tuple[object, ...]], model: str, latency_ms: int, end: str,
) -> None:
    story = a_story(model, latency_ms)
    for step in steps:
        act(story, step)
    if end == "kill":
        story.tell(CloseAll(reason="kill"))
    if end == "drain":
        story.tell(CancelAll(reason="stop"))
    if end != "cut short":
        story.facts += story.account.close(story.now_ns, "end")
    assert told_again(story) is None


def test_a_day_with_every_command_in_it_is_told_again_without_a_difference() -> None:
    story = a_day()
    assert len({type(fact) for fact in story.facts}) >= 12
    assert told_again(story) is None


def test_a_session_that_goes_on_after_its_account_was_recovered_is_told_again_without_a_difference() -> None:
    story = a_day()
    for number in range(1, len(story.told)):
        before = Story(story.settings)
        for message, now_ns in story.told[:number]:
            before.now_ns = now_ns
            before.tell(message)
        recovered = Account.recover(story.settings, "test", before.facts)
        market = [message for message, _ in before.told if isinstance(message, MarketFact)]
        for fact in market:
            recovered.observe(fact, fact.at_ns)
        facts = [*before.facts, *recovered.on(CancelAll(reason="stop"), recovered.desk.now_ns)]
        facts += recovered.close(recovered.desk.now_ns, "stop")
        assert told_again(story, facts, market) is None


def test_every_lost_row_is_missed() -> None:
    facts = a_day().facts
    commanded = (TradingStateChanged, OrderCanceled)  # without consequences of their own nobody can know that they were asked for
    for row, fact in enumerate(facts):
        if row and not isinstance(fact, commanded) and type(fact).__name__ not in ("OrderDenied", "StrategyProgressed"):
            assert told_again(a_day(), facts[:row] + facts[row + 1:]) is not None, fact


@pytest.mark.parametrize(("kind", "change"), [
    (OrderFilled, {"price": Decimal(30089)}), (OrderFilled, {"fee": Decimal(0)}), (OrderFilled, {"slippage_bps": Decimal(1)}),
    (OrderFilled, {"mid": Decimal(1)}), (OrderAccepted, {"client_order_id": "rests too"}), (EquityMarked, {"equity": Decimal(1)}),
    (EquityMarked, {"at_ns": START + 1}), (OrderFilled, {"market_sequence": 7}), (OrderFilled, {"book_sequence": 9}),
])
def test_every_changed_row_is_named_with_what_it_should_be(kind: type[AccountFact], change: dict[str, object]) -> None:
    story = a_day()
    row = next(row for row, fact in enumerate(story.facts) if isinstance(fact, kind))
    facts = [*story.facts]
    facts[row] = msgspec.structs.replace(facts[row], **change)
    found = told_again(story, facts)
    assert found is not None and (found.row, found.recorded) == (row + 1, facts[row])
    assert found.replayed in (story.facts[row], None)


def test_a_row_made_up_is_found() -> None:
    story = a_day()
    made_up = msgspec.structs.replace(next(fact for fact in story.facts if isinstance(fact, OrderAccepted)), client_order_id="rests")
    assert told_again(story, [*story.facts[:8], made_up, *story.facts[8:]]) is not None


def test_a_tape_that_ends_before_its_ledger_is_said_to() -> None:
    story = a_day()
    market = [message for message, _ in story.told if isinstance(message, MarketFact)]
    found = told_again(story, market=market[:4])
    assert found is not None and "the tape ends at market fact 4" in found.why


def test_another_market_is_another_ledger() -> None:
    story = a_day()
    market = [message for message, _ in story.told if isinstance(message, MarketFact)]
    assert told_again(story, market=market[1:]) is not None


def test_other_settings_are_another_ledger() -> None:
    story = a_day()
    changed = msgspec.structs.replace(story.settings, entry_latency=Constant(ms=Decimal(51)))
    market = [message for message, _ in story.told if isinstance(message, MarketFact)]
    found = replay(Account(changed, "test"), market, story.facts, story.facts[-1].market_sequence)
    assert found is not None and type(found.recorded) is type(found.replayed)


def test_a_session_that_died_between_two_market_facts_and_was_closed_later_is_told_again() -> None:
    """The order had arrived before the next market fact was taken in whole, and that fact gave nothing else."""
    story = Story(settings(entry_latency_ms=50, equity_interval_ms=10**6))
    story.book()
    story.buy("0.1", "29000")
    story.book(at_ms=100)
    assert isinstance(story.facts[-1], OrderRested) and story.facts[-1].market_sequence == 1
    account = Account.folded(stored(story.facts))
    first = story.told[0][0]
    assert isinstance(first, MarketFact)
    account.observe(first, first.at_ns)
    facts = [*story.facts, *account.on(CancelAll(reason="resumed"), account.desk.now_ns)]
    facts += account.close(account.desk.now_ns, "resumed")
    assert isinstance(facts[-1], SessionClosed)
    assert told_again(story, facts) is None


def test_a_session_that_began_with_a_carried_position_is_told_again() -> None:
    before = a_story("fixed", 0)
    before.buy("0.3")
    carried = carried_from(before.account)
    account_settings = settings(balance=carried.balance)
    account = Account(account_settings, "test")
    facts = list(account.open(0, carried.positions))
    after = Story(account_settings)
    after.account, after.facts = account, facts
    after.book(at_ms=0)
    after.sell("0.1")
    after.facts += account.close(after.now_ns, "stop")
    assert account.position(BTC) == Decimal("0.2")
    assert told_again(after) is None
