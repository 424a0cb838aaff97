"""The latch that a kill leaves behind, so that nothing starts again before a person says so. Must not know what was killed.

It fails closed: whatever lies at its path is a latch, readable or not.
"""

import os
from pathlib import Path

import msgspec

from records.atomic import sync_directory, write_atomically
from records.regular_file import read_regular

__all__ = ["KillLatch", "latch", "read_latch", "release_latch"]

SIZE_LIMIT_BYTES = 64 * 1024


class KillLatch(msgspec.Struct, frozen=True, kw_only=True):
    """``killed_at`` UTC ISO; ``trigger``: what killed (``SIGUSR1``, ``kill file`` ...); ``by``: who, as far as known."""

    killed_at: str
    trigger: str
    by: str
    run_id: str


UNREADABLE = KillLatch(killed_at="unknown", trigger="unreadable latch", by="unknown", run_id="unknown")


def latch(path: Path, killed: KillLatch) -> None:
    """Set the latch, durable on return. A latch that is already there stays: the first kill is the one to explain. Raises OSError."""
    if not os.path.lexists(path):
        write_atomically(path, msgspec.json.format(msgspec.json.encode(killed), indent=2) + b"\n")


def read_latch(path: Path) -> KillLatch | None:
    """None only when nothing is there; what cannot be read is ``UNREADABLE``, a latch all the same."""
    if not os.path.lexists(path):
        return None
    try:
        return msgspec.json.decode(read_regular(path, SIZE_LIMIT_BYTES), type=KillLatch)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNREADABLE


def release_latch(path: Path) -> bool:
    """Take the latch away, durable on return; False when there was none. Raises OSError (also for a directory in its place)."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    sync_directory(path.parent)
    return True
