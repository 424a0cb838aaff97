"""What the connection's logic wants done, in this order, by whoever has a socket, a tape and a log. Values only."""

from typing import Any

import msgspec

from trading.messages import FeedLive, FeedStale, MarketFact

__all__ = ["Close", "Connect", "Effect", "Ended", "Note", "Send", "Tell", "TellStatus", "frame_refused"]


class Connect(msgspec.Struct, frozen=True):
    """Open connection number ``connection_id``; everything about it is reported under this number."""

    connection_id: int


class Send(msgspec.Struct, frozen=True):
    """One text frame to the venue."""

    text: str


class Close(msgspec.Struct, frozen=True):
    """Drop this connection at once, whatever phase it is in; nothing of it is wanted any more."""

    connection_id: int
    reason: str


class Ended(msgspec.Struct, frozen=True):
    """The venue has told all it will ever tell (a recording is over)."""


class Tell(msgspec.Struct, frozen=True):
    """A market fact heard from the venue: publish it."""

    fact: MarketFact


class TellStatus(msgspec.Struct, frozen=True):
    """The watchdog's own fact: keep it with the tape, then publish it."""

    fact: FeedStale | FeedLive


class Note(msgspec.Struct, frozen=True):
    """A log event with its fields (no event: only counted). ``counters`` names the metrics it moves."""

    event: str
    fields: dict[str, Any] = {}
    counters: tuple[str, ...] = ()


Effect = Connect | Send | Close | Ended | Tell | TellStatus | Note


def frame_refused(reason: str) -> Note:
    """A frame that gives nothing is only counted."""
    return Note("", counters=("frame_errors_count", f"frame_{reason}_count"))
