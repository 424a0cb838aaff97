"""What a ledger's writer last acknowledged, in a small file beside it: the witness of a lost tail. Must not know rows or SQLite.

SQLite finds a lost or damaged write-ahead log no fault: it goes back to the last checkpoint, and head, check sums and chain are
as right as they were then. The witness is written after each commit, in place and without a sync: a killed process leaves it
exact, a power cut may leave it older, nothing leaves it newer than what was durable.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

__all__ = ["Acknowledged", "Witness", "witness_path"]

LINE = "{seq:020d} {chain}\n"
LENGTH = len(LINE.format(seq=0, chain="0" * 64))


class Acknowledged(NamedTuple):
    """The last row that was ever said to be durable, and its chain hash."""

    seq: int
    chain: bytes


class Witness:
    """One writer's. A disk that refuses it stops nothing: an older witness is less sharp, not wrong."""

    def __init__(self, ledger: Path) -> None:
        self._descriptor: int | None = None
        with suppress(OSError):
            self._descriptor = os.open(witness_path(ledger), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    @staticmethod
    def read(ledger: Path) -> Acknowledged | None:
        """None when there is none, or what is there is no witness (a power cut can leave zeros)."""
        try:
            line = witness_path(ledger).read_bytes()[:LENGTH]
            seq, chain = line.decode("ascii").split()
            return Acknowledged(int(seq), bytes.fromhex(chain))
        except (OSError, ValueError):
            return None

    def note(self, seq: int, chain: bytes) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.pwrite(self._descriptor, LINE.format(seq=seq, chain=chain.hex()).encode(), 0)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def witness_path(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + ".acknowledged")
