"""An account goes on in the next session where it stopped: cash, lots and what they still owe; profit and fees begin at nothing."""

from decimal import Decimal

import msgspec
import pytest

from tests.trading.account_stories import BTC, Story, settings
from trading.account import Account, ImpossibleFact
from trading.carry import Carried, carried_from
from trading.exposure import Exposure
from trading.invariants import violations
from trading.messages import AnyAccountFact, CarriedLot, CloseAll, PositionCarried
from trading.strategy.own_orders import OwnOrders
from trading.summary import fold

D = Decimal
CAP = {BTC: D(10)}


def left_long() -> Carried:
    """Two lots, of the first one half is sold: 0.1 at 30090 and 0.2 at 31093, the first without a fee of its own any more."""
    story = Story()
    story.book()
    story.buy("0.2")
    story.book("30999.9", "31000.1", at_ms=100)
    story.buy("0.2")
    story.sell("0.1")
    story.mark("31000", at_ms=200)
    return carried_from(story.account)


def resumed(carried: Carried) -> Story:
    story = Story(settings(balance=carried.balance))
    story.account = Account(story.settings, "test")
    story.facts = list(story.account.open(0, carried.positions))
    return story


def test_cash_and_lots_are_handed_on_as_they_are() -> None:
    carried = left_long()
    assert carried.balance == D(10000) - D("3.009") - D("3.1093") - D("1.54535") + D("0.1") * (D(30907) - D(30090))
    assert carried.positions == (PositionCarried(
        at_ns=0, symbol=BTC, position=D("0.3"), mark=D(31000),
        lots=(CarriedLot(D("0.1"), D(30090), D(0)), CarriedLot(D("0.2"), D(31093), D("3.1093"))),
    ),)


def test_an_account_that_is_flat_hands_on_its_cash_alone() -> None:
    story = Story()
    assert carried_from(story.account) == Carried(D(10_000))


def test_the_next_session_starts_with_them_and_with_no_profit_of_its_own() -> None:
    carried = left_long()
    story = resumed(carried)
    state = story.account.state()
    assert (state.balance, state.realized_pnl, state.fees, state.max_drawdown_pct) == (carried.balance, *[Decimal(0)] * 3)
    assert state.equity == carried.balance + D("0.1") * D(910) - D("0.2") * D(93)
    assert carried_from(story.account) == carried


def test_what_is_closed_later_is_closed_first_in_first_out_with_the_fees_still_owed() -> None:
    story = resumed(left_long())
    story.book("31999.9", "32000.1", at_ms=0)
    story.sell("0.3")
    fill = story.fills[-1]
    assert [(part.quantity, part.entry) for part in fill.closed] == [(D("0.1"), D(30090)), (D("0.2"), D(31093))]
    assert [part.fees for part in fill.closed] == [fill.fee, D("3.1093")]
    assert fill.realized_pnl == D("0.1") * (fill.price - 30090) + D("0.2") * (fill.price - 31093)
    assert story.position == 0


def test_the_ledger_of_the_next_session_stands_by_itself() -> None:
    story = resumed(left_long())
    story.book("30999.9", "31000.1", at_ms=0)
    story.buy("0.05")
    story.sell("0.2", "31500")
    story.book("31600", "31601", at_ms=5_000)
    story.facts += story.account.close(story.now_ns, "stop")
    stored = msgspec.json.decode(msgspec.json.encode(story.facts), type=list[AnyAccountFact])
    assert violations(stored, CAP) == []
    assert Account.folded(stored).state() == story.account.state()
    summary, state = fold(stored), story.account.state()
    assert (summary.starting_balance_usd, summary.ending_equity_usd) == (story.settings.balance, state.equity)
    assert (summary.max_drawdown_pct, summary.positions) == (state.max_drawdown_pct, {BTC: D("0.15")})


def test_a_carried_position_can_be_flattened_before_the_market_was_heard() -> None:
    story = resumed(left_long())
    story.tell(CloseAll(reason="kill"))
    assert story.position == 0 and story.fills[-1].mid == D(31000) and story.fills[-1].stale_reference


def test_the_gate_and_the_strategy_know_the_position_from_the_first_row_on() -> None:
    exposure, own = Exposure(), OwnOrders("test", BTC)
    for fact in resumed(left_long()).facts:
        exposure.on_fact(fact)
        assert not own.on_fact(fact)
    assert (exposure.position(BTC), own.position) == (D("0.3"), D("0.3"))


@pytest.mark.parametrize("change", [{"symbol": "ETHUSDT"}, {"position": D(1)}])
def test_a_position_that_cannot_be_is_impossible(change: dict[str, object]) -> None:
    carried = left_long()
    wrong = msgspec.structs.replace(carried.positions[0], **change)
    with pytest.raises(ImpossibleFact):
        Account(settings(balance=carried.balance), "test").open(0, (wrong,))


def test_a_position_that_is_carried_twice_or_into_a_session_under_way_is_impossible() -> None:
    carried = left_long()
    with pytest.raises(ImpossibleFact):
        Account(settings(), "test").open(0, carried.positions * 2)
    story = Story()
    story.book()
    story.buy("0.1", "29000")
    with pytest.raises(ImpossibleFact):
        story.account.apply(carried.positions[0])
