"""The verb ``run``: one paper session from the command line to the exit code.

Admission, settings, lock, run directory, plan, root loop, closing. Must not know trading, nor how processes are watched.
"""

import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import msgspec

from config.loader import Fault
from config.resolved import resolved_yaml
from front.admission import admit, not_writable, take_lock
from front.arguments import Arguments
from front.closing import Closing
from front.paper_state import mend_paper_state
from front.plan import build_plan
from front.refusal import Refusal
from front.resume import carried
from front.settings import Settings, read_settings
from front.tape_file import TapeFile, read_tape
from front.warmup import warmup_s
from records.atomic import write_atomically
from records.logs import Logger, open_logger
from records.workspace import RunPaths, Workspace, WorkspaceNotWritable, new_run_id
from reporting.summary_file import RunFacts
from reporting.terminal import View, make_view
from supervisors.exit_codes import ExitCode
from supervisors.plan import Plan
from supervisors.root import Root
from timing.clock import iso_text, monotonic_ns, wall_ns

__all__ = ["run"]

CONTROL_KEY_BYTES = 32
SEED_LIMIT = 2**31
"""Drawn seeds stay short enough to be typed again."""

SESSION_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


def run(arguments: Arguments) -> ExitCode | Refusal:
    """Trades on paper until the duration is over or somebody ends it; shows what happens and what came of it."""
    with _signals_held():
        os.umask(0o077)
        workspace = Workspace(arguments.workspace.absolute())
        refusal = admit(workspace)
        if refusal is not None:
            return refusal
        settings = read_settings(arguments)
        if isinstance(settings, list):
            return _wrong_settings(settings)
        tape = read_tape(arguments)
        if isinstance(tape, Refusal):
            return tape
        lock = take_lock(workspace)
        if isinstance(lock, Refusal):
            return lock
        try:
            return _recorded(arguments, settings, workspace, tape)
        except WorkspaceNotWritable as problem:
            return not_writable(problem)
        finally:
            lock.release()


def _recorded(arguments: Arguments, settings: Settings, workspace: Workspace, tape: TapeFile | None) -> ExitCode | Refusal:
    """The session in a run directory of its own. Raises WorkspaceNotWritable when that cannot be made."""
    started_ns = wall_ns()
    _tidy(workspace)
    paths = workspace.make_run(arguments.run_id or new_run_id(started_ns, os.getpid()))
    seed = secrets.randbelow(SEED_LIMIT) if arguments.seed is None else arguments.seed
    arguments = arguments._replace(seed=seed, strategy=settings.strategy.name)
    key = secrets.token_bytes(CONTROL_KEY_BYTES)
    view = make_view(arguments.ui, sys.stdout, sys.stderr)
    try:
        paths.make_sockets()
        log = _prepared(arguments, settings, workspace, paths, key, view)
        _mended(workspace, paths, log)
        left = carried(workspace, paths.run_id, arguments.symbol, log) if arguments.resume else None
        if isinstance(left, Refusal):
            return left
        plan = build_plan(settings, arguments, workspace, paths, seed, key, iso_text(started_ns), tape, left)
        return _shown(tape.span_s if tape else arguments.duration_s, settings, plan, paths, view, log)
    finally:
        view.close()
        with suppress(WorkspaceNotWritable):  # how the session ended is what counts; the next one here clears up
            paths.remove_leftovers()


def _tidy(workspace: Workspace) -> None:
    """A supervisor that was killed could not clear up its run's sockets and key; we hold the lock, so nobody uses them."""
    before = workspace.find("latest")
    if isinstance(before, RunPaths):
        before.remove_leftovers()


def _prepared(arguments: Arguments, settings: Settings, workspace: Workspace, paths: RunPaths, key: bytes, view: View) -> Logger:
    """The run's key and settings in its directory, and the supervisor's logger."""
    resolved = {"command_line": _spoken(arguments), **msgspec.structs.asdict(settings)}
    try:
        write_atomically(paths.control_key, key)
        write_atomically(paths.config_resolved, resolved_yaml(resolved).encode())
        return open_logger(workspace.system_log, actor="supervisor", run_id=paths.run_id, tell=view.event)
    except OSError as problem:
        raise WorkspaceNotWritable(paths.directory, problem.strerror or str(problem)) from problem


def _mended(workspace: Workspace, paths: RunPaths, log: Logger) -> None:
    try:
        mend_paper_state(workspace, paths.run_id, log)
    except OSError as problem:
        raise WorkspaceNotWritable(workspace.state_file, problem.strerror or str(problem)) from problem


def _shown(market_s: float, settings: Settings, plan: Plan, paths: RunPaths, view: View, log: Logger) -> ExitCode | Refusal:
    """Banner, session, summary. ``market_s``: how much market time there will be at most."""
    facts = _run_facts(plan)
    view.banner({**msgspec.structs.asdict(facts), "directory": str(paths.directory)})
    log.info("SESSION_STARTING", seed=facts.seed, strategy=facts.strategy, venue=facts.venue, symbols=facts.symbols)
    needed_s = warmup_s(settings.strategy)
    if market_s <= needed_s:
        log.warning("DURATION_TOO_SHORT", sentence=f"the strategy watches for {needed_s:g} s before its first order, "
                    f"but the session lasts {market_s:g} s: it will not trade")
    code = ExitCode.IO_ERROR
    try:
        outcome = Root(plan, view, log, monotonic_ns, Random(facts.seed)).run()
        code = ExitCode.KILLED if outcome.exit_code == ExitCode.KILLED else code  # a kill is one, also where nothing can be written
        closing = Closing.of(outcome, facts, settings.strategy, paths, log)
    except OSError as problem:
        log.critical("DISK_FAILED", reason=str(problem))
        return Refusal(code, f"the disk failed: {problem}", why="what was acknowledged is in the ledger", fix="make room")
    except Exception as bug:  # whatever it is, the children die with us: the log must say why, and the code must be one of ours
        log.critical("SUPERVISOR_FAILED", exc_info=bug)
        return Refusal(ExitCode.SOFTWARE, f"the supervisor failed: {bug}", where="logs/system.jsonl, event SUPERVISOR_FAILED",
                       why="every actor was ended with it", fix="please report it with that line")
    view.summary(closing.summary, paths.summary)
    return closing.exit_code


def _run_facts(plan: Plan) -> RunFacts:
    """What the closing child is told about the run; the banner says the same."""
    closing_child = next(spec for spec in plan.children() if spec.name == plan.closes)
    facts: RunFacts = closing_child.argument({}, 1).settings.run
    return facts


def _spoken(arguments: Arguments) -> dict[str, Any]:
    """The command line as it was meant, for config.resolved.yaml."""
    names = ("duration_s", "symbol", "venue", "speed", "mode", "seed", "strategy", "connect_timeout_s", "resume")
    return {name: getattr(arguments, name) for name in names}


def _wrong_settings(faults: list[Fault]) -> Refusal:
    lines = "\n  --> ".join(map(str, faults))
    number = f"{len(faults)} settings are" if len(faults) > 1 else "a setting is"
    return Refusal(ExitCode.CONFIG, f"{number} wrong", where=lines, fix="correct these lines; nothing was started")


@contextmanager
def _signals_held() -> Iterator[None]:
    """From here to the root loop's own handlers signals wait; after them (the summary is being written) they change nothing."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, SESSION_SIGNALS)
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in SESSION_SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
