"""Drives whole sessions from outside, as a person with a terminal would: starts them, reads their log, sends signals, looks at what is left.

Must not know how a session works inside. The only place of the tests in which time is waited for: see ``until``.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import run_agent
from records.workspace import RunPaths, Workspace
from tests.system.settings import QUICK, Settings, write_config

__all__ = ["ACTORS", "Place", "Session", "Told", "at_s", "until"]

Found = TypeVar("Found")

ROOT = Path(run_agent.__file__).parent
ACTORS = ("venue", "feed", "gateway", "broker", "risk", "strategy", "reporter")
TITLE = "la: "
PAUSE_S = 0.01
DEADLINE_S = 20.0
VERB_DEADLINE_S = 30.0
HELPERS_LEAVE_S = 2.0


def until(found: Callable[[], Found | None], what: str, deadline_s: float = DEADLINE_S) -> Found:
    """Waits until ``found()`` is true; what it found. Fails at the deadline, naming ``what``."""
    ends = time.monotonic() + deadline_s
    while not (result := found()):
        assert time.monotonic() < ends, f"not within {deadline_s:g} s: {what}"
        time.sleep(PAUSE_S)
    return result


class Told(NamedTuple):
    """What a verb said and how it ended."""

    code: int
    out: str
    err: str


class Place:
    """A workspace, and the configuration that its sessions are started with."""

    def __init__(self, directory: Path, changes: Settings | None = None) -> None:
        self.root = directory / "workspace"
        self.root.mkdir()
        self.config = directory / "config"
        shutil.copytree(ROOT / "config", self.config, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        self.workspace = Workspace(self.root)
        self.configure({**QUICK, **(changes or {})})
        self._outputs = directory
        self.sessions: list[Session] = []

    def configure(self, changes: Settings) -> None:
        write_config(self.config, changes)

    def start(
        self, *flags: str, duration_s: float = 60, strategy: str = "quoter", environment: Mapping[str, str] | None = None,
        into_closed_pipe: bool = False,
    ) -> "Session":
        """``run`` in a process group of its own. ``into_closed_pipe``: nobody reads what it prints."""
        command = [
            sys.executable, str(ROOT / "run_agent.py"), "--workspace", str(self.root), "--config", str(self.config), "--duration", f"{duration_s:g}",
            "--strategy", strategy, "--seed", "5", "--ui", "plain", *flags,
        ]
        session = Session(self, command, self._outputs / f"session-{len(self.sessions)}", environment or {}, into_closed_pipe)
        self.sessions.append(session)
        return session

    def say(self, *words: str, environment: Mapping[str, str] | None = None) -> Told:
        """Another verb of the same program, until it ends."""
        command = [sys.executable, str(ROOT / "run_agent.py"), *words, "--workspace", str(self.root)]
        ended = subprocess.run(
            command, cwd=self.root, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=VERB_DEADLINE_S, check=False,
        )
        return Told(ended.returncode, ended.stdout, ended.stderr)

    # ------------------------------------------------------------------ what is left of it

    @property
    def run(self) -> RunPaths:
        """The newest run."""
        return RunPaths(self.workspace.latest.resolve())

    @property
    def log_lines(self) -> list[bytes]:
        path = self.workspace.system_log
        return path.read_bytes().splitlines() if path.exists() else []

    def summary(self) -> dict[str, Any]:
        """Numbers as Decimals, whole ones too."""
        found: dict[str, Any] = json.loads(self.run.summary.read_bytes(), parse_float=Decimal)
        return found

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.workspace.state_file.read_bytes())
        return found

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Of the newest run's ledger, by a connection that knows nothing of the program."""
        connection = sqlite3.connect(f"{self.run.ledger.as_uri()}?mode=ro", uri=True)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """The ledger's rows of one kind, in order."""
        return [json.loads(body) for (body,) in self.rows("SELECT body FROM ev WHERE kind = ? ORDER BY seq", kind)]

    def processes(self) -> dict[int, str]:
        """Every living process that was started here, with its title: they all keep the workspace as their directory."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if (entry / "cwd").readlink() == self.root:
                        found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue  # it ended while we looked, or is nobody of ours
        return found

    def actors(self) -> dict[str, int]:
        """Process ids by actor's name."""
        return {title.removeprefix(TITLE): pid for pid, title in self.processes().items() if title.startswith(TITLE)}

    def assert_nothing_left(self) -> None:
        """The helpers of multiprocessing end when they see that their parent has: a moment after it."""
        until(lambda: not self.left_behind(), f"nothing is left: {self.left_behind()}", HELPERS_LEAVE_S)

    def left_behind(self) -> list[str]:
        """What should be gone when a session has ended: processes, the lock's file, sockets, the key."""
        things = [f"process {pid}: {title}" for pid, title in self.processes().items()]
        home = self.workspace.home
        things += [str(path) for path in (self.workspace.agent_pid, self.workspace.kill_file) if path.exists()]
        for pattern in ("runs/*/sockets", "runs/*/control.key", "runs/*/venue.json", "runs/*/*.trace", "runs/*/*.tmp-*"):
            things += [str(path) for path in home.glob(pattern)]
        return things

    def end_everything(self) -> None:
        """For the end of a test that failed half-way: nothing of it may run on."""
        for session in self.sessions:
            session.process.poll()
            if session.process.returncode is None:
                session.process.kill()
                session.process.wait(DEADLINE_S)
        until(lambda: not self.processes(), f"everybody leaves: {self.processes()}")


class Session:
    """One ``run``. ``events`` are those written since it was started, of every process of the workspace."""

    def __init__(self, place: Place, command: list[str], output: Path, environment: Mapping[str, str], into_closed_pipe: bool) -> None:
        self.place = place
        self._log = place.workspace.system_log
        self._offset = self._log.stat().st_size if self._log.exists() else 0
        self._events: list[dict[str, Any]] = []
        self.output, self.complaints = output.with_suffix(".out"), output.with_suffix(".err")
        with self.output.open("wb") as out, self.complaints.open("wb") as err:
            self.process = subprocess.Popen(
                command, cwd=place.root, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if into_closed_pipe else out, stderr=err, start_new_session=True,
            )
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Everything that is in the log by now; each line must be a JSON object."""
        if self._log.exists():
            with self._log.open("rb") as file:
                file.seek(self._offset)
                whole, newline, _ = file.read().rpartition(b"\n")
            self._offset += len(whole) + len(newline)
            self._events += [json.loads(line) for line in whole.splitlines()]
        return self._events

    def all(self, event: str, after: int = 0, **fields: Any) -> list[dict[str, Any]]:
        """Events of that name (from the ``after``-th line on) whose fields contain ``fields``; ``actor`` counts as one."""
        return [each for each in self.events[after:] if each["event"] == event and _has(each, fields)]

    def wait_for(self, event: str, deadline_s: float = DEADLINE_S, after: int = 0, count: int = 1, **fields: Any) -> dict[str, Any]:
        """The ``count``-th such event."""

        def found() -> dict[str, Any] | None:
            seen = self.all(event, after, **fields)
            if len(seen) >= count:
                return seen[count - 1]
            assert self.process.poll() is None or self.all(event, after, **fields), f"ended without {event} {fields}: {self.story()}"
            return None

        return until(found, f"{event} {fields}", deadline_s)

    def wait_for_resting(self, orders: int, deadline_s: float = DEADLINE_S) -> None:
        """Until so many orders are resting at the same time."""
        until(lambda: len(self.resting()) >= orders, f"{orders} orders resting", deadline_s)

    def resting(self) -> set[str]:
        """Ids of the orders that the log shows as accepted and not ended."""
        working: set[str] = set()
        for each in self.events:
            if each["event"] == "ORDER_ACCEPTED":
                working.add(each["fields"]["client_order_id"])
            elif each["event"] in ("ORDER_CANCELED", "ORDER_EXPIRED") or each["event"] == "ORDER_FILLED" and each["fields"]["leaves_quantity"] == "0":
                working.discard(each["fields"]["client_order_id"])
        return working

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def send_to(self, name: str, number: signal.Signals) -> None:
        os.kill(until(lambda: self.place.actors().get(name), f"a process of {name}"), number)

    def interrupt_group(self) -> None:
        """What Ctrl-C in a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self, deadline_s: float = DEADLINE_S) -> int:
        """Its exit code."""
        until(lambda: self.process.poll() is not None, f"the session ends; {self.story()}", deadline_s)
        assert self.process.returncode is not None
        return self.process.returncode

    def story(self) -> str:
        """For a test that failed: the end of the log and what was said."""
        lines = [f"{each['ts'][14:23]} {each['actor']} {each['event']} {each['fields']}"[:300] for each in self.events[-25:]]
        return "\n".join(["", *lines, self.complaints.read_text()[-2000:]])


def at_s(event: Mapping[str, Any]) -> float:
    """When an event was written, in seconds of wall time."""
    return datetime.fromisoformat(event["ts"]).timestamp()


def _has(event: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    known = {**event["fields"], "actor": event["actor"]}
    return all(known.get(name) == value for name, value in fields.items())
