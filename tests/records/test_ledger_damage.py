"""A ledger that is not what was written is never read in silence."""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from records.ledger import Ledger, LedgerDamaged, LedgerFailure, LedgerReader
from records.ledger_rows import row_of
from trading.messages import AccountFact, OrderAccepted

FLIPS = 100


def test_every_single_bit_flip_in_a_row_is_seen_and_the_row_named(kept: Path, tmp_path: Path) -> None:
    content, spans = kept.read_bytes(), _row_spans(kept)
    chance, damaged = random.Random(20260101), tmp_path / "damaged.db"
    for _ in range(FLIPS):
        seq, start, end = chance.choice(spans)
        damaged.write_bytes(_flipped(content, chance.randrange(start, end), chance.randrange(8)))
        with pytest.raises(LedgerDamaged) as seen:
            list(LedgerReader(damaged).facts())
        assert seen.value.seq == seq


def test_no_bit_flip_anywhere_in_the_file_changes_what_is_read(kept: Path, tmp_path: Path, session: list[AccountFact]) -> None:
    content, chance, damaged = kept.read_bytes(), random.Random(7), tmp_path / "damaged.db"
    for _ in range(4 * FLIPS):
        damaged.write_bytes(_flipped(content, chance.randrange(len(content)), chance.randrange(8)))
        _read_whole_or_refused(damaged, session)


def test_no_truncation_is_read_in_silence(kept: Path, tmp_path: Path, session: list[AccountFact]) -> None:
    content, cut = kept.read_bytes(), tmp_path / "cut.db"
    for length in [*range(0, len(content), 997), *range(len(content) - 64, len(content))]:
        cut.write_bytes(content[:length])
        with pytest.raises((LedgerDamaged, LedgerFailure)):
            list(LedgerReader(cut).facts())


def test_a_write_ahead_log_cut_anywhere_leaves_a_whole_prefix(ledger_path: Path, tmp_path: Path, session: list[AccountFact]) -> None:
    writer = Ledger.open(ledger_path, create=True)  # stays open: its log is not folded back
    for fact in session:
        writer.append([fact])
    database, log = ledger_path.read_bytes(), ledger_path.with_name("ledger.db-wal").read_bytes()
    lengths = set()
    for length in range(len(log) // 2, len(log), 1009):
        copy = tmp_path / f"cut-{length}.db"
        copy.write_bytes(database)
        copy.with_name(copy.name + "-wal").write_bytes(log[:length])
        facts = [fact for _, fact in LedgerReader(copy).facts()]
        assert facts == session[:len(facts)]
        lengths.add(len(facts))
    assert len(lengths) > 3


STORIES: dict[str, tuple[str, int]] = {
    "a row deleted": ("DELETE FROM ev WHERE seq = 5", 5),
    "the last row deleted": ("DELETE FROM ev WHERE seq = 24", 24),
    "all rows deleted": ("DELETE FROM ev", 1),
    "two bodies swapped": ("UPDATE ev SET body = (SELECT body FROM ev AS e WHERE e.seq = 12 - ev.seq) WHERE seq IN (5, 7)", 5),
    "a number changed": ("UPDATE ev SET body = replace(body, '65000.1', '65000.2') WHERE seq = 6", 6),
    "a body that is a number": ("UPDATE ev SET body = CAST(x'00ff' AS TEXT) WHERE seq = 6", 6),
    "an order id removed": ("UPDATE ev SET client_order_id = NULL WHERE seq = 6", 6),
    "a kind changed": ("UPDATE ev SET kind = 'OrderExpired' WHERE seq = 12", 12),
    "a check sum changed": ("UPDATE ev SET crc = crc + 1 WHERE seq = 6", 6),
    "a check sum that is text": ("UPDATE ev SET crc = 'x' WHERE seq = 6", 6),
    "a chain changed": ("UPDATE ev SET chain = zeroblob(32) WHERE seq = 6", 6),
    "a head that is behind": ("UPDATE head SET seq = 23", 24),
    "a head that is ahead": ("UPDATE head SET seq = 25", 25),
    "a head with another chain": ("UPDATE head SET chain = zeroblob(32)", 24),
    "no head": ("DELETE FROM head", 0),
    "a head that is text": ("UPDATE head SET seq = 'x'", 0),
}


@pytest.mark.parametrize(("statement", "seq"), STORIES.values(), ids=STORIES)
def test_tampering_is_seen_and_the_first_row_that_cannot_be_trusted_named(kept: Path, statement: str, seq: int) -> None:
    with sqlite3.connect(kept) as connection:
        connection.execute(statement)
    with pytest.raises(LedgerDamaged) as seen:
        list(LedgerReader(kept).facts())
    assert seen.value.seq == seq


END_STORIES = [name for name in STORIES if "head" in name or name in ("the last row deleted", "all rows deleted")]


@pytest.mark.parametrize("name", END_STORIES)
def test_a_writer_does_not_go_on_behind_a_damaged_end(kept: Path, name: str) -> None:
    with sqlite3.connect(kept) as connection:
        connection.execute(STORIES[name][0])
    with pytest.raises(LedgerDamaged):
        Ledger.open(kept)


def test_a_row_rewritten_with_a_right_check_sum_breaks_the_chain_behind_it(ledger_path: Path, accepted: Callable[[int], list[AccountFact]]) -> None:
    ledger = Ledger.open(ledger_path, create=True)
    ledger.append(accepted(5))
    ledger.close()
    with sqlite3.connect(ledger_path) as connection:
        before = connection.execute("SELECT chain FROM ev WHERE seq = 2").fetchone()[0]
        forged = row_of(3, OrderAccepted(at_ns=3, client_order_id="forged"), before)
        connection.execute("UPDATE ev SET body = ?, client_order_id = ?, crc = ?, chain = ? WHERE seq = 3",
                           (forged.body, forged.client_order_id, forged.crc, forged.chain))
    with pytest.raises(LedgerDamaged) as seen:
        list(LedgerReader(ledger_path).facts())
    assert seen.value.seq == 4


def test_resuming_behind_a_row_that_is_not_there_is_damage(kept: Path) -> None:
    with pytest.raises(LedgerDamaged):
        list(LedgerReader(kept).facts(after_seq=99))


def _read_whole_or_refused(path: Path, session: list[AccountFact]) -> None:
    try:
        facts = [fact for _, fact in LedgerReader(path).facts()]
    except (LedgerDamaged, LedgerFailure):
        return
    assert facts == session


def _flipped(content: bytes, position: int, bit: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 1 << bit]) + content[position + 1:]


def _row_spans(path: Path) -> list[tuple[int, int, int]]:
    """(seq, first byte, byte behind) of the values of each row: SQLite stores kind, body, id, crc and chain one behind the other."""
    content, spans = path.read_bytes(), []
    for seq, kind, body, order_id, _, chain in sqlite3.connect(path).execute("SELECT * FROM ev"):
        start = content.index((kind + body + (order_id or "")).encode())
        spans.append((seq, start, content.index(chain, start) + len(chain)))
    return spans
