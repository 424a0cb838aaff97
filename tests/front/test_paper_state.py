"""A damaged paper/state.json is kept aside and rebuilt from the newest sound ledger, and that is said."""

from pathlib import Path
from typing import Any, cast

import pytest

from front.paper_state import mend_paper_state
from records.ledger import Ledger
from records.logs import Logger
from records.state import load_state, paper_state, save_state
from records.workspace import Workspace
from tests.trading.account_stories import Story
from trading.account import Account
from trading.messages import AccountFact


class Said:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


def a_session() -> list[AccountFact]:
    story = Story()
    story.book()
    story.buy("0.10", client_order_id="a")
    story.account.close(story.account.desk.now_ns, "duration")
    return list(story.facts)


def a_run(workspace: Workspace, run_id: str, facts: list[AccountFact]) -> None:
    ledger = Ledger.open(workspace.make_run(run_id).ledger, create=True)
    ledger.append(facts)
    seq, head = ledger.head
    ledger.close()
    save_state(workspace.state_file, paper_state(Account.folded(facts).state(), run_id, seq, head))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.make()
    return made


def test_a_sound_or_missing_state_is_left_alone(workspace: Workspace) -> None:
    said = Said()
    mend_paper_state(workspace, "new", cast(Logger, said))
    a_run(workspace, "old", a_session())
    before = workspace.state_file.read_bytes()
    mend_paper_state(workspace, "new", cast(Logger, said))
    assert workspace.state_file.read_bytes() == before and said.events == []


@pytest.mark.parametrize("damage", [b"", b"{", b'{"schema": 1}', b"\x00\xff"])
def test_a_damaged_state_is_rebuilt_from_the_ledger_and_kept_aside(workspace: Workspace, damage: bytes) -> None:
    a_run(workspace, "old", a_session())
    before = load_state(workspace.state_file)
    workspace.state_file.write_bytes(damage)
    said = Said()
    mend_paper_state(workspace, "new", cast(Logger, said))
    assert load_state(workspace.state_file) == before
    [aside] = workspace.state_file.parent.glob("state.json.corrupt-*")
    assert aside.read_bytes() == damage
    assert [(event, fields["rebuilt_from"]) for event, fields in said.events] == [("PAPER_STATE_DAMAGED", "old")]


def test_without_a_sound_ledger_the_damaged_state_is_only_kept_aside(workspace: Workspace) -> None:
    a_run(workspace, "old", a_session())
    workspace.run("old").ledger.write_bytes(b"not a database")
    workspace.state_file.write_bytes(b"{")
    said = Said()
    mend_paper_state(workspace, "new", cast(Logger, said))
    assert load_state(workspace.state_file) is None
    assert [event for event, _ in said.events] == ["LEDGER_NOT_USED", "PAPER_STATE_DAMAGED"]
