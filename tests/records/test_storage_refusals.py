"""What the records do when the system refuses to write, with real refusals: a limit on the size of files (EFBIG, as a full disk
refuses) and places in which nothing can be made. The same at every system call of whole sessions: ``benchmarks/storage_faults.py``.
"""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from records.atomic import write_atomically
from records.ledger import Ledger, LedgerDamaged, LedgerFailure, LedgerReader
from records.ledger_witness import Witness
from records.tape import Frame, TapeFailure, TapeHeader, TapeReader, TapeWriter
from trading.messages import AccountFact

Many = Callable[[int], list[AccountFact]]

NO_PLACE_FOR_FILES = Path("/proc/self")
"""Nobody can make a file there, not even who may do everything."""


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Of this process. Python ignores the signal that would come with it, so that only the call fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def facts_in(path: Path) -> list[AccountFact]:
    reader = LedgerReader(path)
    try:
        return [fact for _, fact in reader.facts()]
    finally:
        reader.close()


@pytest.mark.parametrize("room", [0, 24, 4096, 4120, 9000])
def test_an_append_without_room_acknowledges_nothing_and_is_the_last(ledger_path: Path, accepted: Many, room: int) -> None:
    """``room`` is how much of it still fits."""
    facts = accepted(400)
    ledger = Ledger.open(ledger_path, create=True)
    ledger.append(facts[:3])
    head = ledger.head
    with files_of_at_most(ledger_path.with_name("ledger.db-wal").stat().st_size + room), pytest.raises(LedgerFailure):
        ledger.append(facts[3:])
    assert ledger.head == head
    with pytest.raises(LedgerFailure, match="unusable since"):
        ledger.append(facts[3:4])  # also when there would be room again
    acknowledged = Witness.read(ledger_path)
    assert acknowledged is not None and acknowledged.seq == 3
    ledger.close()
    assert facts_in(ledger_path) == facts[:3]
    again = Ledger.open(ledger_path)
    assert again.append(facts[3:]) == len(facts)
    again.close()
    assert facts_in(ledger_path) == facts


@pytest.mark.parametrize("size", range(0, 20_000, 512))
def test_a_creation_without_room_is_refused_and_taken_up_later(ledger_path: Path, accepted: Many, size: int) -> None:
    facts = accepted(2)
    with files_of_at_most(size):
        try:
            ledger = Ledger.open(ledger_path, create=True)
        except LedgerFailure:
            ledger = None
    if ledger is None:
        ledger = Ledger.open(ledger_path, create=True)
    ledger.append(facts)
    ledger.close()
    assert facts_in(ledger_path) == facts


def test_where_no_file_can_be_made_there_is_no_ledger_no_tape_and_no_replaced_file() -> None:
    with pytest.raises(LedgerFailure):
        Ledger.open(NO_PLACE_FOR_FILES / "ledger.db", create=True)
    with pytest.raises(LedgerFailure):
        LedgerReader(NO_PLACE_FOR_FILES / "ledger.db")
    with pytest.raises(TapeFailure):
        TapeWriter.open(NO_PLACE_FOR_FILES / "tape", TapeHeader(venue="v", symbols=("S",), started_ns=1, source="s"))
    with pytest.raises(OSError, match="summary.json"):
        write_atomically(NO_PLACE_FOR_FILES / "summary.json", b"{}")


def test_a_file_without_room_keeps_its_content_and_the_error_names_it(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_atomically(path, b"before")
    with files_of_at_most(10), pytest.raises(OSError, match="summary.json"):
        write_atomically(path, b"x" * 11)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_tape_without_room_refuses_every_later_record_and_keeps_those_before(tmp_path: Path, room: int) -> None:
    path = tmp_path / "tape"
    writer = TapeWriter.open(path, TapeHeader(venue="v", symbols=("S",), started_ns=1, source="s"))
    frames = [Frame(number, f"{number} {'ab' * number}") for number in range(1, 4)]
    writer.append(frames[0])
    with files_of_at_most(path.stat().st_size + room), pytest.raises(TapeFailure):
        writer.append(Frame(2, "".join(map(str, range(500)))))
    with pytest.raises(TapeFailure, match="unusable since"):
        writer.append(frames[1])
    writer.close()
    resumed = TapeWriter.resume(path, TapeHeader(venue="v", symbols=("S",), started_ns=1, source="s"))
    for frame in frames[1:]:
        resumed.append(frame)
    resumed.close()
    assert list(TapeReader(path)) == frames


def test_a_ledger_without_its_main_file_or_its_log_is_missed(ledger_path: Path, accepted: Many) -> None:
    """Taken away behind the back of a writer that is then killed: what it acknowledged is known to be gone."""
    for name in ("ledger.db", "ledger.db-wal"):
        ledger = Ledger.open(ledger_path, create=True)
        ledger.append(accepted(2))
        ledger_path.with_name(name).unlink()
        with pytest.raises((LedgerDamaged, LedgerFailure)):
            Ledger.open(ledger_path, create=True).close()
        ledger.close()
        for path in ledger_path.parent.iterdir():
            path.unlink()
