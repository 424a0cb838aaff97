"""The independent check: equal books are equal, and one unit of difference anywhere is told."""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from records.canonical import simple
from records.ledger import LedgerReader
from records.state import PaperState, load_state, paper_state, save_state
from records.workspace import RunPaths
from reporting.reconciliation import mismatches
from tests.trading.account_stories import BTC, Story
from tests.trading.account_stories import settings as account_settings
from trading.messages import AccountFact, CancelAll, EquityMarked, FundingPaid, OrderFilled
from trading.words import Side

UNIT = Decimal("0.0000000001")


def _wheres(facts: list[AccountFact], state: object) -> list[str]:
    return [each.where for each in mismatches(facts, state)]


def _random_session(seed: int) -> Story:
    """A hundred things that happen to an account."""
    chance, story = random.Random(seed), Story(account_settings())
    price = 300_000
    for step in range(100):
        price += chance.randint(-800, 800)
        story.book(f"{price / 10 - 0.1:.1f}", f"{price / 10 + 0.1:.1f}", at_ms=step * 700)
        quantity, limit = f"{chance.randint(1, 900) / 10_000}", f"{(price + chance.randint(-300, 300)) / 10:.1f}"
        match chance.randint(0, 6):
            case 0 | 1:
                chance.choice((story.buy, story.sell))(quantity)
            case 2 | 3:
                chance.choice((story.buy, story.sell))(quantity, limit)
            case 4:
                story.mark(f"{price / 10:.1f}", f"{chance.randint(-9, 9) / 10_000}", (step + 3) * 700, at_ms=step * 700)
            case 5:
                story.trade(limit, quantity, chance.choice(tuple(Side)), at_ms=step * 700)
            case _:
                story.cancel(f"o-{chance.randint(1, step + 1)}")
    return story


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_any_session_of_the_account_reconciles_while_it_runs_and_when_it_is_closed(seed: int) -> None:
    story = _random_session(seed)
    assert mismatches(story.facts, story.account.state()) == []
    story.facts += story.account.on(CancelAll(reason="stop"), story.now_ns)
    story.facts += story.account.close(story.now_ns, "stop")
    assert mismatches(story.facts, story.account.state()) == []


def test_the_state_file_reconciles_with_the_ledger_it_names(run: RunPaths, played: Story, tmp_path: Path) -> None:
    reader = LedgerReader(run.ledger)
    save_state(tmp_path / "state.json", paper_state(played.account.state(), "run-1", *reader.head))
    state = load_state(tmp_path / "state.json")
    assert isinstance(state, PaperState)
    assert mismatches((fact for _, fact in reader.facts()), state) == []


def _changed(state: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    """The state with one unit more at ``path``."""
    inner: Any = state
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = str(Decimal(inner[path[-1]]) + UNIT)
    return state


STATE_PATHS: list[tuple[tuple[str | int, ...], str]] = [
    *(((name,), f"state {name}") for name in ("balance", "equity", "realized_pnl", "unrealized_pnl", "fees", "funding")),
    (("positions", BTC, "quantity"), f"state position {BTC}"),
    (("positions", BTC, "lots", 0, "quantity"), f"state lots {BTC}"),
    (("positions", BTC, "lots", 0, "price"), f"state lots {BTC}"),
]


@pytest.mark.parametrize(("path", "where"), STATE_PATHS, ids=[where for _, where in STATE_PATHS])
def test_one_unit_of_difference_in_the_state_is_told(played: Story, path: tuple[str | int, ...], where: str) -> None:
    state = simple(played.account.state())
    assert isinstance(state, dict)
    assert _wheres(played.facts, _changed(state, path)) == [where]


def test_a_missing_or_invented_position_or_order_is_told(played: Story) -> None:
    state = simple(played.account.state())
    assert isinstance(state, dict)
    assert _wheres(played.facts, {**state, "positions": {}}) == [f"state position {BTC}", f"state lots {BTC}"]
    invented = {"client_order_id": "ghost", "leaves_quantity": "0.1"}
    assert _wheres(played.facts, {**state, "open_orders": [invented]}) == ["state open order ghost"]
    other = {"quantity": "1", "lots": [{"quantity": "1", "price": "2"}]}
    positions = {**state["positions"], "ETHUSDT": other}
    assert _wheres(played.facts, {**state, "positions": positions}) == ["state position ETHUSDT", "state lots ETHUSDT"]


def test_a_state_of_fewer_rows_than_the_ledger_has_is_told(played: Story) -> None:
    state = paper_state(played.account.state(), "run-1", len(played.facts) - 1, "ab" * 32)
    assert _wheres(played.facts, state) == ["state ledger_seq"]


FACT_STORIES = [
    (OrderFilled, "fee", "fee"), (OrderFilled, "realized_pnl", "realized_pnl"), (OrderFilled, "position", "position"),
    (OrderFilled, "leaves_quantity", "leaves_quantity"), (FundingPaid, "amount", "amount"), (FundingPaid, "position", "position"),
    (EquityMarked, "balance", "balance"), (EquityMarked, "equity", "equity"), (EquityMarked, "unrealized_pnl", "unrealized_pnl"),
]


@pytest.mark.parametrize(("kind", "field", "name"), FACT_STORIES)
def test_a_fact_that_does_not_follow_from_the_others_is_told_with_its_row(
    played: Story, kind: type[AccountFact], field: str, name: str,
) -> None:
    index = max(number for number, fact in enumerate(played.facts) if isinstance(fact, kind))
    fact = played.facts[index]
    wrong = replace(fact, **{field: getattr(fact, field) + UNIT})
    facts = [*played.facts[:index], wrong, *played.facts[index + 1:]]
    assert _wheres(facts, played.account.state())[0] == f"seq {index + 1} {name}"


def test_a_lost_fill_is_told(played: Story) -> None:
    index = next(number for number, fact in enumerate(played.facts) if isinstance(fact, OrderFilled))
    facts = [*played.facts[:index], *played.facts[index + 1:]]
    assert "state balance" in _wheres(facts, played.account.state())


def test_a_mismatch_reads_like_a_sentence(played: Story) -> None:
    state = simple(played.account.state())
    assert isinstance(state, dict)
    assert [str(each) for each in mismatches(played.facts, {**state, "fees": "7"})] == ["state fees: recorded 7, recomputed 6.8991455"]
    third = mismatches(played.facts, {**state, "fees": "1e-9"})
    assert third[0].recorded == "0.000000001"
