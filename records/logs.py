"""logs/system.jsonl: the only door to structlog. One line per event, of every process, never mixed, never fatal.

Each process opens the same file for appending and writes a line by one write call. Loggers are bound objects that are passed
in: nothing here is configured globally, and context variables, which do not reach actor threads, are not used. Losing a line
must never stop a trading decision: what cannot be written is counted (``log_loss_total``), nothing is raised.
"""

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from records.log_lines import cleaned, encode_line, redacted
from timing.clock import iso_text, wall_ns

__all__ = ["LogFile", "Logger", "log_loss_total", "open_logger"]

Logger = FilteringBoundLogger
"""What actors get: ``log.info("ORDER_BOOK_STALE", age_ms=15002)``, ``log.bind(order=...)``."""

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
TRACEBACK_LINES = 12


def open_logger(path: Path, actor: str, run_id: str, tell: Callable[[dict[str, object]], None] | None = None, level: str = "debug",
                clock: Callable[[], int] = wall_ns) -> Logger:
    """A logger that appends to ``path`` in the name of ``actor``.

    ``tell`` is called with the same events from ``info`` up, for whoever shows them to a person. ``level`` is the lowest that is
    written at all.
    Raises OSError when the file cannot be opened: a process that cannot log at its start should not start.
    """
    file = LogFile(path, tell)
    event = _Event(actor, run_id, clock)
    wrapper = structlog.make_filtering_bound_logger(LEVELS[level])
    logger = structlog.wrap_logger(file, processors=[structlog.processors.add_log_level, event], wrapper_class=wrapper,
                                   context_class=dict, cache_logger_on_first_use=True)
    return cast(Logger, logger.bind())


def log_loss_total(logger: Logger) -> int:
    """How many lines of this process could not be written so far."""
    file = getattr(logger, "_logger", None)
    return file.log_loss_total if isinstance(file, LogFile) else 0


class LogFile:
    """The end of the chain: takes finished events. Threads may share it: a line is one write.

    Where lines are missing the next that can be written is ``LOG_LINES_LOST``; whoever is told events hears of the first at once.
    """

    def __init__(self, path: Path, tell: Callable[[dict[str, object]], None] | None = None) -> None:
        self.path = path
        self.log_loss_total = 0
        self._missing = 0
        self._tell = tell
        self._torn = False
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def msg(self, event: dict[str, object]) -> None:
        if self._missing and self._written(self._gap(event)):
            self._missing = 0
        if self._missing or not self._written(event):
            self.log_loss_total += 1
            self._missing += 1
            if self._missing == 1 and self._tell is not None:
                self._tell(self._gap(event))
        if self._tell is not None and event["level"] != "debug":
            self._tell(event)

    debug = info = warning = error = critical = msg

    def _written(self, event: dict[str, object]) -> bool:
        line = encode_line(event)
        # Behind a line that a full disk cut short, this one must not begin in the middle of it.
        data = b"\n" + line if self._torn else line
        try:
            written = os.write(self._descriptor, data)
        except OSError:
            return False
        self._torn = written < len(data)
        return not self._torn

    def _gap(self, event: dict[str, object]) -> dict[str, object]:
        """Said in the name and at the time of the event behind it."""
        return {**event, "level": "warning", "event": "LOG_LINES_LOST", "fields": {"lines": self._missing, "log_loss_total": self.log_loss_total}}


class _Event:
    """structlog processor: what the code said -> the event of log_lines.py."""

    def __init__(self, actor: str, run_id: str, clock: Callable[[], int]) -> None:
        self._actor = actor
        self._run_id = run_id
        self._clock = clock

    def __call__(self, logger: WrappedLogger, method: str, said: EventDict) -> tuple[tuple[dict[str, object]], dict[str, object]]:
        level, name = said.pop("level"), said.pop("event", "")
        error = said.pop("exc_info", None)
        if error:
            said["traceback"] = _last_lines(error)
        fields = cleaned(dict(said))
        assert isinstance(fields, dict)
        event = {
            "ts": iso_text(self._clock()), "level": level, "actor": self._actor, "pid": os.getpid(), "run_id": self._run_id,
            "event": cleaned(str(name)), "fields": redacted(fields),
        }
        return (event,), {}


def _last_lines(error: object) -> list[str]:
    """``exc_info`` as structlog takes it: an exception, a tuple, or True for the one being handled."""
    if isinstance(error, BaseException):
        text = "".join(traceback.format_exception(error))
    elif isinstance(error, tuple) and len(error) == 3:
        text = "".join(traceback.format_exception(*error))
    else:
        text = traceback.format_exc()
    return text.splitlines()[-TRACEBACK_LINES:]
