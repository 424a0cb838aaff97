"""Text to a terminal, pipe or file that may be slow, full, stopped or gone, without ever holding up whoever writes.

A thread of its own writes; what waits is bounded, what does not fit is dropped, and when there is room again a note says how
much it was. Must not know what the text says.
"""

import os
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import TextIO

__all__ = ["LineWriter"]

WAITING_MAX = 500
CLOSING_WAIT_S = 0.5
"""How long the end of a session waits for a terminal that does not take its last lines."""


class LineWriter:
    """``write`` returns at once. After the other end is gone everything is dropped, silently: the log has it.

    ``note`` makes the text that stands where ``count`` texts were dropped.
    """

    def __init__(self, out: TextIO | None, note: Callable[[int], str]) -> None:
        self._out = out
        self._note = note
        self._dropped = 0
        self._descriptor = _descriptor_of(out)
        self._waiting: deque[str] = deque()
        self._changed = Condition()
        self._closing = out is None or out.closed
        self._thread = Thread(target=self._work, name="terminal", daemon=True)
        if not self._closing:
            self._thread.start()

    @property
    def is_unicode(self) -> bool:
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        return encoding.lower().replace("-", "") == "utf8"

    def write(self, text: str) -> None:
        """In order; dropped when too much waits already, or after ``close``."""
        with self._changed:
            if self._closing:
                return
            if len(self._waiting) >= WAITING_MAX:
                self._dropped += 1
                return
            if self._dropped:
                self._waiting.append(self._note(self._dropped))
                self._dropped = 0
            self._waiting.append(text)
            self._changed.notify()

    def close(self) -> None:
        """Wait for what is still to be written, but not long; nothing is taken any more."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(CLOSING_WAIT_S)

    def _work(self) -> None:
        while (text := self._next()) is not None:
            try:
                self._put(text)
            except (OSError, ValueError):  # the other end is gone, or the file was closed under us
                with self._changed:
                    self._closing = True
                    self._waiting.clear()

    def _next(self) -> str | None:
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting else None

    def _put(self, text: str) -> None:
        assert self._out is not None
        if self._descriptor is None:
            self._out.write(text)
            self._out.flush()
            return
        # past the file object: a thread stuck in it would hold its lock, and the interpreter could not end
        data = memoryview(text.encode(self._out.encoding, "replace"))
        while data:
            data = data[os.write(self._descriptor, data):]


def _descriptor_of(out: TextIO | None) -> int | None:
    try:
        return None if out is None else out.fileno()
    except (OSError, ValueError):  # not a file of the system, like a StringIO
        return None
