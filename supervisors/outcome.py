"""What the root loop tells: while it runs to whoever watches, and at the end how the session came out. Must not know how."""

from typing import Any, Protocol

import msgspec

__all__ = ["Observer", "Outcome"]


class Observer(Protocol):
    """Whoever shows the session to a person."""

    def event(self, event: dict[str, Any]) -> None: ...

    def status(self, status: dict[str, Any]) -> None: ...


class Outcome(msgspec.Struct, frozen=True):
    """How it ended. ``settled``: the account was brought to rest by its owner. ``facts`` are what the closing child was told."""

    exit_code: int
    reason: str
    settled: bool
    facts: dict[str, Any]
