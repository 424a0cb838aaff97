"""The exchange floor inside the event loop: virtual time, pushes to their subscribers, REST, limits and faults.

Everything here runs in one thread. The market goes forward only through `pump`, so that a push always shows the market
of its own instant, however late the loop is.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from venue import wire
from venue.stand_in.clock import VirtualClock, monotonic_ns
from venue.stand_in.distortions import Distortions
from venue.stand_in.faults import FaultSchedule
from venue.stand_in.http_answer import HttpAnswer, edge_page
from venue.stand_in.limits import SECOND_NS, RestLimits
from venue.stand_in.rest import error_body
from venue.stand_in.session import Session
from venue.stand_in.settings import StandInSettings
from venue.stand_in.source import MarketSource, Push
from venue.wire import Topic

PUMP_AT_LEAST_S = 1.0
"""Also with nobody listening, so that the market never has more than this to catch up."""

RATE_LIMIT_TEXTS = {"10005": "Too many requests, please try again later", "10006": "Request too frequently"}


class Stats(Struct):
    """What happened since the start."""

    connections: int = 0
    attempts: int = 0
    frames_sent: int = 0
    rest_requests: int = 0
    rate_limit_answers: int = 0
    refusals: int = 0
    aborts: int = 0


class Floor:
    """The one place that knows all sessions. Build it inside the running loop."""

    def __init__(self, settings: StandInSettings, source: MarketSource, on_origin: Callable[[int], None]) -> None:
        self.settings = settings
        self.clock = VirtualClock(source.start_ns, settings.origin_mono_ns, settings.speed)
        self._loop = asyncio.get_running_loop()
        self._source = source
        self._on_origin = on_origin
        self._stats = Stats()
        self._sessions: dict[Session, None] = {}
        self._listeners: dict[Topic, dict[Session, None]] = {}
        self._newest: Session | None = None
        self._limits = RestLimits(settings.rest_per_endpoint_per_s, settings.global_rest_per_s,
                                  settings.global_rest_burst)
        self._refusing_until_ns = 0
        self._struck_ns = monotonic_ns()
        self._faults = FaultSchedule(settings.faults, self._struck_ns, settings.speed)
        self._distortions = Distortions()
        self._timer: asyncio.TimerHandle | None = None
        if settings.origin_mono_ns is not None:
            self._faults.begin(settings.origin_mono_ns)
            self.pump()

    @property
    def symbols(self) -> Collection[str]:
        return self._source.symbols

    def now_ns(self) -> int:
        return self.clock.now_ns()

    def stats(self) -> Stats:
        return replace(self._stats)

    def close(self) -> None:
        """Drop everybody and stop."""
        if self._timer is not None:
            self._timer.cancel()
        for session in list(self._sessions):
            session.abort()

    # ---- time

    def pump(self) -> None:
        """Bring the market to now: send what was due on the way, let faults strike, and come back for the next push."""
        for push in [] if self._is_held() else self._source.pushes(self.clock.now_ns(), self._listeners.keys()):
            due_ns = self.clock.mono_ns_at(push.at_ns)
            self._strike_until(due_ns)
            self._tell(push, due_ns)
        now_ns = monotonic_ns()
        self._strike_until(now_ns)
        if self._source.ended:
            self._let_go()
        self._come_back(now_ns)

    def _is_held(self) -> bool:
        """A patient source waits for its newest listener, who calls `pump` when there is room again."""
        return self._source.patient and self._newest is not None and self._newest.congested

    def _let_go(self) -> None:
        for session in list(self._sessions):
            if session.has_subscribed:
                session.finish(wire.END_OF_TAPE)

    def _come_back(self, now_ns: int) -> None:
        waits_s = [PUMP_AT_LEAST_S]
        next_push_ns = self._source.next_push_ns(self._listeners.keys())
        if next_push_ns is not None and self.clock.origin_mono_ns is not None and not self._is_held():
            waits_s.append(self.clock.real_s_until(next_push_ns))
        next_fault_ns = self._faults.next_ns(now_ns)
        if next_fault_ns is not None:
            waits_s.append((next_fault_ns - now_ns) / SECOND_NS)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(max(0.0, min(waits_s)), self.pump)

    def _tell(self, push: Push, due_ns: int) -> None:
        """Send a push as the faults of its own instant leave it: the same frames, however late the loop is."""
        listeners = list(self._listeners.get(push.topic, {}))
        for altered in self._altered(push, due_ns) if self.settings.faults else [push]:
            for session in listeners:
                session.push(altered)

    def _altered(self, push: Push, due_ns: int) -> list[Push]:
        if self._faults.active("freeze", due_ns) or self._faults.active("pongs_only", due_ns):
            return []
        return self._distortions.applied(
            push, lambda kind, stream: self._faults.active(kind, due_ns, stream) is not None)

    # ---- faults

    def is_on(self, kind: str) -> bool:
        """Whether a fault that lasts is under way."""
        return bool(self.settings.faults) and self._faults.active(kind, monotonic_ns()) is not None

    def _strike_until(self, now_ns: int) -> None:
        for fault in self._faults.struck(self._struck_ns, now_ns):
            self._strike(fault.kind)
        self._struck_ns = max(self._struck_ns, now_ns)

    def _strike(self, kind: str) -> None:
        for session in [session for session in self._sessions if session.is_websocket]:
            if kind == "cut":
                self.count_abort()
                session.abort(reset=True)
            else:
                session.cut_mid_frame = True

    # ---- what sessions tell

    def arrived(self, session: Session) -> None:
        self._sessions[session] = None
        self._stats.connections += 1

    def left(self, session: Session, topics: list[Topic]) -> None:
        self._sessions.pop(session, None)
        if session is self._newest:
            self._newest = None
        self.unsubscribe(session, topics)

    def welcome(self) -> HttpAnswer | Literal["half_open", "reset"] | None:
        """How to meet a client that wants a WebSocket; None is to let it in."""
        now_ns = monotonic_ns()
        self._stats.attempts += 1
        self._faults.note_attempt(now_ns)
        self._come_back(now_ns)  # a fault may count from this attempt
        if self.is_on("half_open"):
            return "half_open"
        refusal = self._faults.active("refuse", now_ns)
        if refusal is None and now_ns >= self._refusing_until_ns:
            return None
        self._stats.refusals += 1
        target = refusal.target if refusal is not None else "429"
        return "reset" if target == "reset" else edge_page(int(target or "403"))

    def flooded(self) -> None:
        """A client sent too many frames."""
        self._refusing_until_ns = monotonic_ns() + int(self.settings.flood_refusal_s * SECOND_NS)

    def subscribe(self, session: Session, topics: list[Topic]) -> None:
        """Add a listener; the first one ever starts the time. Unknown topics stay silent."""
        self.pump()
        if not session.has_subscribed:
            session.has_subscribed = True
            self._newest = session
            self._source.cue(topics)
        for topic in topics:
            if self._source.serves(topic):
                self._listeners.setdefault(topic, {})[session] = None
        if self.clock.origin_mono_ns is None:
            self._begin()
        if self._source.ended:
            self._let_go()
        self._come_back(monotonic_ns())

    def _begin(self) -> None:
        self.clock.start()
        assert self.clock.origin_mono_ns is not None
        self._faults.begin(self.clock.origin_mono_ns)
        self._on_origin(self.clock.origin_mono_ns)

    def unsubscribe(self, session: Session, topics: list[Topic]) -> None:
        for topic in topics:
            listeners = self._listeners.get(topic, {})
            listeners.pop(session, None)
            if not listeners:
                self._listeners.pop(topic, None)

    def count_frame(self) -> None:
        self._stats.frames_sent += 1

    def count_abort(self) -> None:
        self._stats.aborts += 1

    # ---- REST

    def answer(self, target: str) -> HttpAnswer:
        """Answer a GET for a path with its query."""
        self._stats.rest_requests += 1
        now_ns = monotonic_ns()
        url = urlsplit(target)
        fault = self._faults.active("rest_error", now_ns)
        if fault is not None:
            return self._failure(fault.target)
        if self.settings.enforce_limits and not self._limits.allows(url.path, now_ns):
            return self._failure(self.settings.rate_limit_answer)
        self.pump()
        return self._source.answer(url.path, dict(parse_qsl(url.query)))

    def _failure(self, what: str) -> HttpAnswer:
        """An answer that is no answer: a rate limit, an error of the server or a page of the edge."""
        if what in RATE_LIMIT_TEXTS:
            self._stats.rate_limit_answers += 1
            return HttpAnswer(200, error_body(int(what), RATE_LIMIT_TEXTS[what]))
        if what == "429":
            self._stats.rate_limit_answers += 1
            return edge_page(429)
        if what == "500":
            return HttpAnswer(500, error_body(wire.CODE_NETWORK_ERROR, "Network Error"))
        return edge_page(403)
