"""The line to a venue that goes on exactly where we stopped: when to dial, what to say. What is heard is ``ContinuousMarket``'s.

Sans-I/O like venue/protocol.py and with the same interface. A broken line is no event of the market: nothing of it reaches the
facts. Its timers (handshake, ping, dialing again) are on the real clock. Must not know sockets.
"""

from collections.abc import Iterator

from timing.backoff import BackoffSettings, Chance, backoff
from venue.continuous import ContinuousMarket
from venue.dialect import CHANNELS
from venue.effects import Close, Connect, Effect, Ended, Note
from venue.outgoing import Outgoing
from venue.phases import MOVES, Phase
from venue.protocol import NEVER
from venue.settings import LinkSettings
from venue.stream import Control
from venue.wire import END_OF_TAPE, Topic, subscribe

__all__ = ["ContinuousConnection"]

SECOND = 1_000_000_000
ENDED_REASON = f"closed_by_venue 1000 {END_OF_TAPE}"

SHORT = BackoffSettings(multiplier_s=0.05, shortest_s=0.1, longest_s=2.0)
"""The venue is on this machine and being restarted: nobody is hammered."""


class ContinuousConnection:
    """``wall_offset_ns`` is wall time minus the monotonic time of all arguments; ``due_ns``: when ``tick`` has something to do."""

    def __init__(self, market: ContinuousMarket, settings: LinkSettings, chance: Chance, wall_offset_ns: int = 0) -> None:
        self.phase = Phase.IDLE
        self.connection_id = 0
        self.due_ns = NEVER
        self.last_valid_ns = 0
        self._market = market
        self._settings = settings
        self._chance = chance
        self._wall_offset_ns = wall_offset_ns
        self._outgoing = Outgoing(settings.ping_s, settings.client_messages_per_s)
        self._waits: Iterator[float] = backoff(chance, SHORT)
        self._wait_s = 0.0
        self._attempts = 0
        self._lost_reason = ""
        self._step_ns = NEVER
        self._subscribed = False

    def interrupted(self, reason: str, last_heard_ns: int, now_ns: int) -> list[Effect]:
        """We were away, and the market waited for us: nobody is told."""
        self.last_valid_ns = last_heard_ns
        return []

    def start(self, now_ns: int) -> list[Effect]:
        """Dial for the first time."""
        self.last_valid_ns = self.last_valid_ns or now_ns
        return self._scheduled(self._dial(now_ns))

    def opened(self, connection_id: int, now_ns: int) -> list[Effect]:
        """The handshake is complete. The subscription follows the venue's connect frame, or a second without it."""
        if connection_id != self.connection_id or not self._move("opened"):
            return []
        self._step_ns = now_ns + int(self._settings.connect_frame_wait_s * SECOND)
        self._outgoing.restart(now_ns)
        return self._scheduled([Note("FEED_CONNECTED", {"connection": connection_id})])

    def accepts(self, connection_id: int) -> bool:
        """Whether frames of this connection are listened to; what an older one still had under way comes again on the next."""
        return connection_id == self.connection_id and self.phase is Phase.OPEN

    def received(self, connection_id: int, text: str, seen_ns: int) -> list[Effect]:
        """One text frame."""
        if not self.accepts(connection_id):
            return []
        heard = self._market.heard(text, seen_ns)
        if isinstance(heard, Control):
            return self._scheduled(self._on_control(heard, seen_ns))
        self.last_valid_ns = seen_ns
        if self._attempts:
            self._attempts, self._waits = 0, backoff(self._chance, SHORT)
        return heard

    def unreadable(self, reason: str) -> list[Effect]:
        """A frame that was no text at all (binary, not UTF-8)."""
        return [Note("", counters=("frame_errors_count", f"frame_{reason}_count"))]

    def lost(self, connection_id: int, reason: str, status: int, now_ns: int) -> list[Effect]:
        """The connection failed or ended; the venue's own words say when there is nothing more to come."""
        if connection_id != self.connection_id:
            return []
        if reason == ENDED_REASON and self.phase is Phase.OPEN:
            self._move("stop")
            return self._scheduled([Note("TAPE_ENDED", {"connection": connection_id}), Ended()])
        return self._scheduled(self._lose(reason, status, now_ns))

    def tick(self, now_ns: int) -> list[Effect]:
        """Time has passed: the timers, and what waits to be sent."""
        effects: list[Effect] = []
        if self.phase is Phase.WAITING and now_ns >= self._step_ns:
            effects = self._dial(now_ns)
        elif self.phase is Phase.CONNECTING and now_ns >= self._step_ns:
            effects = self._lose("connect_timeout", 0, now_ns)
        elif self.phase is Phase.OPEN and self._subscribed:
            effects = self._say_next(now_ns)
        elif self.phase is Phase.OPEN and now_ns >= self._step_ns:
            effects = self._subscribe(now_ns)
        return self._scheduled(effects)

    def stop(self) -> list[Effect]:
        """No more connections."""
        was_connected = self.phase in (Phase.CONNECTING, Phase.OPEN)
        self._move("stop")
        return self._scheduled([Close(self.connection_id, "stopped")] if was_connected else [])

    # ------------------------------------------------------------------------------------------------ the line

    def _on_control(self, control: Control, now_ns: int) -> list[Effect]:
        return self._subscribe(now_ns) if control.op == "connect" else []

    def _subscribe(self, now_ns: int) -> list[Effect]:
        """Everything in one frame, once: the venue goes on behind what we have on record when it hears it."""
        if self._subscribed:
            return []
        self._subscribed = True
        self._outgoing.keep_alive(now_ns)
        self._outgoing.put(subscribe([Topic(symbol, channel) for symbol in self._market.stream.symbols for channel in CHANNELS]))
        return self._say_next(now_ns)

    def _say_next(self, now_ns: int) -> list[Effect]:
        return self._outgoing.flush(now_ns, (now_ns + self._wall_offset_ns) // SECOND)

    def _dial(self, now_ns: int) -> list[Effect]:
        if not self._move("dial"):
            return []
        self.connection_id += 1
        self._step_ns = now_ns + int(self._settings.connect_timeout_s * SECOND)
        connect = Connect(self.connection_id)
        if self.connection_id == 1:
            return [connect]
        self._attempts += 1
        fields = {"attempt": self._attempts, "wait_s": round(self._wait_s, 3), "reason": self._lost_reason}
        return [Note("RECONNECT_ATTEMPT", fields, ("reconnect_attempt_count",)), connect]

    def _lose(self, reason: str, status: int, now_ns: int) -> list[Effect]:
        if not self._move("lost"):
            return []
        self._subscribed = False
        self._wait_s = next(self._waits)
        self._lost_reason = reason
        self._step_ns = now_ns + int(self._wait_s * SECOND)
        fields = {"connection": self.connection_id, "reason": reason, "status": status, "retry_in_s": round(self._wait_s, 3)}
        return [Close(self.connection_id, reason), Note("FEED_CLOSED", fields)]

    def _move(self, event: str) -> bool:
        phase = MOVES.get((self.phase, event))
        if phase is None:
            return False
        self.phase = phase
        return True

    def _scheduled(self, effects: list[Effect]) -> list[Effect]:
        """Called wherever a deadline may have come nearer."""
        due_ns = self._outgoing.due_ns if self.phase is Phase.OPEN and self._subscribed else self._step_ns
        self.due_ns = NEVER if self.phase is Phase.ENDED else due_ns
        return effects

