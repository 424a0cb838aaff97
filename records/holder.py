"""Which process holds a file, as far as the kernel says (/proc/locks). Must not know what the file is for."""

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["holder_of"]

LOCKS = Path("/proc/locks")


def holder_of(paths: Iterable[Path]) -> int | None:
    """The process id of somebody else with a lock on one of ``paths``; None when there is none or nobody can tell."""
    wanted = {number for path in paths if (number := _number(path)) is not None}
    try:
        lines = LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:  # 1: POSIX  ADVISORY  WRITE 4242 08:01:123456 0 EOF
        words = line.split()
        if len(words) >= 6 and words[4].isdigit() and int(words[4]) != os.getpid() and words[5] in wanted:
            return int(words[4])
    return None


def _number(path: Path) -> str | None:
    """Device and inode as the kernel writes them there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
