"""The line to the venue, whatever is heard on it: when to dial, how long a handshake may take, the subscription, the pings.

Sans-I/O, for those who listen on it (venue/protocol.py, venue/continuous_connection.py). Must not know markets or sockets.
"""

from collections.abc import Iterator, Sequence

from timing.backoff import Chance, backoff
from venue.dialect import CHANNELS
from venue.effects import Close, Connect, Effect, Note
from venue.outgoing import NEVER, Outgoing
from venue.phases import MOVES, Phase
from venue.pings import Pings
from venue.settings import LinkSettings
from venue.wire import Topic, subscribe

__all__ = ["Line"]

SECOND = 1_000_000_000
REFUSED_STATUSES = (403, 429)


class Line:
    """One connection after the other. What the phase does not allow has no effects and changes nothing.

    ``subscribed``: open, and the venue was told what we want. ``wall_offset_ns`` is wall time minus the monotonic time of all
    arguments.
    """

    def __init__(self, symbols: Sequence[str], settings: LinkSettings, chance: Chance, wall_offset_ns: int) -> None:
        self.phase = Phase.IDLE
        self.connection_id = 0
        self.subscribed = False
        self._topics = [Topic(symbol, channel) for symbol in symbols for channel in CHANNELS]
        self._settings = settings
        self._chance = chance
        self._wall_offset_ns = wall_offset_ns
        self._outgoing = Outgoing(settings.ping_s, settings.client_messages_per_s)
        self._waits: Iterator[float] = backoff(chance, settings.backoff)
        self._wait_s = 0.0
        self._attempts = 0
        self._lost_reason = ""
        self._step_ns = NEVER

    @property
    def pings(self) -> Pings:
        """Of all connections."""
        return self._outgoing.pings

    @property
    def due_ns(self) -> int:
        """When ``tick`` next has something to do."""
        if self.phase is Phase.ENDED:
            return NEVER
        return self._outgoing.due_ns if self.subscribed else self._step_ns

    def accepts(self, connection_id: int) -> bool:
        """Whether frames of this connection are listened to; what an older one still had under way is not."""
        return connection_id == self.connection_id and self.phase is Phase.OPEN

    def dial(self, now_ns: int) -> list[Effect]:
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

    def opened(self, connection_id: int, now_ns: int) -> list[Effect]:
        """The handshake is complete. The subscription follows the venue's connect frame, or a second without it."""
        if connection_id != self.connection_id or not self._move("opened"):
            return []
        self._step_ns = now_ns + int(self._settings.connect_frame_wait_s * SECOND)
        self._outgoing.restart(now_ns)
        return [Note("FEED_CONNECTED", {"connection": connection_id})]

    def subscribe(self, now_ns: int) -> list[Effect]:
        """Everything in one frame, once a connection: the safest way to respect the venue's limit on client messages."""
        if self.subscribed or self.phase is not Phase.OPEN:
            return []
        self.subscribed = True
        self._outgoing.keep_alive(now_ns)
        self._outgoing.put(subscribe(self._topics))
        return self._say_next(now_ns)

    def say(self, *texts: str) -> None:
        """Frames for the coming ticks. Only while ``subscribed``."""
        self._outgoing.put(*texts)

    def tick(self, now_ns: int) -> list[Effect]:
        """Time has passed: dial again, give up a handshake, subscribe, or send what waits."""
        if now_ns >= self.due_ns:
            match self.phase:
                case Phase.WAITING:
                    return self.dial(now_ns)
                case Phase.CONNECTING:
                    return self.lose("connect_timeout", 0, now_ns)
                case Phase.OPEN:
                    return self._say_next(now_ns) if self.subscribed else self.subscribe(now_ns)
        return []

    def lose(self, reason: str, status: int, now_ns: int) -> list[Effect]:
        """The connection is over. ``status`` is the HTTP status of a refused handshake, 0 for anything else."""
        if not self._move("lost"):
            return []
        self.subscribed = False
        self._wait_s = next(self._waits)
        if status in REFUSED_STATUSES:
            self._wait_s = max(self._wait_s, self._settings.refused_wait_s)
        self._lost_reason = reason
        self._step_ns = now_ns + int(self._wait_s * SECOND)
        fields = {"connection": self.connection_id, "reason": reason, "status": status, "retry_in_s": round(self._wait_s, 3)}
        return [Close(self.connection_id, reason), Note("FEED_CLOSED", fields)]

    def proved_good(self) -> None:
        """Not merely connected: attempts and backoff start anew."""
        if self._attempts:
            self._attempts, self._waits = 0, backoff(self._chance, self._settings.backoff)

    def stop(self) -> list[Effect]:
        """No more connections."""
        was_connected = self.phase in (Phase.CONNECTING, Phase.OPEN)
        self._move("stop")
        self.subscribed = False
        return [Close(self.connection_id, "stopped")] if was_connected else []

    def _say_next(self, now_ns: int) -> list[Effect]:
        return self._outgoing.flush(now_ns, (now_ns + self._wall_offset_ns) // SECOND)

    def _move(self, event: str) -> bool:
        phase = MOVES.get((self.phase, event))
        if phase is None:
            return False
        self.phase = phase
        return True
