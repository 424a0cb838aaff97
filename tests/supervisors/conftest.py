"""A supervisor with toy children, run in a process of its own as in real life."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from messaging.control import CHILD_WORDS
from supervisors.plan import ChildSpec, Gate, Plan, RestartStrategy
from supervisors.outcome import Outcome
from supervisors.root import Root
from tests.supervisors.test_restart_policy import SETTINGS
from tests.supervisors.toys import Toy, live
from timing.clock import monotonic_ns

NAMES = ("feed", "broker", "strategy", "reporter")


class Watcher:
    """An observer that lets a test wait for a log event."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self._hooks: list[tuple[str, Callable[[dict[str, Any]], None]]] = []

    def when(self, event: str, act: Callable[[dict[str, Any]], None]) -> None:
        """Call ``act`` (once) on the first such event, in the supervisor's thread."""
        self._hooks.append((event, act))

    def event(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        for hook in [hook for hook in self._hooks if hook[0] == event["event"]]:
            self._hooks.remove(hook)
            hook[1](event)

    def status(self, status: dict[str, Any]) -> None:
        self.statuses.append(status)

    def names(self) -> list[str]:
        return [event["event"] for event in self.events]


class Log:
    """The logger the supervisor gets; hands each event to the watcher."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def info(self, event: str, **fields: Any) -> None:
        self._watcher.event({"event": event, **fields})

    warning = error = critical = debug = info


class Session:
    """A plan of toys; ``run`` carries it out in this thread and process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.watcher = Watcher()
        self.toys: dict[str, dict[str, Any]] = {"feed": {"milestone": "live"}}
        self.supervision = msgspec.structs.replace(SETTINGS, restart={name: RestartStrategy.ONE_FOR_ONE for name in NAMES})
        self.duration_s = 0.3
        self.gate_s = 20.0
        self.ends_with: str | None = None
        (directory / "sockets").mkdir(mode=0o700)

    def plan(self) -> Plan:
        specs = {name: self._spec(name) for name in NAMES}
        return Plan(
            run_id="toy", run_directory=self.directory, control_key=b"k" * 32,
            stages=((specs["feed"],), (specs["broker"],), (specs["strategy"], specs["reporter"])),
            gate=Gate("feed", "live", self.gate_s, 69, "no data"), duration_s=self.duration_s, duration_ends=True, supervision=self.supervision,
            settles="broker",
            closes="reporter", drain_order=(("strategy",), ("broker",), ("feed",), ("reporter",)), preload=(),
            codec_types=CHILD_WORDS, venue="toy", ends_with=self.ends_with, state_from="broker", view_from="reporter", kill_file=self.directory / "KILL",
            killed_latch=self.directory / "KILLED",
        )

    def run(self) -> Outcome:
        return Root(self.plan(), self.watcher, Log(self.watcher), monotonic_ns, Random(1)).run()

    def journal(self) -> list[str]:
        return (self.directory / "journal").read_text().splitlines()

    def born(self, name: str) -> list[int]:
        """Pids of all incarnations."""
        return [int(line.split()[2]) for line in self.journal() if line.startswith(f"{name}.") and " born " in line]

    def settled(self) -> list[str]:
        return [line for line in self.journal() if " born " not in line]

    def _spec(self, name: str) -> ChildSpec:
        settings = self.toys.get(name, {})
        return ChildSpec(
            name=name, target=live, restart=self.supervision.restart[name],
            argument=lambda details, incarnation: Toy(name=name, incarnation=incarnation, run_directory=self.directory, **settings),
        )


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    assert threading.current_thread() is threading.main_thread()
    made = Session(tmp_path)
    yield made
    for name in NAMES:
        if (tmp_path / "journal").exists():
            for pid in made.born(name):
                with pytest.raises(ProcessLookupError):
                    os.kill(pid, 0)
