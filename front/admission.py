"""May a session start here at all: the switch that is already thrown, the latch, the directories, the lock. In this order.

Must not know what a session is.
"""

import os

from front.refusal import Refusal
from records.latch import KillLatch, latch, read_latch
from records.lock import HeldBy, Lock
from records.workspace import Workspace, WorkspaceNotWritable
from supervisors.exit_codes import ExitCode
from timing.clock import iso_text, wall_ns

__all__ = ["KILL_VARIABLE", "admit", "not_writable", "take_lock"]

KILL_VARIABLE = "LA_KILL_SWITCH"


def admit(workspace: Workspace) -> Refusal | None:
    """Why no session may start; None when one may, and then the workspace's directories are there."""
    if os.environ.get(KILL_VARIABLE, "").upper() == "TRUE":
        return _killed_by_variable(workspace)
    latched = read_latch(workspace.killed_latch)
    if latched is not None:
        return Refusal(
            ExitCode.KILL_LATCHED, f"a kill is latched here: {latched.trigger}, {latched.killed_at}, run {latched.run_id or 'none'}",
            where=str(workspace.killed_latch), why="after a kill nothing starts before a person has looked",
            fix="look at what happened, then  run_agent.py reset-kill",
        )
    try:
        workspace.make()
    except WorkspaceNotWritable as problem:
        return not_writable(problem)
    return None


def take_lock(workspace: Workspace) -> Lock | Refusal:
    """The lock of a workspace whose directories are there."""
    try:
        lock = Lock.take(workspace.agent_pid)
    except OSError as problem:
        return not_writable(WorkspaceNotWritable(workspace.agent_pid, problem.strerror or str(problem)))
    if isinstance(lock, HeldBy):
        holder = "another process" if lock.pid is None else f"process {lock.pid}"
        return Refusal(
            ExitCode.BUSY, f"a session is already running here: {holder} holds the workspace", where=str(workspace.agent_pid),
            why="two sessions would write the same account", fix="run_agent.py stop  ends it; --workspace DIR  starts another elsewhere",
        )
    return lock


def not_writable(problem: WorkspaceNotWritable) -> Refusal:
    return Refusal(
        ExitCode.CANNOT_CREATE, f"cannot write there: {problem.reason}", where=str(problem.path),
        why="nothing is traded that cannot be recorded", fix="make it writable, or choose another place with --workspace DIR",
    )


def _killed_by_variable(workspace: Workspace) -> Refusal:
    where = ""
    try:
        workspace.make()
        by = f"{KILL_VARIABLE}=TRUE in the environment of process {os.getpid()}"
        latch(workspace.killed_latch, KillLatch(killed_at=iso_text(wall_ns()), trigger="environment", by=by, run_id=""))
    except (OSError, WorkspaceNotWritable) as problem:
        where = f"and the latch could not be written: {problem}"
    return Refusal(
        ExitCode.KILLED, f"{KILL_VARIABLE}=TRUE: killed before anything started", where=where,
        fix=f"unset {KILL_VARIABLE}, then  run_agent.py reset-kill",
    )
