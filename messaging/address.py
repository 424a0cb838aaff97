"""Where the sockets of a run live: ipc paths in one private directory.

A unix socket path may have at most 107 bytes and run directories can be deeper than that, so long paths go through an open
descriptor of the directory. Must not know which sockets there are.
"""

import os
import stat
from pathlib import Path

__all__ = ["LONGEST_SOCKET_PATH", "SocketDirectory", "SocketDirectoryUnsafe"]

LONGEST_SOCKET_PATH = 100


class SocketDirectoryUnsafe(Exception):
    """The directory is the authentication: it must be ours and closed to others."""


class SocketDirectory:
    """The directory (mode 0700, ours) in which every channel of a run has its socket."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._descriptor: int | None = None
        self._check()

    def endpoint(self, channel: str) -> str:
        """``ipc://`` address of a channel, short enough for the kernel wherever the run directory is."""
        direct = self.path / channel
        if len(os.fsencode(direct)) <= LONGEST_SOCKET_PATH:
            return f"ipc://{direct}"
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"ipc:///proc/self/fd/{self._descriptor}/{channel}"

    def _check(self) -> None:
        facts = os.stat(self.path)
        if facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077:
            mode = oct(stat.S_IMODE(facts.st_mode))
            raise SocketDirectoryUnsafe(f"{self.path}: owner {facts.st_uid}, mode {mode}; it must be ours and 0700")
