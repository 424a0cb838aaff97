"""Storage that fails, at real system calls: sessions on a short tape in which the kernel kills or refuses at the Nth call to a file.

    python -m benchmarks.storage_faults [--kills] [--errors] [--full] [--stride 1] [--tape FILE] [--config DIR] [--strategy quoter]

Without one of the first three all of them. Needs strace and permission to trace (exit code 2 and a sentence where they are missing).

``--kills``: SIGKILL at the Nth sync, write and rename of the broker and of the reporter, N raised until it is not reached any more;
``--stride`` goes through the many writes in larger steps. Every run must end with 0 and a ledger byte-identical to the undisturbed one.
``--errors``: EIO, ENOSPC and EROFS at the Nth call to the ledger, paper/state.json, the summary, the tape and the log.
``--full``: a disk of some hundred KiB (tmpfs; only as root, else skipped with a word), full before the start and while running.

What must be true is in ``RULES``. Exit code 1 when something was not.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from benchmarks.made_tape import make_tape
from benchmarks.struck_session import Blow, Kept, Session, Struck, kept_in, untraceable
from records.workspace import Workspace
from trading.invariants import violations

__all__ = ["KILL", "RULES", "Bench", "Result", "Rule", "halted", "mountable", "never_began", "nothing_happened", "ran_full"]

TAPE_S = 29
POSITION_MAX = {"BTCUSDT": Decimal("0.1")}
EXIT_OK, EXIT_CANNOT_CREATE, EXIT_IO_ERROR = 0, 73, 74
CANNOT_SAY = 2
DISK_KIB = 400
KILL = "signal=SIGKILL"
TOO_FAR = 2000

Rule = Callable[[Struck, Kept, Kept], Iterator[str]]


class Result(NamedTuple):
    """``complaints`` are the rules that were broken, in words; ``ledger`` what became of it."""

    name: str
    call: str
    nth: str
    struck: Struck
    ledger: str
    complaints: tuple[str, ...]

    def __str__(self) -> str:
        verdict = "; ".join(self.complaints) or "ok"
        return f"{self.name:<34}{self.call:<11}{self.nth:>5}{self.struck.exit_code:>6}  {self.ledger:<26}{verdict}"


# ---------------------------------------------------------------------------------------- what must be true


def nothing_happened(struck: Struck, kept: Kept, reference: Kept) -> Iterator[str]:
    """The session went on as if nothing had been: its end and its ledger are those of the undisturbed one."""
    yield from _exit(struck, EXIT_OK)
    if kept != reference:
        yield f"the ledger differs in row {_common(kept, reference) + 1}"


def halted(struck: Struck, kept: Kept, reference: Kept) -> Iterator[str]:
    """The ledger refused: nothing more is written to it, every order is canceled in memory, and what it had said is there.

    Not so when it is closed: that only folds the write-ahead log back, and each row was durable before.
    """
    if any(event["event"] == "STATE_PERSISTED" for event in struck.events):
        yield from nothing_happened(struck, kept, reference)
        return
    yield from _exit(struck, EXIT_IO_ERROR)
    yield from _intact(struck, kept)
    if kept.text != reference.text[:len(kept.text)]:
        yield f"not a beginning of the undisturbed ledger: row {_common(kept, reference) + 1}"
    refused = [event for event in struck.events if event["event"] == "LEDGER_FAILED"]
    if refused and struck.later:
        yield f"touched again after the failure: {struck.later[0]}"
    if refused and "orders_canceled_in_memory" not in refused[0]["fields"]:
        yield "nobody says what became of the orders"
    if not refused and kept.facts:
        yield "no LEDGER_FAILED in the log"


def said_at_the_end(struck: Struck, kept: Kept, reference: Kept) -> Iterator[str]:
    """What is made of the ledger refused: the ledger is whole, the sentence and the exit code say that the disk failed."""
    yield from _exit(struck, EXIT_IO_ERROR)
    if kept != reference:
        yield f"the ledger differs in row {_common(kept, reference) + 1}"


def flattened(struck: Struck, kept: Kept, reference: Kept) -> Iterator[str]:
    """The tape refused: trading without a record of the market ends, the books are closed as after a kill."""
    yield from _exit(struck, EXIT_IO_ERROR)
    yield from _intact(struck, kept)
    if kept.facts and type(kept.facts[-1]).__name__ != "SessionClosed":
        yield "the books were not closed"


def logged_elsewhere(struck: Struck, kept: Kept, reference: Kept) -> Iterator[str]:
    """The log refused: trading goes on, and the person hears how many lines are missing."""
    yield from nothing_happened(struck, kept, reference)
    if "LOG_LINES_LOST" not in struck.said:
        yield "nobody says that lines are missing"


def never_began(struck: Struck, kept: Kept, reference: Kept) -> Iterator[str]:
    """There was no room before the start: refused before anything was traded."""
    yield from _exit(struck, EXIT_CANNOT_CREATE, EXIT_IO_ERROR)
    if kept.facts:
        yield "something was traded"


def ran_full(struck: Struck, kept: Kept, reference: Kept) -> Iterator[str]:
    """Nobody could write any more, the tape and the ledger in whatever order: what had been acknowledged is there."""
    yield from _exit(struck, EXIT_IO_ERROR)
    yield from _intact(struck, kept)
    if not any(type(fact).__name__ == "OrderSubmitted" for fact in kept.facts):
        yield "the disk was full before anything was traded"


RULES: dict[str, Rule] = {
    "ledger": halted, "state.json": said_at_the_end, "summary": said_at_the_end, "tape": flattened, "log": logged_elsewhere,
}


def _exit(struck: Struck, *allowed: int) -> Iterator[str]:
    if struck.exit_code not in allowed:
        yield f"exit {struck.exit_code}"
    if "Traceback" in struck.said:
        yield "a traceback instead of a sentence"
    if struck.exit_code == EXIT_IO_ERROR and "disk failed" not in struck.said:
        yield "no sentence says that the disk failed"


def _intact(struck: Struck, kept: Kept) -> Iterator[str]:
    """Everything that was ever acknowledged is there, row by row with its proof, and sound in every prefix."""
    told = max((event["fields"].get("sequence", 0) for event in struck.events if event["actor"] == "broker"), default=0)
    if told > len(kept.facts):
        yield f"row {told} was told, {len(kept.facts)} are there"
    if kept.problem and told:
        yield kept.problem
    yield from (f"row {each.row}: {each.check} {each.text}" for each in violations(kept.facts, POSITION_MAX, gated=True))


def _common(one: Kept, other: Kept) -> int:
    return len(os.path.commonprefix([one.text.splitlines(), other.text.splitlines()]))


# ---------------------------------------------------------------------------------------- what is done


class Bench:
    """Sessions on one tape, judged against the undisturbed one."""

    def __init__(self, work: Path, tape: Path, config: Path | None, strategy: str) -> None:
        self._directory = work / "workspace"
        self._session = Session(self._directory, tape, config, strategy)
        undisturbed = self._session.run()
        self.reference = kept_in(self._directory)
        if undisturbed.exit_code != EXIT_OK or self.reference.problem:
            raise SystemExit(f"the undisturbed run ended with {undisturbed.exit_code}: {undisturbed.said}")

    def struck(self, blow: Blow, rule: Rule) -> Result:
        struck = self._session.run(blow)
        return self._judged(str(blow), blow.call, f"{blow.nth}{'+' if blow.onwards else ''}", struck, rule)

    def raised(self, blow: Blow, rule: Rule, stride: int = 1) -> Iterator[Result]:
        """The same at the first, second ... call, until a session has fewer of them."""
        for nth in range(1, TOO_FAR, stride):
            result = self.struck(blow._replace(nth=nth), rule)
            if not result.struck.fired:
                return
            yield result

    def on_small_disk(self, name: str, rule: Rule, fill_first: bool) -> Result:
        """The runs' directory on a disk of its own, filled to the last page before the start or behind the first order."""
        home = Workspace(self._directory).runs
        filled = None if fill_first else _fill
        try:
            struck = self._session.run(None, lambda workspace: _small_disk(workspace, fill_first), filled)
            return self._judged(name, "any", "-", struck, rule)
        finally:
            subprocess.run(["umount", "--lazy", str(home)], check=True)

    def _judged(self, name: str, call: str, nth: str, struck: Struck, rule: Rule) -> Result:
        kept = kept_in(self._directory)
        same = "equal" if kept == self.reference else f"{_common(kept, self.reference)} rows of {len(self.reference.facts)}"
        beyond = len(kept.facts) - _common(kept, self.reference)
        ledger = same if not beyond else f"{same}, {beyond} other"
        return Result(name, call, nth, struck, ledger, tuple(rule(struck, kept, self.reference)))


def mountable() -> str | None:
    """Why no small disk can be mounted here, or None. Asked by doing it."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            asked = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], capture_output=True, text=True, check=False)
        except OSError as problem:
            return str(problem)
        if asked.returncode == 0:
            subprocess.run(["umount", directory], check=True)
            return None
        return asked.stderr.strip()


def _small_disk(workspace: Workspace, fill_now: bool) -> None:
    workspace.make()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k,mode=0700", "tmpfs", str(workspace.runs)], check=True)
    if fill_now:
        _fill(workspace)


def _fill(workspace: Workspace) -> None:
    """To the last byte."""
    with open(workspace.runs / "ballast", "wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def kills(bench: Bench, stride: int) -> Iterator[Result]:
    for call in ("fdatasync", "ftruncate"):
        yield from bench.raised(Blow("ledger", call, KILL), nothing_happened)
    yield from bench.raised(Blow("ledger", "pwrite64", KILL), nothing_happened, stride)
    yield from bench.raised(Blow("ledger", "fdatasync", KILL, kills=2), nothing_happened, stride)
    for target in ("state.json", "summary"):
        for call in ("write", "fsync", "rename"):
            yield from bench.raised(Blow(target, call, KILL), nothing_happened)
    yield from bench.raised(Blow("reporter", "write", KILL), nothing_happened, stride)


def errors(bench: Bench, stride: int) -> Iterator[Result]:
    yield from bench.raised(Blow("ledger", "fdatasync", "error=EIO"), halted)
    yield from bench.raised(Blow("ledger", "pwrite64", "error=ENOSPC", onwards=True), halted, stride)
    yield from bench.raised(Blow("ledger", "pwrite64", "error=EROFS", onwards=True), halted, stride * 5)
    for target in ("state.json", "summary"):
        for call, error in (("write", "ENOSPC"), ("fsync", "EIO"), ("rename", "EROFS"), ("openat", "EROFS")):
            yield from bench.raised(Blow(target, call, f"error={error}", onwards=True), RULES[target])
    for call, error, steps in (("write", "ENOSPC", stride * 10), ("fsync", "EIO", 1)):
        yield from bench.raised(Blow("tape", call, f"error={error}", onwards=True), flattened, steps)
    yield from bench.raised(Blow("log", "write", "error=ENOSPC", onwards=True), logged_elsewhere, stride * 20)


def disk_faults(bench: Bench) -> Iterator[Result]:
    yield bench.on_small_disk("disk full before the start", never_began, fill_first=True)
    yield bench.on_small_disk("disk full while running", ran_full, fill_first=False)


def main() -> int:
    arguments = _arguments()
    reason = untraceable()
    if reason is not None:
        print(f"storage faults cannot be made here: {reason}", file=sys.stderr)
        return CANNOT_SAY
    everything = not (arguments.kills or arguments.errors or arguments.full)
    with tempfile.TemporaryDirectory(prefix="storage-faults-") as directory:
        work = Path(directory)
        bench = Bench(work, arguments.tape or make_tape(work / "tape.jsonl.gz", TAPE_S, seed=4), arguments.config, arguments.strategy)
        print(f"undisturbed: {len(bench.reference.facts)} ledger rows\n\n{'fault':<34}{'call':<11}{'N':>5}{'exit':>6}  {'ledger':<26}verdict")
        runs = bad = 0
        for result in _asked_for(bench, arguments, everything):
            print(result, flush=True)
            runs, bad = runs + 1, bad + bool(result.complaints)
    print(f"\n{runs} runs, {bad} with a violation")
    return 1 if bad else 0


def _asked_for(bench: Bench, arguments: argparse.Namespace, everything: bool) -> Iterator[Result]:
    if everything or arguments.kills:
        yield from kills(bench, arguments.stride)
    if everything or arguments.errors:
        yield from errors(bench, arguments.stride)
    if everything or arguments.full:
        reason = mountable()
        if reason is None:
            yield from disk_faults(bench)
        else:
            print(f"skipped: no small disk can be mounted here: {reason}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", action="store_true")
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--tape", type=Path)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--strategy", default="quoter")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
