"""The checkers of orders, brackets and liquidations find what they are for; and what of the market an account needs again."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from tests.trading.account_stories import BTC, Story, settings
from trading.invariants import violations
from trading.margin import MarginSettings
from trading.messages import (
    AccountFact, OrderAmended, OrderCanceled, OrderFilled, OrderSubmitted, OrderTriggered, PositionLiquidated,
)
from trading.summary import fold
from trading.words import OrderType, Side

CAP = {BTC: Decimal(1)}
Facts = list[AccountFact]


def a_ledger() -> Facts:
    """A bracket with an amended entry and a stop that triggers, then a position that is liquidated."""
    story = Story(settings(position_max=CAP, margin={BTC: MarginSettings(leverage=20)}))
    story.book()
    story.mark("30000")
    story.buy("0.4", "29990", client_order_id="in")
    story.sell("0.5", type=OrderType.STOP_MARKET, trigger_price="29900", parent_order_id="in", reduce_only=True, client_order_id="stop")
    story.amend("in", quantity="0.5")
    story.trade("29990", "9", Side.SELL)
    story.trade("29900", "9", Side.SELL)
    story.buy("0.4", client_order_id="again")
    story.buy("0.1", "29000", client_order_id="rests")
    story.mark("25000")
    return story.facts


def changed(facts: Facts, kind: type[AccountFact], nth: int = 0, **fields: object) -> Facts:
    row = [row for row, fact in enumerate(facts) if isinstance(fact, kind)][nth]
    return [*facts[:row], msgspec.structs.replace(facts[row], **fields), *facts[row + 1:]]


def without(facts: Facts, kind: type[AccountFact]) -> Facts:
    return [fact for fact in facts if not isinstance(fact, kind)]


def first_fill_last(facts: Facts) -> Facts:
    fills = [fact for fact in facts if isinstance(fact, OrderFilled)]
    return [fact for fact in facts if fact is not fills[0]]


DAMAGES: list[tuple[str, Callable[[Facts], Facts]]] = [
    ("I-3", lambda facts: without(facts, OrderTriggered)),
    ("I-3", lambda facts: without(facts, OrderAmended)),
    ("I-3", first_fill_last),
    ("I-3", lambda facts: changed(facts, OrderAmended, quantity=Decimal("0.6"))),
    ("I-3", lambda facts: changed(facts, OrderAmended, client_order_id="again")),
    ("I-3", lambda facts: changed(facts, OrderTriggered, client_order_id="in")),
    ("I-5", lambda facts: changed(facts, OrderAmended, quantity=Decimal("1.1"), leaves_quantity=Decimal("1.1"))),
    ("I-5", lambda facts: changed(facts, OrderFilled, 1, position=Decimal("-0.1"))),
    ("I-14", lambda facts: without(facts, PositionLiquidated)),
    ("I-14", lambda facts: without(facts, OrderCanceled)),
    ("I-14", lambda facts: changed(facts, PositionLiquidated, position=Decimal("0.3"))),
    ("I-14", lambda facts: changed(facts, PositionLiquidated, mark=Decimal(29_900))),
    ("I-14", lambda facts: changed(facts, OrderFilled, 3, price=Decimal(20_000))),
    ("I-14", lambda facts: changed(facts, OrderFilled, 3, position=Decimal("0.1"))),
    ("I-14", lambda facts: changed(facts, OrderFilled, 3, fee=Decimal(7))),
    ("I-14", lambda facts: changed(facts, PositionLiquidated, margin=Decimal(599))),
]


def test_a_sound_ledger_has_no_violations() -> None:
    facts = a_ledger()
    assert {OrderAmended, OrderTriggered, PositionLiquidated} <= set(map(type, facts))
    assert sum(isinstance(fact, OrderFilled) for fact in facts) == 4
    assert violations(facts, CAP) == []


def test_what_the_venue_does_to_a_position_needs_no_warm_up() -> None:
    found = violations(a_ledger(), CAP, gated=True)
    assert found and not any("LIQUIDATION" in each.text for each in found)


@pytest.mark.parametrize(("check", "damage"), DAMAGES)
def test_damage_is_found_by_its_check(check: str, damage: Callable[[Facts], Facts]) -> None:
    assert check in {violation.check for violation in violations(damage(a_ledger()), CAP)}


def test_the_summary_counts_orders_by_the_state_they_are_in() -> None:
    story = Story()
    story.book()
    story.sell("0.4", "30050", type=OrderType.STOP_LIMIT, trigger_price="29980", client_order_id="a")
    story.trade("29980", "1", Side.SELL)
    story.amend("a", quantity="0.3")
    assert fold(story.facts).orders == {"TRIGGERED": 1}
    story.trade("30050", "0.1", Side.BUY)
    assert fold(story.facts).orders == {"PARTIALLY_FILLED": 1}
    assert [fact.order.quantity for fact in story.of(OrderSubmitted)] == [Decimal("0.4")]


def test_an_account_says_how_much_of_the_market_it_needs_again() -> None:
    def needs(story: Story) -> int:
        return story.recovered().needs_market_from

    story = Story(settings(slippage_model="book", equity_interval_ms=1_000_000))
    story.book()  # 1
    story.sell("0.1", type=OrderType.STOP_MARKET, trigger_price="29000")
    assert needs(story) == 2, "a fixed trigger remembers nothing"
    story.book()  # 2
    story.buy("0.1", "29990", client_order_id="rests")
    story.book()  # 3
    story.sell("0.1", type=OrderType.TRAILING_STOP_MARKET, trailing_bps="50", client_order_id="trails")
    story.book()  # 4
    story.buy("0.1")
    assert needs(story) == 3
    story.cancel("rests")
    assert needs(story) == 4
    story.cancel("trails")
    assert needs(story) == 5, "what was taken of the book"
    story.book(at_ms=130_000)  # 6, 130 s later
    story.buy("0.1", "29000", client_order_id="late")
    story.cancel("late")
    assert needs(story) == story.account.market_sequence + 1
