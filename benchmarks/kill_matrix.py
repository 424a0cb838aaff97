"""The kill matrix: a tape is traded again and again while actors are killed; every ledger must equal the undisturbed one, byte for byte.

    python -m benchmarks.kill_matrix --tape FILE [--speed max] [--points] [--random N] [--double N] [--seed S] [--strategy NAME]
                                     [--results FILE] [--keep]

``--points``: every failpoint of every actor at its first, a middle and a late time. ``--random N``: N kills at random moments (seeds are
printed; ``--seed`` repeats them). ``--double N``: a second kill while the first is being recovered from. ``--results`` appends a line
per run and, when it exists, goes on where it ended. Exit code 1 when anything differed or was lost.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from reporting.summary_file import recovery_quantiles

ROOT = Path(__file__).resolve().parent.parent
ACTORS = ("feed", "gateway", "strategy", "risk", "broker", "reporter")
POINTS = {
    "feed": ("before_record", "after_record", "after_tell", "on_asked", "on_arrival"),
    "gateway": ("on_fetch", "after_call", "before_reply", "after_reply"),
    "strategy": ("on_fact", "on_market", "after_decide", "after_send", "on_answer"),
    "risk": ("on_fact", "on_intent", "after_decide", "after_forward", "on_answer"),
    "broker": ("before_append", "after_append", "after_tell", "after_answer", "before_settle"),
    "reporter": ("on_fact", "on_market", "on_beat", "before_summary", "after_summary"),
}
TIMES = {"first": 1, "middle": 40, "late": 150}
RUN_LIMIT_S = 180


class Trial(NamedTuple):
    """One run: what strikes. ``failpoints`` is the environment's text; ``kills`` are (seconds after the session runs, actor)."""

    name: str
    failpoints: str = ""
    kills: tuple[tuple[float, str], ...] = ()


class Result(NamedTuple):
    name: str
    struck: int
    equal: bool
    exit_code: int
    recovered_ms: list[tuple[str, float]]
    note: str


class Bench:
    """Runs sessions on one tape and compares their ledgers with the first, undisturbed one."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._work = Path(tempfile.mkdtemp(prefix="kill-matrix-"))
        self.reference = b""
        self.ran_s = 0.0

    def prepare(self) -> None:
        began = time.monotonic()
        workspace = self._work / "reference"
        code = self._session(workspace, Trial("undisturbed"))
        took_s = time.monotonic() - began
        self.ran_s = ran_s(workspace)
        self.reference = self._ledger(workspace)
        if code != 0 or not self.reference:
            raise SystemExit(f"the undisturbed run ended with {code}; see {workspace}")
        print(f"undisturbed: {self.reference.count(bytes([10]))} ledger rows in {took_s:.1f} s, of which the session ran {self.ran_s:.1f} s")

    def run(self, trial: Trial) -> Result:
        workspace = self._work / "trial"
        shutil.rmtree(workspace, ignore_errors=True)
        code = self._session(workspace, trial)
        ledger = self._ledger(workspace)
        events = events_of(workspace)
        deaths = [event for event in events if event["event"] == "CHILD_DIED"]
        recovered = [(event["fields"]["child"], event["fields"]["away_ms"]) for event in events if event["event"] == "CHILD_RECOVERED"]
        equal = ledger == self.reference
        note = "" if equal else _difference(self.reference, ledger)
        if not equal and self._arguments.keep:
            shutil.copytree(workspace, self._work / f"kept-{trial.name}", dirs_exist_ok=True)
            note += f" kept in {self._work}/kept-{trial.name}"
        return Result(trial.name, len(deaths), equal, code, recovered, note)

    def close(self) -> None:
        if not self._arguments.keep:
            shutil.rmtree(self._work, ignore_errors=True)

    def _session(self, workspace: Path, trial: Trial) -> int:
        workspace.mkdir(parents=True)
        given = self._arguments
        command = [
            sys.executable, str(ROOT / "run_agent.py"), "--venue", f"tape:{given.tape}", "--speed", given.speed, "--seed", "1", "--ui", "none",
            "--strategy", given.strategy, "--workspace", str(workspace), "--run-id", "trial", *(["--config", given.config] if given.config else []),
        ]
        environment = {**os.environ, "AGENT_FAILPOINTS": trial.failpoints}
        with open(workspace / "console", "wb") as console:
            process = subprocess.Popen(command, env=environment, stdout=console, stderr=console)
            try:
                self._strike(workspace, process, trial)
                return process.wait(RUN_LIMIT_S)
            finally:
                process.kill()
                process.wait()

    def _strike(self, workspace: Path, process: "subprocess.Popen[bytes]", trial: Trial) -> None:
        if not trial.kills or not wait_until_running(workspace, process):
            return
        began = time.monotonic()
        for at_s, actor in trial.kills:
            while process.poll() is None and time.monotonic() - began < at_s:
                time.sleep(0.002)
            pid = pid_of(workspace, actor)
            if pid is not None and process.poll() is None:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue  # it died or ended on its own since the log said it lived

    def _ledger(self, workspace: Path) -> bytes:
        command = [sys.executable, str(ROOT / "run_agent.py"), "export", "latest", "--ledger", "--workspace", str(workspace)]
        return subprocess.run(command, capture_output=True, timeout=60, check=False).stdout


def trials(arguments: argparse.Namespace, ran_s: float) -> Iterator[Trial]:
    chance = random.Random(arguments.seed)
    if arguments.points:
        for actor, points in POINTS.items():
            for point in points:
                for word, nth in TIMES.items():
                    yield Trial(f"{actor}.{point} {word}", failpoints=f"{actor}.{point}:{nth}=kill")
    for number in range(arguments.random):
        actor = ACTORS[number % len(ACTORS)]
        yield Trial(f"random {number} {actor}", kills=((chance.uniform(0, ran_s), actor),))
    for number in range(arguments.double):
        first, second = chance.choice(ACTORS), chance.choice(ACTORS)
        at_s = chance.uniform(0, ran_s * 0.9)
        yield Trial(f"double {number} {first}+{second}", kills=((at_s, first), (at_s + chance.uniform(0, 0.08), second)))


def main() -> int:
    arguments = _arguments()
    bench = Bench(arguments)
    bench.prepare()
    done = _done(arguments.results)
    bad = struck = runs = 0
    away: dict[str, list[float]] = {}
    try:
        for trial in trials(arguments, bench.ran_s):
            if trial.name in done:
                continue
            result = bench.run(trial)
            runs, struck = runs + 1, struck + result.struck
            bad += not result.equal or result.exit_code != 0
            for actor, away_ms in result.recovered_ms:
                away.setdefault(actor, []).append(away_ms)
            _say(result, arguments.results)
    finally:
        bench.close()
    print(f"\n{runs} runs, {struck} deaths, {bad} runs that differed or did not end with 0 (seed {arguments.seed})")
    for actor, times in sorted(away.items()):
        print_away(actor, times)
    return 1 if bad else 0


def print_away(actor: str, times_ms: list[float]) -> None:
    """From death until serving again."""
    found = recovery_quantiles({actor: times_ms})
    if found:
        quantiles = "  ".join(f"{name} {found[name]:6.1f} ms" for name in ("p50", "p95", "max"))
        print(f"  {actor:10} away {quantiles}  ({len(times_ms)} recoveries)")


def _say(result: Result, results: Path | None) -> None:
    verdict = "equal" if result.equal and result.exit_code == 0 else f"DIFFERENT exit {result.exit_code} {result.note}"
    times = " ".join(f"{value:.0f}" for _, value in result.recovered_ms)
    print(f"{result.name:36} deaths {result.struck}  recovered in {times or '-':>12} ms  ledger {verdict}", flush=True)
    if results is not None:
        with open(results, "a") as file:
            file.write(json.dumps(result._asdict()) + "\n")


def _done(results: Path | None) -> set[str]:
    if results is None or not results.exists():
        return set()
    return {json.loads(line)["name"] for line in results.read_text().splitlines()}


def events_of(workspace: Path) -> list[dict[str, Any]]:
    path = workspace / "logs" / "system.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines() if line.endswith(b"}")] if path.exists() else []


def ran_s(workspace: Path) -> float:
    """From the moment a session runs until it drains; the kills fall in there."""
    at = {event["event"]: datetime.fromisoformat(event["ts"]).timestamp() for event in events_of(workspace)}
    return max(0.0, at.get("SESSION_DRAINING", 0.0) - at.get("SESSION_RUNNING", 0.0))


def wait_until_running(workspace: Path, process: "subprocess.Popen[bytes]") -> bool:
    while process.poll() is None:
        if any(event["event"] == "SESSION_RUNNING" for event in events_of(workspace)):
            return True
        time.sleep(0.01)
    return False


def pid_of(workspace: Path, actor: str) -> int | None:
    started = [e["fields"] for e in events_of(workspace) if e["event"] == "CHILD_STARTED" and e["fields"]["child"] == actor]
    return int(started[-1]["child_pid"]) if started else None


def _difference(reference: bytes, other: bytes) -> str:
    left, right = reference.splitlines(), other.splitlines()
    for number, (one, two) in enumerate(zip(left, right, strict=False), 1):
        if one != two:
            return f"row {number}: {one.decode()[:300]} // {two.decode()[:300]}"
    return f"{len(left)} rows against {len(right)}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tape", required=True)
    parser.add_argument("--speed", default="max")
    parser.add_argument("--strategy", default="quoter")
    parser.add_argument("--config", default="")
    parser.add_argument("--points", action="store_true")
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--double", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
