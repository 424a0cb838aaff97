"""Signals as notes in a pipe: the handler leaves a byte, the root loop reads it. Must not know what a signal leads to."""

import os
import signal
from types import TracebackType

__all__ = ["SignalNotes"]

NOTED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


class SignalNotes:
    """While entered, the four signals are notes. Signals coalesce: a note means 'at least once'."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: dict[signal.Signals, object] = {}
        self._wakeup_before = -1

    @property
    def descriptor(self) -> int:
        return self._reader

    def __enter__(self) -> "SignalNotes":
        self._wakeup_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in NOTED:
            self._before[number] = signal.signal(number, _leave_note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, NOTED)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave back it takes
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._reader)
        os.close(self._writer)

    def read(self) -> list[signal.Signals]:
        """Signals noted since the last reading, each once, in the order they came."""
        try:
            notes = os.read(self._reader, 4096)
        except BlockingIOError:
            return []
        return [signal.Signals(number) for number in dict.fromkeys(notes) if number in NOTED]


def _leave_note(number: int, frame: object) -> None:
    """The wake-up descriptor already has the number; nothing else may happen in a handler."""
