"""Everything the feed knows about its connection to the venue: when to dial, what to say, what is stale, what is healthy.

Sans-I/O: clock, chance and events come in as arguments, what is to be done comes out as effects, in order. Must not know sockets.
"""

from collections.abc import Iterator

from timing.backoff import Chance, backoff
from trading.messages import MarketFact
from venue.dialect import UnknownSymbol
from venue.effects import Close, Connect, Effect, Note, Tell, TellStatus
from venue.freshness import Silence, StreamWatch
from venue.health import Health
from venue.outgoing import Outgoing
from venue.phases import MOVES, Phase
from venue.settings import LinkSettings
from venue.stream import EVERY_STREAM, Control, MarketStream
from venue.wire import Request, Topic, encode, subscribe

__all__ = ["NEVER", "MarketConnection"]

SECOND = 1_000_000_000
MS = 1_000_000
NEVER = 1 << 62
REFUSED_STATUSES = (403, 429)


class MarketConnection:
    """The venue's market as a series of connections. ``wall_offset_ns`` is wall time minus the monotonic time of all arguments.

    ``due_ns``: when ``tick`` next has something to do. ``pace``: seconds of market time per second of ours (a tape's speed);
    limits on market data are in market time.
    """

    def __init__(
        self, stream: MarketStream, settings: LinkSettings, chance: Chance, wall_offset_ns: int = 0, pace: float = 1.0
    ) -> None:
        self.stream = stream
        self.phase = Phase.IDLE
        self.connection_id = 0
        self.due_ns = NEVER
        self.last_valid_ns = 0
        self._settings = settings
        self._chance = chance
        self._wall_offset_ns = wall_offset_ns
        self._stale_after_ns = int(settings.stale_after_s * SECOND / pace)
        self._health = Health(settings)
        self._outgoing = Outgoing(settings.ping_s, settings.client_messages_per_s)
        self._watch = StreamWatch(stream.symbols, settings, pace)
        self._waits: Iterator[float] = backoff(chance, settings.backoff)
        self._wait_s = 0.0
        self._attempts = 0
        self._lost_reason = ""
        self._step_ns = NEVER
        self._subscribed = False
        self._silent_since_ns = NEVER
        self._silence_noted = False
        self._live: set[str] = set()
        self._told_stale: set[str] = set()
        self._unknown: set[str] = set()

    # ------------------------------------------------------------------------------------------------ events

    def interrupted(self, reason: str, last_heard_ns: int, now_ns: int) -> list[Effect]:
        """We ourselves were away since then (a restart): nobody heard the market meanwhile. Before ``start``."""
        self.last_valid_ns = last_heard_ns
        return self._tell_all_stale(reason, now_ns) if self.stream.sequence else []

    def start(self, now_ns: int) -> list[Effect]:
        """Dial for the first time."""
        self._silent_since_ns = now_ns
        self.last_valid_ns = self.last_valid_ns or now_ns
        return self._scheduled(self._dial(now_ns))

    def opened(self, connection_id: int, now_ns: int) -> list[Effect]:
        """The handshake is complete. The subscription follows the venue's connect frame, or a second without it."""
        if connection_id != self.connection_id or not self._move("opened"):
            return []
        self._silent_since_ns, self._silence_noted = now_ns, False
        self._step_ns = now_ns + int(self._settings.connect_frame_wait_s * SECOND)
        self._outgoing.restart(now_ns)
        self._health.restart()
        self.stream.connected()
        return self._scheduled([Note("FEED_CONNECTED", {"connection": connection_id})])

    def accepts(self, connection_id: int) -> bool:
        """Whether frames of this connection are listened to; what an older one still had under way is not."""
        return connection_id == self.connection_id and self.phase is Phase.OPEN

    def received(self, connection_id: int, text: str, seen_ns: int) -> list[Effect]:
        """One text frame."""
        if not self.accepts(connection_id):
            return []
        heard = self.stream.heard(text, seen_ns)
        if isinstance(heard, MarketFact):
            return self._on_fact(heard, seen_ns)
        if isinstance(heard, Control):
            return self._scheduled(self._on_control(heard, seen_ns))
        if isinstance(heard, UnknownSymbol):
            return self._on_unknown_symbol(heard.symbol)
        return [_refusal(heard.reason)]

    def unreadable(self, reason: str) -> list[Effect]:
        """A frame that was no text at all (binary, not UTF-8)."""
        return [_refusal(reason)]

    def lost(self, connection_id: int, reason: str, status: int, now_ns: int) -> list[Effect]:
        """The connection failed or ended. ``status`` is the HTTP status of a refused handshake, 0 for anything else."""
        return self._scheduled(self._lose(reason, status, now_ns)) if connection_id == self.connection_id else []

    def tick(self, now_ns: int) -> list[Effect]:
        """Time has passed: the watchdogs, the timers, what waits to be sent."""
        effects: list[Effect] = []
        if self._is_silent(now_ns):
            effects = self._on_silence(now_ns)
        elif self.phase is Phase.WAITING and now_ns >= self._step_ns:
            effects = self._dial(now_ns)
        elif self.phase is Phase.CONNECTING and now_ns >= self._step_ns:
            effects = self._lose("connect_timeout", 0, now_ns)
        elif self.phase is Phase.OPEN:
            effects = self._look_after(now_ns)
        return self._scheduled(effects)

    def stop(self) -> list[Effect]:
        """No more connections."""
        was_connected = self.phase in (Phase.CONNECTING, Phase.OPEN)
        self._move("stop")
        return self._scheduled([Close(self.connection_id, "stopped")] if was_connected else [])

    # ------------------------------------------------------------------------------------------------ data

    def _on_fact(self, fact: MarketFact, seen_ns: int) -> list[Effect]:
        self.last_valid_ns = self._silent_since_ns = seen_ns
        self._silence_noted = False
        self._health.heard(fact, seen_ns)
        effects: list[Effect] = [Tell(fact)]
        if self._watch.heard(fact, seen_ns):
            effects += self._stream_live(fact, seen_ns)
        if fact.symbol not in self._live and self._health.is_good(fact.symbol, seen_ns):
            effects += self._symbol_live(fact.symbol, seen_ns)
        return effects if len(effects) == 1 else self._scheduled(effects)

    def _symbol_live(self, symbol: str, now_ns: int) -> list[Effect]:
        """Only now is the connection a good one: attempts and backoff start anew."""
        self._live.add(symbol)
        self._told_stale.discard(symbol)
        self._attempts = 0
        self._waits = backoff(self._chance, self._settings.backoff)
        fact = self.stream.live(symbol, EVERY_STREAM, now_ns)
        effects: list[Effect] = [Note("FEED_LIVE", {"symbol": symbol, "connection": self.connection_id}), TellStatus(fact)]
        # For the listeners that ends every silence of the symbol: what is still silent has to be said again.
        return effects + self._stream_silences(self._watch.silences_of(symbol, now_ns), now_ns)

    def _stream_live(self, fact: MarketFact, now_ns: int) -> list[Effect]:
        channel = self._watch.channel_of(fact)
        live = self.stream.live(fact.symbol, channel, now_ns)
        return [Note("STREAM_LIVE", {"symbol": fact.symbol, "stream": channel}), TellStatus(live)]

    def _on_control(self, control: Control, now_ns: int) -> list[Effect]:
        if control.op == "connect":
            return self._subscribe(now_ns)
        if control.op == "subscribe" and b'"result":false' in control.data.replace(b" ", b""):
            answer = control.data[:200].decode("utf-8", "replace")
            return [Note("SUBSCRIBE_REFUSED", {"answer": answer}, ("subscribe_refused_count",))]
        return []

    def _on_unknown_symbol(self, symbol: str) -> list[Effect]:
        if symbol in self._unknown:
            return []
        self._unknown.add(symbol)
        self._watch.give_up(symbol)
        return [Note("UNKNOWN_SYMBOL", {"symbol": symbol}, ("frame_errors_count", "frame_unknown_symbol_count"))]

    # ------------------------------------------------------------------------------------------------ silence

    def _is_silent(self, now_ns: int) -> bool:
        """Nothing valid for too long, and it has not been said yet."""
        too_long = now_ns - self._silent_since_ns >= self._stale_after_ns
        return too_long and not self._silence_noted and self.phase is not Phase.ENDED

    def _on_silence(self, now_ns: int) -> list[Effect]:
        self._silence_noted = True
        age_ms = (now_ns - self.last_valid_ns) // MS
        effects: list[Effect] = [Note("ORDER_BOOK_STALE", {"age_ms": age_ms, "connection": self.connection_id}, ("stale_count",))]
        effects += self._tell_all_stale("no_valid_message", now_ns)
        # The consumers hear it before the socket closes: closing may take its time.
        return effects + self._lose("no_valid_message", 0, now_ns) if self.phase is Phase.OPEN else effects

    def _tell_all_stale(self, reason: str, now_ns: int) -> list[Effect]:
        age_ms = (now_ns - self.last_valid_ns) // MS
        symbols = [symbol for symbol in self.stream.symbols if symbol not in self._told_stale]
        self._told_stale.update(symbols)
        return [TellStatus(self.stream.stale(symbol, EVERY_STREAM, age_ms, reason, now_ns)) for symbol in symbols]

    def _stream_silences(self, silences: list[Silence], now_ns: int) -> list[Effect]:
        """Nothing is said of a market that was never heard: nobody trusts it yet."""
        effects: list[Effect] = []
        for silence in silences if self.stream.sequence else []:
            age_ms = silence.age_ns // MS
            fact = self.stream.stale(silence.symbol, silence.channel, age_ms, "stream_silent", now_ns)
            fields = {"symbol": silence.symbol, "stream": silence.channel, "age_ms": age_ms}
            effects += [Note("STREAM_STALE", fields, ("stale_count",)), TellStatus(fact)]
        return effects

    # ------------------------------------------------------------------------------------------------ the line

    def _look_after(self, now_ns: int) -> list[Effect]:
        """An open connection: subscription, single streams, and what waits to be sent."""
        if not self._subscribed:
            return self._subscribe(now_ns) if now_ns >= self._step_ns else []
        effects = self._stream_silences(self._watch.overdue(now_ns), now_ns)
        if self._watch.hopeless(now_ns, self.last_valid_ns):
            return effects + self._lose("stream_silent", 0, now_ns)
        topics = self._watch.to_resubscribe(now_ns)
        if topics:
            self._outgoing.put(encode(Request(op="unsubscribe", args=topics)), subscribe(topics))
        return effects + self._say_next(now_ns)

    def _subscribe(self, now_ns: int) -> list[Effect]:
        """One frame for everything: the safest way to respect the venue's limit on client messages."""
        if self._subscribed:
            return []
        self._subscribed = True
        self._watch.restart(now_ns)
        self._outgoing.keep_alive(now_ns)
        self._outgoing.put(subscribe([Topic(symbol, channel) for symbol, channel in self._watch.streams]))
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
        effects = self._tell_all_stale("connection_lost", now_ns) if self.stream.sequence else []
        self._live.clear()
        self._subscribed = False
        self._wait_s = next(self._waits)
        if status in REFUSED_STATUSES:
            self._wait_s = max(self._wait_s, self._settings.refused_wait_s)
        self._lost_reason = reason
        self._step_ns = now_ns + int(self._wait_s * SECOND)
        fields = {"connection": self.connection_id, "reason": reason, "status": status, "retry_in_s": round(self._wait_s, 3)}
        return [*effects, Close(self.connection_id, reason), Note("FEED_CLOSED", fields)]

    def _move(self, event: str) -> bool:
        phase = MOVES.get((self.phase, event))
        if phase is None:
            return False
        self.phase = phase
        return True

    def _scheduled(self, effects: list[Effect]) -> list[Effect]:
        """Called wherever a deadline may have come nearer; data only ever moves them further away."""
        dues = [NEVER if self._silence_noted else self._silent_since_ns + self._stale_after_ns]
        if self.phase is Phase.OPEN and self._subscribed:
            dues += [self._outgoing.due_ns, self._watch.due_ns]
        else:
            dues.append(self._step_ns)
        self.due_ns = NEVER if self.phase is Phase.ENDED else min(dues)
        return effects


def _refusal(reason: str) -> Note:
    return Note("", counters=("frame_errors_count", f"frame_{reason}_count"))
