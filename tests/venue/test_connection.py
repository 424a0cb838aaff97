"""The WebSocket shell against real sockets: what is handed over, and that it can be ended in every phase."""

import queue
import socket
from collections.abc import Callable

import pytest

from venue.connection import Arrival, Connection, Deliver, is_loopback
from tests.venue.raw_server import BINARY, CLOSE, PING, RawServer, frame, raw_server, read_request, upgrade

DEADLINE_S = 10.0
Arrived = tuple[Arrival, int, bytes, int]


class Taker:
    """A connection and what it handed over."""

    def __init__(self, port: int, *, timeout_s: float = 5.0, largest: int = 100_000, url: str = "ws://127.0.0.1:{}/public/") -> None:
        self._arrived: queue.Queue[Arrived] = queue.Queue()
        self.ended = False
        self.connection = Connection(url.format(port), 7, self._open, timeout_s, largest)
        self.connection.start()

    def _open(self) -> tuple[Deliver, Callable[[], None]]:
        return lambda *arrived: self._arrived.put(arrived), self._end

    def _end(self) -> None:
        self.ended = True

    def next(self) -> tuple[Arrival, bytes]:
        kind, connection_id, payload, _ = self._arrived.get(timeout=DEADLINE_S)
        assert connection_id == 7
        return kind, payload

    def until_closed(self) -> tuple[list[bytes], str]:
        """All text payloads, and the reason of the end."""
        texts = []
        while True:
            kind, payload = self.next()
            if kind is Arrival.TEXT:
                texts.append(payload)
            elif kind is Arrival.CLOSED:
                assert self.connection.join(DEADLINE_S), "the thread outlived its connection"
                assert self.ended
                return texts, payload.decode()


def serves(*pieces: bytes, then_hold: bool = False) -> Callable[[RawServer, socket.socket], None]:
    def serve(server: RawServer, client: socket.socket) -> None:
        upgrade(client)
        for piece in pieces:
            client.sendall(piece)
        if then_hold:
            server.hold.wait(DEADLINE_S)

    return serve


def test_frames_arrive_in_order_and_the_end_is_told_once() -> None:
    with raw_server(serves(frame(b"one"), frame(b"two" * 100), frame(b"three" * 20_000))) as server:
        taker = Taker(server.port, largest=200_000)
        assert taker.next()[0] is Arrival.OPENED
        texts, reason = taker.until_closed()
    assert texts == [b"one", b"two" * 100, b"three" * 20_000]
    assert reason.startswith("0 connection_lost")


def test_a_cut_at_any_byte_of_a_frame_hands_over_no_part_of_it() -> None:
    whole = frame(b'{"ch":"trade"}') + frame(b"x" * 200)
    cuts = iter(range(1, len(whole), 9))

    def serve(_: RawServer, client: socket.socket) -> None:
        upgrade(client)
        client.sendall(whole[: next(cuts)])

    with raw_server(serve) as server:
        for _ in range(1, len(whole), 9):
            texts, reason = Taker(server.port).until_closed()
            assert texts in ([], [b'{"ch":"trade"}'])
            assert "connection_lost" in reason


def test_fragments_with_a_ping_between_them_are_one_message() -> None:
    pieces = frame(b"half a ", fin=False), frame(b"ping", PING), frame(b"message", 0)
    with raw_server(serves(*pieces)) as server:
        assert Taker(server.port).until_closed()[0] == [b"half a message"]


def test_invalid_utf8_is_handed_over_for_the_reader_to_refuse() -> None:
    with raw_server(serves(frame(b"\xff\xfe"))) as server:
        assert Taker(server.port).until_closed()[0] == [b"\xff\xfe"]


def test_a_binary_frame_is_told_without_its_content() -> None:
    with raw_server(serves(frame(b"\x00" * 50, BINARY))) as server:
        taker = Taker(server.port)
        assert [taker.next(), taker.next()] == [(Arrival.OPENED, b""), (Arrival.BINARY, b"")]
        taker.until_closed()


def test_the_venues_close_frame_is_the_reason() -> None:
    with raw_server(serves(frame((1012).to_bytes(2, "big") + b"restart", CLOSE))) as server:
        assert Taker(server.port).until_closed()[1] == "0 closed_by_venue 1012 restart"


@pytest.mark.parametrize("fragmented", [False, True])
def test_a_message_beyond_the_bound_ends_the_connection(fragmented: bool) -> None:
    piece = b"z" * 60_000
    pieces = [frame(piece, fin=False), frame(piece, 0, fin=False), frame(piece, 0)] if fragmented else [frame(piece * 3)]
    with raw_server(serves(*pieces, then_hold=True)) as server:
        assert "message_too_large" in Taker(server.port).until_closed()[1]


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_refused_handshake_tells_its_status(status: int) -> None:
    page = b"<html>no</html>"

    def serve(_: RawServer, client: socket.socket) -> None:
        read_request(client)
        client.sendall(b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n%s" % (status, len(page), page))

    with raw_server(serve) as server:
        assert Taker(server.port).until_closed() == ([], f"{status} handshake_refused")


def test_a_redirect_is_not_followed() -> None:
    def serve(_: RawServer, client: socket.socket) -> None:
        read_request(client)
        client.sendall(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n")

    with raw_server(serve) as server:
        texts, reason = Taker(server.port).until_closed()
        assert not texts and "Redirect" in reason
        assert server.accepted == 1


def test_nobody_listening_is_refused_and_not_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert Taker(port).until_closed()[1].startswith("0 connection_refused")


def in_handshake(server: RawServer, client: socket.socket) -> None:
    read_request(client)
    server.hold.wait(DEADLINE_S)


def in_a_half_sent_handshake(server: RawServer, client: socket.socket) -> None:
    read_request(client)
    client.sendall(b"HTTP/1.1 101 Switching")
    server.hold.wait(DEADLINE_S)


def in_silence(server: RawServer, client: socket.socket) -> None:
    upgrade(client)
    server.hold.wait(DEADLINE_S)


def within_a_frame(server: RawServer, client: socket.socket) -> None:
    upgrade(client)
    client.sendall(frame(b"x" * 300)[:40])
    server.hold.wait(DEADLINE_S)


@pytest.mark.parametrize("phase", [in_handshake, in_a_half_sent_handshake, in_silence, within_a_frame])
def test_abort_ends_the_thread_in_every_phase(phase: Callable[[RawServer, socket.socket], None]) -> None:
    reached = queue.Queue[None]()

    def serve(server: RawServer, client: socket.socket) -> None:
        reached.put(None)
        phase(server, client)

    with raw_server(serve) as server:
        taker = Taker(server.port, timeout_s=60)
        reached.get(timeout=DEADLINE_S)
        taker.connection.abort()
        assert taker.until_closed() == ([], "0 aborted")


def test_abort_before_the_first_step_counts_too() -> None:
    with raw_server(in_silence) as server:
        connection = Connection(f"ws://127.0.0.1:{server.port}/", 1, lambda: (lambda *_: None, lambda: None), 5.0, 1000)
        connection.abort()
        connection.start()
        assert connection.join(DEADLINE_S)


def test_a_handshake_that_never_completes_times_out_by_itself() -> None:
    with raw_server(in_handshake) as server:
        assert Taker(server.port, timeout_s=0.2).until_closed()[1].startswith("0 connect_timeout")


def test_send_reaches_the_venue_and_says_when_it_cannot() -> None:
    received = queue.Queue[bytes]()

    def serve(_: RawServer, client: socket.socket) -> None:
        upgrade(client)
        received.put(client.recv(1000))

    with raw_server(serve) as server:
        taker = Taker(server.port)
        assert taker.next()[0] is Arrival.OPENED
        assert taker.connection.send("hello")
        head = received.get(timeout=DEADLINE_S)
        assert head[0] == 0x81 and head[1] == 0x80 | 5
        taker.until_closed()
        assert not taker.connection.send("too late")


def test_the_environments_proxy_is_never_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with raw_server(serves(frame(b"direct"))) as server:
        assert Taker(server.port).until_closed()[0] == [b"direct"]


def test_any_other_host_goes_through_the_environments_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = queue.Queue[bytes]()

    def serve(_: RawServer, client: socket.socket) -> None:
        asked.put(read_request(client))

    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with raw_server(serve) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        Taker(0, url="ws://venue.invalid:80/public/").until_closed()
        assert asked.get(timeout=DEADLINE_S).startswith(b"CONNECT venue.invalid:80")
    assert is_loopback("127.0.0.1") and not is_loopback("venue.invalid")
