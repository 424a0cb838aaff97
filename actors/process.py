"""A pykka actor that is its process: its inbox is fed by ZeroMQ sockets, timers and descriptors, and its loop runs in the main thread.

Every failure, also of ``on_start`` and ``on_stop``, ends the process with an exit code; the supervisor decides what then.
Heartbeats leave from the same inbox that does the work, so a hang is visible. Must not know trading.
"""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import pykka
from pykka._envelope import Envelope

from actors.failpoints import Failpoints
from messaging.channels import Channels, Client
from messaging.control import Beat, Drain, Drained, Halt, Halted, Hello, Leave, Pulse, Reached
from messaging.mailbox import Delivery, Mailbox, Receiver
from records.logs import log_loss_total
from timing.clock import monotonic_ns

__all__ = ["EXIT_FAILED", "Post", "ProcessActor", "Unstartable"]

EXIT_FAILED = 70
BEAT_NS = 200_000_000


class Unstartable(Exception):
    """The actor cannot do its work at all; ``exit_code`` tells the supervisor whether trying again makes sense."""

    def __init__(self, exit_code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


class Post(msgspec.Struct, frozen=True):
    """What a process is given: who it is, where its run lives, how it speaks and writes. ``lockstep``: see actors/turns.py."""

    name: str
    incarnation: int
    pid: int
    run_id: str
    run_directory: Path
    state_file: Path
    settings: Any
    channels: Channels
    mailbox: Mailbox
    control: Client
    codec_fingerprint: str
    log: Any
    lockstep: bool = False
    parent_descriptor: int | None = None


class _Inbox:
    """pykka's three inbox methods on top of a mailbox (pykka 4.5; a contract test watches them)."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._told: list[Envelope[Any]] = []

    def put(self, envelope: Envelope[Any], /) -> None:
        self._told.append(envelope)

    def get(self) -> Envelope[Any]:
        if self._told:
            return self._told.pop(0)
        return Envelope(self._mailbox.receive())

    def empty(self) -> bool:
        return not self._told


class ProcessActor(pykka.Actor):
    """Subclasses say in ``open()`` what they listen to and call ``serve()`` when they are recovered and ready."""

    def __init__(self, post: Post) -> None:
        self._mailbox = post.mailbox
        super().__init__()
        self.post = post
        self.log = post.log
        self.exit_code = 0
        self.failure: str | None = None
        self.counters: dict[str, float] = {}
        self.gauges: dict[str, float] = {}
        self.pulse = Pulse(state="STARTING")
        self.pulse_seen_ns = 0
        self.failpoints = Failpoints(os.environ, post.name, post.incarnation)
        self._handlers: dict[str, Callable[[Delivery], None]] = {}
        self._serving = False

    def run(self) -> None:
        """Work in this thread until the actor ends; ``exit_code`` says how."""
        pykka.ActorRegistry.register(self.actor_ref)
        self._start_actor_loop()

    # ------------------------------------------------------------------ for subclasses

    def open(self) -> None:
        """Bind, connect, recover; end with ``serve()``, now or when the missing answers are in."""
        self.serve()

    def report(self) -> dict[str, Any]:
        """What the status view shows of this actor; sent with every beat."""
        return {}

    def on_pulse(self, pulse: Pulse) -> None:
        """The supervisor lives; ``self.pulse`` is already the new one."""

    def on_drain(self, drain: Drain) -> None:
        """Settle what is open, then call ``drained()``."""
        self.drained()

    def on_halt(self, halt: Halt) -> None:
        """Stop everything now, then call ``halted()``."""
        self.halted()

    def on_orphaned(self) -> None:
        """The supervisor is gone; what is left to do before this process ends."""

    # ------------------------------------------------------------------ what subclasses use

    def listen(self, source: str, channel: Receiver, handler: Callable[[Delivery], None], urgent: bool = False) -> None:
        self._handlers[source] = handler
        self._mailbox.listen(source, channel, urgent)

    def every(self, source: str, interval_ns: int, handler: Callable[[Delivery], None]) -> None:
        self._handlers[source] = handler
        self._mailbox.every(source, interval_ns)

    def after(self, source: str, delay_ns: int, handler: Callable[[Delivery], None]) -> None:
        self._handlers[source] = handler
        self._mailbox.after(source, delay_ns)

    def count(self, name: str, amount: float = 1) -> None:
        self.counters[name] = self.counters.get(name, 0) + amount

    def serve(self, **detail: Any) -> None:
        """Recovered and ready: tell the supervisor."""
        self._serving = True
        post = self.post
        self.log.info("ACTOR_READY", incarnation=post.incarnation, **detail)
        post.control.send(
            Hello(name=post.name, incarnation=post.incarnation, pid=post.pid, codec=post.codec_fingerprint, detail=detail)
        )
        self._beat(None)

    def reached(self, milestone: str) -> None:
        self.post.control.send(Reached(name=self.post.name, milestone=milestone))

    def drained(self, **detail: Any) -> None:
        self._beat(None)
        self.post.control.send(Drained(name=self.post.name, detail=detail))

    def halted(self, **detail: Any) -> None:
        self._beat(None)
        self.post.control.send(Halted(name=self.post.name, detail=detail))

    def leave(self, exit_code: int = 0) -> None:
        """End the process after the current message."""
        self.exit_code = exit_code
        self._stop()

    # ------------------------------------------------------------------ pykka's extension points

    def _create_actor_inbox(self) -> _Inbox:  # type: ignore[override]  # pykka asks for a queue, and uses these three methods of it
        return _Inbox(self._mailbox)

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return pykka.ThreadingFuture()

    def _start_actor_loop(self) -> None:
        self._actor_loop()

    def _handle_failure(
        self, exception_type: type[BaseException] | None, exception_value: BaseException | None, traceback: TracebackType | None,
    ) -> None:
        super()._handle_failure(exception_type, exception_value, traceback)
        self.exit_code = exception_value.exit_code if isinstance(exception_value, Unstartable) else EXIT_FAILED
        self.failure = f"{exception_type.__name__ if exception_type else 'failure'}: {exception_value}"
        if isinstance(exception_value, Unstartable):
            self.log.error("ACTOR_UNSTARTABLE", reason=str(exception_value), exit_code=self.exit_code)
        else:
            self.log.error("ACTOR_FAILED", reason=self.failure, exc_info=(exception_type, exception_value, traceback))

    def on_start(self) -> None:
        self.listen("control", self.post.control, self._on_control, urgent=True)
        self.every("beat", BEAT_NS, lambda _: self._beat(None))
        if self.post.parent_descriptor is not None:
            self._handlers["orphaned"] = self._on_orphaned
            self._mailbox.watch("orphaned", self.post.parent_descriptor)
        self.open()

    def on_receive(self, message: Delivery) -> None:
        self._handlers[message.source](message)

    # ------------------------------------------------------------------ control

    def _on_control(self, delivery: Delivery) -> None:
        word = delivery.message
        if isinstance(word, Pulse):
            self.pulse, self.pulse_seen_ns = word, monotonic_ns()
            self.on_pulse(word)
        elif isinstance(word, Halt):
            self.on_halt(word)
        elif isinstance(word, Drain):
            self.on_drain(word)
        elif isinstance(word, Leave):
            self.leave()
        else:
            self.count("unexpected_control_word_count")

    def _beat(self, _: Delivery | None) -> None:
        if not self._serving:
            return
        post = self.post
        self.counters["undecodable_frames_count"] = post.channels.undecodable_count
        self.counters["log_lines_lost_count"] = log_loss_total(self.log)
        self.post.control.send(
            Beat(name=post.name, incarnation=post.incarnation, counters=self.counters, gauges=self.gauges, report=self.report())
        )

    def _on_orphaned(self, _: Delivery) -> None:
        self.log.warning("SUPERVISOR_LOST")
        self.on_orphaned()
        self.leave()
