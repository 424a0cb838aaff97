"""Sockets, timers and descriptors meet in one blocking receive; control words overtake work."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from messaging.address import LONGEST_SOCKET_PATH, SocketDirectory, SocketDirectoryUnsafe
from messaging.channels import Channels
from messaging.codec import Codec
from messaging.control import CHILD_WORDS, Halt, Leave
from messaging.mailbox import URGENT_EVERY, Mailbox
from timing.clock import monotonic_ns

MS = 1_000_000
CODEC = Codec(CHILD_WORDS)


@pytest.fixture
def channels(tmp_path: Path) -> Iterator[Channels]:
    tmp_path.chmod(0o700)
    opened = Channels(SocketDirectory(tmp_path), Codec(CHILD_WORDS))
    yield opened
    opened.close()


def test_a_request_is_delivered_with_the_peer_to_answer(channels: Channels) -> None:
    server, client = channels.server("desk"), channels.client("desk", "me")
    mailbox = Mailbox(monotonic_ns)
    mailbox.listen("desk", server)
    client.send(Halt(reason="x"))
    delivery = mailbox.receive()
    assert (delivery.source, delivery.peer, delivery.message) == ("desk", b"me", Halt(reason="x"))
    answers = Mailbox(monotonic_ns)
    answers.listen("answers", client)
    assert server.send(b"me", Leave())
    assert answers.receive().message == Leave()


def test_answering_a_peer_that_is_gone_is_a_value(channels: Channels) -> None:
    assert not channels.server("desk").send(b"nobody", Leave())


def test_an_undecodable_frame_is_counted_and_never_delivered(channels: Channels, tmp_path: Path) -> None:
    server = channels.server("desk")
    raw: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    raw.connect(f"ipc://{tmp_path}/desk")
    mailbox = Mailbox(monotonic_ns)
    mailbox.listen("desk", server)
    for frames in ([b"junk"], [b"too", b"many", b"frames"], [b""]):
        raw.send_multipart(frames)
    channels.client("desk", "good").send(Leave())
    assert mailbox.receive().peer == b"good"
    raw.send_multipart([CODEC.encode(Halt(reason="last"))])
    while mailbox.receive().message != Halt(reason="last"):
        pass
    raw.close(linger=0)
    assert server.undecodable_count == 2  # of the multipart message not even one frame is looked at


def test_urgent_words_overtake_queued_work(channels: Channels) -> None:
    work, control = channels.server("work"), channels.server("control")
    mailbox = Mailbox(monotonic_ns)
    mailbox.listen("work", work)
    mailbox.listen("control", control, urgent=True)
    worker, boss = channels.client("work", "w"), channels.client("control", "b")
    for _ in range(500):
        worker.send(Leave())
    assert mailbox.receive().source == "work"
    boss.send(Halt(reason="now"))
    assert work.socket.poll(1000) is not None and control.socket.poll(1000)
    sources = [mailbox.receive().source for _ in range(URGENT_EVERY + 1)]
    assert "control" in sources


def test_timers_fire_in_order_and_repeat_without_catching_up() -> None:
    now = [0]
    mailbox = Mailbox(lambda: now[0])
    mailbox.after("second", 20 * MS)
    mailbox.after("first", 10 * MS)
    mailbox.every("again", 15 * MS)
    now[0] = 100 * MS
    assert [mailbox.receive().source for _ in range(3)] == ["first", "again", "second"]
    now[0] = 115 * MS
    assert mailbox.receive().source == "again"


def test_a_descriptor_is_reported_once_when_its_other_end_closes() -> None:
    reader, writer = os.pipe()
    mailbox = Mailbox(monotonic_ns)
    mailbox.watch("gone", reader)
    threading.Timer(0.02, os.close, (writer,)).start()
    delivery = mailbox.receive()
    assert (delivery.source, delivery.message) == ("gone", reader)
    mailbox.after("quiet", 30 * MS)
    assert mailbox.receive().source == "quiet"
    os.close(reader)


def test_a_thread_hands_bytes_over_through_a_pipe(channels: Channels) -> None:
    reader, make_writer = channels.pipe("frames")
    mailbox = Mailbox(monotonic_ns)
    mailbox.listen("frames", reader)

    def write() -> None:
        writer = make_writer()
        writer.write(b"text", b"1", b"payload")
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    assert mailbox.receive().message == (b"text", b"1", b"payload")
    thread.join()


def test_sockets_work_in_a_directory_too_deep_for_a_socket_path(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * LONGEST_SOCKET_PATH) / "sockets"
    deep.mkdir(mode=0o700, parents=True)
    one, other = (Channels(SocketDirectory(deep), Codec(CHILD_WORDS)) for _ in range(2))
    server, client = one.server("desk"), other.client("desk", "me")
    mailbox = Mailbox(monotonic_ns)
    mailbox.listen("desk", server)
    client.send(Leave())
    assert mailbox.receive().message == Leave()
    assert (deep / "desk").is_socket()
    one.close()
    other.close()


def test_a_directory_open_to_others_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(SocketDirectoryUnsafe, match="0700"):
        SocketDirectory(tmp_path)


def test_what_a_muted_channel_receives_waits_until_it_may_speak_again(channels: Channels) -> None:
    muted, other = channels.server("muted"), channels.server("other")
    mailbox = Mailbox(monotonic_ns)
    mailbox.listen("muted", muted)
    mailbox.listen("other", other)
    mailbox.mute("muted")
    mailbox.mute("muted")
    channels.client("muted", "a").send(Leave())
    channels.client("other", "b").send(Leave())
    assert mailbox.receive().source == "other"
    mailbox.after("later", 20 * MS)
    assert mailbox.receive().source == "later"
    mailbox.unmute("muted")
    mailbox.unmute("muted")
    assert mailbox.receive().source == "muted"


def test_muting_what_nobody_listens_to_changes_nothing(channels: Channels) -> None:
    mailbox = Mailbox(monotonic_ns)
    mailbox.mute("nobody")
    mailbox.unmute("nobody")
    mailbox.after("later", MS)
    assert mailbox.receive().source == "later"
