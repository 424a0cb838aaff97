"""What an account does not see is on record, fills nothing, and stays unknown to it: live, recovered, and in the proof of its ledger."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.trading.account_stories import BTC, SECOND, START, Story, settings
from tests.trading.test_account_properties import STEPS, a_story, act, latencies, models
from trading.account import Account
from trading.invariants import violations
from trading.messages import (
    AccountFact, AnyAccountFact, CancelAll, CloseAll, MarketFact, MarketObserved, MarketUnobserved, OrderFilled, OrderRejected, PassOver,
)
from trading.replay import Difference, replay
from trading.summary import fold
from trading.words import Side

DECODER = msgspec.json.Decoder(list[AnyAccountFact])
CAP = {BTC: Decimal(10)}


def market_of(story: Story) -> list[MarketFact]:
    return [message for message, _ in story.told if isinstance(message, MarketFact)]


def told_again(story: Story, market: list[MarketFact] | None = None) -> Difference | None:
    facts = DECODER.decode(msgspec.json.encode(story.facts))
    return replay(Account(story.settings, "test"), market_of(story) if market is None else market, facts, facts[-1].market_sequence)


def recovered(story: Story, market: list[MarketFact] | None = None) -> Account:
    """From the stored facts; then the market is looked at again."""
    account = Account.recover(story.settings, "test", DECODER.decode(msgspec.json.encode(story.facts)))
    for fact in market_of(story) if market is None else market:
        account.observe(fact, fact.at_ns)
    return account


def a_gap(story: Story) -> tuple[AccountFact, ...]:
    """A window and a trade through the resting buy are lost; the account goes on without them."""
    account, story.account = story.account, Account(story.settings, "test")
    story.book("28000", "28001", at_ms=2_000)
    story.trade("28000", "9", Side.SELL, at_ms=2_500)
    story.account = account
    first = story.told[-2][0]
    assert isinstance(first, MarketFact)
    story.now_ns = account.desk.now_ns
    return story.tell(PassOver(first=first.sequence, last=first.sequence + 1))


def a_resting_order(**changes: object) -> Story:
    story = Story(settings(**changes))
    story.book(at_ms=0)
    story.mark("30000", at_ms=100)
    story.buy("0.1", "29000", client_order_id="rests")
    story.book(at_ms=1_000)
    return story


@pytest.mark.parametrize("reason", ["no_valid_message", "connection_lost", "feed_restarted"])
def test_the_feeds_outage_is_on_record_from_the_last_window_to_the_next(reason: str) -> None:
    story = a_resting_order()
    story.stale(reason=reason, at_ms=1_200)
    (lost,) = story.of(MarketUnobserved)
    assert (lost.symbol, lost.from_ns, lost.reason, lost.open_orders) == (BTC, START + SECOND, reason, ("rests",))
    assert (lost.first_missing, lost.last_missing) == (0, 0)
    assert story.trade("28000", "5", Side.SELL, at_ms=1_500) == (), "what is heard now may be half of it"
    story.stale("depth_book15", at_ms=1_600)
    story.book(at_ms=4_000)
    assert [type(fact) for fact in story.facts if isinstance(fact, (MarketUnobserved, MarketObserved))] == [MarketUnobserved, MarketObserved]
    assert story.status("rests")[0] == "accepted" and not story.fills
    summary = fold(story.facts)
    assert (summary.unobserved_count, summary.unobserved_s, summary.unobserved_orders) == (1, Decimal(3), ["rests"])
    assert told_again(story) is None


def test_a_silence_before_the_first_window_or_of_trades_alone_is_no_loss() -> None:
    story = Story()
    story.stale(at_ms=0)
    story.book(at_ms=100)
    story.stale("trade", at_ms=200)
    assert not story.of(MarketUnobserved) and fold(story.facts).unobserved_count == 0


def test_a_loss_that_is_not_over_lasts_until_the_end() -> None:
    story = a_resting_order()
    story.stale(at_ms=1_000)
    story.mark("30000", at_ms=9_000)
    story.facts += story.account.on(CancelAll(reason="stop"), story.now_ns)
    story.facts += story.account.close(story.now_ns, "stop")
    assert (fold(story.facts).unobserved_count, fold(story.facts).unobserved_s) == (1, Decimal(8))


def test_missing_market_facts_are_named_and_fill_nothing_also_when_they_are_told_later() -> None:
    story = a_resting_order()
    (lost,) = a_gap(story)
    assert isinstance(lost, MarketUnobserved)
    assert (lost.reason, lost.first_missing, lost.last_missing, lost.open_orders) == ("gap", 4, 5, ("rests",))
    assert (lost.from_ns, lost.market_sequence, story.account.market_sequence) == (START + SECOND, 3, 5)
    for late in market_of(story)[3:]:
        assert story.account.on(late, late.at_ns) == ()
    story.buy("0.1")
    assert story.of(OrderRejected)[-1].text == "BOOK_UNUSABLE: symbol=BTCUSDT, book=GAPPED"
    story.book("28500", "28501", at_ms=5_000)
    assert [fill.client_order_id for fill in story.fills] == ["rests"], "the first window seen again is a fact like any other"
    assert told_again(story) is None
    assert violations(story.facts, CAP) == []


def test_a_ledger_that_hides_a_gap_is_not_told_again_without_a_difference() -> None:
    story = a_resting_order()
    a_gap(story)
    story.book(at_ms=5_000)
    story.facts = [fact for fact in story.facts if not isinstance(fact, (MarketUnobserved, MarketObserved))]
    found = told_again(story)
    assert found is not None and isinstance(found.replayed, OrderFilled)


def test_an_account_recovered_behind_a_gap_knows_as_little_as_before() -> None:
    story = a_resting_order()
    a_gap(story)
    heard = market_of(story)
    for market in (heard, heard[:3]):  # the feed may have found them again meanwhile
        account = recovered(story, market)
        assert account.market_sequence == 5 and account.desk.sight.unseen == story.account.desk.sight.unseen
        assert not account.desk.markets[BTC].book.usable
        assert account.desk.markets[BTC].mid == story.account.desk.markets[BTC].mid
        assert account.state() == story.account.state()


@pytest.mark.parametrize("heard", [0, 1, 2])
@pytest.mark.parametrize("how", [CloseAll(reason="kill"), CancelAll(reason="supervisor_lost")])
def test_an_account_that_must_act_before_it_heard_its_market_again_says_so_and_is_told_again(how: CloseAll | CancelAll, heard: int) -> None:
    story = a_resting_order()
    story.buy("0.2", client_order_id="held")
    story.book("30100", "30101", at_ms=11_000)
    story.book("30500", "30501", at_ms=11_500)
    story.cancel("rests")
    known = story.account.market_sequence
    account = recovered(story, market_of(story)[:heard])
    story.facts += account.on(PassOver(first=1, last=known), account.desk.now_ns)
    story.facts += account.on(how, account.desk.now_ns)
    story.facts += account.close(account.desk.now_ns, "end")
    (lost,) = story.of(MarketUnobserved)
    assert (lost.reason, lost.first_missing, lost.last_missing) == ("not_heard_again", 1, known)
    if isinstance(how, CloseAll):
        fill = story.fills[-1]
        assert fill.stale_reference and fill.book_sequence == 0 and account.position(BTC) == 0
    assert told_again(story) is None
    assert violations(story.facts, CAP) == []


def test_half_of_the_market_heard_again_would_not_be_told_again() -> None:
    """What the row above is for: without it the account would settle on older books than its rows say."""
    story = a_resting_order()
    story.buy("0.2", client_order_id="held")
    story.book("30500", "30501", at_ms=11_500)
    account = recovered(story, market_of(story)[:1])
    story.facts += account.on(CloseAll(reason="kill"), account.desk.now_ns)
    story.facts += account.close(account.desk.now_ns, "kill")
    assert told_again(story) is not None


LOSSES = st.one_of(STEPS, STEPS, STEPS, st.tuples(st.just("lost"), st.lists(STEPS, max_size=3)))


def act_or_lose(story: Story, step: tuple[Any, ...]) -> None:
    if step[0] != "lost":
        act(story, step)
        return
    account, facts, before = story.account, list(story.facts), len(story.told)
    story.account = Account(story.settings, "test")
    for each in step[1]:  # a list of steps
        act(story, each)
    lost = [(message, at_ns) for message, at_ns in story.told[before:] if isinstance(message, MarketFact)]
    story.account, story.facts = account, facts
    story.told[before:] = lost
    story.now_ns = account.desk.now_ns
    if lost:
        first, last = lost[0][0], lost[-1][0]
        assert isinstance(first, MarketFact) and isinstance(last, MarketFact)
        story.facts += story.account.on(PassOver(first=first.sequence, last=last.sequence), story.account.desk.now_ns)


@effort(max_examples=100, deadline=None)
@given(st.lists(LOSSES, max_size=40), models, latencies)
def test_whatever_is_lost_the_ledger_is_sound_told_again_and_recovered_from(
    steps: list[tuple[object, ...]], model: str, latency_ms: int,
) -> None:
    story = a_story(model, latency_ms)
    for step in steps:
        act_or_lose(story, step)
    again = recovered(story)
    assert again.state() == story.account.state()
    assert [market.book for market in again.desk.markets.values()] == [market.book for market in story.account.desk.markets.values()]
    story.facts += again.on(CancelAll(reason="stop"), again.desk.now_ns)
    story.facts += again.close(again.desk.now_ns, "stop")
    assert told_again(story) is None
    assert violations(story.facts, CAP) == []
