"""One attempt at a WebSocket with the venue: a thread that dials, reads, and ends. The only door to websocket-client.

What arrives is stamped with the monotonic clock and handed over; no thought here, no timer, no second attempt. Anybody may
``abort`` at any moment, whatever the thread waits for. websocket-client sees neither a stall inside a frame nor a handshake
that never completes: the watchdog is the caller's.
"""

import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, urlsplit

import websocket
from websocket import ABNF

from timing.clock import monotonic_ns

__all__ = ["Arrival", "Connection", "Deliver", "is_loopback"]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
CLOSE_REASON_BYTES = 200


class Arrival(StrEnum):
    """What is handed over; exactly one ``closed`` ends every connection. Payloads: the frame; or the reason and HTTP status."""

    OPENED = "opened"
    TEXT = "text"
    BINARY = "binary"
    CLOSED = "closed"


Deliver = Callable[[Arrival, int, bytes, int], None]
"""(kind, connection_id, payload, seen_ns), called in the connection's own thread. May block: that is the back-pressure."""


class Connection:
    """``start`` it once. ``open_delivery`` is called in the new thread and gives the function that takes what arrives, and one
    that is called at the very end."""

    def __init__(
        self, url: str, connection_id: int, open_delivery: Callable[[], tuple[Deliver, Callable[[], None]]],
        connect_timeout_s: float, largest_frame_bytes: int,
    ) -> None:
        self.connection_id = connection_id
        self._url = url
        self._open_delivery = open_delivery
        self._timeout_s = connect_timeout_s
        self._lock = threading.Lock()
        self._aborted = False
        self._socket: socket.socket | None = None
        self._websocket = _BoundedWebSocket(largest_frame_bytes, skip_utf8_validation=True, enable_multithread=True)
        self._thread = threading.Thread(target=self._run, name=f"websocket-{connection_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def send(self, text: str) -> bool:
        """False when the connection is gone, or takes nothing for as long as connecting may take."""
        try:
            self._websocket.send(text)
        except (websocket.WebSocketException, OSError):
            return False
        return True

    def abort(self) -> None:
        """End it at once; the thread hands over ``closed`` and ends."""
        with self._lock:
            self._aborted = True
            if self._socket is not None:
                _shut_down(self._socket)

    def join(self, timeout_s: float) -> bool:
        """True when the thread has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # ---------------------------------------------------------------------------------- the connection's own thread

    def _run(self) -> None:
        deliver, end_delivery = self._open_delivery()
        reason, status = "aborted", 0
        try:
            self._dial()
            deliver(Arrival.OPENED, self.connection_id, b"", monotonic_ns())
            reason = self._read(deliver)
        except websocket.WebSocketBadStatusException as refusal:
            reason, status = "handshake_refused", int(refusal.status_code)
        except (websocket.WebSocketException, OSError, ValueError) as problem:
            reason = _reason(problem)
        finally:
            self._hang_up()
            payload = f"{status} {'aborted' if self._aborted else reason}".encode()
            deliver(Arrival.CLOSED, self.connection_id, payload, monotonic_ns())
            end_delivery()

    def _dial(self) -> None:
        """With a socket of our own, so that ``abort`` reaches it also while TCP, TLS or the handshake are under way."""
        address = urlsplit(self._url)
        options: dict[str, Any] = {"redirect_limit": 0, "suppress_origin": True}
        if is_loopback(address.hostname) or not _proxy_for(address):
            options["socket"] = self._own_socket(address)
        else:
            options.update(_proxy_options(address))
        self._websocket.connect(self._url, timeout=self._timeout_s, **options)  # type: ignore[no-untyped-call]  # the library is not typed
        self._keep(self._websocket.sock)
        # From here the reader waits without limit: who watches the stream ends it with abort().
        self._websocket.settimeout(None)

    def _own_socket(self, address: SplitResult) -> socket.socket:
        tls = address.scheme == "wss"
        port = address.port or (443 if tls else 80)
        problem: OSError = OSError("no address")
        for family, kind, protocol, _, endpoint in socket.getaddrinfo(address.hostname, port, type=socket.SOCK_STREAM):
            connecting = socket.socket(family, kind, protocol)
            connecting.settimeout(self._timeout_s)
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._keep(connecting)
            try:
                connecting.connect(endpoint)
            except OSError as error:
                connecting.close()
                problem = error
            else:
                return self._secured(connecting, address) if tls else connecting
        raise problem

    def _secured(self, plain: socket.socket, address: SplitResult) -> socket.socket:
        secured = ssl.create_default_context().wrap_socket(plain, server_hostname=address.hostname, do_handshake_on_connect=False)
        self._keep(secured)
        try:
            secured.do_handshake()
        except OSError:
            secured.close()
            raise
        return secured

    def _keep(self, current: socket.socket | None) -> None:
        """What ``abort`` would shut down; an abort that came before counts."""
        with self._lock:
            self._socket = current
            if self._aborted and current is not None:
                _shut_down(current)
                raise websocket.WebSocketException("aborted")

    def _read(self, deliver: Deliver) -> str:
        """Until the connection ends; the reason why."""
        while True:
            opcode, payload = self._websocket.recv_data()
            seen_ns = monotonic_ns()
            self._websocket.message_complete()
            if opcode == ABNF.OPCODE_TEXT:
                deliver(Arrival.TEXT, self.connection_id, payload, seen_ns)
            elif opcode == ABNF.OPCODE_BINARY:
                deliver(Arrival.BINARY, self.connection_id, b"", seen_ns)
            else:
                return _close_reason(payload)

    def _hang_up(self) -> None:
        with self._lock:
            kept, self._socket = self._socket, None
        self._websocket.shutdown()  # type: ignore[no-untyped-call]  # the library is not typed
        if kept is not None:
            kept.close()


class _BoundedWebSocket(websocket.WebSocket):
    """A message may not be larger than the bound, in how many fragments it ever comes."""

    def __init__(self, largest_message_bytes: int, **options: Any) -> None:
        self._largest = largest_message_bytes
        self._received = 0
        super().__init__(**options)

    def message_complete(self) -> None:
        self._received = 0

    def _recv(self, size: int) -> bytes:
        data: bytes = super()._recv(size)  # type: ignore[no-untyped-call]  # the library is not typed
        self._received += len(data)
        if self._received > self._largest:
            raise websocket.WebSocketPayloadException("message_too_large")
        return data


def is_loopback(host: str | None) -> bool:
    """On this machine: no proxy of the environment is ever asked for it."""
    return host in LOOPBACK


def _proxy_for(address: SplitResult) -> str:
    """The environment's proxy for this address, or empty."""
    host = address.hostname or ""
    if urllib.request.proxy_bypass(host):
        return ""
    return urllib.request.getproxies().get("https" if address.scheme == "wss" else "http", "")


def _proxy_options(address: SplitResult) -> dict[str, Any]:
    proxy = urlsplit(_proxy_for(address))
    credentials = (proxy.username, proxy.password) if proxy.username else None
    return {"http_proxy_host": proxy.hostname, "http_proxy_port": proxy.port or 80, "http_proxy_auth": credentials}


def _shut_down(open_socket: socket.socket) -> None:
    """Wakes whoever waits in it. The plain socket's own method: TLS must not say goodbye to a peer that may be gone."""
    try:
        socket.socket.shutdown(open_socket, socket.SHUT_RDWR)
    except OSError:
        pass  # not connected yet or any more: there is nobody to wake


def _close_reason(payload: bytes) -> str:
    """Code and words of the venue's close frame; 1005 is no code at all (RFC 6455, 7.4.1)."""
    code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
    return f"closed_by_venue {code} {payload[2:].decode('utf-8', 'replace')}".rstrip()


def _reason(problem: Exception) -> str:
    """One word for the log's reader, then the library's own words."""
    words = {
        websocket.WebSocketConnectionClosedException: "connection_lost", websocket.WebSocketTimeoutException: "connect_timeout",
        websocket.WebSocketPayloadException: "message_too_large", ConnectionRefusedError: "connection_refused",
        ConnectionResetError: "connection_lost", TimeoutError: "connect_timeout", socket.gaierror: "host_not_found",
        ssl.SSLCertVerificationError: "certificate_refused",
    }
    word = next((word for kind, word in words.items() if isinstance(problem, kind)), type(problem).__name__)
    return f"{word}: {problem}"[:CLOSE_REASON_BYTES]
