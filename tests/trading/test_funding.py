"""Funding is paid once a boundary, by whoever holds the position when event time reaches it."""

from decimal import Decimal

import pytest

from tests.trading.account_stories import BTC, START, Story
from trading.account import Account
from trading.funding import FundingSchedule, funding_amount
from trading.messages import FundingPaid


@pytest.mark.parametrize(("position", "rate", "amount"), [
    ("0.1", "0.0001", "-0.3"), ("-0.1", "0.0001", "0.3"), ("0.1", "-0.0001", "0.3"), ("-0.1", "-0.0001", "-0.3"), ("0", "0.0001", "0"),
])
def test_long_pays_a_positive_rate_and_short_receives_it(position: str, rate: str, amount: str) -> None:
    assert funding_amount(Decimal(position), Decimal(30000), Decimal(rate)) == Decimal(amount)


def long_before_the_boundary() -> Story:
    story = Story()
    story.book()
    story.mark("30000", rate="0.0001", next_funding_ms=1000)
    story.buy("0.1")
    return story


def test_funding_is_paid_once_when_event_time_crosses_the_boundary() -> None:
    story = long_before_the_boundary()
    story.book(at_ms=999)
    assert story.of(FundingPaid) == []
    story.book(at_ms=1500)
    story.mark("30500", rate="0.0001", next_funding_ms=1000, at_ms=1600)
    story.book(at_ms=1700)
    [paid] = story.of(FundingPaid)
    assert (paid.at_ns, paid.boundary_at_ns) == (START + 1000 * 10**6,) * 2
    assert (paid.mark, paid.position, paid.amount) == (Decimal(30000), Decimal("0.1"), Decimal("-0.3"))
    assert story.account.state().funding == Decimal("-0.3")


def test_the_mark_of_the_boundary_counts_not_the_one_that_arrives_with_it() -> None:
    story = long_before_the_boundary()
    story.mark("40000", rate="0.01", next_funding_ms=2000, at_ms=1000)
    assert [(paid.mark, paid.rate) for paid in story.of(FundingPaid)] == [(Decimal(30000), Decimal("0.0001"))]


def test_every_boundary_is_paid_when_several_pass() -> None:
    story = long_before_the_boundary()
    story.mark("30000", rate="0.0001", next_funding_ms=2000, at_ms=1000)
    story.mark("30000", rate="0.0002", next_funding_ms=3000, at_ms=2000)
    story.book(at_ms=9000)
    assert [paid.amount for paid in story.of(FundingPaid)] == [Decimal("-0.3"), Decimal("-0.3"), Decimal("-0.6")]


def test_a_boundary_named_early_by_the_venue_does_not_displace_the_one_before_it() -> None:
    story = long_before_the_boundary()
    story.mark("30000", rate="0.0001", next_funding_ms=2000, at_ms=998)
    story.book(at_ms=1001)
    assert len(story.of(FundingPaid)) == 1


def test_a_flat_account_pays_nothing_and_owes_nothing_later() -> None:
    story = Story()
    story.book()
    story.mark("30000", rate="0.0001", next_funding_ms=1000)
    story.book(at_ms=1500)
    story.buy("0.1")
    story.mark("30000", rate="0.0001", next_funding_ms=1000, at_ms=1600)
    assert story.of(FundingPaid) == []


def test_a_boundary_already_past_when_first_heard_of_is_not_ours() -> None:
    story = Story()
    story.book(at_ms=5000)
    story.buy("0.1")
    story.mark("30000", rate="0.0001", next_funding_ms=1000)
    story.book(at_ms=6000)
    assert story.of(FundingPaid) == []


def test_a_recovered_account_does_not_pay_a_second_time() -> None:
    story = long_before_the_boundary()
    story.book(at_ms=1500)
    recovered = Account.recover(story.settings, "test", story.facts)
    for message, now_ns in story.told[1:]:
        recovered.on(message, now_ns)
    assert recovered.state().funding == Decimal("-0.3")
    assert recovered.position(BTC) == Decimal("0.1")


def test_a_schedule_forgets_what_is_settled() -> None:
    schedule = FundingSchedule()
    schedule.announce(Decimal(0), 100, now_ns=50)
    schedule.settle(100)
    schedule.announce(Decimal(0), 100, now_ns=99)
    assert schedule.due_ns() is None
