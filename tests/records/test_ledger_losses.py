"""Whatever is cut off, turned over or lost of a ledger's files: every row is still there, or nobody starts on it and nobody believes it.

All of it in numbers: ``python -m benchmarks.damage``.
"""

import random
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from benchmarks.damage import Damage, Specimen, cuts, flips, losses, outcome_for_broker, outcome_for_verify, specimens, tally
from records.ledger import Ledger, LedgerDamaged, LedgerFailure
from records.ledger_witness import Witness, witness_path
from trading.messages import SessionClosed


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Specimen]:
    return {each.name: each for each in specimens(tmp_path_factory.mktemp("specimens"))}


def outcomes(specimen: Specimen, damages: Iterable[Damage], tmp_path: Path) -> dict[str, set[str]]:
    return {name: set(broker) | set(verify) for name, (broker, verify) in tally(specimen, damages, tmp_path / "copy").items()}


def size(specimen: Specimen, name: str) -> int:
    return (specimen.directory / name).stat().st_size


def test_a_ledger_cut_short_anywhere_in_its_last_pages_is_refused(kept: dict[str, Specimen], tmp_path: Path) -> None:
    for name, file in (("closed", "ledger.db"), ("killed early", "ledger.db-wal")):
        damages = cuts(file, size(kept[name], file), 4096, 67)
        assert outcomes(kept[name], damages, tmp_path) == {f"{file} cut": {"refused"}}


@pytest.mark.parametrize(("name", "file"), [
    ("closed", "ledger.db"), ("killed late", "ledger.db"), ("killed late", "ledger.db-wal"), ("killed early", "ledger.db-wal"),
])
def test_a_bit_turned_over_is_refused_or_changes_nothing(kept: dict[str, Specimen], tmp_path: Path, name: str, file: str) -> None:
    damages = flips(file, size(kept[name], file), 60, random.Random(7))
    assert outcomes(kept[name], damages, tmp_path)[f"{file} flipped"] <= {"refused", "whole"}


def test_a_part_that_is_lost_is_missed(kept: dict[str, Specimen], tmp_path: Path) -> None:
    found = outcomes(kept["killed late"], losses(), tmp_path)
    whole = {name for name, each in found.items() if each == {"whole"}}
    assert {name for name, each in found.items() if each == {"refused"}} | whole == found.keys()
    assert "ledger.db-wal missing" not in whole and "ledger.db and -wal emptied" not in whole and "a foreign database" not in whole
    assert "its witness missing" in whole, "who is not asked says nothing; the ledger itself is sound"


def test_a_ledger_that_another_process_holds_is_not_opened(kept: dict[str, Specimen], tmp_path: Path) -> None:
    """As other programs lock it: the writer waits a moment, then blames the machine; the content is not in doubt."""
    ledger = tmp_path / "ledger.db"
    ledger.write_bytes((kept["closed"].directory / "ledger.db").read_bytes())
    holder = sqlite3.connect(ledger, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    assert (outcome_for_broker(ledger, kept["closed"].facts), outcome_for_verify(ledger, kept["closed"].facts)) == ("failed", "failed")
    holder.close()
    assert outcome_for_broker(ledger, kept["closed"].facts) == "whole"


def test_the_witness_says_what_was_acknowledged_last_and_is_believed_only_when_it_says_more(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, create=True)
    ledger.append([SessionClosed(at_ns=1, reason="one"), SessionClosed(at_ns=2, reason="two")])
    seq, head = ledger.head
    ledger.close()
    assert Witness.read(path) == (2, bytes.fromhex(head))
    for unreadable in (b"", b"\0" * 86, b"2 zz\n"):
        witness_path(path).write_bytes(unreadable)
        Ledger.open(path).close()
    witness = Witness(path)
    witness.note(1, bytes(32))
    Ledger.open(path).close()
    witness.note(seq, bytes(32))
    with pytest.raises(LedgerDamaged, match="another row was acknowledged"):
        Ledger.open(path)
    witness.note(3, bytes(32))
    with pytest.raises(LedgerDamaged, match="rows up to 3 were acknowledged and are gone"):
        Ledger.open(path)
    witness.close()


def test_a_disk_that_refuses_the_witness_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    witness_path(path).mkdir()
    ledger = Ledger.open(path, create=True)
    assert ledger.append([SessionClosed(at_ns=1, reason="one")]) == 1
    ledger.close()
    assert outcome_for_verify(path, b"") == "SILENT", "it is sound and has one row more than nothing"


def test_a_writer_that_comes_too_late_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    first, second = Ledger.open(path, create=True), Ledger.open(path)
    first.append([SessionClosed(at_ns=1, reason="one")])
    with pytest.raises(LedgerFailure):
        second.append([SessionClosed(at_ns=1, reason="two")])
    first.close()
    second.close()
