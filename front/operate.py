"""The verbs for a session that runs elsewhere (status, stop, kill) and for the latch that a kill leaves (reset-kill).

A command is asked for over the session's own signed channel first; where no answer comes, the signal does the same. Must not
know how a session settles or kills.
"""

import json
import signal

from front.arguments import Arguments
from front.refusal import Refusal
from front.running import ANSWER_WAIT_S, RunningSession
from messaging.control import Operated
from records.latch import read_latch, release_latch
from records.logs import open_logger
from records.workspace import Workspace, WorkspaceNotWritable
from supervisors.exit_codes import ExitCode

__all__ = ["kill", "reset_kill", "status", "stop"]

KILL_WAIT_S = 3.0
STOP_WAIT_S = 8.0


def status(arguments: Arguments) -> ExitCode | Refusal:
    """Prints what the session says of itself: a view for people, or exactly its JSON object."""
    session = _session(arguments)
    if isinstance(session, Refusal):
        return session
    answer = session.ask("status")
    if answer is None or not answer.accepted:
        return _silent(session, answer.reason if answer else "")
    if arguments.json:
        print(json.dumps(answer.status))
    else:
        from reporting.terminal import format_status  # the JSON reader does not pay for it

        print(format_status(answer.status))
    return ExitCode.OK


def stop(arguments: Arguments) -> ExitCode | Refusal:
    """Ends the session in order, and waits until it has ended."""
    session = _session(arguments)
    if isinstance(session, Refusal):
        return session
    answer = session.ask("stop")
    if answer is None or not answer.accepted:
        session.signal(signal.SIGTERM)
        print(f"{_unheard(answer)}: SIGTERM to {session.pid}")
    if not session.ended_within(STOP_WAIT_S):
        return _still_running(session, STOP_WAIT_S, "settling takes longer than it should", "run_agent.py kill")
    print(f"stopped: process {session.pid} has ended")
    _point_to_summary(session)
    return ExitCode.OK


def kill(arguments: Arguments) -> ExitCode | Refusal:
    """Emergency: the session cancels and flattens everything and ends with 99. Waits for its end."""
    session = _session(arguments)
    if isinstance(session, Refusal):
        return session
    workspace = Workspace(arguments.workspace)
    answer = session.ask("kill")
    unheard = answer is None or not answer.accepted
    if unheard:
        session.signal(signal.SIGUSR1)
        workspace.kill_file.touch()
        print(f"{_unheard(answer)}: SIGUSR1 to {session.pid}, and the kill file")
    if not session.ended_within(KILL_WAIT_S):
        return _still_running(session, KILL_WAIT_S, "it may be stopped or stuck in the kernel", f"kill -KILL {session.pid}")
    if unheard:
        # it was for this session; left behind it would kill the next one at its start
        workspace.kill_file.unlink(missing_ok=True)
    print(f"killed: process {session.pid} has ended")
    _point_to_summary(session)
    if read_latch(workspace.killed_latch) is not None:
        print("the kill is latched: nothing starts here before  run_agent.py reset-kill")
    return ExitCode.OK


def reset_kill(arguments: Arguments) -> ExitCode | Refusal:
    """Shows what the latch says and removes it; nothing to reset is fine."""
    workspace = Workspace(arguments.workspace)
    latch = read_latch(workspace.killed_latch)
    if latch is None:
        print(f"no kill latch in {workspace.home}: nothing to reset")
        return ExitCode.OK
    print(f"killed at {latch.killed_at} by {latch.trigger} ({latch.by or 'nobody named'}), run {latch.run_id or 'none'}")
    try:
        workspace.make()
        log = open_logger(workspace.system_log, actor="operator", run_id=latch.run_id)
        release_latch(workspace.killed_latch)
    except (OSError, WorkspaceNotWritable) as problem:
        return Refusal(ExitCode.CANNOT_CREATE, "the latch cannot be removed", where=str(workspace.killed_latch), why=str(problem),
                       fix="make the workspace writable for this user")
    log.warning("KILL_LATCH_RESET", killed_at=latch.killed_at, trigger=latch.trigger, by=latch.by)
    print("reset: the next session may start")
    return ExitCode.OK


def _session(arguments: Arguments) -> RunningSession | Refusal:
    home = Workspace(arguments.workspace).home
    try:
        session = RunningSession.find(Workspace(arguments.workspace))
    except OSError as problem:
        return Refusal(ExitCode.UNAVAILABLE, "cannot see whether a session is running", where=str(home), why=str(problem),
                       fix="use the user that started it")
    if session is None:
        return Refusal(ExitCode.UNAVAILABLE, "no session is running here", where=str(home.absolute()),
                       fix="start one with  run_agent.py --duration 600  or name its directory with --workspace")
    return session


def _silent(session: RunningSession, reason: str) -> Refusal:
    return Refusal(
        ExitCode.UNAVAILABLE, f"the session (process {session.pid}) does not answer",
        why=reason or f"no answer within {ANSWER_WAIT_S:g} s: it may be just starting, ending, or stopped",
        fix="try again; the log is logs/system.jsonl",
    )


def _unheard(answer: Operated | None) -> str:
    return f"no answer within {ANSWER_WAIT_S:g} s" if answer is None else f"refused ({answer.reason})"


def _still_running(session: RunningSession, waited_s: float, why: str, fix: str) -> Refusal:
    return Refusal(ExitCode.SOFTWARE, f"process {session.pid} is still running after {waited_s:g} s", why=why, fix=fix)


def _point_to_summary(session: RunningSession) -> None:
    if session.run is not None and session.run.summary.exists():
        print(f"summary: {session.run.summary}")
