"""Commands of somebody who may not give any: ignored, written down, and the session goes on."""

import os
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
import zmq

from messaging.address import SocketDirectory
from messaging.channels import Channels, Client
from messaging.codec import Codec
from messaging.control import OPERATOR_WORDS, Operate, Operated
from messaging.token import sign
from tests.system.books import assert_settled
from tests.system.conftest import MakePlace
from tests.system.driver import Place, Session, until
from tests.system.settings import RESTING

ALLOWED_S = 4.0


@contextmanager
def line_to(place: Place) -> Iterator[Client]:
    """The command socket as any process of this user can reach it."""
    channels = Channels(SocketDirectory(place.run.sockets), Codec(OPERATOR_WORDS))
    try:
        yield channels.client("command", f"stranger-{secrets.token_hex(4)}")
    finally:
        channels.close()


def answer_to(client: Client, command: Operate) -> Operated:
    client.send(command)
    received = until(client.receive, "an answer")
    assert isinstance(received[1], Operated)
    return received[1]


def running(make_place: MakePlace) -> Session:
    session = make_place(RESTING).start()
    session.wait_for_resting(6)
    return session


def assert_still_running(session: Session) -> None:
    assert session.process.poll() is None
    assert session.all("KILL_RECEIVED") == [] and session.all("SESSION_DRAINING") == []
    assert session.place.say("status").code == 0
    assert len(session.resting()) == 6


def assert_ends_well(session: Session) -> None:
    session.send(signal.SIGTERM)
    assert session.ended() == 0, session.story()
    assert_settled(session.place)


def test_a_kill_without_the_key_replayed_old_or_for_another_run_is_refused(make_place: MakePlace) -> None:
    session = running(make_place)
    place = session.place
    key, run_id, now = place.run.control_key.read_bytes(), place.run.run_id, time.monotonic_ns
    with line_to(place) as client:
        good = sign(key, "status", run_id, "once", now(), "tester")
        assert answer_to(client, good).accepted
        forged = {
            "bad signature": sign(bytes(32), "kill", run_id, "n1", now()),
            "nonce used before": good,
            "another run": sign(key, "kill", "another", "n2", now()),
            "too old": sign(key, "kill", run_id, "n3", now() - 6_000_000_000),
        }
        for reason, command in forged.items():
            assert answer_to(client, command) == Operated(accepted=False, reason=reason)
        assert answer_to(client, msgspec.structs.replace(good, command="kill")).reason == "bad signature"
        assert not answer_to(client, sign(key, "explode", run_id, "n4", now())).accepted
    assert {each["fields"]["reason"] for each in session.all("COMMAND_REFUSED")} == set(forged)
    assert_still_running(session)
    assert_ends_well(session)


@pytest.mark.slow
def test_garbage_on_the_command_socket_changes_nothing(make_place: MakePlace) -> None:
    session = running(make_place)
    endpoint = SocketDirectory(session.place.run.sockets).endpoint("command")
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(endpoint)
    garbage = [os.urandom(200), b"", b"{", b"[" * 100_000, b'{"kind":"Operate"}', b'{"kind":"Halt","reason":"x"}', b"\xff" * 1000]
    for frame in garbage * 20:
        dealer.send(frame)
    dealer.send_multipart([b"kill", b"kill", b"kill"])
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(endpoint.removeprefix("ipc://"))
            raw.sendall(os.urandom(500))
    assert_still_running(session)
    context.destroy(linger=0)
    assert_ends_well(session)


@pytest.mark.slow
def test_the_owners_kill_is_heard_through_a_flood_of_forged_ones(make_place: MakePlace) -> None:
    session = running(make_place)
    place = session.place
    with line_to(place) as client:
        for number in range(2000):
            client.send(sign(bytes(32), "kill", place.run.run_id, f"n{number}", time.monotonic_ns()))
        began = time.monotonic()
        assert place.say("kill").code == 0
        assert time.monotonic() - began < ALLOWED_S
    assert session.ended() == 99
    assert_settled(place, after_kill=True)
