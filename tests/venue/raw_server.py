"""A TCP server on a port of the system's choice that says exactly the bytes a test wants, to each client in a thread of its own."""

import base64
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["RawServer", "answers_in_turn", "frame", "raw_server", "read_request", "upgrade"]

WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


class RawServer:
    """``hold`` keeps clients connected until the test ends; ``accepted`` counts them."""

    def __init__(self, serve: Callable[["RawServer", socket.socket], None]) -> None:
        self.hold = threading.Event()
        self.accepted = 0
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        self.hold.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._acceptor, *self._threads):
            thread.join(5)
            assert not thread.is_alive(), "a client of the test's server never let go"

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            thread = threading.Thread(target=self._one, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _one(self, client: socket.socket) -> None:
        with client:
            client.settimeout(10)
            try:
                self._serve(self, client)
            except OSError:
                pass  # the client left first: that is what many of these tests want


@contextmanager
def raw_server(serve: Callable[[RawServer, socket.socket], None]) -> Iterator[RawServer]:
    server = RawServer(serve)
    try:
        yield server
    finally:
        server.close()


def answers_in_turn(*answers: tuple[int, bytes]) -> Callable[[RawServer, socket.socket], None]:
    """An HTTP server that gives one (status, body) after the other, and the last one for ever."""
    left = list(answers)

    def serve(_: RawServer, client: socket.socket) -> None:
        read_request(client)
        status, body = left.pop(0) if len(left) > 1 else left[0]
        head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body))
        client.sendall(head + body)

    return serve


def read_request(client: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        piece = client.recv(4096)
        if not piece:
            raise OSError("left")
        request += piece
    return request


def upgrade(client: socket.socket) -> None:
    """The server's half of the WebSocket handshake."""
    request = read_request(client)
    key = next(line.split(b": ")[1] for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET_KEY).digest())
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    client.sendall(head + accept + b"\r\n\r\n")


def frame(payload: bytes, opcode: int = TEXT, fin: bool = True) -> bytes:
    """One unmasked frame."""
    first = (0x80 if fin else 0) | opcode
    if len(payload) < 126:
        return bytes([first, len(payload)]) + payload
    if len(payload) < 65_536:
        return bytes([first, 126]) + len(payload).to_bytes(2, "big") + payload
    return bytes([first, 127]) + len(payload).to_bytes(8, "big") + payload
