"""The words between the supervisor and its children, and between a person's command and the supervisor.

A ``Halt`` is a word here; the broker gives it its meaning. Must not know trading.
"""

from typing import Any

import msgspec

__all__ = [
    "Beat", "CHILD_WORDS", "Drain", "Drained", "Halt", "Halted", "Hello", "Leave", "OPERATOR_WORDS", "Operate", "Operated", "Pulse",
    "Reached", "Said",
]


class Word(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="kind", forbid_unknown_fields=True):
    """Base of the control words."""


class Hello(Word, frozen=True, kw_only=True):
    """Child: my sockets are bound, my state is recovered, I serve. ``recovery`` says what recovery found, for the log."""

    name: str
    incarnation: int
    pid: int
    codec: str
    detail: dict[str, Any] = {}


class Reached(Word, frozen=True, kw_only=True):
    """Child: a milestone that the session waits for (``live``: market data flows)."""

    name: str
    milestone: str


class Beat(Word, frozen=True, kw_only=True):
    """Child, from the inbox that does the work: alive. ``counters`` only grow within one incarnation, ``gauges`` replace."""

    name: str
    incarnation: int
    counters: dict[str, float] = {}
    gauges: dict[str, float] = {}
    report: dict[str, Any] = {}


class Said(Word, frozen=True, kw_only=True):
    """Child: a log event for the person at the terminal (it is in logs/system.jsonl already)."""

    event: dict[str, Any]


class Drained(Word, frozen=True, kw_only=True):
    """Child: nothing of mine is open any more."""

    name: str
    detail: dict[str, Any] = {}


class Halted(Word, frozen=True, kw_only=True):
    """Child: halt carried out."""

    name: str
    detail: dict[str, Any] = {}


class Pulse(Word, frozen=True, kw_only=True):
    """Supervisor, several times a second: I live, the session is in this state, these are everybody's metrics.
    Without a fresh pulse nothing new may be risked."""

    state: str
    metrics: dict[str, float] = {}


class Drain(Word, frozen=True, kw_only=True):
    """Supervisor: finish what is open and settle (graceful end). ``reason``: duration, stop, signal ..."""

    reason: str
    detail: dict[str, Any] = {}


class Halt(Word, frozen=True, kw_only=True):
    """Supervisor: stop everything now. Repeated until ``Halted``; idempotent."""

    reason: str


class Leave(Word, frozen=True, kw_only=True):
    """Supervisor: all is settled, end your process."""


class Operate(Word, frozen=True, kw_only=True):
    """A person's command: ``kill``, ``stop`` or ``status``, signed with the run's key (messaging/token.py)."""

    command: str
    run_id: str
    nonce: str
    sent_mono_ns: int
    signature: str
    by: str = ""


class Operated(Word, frozen=True, kw_only=True):
    """The supervisor's answer: ``accepted`` or the reason why not; for ``status`` the status."""

    accepted: bool
    reason: str = ""
    status: dict[str, Any] = {}


CHILD_WORDS = (Hello, Reached, Beat, Said, Drained, Halted, Pulse, Drain, Halt, Leave)
OPERATOR_WORDS = (Operate, Operated)
