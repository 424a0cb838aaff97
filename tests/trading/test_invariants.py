"""The checkers find what they are for: every kind of damage to a sound ledger is named by its check."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from tests.trading.account_stories import BTC, Story, settings
from trading.invariants import violations
from trading.messages import AccountFact, EquityMarked, FundingPaid, OrderAccepted, OrderFilled, OrderSubmitted

CAP = {BTC: Decimal("0.5")}


def a_ledger() -> list[AccountFact]:
    """One buy taken, one sell out of it, a funding payment between them, and a mark of the equity."""
    story = Story(settings(position_max=CAP))
    story.book()
    story.mark("30000", rate="0.0001", next_funding_ms=500)
    story.buy("0.4", client_order_id="in")
    story.book(at_ms=600)
    story.sell("0.3", client_order_id="out")
    story.book(at_ms=1000)
    return story.facts


def changed(facts: list[AccountFact], kind: type[AccountFact], nth: int = 0, **fields: object) -> list[AccountFact]:
    position = [row for row, fact in enumerate(facts) if isinstance(fact, kind)][nth]
    return [*facts[:position], msgspec.structs.replace(facts[position], **fields), *facts[position + 1:]]


def doubled(facts: list[AccountFact], kind: type[AccountFact]) -> list[AccountFact]:
    return [each for fact in facts for each in ([fact, fact] if isinstance(fact, kind) else [fact])]


def without(facts: list[AccountFact], kind: type[AccountFact]) -> list[AccountFact]:
    return [fact for fact in facts if not isinstance(fact, kind)]


Damage = Callable[[list[AccountFact]], list[AccountFact]]

DAMAGES: list[tuple[str, Damage]] = [
    ("I-1", lambda facts: changed(facts, OrderFilled, fee=Decimal(1))),
    ("I-1", lambda facts: changed(facts, EquityMarked, balance=Decimal(1))),
    ("I-1", lambda facts: changed(facts, EquityMarked, equity=Decimal(1))),
    ("I-1", lambda facts: without(facts, FundingPaid)),
    ("I-2", lambda facts: changed(facts, OrderFilled, 1, realized_pnl=Decimal(1))),
    ("I-2", lambda facts: changed(facts, OrderFilled, 1, closed=())),
    ("I-2", lambda facts: changed(facts, OrderFilled, 1, position=Decimal("0.2"))),
    ("I-2", lambda facts: changed(facts, FundingPaid, position=Decimal("0.2"))),
    ("I-2", lambda facts: changed(facts, EquityMarked, unrealized_pnl=Decimal(0))),
    ("I-3", lambda facts: doubled(facts, OrderFilled)),
    ("I-3", lambda facts: without(facts, OrderAccepted)),
    ("I-3", lambda facts: without(facts, OrderSubmitted)),
    ("I-3", lambda facts: changed(facts, OrderFilled, quantity=Decimal("0.45"))),
    ("I-3", lambda facts: changed(facts, OrderFilled, leaves_quantity=Decimal("0.1"))),
    ("I-3", lambda facts: changed(facts, OrderFilled, client_order_id="out")),
    ("I-4", lambda facts: doubled(facts, OrderSubmitted)),
    ("I-4", lambda facts: doubled(facts, OrderAccepted)),
    ("I-5", lambda facts: changed(facts, OrderFilled, position=Decimal("0.6"))),
]


def test_a_sound_ledger_has_no_violations() -> None:
    facts = a_ledger()
    assert {EquityMarked, FundingPaid, OrderFilled} <= set(map(type, facts))
    assert violations(facts, CAP) == []


@pytest.mark.parametrize(("check", "damage"), DAMAGES)
def test_damage_is_found_by_its_check(check: str, damage: Damage) -> None:
    assert check in {violation.check for violation in violations(damage(a_ledger()), CAP)}


def test_an_order_that_could_break_the_cap_is_found_when_it_is_accepted() -> None:
    found = violations(a_ledger(), {BTC: Decimal("0.3")})
    assert {violation.check for violation in found} == {"I-5"}
    assert found[0].row == 3, "session opened, order submitted, order accepted"
