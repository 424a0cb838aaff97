"""The tape that ``--venue tape:FILE`` names: whether it can be served at all, before anything is started. Must not know how it is served."""

from hashlib import file_digest
from typing import NamedTuple

from actors.recording import Recording, read_recording
from front.arguments import Arguments
from front.refusal import Refusal
from records.tape import TapeDamaged
from supervisors.exit_codes import ExitCode

__all__ = ["TapeFile", "read_tape"]


class TapeFile(NamedTuple):
    """``sha256`` names the content, wherever the file lies; ``span_s`` is the market time it covers."""

    sha256: str
    span_s: float


def read_tape(arguments: Arguments) -> TapeFile | Refusal | None:
    """None when no tape was asked for."""
    path = arguments.tape
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            sha256 = file_digest(file, "sha256").hexdigest()
        recording = read_recording(path)
    except OSError as problem:
        return Refusal(ExitCode.DATA, f"the tape cannot be read: {problem.strerror}", where=str(path),
                       fix="name a recording:  --venue tape:FILE  (a run's own is .workspace/runs/ID/tape.jsonl.gz)")
    except TapeDamaged as problem:
        return Refusal(ExitCode.DATA, f"the tape is damaged at line {problem.line}", where=str(path), why=problem.reason,
                       fix="keep the file and use another copy; nothing was started")
    if arguments.symbol not in recording.symbols:
        return _without_symbol(arguments, recording)
    return TapeFile(sha256, recording.span_s)


def _without_symbol(arguments: Arguments, recording: Recording) -> Refusal:
    symbols = sorted(recording.symbols)
    return Refusal(
        ExitCode.DATA, f"the tape has no market data of {arguments.symbol}", where=str(arguments.tape),
        why=f"it has {', '.join(symbols)}" if symbols else "it has none at all",
        fix=f"--symbol {symbols[0]}" if symbols else "use another tape",
    )
