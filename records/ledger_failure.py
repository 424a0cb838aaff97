"""The ways in which a ledger cannot be had though nothing in it is wrong. Must not know how it is kept."""

from pathlib import Path

from records.holder import holder_of

__all__ = ["LedgerBusy", "LedgerFailure", "LedgerHeld"]


class LedgerFailure(Exception):
    """The ledger could not be opened, read or written. Never retried: after a failed sync the kernel forgets what was lost."""


class LedgerBusy(LedgerFailure):
    """Somebody else is at it at this moment."""


class LedgerHeld(LedgerBusy):
    """Another process has the file locked. ``pid`` is None when the system does not say whose it is."""

    def __init__(self, path: Path) -> None:
        self.pid = holder_of((path, Path(f"{path}-wal"), Path(f"{path}-shm")))
        super().__init__(f"another process holds it: {'its id is not known' if self.pid is None else f'process {self.pid}'}")
