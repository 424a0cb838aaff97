"""The stored ledger: durable before acknowledged, one writer, readable while it is written."""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from records.ledger import Ledger, LedgerDamaged, LedgerFailure, LedgerReader
from records.ledger_schema import APPLICATION_ID, VIEWS
from trading.messages import AccountFact, OrderAccepted, OrderSubmitted

Many = Callable[[int], list[AccountFact]]

WRITER = """
import sys
from pathlib import Path
from records.ledger import Ledger
from trading.messages import OrderAccepted
ledger = Ledger.open(Path(sys.argv[1]), create=True)
for number in range(int(sys.argv[2])):
    print(ledger.append([OrderAccepted(at_ns=number, client_order_id=f"order-{number}")]), flush=True)
sys.stdin.read()
"""


def test_every_kind_of_fact_comes_back_equal_and_in_order(kept: Path, session: list[AccountFact]) -> None:
    assert list(LedgerReader(kept).facts()) == list(enumerate(session, 1))


def test_a_reader_resumes_behind_the_last_fact_it_has(kept: Path, session: list[AccountFact]) -> None:
    reader = LedgerReader(kept)
    for after in range(len(session) + 1):
        assert list(reader.facts(after)) == list(enumerate(session, 1))[after:]


def test_appending_goes_on_where_the_last_writer_ended(ledger_path: Path, session: list[AccountFact]) -> None:
    for number, fact in enumerate(session, 1):
        ledger = Ledger.open(ledger_path, create=True)
        assert ledger.append([fact]) == number == ledger.head[0]
        ledger.close()
    assert [fact for _, fact in LedgerReader(ledger_path).facts()] == session


def test_one_append_and_many_give_the_same_rows(tmp_path: Path, session: list[AccountFact]) -> None:
    at_once, one_by_one = (Ledger.open(tmp_path / name, create=True) for name in ("a.db", "b.db"))
    at_once.append(session)
    for fact in session:
        one_by_one.append([fact])
    assert at_once.head == one_by_one.head


def test_the_proof_can_be_checked_without_this_program(kept: Path) -> None:
    chain = bytes(32)
    for seq, kind, body, order_id, crc, stored in sqlite3.connect(kept).execute("SELECT * FROM ev ORDER BY seq"):
        record = f"{seq}\n{kind}\n{order_id or ''}\n{body}".encode()
        chain = hashlib.sha256(chain + record).digest()
        assert (crc, stored) == (zlib.crc32(record), chain)
        parsed = json.loads(body)
        assert body == json.dumps(parsed, sort_keys=True, separators=(",", ":"), ensure_ascii=False) and parsed["kind"] == kind
    assert LedgerReader(kept).head == (seq, chain.hex())


def test_a_new_ledger_is_empty_and_private(ledger_path: Path) -> None:
    ledger = Ledger.open(ledger_path, create=True)
    assert ledger.head == (0, "0" * 64)
    assert list(ledger.facts()) == []
    assert ledger.append([]) == 0
    assert ledger_path.stat().st_mode & 0o777 == 0o600


def test_the_file_is_set_up_to_survive_a_power_cut(ledger_path: Path) -> None:
    ledger = Ledger.open(ledger_path, create=True)
    wanted = {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 0, "application_id": APPLICATION_ID, "user_version": 1}
    assert {name: ledger._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted


def test_a_missing_ledger_is_not_made_by_accident(ledger_path: Path) -> None:
    with pytest.raises(LedgerFailure):
        Ledger.open(ledger_path)
    with pytest.raises(LedgerFailure):
        LedgerReader(ledger_path)
    assert not ledger_path.exists()


def test_a_creation_that_was_cut_short_is_taken_up(ledger_path: Path) -> None:
    ledger_path.touch()
    assert Ledger.open(ledger_path, create=True).head[0] == 0


def test_the_second_writer_is_refused_whoever_comes_second(ledger_path: Path, accepted: Many) -> None:
    first, second = Ledger.open(ledger_path, create=True), Ledger.open(ledger_path)
    first.append(accepted(2))
    with pytest.raises(LedgerFailure):
        second.append(accepted(1))
    with pytest.raises(LedgerFailure, match="unusable since"):
        second.append(accepted(1))
    assert first.append(accepted(1)) == 3


def test_a_locked_ledger_fails_at_once_and_what_was_acknowledged_is_there(ledger_path: Path, accepted: Many) -> None:
    ledger = Ledger.open(ledger_path, create=True)
    ledger.append(accepted(3))
    other = sqlite3.connect(ledger_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerFailure, match="locked"):
        ledger.append(accepted(1))
    other.execute("ROLLBACK")
    with pytest.raises(LedgerFailure, match="unusable since"):
        ledger.append(accepted(1))
    assert LedgerReader(ledger_path).head[0] == 3


@pytest.mark.parametrize("kind", ["OrderSubmitted", "OrderDenied"])
def test_an_order_id_is_used_once_and_the_whole_append_is_refused(kept: Path, session: list[AccountFact], kind: str) -> None:
    ledger = Ledger.open(kept)
    again = next(fact for fact in session if type(fact).__name__ == kind)
    with pytest.raises(LedgerFailure, match="UNIQUE"):
        ledger.append([OrderAccepted(at_ns=1, client_order_id="z"), again])
    assert LedgerReader(kept).head[0] == len(session)


def test_known_are_the_ids_of_submitted_and_denied_orders(kept: Path, session: list[AccountFact]) -> None:
    reader = LedgerReader(kept)
    assert [reader.knows(order_id) for order_id in ("a", "b", "f", "z", "")] == [True, True, True, False, False]


def _database(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()


FOREIGN: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("# notes\n" * 1000),
    "empty file": lambda path: path.touch(),
    "other database": lambda path: _database(path, "CREATE TABLE mine (x)"),
    "other application": lambda path: _database(path, "PRAGMA application_id = 17"),
    "our mark only": lambda path: _database(path, f"PRAGMA application_id = {APPLICATION_ID}", "PRAGMA user_version = 1"),
    "later version": lambda path: _database(path, f"PRAGMA application_id = {APPLICATION_ID}", "PRAGMA user_version = 2"),
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_ledger_is_refused_and_left_alone(ledger_path: Path, make: Callable[[Path], object]) -> None:
    make(ledger_path)
    before = ledger_path.read_bytes()
    for create in (False, True) if before else (False,):
        with pytest.raises(LedgerDamaged):
            Ledger.open(ledger_path, create=create)
    with pytest.raises(LedgerDamaged):
        assert LedgerReader(ledger_path).head
    assert ledger_path.read_bytes() == before


def test_a_directory_or_a_symlink_in_the_way_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("directory", "link"):
        with pytest.raises(LedgerFailure):
            Ledger.open(tmp_path / name, create=True)
    assert not (tmp_path / "elsewhere").exists()


def test_a_reader_follows_a_writer_in_another_process_and_sees_only_whole_prefixes(ledger_path: Path) -> None:
    Ledger.open(ledger_path, create=True).close()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(ledger_path), "200"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    reader, last, deadline = LedgerReader(ledger_path), 0, time.monotonic() + 60
    while last < 200 and time.monotonic() < deadline:
        for seq, fact in reader.facts(last):
            assert (seq, fact) == (last + 1, OrderAccepted(at_ns=last, client_order_id=f"order-{last}"))
            last = seq
    writer.communicate()
    assert (last, writer.returncode) == (200, 0)


def test_what_was_acknowledged_survives_a_sigkill_of_the_writer(ledger_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(ledger_path), "100000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(50)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in writer.communicate()[0].split(b"\n")[:-1]]
    ledger = Ledger.open(ledger_path)
    seqs = [seq for seq, _ in ledger.facts()]
    assert acknowledged == list(range(1, len(acknowledged) + 1)) == seqs[:len(acknowledged)]
    assert len(seqs) <= len(acknowledged) + 1
    assert ledger.append([OrderAccepted(at_ns=1, client_order_id="after")]) == len(seqs) + 1


ORDER_ENDS = {
    "a": ("FILLED", "0", None), "b": ("DENIED", "0.02", "position_limit"), "c": ("CANCELED", "0.01", "old"),
    "d": ("EXPIRED", "0.01", "IOC"), "e": ("REJECTED", "0.02", "post_only"), "f": ("ACCEPTED", "0.01", None),
}


def test_the_orders_view_says_what_became_of_each_order(kept: Path) -> None:
    columns, rows = LedgerReader(kept).view("orders")
    orders = [dict(zip(columns, row, strict=True)) for row in rows]
    assert {each["client_order_id"]: (each["state"], each["leaves_quantity"], each["ended_reason"]) for each in orders} == ORDER_ENDS
    assert [each["price"] for each in orders] == [None, None, "66000", None, None, "67000"]


def test_the_other_views_show_numbers_as_they_were_recorded(kept: Path) -> None:
    reader = LedgerReader(kept)
    tables = {name: [dict(zip(columns, row, strict=True)) for row in rows] for name in VIEWS for columns, rows in [reader.view(name)]}
    assert [(fill["quantity"], fill["price"], fill["position"]) for fill in tables["fills"]] == [
        ("0.015", "65000.1", "0.015"), ("0.005", "65000.1", "0.02"), ("0.01", "65000.1", "0.01"),
    ]
    assert [(mark["at_ns"], mark["equity"]) for mark in tables["equity"]] == [(23, "9998.959")]
    assert [(paid["amount"], paid["rate"]) for paid in tables["funding"]] == [("-0.065", "0.0001")]
    with pytest.raises(ValueError, match="fills, orders, equity, funding"):
        reader.view("ev; DROP TABLE ev")


def test_a_closed_ledger_says_so(ledger_path: Path, accepted: Many, session: list[AccountFact]) -> None:
    ledger = Ledger.open(ledger_path, create=True)
    ledger.close()
    with pytest.raises(LedgerFailure):
        ledger.append(accepted(1))
    with pytest.raises(LedgerFailure):
        list(ledger.facts())


def test_an_order_with_any_text_in_it_comes_back(ledger_path: Path, session: list[AccountFact]) -> None:
    submitted = next(fact for fact in session if isinstance(fact, OrderSubmitted))
    strange = [f"{number}-{text}" for number, text in enumerate(("\n", "\x00", "é", "☃", "'; --", "a" * 9000))]
    facts: list[AccountFact] = [_renamed(submitted, order_id) for order_id in strange]
    ledger = Ledger.open(ledger_path, create=True)
    ledger.append(facts)
    assert [fact for _, fact in ledger.facts()] == facts
    assert all(ledger.knows(order_id) for order_id in strange)


def _renamed(fact: OrderSubmitted, order_id: str) -> OrderSubmitted:
    return replace(fact, order=replace(fact.order, client_order_id=order_id))


def test_people_see_the_same_views_in_the_file(kept: Path) -> None:
    connection = sqlite3.connect(kept)
    for name in VIEWS:
        assert connection.execute(f"SELECT * FROM {name}").fetchall() == LedgerReader(kept).view(name)[1]
