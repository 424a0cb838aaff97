"""An actor that is a process: every failure has its exit code, and a beat proves that the inbox is read."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.process import ProcessActor, Unstartable
from messaging.control import Beat, Drain, Drained, Halt, Halted, Hello, Leave, Pulse, Reached
from messaging.mailbox import Delivery
from tests.actors.harness import ActorRoom, RunningActor, actor_room, until

DEADLINE_S = 20.0


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ActorRoom]:
    with actor_room(tmp_path) as made:
        yield made


class Willing(ProcessActor):
    """Does what every actor does, and remembers the pulse."""

    def open(self) -> None:
        self.pulses: list[str] = []
        self.serve(settings=self.post.settings)

    def on_pulse(self, pulse: Pulse) -> None:
        self.pulses.append(pulse.state)


class BrokenAtTheStart(ProcessActor):
    def open(self) -> None:
        raise ValueError("no such thing")


class UnableToStart(ProcessActor):
    def open(self) -> None:
        raise Unstartable(74, "the disk is full")


class BrokenByWork(ProcessActor):
    """Fails when it is drained; ``settings`` is what it raises."""

    def open(self) -> None:
        self.serve()

    def on_drain(self, drain: Drain) -> None:
        raise self.post.settings


class BrokenAtTheEnd(ProcessActor):
    def on_stop(self) -> None:
        raise OSError("cannot close")


class Hanging(ProcessActor):
    """Its inbox waits for an event in the middle of its work."""

    def open(self) -> None:
        self.entered, self.released = threading.Event(), threading.Event()
        self.serve()

    def on_drain(self, drain: Drain) -> None:
        self.entered.set()
        self.released.wait(DEADLINE_S)
        self.drained()


class Counting(ProcessActor):
    def open(self) -> None:
        self.every("tick", 1_000_000, self._on_tick)
        self.serve()

    def report(self) -> dict[str, str]:
        return {"state": "busy"}

    def _on_tick(self, _: Delivery) -> None:
        self.count("ticks_count")
        self.gauges["level"] = 7.0


class Orphan(ProcessActor):
    left = False

    def on_orphaned(self) -> None:
        self.left = True


def test_it_greets_when_it_serves_and_leaves_when_told(room: ActorRoom) -> None:
    actor = room.start(Willing, "willing", "s", incarnation=3)
    until(lambda: actor.said(Hello), room.control)
    hello = actor.said(Hello)[0]
    assert (hello.name, hello.incarnation, hello.detail) == ("willing", 3, {"settings": "s"})
    assert actor.stop() == 0
    assert actor.log.named("ACTOR_READY") == [{"incarnation": 3, "settings": "s"}]


def test_it_settles_at_once_when_it_has_nothing_open(room: ActorRoom) -> None:
    actor = room.start(Willing, "willing", None)
    until(lambda: actor.said(Hello), room.control)
    actor.tell(Drain(reason="stop"))
    actor.tell(Halt(reason="kill"))
    until(lambda: bool(actor.said(Drained)) and bool(actor.said(Halted)), room.control)
    assert actor.stop() == 0


def test_pulses_arrive_and_an_unexpected_word_is_counted(room: ActorRoom) -> None:
    actor = room.start(Willing, "willing", None)
    until(lambda: actor.said(Hello), room.control)
    actor.tell(Pulse(state="RUNNING"))
    actor.tell(Reached(name="x", milestone="y"))
    until(lambda: actor.counter("unexpected_control_word_count") == 1, room.control)
    assert isinstance(actor.actor, Willing) and actor.actor.pulses == ["RUNNING"]
    assert actor.stop() == 0


@pytest.mark.parametrize(
    ("kind", "exit_code", "event", "reason"),
    [
        (BrokenAtTheStart, 70, "ACTOR_FAILED", "ValueError: no such thing"), (UnableToStart, 74, "ACTOR_UNSTARTABLE", "the disk is full"),
    ],
)
def test_a_failing_start_ends_the_process_with_its_code(
    room: ActorRoom, kind: type[ProcessActor], exit_code: int, event: str, reason: str,
) -> None:
    actor = room.start(kind, "broken", None)
    assert actor.stop() == exit_code
    assert actor.log.named(event)[0]["reason"] == reason
    assert actor.said(Hello) == []


@pytest.mark.parametrize(("raised", "exit_code"), [(RuntimeError("lost"), 70), (Unstartable(74, "disk"), 74)])
def test_a_failure_in_the_middle_of_work_ends_the_process_with_its_code(room: ActorRoom, raised: Exception, exit_code: int) -> None:
    actor = room.start(BrokenByWork, "broken", raised)
    until(lambda: actor.said(Hello), room.control)
    actor.drain()
    until(lambda: actor.ended)
    assert actor.stop() == exit_code
    assert actor.said(Drained) == []


def test_a_failure_while_stopping_is_a_failure_too(room: ActorRoom) -> None:
    actor = room.start(BrokenAtTheEnd, "broken", None)
    assert actor.stop() == 70
    assert actor.log.named("ACTOR_FAILED")[0]["reason"] == "OSError: cannot close"


def test_beats_carry_counters_gauges_and_the_report(room: ActorRoom) -> None:
    actor = room.start(Counting, "counting", None)
    until(lambda: actor.counter("ticks_count") > 3, room.control)
    beat = actor.said(Beat)[-1]
    assert (beat.name, beat.incarnation, beat.gauges, beat.report) == ("counting", 1, {"level": 7.0}, {"state": "busy"})
    assert actor.stop() == 0


def test_an_inbox_that_is_not_read_does_not_beat(room: ActorRoom) -> None:
    """Counted by another actor's beats, not by time: ten of its beats pass without one of the hanging actor's."""
    hanging, other = room.start(Hanging, "hanging", None), room.start(Willing, "other", None)
    until(lambda: hanging.said(Hello) and other.said(Hello), room.control)
    hanging.drain()
    shell = hanging.actor
    assert isinstance(shell, Hanging) and shell.entered.wait(DEADLINE_S)
    hung_at, others_at = len(hanging.said(Beat)), len(other.said(Beat))
    until(lambda: len(other.said(Beat)) >= others_at + 10, room.control)
    assert len(hanging.said(Beat)) <= hung_at + 1, "one may have been under way"
    shell.released.set()
    until(lambda: hanging.said(Drained), room.control)
    assert (hanging.stop(), other.stop()) == (0, 0)


def test_no_beat_before_it_serves(room: ActorRoom) -> None:
    class Silent(ProcessActor):
        def open(self) -> None:
            pass

    silent, other = room.start(Silent, "silent", None), room.start(Willing, "other", None)
    until(lambda: len(other.said(Beat)) >= 5, room.control)
    assert silent.said(Beat) == [] and silent.said(Hello) == []
    silent.tell(Leave())
    until(lambda: silent.ended)
    assert (silent.stop(), other.stop()) == (0, 0)


def test_without_its_supervisor_it_does_its_last_duty_and_ends(room: ActorRoom) -> None:
    reader, writer = os.pipe()
    actor = RunningActor(room, Orphan, "orphan", None, 1, parent_descriptor=reader)
    until(lambda: actor.said(Hello), room.control)
    os.close(writer)
    until(lambda: actor.ended)
    assert actor.stop() == 0
    assert isinstance(actor.actor, Orphan) and actor.actor.left
    assert "SUPERVISOR_LOST" in actor.log.names()
    os.close(reader)
