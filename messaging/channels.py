"""The sockets between the processes, one kind per channel, every one bounded. See docs/ARCHITECTURE.md for who uses which.

``Publisher``/``Subscriber`` for what may be missed and asked for again; ``Server``/``Client`` for everything that is
answered. Must not know the messages that pass.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import zmq

from messaging.address import SocketDirectory
from messaging.codec import MAX_FRAME_BYTES, Codec, Undecodable

__all__ = ["Channels", "Client", "PipeReader", "PipeWriter", "Publisher", "Server", "Subscriber"]

READABLE = int(zmq.POLLIN)

HIGH_WATER_MESSAGES = 10_000
"""Per peer. A stopped subscriber loses what is beyond, sees the gap in the sequence and asks for it."""


class _Channel:
    """A socket with its codec; ``receive`` never blocks and never raises for what a peer sent."""

    def __init__(self, socket: zmq.Socket[bytes], codec: Codec) -> None:
        self.socket = socket
        self.undecodable_count = 0
        self._codec = codec

    def close(self, linger_ms: int = 0) -> None:
        self.socket.close(linger=linger_ms)

    def _take(self) -> list[bytes] | None:
        """The next message's frames. Asking first whether one waits costs a tenth of the exception that says that none does."""
        if not int(self.socket.get(zmq.EVENTS)) & READABLE:
            return None
        try:
            return self.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None

    def _decode(self, frame: bytes) -> Any:
        message = self._codec.decode(frame)
        if isinstance(message, Undecodable):
            self.undecodable_count += 1
            return None
        return message


class Publisher(_Channel):
    def send(self, message: msgspec.Struct) -> None:
        """Never blocks: PUB drops for a subscriber that is full."""
        self.socket.send(self._codec.encode(message), zmq.NOBLOCK)


class _Listener(_Channel):
    """A socket that hears one peer's messages, one frame each."""

    def receive(self) -> tuple[None, Any] | None:
        """(None, message or None when undecodable); None when nothing waits."""
        frames = self._take()
        if frames is None:
            return None
        return None, self._decode(frames[0]) if len(frames) == 1 else None


class Subscriber(_Listener):
    """Hears everything that its publisher sends from now on."""


class Server(_Channel):
    def receive(self) -> tuple[bytes, Any] | None:
        """(peer, message or None when undecodable); None when nothing waits."""
        frames = self._take()
        if frames is None:
            return None
        return frames[0], self._decode(frames[1]) if len(frames) == 2 else None

    def send(self, peer: bytes, message: msgspec.Struct) -> bool:
        """False when that peer is gone or full: the peer asks again, so nothing is kept here."""
        try:
            self.socket.send_multipart([peer, self._codec.encode(message)], zmq.NOBLOCK)
        except zmq.ZMQError as problem:
            if problem.errno in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                return False
            raise
        return True


class Client(_Listener):
    def send(self, message: msgspec.Struct) -> bool:
        """False when the queue to the server is full: whoever needs an answer asks again."""
        try:
            self.socket.send(self._codec.encode(message), zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True


class PipeReader:
    """The mailbox's end of an in-process pipe; its messages are tuples of bytes, as written."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.socket = socket

    def receive(self) -> tuple[None, tuple[bytes, ...]] | None:
        try:
            return None, tuple(self.socket.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            return None


class PipeWriter:
    """One thread's end of an in-process pipe. Blocks while the reader is behind: that is the back-pressure."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket

    def write(self, *parts: bytes) -> None:
        """Raises zmq.ZMQError when the process's channels are closed."""
        self._socket.send_multipart(parts)

    def close(self) -> None:
        self._socket.close(linger=100)


AnyChannel = TypeVar("AnyChannel", bound=_Channel)


class Channels:
    """Opens the sockets of one process in a run's socket directory."""

    def __init__(self, directory: SocketDirectory, codec: Codec) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.setsockopt(zmq.MAX_SOCKETS, 64)
        self._directory = directory
        self._codec = codec
        self._open: list[_Channel] = []

    def publisher(self, channel: str) -> Publisher:
        socket = self._socket(zmq.PUB)
        socket.bind(self._directory.endpoint(channel))
        return self._kept(Publisher(socket, self._codec))

    def subscriber(self, channel: str) -> Subscriber:
        socket = self._socket(zmq.SUB)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(self._directory.endpoint(channel))
        return self._kept(Subscriber(socket, self._codec))

    def server(self, channel: str) -> Server:
        socket = self._socket(zmq.ROUTER)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        socket.bind(self._directory.endpoint(channel))
        return self._kept(Server(socket, self._codec))

    def client(self, channel: str, identity: str) -> Client:
        socket = self._socket(zmq.DEALER)
        socket.setsockopt(zmq.IDENTITY, identity.encode())
        socket.connect(self._directory.endpoint(channel))
        return self._kept(Client(socket, self._codec))

    def pipe(self, name: str) -> tuple["PipeReader", Callable[[], "PipeWriter"]]:
        """An in-process pipe: its reader, and a function that makes one writer for one thread."""
        reader = self._socket(zmq.PULL)
        reader.bind(f"inproc://{name}")

        def writer() -> PipeWriter:
            socket = self._socket(zmq.PUSH)
            socket.connect(f"inproc://{name}")
            return PipeWriter(socket)

        return PipeReader(reader), writer

    @property
    def undecodable_count(self) -> int:
        """Frames dropped on all channels of this process because they were none of ours."""
        return sum(channel.undecodable_count for channel in self._open)

    def close(self, last: _Channel | None = None, linger_ms: int = 0) -> None:
        """Drop everything; only what was sent on ``last`` gets ``linger_ms`` to leave."""
        for channel in self._open:
            channel.close(linger_ms if channel is last else 0)
        self._context.destroy(linger=linger_ms)

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MESSAGES)
        socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MESSAGES)
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME_BYTES)
        socket.setsockopt(zmq.RECONNECT_IVL, 10)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        return socket

    def _kept(self, channel: AnyChannel) -> AnyChannel:
        self._open.append(channel)
        return channel
