"""Files that are replaced whole or not at all. Must not know what is in them."""

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["sync_directory", "write_all", "write_atomically"]


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: after a crash at any point the old or the new content is there, never a mix.

    The order is the point: content on the disk before the name moves, the name on the disk before we return. The temporary
    file lies beside the target, is its owner's alone (0600), is named after this process, and is removed if anything fails. A
    symlink in the way is replaced, not followed. Raises OSError that names ``path``; what was there before is then still there, and only when the
    very last step fails, the sync of the name, it may be the new content.
    """
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        _write_new(temporary, data)
        os.replace(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):  # a disk that refuses to write may refuse this too; the first refusal is the one to tell
            temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; a short write is continued, an impossible one raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view):]


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_new(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
