"""Processes as the supervisor holds them: started from a pre-imported fork server, seen dying through a pidfd, never lost.

The fork server has no ZeroMQ context, no thread and no open database, so forking from it is safe and takes milliseconds.
Must not know restart policy or messages.
"""

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from typing import Any

__all__ = ["Child", "Nursery"]

BLOCKED_IN_CHILDREN = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
EXIT_STATUS_WAIT_S = 1.0


class Nursery:
    """Starts children. Signals are blocked from the child's first instruction until it has set its own handlers."""

    def __init__(self, preload: tuple[str, ...]) -> None:
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload(list(preload))

    def start(self, name: str, target: Callable[[Any], None], argument: Any) -> "Child":
        before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_IN_CHILDREN)
        try:
            process = self._context.Process(target=target, args=(argument,), name=name, daemon=True)
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return Child(name, process)


class Child:
    """A running or just ended process."""

    def __init__(self, name: str, process: ForkServerProcess) -> None:
        assert process.pid is not None
        self.name = name
        self.pid = process.pid
        self._process = process
        try:
            self.descriptor: int | None = os.pidfd_open(process.pid)
        except ProcessLookupError:
            self.descriptor = None

    def end(self) -> tuple[int | None, str]:
        """After its death: (exit code or None when a signal ended it, a word for the log). Frees what the kernel kept."""
        self._process.join(EXIT_STATUS_WAIT_S)
        status = self._process.exitcode
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
        if status is None:
            return None, "unknown"
        if status < 0:
            return None, signal.Signals(-status).name
        return status, f"exit {status}"

    def send(self, number: signal.Signals) -> None:
        """By descriptor, so that a reused pid is never hit. A process already dead is fine."""
        if self.descriptor is None:
            return
        try:
            signal.pidfd_send_signal(self.descriptor, number)
        except ProcessLookupError:
            pass  # it ended on its own in between; its death is reported through the descriptor

    def kill(self) -> None:
        """SIGABRT first, for the traceback of a hung child, then SIGKILL, which also ends a stopped one."""
        self.send(signal.SIGABRT)
        self.send(signal.SIGKILL)
