"""How a session ended, as a number for scripts and a sentence for people (docs/OPERATING.md). Must not know why."""

from enum import IntEnum

__all__ = ["NEVER_RESTARTED", "ExitCode"]


class ExitCode(IntEnum):
    """sysexits numbers where one fits; 99 is ours."""

    OK = 0
    USAGE = 64
    DATA = 65
    UNAVAILABLE = 69
    SOFTWARE = 70
    CANNOT_CREATE = 73
    IO_ERROR = 74
    BUSY = 75
    KILL_LATCHED = 77
    CONFIG = 78
    KILLED = 99

    @property
    def sentence(self) -> str:
        return SENTENCES[self]


SENTENCES = {
    ExitCode.OK: "done, or stopped cleanly with every order settled",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.DATA: "a ledger, tape or fills file is damaged, or another process holds the ledger",
    ExitCode.UNAVAILABLE: "the venue's feed was never there, no session is running, or no bar was ever built",
    ExitCode.SOFTWARE: "an actor kept crashing or an invariant broke; the session was flattened",
    ExitCode.CANNOT_CREATE: "the workspace is not writable",
    ExitCode.IO_ERROR: "the disk failed mid-run; nothing was acknowledged that is not in the ledger",
    ExitCode.BUSY: "another instance holds the workspace",
    ExitCode.KILL_LATCHED: "a kill latch is present; remove it with reset-kill",
    ExitCode.CONFIG: "the configuration is wrong",
    ExitCode.KILLED: "killed by the kill switch: orders canceled, positions flat",
}

NEVER_RESTARTED = frozenset({ExitCode.DATA, ExitCode.UNAVAILABLE, ExitCode.CANNOT_CREATE, ExitCode.IO_ERROR, ExitCode.CONFIG})
"""A child that ends with one of these would only fail again: the session ends with the same code."""
