"""One TCP connection to the stand-in: REST requests until it becomes a WebSocket, then the venue's frames.

It reads and writes bytes around websockets' sans-I/O protocol, so that faults can have single bytes. What there is to
say is the floor's business. It runs in the floor's event loop and nowhere else.
"""

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

import msgspec
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from venue import wire
from venue.stand_in.clock import monotonic_ns
from venue.stand_in.limits import SECOND_NS, Window
from venue.stand_in.source import Push
from venue.wire import Topic

if TYPE_CHECKING:
    from venue.stand_in.floor import Floor

TOPICS_MAX = 300
CLIENT_FRAMES_PER_S = 5
CLIENT_FRAME_BYTES_MAX = 1 << 16
UNSENT_BYTES_MAX = 8 << 20
"""A client that lets this much pile up is cut off."""

DRIP_S = 0.7
PING_FIRST_GRACE_S = 1.5
NORMAL_CLOSE = 1000
EMPTY_LEVELS = [("", "")] * 15


class Session(asyncio.Protocol):
    """A client, from its connection to its end."""

    def __init__(self, floor: "Floor") -> None:
        self._floor = floor
        self._settings = floor.settings
        self._loop = asyncio.get_running_loop()
        self._websocket = ServerProtocol(max_size=CLIENT_FRAME_BYTES_MAX)
        self._transport: asyncio.Transport
        self._window = Window(CLIENT_FRAMES_PER_S)
        self._opened_s = 0
        self._heard_ns = monotonic_ns()
        self._spoke = False
        self._deaf = False
        self._idle_timer: asyncio.TimerHandle | None = None
        self._dripping: bytes | None = None
        self._topics: dict[Topic, None] = {}
        self._awaiting_opening: set[Topic] = set()
        self.cut_mid_frame = False
        self.congested = False
        self.has_subscribed = False

    # ---- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._floor.arrived(self)
        self._watch_idle()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._websocket.receive_data(data)
        for event in self._websocket.events_received():
            if self._deaf or self._transport.is_closing():
                return
            if isinstance(event, Request):
                self._asked(event)
            elif isinstance(event, Frame):
                self._heard(event)
        self._reply()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._deaf = True
        self._floor.left(self, list(self._topics))

    def pause_writing(self) -> None:
        """The client takes less than it is sent."""
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        self._floor.pump()

    # ---- what the floor does to a session

    @property
    def is_websocket(self) -> bool:
        return self._websocket.state is State.OPEN and bool(self._opened_s)

    def push(self, push: Push) -> None:
        """Send one push; a stream that opens with a snapshot opens for every session anew."""
        if push.topic in self._awaiting_opening:
            self._awaiting_opening.discard(push.topic)
            self._send(push.opening or push.text)
        else:
            self._send(push.text)

    def finish(self, reason: str) -> None:
        """A normal close behind everything that was sent."""
        if self.is_websocket:
            self._websocket.send_close(NORMAL_CLOSE, reason)
            self._reply()

    def abort(self, *, reset: bool = False) -> None:
        """Drop the connection without a close frame; `reset` makes the kernel send RST and forget what was not yet
        sent.
        """
        self._deaf = True
        if reset:
            linger = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()

    def drop(self) -> None:
        """Abort and count it."""
        self._floor.count_abort()
        self.abort()

    # ---- requests

    def _asked(self, request: Request) -> None:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            self._upgrade(request)
            return
        answer = self._floor.answer(request.path)
        self._transport.write(answer.to_bytes())
        if answer.close or request.headers.get("Connection", "").lower() == "close":
            self._transport.close()
        self._websocket = ServerProtocol(max_size=CLIENT_FRAME_BYTES_MAX)  # ready for the next request
        self._heard_ns = monotonic_ns()

    def _upgrade(self, request: Request) -> None:
        welcome = self._floor.welcome()
        if welcome == "half_open":
            self._deaf = True
        elif welcome == "reset":
            self.abort(reset=True)
        elif welcome is not None:
            self._transport.write(welcome.to_bytes())
            self._transport.close()
        else:
            self._websocket.send_response(self._websocket.accept(request))
            self._reply()
            self._opened_s = self._floor.now_ns() // SECOND_NS
            self._say('{"op":"connect","data":{"result":true}}')

    # ---- frames

    def _heard(self, frame: Frame) -> None:
        if self._settings.enforce_limits and not self._window.allows(monotonic_ns()):
            self._floor.flooded()
            self.drop()
            return
        first, self._spoke = not self._spoke, True
        if frame.opcode is Opcode.PING and first and self._settings.protocol_ping_first_drops:
            self._deaf = True
            self._loop.call_later(PING_FIRST_GRACE_S, self.drop)
        elif frame.opcode is Opcode.TEXT:
            self._heard_ns = monotonic_ns()
            self._said(bytes(frame.data))

    def _said(self, text: bytes) -> None:
        """A frame that is not understood is met with silence, as on the venue."""
        try:
            request = msgspec.json.decode(text, type=wire.Request, strict=False)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return
        match request.op:
            case "ping":
                answered_s = self._floor.now_ns() // SECOND_NS if self._settings.ping_reply == "now" else self._opened_s
                self._say(wire.encode({"op": "ping", "pong": request.ping, "ping": answered_s}))
            case "subscribe":
                self._subscribe([Topic(topic.symbol.upper(), topic.ch) for topic in request.args])
            case "unsubscribe":
                self._unsubscribe([Topic(topic.symbol.upper(), topic.ch) for topic in request.args])

    def _subscribe(self, asked: list[Topic]) -> None:
        fresh = list(dict.fromkeys(topic for topic in asked if topic not in self._topics))
        room = TOPICS_MAX - len(self._topics)
        if len(fresh) > room and self._settings.enforce_limits:
            self._say('{"op":"subscribe","data":{"msg":"subscribe channel > 300","nonce":"","result":false}}')
            fresh = fresh[:room]
        self._topics.update(dict.fromkeys(fresh))
        self._acknowledge(fresh)
        self._awaiting_opening.update(fresh)
        self._floor.subscribe(self, fresh)
        self._watch_idle()  # a listener is given another time than an idler
        for topic in fresh:
            if topic.ch in wire.DEPTH_CHANNELS and topic.symbol not in self._floor.symbols:
                empty = wire.UnknownSymbolDepth(EMPTY_LEVELS, EMPTY_LEVELS)
                self._say(wire.push(topic.ch, topic.symbol, self._floor.now_ns() // 1_000_000, empty))

    def _acknowledge(self, topics: list[Topic]) -> None:
        if self._settings.subscribe_ack == "per_channel":
            for topic in topics:
                ack = {"op": "subscribe", "ch": topic.ch, "symbol": topic.symbol, "data": {"result": True}}
                self._say(wire.encode(ack))
        elif self._settings.subscribe_ack == "empty":
            self._say('{"op":"subscribe"}')

    def _unsubscribe(self, topics: list[Topic]) -> None:
        self._floor.unsubscribe(self, topics)
        for topic in topics:
            self._topics.pop(topic, None)
        self._say(wire.encode({"op": "unsubscribe", "ts": self._floor.now_ns() // 1_000_000, "data": "success"}))

    # ---- bytes

    def _reply(self) -> None:
        """What the WebSocket protocol itself has to say: the handshake, pongs, the answer to a close."""
        for data in self._websocket.data_to_send():
            if self._deaf or self._dripping is not None or (self.is_websocket and self._floor.is_on("freeze")):
                continue
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    def _say(self, text: str) -> None:
        """Anything that is no push: what a frozen venue does not say."""
        if not self._floor.is_on("freeze"):
            self._send(text)

    def _send(self, text: str) -> None:
        if self._deaf or not self.is_websocket or self._dripping is not None or self._transport.is_closing():
            return
        data = Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
        if self._transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            self.drop()
        elif self.cut_mid_frame:
            self._transport.write(data[: len(data) // 2])
            self.drop()
        elif self._floor.is_on("drip"):
            self._dripping = data
            self._drip()
        else:
            self._floor.count_frame()
            self._transport.write(data)

    def _drip(self) -> None:
        """One byte of the frame under way, or all that is left of it when the fault is over."""
        if self._deaf or self._dripping is None:
            return
        piece = self._dripping[:1] if self._floor.is_on("drip") else self._dripping
        self._transport.write(piece)
        self._dripping = self._dripping[len(piece):] or None
        if self._dripping is not None:
            self._loop.call_later(DRIP_S / self._settings.speed, self._drip)

    def _watch_idle(self) -> None:
        """Drop a client from whom no JSON frame came for too long."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._transport.is_closing():
            return
        allowed_s = self._settings.keep_alive_streaming_s if self._topics else self._settings.keep_alive_idle_s
        left_s = allowed_s - (monotonic_ns() - self._heard_ns) / SECOND_NS
        if left_s <= 0:
            self.drop()
        else:
            self._idle_timer = self._loop.call_later(left_s, self._watch_idle)
