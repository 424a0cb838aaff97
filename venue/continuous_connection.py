"""The connection to a venue that goes on exactly where we stopped. What is heard on it is ``ContinuousMarket``'s.

Sans-I/O like venue/protocol.py and with the same interface. A broken line is no event of the market: nothing of it reaches the
facts. Its timers (handshake, ping, dialing again) are on the real clock. Must not know sockets.
"""

import msgspec

from timing.backoff import BackoffSettings, Chance
from venue.continuous import ContinuousMarket
from venue.effects import Effect, Ended, Note, frame_refused
from venue.line import Line
from venue.phases import Phase
from venue.pings import Pings
from venue.settings import LinkSettings
from venue.stream import Control
from venue.wire import END_OF_TAPE

__all__ = ["ContinuousConnection"]

ENDED_REASON = f"closed_by_venue 1000 {END_OF_TAPE}"

SHORT = BackoffSettings(multiplier_s=0.05, shortest_s=0.1, longest_s=2.0)
"""The venue is on this machine and being restarted: nobody is hammered."""


class ContinuousConnection:
    """``wall_offset_ns`` is wall time minus the monotonic time of all arguments; ``due_ns``: when ``tick`` has something to do."""

    def __init__(self, market: ContinuousMarket, settings: LinkSettings, chance: Chance, wall_offset_ns: int = 0) -> None:
        self.last_valid_ns = 0
        self._market = market
        patience = msgspec.structs.replace(settings, backoff=SHORT, refused_wait_s=SHORT.shortest_s)
        self._line = Line(market.stream.symbols, patience, chance, wall_offset_ns)

    @property
    def phase(self) -> Phase:
        return self._line.phase

    @property
    def connection_id(self) -> int:
        return self._line.connection_id

    @property
    def due_ns(self) -> int:
        return self._line.due_ns

    @property
    def pings(self) -> Pings:
        """Ours, and how long they took to come back."""
        return self._line.pings

    def interrupted(self, reason: str, last_heard_ns: int, now_ns: int) -> list[Effect]:
        """We were away, and the market waited for us: nobody is told."""
        self.last_valid_ns = last_heard_ns
        return []

    def start(self, now_ns: int) -> list[Effect]:
        """Dial for the first time."""
        self.last_valid_ns = self.last_valid_ns or now_ns
        return self._line.dial(now_ns)

    def opened(self, connection_id: int, now_ns: int) -> list[Effect]:
        """The handshake is complete."""
        return self._line.opened(connection_id, now_ns)

    def accepts(self, connection_id: int) -> bool:
        """Whether frames of this connection are listened to; what an older one still had under way comes again on the next."""
        return self._line.accepts(connection_id)

    def received(self, connection_id: int, text: str, seen_ns: int, now_ns: int) -> list[Effect]:
        """One text frame, received at ``seen_ns`` and read at ``now_ns``. The venue goes on behind what we have on record when it hears
        our subscription."""
        if not self.accepts(connection_id):
            return []
        heard = self._market.heard(text, seen_ns)
        if isinstance(heard, Control):
            return self._on_control(heard, seen_ns, now_ns)
        self.last_valid_ns = seen_ns
        self._line.proved_good()
        return heard

    def unreadable(self, reason: str) -> list[Effect]:
        """A frame that was no text at all (binary, not UTF-8)."""
        return [frame_refused(reason)]

    def lost(self, connection_id: int, reason: str, status: int, now_ns: int) -> list[Effect]:
        """The connection failed or ended; the venue's own words say when there is nothing more to come."""
        if connection_id != self.connection_id:
            return []
        if reason == ENDED_REASON and self.phase is Phase.OPEN:
            self._line.stop()
            return [Note("TAPE_ENDED", {"connection": connection_id}), Ended()]
        return self._line.lose(reason, status, now_ns)

    def tick(self, now_ns: int) -> list[Effect]:
        """Time has passed: the timers, and what waits to be sent."""
        return self._line.tick(now_ns)

    def stop(self) -> list[Effect]:
        """No more connections."""
        return self._line.stop()

    def _on_control(self, control: Control, seen_ns: int, now_ns: int) -> list[Effect]:
        if control.op == "ping":
            self.pings.heard(control.pong, seen_ns, now_ns)
        return self._line.subscribe(seen_ns) if control.op == "connect" else []
