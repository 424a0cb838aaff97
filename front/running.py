"""The session that runs in a workspace, seen from outside: who holds the lock, asking it something, waiting for its end.

Must not know what the verbs mean.
"""

import fcntl
import os
import secrets
import signal
from pathlib import Path

from messaging.address import SocketDirectory, SocketDirectoryUnsafe
from messaging.channels import Channels
from messaging.codec import Codec
from messaging.control import OPERATOR_WORDS, Operated
from messaging.mailbox import Mailbox
from messaging.token import sign
from records.workspace import RunNotFound, RunPaths, Workspace
from timing.clock import monotonic_ns

__all__ = ["ANSWER_WAIT_S", "RunningSession"]

ANSWER_WAIT_S = 1.0
NS_PER_S = 1_000_000_000
LONGEST_PID = 32


class RunningSession:
    """A supervisor that is alive and holds the workspace's lock. Its process is held by descriptor: no other can be meant.

    ``run`` is the newest run, or None when the session has not made its directory yet.
    """

    def __init__(self, pid: int, descriptor: int, run: RunPaths | None) -> None:
        self.pid = pid
        self.run = run
        self._descriptor = descriptor

    @classmethod
    def find(cls, workspace: Workspace) -> "RunningSession | None":
        """None when nobody holds the lock. Raises OSError when the lock's file cannot be read."""
        pid = _holder(workspace.agent_pid)
        if pid is None:
            return None
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return None
        # the process may have ended, and its number gone to another, between the two looks: only the second one counts
        if _holder(workspace.agent_pid) != pid:
            os.close(descriptor)
            return None
        run = workspace.find("latest")
        return cls(pid, descriptor, None if isinstance(run, RunNotFound) else run)

    def ask(self, command: str) -> Operated | None:
        """The supervisor's answer to a signed command; None when none came within a second or there is no way to ask."""
        if self.run is None:
            return None
        try:
            key = self.run.control_key.read_bytes()
            channels = Channels(SocketDirectory(self.run.sockets), Codec(OPERATOR_WORDS))
        except (OSError, SocketDirectoryUnsafe):
            return None
        try:
            return self._asked(channels, key, command)
        finally:
            channels.close()

    def signal(self, number: signal.Signals) -> None:
        """To this process and no other; one that has ended gets nothing."""
        try:
            signal.pidfd_send_signal(self._descriptor, number)
        except ProcessLookupError:
            return

    def ended_within(self, wait_s: float) -> bool:
        """Wait for its end, not longer than ``wait_s``."""
        mailbox = Mailbox(monotonic_ns)
        mailbox.watch("ended", self._descriptor)
        mailbox.after("deadline", int(wait_s * NS_PER_S))
        return mailbox.receive().source == "ended"

    def _asked(self, channels: Channels, key: bytes, command: str) -> Operated | None:
        assert self.run is not None
        client = channels.client("command", f"operator-{os.getpid()}-{secrets.token_hex(4)}")
        by = f"uid {os.getuid()}, pid {os.getpid()}"
        client.send(sign(key, command, self.run.run_id, secrets.token_hex(16), monotonic_ns(), by))
        mailbox = Mailbox(monotonic_ns)
        mailbox.listen("answer", client)
        mailbox.watch("ended", self._descriptor)
        mailbox.after("deadline", int(ANSWER_WAIT_S * NS_PER_S))
        delivery = mailbox.receive()
        return delivery.message if isinstance(delivery.message, Operated) else None


def _holder(agent_pid: Path) -> int | None:
    """The PID in the file while somebody holds the file's lock, else None. A shared lock for an instant is the question."""
    try:
        descriptor = os.open(agent_pid, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, LONGEST_PID).strip()
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(descriptor)
