"""Reading a small file at a path where anything may lie by now. Must not know what should be in it."""

import os
import stat
from pathlib import Path

__all__ = ["read_regular"]


def read_regular(path: Path, limit_bytes: int) -> bytes:
    """The whole content. Raises OSError for everything else: no file, a symlink, a directory, a pipe, more than the limit.

    Opened with O_NOFOLLOW and O_NONBLOCK: a symlink leads nowhere, a pipe does not hang us.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("not a regular file")
        if found.st_size > limit_bytes:
            raise OSError(f"larger than {limit_bytes} bytes")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit_bytes)
    finally:
        os.close(descriptor)
