"""The front door: argv -> verb -> exit code. Imports what a verb needs when it is asked for, so that --help is instant.

Must not know what any verb does.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from front.refusal import Refusal
    from supervisors.exit_codes import ExitCode

__all__ = ["main"]

VERBS = {
    "run": "front.session:run",
    "status": "front.operate:status",
    "stop": "front.operate:stop",
    "kill": "front.operate:kill",
    "reset-kill": "front.operate:reset_kill",
    "pnl": "front.tables:pnl",
    "verify": "front.verify:verify",
    "explain": "front.tables:explain",
    "interval": "front.interval:interval",
    "export": "front.tables:export",
}

INTERRUPTED = 130
"""What a shell expects of a command that Ctrl-C ended; a session takes Ctrl-C as an orderly stop instead."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb; the answer is the process's exit code (docs/OPERATING.md)."""
    try:
        code = _code(_outcome(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = 0
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # whoever read our output is gone; the interpreter's own flush at exit must not complain about it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _outcome(argv: Sequence[str]) -> "ExitCode | Refusal":
    from front.arguments import Arguments, Help, parse
    from supervisors.exit_codes import ExitCode

    asked = parse(argv)
    if isinstance(asked, Help):
        from front.help import help_text

        print(help_text(asked.verb))
        return ExitCode.OK
    if not isinstance(asked, Arguments):
        return asked
    module, name = VERBS[asked.verb].split(":")
    outcome: ExitCode | Refusal = getattr(import_module(module), name)(asked)
    return outcome


def _code(outcome: "ExitCode | Refusal") -> int:
    from front.refusal import Refusal

    if isinstance(outcome, Refusal):
        print(outcome, file=sys.stderr)
        return int(outcome.code)
    return int(outcome)


if __name__ == "__main__":
    sys.exit(main())
