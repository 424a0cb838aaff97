"""One fact as one row of the ledger, and back: text, check sum, chain. Must not know where rows are stored.

Anyone can check a ledger without this program. With ``record = "{seq}\\n{kind}\\n{client_order_id or ''}\\n{body}"`` as UTF-8:

    crc   = CRC-32 of record
    chain = SHA-256 of (chain of the row before, 32 zero bytes before row 1) + record
"""

import hashlib
import zlib
from typing import NamedTuple

import msgspec

from records.canonical import canonical
from trading.messages import AccountFact, AnyAccountFact

__all__ = ["GENESIS", "LedgerDamaged", "Row", "StoredRow", "checked", "row_of"]

GENESIS = bytes(32)

_DECODER: msgspec.json.Decoder[AnyAccountFact] = msgspec.json.Decoder(AnyAccountFact)


class LedgerDamaged(Exception):
    """The ledger's content is not what was written. ``seq`` is the first row that cannot be trusted, 0 for the file as a whole."""

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(f"ledger damaged at seq {seq}: {reason}")
        self.seq = seq
        self.reason = reason


class Row(NamedTuple):
    """As written."""

    seq: int
    kind: str
    body: str
    client_order_id: str | None
    crc: int
    chain: bytes


class StoredRow(NamedTuple):
    """As found: any column may be anything. Text columns come as raw bytes."""

    seq: object
    kind: object
    body: object
    client_order_id: object
    crc: object
    chain: object


def row_of(seq: int, fact: AccountFact, chain_before: bytes) -> Row:
    """The row that records ``fact`` as number ``seq`` behind a row with ``chain_before``."""
    kind = type(fact).__name__
    body = canonical(fact)
    order_id = _order_id(fact)
    record = _record(seq, kind.encode(), (order_id or "").encode(), body)
    return Row(seq, kind, body.decode(), order_id, zlib.crc32(record), _link(chain_before, record))


def checked(row: StoredRow, seq: int, chain_before: bytes) -> tuple[AccountFact, bytes]:
    """(fact, chain) of the row that must be number ``seq``; LedgerDamaged when anything about it is not as written."""
    if row.seq != seq:
        raise LedgerDamaged(seq, f"row is missing, found {row.seq!r} in its place")
    if not (isinstance(row.kind, bytes) and isinstance(row.body, bytes) and isinstance(row.client_order_id, bytes | None)):
        raise LedgerDamaged(seq, "a text column is not text")
    record = _record(seq, row.kind, row.client_order_id or b"", row.body)
    if row.crc != zlib.crc32(record):
        raise LedgerDamaged(seq, "check sum does not match")
    chain = _link(chain_before, record)
    if row.chain != chain:
        raise LedgerDamaged(seq, "hash chain does not match")
    return _fact(seq, row), chain


def _fact(seq: int, row: StoredRow) -> AccountFact:
    try:
        fact = _DECODER.decode(row.body)  # type: ignore[arg-type]  # text, as was seen above
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerDamaged(seq, f"not a fact this version knows: {error}") from error
    order_id = _order_id(fact)
    if type(fact).__name__.encode() != row.kind or (order_id and order_id.encode()) != row.client_order_id:
        raise LedgerDamaged(seq, "columns disagree with the body")
    return fact


def _record(seq: int, kind: bytes, order_id: bytes, body: bytes) -> bytes:
    return b"%d\n%s\n%s\n%s" % (seq, kind, order_id, body)


def _link(chain_before: bytes, record: bytes) -> bytes:
    return hashlib.sha256(chain_before + record).digest()


def _order_id(fact: AccountFact) -> str | None:
    order_id: str | None = getattr(fact, "client_order_id", None) or getattr(getattr(fact, "order", None), "client_order_id", None)
    return order_id
