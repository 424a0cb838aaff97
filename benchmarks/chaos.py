"""One real-time session on the stand-in while actors are killed at random moments; afterwards the run is proved with ``verify``.

    python -m benchmarks.chaos [--duration 600] [--kills 50] [--seed 1] [--strategy quoter] [--workspace DIR]

Kills are spread so that the restart intensity is not exceeded. Prints every kill, how long each actor was away, and what verify says.
Exit code 1 when the session did not end with 0, a kill was not recovered from, or verify says no.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.kill_matrix import ACTORS, ROOT, events_of, pid_of, print_away, wait_until_running

SETTLING_S = 4.0


def main() -> int:
    given = _arguments()
    workspace = given.workspace or Path(tempfile.mkdtemp(prefix="chaos-"))
    chance = random.Random(given.seed)
    command = [sys.executable, str(ROOT / "run_agent.py"), "--duration", str(given.duration), "--seed", str(given.seed), "--ui", "none",
               "--strategy", given.strategy, "--workspace", str(workspace)]
    process = subprocess.Popen(command)
    try:
        kills = _strike(workspace, process, given, chance)
        code = process.wait(60)
    finally:
        process.kill()
    return _judge(workspace, code, kills)


def _strike(workspace: Path, process: "subprocess.Popen[bytes]", given: argparse.Namespace, chance: random.Random) -> int:
    if not wait_until_running(workspace, process):
        return 0
    began, kills = time.monotonic(), 0
    span_s = (given.duration - 2 * SETTLING_S) / given.kills
    for number, actor in enumerate(_victims(given.kills, chance)):
        at_s = SETTLING_S + (number + chance.random() * 0.8) * span_s
        time.sleep(max(0.0, began + at_s - time.monotonic()))
        pid = pid_of(workspace, actor)
        if pid is None or process.poll() is not None:
            break
        os.kill(pid, signal.SIGKILL)
        kills += 1
        print(f"{at_s:7.1f} s  killed {actor} ({pid})", flush=True)
    return kills


def _victims(kills: int, chance: random.Random) -> list[str]:
    """Each actor once in every six, in a new order each time: nobody three times within seven kills."""
    rounds = [chance.sample(ACTORS, len(ACTORS)) for _ in range(-(-kills // len(ACTORS)))]
    return [actor for order in rounds for actor in order][:kills]


def _judge(workspace: Path, code: int, kills: int) -> int:
    events = events_of(workspace)
    recovered = [event["fields"] for event in events if event["event"] == "CHILD_RECOVERED"]
    away = sorted(fields["away_ms"] for fields in recovered)
    deaths = sum(event["event"] == "CHILD_DIED" for event in events)
    errors = [event for event in events if event["level"] in ("error", "critical")]
    print(f"\nexit {code}; {kills} kills, {deaths} deaths, {len(away)} recoveries; {len(errors)} errors in the log")
    print_away("all", away)
    for actor in sorted({fields["child"] for fields in recovered}):
        print_away(actor, [fields["away_ms"] for fields in recovered if fields["child"] == actor])
    proved = subprocess.run([sys.executable, str(ROOT / "run_agent.py"), "verify", "latest", "--workspace", str(workspace)], check=False)
    return 0 if code == 0 and proved.returncode == 0 and deaths == len(away) == kills and not errors else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, default=600)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strategy", default="quoter")
    parser.add_argument("--workspace", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
