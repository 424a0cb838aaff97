"""What is said of a stored session: its rows, its books, and the files that claim to be made of it."""

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from records.ledger import Ledger
from records.state import paper_state, save_state
from records.workspace import RunPaths
from reporting.artefacts import RunFacts, write_artefacts
from reporting.verification import Check, StoredSession
from tests.trading.account_stories import BTC, Story
from trading.account import Account
from trading.messages import AccountFact, EquityMarked, MarketFact, OrderFilled, SessionClosed

CAP = {BTC: Decimal(10)}
FACTS = RunFacts(run_id="run-1", venue="sim", symbols=(BTC,), strategy="s", seed=1, fingerprint="f", started_at="", planned_duration_s=1.0)


@pytest.fixture
def session(run: RunPaths) -> StoredSession:
    return StoredSession(run.ledger, "run-1")


def kept(path: Path, facts: Sequence[AccountFact]) -> StoredSession:
    ledger = Ledger.open(path, create=True)
    ledger.append(facts)
    ledger.close()
    return StoredSession(path, "run-1")


def test_a_sound_ledger_says_how_many_rows_it_has_and_how_it_ended(session: StoredSession, played: Story) -> None:
    assert session.chain().ok and session.chain().detail.startswith(f"{len(played.facts)} rows")
    assert session.ending(newest=True) == Check("ending", True, "the session was closed: stop")
    assert session.books().ok


def test_the_summary_is_compared_value_by_value(session: StoredSession, run: RunPaths, played: Story) -> None:
    write_artefacts(run, FACTS, {"duration_s": 1.0}, "stop")
    assert session.summary(run.summary, newest=True).ok
    text = run.summary.read_text()
    run.summary.write_text(text.replace('"total_trades"', '"trades"').replace('"warmup_complete": false', '"warmup_complete": 0'))
    assert session.summary(run.summary, newest=True).detail.splitlines() == [
        f"total_trades: summary.json says nothing, the ledger {len(played.fills)}",
        "warmup_complete: summary.json says 0, the ledger False",
    ]


def test_a_state_is_compared_by_two_ways(session: StoredSession, run: RunPaths, played: Story, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert session.state(path, newest=False).ok and not session.state(path, newest=True).ok
    state = paper_state(played.account.state(), "run-1", session.seq, session.head)
    save_state(path, state)
    assert session.state(path, newest=True).ok
    save_state(path, msgspec.structs.replace(state, balance=state.balance + 1))
    said = session.state(path, newest=True).detail.splitlines()
    assert said[0].startswith("state balance: recorded") and said[1].startswith("balance: state.json says")
    path.write_text("{}")
    assert session.state(path, newest=False).detail.startswith("state.json is damaged")


def test_violations_are_counted_and_the_first_few_told(tmp_path: Path, played: Story) -> None:
    wrong = [msgspec.structs.replace(fact, equity=Decimal(1)) if isinstance(fact, EquityMarked) else fact for fact in played.facts]
    answer = kept(tmp_path / "ledger.db", wrong).invariants(CAP)
    lines = answer.detail.splitlines()
    assert not answer.ok and len(lines) == 4 and lines[-1].startswith("and ")


def test_without_the_caps_the_rest_is_checked_and_that_is_not_enough(session: StoredSession) -> None:
    assert not session.invariants(None).ok and ("I-5 is not checkable" in session.invariants(None).detail)


def test_the_session_is_lived_again(session: StoredSession, played: Story) -> None:
    market = [message for message, _ in played.told if isinstance(message, MarketFact)]
    assert session.replayed(Account(played.settings, "test"), market).ok
    assert not session.replayed(Account(played.settings, "test"), market[:2]).ok


def test_rows_that_no_account_makes_are_a_failed_check_and_no_crash(tmp_path: Path, played: Story) -> None:
    without_orders = [fact for fact in played.facts if isinstance(fact, (OrderFilled, SessionClosed))]
    session = kept(tmp_path / "ledger.db", without_orders)
    assert "ImpossibleFact" in session.checked("books", session.books).detail


def test_an_index_that_disagrees_with_the_rows_is_found(run: RunPaths) -> None:
    """An order's id stands in the body between quotes, in its column behind the body's last brace, and else in an index."""
    content = run.ledger.read_bytes()
    found = [match.start() for match in re.finditer(rb'(?<!["}])o-3(?!")', content)]
    assert found
    for position in found:
        run.ledger.write_bytes(content[:position] + b"O" + content[position + 1:])
        session = StoredSession(run.ledger, "run-1")
        assert not session.chain().ok and "index" in session.chain().detail
        session.close()


def test_an_empty_ledger_is_no_session(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "ledger.db", create=True).close()
    session = StoredSession(tmp_path / "ledger.db", "run-1")
    assert not session.chain().ok and not session.ending(newest=True).ok and session.opened is None
    session.close()
