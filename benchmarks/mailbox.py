"""Two ways to give a pykka actor its ZeroMQ messages, measured against each other: an actor whose inbox reads the sockets itself
(actors/process.py) and a ThreadingActor that a receiver thread tells. Prints both and their ratio.

    python -m benchmarks.mailbox [--messages 20000] [--rounds 5]
"""

import argparse
import statistics
import tempfile
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pykka

from actors.process import Post, ProcessActor
from messaging.address import SocketDirectory
from messaging.channels import Channels
from messaging.codec import Codec
from messaging.control import CHILD_WORDS, Drained, Halt
from messaging.mailbox import Delivery, Mailbox
from timing.clock import monotonic_ns

CODEC = Codec(CHILD_WORDS)


class Silent:
    """A logger for measuring: the actors log a handful of lines."""

    def info(self, event: str, **fields: Any) -> None: ...

    error = warning = info


class DirectEcho(ProcessActor):
    """The inbox is the sockets."""

    def open(self) -> None:
        self.server = self.post.channels.server("echo")
        self.listen("echo", self.server, self._on_echo)

    def _on_echo(self, delivery: Delivery) -> None:
        if delivery.peer is not None:
            self.server.send(delivery.peer, Drained(name="echo"))
            if delivery.message.reason == "last":
                self.leave()


class ToldEcho(pykka.ThreadingActor):
    """A thread receives and tells; answers leave through the actor's own socket."""

    def __init__(self, channels: Channels) -> None:
        super().__init__()
        self._server = channels.server("echo")
        self._mailbox = Mailbox(monotonic_ns)
        self._mailbox.listen("echo", self._server)
        self._answers, self._answer_writer = channels.pipe("answers")
        self._mailbox.listen("answers", self._answers)
        self._writer: Any = None

    def receive_for_ever(self) -> None:
        while True:
            delivery = self._mailbox.receive()
            if delivery.source == "answers":
                self._server.socket.send_multipart(delivery.message)
                if delivery.message[1] == LAST:
                    return
            else:
                self.actor_ref.tell(delivery)

    def on_receive(self, message: Delivery) -> None:
        if self._writer is None:
            self._writer = self._answer_writer()
        last = message.message.reason == "last"
        self._writer.write(message.peer, LAST if last else ANSWER)


ANSWER, LAST = CODEC.encode(Drained(name="echo")), CODEC.encode(Drained(name="end"))


def serve_direct(directory: str) -> None:
    channels = Channels(SocketDirectory(Path(directory)), CODEC)
    channels.server("control")
    post = Post(
        name="echo", incarnation=1, pid=0, run_id="bench", run_directory=Path(directory), state_file=Path(directory), settings=None,
        channels=channels, mailbox=Mailbox(monotonic_ns), control=channels.client("control", "echo"), codec_fingerprint="", log=Silent(),
    )
    DirectEcho(post).run()
    channels.close(linger_ms=200)


def serve_told(directory: str) -> None:
    channels = Channels(SocketDirectory(Path(directory)), CODEC)
    reference = ToldEcho.start(channels)
    actor = reference._actor_weakref()
    assert actor is not None
    actor.receive_for_ever()
    reference.stop()
    channels.close(linger_ms=200)


def measure(serve: Any, messages: int) -> tuple[float, float]:
    """(median round trip in microseconds, messages per second with 100 under way)."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o700)
        process = get_context("spawn").Process(target=serve, args=(directory,))
        process.start()
        channels = Channels(SocketDirectory(Path(directory)), CODEC)
        client = channels.client("echo", "bench")
        mailbox = Mailbox(monotonic_ns)
        mailbox.listen("echo", client)
        client.send(Halt(reason="warm"))
        mailbox.receive()
        trips = []
        for _ in range(messages // 10):
            began = monotonic_ns()
            client.send(Halt(reason="x"))
            mailbox.receive()
            trips.append((monotonic_ns() - began) / 1e3)
        began = monotonic_ns()
        for _ in range(100):
            client.send(Halt(reason="x"))
        for _ in range(messages - 100):
            mailbox.receive()
            client.send(Halt(reason="x"))
        for _ in range(100):
            mailbox.receive()
        per_second = messages / ((monotonic_ns() - began) / 1e9)
        client.send(Halt(reason="last"))
        mailbox.receive()
        process.join(10)
        channels.close()
        return statistics.median(trips), per_second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    results: dict[str, list[tuple[float, float]]] = {"inbox is the sockets": [], "receiver thread tells": []}
    for _ in range(arguments.rounds):
        results["inbox is the sockets"].append(measure(serve_direct, arguments.messages))
        results["receiver thread tells"].append(measure(serve_told, arguments.messages))
    rows = {}
    for name, figures in results.items():
        rows[name] = tuple(statistics.median(column) for column in zip(*figures, strict=True))
        print(f"{name:22}  round trip p50 {rows[name][0]:7.1f} us   {rows[name][1]:9,.0f} messages/s")
    direct, told = rows.values()
    print(f"{'ratio told / inbox':22}  round trip {told[0] / direct[0]:.2f}x   throughput {told[1] / direct[1]:.2f}x")


if __name__ == "__main__":
    main()
