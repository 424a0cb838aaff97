"""Actors in threads of the test's own process, over real sockets in a directory of their own. No pykka test double, no sleeps."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import zmq

from actors.envelopes import run_codec
from actors.process import Post, ProcessActor
from messaging.address import SocketDirectory
from messaging.channels import Channels, Client, Server, Subscriber
from messaging.control import Beat, Drain, Hello, Leave
from messaging.mailbox import Mailbox
from records.workspace import RunPaths
from timing.clock import monotonic_ns

__all__ = ["ActorRoom", "HeardLog", "RunningActor", "actor_room", "until"]

Found = TypeVar("Found")
DEADLINE_S = 20.0


class HeardLog:
    """A logger that remembers: ``events`` are (level, name, fields)."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **fields: self.events.append((level, event, fields))

    def named(self, event: str) -> list[dict[str, Any]]:
        return [fields for _, name, fields in list(self.events) if name == event]

    def names(self) -> list[str]:
        return [name for _, name, _ in list(self.events)]


class ActorRoom:
    """One run's directory with its sockets, and the supervisor's end of the control channel."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run_directory = directory / "run"
        self.sockets = self.run_directory / "sockets"
        self.sockets.mkdir(parents=True, mode=0o700)
        RunPaths(self.run_directory).control_key.write_bytes(b"k" * 32)
        self.sockets.chmod(0o700)
        self.channels = self.new_channels()
        self.control: Server = self.channels.server("control")
        self.words: list[tuple[bytes, Any]] = []

    def new_channels(self) -> Channels:
        return Channels(SocketDirectory(self.sockets), run_codec())

    def start(self, actor: type[ProcessActor], name: str, settings: Any, incarnation: int = 1) -> "RunningActor":
        return RunningActor(self, actor, name, settings, incarnation)

    def take_words(self) -> None:
        while (received := self.control.receive()) is not None:
            self.words.append((received[0], received[1]))


class RunningActor:
    """The actor's thread, and what a supervisor would know about it."""

    def __init__(self, room: ActorRoom, actor: type[ProcessActor], name: str, settings: Any, incarnation: int, parent_descriptor: int | None = None) -> None:
        self.log = HeardLog()
        self.actor: ProcessActor
        self._room = room
        self._identity = f"{name}.{incarnation}".encode()
        self._channels = room.new_channels()
        self._make: Callable[[], ProcessActor] = lambda: actor(Post(
            name=name, incarnation=incarnation, pid=0, run_id="test", run_directory=room.run_directory, state_file=room.directory / "state.json",
            settings=settings, channels=self._channels, mailbox=Mailbox(monotonic_ns),
            control=self._channels.client("control", self._identity.decode()), codec_fingerprint="test", log=self.log,
            parent_descriptor=parent_descriptor,
        ))
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.actor = self._make()
        self.actor.run()

    def said(self, word: type[Found]) -> list[Found]:
        """Control words of this incarnation so far."""
        self._room.take_words()
        return [message for peer, message in self._room.words if peer == self._identity and isinstance(message, word)]

    def counter(self, name: str) -> float:
        beats = self.said(Beat)
        return beats[-1].counters.get(name, 0.0) if beats else 0.0

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    @property
    def came_up_or_ended(self) -> bool:
        return bool(self.said(Hello)) or self.ended

    def tell(self, word: Any) -> None:
        self._room.control.send(self._identity, word)

    def drain(self) -> None:
        self.tell(Drain(reason="test"))

    def stop(self) -> int:
        """Let it leave when it has come up or given up; its exit code."""
        until(lambda: self.said(Hello) or not self._thread.is_alive(), self._room.control)
        self.tell(Leave())
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "the actor did not leave"
        self._channels.close()
        return self.actor.exit_code


@contextmanager
def actor_room(directory: Path) -> Iterator[ActorRoom]:
    room = ActorRoom(directory)
    try:
        yield room
    finally:
        room.channels.close()


def until(found: Callable[[], Found | None], *channels: Subscriber | Client | Server, deadline_s: float = DEADLINE_S) -> Found:
    """Waits for events on ``channels`` (or a moment) until ``found()`` is true; what it found. Fails at the deadline."""
    poller = zmq.Poller()
    for channel in channels:
        poller.register(channel.socket, zmq.POLLIN)
    ends = time.monotonic() + deadline_s
    while not (result := found()):
        assert time.monotonic() < ends, f"did not happen within {deadline_s} s"
        poller.poll(20)
    return result
