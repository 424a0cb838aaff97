"""What a person or a program sees while a session runs: one view, four kinds. Decides nothing, holds nobody up.

    auto    on a terminal: events, and below them one status line that is redrawn; elsewhere like plain
    plain   events and, every ten seconds and when the state changes, a status line; nothing moves
    json    every event and a status per second as JSON lines on stdout, for programs
    none    nothing but errors, on stderr

A view survives a terminal that is stopped, full or gone. Text from outside is stripped of control characters.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

import msgspec

from records.log_lines import render_line
from reporting.closing_text import banner_lines, summary_lines
from reporting.line_writer import LineWriter
from reporting.notable import Repeats, Swallowed, for_people, is_notable
from reporting.status_text import ASCII, UNICODE, format_status, status_line
from timing.clock import monotonic_ns

__all__ = ["View", "format_status", "make_view"]

NS_PER_S = 1_000_000_000
PLAIN_STATUS_NS = 10 * NS_PER_S
JSON_STATUS_NS = NS_PER_S
NARROWEST = 40
COLUMNS = 80
ERASE_LINE = "\r\x1b[2K"
SEVERE = ("error", "critical")

_JSON = msgspec.json.Encoder(decimal_format="number")


class View(Protocol):
    """Call from one thread; no call waits for the other end, but ``close`` up to half a second."""

    def banner(self, facts: Mapping[str, Any]) -> None:
        """Once, at the start. ``facts``: see closing_text.py."""

    def event(self, event: Mapping[str, Any]) -> None:
        """A log event in the shape of records/log_lines.py."""

    def status(self, status: Mapping[str, Any]) -> None:
        """The session's status; as often as one likes."""

    def summary(self, summary: Mapping[str, Any], path: Path) -> None:
        """Once, at the end."""

    def close(self) -> None:
        """Nothing is shown any more. A second call does nothing."""


def make_view(ui: str, out: TextIO | None, err: TextIO | None, clock: Callable[[], int] = monotonic_ns) -> View:
    """The view for ``--ui``. ``out`` and ``err`` may be None or closed, as in a process without a terminal."""
    match ui:
        case "json":
            return JsonView(LineWriter(out, _dropped_json), LineWriter(err, _dropped_text), clock)
        case "none":
            return SilentView(LineWriter(err, _dropped_text))
        case "auto" if _is_terminal(out):
            return LiveView(LineWriter(out, _dropped_text), clock, lambda: _columns(out), colour="NO_COLOR" not in os.environ)
        case "auto" | "plain":
            return PlainView(LineWriter(out, _dropped_text), clock)
    raise ValueError(f"no such view: {ui!r}")


class PlainView:
    """Lines, one after the other; what a log of a terminal should look like."""

    def __init__(self, out: LineWriter, clock: Callable[[], int], colour: bool = False) -> None:
        self._out = out
        self._clock = clock
        self._colour = colour
        self._glyphs = UNICODE if out.is_unicode else ASCII
        self._repeats = Repeats()
        self._shown_ns: int | None = None
        self._state: object = None

    def banner(self, facts: Mapping[str, Any]) -> None:
        self._lines(*banner_lines(facts))

    def event(self, event: Mapping[str, Any]) -> None:
        if is_notable(event):
            now_ns = self._clock()
            self._tell_swallowed(self._repeats.over(now_ns))
            if self._repeats.lets_through(event, now_ns):
                self._lines(render_line(for_people(event), self._colour))

    def status(self, status: Mapping[str, Any]) -> None:
        now_ns = self._clock()
        self._tell_swallowed(self._repeats.over(now_ns))
        if self._shown_ns is None or now_ns - self._shown_ns >= PLAIN_STATUS_NS or status.get("state") != self._state:
            self._shown_ns, self._state = now_ns, status.get("state")
            self._lines(status_line(status, None, self._glyphs))

    def summary(self, summary: Mapping[str, Any], path: Path) -> None:
        self._tell_swallowed(self._repeats.all_over())
        self._lines("", *summary_lines(summary, path))

    def close(self) -> None:
        self._tell_swallowed(self._repeats.all_over())
        self._out.close()

    def _tell_swallowed(self, swallowed: list[Swallowed]) -> None:
        for each in swallowed:
            said = {"level": each.level, "actor": each.actor, "event": each.event, "fields": {"more_not_shown": each.times}}
            self._lines(render_line(said, self._colour))

    def _lines(self, *lines: str) -> None:
        self._out.write("".join(f"{line}\n" for line in lines))


class LiveView(PlainView):
    """On a terminal: the status line stays at the bottom, everything else passes above it."""

    def __init__(self, out: LineWriter, clock: Callable[[], int], columns: Callable[[], int], colour: bool) -> None:
        super().__init__(out, clock, colour)
        self._columns = columns
        self._bottom = ""

    def status(self, status: Mapping[str, Any]) -> None:
        self._tell_swallowed(self._repeats.over(self._clock()))
        # one column is left free: a full last column makes some terminals wrap
        self._bottom = status_line(status, self._columns() - 1, self._glyphs)
        self._out.write(ERASE_LINE + self._bottom)

    def summary(self, summary: Mapping[str, Any], path: Path) -> None:
        self._bottom = ""
        super().summary(summary, path)

    def close(self) -> None:
        self._bottom = ""
        self._out.write(ERASE_LINE)
        super().close()

    def _lines(self, *lines: str) -> None:
        self._out.write(ERASE_LINE + "".join(f"{line}\n" for line in lines) + self._bottom)


class SilentView:
    """Errors only."""

    def __init__(self, err: LineWriter) -> None:
        self._err = err

    def banner(self, facts: Mapping[str, Any]) -> None:
        pass

    def event(self, event: Mapping[str, Any]) -> None:
        if event.get("level") in SEVERE:
            self._err.write(render_line(event) + "\n")

    def status(self, status: Mapping[str, Any]) -> None:
        pass

    def summary(self, summary: Mapping[str, Any], path: Path) -> None:
        pass

    def close(self) -> None:
        self._err.close()


class JsonView(SilentView):
    """One JSON object a line: ``{"type": "banner" | "event" | "status" | "summary", ...}`` with what it is about beside it."""

    def __init__(self, out: LineWriter, err: LineWriter, clock: Callable[[], int]) -> None:
        super().__init__(err)
        self._out = out
        self._clock = clock
        self._status_ns: int | None = None

    def banner(self, facts: Mapping[str, Any]) -> None:
        self._say({"type": "banner", **facts})

    def event(self, event: Mapping[str, Any]) -> None:
        super().event(event)
        self._say({"type": "event", **event})

    def status(self, status: Mapping[str, Any]) -> None:
        now_ns = self._clock()
        if self._status_ns is None or now_ns - self._status_ns >= JSON_STATUS_NS:
            self._status_ns = now_ns
            self._say({"type": "status", **status})

    def summary(self, summary: Mapping[str, Any], path: Path) -> None:
        self._say({"type": "summary", "path": str(path), **summary})

    def close(self) -> None:
        super().close()
        self._out.close()

    def _say(self, content: Mapping[str, Any]) -> None:
        self._out.write(_JSON.encode(content).decode() + "\n")


def _dropped_text(count: int) -> str:
    return f"({count} lines are not shown: they were not taken in time)\n"


def _dropped_json(count: int) -> str:
    return _JSON.encode({"type": "dropped", "lines": count}).decode() + "\n"


def _is_terminal(out: TextIO | None) -> bool:
    return out is not None and not out.closed and out.isatty() and os.environ.get("TERM") != "dumb"


def _columns(out: TextIO | None) -> int:
    try:
        columns = os.get_terminal_size(out.fileno()).columns if out is not None else COLUMNS
    except (OSError, ValueError):  # gone, or not a terminal any more
        columns = COLUMNS
    return max(columns, NARROWEST) if columns else COLUMNS
