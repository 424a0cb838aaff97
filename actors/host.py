"""The child process: from the first instruction to the exit code. Builds what an actor needs and runs it in the main thread.

Runs in a fresh process (forkserver or spawn) in which no ZeroMQ context exists. Must not know what any actor does.
"""

import ctypes
import faulthandler
import os
import resource
import signal
import sys
from importlib import import_module
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import msgspec
from setproctitle import setproctitle

from actors.envelopes import run_codec
from actors.process import EXIT_FAILED, Post, ProcessActor
from messaging.address import SocketDirectory
from messaging.channels import Channels
from messaging.control import Said
from messaging.mailbox import Mailbox
from records.logs import open_logger
from records.workspace import RunPaths
from timing.clock import monotonic_ns

__all__ = ["Birth", "run_child"]

PR_SET_PDEATHSIG = 1
FAREWELL_LINGER_MS = 200
EXIT_IO_ERROR = 74


class Birth(msgspec.Struct, frozen=True):
    """Everything a child is told. ``actor`` is ``module:Class``; ``settings`` whatever that class takes."""

    name: str
    actor: str
    incarnation: int
    run_id: str
    run_directory: Path
    state_file: Path
    system_log: Path
    settings: Any
    lockstep: bool = False


def run_child(birth: Birth) -> None:
    """The child's main function; ends the process with the actor's exit code."""
    _take_signals()
    _die_with_parent()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    setproctitle(f"la: {birth.name}")
    try:
        trace = open(RunPaths(birth.run_directory).trace(birth.name), "a")  # noqa: SIM115 - faulthandler writes to it until the process ends
        post, channels = _post(birth)
    except OSError as problem:  # there is no log yet
        print(f"{birth.name} cannot write what it must: {problem}", file=sys.stderr, flush=True)
        os._exit(EXIT_IO_ERROR)
    faulthandler.enable(trace)
    exit_code = _live(birth, post, channels)
    sys.stdout.flush()
    os._exit(exit_code)


def _live(birth: Birth, post: Post, channels: Channels) -> int:
    try:
        actor = _actor_class(birth.actor)(post)
    except Exception as failure:  # an actor that cannot even be made: the supervisor hears of the exit code, the log must know why
        post.log.error("ACTOR_FAILED", reason=f"{type(failure).__name__}: {failure}", exc_info=failure)
        exit_code = EXIT_FAILED
    else:
        actor.run()
        exit_code = actor.exit_code
    channels.close(post.control, FAREWELL_LINGER_MS)
    return exit_code


def _post(birth: Birth) -> tuple[Post, Channels]:
    channels = Channels(SocketDirectory(RunPaths(birth.run_directory).sockets), run_codec())
    control = channels.client("control", f"{birth.name}.{birth.incarnation}")

    def say(event: dict[str, object]) -> None:
        control.send(Said(event=event))

    log = open_logger(birth.system_log, birth.name, birth.run_id, tell=say)
    parent = parent_process()
    post = Post(
        name=birth.name, incarnation=birth.incarnation, pid=os.getpid(), run_id=birth.run_id, run_directory=birth.run_directory,
        state_file=birth.state_file, settings=birth.settings, channels=channels, mailbox=Mailbox(monotonic_ns), control=control,
        codec_fingerprint=run_codec().fingerprint, log=log, lockstep=birth.lockstep,
        parent_descriptor=None if parent is None else int(parent.sentinel),
    )
    return post, channels


def _actor_class(path: str) -> type[ProcessActor]:
    module, name = path.split(":")
    found: type[ProcessActor] = getattr(import_module(module), name)
    return found


def _take_signals() -> None:
    """Ctrl-C, terminal hang-up and the kill signal are the supervisor's business; they were blocked until now."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _die_with_parent() -> None:
    """Killed by the kernel when the process that forked us ends; the parent's pipe in the mailbox is the orderly way."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
