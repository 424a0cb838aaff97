"""Where everything lies: the paths of a workspace and of a run, and how they are made. Knows names, and of contents only when a run began.

    .workspace/agent.pid  KILL  KILLED  runs/{run_id}/...  runs/latest
    paper/state.json
    logs/system.jsonl
"""

import os
import re
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from records.tape import TapeDamaged, TapeReader

__all__ = ["RunNotFound", "RunPaths", "Workspace", "WorkspaceNotWritable", "new_run_id"]

LATEST = "latest"
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ID_TIME = "%Y%m%dT%H%M%S"
GENERATED_ID = re.compile(r"([0-9]{8}T[0-9]{6})-([0-9]{6})-[0-9]+")


class WorkspaceNotWritable(Exception):
    """``path`` could not be made or written, ``reason`` in the system's words."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True)
class RunNotFound:
    """What was asked for, and what there is (newest last)."""

    asked: str
    known: tuple[str, ...]


@dataclass(frozen=True)
class RunPaths:
    """The files of one run. A run of another machine is the same folder somewhere else."""

    directory: Path

    @property
    def run_id(self) -> str:
        return self.directory.name

    @property
    def ledger(self) -> Path:
        return self.directory / "ledger.db"

    @property
    def tape(self) -> Path:
        return self.directory / "tape.jsonl.gz"

    @property
    def summary(self) -> Path:
        return self.directory / "summary.json"

    @property
    def report(self) -> Path:
        return self.directory / "report.html"

    @property
    def orders_csv(self) -> Path:
        return self.directory / "orders.csv"

    @property
    def fills_csv(self) -> Path:
        return self.directory / "fills.csv"

    @property
    def equity_csv(self) -> Path:
        return self.directory / "equity.csv"

    @property
    def unobserved_csv(self) -> Path:
        return self.directory / "unobserved.csv"

    @property
    def config_resolved(self) -> Path:
        return self.directory / "config.resolved.yaml"

    @property
    def sockets(self) -> Path:
        """Directory of the sockets while running, mode 0700 (messaging/address.py knows how to reach it from anywhere)."""
        return self.directory / "sockets"

    @property
    def control_key(self) -> Path:
        """The run's key for operator commands while it runs: 32 random bytes, mode 0600."""
        return self.directory / "control.key"

    def checkpoint(self, name: str) -> Path:
        """What an actor keeps to be back sooner while the run lasts (actors/checkpoint.py)."""
        return self.directory / f"{name}.checkpoint"

    @property
    def venue_place(self) -> Path:
        """Where the stand-in was, for its successor while the run lasts."""
        return self.directory / "venue.json"

    def trace(self, actor: str) -> Path:
        """Where a process that dies of a fatal signal leaves its traceback."""
        return self.directory / f"{actor}.trace"

    def remove_leftovers(self) -> None:
        """What a run needs only while it lasts: sockets, key, the stand-in's place, checkpoints, traces of nothing. Raises WorkspaceNotWritable."""
        self.remove_sockets()
        try:
            self.control_key.unlink(missing_ok=True)
            self.venue_place.unlink(missing_ok=True)
            for checkpoint in self.directory.glob("*.checkpoint"):
                checkpoint.unlink()
            for trace in self.directory.glob("*.trace"):
                if trace.stat().st_size == 0:
                    trace.unlink()
        except OSError as error:
            raise WorkspaceNotWritable(self.directory, error.strerror or str(error)) from error

    def leftovers(self) -> tuple[Path, ...]:
        """What of that is there, and files that somebody had not finished writing."""
        fixed = (self.sockets, self.control_key, self.venue_place)
        return (*(path for path in fixed if path.exists()), *self.directory.glob("*.checkpoint"), *self.directory.glob("*.tmp-*"))

    def make_sockets(self) -> Path:
        """A fresh directory for sockets. Raises WorkspaceNotWritable."""
        self.remove_sockets()
        _make_directory(self.sockets, exist_ok=False)
        return self.sockets

    def remove_sockets(self) -> None:
        """Remove the directory with the sockets in it, and nothing but sockets. Nothing there is fine.

        Raises WorkspaceNotWritable, also when something else lies among them.
        """
        try:
            if self.sockets.is_dir():
                for entry in self.sockets.iterdir():
                    if entry.is_socket():
                        entry.unlink()
                self.sockets.rmdir()
        except OSError as error:
            raise WorkspaceNotWritable(self.sockets, error.strerror or str(error)) from error


@dataclass(frozen=True)
class Workspace:
    """All paths below ``root``. Nothing is made before ``make`` or ``make_run``."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / ".workspace"

    @property
    def agent_pid(self) -> Path:
        return self.home / "agent.pid"

    @property
    def kill_file(self) -> Path:
        return self.home / "KILL"

    @property
    def killed_latch(self) -> Path:
        return self.home / "KILLED"

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def latest(self) -> Path:
        return self.runs / LATEST

    @property
    def state_file(self) -> Path:
        return self.root / "paper" / "state.json"

    @property
    def system_log(self) -> Path:
        return self.root / "logs" / "system.jsonl"

    def run(self, run_id: str) -> RunPaths:
        """Paths only. ValueError for what cannot be a run id, so that no id leads out of the workspace."""
        if not RUN_ID.fullmatch(run_id) or run_id == LATEST:
            raise ValueError(f"{run_id!r} cannot be a run id: letters, digits, '.', '_', '-', at most 64, not 'latest'")
        return RunPaths(self.runs / run_id)

    def make(self) -> None:
        """Make the directories that are missing and prove that they can be written. Raises WorkspaceNotWritable."""
        for directory in (self.home, self.runs, self.state_file.parent, self.system_log.parent):
            _make_directory(directory, exist_ok=True)
            if not os.access(directory, os.W_OK | os.X_OK):
                raise WorkspaceNotWritable(directory, "not writable")

    def make_run(self, run_id: str) -> RunPaths:
        """A new run's directory, mode 0700, and ``latest`` pointing to it. Raises WorkspaceNotWritable, also when the run exists."""
        run = self.run(run_id)
        _make_directory(run.directory, exist_ok=False)
        _point(self.latest, run_id)
        return run

    def run_ids(self) -> tuple[str, ...]:
        """The ids of all runs here, the one that began last at the end."""
        if not self.runs.is_dir():
            return ()
        directories = [entry for entry in self.runs.iterdir() if entry.is_dir() and not entry.is_symlink()]
        return tuple(entry.name for entry in sorted(directories, key=lambda entry: (_began_ns(entry), entry.name)))

    def find(self, asked: str) -> RunPaths | RunNotFound:
        """The run that ``asked`` names: ``latest``, a run id of this workspace, or the path of a directory with a ledger in it."""
        named = asked == LATEST or RUN_ID.fullmatch(asked) is not None
        if named and (self.runs / asked).is_dir():
            return RunPaths((self.runs / asked).resolve())
        elsewhere = RunPaths(Path(asked).resolve())
        return elsewhere if elsewhere.ledger.is_file() else RunNotFound(asked, self.run_ids())


def new_run_id(wall_ns: int, pid: int) -> str:
    """Readable, sortable by start, unique on a machine: ``20260102T030405-678901-4242``."""
    seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):{ID_TIME}}-{rest_ns // 1000:06d}-{pid}"


def _began_ns(directory: Path) -> int:
    """In wall time: by a generated id, else by what the run's tape says in its first line. 0 for what never heard the market. The times
    of files do not count: any copy and any touch changes them."""
    made = GENERATED_ID.fullmatch(directory.name)
    if made is not None:
        with suppress(ValueError):  # digits that are no date
            started = datetime.strptime(made[1], ID_TIME).replace(tzinfo=timezone.utc)
            return int(started.timestamp()) * 1_000_000_000 + int(made[2]) * 1000
    try:
        with closing(TapeReader(RunPaths(directory).tape)) as tape:
            return tape.header.started_ns
    except (OSError, TapeDamaged):
        return 0


def _make_directory(directory: Path, exist_ok: bool) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=exist_ok)
    except OSError as error:
        raise WorkspaceNotWritable(directory, error.strerror or str(error)) from error


def _point(link: Path, target: str) -> None:
    """Relative, so that the workspace can be moved; replaced in one step, so that ``latest`` always points somewhere."""
    temporary = link.with_name(f"{link.name}.tmp-{os.getpid()}")
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        os.replace(temporary, link)
    except OSError as error:
        raise WorkspaceNotWritable(link, error.strerror or str(error)) from error
