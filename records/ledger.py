"""The append-only store of account facts: one SQLite file, one writer, durable before anything is acknowledged.

The only door to sqlite3. Must not know what a fact means: it keeps order, bytes and proof. Errors by culprit:

    LedgerFailure   the disk, the file system or a second writer; the session must stop (exit 74)
    LedgerHeld      of these: another process holds the file, and did when it was to be opened (exit 65)
    LedgerDamaged   what is in the file is not what was written (exit 65)
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from records.ledger_failure import LedgerBusy, LedgerFailure, LedgerHeld
from records.ledger_rows import GENESIS, LedgerDamaged, StoredRow, checked, row_of
from records.ledger_schema import APPLICATION_ID, SCHEMA, SCHEMA_VERSION, VIEWS
from records.ledger_witness import Acknowledged, Witness
from trading.messages import AccountFact

__all__ = ["Ledger", "LedgerDamaged", "LedgerFailure", "LedgerHeld", "LedgerReader"]

OPENING_WAIT_S = 2.0
"""Bound for another connection's recovery after a crash. Once open the writer waits for nobody: busy means a second writer."""

ROWS_PER_READ = 1000
FLAWS_NAMED = 3


class _Reading:
    """What writer and reader share. One thread at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @property
    def head(self) -> tuple[int, str]:
        """(seq of the last fact, its chain hash in hex); (0, 64 zeros) when there is none yet."""
        seq, chain = _stored_head(self._connection)
        return seq, chain.hex()

    def facts(self, after_seq: int = 0) -> Iterator[tuple[int, AccountFact]]:
        """Every fact behind ``after_seq`` in order, each verified before it is given out.

        Raises LedgerDamaged at the first row that cannot be trusted, and at the end when the last row is not the one that the
        head names. Rows committed while iterating are included. No read transaction stays open between two facts.
        """
        seq, chain = after_seq, _chain_at(self._connection, after_seq)
        while True:
            head = _stored_head(self._connection)  # before the rows: what it names is there, and more may be
            rows = _rows_behind(self._connection, seq)
            for row in rows:
                fact, chain = checked(row, seq + 1, chain)
                seq += 1
                yield seq, fact
            if not rows:
                return _require_end(head, seq, chain)

    def knows(self, client_order_id: str) -> bool:
        """True when an order with this id was ever submitted or denied in this run."""
        query = "SELECT 1 FROM ev WHERE client_order_id = ? AND kind IN ('OrderSubmitted', 'OrderDenied')"
        return bool(_read(self._connection, query, (client_order_id,)))

    def close(self) -> None:
        # After a failure closing may fail too; everything acknowledged is durable without it.
        with suppress(sqlite3.Error):
            self._connection.close()


class Ledger(_Reading):
    """The single writer. A second writer on the same file is refused at its first append, whoever comes second."""

    @classmethod
    def open(cls, path: Path, create: bool = False) -> "Ledger":
        """Open for writing; with ``create`` a missing or still empty file (a creation that was cut short) becomes a new ledger.

        Raises LedgerFailure (LedgerHeld) or LedgerDamaged. Verifies the head, not the whole chain: iterate ``facts`` for that.
        """
        if create:
            _touch(path)
        acknowledged = Witness.read(path)
        connection = _connect(path, "rw")
        try:
            if create and acknowledged is None and _is_empty(connection):
                _create_schema(connection)
            _require_ledger(connection, acknowledged)
            _set_up_writer(connection)
            return cls(path, connection)
        except LedgerBusy as busy:
            connection.close()
            raise LedgerHeld(path) from busy
        except BaseException:  # whatever it is, it is raised again; only the file must not stay open
            connection.close()
            raise

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        super().__init__(path, connection)
        self._failure: str | None = None
        self._seq, self._chain = _stored_head(connection)
        last = _read(connection, "SELECT seq, chain FROM ev ORDER BY seq DESC LIMIT 1")
        if (tuple(last[0]) if last else (0, GENESIS)) != (self._seq, self._chain):
            raise LedgerDamaged(self._seq, "the last row is not the one the head names")
        self._witness = Witness(path)

    def close(self) -> None:
        super().close()
        self._witness.close()

    def append(self, facts: Sequence[AccountFact]) -> int:
        """Record all of ``facts`` in one transaction and return the last seq. Durable on return.

        Raises LedgerFailure when the disk refuses, when another writer was here, or when an order id is used a second time;
        then none of ``facts`` is acknowledged and this object is unusable.
        """
        if self._failure is not None:
            raise LedgerFailure(f"{self.path}: unusable since: {self._failure}")
        if not facts:
            return self._seq
        rows, chain = [], self._chain
        for seq, fact in enumerate(facts, self._seq + 1):
            rows.append(row_of(seq, fact, chain))
            chain = rows[-1].chain
        self._commit(rows)
        self._seq, self._chain = self._seq + len(rows), chain
        self._witness.note(self._seq, chain)
        return self._seq

    def _commit(self, rows: Sequence[tuple[object, ...]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO ev VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._connection.execute("UPDATE head SET seq = ?, chain = ?", (rows[-1][0], rows[-1][-1]))
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._failure = str(error)
            with suppress(sqlite3.Error):  # SQLite may have rolled back already
                self._connection.execute("ROLLBACK")
            raise LedgerFailure(f"{self.path}: {error}") from error


class LedgerReader(_Reading):
    """Reads while the writer runs, and afterwards. Never writes, never blocks the writer."""

    def __init__(self, path: Path) -> None:
        """Raises LedgerFailure when there is no such file, LedgerDamaged when it is not a ledger."""
        acknowledged = Witness.read(path)  # before the ledger: what it names is there, and more may be
        connection = _connect(path, "ro")
        try:
            _require_ledger(connection, acknowledged)
        except (LedgerDamaged, LedgerFailure):
            connection.close()
            raise
        super().__init__(path, connection)

    def flaws(self) -> list[str]:
        """What SQLite finds wrong with its own pages, also where no row is: an index that disagrees would answer wrongly."""
        found = [str(row[0]) for row in _read(self._connection, f"PRAGMA integrity_check({FLAWS_NAMED})")]
        return [] if found == ["ok"] else found

    def view(self, name: str) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """(columns, rows) of ``fills``, ``orders``, ``equity`` or ``funding``; Decimals as text. ValueError for another name."""
        if name not in VIEWS:
            raise ValueError(f"no view {name!r}, there are {', '.join(VIEWS)}")
        try:
            cursor = self._connection.execute(VIEWS[name])
            return tuple(str(column[0]) for column in cursor.description), cursor.fetchall()
        except sqlite3.Error as error:
            raise _culprit(error) from error


_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_THE_MACHINE = {
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_MISUSE,
}


def _culprit(error: sqlite3.Error, seq: int = 0) -> LedgerFailure | LedgerDamaged:
    """A failed read is the machine's fault or the content's; a closed connection has no code and is our own."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    if code in _BUSY:
        return LedgerBusy(str(error))
    return LedgerFailure(str(error)) if code in _THE_MACHINE else LedgerDamaged(seq, str(error))


def _read(connection: sqlite3.Connection, query: str, values: tuple[object, ...] = (), seq: int = 0) -> list[tuple[object, ...]]:
    try:
        return connection.execute(query, values).fetchall()
    except sqlite3.Error as error:
        raise _culprit(error, seq) from error
    except UnicodeDecodeError as error:  # SQLite's own message quotes a damaged schema
        raise LedgerDamaged(seq, str(error)) from error


def _stored_head(connection: sqlite3.Connection) -> tuple[int, bytes]:
    rows = _read(connection, "SELECT seq, chain FROM head")
    if len(rows) != 1 or not isinstance(rows[0][0], int) or not isinstance(rows[0][1], bytes):
        raise LedgerDamaged(0, "the head is unreadable")
    return rows[0][0], rows[0][1]


def _require_end(head: tuple[int, bytes], seq: int, chain: bytes) -> None:
    """``seq`` is the last row there is; the head, read before, cannot honestly name another."""
    if head[0] > seq:
        raise LedgerDamaged(seq + 1, f"rows up to {head[0]} are missing")
    if head != (seq, chain):
        raise LedgerDamaged(seq, f"the head names seq {head[0]} or another chain")


def _chain_at(connection: sqlite3.Connection, seq: int) -> bytes:
    if seq == 0:
        return GENESIS
    rows = _read(connection, "SELECT chain FROM ev WHERE seq = ?", (seq,), seq)
    if not rows or not isinstance(rows[0][0], bytes):
        raise LedgerDamaged(seq, "row is missing")
    return rows[0][0]


def _rows_behind(connection: sqlite3.Connection, seq: int) -> list[StoredRow]:
    # CAST: a damaged text column must arrive as it is, not fail to decode.
    query = """
        SELECT seq, CAST(kind AS BLOB), CAST(body AS BLOB), CAST(client_order_id AS BLOB), crc, chain
        FROM ev WHERE seq > ? ORDER BY seq LIMIT ?
    """
    return [StoredRow(*row) for row in _read(connection, query, (seq, ROWS_PER_READ), seq + 1)]


def _touch(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise LedgerFailure(f"{path}: {error.strerror}") from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=OPENING_WAIT_S,
                                     isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA trusted_schema = OFF")
        return connection
    except sqlite3.Error as error:
        raise LedgerFailure(f"{path}: {error}") from error


def _is_empty(connection: sqlite3.Connection) -> bool:
    tables = _read(connection, "SELECT count(*) FROM sqlite_master")[0][0]
    return tables == 0 and _read(connection, "PRAGMA application_id")[0][0] == 0


def _create_schema(connection: sqlite3.Connection) -> None:
    try:
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise _culprit(error) from error


def _require_ledger(connection: sqlite3.Connection, acknowledged: Acknowledged | None) -> None:
    application = _read(connection, "PRAGMA application_id")[0][0]
    if application != APPLICATION_ID:
        raise LedgerDamaged(0, f"not a ledger: application_id is {application}, a ledger has {APPLICATION_ID}")
    version = _read(connection, "PRAGMA user_version")[0][0]
    if version != SCHEMA_VERSION:
        raise LedgerDamaged(0, f"schema version {version} is not {SCHEMA_VERSION}")
    seq, chain = _stored_head(connection)
    if acknowledged is None:
        return
    if acknowledged.seq > seq:
        raise LedgerDamaged(seq + 1, f"rows up to {acknowledged.seq} were acknowledged and are gone; was the write-ahead log lost?")
    if acknowledged.seq == seq and acknowledged.chain != chain:
        raise LedgerDamaged(seq, "another row was acknowledged than the one that the head names")


def _set_up_writer(connection: sqlite3.Connection) -> None:
    """FULL: a commit is on the disk when it returns. The WAL is folded back every 1000 pages, so it stays below some MiB. Whoever is
    writing at this moment is noticed here, not at the first append."""
    _write_ahead(connection)
    _read(connection, "BEGIN IMMEDIATE")
    _read(connection, "ROLLBACK")
    for pragma in ("synchronous = FULL", "wal_autocheckpoint = 1000", "busy_timeout = 0"):
        _read(connection, f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """A disk that fails on the way there is no error to SQLite: it stays in the mode that it was in, and says so."""
    mode = _read(connection, "PRAGMA journal_mode = WAL")[0][0]
    if mode != "wal":
        raise LedgerFailure(f"no write-ahead log can be kept there, only journal mode {mode}: the file system allows none, or the disk failed")
