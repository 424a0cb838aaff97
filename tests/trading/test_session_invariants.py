"""The course of a session: what the gate must not have let through, and rows that cannot follow one another."""

from decimal import Decimal

import msgspec
import pytest

from tests.trading.account_stories import BTC, START, Story, settings
from trading.invariants import violations
from trading.messages import (
    AccountFact, CarriedLot, MarketObserved, MarketUnobserved, OrderAccepted, OrderCanceled, OrderFilled, OrderSubmitted, PositionCarried, ReportProgress, SessionClosed, SessionOpened,
    TradingStateChanged,
)
from trading.words import TradingState

CAP = {BTC: Decimal(10)}


def found(facts: list[AccountFact], cap: dict[str, Decimal] | None = CAP) -> list[tuple[str, int]]:
    return [(each.check, each.row) for each in violations(facts, cap, gated=True)]


def told(story: Story, state: TradingState) -> None:
    story.tell(TradingStateChanged(at_ns=0, state=state, reason="test"))


def warm(latency_ms: int = 0) -> Story:
    story = Story(settings(entry_latency_ms=latency_ms))
    story.book()
    story.tell(ReportProgress(command_id="p", strategy_id="test", bars=50, warmup_bars=50, warmup_complete=True, at_ns=START))
    told(story, TradingState.ACTIVE)
    return story


def test_a_session_in_order_has_no_violation() -> None:
    story = warm()
    story.buy("0.1")
    story.facts += story.account.close(story.now_ns, "stop")
    assert found(story.facts) == []


def test_an_order_before_its_strategy_was_warm_is_found_when_it_is_accepted() -> None:
    story = Story()
    story.book()
    story.buy("0.1")
    assert found(story.facts) == [("I-6", [isinstance(fact, OrderAccepted) for fact in story.facts].index(True) + 1)]


def test_an_order_decided_in_a_pause_is_found() -> None:
    story = warm()
    told(story, TradingState.PAUSED)
    story.book(at_ms=100)
    story.buy("0.1")
    story.book(at_ms=200)
    told(story, TradingState.ACTIVE)
    assert [check for check, _ in found(story.facts)] == ["I-6"]


def test_a_pause_that_never_ended_still_shows_what_was_decided_in_it() -> None:
    story = warm()
    told(story, TradingState.PAUSED)
    story.book(at_ms=100)
    story.buy("0.1")
    assert [check for check, _ in found(story.facts)] == ["I-6"]


@pytest.mark.parametrize("decided_ms", [0, 200], ids=["before the pause", "on the news that ended it"])
def test_an_order_on_its_way_at_either_end_of_a_pause_is_none(decided_ms: int) -> None:
    story = warm(latency_ms=250)
    told(story, TradingState.PAUSED)
    story.book(at_ms=200)
    story.buy("0.1", decided_at_ns=START + decided_ms * 1_000_000)
    told(story, TradingState.ACTIVE)
    story.book(at_ms=600)
    assert story.fills and found(story.facts) == []


def test_an_acceptance_after_a_halt_is_found_and_flattening_is_not() -> None:
    story = warm()
    story.buy("0.1")
    submitted, accepted = (next(fact for fact in story.facts if isinstance(fact, kind)) for kind in (OrderSubmitted, OrderAccepted))
    halt = TradingStateChanged(at_ns=submitted.at_ns, state=TradingState.HALTED, reason="test", market_sequence=1)
    before = story.facts.index(submitted) + 1
    assert ("I-6", before + 2) in found([*story.facts[:before], halt, accepted])


ROWS: dict[str, tuple[list[AccountFact], int]] = {
    "no opening": ([SessionClosed(at_ns=1, reason="")], 1),
    "rows behind the end": ([Story().facts[0], SessionClosed(at_ns=START, reason=""), SessionClosed(at_ns=START, reason="")], 3),
    "a second opening": ([Story().facts[0], Story().facts[0]], 2),
    "time that runs backwards": ([Story().facts[0], SessionClosed(at_ns=START - 1, reason="")], 2),
    "a market that runs backwards": ([
        msgspec.structs.replace(Story().facts[0], market_sequence=5), SessionClosed(at_ns=START, market_sequence=4, reason=""),
    ], 2),
    "a position carried in later": ([
        Story().facts[0], TradingStateChanged(at_ns=START, state=TradingState.ACTIVE, reason=""),
        PositionCarried(at_ns=START, symbol=BTC, position=Decimal(1), lots=(CarriedLot(Decimal(1), Decimal(1), Decimal(0)),), mark=Decimal(1)),
    ], 3),
}


@pytest.mark.parametrize(("facts", "row"), ROWS.values(), ids=ROWS)
def test_rows_that_cannot_follow_one_another_are_found(facts: list[AccountFact], row: int) -> None:
    assert isinstance(facts[0], SessionOpened) or row == 1
    assert ("I-7", row) in found(facts)


def test_more_orders_over_or_accepted_than_were_submitted_are_found() -> None:
    opened = Story().facts[0]
    assert ("I-9", 2) in found([opened, OrderAccepted(at_ns=START, client_order_id="x")])
    assert ("I-9", 2) in found([opened, OrderCanceled(at_ns=START, client_order_id="x", reason="")])


def test_a_cap_counts_carried_positions_and_lets_them_shrink() -> None:
    opened = Story().facts[0]
    lots = (CarriedLot(Decimal(1), Decimal(30000), Decimal(0)),)
    carried = PositionCarried(at_ns=START, symbol=BTC, position=Decimal(1), lots=lots, mark=Decimal(30000))
    story = warm()
    story.account.apply(carried)
    story.facts.insert(1, carried)
    story.sell("0.3")
    assert isinstance(opened, SessionOpened)
    assert found(story.facts, {BTC: Decimal("0.1")}) == []
    assert found(story.facts, None) == []
    story.buy("0.1")
    assert "I-5" in {check for check, _ in found(story.facts, {BTC: Decimal("0.1")})}


def test_an_order_that_is_open_when_the_session_ends_is_found() -> None:
    story = warm()
    story.buy("0.1", "29000", client_order_id="rests")
    story.buy("0.1", client_order_id="fills")
    story.facts += story.account.close(story.now_ns, "stop")
    assert found(story.facts) == [("I-10", len(story.facts))]
    assert violations(story.facts, CAP) == [], "asked only where somebody settles the account"


def test_a_fill_in_a_market_that_nobody_sees_is_found_and_a_flattening_is_not() -> None:
    story = warm()
    story.buy("0.1")
    fill = next(fact for fact in story.facts if isinstance(fact, OrderFilled))
    row = story.facts.index(fill)
    lost = MarketUnobserved(at_ns=fill.at_ns, market_sequence=fill.market_sequence, symbol=BTC, from_ns=START, reason="gap")
    seen = MarketObserved(at_ns=fill.at_ns, market_sequence=fill.market_sequence, symbol=BTC)
    assert ("I-13", row + 2) in found([*story.facts[:row], lost, fill])
    assert ("I-13", row + 3) not in found([*story.facts[:row], lost, seen, fill])
    assert ("I-13", row + 2) not in found([*story.facts[:row], lost, msgspec.structs.replace(fill, stale_reference=True)])
