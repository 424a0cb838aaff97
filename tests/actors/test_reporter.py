"""The reporter as a running actor: a status that follows the account, a summary from the ledger, and books that must agree."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.reporter import Reporter, ReporterSettings
from messaging.control import Beat, Drain, Drained, Hello
from records.ledger import Ledger
from records.state import PaperState, paper_state, save_state
from records.workspace import RunPaths
from reporting.summary_file import RunFacts
from tests.actors.harness import ActorRoom, RunningActor, actor_room
from tests.actors.neighbours import FakeBroker, FakeFeed, Neighbours
from tests.trading.account_stories import Story, settings
from trading.account import AccountSettings
from trading.messages import BookChanged

RUN = RunFacts(
    run_id="test", venue="sim", symbols=("BTCUSDT",), strategy="quoter", seed=5, fingerprint="test", started_at="2026-01-05T07:57:00Z",
    planned_duration_s=60.0,
)
DETAIL = {"duration_s": 12.5, "exit_code": 0, "metrics": {"frames_count": 7.0}, "restarts": {"feed": 1}}


def account_words(account: AccountSettings) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(account).items() if name != "instruments"}


class Office:
    """A reporter among a feed and a broker whose ledger is also on the disk."""

    def __init__(self, room: ActorRoom) -> None:
        self.room = room
        self.feed, self.broker = FakeFeed(room), FakeBroker(room)
        self.near = Neighbours(room, self.feed, self.broker)
        self.story = Story(settings(equity_interval_ms=1000))
        self._recorded = 0
        self._ledger = Ledger.open(RunPaths(room.run_directory).ledger, create=True)

    def record(self) -> None:
        """Everything the account said since: durable, and told."""
        new = self.story.facts[self._recorded:]
        self._ledger.append(new)
        self.broker.record(*new)
        self._recorded = len(self.story.facts)

    def trade(self) -> None:
        self.story.book()
        self.story.buy("0.1")
        self.story.sell("0.02", "31000")
        self.story.book(bid="30099.9", ask="30100.1", at_ms=1500)
        self.record()
        self.feed.tell(*(message for message, _ in self.story.told if isinstance(message, BookChanged)))

    def settle(self) -> PaperState:
        """What the broker does at the end; the state that it writes."""
        self.story.facts += self.story.account.close(self.story.now_ns, "stop")
        self.record()
        sequence, head = self._ledger.head
        return paper_state(self.story.account.state(), "test", sequence, head)

    def start(self) -> RunningActor:
        reporter = self.room.start(Reporter, "reporter", ReporterSettings(account=account_words(self.story.settings), run=RUN))
        self.near.until(lambda: reporter.said(Hello))
        return reporter

    def shown(self, reporter: RunningActor) -> dict[str, Any]:
        """The newest report; one without symbols before the first."""
        beats = reporter.said(Beat)
        return beats[-1].report if beats else {"symbols": {"BTCUSDT": {"bid": None, "position": None, "working_orders": 0}}}

    def close(self, reporter: RunningActor) -> None:
        reporter.tell(Drain(reason="stop", detail=DETAIL))
        self.near.until(lambda: reporter.said(Drained) or reporter.ended)

    @property
    def state_file(self) -> Path:
        return self.room.directory / "state.json"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with actor_room(tmp_path) as room:
        office = Office(room)
        office.record()
        yield office


def test_the_status_shows_quotes_position_orders_and_profit(office: Office) -> None:
    reporter = office.start()
    office.trade()

    def report() -> dict[str, Any] | None:
        shown = office.shown(reporter)
        return shown if shown["symbols"]["BTCUSDT"]["working_orders"] and shown["symbols"]["BTCUSDT"]["bid"] == "30099.9" else None

    shown = office.near.until(report)
    assert shown is not None
    quote = shown["symbols"]["BTCUSDT"]
    assert {key: quote[key] for key in ("bid", "ask", "position", "working_orders")} == {
        "bid": "30099.9", "ask": "30100.1", "position": "0.1", "working_orders": 1,
    }
    assert quote["age_s"] >= 0
    pnl = {key: Decimal(str(value)) for key, value in shown["pnl"].items()}
    assert set(pnl) == {"realized", "unrealized", "fees", "funding", "net"}
    assert pnl["net"] == pnl["realized"] + pnl["unrealized"] - pnl["fees"] + pnl["funding"]
    assert pnl["fees"] > 0
    assert reporter.stop() == 0


def test_before_anything_was_heard_the_status_says_nothing_false(office: Office) -> None:
    reporter = office.start()
    shown = office.near.until(lambda: reporter.said(Beat))[-1].report
    assert shown["symbols"]["BTCUSDT"] == {"bid": None, "ask": None, "age_s": None, "position": "0", "working_orders": 0}
    assert reporter.stop() == 0


def test_at_the_end_the_summary_is_the_ledgers_and_the_books_agree(office: Office) -> None:
    reporter = office.start()
    office.trade()
    save_state(office.state_file, office.settle())
    office.close(reporter)
    summary = json.loads(RunPaths(office.room.run_directory).summary.read_bytes(), parse_float=Decimal)
    assert (summary["run_id"], summary["reason"], summary["exit_code"], summary["duration_s"]) == ("test", "stop", 0, Decimal("12.5"))
    assert summary["total_trades"] == len(office.story.fills) == 1
    assert summary["fees_paid_usd"] == office.story.fills[0].fee
    assert summary["metrics"]["frames_count"] == 7 and summary["restarts"] == {"feed": 1}
    assert summary["ledger_seq"] == len(office.story.facts)
    for path in ("orders.csv", "fills.csv", "equity.csv"):
        assert (office.room.run_directory / path).stat().st_size > 0
    assert reporter.log.named("RECONCILED")
    assert reporter.stop() == 0


def test_a_state_that_is_one_unit_off_ends_the_process_with_the_code_for_it(office: Office) -> None:
    reporter = office.start()
    office.trade()
    state = office.settle()
    save_state(office.state_file, msgspec.structs.replace(state, balance=state.balance + Decimal("0.00000001")))
    office.close(reporter)
    office.near.until(lambda: reporter.ended)
    assert reporter.stop() == 70
    mismatch = reporter.log.named("RECONCILIATION_FAILED")[0]["mismatches"]
    assert any("balance" in each for each in mismatch)
    assert RunPaths(office.room.run_directory).summary.exists()


def test_a_state_of_another_run_is_not_judged(office: Office) -> None:
    reporter = office.start()
    save_state(office.state_file, msgspec.structs.replace(office.settle(), run_id="another", balance=Decimal(1)))
    office.close(reporter)
    assert not reporter.log.named("RECONCILIATION_FAILED")
    assert reporter.stop() == 0


def test_it_is_told_the_end_again_and_writes_once(office: Office) -> None:
    reporter = office.start()
    save_state(office.state_file, office.settle())
    office.close(reporter)
    office.close(reporter)
    office.near.until(lambda: len(reporter.said(Drained)) >= 2)
    assert len(reporter.log.named("SUMMARY_WRITTEN")) == 1
    assert reporter.stop() == 0


@pytest.mark.parametrize("name", ["summary.json", "fills.csv", "report.html"])
def test_a_disk_that_refuses_what_is_written_at_the_end_is_named_with_its_exit_code(office: Office, name: str) -> None:
    reporter = office.start()
    save_state(office.state_file, office.settle())
    (office.room.run_directory / name).mkdir()
    office.close(reporter)
    office.near.until(lambda: reporter.ended)
    assert reporter.stop() == 74
    assert name in reporter.log.named("ACTOR_UNSTARTABLE")[0]["reason"]


@pytest.mark.parametrize(("content", "code"), [(b"not a ledger" * 100, 65), (None, 74)])
def test_a_ledger_that_is_gone_or_damaged_at_the_end_is_said(office: Office, content: bytes | None, code: int) -> None:
    reporter = office.start()
    for path in office.room.run_directory.glob("ledger.db*"):
        path.unlink()
    if content is not None:
        RunPaths(office.room.run_directory).ledger.write_bytes(content)
    office.close(reporter)
    office.near.until(lambda: reporter.ended)
    assert reporter.stop() == code
    assert reporter.log.named("ACTOR_UNSTARTABLE")


def test_facts_that_were_lost_on_the_way_are_asked_for(office: Office) -> None:
    reporter = office.start()
    office.story.book()
    office.story.buy("0.1")
    new = office.story.facts[1:]
    office._ledger.append(new)
    office.broker.record(*new, lose=True)
    office.broker.tell_head()
    office.near.until(lambda: office.shown(reporter)["symbols"]["BTCUSDT"]["position"] == "0.1")
    assert reporter.stop() == 0
