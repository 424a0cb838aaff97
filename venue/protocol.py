"""Everything the feed knows about its connection to the venue: what is stale, what is healthy, when that ends a connection.

Sans-I/O: clock, chance and events come in as arguments, what is to be done comes out as effects, in order. Must not know sockets.
"""

from timing.backoff import Chance
from trading.messages import MarketFact
from venue.dialect import UnknownSymbol
from venue.effects import Effect, Note, frame_refused
from venue.line import Line
from venue.liveness import Liveness
from venue.outgoing import NEVER
from venue.phases import Phase
from venue.pings import Pings
from venue.settings import LinkSettings
from venue.stream import Control, MarketStream
from venue.wire import Request, encode, subscribe

__all__ = ["NEVER", "MarketConnection"]

SECOND = 1_000_000_000
MS = 1_000_000


class MarketConnection:
    """The venue's market as a series of connections. ``wall_offset_ns`` is wall time minus the monotonic time of all arguments.

    ``due_ns``: when ``tick`` next has something to do. ``pace``: seconds of market time per second of ours (a tape's speed);
    limits on market data are in market time.
    """

    def __init__(
        self, stream: MarketStream, settings: LinkSettings, chance: Chance, wall_offset_ns: int = 0, pace: float = 1.0
    ) -> None:
        self.stream = stream
        self.due_ns = NEVER
        self.last_valid_ns = 0
        self._line = Line(stream.symbols, settings, chance, wall_offset_ns)
        self._stale_after_ns = int(settings.stale_after_s * SECOND / pace)
        self._liveness = Liveness(stream, settings, pace)
        self._silent_since_ns = NEVER
        self._silence_noted = False

    @property
    def phase(self) -> Phase:
        return self._line.phase

    @property
    def connection_id(self) -> int:
        return self._line.connection_id

    @property
    def pings(self) -> Pings:
        """Ours, and how long they took to come back."""
        return self._line.pings

    # ------------------------------------------------------------------------------------------------ events

    def interrupted(self, reason: str, last_heard_ns: int, now_ns: int) -> list[Effect]:
        """We ourselves were away since then (a restart): nobody heard the market meanwhile. Before ``start``."""
        self.last_valid_ns = last_heard_ns
        return self._all_stale(reason, now_ns) if self.stream.sequence else []

    def start(self, now_ns: int) -> list[Effect]:
        """Dial for the first time."""
        self._silent_since_ns = now_ns
        self.last_valid_ns = self.last_valid_ns or now_ns
        return self._scheduled(self._line.dial(now_ns))

    def opened(self, connection_id: int, now_ns: int) -> list[Effect]:
        """The handshake is complete."""
        effects = self._line.opened(connection_id, now_ns)
        if not effects:
            return []
        self._silent_since_ns, self._silence_noted = now_ns, False
        self.stream.connected()
        return self._scheduled(effects)

    def accepts(self, connection_id: int) -> bool:
        """Whether frames of this connection are listened to; what an older one still had under way is not."""
        return self._line.accepts(connection_id)

    def received(self, connection_id: int, text: str, seen_ns: int, now_ns: int) -> list[Effect]:
        """One text frame, received at ``seen_ns`` and read at ``now_ns``."""
        if not self.accepts(connection_id):
            return []
        heard = self.stream.heard(text, seen_ns)
        if isinstance(heard, MarketFact):
            return self._on_fact(heard, seen_ns)
        if isinstance(heard, Control):
            return self._scheduled(self._on_control(heard, seen_ns, now_ns))
        if isinstance(heard, UnknownSymbol):
            return self._liveness.unknown(heard.symbol)
        return [frame_refused(heard.reason)]

    def unreadable(self, reason: str) -> list[Effect]:
        """A frame that was no text at all (binary, not UTF-8)."""
        return [frame_refused(reason)]

    def lost(self, connection_id: int, reason: str, status: int, now_ns: int) -> list[Effect]:
        """The connection failed or ended. ``status`` is the HTTP status of a refused handshake, 0 for anything else."""
        return self._scheduled(self._lose(reason, status, now_ns)) if connection_id == self.connection_id else []

    def tick(self, now_ns: int) -> list[Effect]:
        """Time has passed: the watchdogs, the timers, what waits to be sent."""
        if self._is_silent(now_ns):
            effects = self._on_silence(now_ns)
        elif self.phase is Phase.OPEN:
            effects = self._look_after(now_ns)
        else:
            effects = self._line.tick(now_ns)
        return self._scheduled(effects)

    def stop(self) -> list[Effect]:
        """No more connections."""
        return self._scheduled(self._line.stop())

    # ------------------------------------------------------------------------------------------------ data

    def _on_fact(self, fact: MarketFact, seen_ns: int) -> list[Effect]:
        self.last_valid_ns = self._silent_since_ns = seen_ns
        self._silence_noted = False
        effects = self._liveness.heard(fact, seen_ns, seen_ns, {"connection": self.connection_id})
        if fact.symbol in self._liveness.live:
            self._line.proved_good()
        return effects if len(effects) == 1 else self._scheduled(effects)

    def _on_control(self, control: Control, seen_ns: int, now_ns: int) -> list[Effect]:
        if control.op == "connect":
            return self._subscribe(seen_ns)
        if control.op == "ping":
            self.pings.heard(control.pong, seen_ns, now_ns)
        if control.op == "subscribe" and b'"result":false' in control.data.replace(b" ", b""):
            answer = control.data[:200].decode("utf-8", "replace")
            return [Note("SUBSCRIBE_REFUSED", {"answer": answer}, ("subscribe_refused_count",))]
        return []

    # ------------------------------------------------------------------------------------------------ silence

    def _is_silent(self, now_ns: int) -> bool:
        """Nothing valid for too long, and it has not been said yet."""
        too_long = now_ns - self._silent_since_ns >= self._stale_after_ns
        return too_long and not self._silence_noted and self.phase is not Phase.ENDED

    def _on_silence(self, now_ns: int) -> list[Effect]:
        self._silence_noted = True
        age_ms = (now_ns - self.last_valid_ns) // MS
        effects: list[Effect] = [Note("ORDER_BOOK_STALE", {"age_ms": age_ms, "connection": self.connection_id}, ("stale_count",))]
        effects += self._all_stale("no_valid_message", now_ns)
        # The consumers hear it before the socket closes: closing may take its time.
        return effects + self._lose("no_valid_message", 0, now_ns) if self.phase is Phase.OPEN else effects

    def _all_stale(self, reason: str, now_ns: int) -> list[Effect]:
        return self._liveness.all_stale((now_ns - self.last_valid_ns) // MS, reason, now_ns)

    # ------------------------------------------------------------------------------------------------ the line

    def _look_after(self, now_ns: int) -> list[Effect]:
        """An open connection: subscription, single streams, and what waits to be sent."""
        if not self._line.subscribed:
            return self._subscribe(now_ns) if now_ns >= self._line.due_ns else []
        effects = self._liveness.overdue(now_ns, now_ns)
        if self._liveness.watch.hopeless(now_ns, self.last_valid_ns):
            return effects + self._lose("stream_silent", 0, now_ns)
        topics = self._liveness.watch.to_resubscribe(now_ns)
        if topics:
            self._line.say(encode(Request(op="unsubscribe", args=topics)), subscribe(topics))
        return effects + self._line.tick(now_ns)

    def _subscribe(self, now_ns: int) -> list[Effect]:
        """Every stream's contract begins with it."""
        if not self._line.subscribed:
            self._liveness.watch.restart(now_ns)
        return self._line.subscribe(now_ns)

    def _lose(self, reason: str, status: int, now_ns: int) -> list[Effect]:
        effects = self._line.lose(reason, status, now_ns)
        if not effects:
            return []
        self._liveness.distrust()
        # Before the socket closes, too.
        return self._all_stale("connection_lost", now_ns) + effects if self.stream.sequence else effects

    def _scheduled(self, effects: list[Effect]) -> list[Effect]:
        """Called wherever a deadline may have come nearer; data only ever moves them further away."""
        dues = [self._line.due_ns, NEVER if self._silence_noted else self._silent_since_ns + self._stale_after_ns]
        if self._line.subscribed:
            dues.append(self._liveness.watch.due_ns)
        self.due_ns = NEVER if self.phase is Phase.ENDED else min(dues)
        return effects
