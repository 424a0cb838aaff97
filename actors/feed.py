"""The feed: holds the venue's WebSocket, keeps the tape, publishes numbered market facts and gives again what somebody missed.

A thin shell: venue/protocol.py decides, venue/connection.py reads. What was heard is on the tape before anybody is told.
"""

from typing import Any

from actors.checkpoint import Checkpoint
from actors.envelopes import LegGiven, LegWanted, MarketTaken, MarketWanted, RestAnswered
from actors.feed_line import connection_for, fresh_market
from actors.feed_settings import FeedSettings
from actors.leg_metrics import WS, leg_gauges
from actors.market_memory import RetainedFacts
from actors.market_past import MarketPast
from actors.market_tape import MarketTape
from actors.process import Post, ProcessActor
from messaging.control import Drain
from messaging.mailbox import Delivery
from records.workspace import RunPaths
from timing.clock import monotonic_ns
from trading.latency import fit
from trading.messages import FeedLive, MarketFact
from trading.quantities import plain
from venue.connection import Arrival, Connection, Deliver
from venue.continuous import ContinuousMarket
from venue.dialect import MAX_FRAME_CHARACTERS
from venue.effects import Close, Connect, Effect, Ended, Note, Send, Tell, TellStatus
from venue.phases import Phase
from venue.protocol import NEVER
from venue.stream import EVERY_STREAM, MarketStream

__all__ = ["Feed", "FeedSettings"]

MS = 1_000_000
FAREWELL_NS = 500 * MS
FAREWELL_S = 0.5

LEVELS = {
    **dict.fromkeys(("RECONNECT_ATTEMPT", "FEED_CLOSED", "ORDER_BOOK_STALE", "STREAM_STALE"), "warning"),
    **dict.fromkeys(("UNKNOWN_SYMBOL", "SUBSCRIBE_REFUSED"), "error"),
}


class Feed(ProcessActor):
    """Channels: publishes on ``market``, serves ``feed`` (MarketWanted, MarketTaken, LegWanted, RestAnswered). Milestones: ``live``,
    and ``ended`` when a recording has been told to its end."""

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self._settings: FeedSettings = post.settings
        self._stream = MarketStream(self._settings.symbols)
        self._retained = RetainedFacts(self._settings.link.retained_facts)
        self._connections: dict[int, Connection] = {}
        self._armed_ns = NEVER
        self._was_live = False
        self._ending = False
        self._ended = False
        self._taken = 0
        self._lead = min(self._settings.lead_limit, self._settings.link.retained_facts // 2)
        self.counters.update(reconnect_attempt_count=0, frames_count=0, frame_errors_count=0, stale_count=0)

    def open(self) -> None:
        self._recover()
        self._publisher = self.post.channels.publisher("market")
        self._server = self.post.channels.server("feed")
        wire, self._make_writer = self.post.channels.pipe("wire")
        self.listen("asked", self._server, self._on_asked)
        self.listen("wire", wire, self._on_arrival)
        now_ns = monotonic_ns()
        if self._tape.resumed:
            self._carry_out(self._link.interrupted("feed_restarted", self._tape.last_ns, now_ns))
        self._carry_out(self._link.start(now_ns))
        self.serve(sequence=self._stream.sequence)
        if self._was_live:
            self.reached("live")  # told in an earlier life, which may have ended before it could say so
        self._keep_lead()

    def report(self) -> dict[str, Any]:
        now_ns = monotonic_ns()
        self.gauges["feed_connected"] = float(self._link.phase is Phase.OPEN)
        self.gauges["message_age_ms"] = (now_ns - self._link.last_valid_ns) / MS
        self.gauges |= leg_gauges(WS, fit(self._link.pings.round_trips_ns))
        self.counters |= self._link.pings.counts
        symbols = {}
        for symbol in self._stream.symbols:
            known = self._stream.last_known_book(symbol)
            if known is not None:
                age_ms = (now_ns - known.book.seen_ns) / MS
                self.gauges["book_age_ms"] = age_ms
                bid, ask = plain(known.book.bids[0][0]), plain(known.book.asks[0][0])
                symbols[symbol] = {"bid": bid, "ask": ask, "age_s": round(age_ms / 1000, 3), "live": known.live}
        return {"symbols": symbols}

    def on_drain(self, drain: Drain) -> None:
        """Hang up, end the tape, and stay for whoever still misses something."""
        self._ending = True
        self._carry_out(self._link.stop())
        self.post.mailbox.unmute("wire")
        self.after("farewell", FAREWELL_NS, lambda _: self._end())
        self._end_when_quiet()

    def on_stop(self) -> None:
        self._carry_out(self._link.stop())
        for connection in self._connections.values():
            connection.join(FAREWELL_S)
        self._close_tape()

    def on_failure(self, *_: object) -> None:
        """The tape stays as it is: the next incarnation resumes it."""
        for connection in self._connections.values():
            connection.abort()

    # ---------------------------------------------------------------------------------------- what arrives

    def _on_arrival(self, delivery: Delivery) -> None:
        """From a connection's thread: (kind, connection, payload, seen_ns)."""
        self.failpoints.reach("on_arrival")
        kind, number, payload, seen = delivery.message
        connection_id, seen_ns = int(number), int(seen)
        match Arrival(kind.decode()):
            case Arrival.TEXT:
                self._on_text(connection_id, payload, seen_ns)
            case Arrival.BINARY:
                self._carry_out(self._link.unreadable("binary"))
            case Arrival.OPENED:
                self._carry_out(self._link.opened(connection_id, seen_ns))
            case Arrival.CLOSED:
                status, _, reason = payload.decode().partition(" ")
                self._connections.pop(connection_id, None)
                self._carry_out(self._link.lost(connection_id, reason, int(status), seen_ns))
                self._end_when_quiet()
        self._past.keep(self._market, self._stream.sequence)
        self._arm()
        self._keep_lead()

    def _on_text(self, connection_id: int, payload: bytes, seen_ns: int) -> None:
        """Only what can give a fact goes on the tape: telling it again must give the same facts."""
        if not self._link.accepts(connection_id):
            return
        self.count("frames_count")
        now_ns = monotonic_ns()
        if len(payload) > MAX_FRAME_CHARACTERS:
            self._carry_out(self._link.unreadable("frame_too_large"))
            return
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            self._carry_out(self._link.unreadable("not_utf8"))
            return
        self.failpoints.reach("before_record")
        self._tape.heard(text, seen_ns)
        self.failpoints.reach("after_record")
        self._carry_out(self._link.received(connection_id, text, seen_ns, now_ns))

    def _on_asked(self, delivery: Delivery) -> None:
        self.failpoints.reach("on_asked")
        message = delivery.message
        if isinstance(message, MarketWanted) and delivery.peer is not None:
            self._server.send(delivery.peer, self._retained.page(message, self._stream.sequence, self._ended))
        elif isinstance(message, MarketTaken):
            self._taken = message.sequence
            self._keep_lead()
        elif isinstance(message, LegWanted) and delivery.peer is not None:
            leg_latency = fit(self._link.pings.round_trips_ns)
            self._server.send(delivery.peer, LegGiven(leg_latency=leg_latency, final=self._ended or self._is_far_ahead))
        elif isinstance(message, RestAnswered):
            self._tape.answered(message.path, message.query, message.status, message.body, monotonic_ns())
        else:
            self.count("unexpected_message_count")

    def _keep_lead(self) -> None:
        """Read no further than the lead: the pipe, the connection and the venue behind it wait meanwhile."""
        if self._is_far_ahead:
            self.post.mailbox.mute("wire")
        else:
            self.post.mailbox.unmute("wire")

    @property
    def _is_far_ahead(self) -> bool:
        return self._settings.continuous and not self._ending and self._stream.sequence - self._taken >= self._lead

    def _on_watch(self, _: Delivery) -> None:
        now_ns = monotonic_ns()
        if now_ns < self._armed_ns:
            return  # an older timer; a nearer or later one took its place
        self._armed_ns = NEVER
        self._carry_out(self._link.tick(now_ns))
        self._arm()

    def _arm(self) -> None:
        """One timer for the protocol's next deadline; set anew only when that comes nearer."""
        due_ns = self._link.due_ns
        if due_ns < self._armed_ns:
            self._armed_ns = due_ns
            self.after("watch", max(0, due_ns - monotonic_ns()), self._on_watch)

    # ---------------------------------------------------------------------------------------- what is to be done

    def _carry_out(self, effects: list[Effect]) -> None:
        """In this order: consumers hear of staleness before the socket is closed."""
        for effect in effects:
            match effect:
                case Tell(fact):
                    self._tell(fact)
                case TellStatus(fact):
                    self._tape.found(fact)
                    self._tell(fact)
                    self._note_milestone(fact)
                case Note(event, fields, counters):
                    self._note(event, fields, counters)
                case Ended():
                    self._ended = True
                    self.reached("ended")
                case Connect(connection_id):
                    self._connect(connection_id)
                case Send(text):
                    self._send(text)
                case Close(connection_id):
                    if connection_id in self._connections:
                        self._connections[connection_id].abort()
        self._arm()

    def _tell(self, fact: MarketFact) -> None:
        self._retained.keep(fact)
        self._publisher.send(fact)
        self.failpoints.reach("after_tell")

    def _note_milestone(self, fact: MarketFact) -> None:
        if not self._was_live and _is_live(fact):
            self._was_live = True
            self.reached("live")

    def _note(self, event: str, fields: dict[str, Any], counters: tuple[str, ...]) -> None:
        for counter in counters:
            self.count(counter)
        if event:
            getattr(self.log, LEVELS.get(event, "info"))(event, **fields)
        detail = " ".join(f"{key}={value}" for key, value in fields.items())
        if event == "FEED_CONNECTED":
            self._tape.connected(detail, monotonic_ns())
        elif event in ("FEED_CLOSED", "TAPE_ENDED"):
            self._tape.closed(detail, monotonic_ns())

    def _connect(self, connection_id: int) -> None:
        link = self._settings.link
        connection = Connection(
            self._settings.ws_url, connection_id, self._open_delivery, link.connect_timeout_s, link.largest_frame_bytes
        )
        self._connections[connection_id] = connection
        connection.start()

    def _open_delivery(self) -> tuple[Deliver, Any]:
        """Called in the connection's thread: a pipe has one writer per thread."""
        writer = self._make_writer()

        def deliver(kind: Arrival, connection_id: int, payload: bytes, seen_ns: int) -> None:
            writer.write(kind.encode(), b"%d" % connection_id, payload, b"%d" % seen_ns)

        return deliver, writer.close

    def _send(self, text: str) -> None:
        connection = self._connections.get(self._link.connection_id)
        if connection is not None and not connection.send(text):
            connection.abort()  # its end is then reported like any other

    # ---------------------------------------------------------------------------------------- beginning and end

    def _recover(self) -> None:
        """Go on with this run's tape if there is one: number, books and retained facts as they were."""
        settings, post = self._settings, self.post
        self._tape = MarketTape(RunPaths(post.run_directory).tape, settings.symbols, f"run {post.run_id}")
        fits = f"{post.run_id} {post.codec_fingerprint} {settings.symbols} {settings.link}"
        checkpoint = Checkpoint.of_run(RunPaths(post.run_directory), post.name, fits)
        self._past = MarketPast(self._tape, self._retained, checkpoint, lambda: fresh_market(settings))
        self._market = self._past.recover()
        self._stream = self._market.stream if isinstance(self._market, ContinuousMarket) else self._market
        self._was_live = settings.continuous and any(map(_is_live, self._retained.standing()))
        self._link = connection_for(settings, self._market, post.incarnation, self._tape.wall_offset_ns)

    def _end_when_quiet(self) -> None:
        if self._ending and not self._connections:
            self._end()

    def _end(self) -> None:
        if not self._tape.is_closed:
            self._tape.end()
            self.drained(sequence=self._stream.sequence)

    def _close_tape(self) -> None:
        problem = self._tape.close()
        if problem is not None:
            self.log.warning("TAPE_NOT_CLOSED", reason=problem)


def _is_live(fact: MarketFact) -> bool:
    return isinstance(fact, FeedLive) and fact.stream == EVERY_STREAM
