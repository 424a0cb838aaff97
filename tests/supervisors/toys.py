"""Small real children for tests of the supervisor: they greet, beat, settle and misbehave as told."""

import os
import signal
from pathlib import Path
from typing import Any

import msgspec

from messaging.address import SocketDirectory
from messaging.channels import Channels
from messaging.codec import Codec
from messaging.control import CHILD_WORDS, Beat, Drain, Drained, Halt, Halted, Hello, Leave, Reached
from messaging.mailbox import Mailbox
from timing.clock import monotonic_ns

BEAT_NS = 50_000_000


class Toy(msgspec.Struct, frozen=True):
    """``crash`` exits with that code before saying hello; ``crash_until``: only up to that incarnation; ``deaf``: never settles."""

    name: str
    incarnation: int
    run_directory: Path
    crash: int | None = None
    crash_until: int = 0
    deaf_until: int = 0
    milestone: str = ""


def live(toy: Toy) -> None:
    """A toy child's main function."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for ignored in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(ignored, signal.SIG_IGN)
    journal(toy.run_directory, f"{toy.name}.{toy.incarnation} born {os.getpid()}")
    if toy.crash is not None and (not toy.crash_until or toy.incarnation <= toy.crash_until):
        os._exit(toy.crash)
    codec = Codec(CHILD_WORDS)
    channels = Channels(SocketDirectory(toy.run_directory / "sockets"), codec)
    control = channels.client("control", f"{toy.name}.{toy.incarnation}")
    mailbox = Mailbox(monotonic_ns)
    mailbox.listen("control", control)
    mailbox.every("beat", BEAT_NS)
    control.send(Hello(name=toy.name, incarnation=toy.incarnation, pid=os.getpid(), codec=codec.fingerprint))
    if toy.milestone:
        control.send(Reached(name=toy.name, milestone=toy.milestone))
    settled = False
    while True:
        delivery = mailbox.receive()
        word: Any = delivery.message
        if delivery.source == "beat":
            control.send(Beat(name=toy.name, incarnation=toy.incarnation, counters={"beats_count": 1.0}, report={"state": "ACTIVE"}))
        elif isinstance(word, Leave):
            break
        elif isinstance(word, Drain | Halt) and toy.incarnation > toy.deaf_until:
            if not settled:
                journal(toy.run_directory, f"{toy.name}.{toy.incarnation} {type(word).__name__} {word.reason}")
            settled = True
            control.send(Drained(name=toy.name) if isinstance(word, Drain) else Halted(name=toy.name))
    channels.close(control, 100)
    os._exit(0)


def journal(run_directory: Path, line: str) -> None:
    descriptor = os.open(run_directory / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode() + b"\n")
    os.close(descriptor)
