"""paper/state.json: the paper account as the last session left it. A projection of the ledger: never the truth, always checkable.

The file is JSON with a ``checksum``: SHA-256, in hex, of the canonical JSON (records/canonical.py) of everything but the
checksum itself. Spaces and line breaks do not count. This module must not know how the numbers came about.
"""

import hashlib
import os
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from records.atomic import write_atomically
from records.canonical import canonical, simple
from records.regular_file import read_regular
from trading.snapshot import AccountState
from trading.words import OrderState, OrderType, Side

__all__ = ["Damaged", "LotState", "OpenOrderState", "PaperState", "PositionState", "load_state", "paper_state", "save_state", "set_aside"]

SIZE_LIMIT_BYTES = 16 * 1024 * 1024


class LotState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One FIFO lot: ``quantity`` signed, ``fees`` what of its entry fee is not yet settled by a close."""

    quantity: Decimal
    price: Decimal
    fees: Decimal = Decimal(0)


class PositionState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``quantity`` signed: positive long, negative short, 0 flat."""

    quantity: Decimal
    average_price: Decimal
    lots: tuple[LotState, ...] = ()


class OpenOrderState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order still working; a session that ended in order leaves none."""

    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    leaves_quantity: Decimal
    price: Decimal | None
    state: OrderState


class PaperState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money in USDT. ``ledger_seq`` and ``ledger_head`` name the ledger row that this is the fold of."""

    schema: Literal[1] = 1
    run_id: str
    balance: Decimal
    equity: Decimal
    positions: dict[str, PositionState]
    open_orders: tuple[OpenOrderState, ...]
    ledger_seq: int
    ledger_head: str


class Damaged(msgspec.Struct, frozen=True):
    """The file is there and cannot be trusted."""

    reason: str


def paper_state(account: AccountState, run_id: str, ledger_seq: int, ledger_head: str) -> PaperState:
    """What the file keeps of an account."""
    positions = {
        symbol: PositionState(held.quantity, held.average_price, tuple(LotState(lot.quantity, lot.price, lot.fee) for lot in held.lots))
        for symbol, held in account.positions.items()
    }
    open_orders = tuple(
        OpenOrderState(each.client_order_id, each.symbol, each.side, each.type, each.quantity, each.leaves_quantity, each.price, each.state)
        for each in account.open_orders
    )
    return PaperState(
        run_id=run_id, balance=account.balance, equity=account.equity, positions=positions, open_orders=open_orders,
        ledger_seq=ledger_seq, ledger_head=ledger_head,
    )


def save_state(path: Path, state: PaperState) -> Path | None:
    """Write ``state``, durable on return. Raises OSError, the old file then stays.

    A state that was there before is kept as ``state.json.1``; what was there and is no state is set aside, and the path where it
    lies now is returned, for the log.
    """
    before = _bytes_of(path)
    damaged = set_aside(path) if isinstance(_checked(before), Damaged) else None
    if damaged is None and isinstance(before, bytes):
        write_atomically(path.with_name(path.name + ".1"), before)
    write_atomically(path, _rendered(state))
    return damaged


def load_state(path: Path) -> PaperState | Damaged | None:
    """The state as saved, ``Damaged`` with the reason, or None when there is no file. Never raises for what it finds."""
    return _checked(_bytes_of(path))


def set_aside(path: Path) -> Path:
    """Move whatever is at ``path`` (also a symlink or a directory) to the first free ``state.json.corrupt-N``. Raises OSError."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.corrupt-{number}")):
        number += 1
    os.rename(path, aside)
    return aside


def _rendered(state: PaperState) -> bytes:
    content = simple(state)
    assert isinstance(content, dict)
    content["checksum"] = _checksum(content)
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _checksum(content: dict[str, object]) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()


def _checked(found: bytes | Damaged | None) -> PaperState | Damaged | None:
    return _parsed(found) if isinstance(found, bytes) else found


def _parsed(data: bytes) -> PaperState | Damaged:
    try:
        content = msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Damaged(f"not readable as JSON: {error}")
    claimed = content.pop("checksum", None)
    if claimed != _checksum(content):
        return Damaged("checksum does not match")
    try:
        return msgspec.convert(content, PaperState)
    except msgspec.ValidationError as error:
        return Damaged(f"not a state of schema 1: {error}")


def _bytes_of(path: Path) -> bytes | Damaged | None:
    try:
        return read_regular(path, SIZE_LIMIT_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Damaged(f"cannot be read as a regular file: {error.strerror or error}")
