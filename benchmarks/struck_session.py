"""One short session on a tape with strace at its processes: from there the kernel refuses, or kills, at the Nth call to a file.

Says what happened; must not know what should. ``untraceable()`` is the reason why this cannot be done on a machine.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from benchmarks.kill_matrix import ROOT, events_of, pid_of
from records.ledger import LedgerDamaged, LedgerFailure, LedgerReader
from records.workspace import Workspace
from reporting.export import write_ledger
from trading.messages import AccountFact

__all__ = ["TARGETS", "Blow", "Kept", "Session", "Struck", "kept_in", "untraceable"]

STRACE = "strace"
RUN_ID = "struck"
RUN_LIMIT_S = 120
LOOK_S = 0.002
LETTING_GO_S = 3.0
WRITING = "write,pwrite64,fsync,fdatasync,ftruncate,rename,openat"
FORK_SERVER = "multiprocessing.forkserver"


class Target(NamedTuple):
    """Files of one actor. ``from_birth``: strace is there before the actor is; otherwise as soon as it has started, and then
    ``files`` can name the temporary files that carry its pid. No files: every call of the actor counts."""

    actor: str
    from_birth: bool
    files: Callable[[Workspace, int], list[Path]]


class Blow(NamedTuple):
    """``effect`` in strace's words, at the ``nth`` such call of a process and, if ``onwards``, at every later one. Killing ends
    after so many ``kills``: from then on nobody is traced."""

    target: str
    call: str
    effect: str
    nth: int = 1
    onwards: bool = False
    kills: int = 1

    def __str__(self) -> str:
        again = f" in {self.kills} lives" if self.kills > 1 else ""
        return f"{self.effect.partition('=')[2]} at {self.target}{again}"


class Struck(NamedTuple):
    """``fired``: how often the kernel did it. ``later``: calls to the same files, by the same process, behind the first refusal."""

    fired: int
    exit_code: int
    said: str
    events: list[dict[str, Any]]
    later: list[str]


class Kept(NamedTuple):
    """What the ledger holds in the words of ``export``; ``problem`` when it could not be read to its end."""

    text: str
    facts: list[AccountFact]
    problem: str


def _ledger_files(workspace: Workspace, _: int) -> list[Path]:
    ledger = workspace.run(RUN_ID).ledger
    return [ledger, *(ledger.with_name(f"{ledger.name}-{end}") for end in ("wal", "journal", "shm"))]


def _replaced(*names: str) -> Callable[[Workspace, int], list[Path]]:
    """Files that are written beside their place and then renamed; their directory too, for its sync."""

    def files(workspace: Workspace, pid: int) -> list[Path]:
        run = workspace.run(RUN_ID).directory
        paths = [workspace.state_file if name == "state.json" else run / name for name in names]
        return [*paths, *(path.with_name(f"{path.name}.tmp-{pid}") for path in paths), *{path.parent for path in paths}]

    return files


TARGETS = {
    "ledger": Target("broker", True, _ledger_files),
    "state.json": Target("broker", False, _replaced("state.json")),
    "summary": Target("reporter", False, _replaced("summary.json", "orders.csv", "fills.csv", "equity.csv", "report.html")),
    "tape": Target("feed", True, lambda workspace, _: [workspace.run(RUN_ID).tape]),
    "log": Target("", True, lambda workspace, _: [workspace.system_log]),
    "broker": Target("broker", False, lambda *_: []),
    "reporter": Target("reporter", False, lambda *_: []),
}
"""Nobody in particular: every process, the supervisor too."""


def untraceable() -> str | None:
    """Asked by doing it: strace attaches to a process that is no child of its own."""
    if shutil.which(STRACE) is None:
        return f"{STRACE} is not installed"
    victim = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    try:
        tracer = subprocess.Popen([STRACE, "-qq", "-p", str(victim.pid), "-o", os.devnull], stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 5
        while tracer.poll() is None and time.monotonic() < deadline and not _traced(victim.pid):
            time.sleep(LOOK_S)
        traced = _traced(victim.pid)
        tracer.terminate()
        complaint = tracer.communicate()[1]
        return None if traced else f"processes cannot be traced here: {complaint.strip()}"
    finally:
        victim.kill()
        victim.communicate()


def kept_in(workspace: Path) -> Kept:
    """Each row is verified on the way; what comes before the first that cannot be trusted is there."""
    facts: list[AccountFact] = []
    text = StringIO()
    try:
        reader = LedgerReader(Workspace(workspace).run(RUN_ID).ledger)
        try:
            write_ledger(((seq, _noted(facts, fact)) for seq, fact in reader.facts()), text)
        finally:
            reader.close()
    except (LedgerDamaged, LedgerFailure) as problem:
        return Kept(text.getvalue(), facts, str(problem))
    return Kept(text.getvalue(), facts, "")


class Session:
    """``run`` a tape in a fresh workspace; ``blow`` is struck while it runs."""

    def __init__(self, directory: Path, tape: Path, config: Path | None, strategy: str) -> None:
        self.workspace = Workspace(directory)
        self._tape, self._config, self._strategy = tape, config, strategy
        self._trace = directory.with_name(f"{directory.name}.trace")

    def run(self, blow: Blow | None = None, prepared: Callable[[Workspace], None] | None = None,
            while_running: Callable[[Workspace], None] | None = None) -> Struck:
        """``prepared`` is called before the session starts, ``while_running`` once when the first order was submitted."""
        root = self.workspace.root
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        self._trace.unlink(missing_ok=True)
        console = self._trace.with_suffix(".console")
        if prepared is not None:
            prepared(self.workspace)
        with open(console, "wb") as out:
            process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            tracer = None
            try:
                tracer = self._attach(process, blow) if blow is not None else None
                if while_running is not None and _traded(root, process):
                    while_running(self.workspace)
                self._watch(process, blow, tracer)
            finally:
                process.kill()
                process.wait()
                _let_go(tracer)
        calls = self._trace.read_text(errors="replace").splitlines() if self._trace.exists() else []
        fired, later = _reckoned(calls)
        said = console.read_text(errors="replace")
        return Struck(fired, process.returncode, said, events_of(root), later)

    def _command(self) -> list[str]:
        config = ["--config", str(self._config)] if self._config else []
        return [
            sys.executable, str(ROOT / "run_agent.py"), "--venue", f"tape:{self._tape}", "--speed", "max", "--seed", "1", "--ui", "plain",
            "--strategy", self._strategy, "--workspace", str(self.workspace.root), "--run-id", RUN_ID, *config,
        ]

    def _attach(self, process: "subprocess.Popen[bytes]", blow: Blow) -> "subprocess.Popen[bytes] | None":
        """To the fork server, and so to everybody who is born of it, or to the one actor."""
        target = TARGETS[blow.target]
        victim = _fork_server(process) if target.from_birth else _pid(self.workspace.root, target.actor, process)
        if victim is None:
            return None
        victims = [victim] if target.actor else [victim, process.pid]
        when = f"{blow.nth}{'+' if blow.onwards else ''}"
        command = [STRACE, "-f", "-qq", "-y", "-o", str(self._trace), "-e", f"trace={WRITING}", "-e", f"inject={blow.call}:{blow.effect}:when={when}"]
        command += [word for pid in victims for word in ("-p", str(pid))]
        command += [word for path in target.files(self.workspace, victim) for word in ("-P", str(path))]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def _watch(self, process: "subprocess.Popen[bytes]", blow: Blow | None, tracer: "subprocess.Popen[bytes] | None") -> None:
        """Who was to be killed once is not traced any longer than that: the next life goes on."""
        deadline = time.monotonic() + RUN_LIMIT_S
        while process.poll() is None and time.monotonic() < deadline:
            if tracer is not None and blow is not None and "signal=" in blow.effect and self._deaths() >= blow.kills:
                _let_go(tracer)
                tracer = None
            time.sleep(LOOK_S)

    def _deaths(self) -> int:
        """Whole ones: a tracer that lets go between the end of one thread and of the next would keep both from ending."""
        calls = self._trace.read_text(errors="replace").splitlines() if self._trace.exists() else []
        dying = {line.split()[0] for line in calls if line.endswith(DYING)}
        return sum(line.endswith(DEAD) and line.split()[0] in dying for line in calls)


DYING, DEAD, REFUSED = "= ?", "+++ killed by SIGKILL +++", "(INJECTED)"
"""How strace ends the line of a call in which a process dies, of its end, and of a call that was answered in the kernel's place."""


def _reckoned(calls: list[str]) -> tuple[int, list[str]]:
    fired = sum(line.endswith((DYING, REFUSED)) for line in calls)
    first = next((number for number, line in enumerate(calls) if line.endswith(REFUSED)), len(calls))
    victim = calls[first].split()[0] if first < len(calls) else ""
    return fired, [line for line in calls[first + 1:] if line.split()[0] == victim and "(" in line]


def _fork_server(process: "subprocess.Popen[bytes]") -> int | None:
    """The supervisor's child of that name; None when the session ended without one."""
    while process.poll() is None:
        for child in _children(process.pid):
            if any(FORK_SERVER in word for word in _spoken(child)):
                return child.pid
        time.sleep(LOOK_S)
    return None


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []


def _spoken(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def _pid(workspace: Path, actor: str, process: "subprocess.Popen[bytes]") -> int | None:
    while process.poll() is None:
        try:
            pid = pid_of(workspace, actor)
        except json.JSONDecodeError:
            continue  # a line that is being written
        if pid is not None:
            return pid
        time.sleep(LOOK_S)
    return None


def _traded(workspace: Path, process: "subprocess.Popen[bytes]") -> bool:
    """Wait for the first order; False when the session ended without one."""
    log = Workspace(workspace).system_log
    while process.poll() is None:
        if log.exists() and b"ORDER_SUBMITTED" in log.read_bytes():
            return True
        time.sleep(LOOK_S)
    return False


def _traced(pid: int) -> bool:
    return "TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text()


def _let_go(tracer: "subprocess.Popen[bytes] | None") -> None:
    """strace detaches from whomever it still holds; if it cannot, the kernel does it when strace ends."""
    if tracer is not None and tracer.poll() is None:
        tracer.send_signal(signal.SIGINT)
        try:
            tracer.wait(LETTING_GO_S)
        except subprocess.TimeoutExpired:
            tracer.kill()
            tracer.wait()


def _noted(facts: list[AccountFact], fact: AccountFact) -> AccountFact:
    facts.append(fact)
    return fact
