"""One instance per workspace: a lock that the kernel releases when its holder dies, however it dies. Knows no trading."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

import msgspec

__all__ = ["HeldBy", "Lock"]

TAKING_TRIES = 16


class HeldBy(msgspec.Struct, frozen=True):
    """Somebody else holds it; ``pid`` is None in the instant before the holder has written it."""

    pid: int | None


class Lock:
    """An flock on the PID file itself; the PID in it is written under the lock. Descriptors are not inherited by children."""

    @classmethod
    def take(cls, path: Path) -> "Lock | HeldBy":
        """Never waits. Raises OSError when the file cannot be opened or written."""
        for _ in range(TAKING_TRIES):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with open(descriptor, "rb") as file:
                    return HeldBy(_pid_in(file.read(32)))
            if _is_still(path, descriptor):
                _write_pid(descriptor)
                return cls(path, descriptor)
            os.close(descriptor)  # the holder before us removed the file between our open and our lock
        return HeldBy(None)

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Remove the file, then let go. In this order nobody can lock a file that is no longer there. A second call does nothing."""
        if self._descriptor is None:
            return
        with suppress(OSError):  # on a disk that takes nothing any more the file stays, and nobody holds it
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _write_pid(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)


def _pid_in(text: bytes) -> int | None:
    return int(text) if text.strip().isdigit() else None
