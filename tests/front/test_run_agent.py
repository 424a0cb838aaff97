"""The program as a process: exit codes, which stream says what, and how fast help comes."""

import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

import run_agent
from front.arguments import VERBS

ROOT = Path(run_agent.__file__).parent
DEADLINE_S = 30


def run(*argv: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "run_agent.py"), *argv]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


STORIES = [
    # argv, exit code, what stdout and what stderr begin with
    (["--help"], 0, "Autonomous paper trading", ""),
    (["status", "--help"], 0, "python run_agent.py status", ""),
    (["statsu"], 64, "", "error: unknown verb"),
    (["--nosuch"], 64, "", "error: unknown flag"),
    (["--mode", "live"], 64, "", "error: there is no mode"),
    (["status"], 69, "", "error: no session is running here"),
    (["stop"], 69, "", "error: no session is running here"),
    (["kill"], 69, "", "error: no session is running here"),
    (["reset-kill"], 0, "no kill latch", ""),
]


@pytest.mark.parametrize(("argv", "code", "out", "err"), STORIES)
def test_a_verb_ends_with_its_code_and_speaks_on_the_right_stream(
    tmp_path: Path, argv: list[str], code: int, out: str, err: str,
) -> None:
    ended = run(*argv, directory=tmp_path)
    assert ended.returncode == code
    for text, beginning in ((ended.stdout, out), (ended.stderr, err)):
        assert text.startswith(beginning) and bool(text) == bool(beginning)
    assert list(tmp_path.iterdir()) == [], "asking changes nothing"


def test_every_verb_has_something_behind_it() -> None:
    assert run_agent.VERBS.keys() == VERBS.keys()


def test_a_reader_that_goes_away_is_not_an_error(tmp_path: Path) -> None:
    command = f"{sys.executable} {ROOT / 'run_agent.py'} --help | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=DEADLINE_S, check=False, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_help_costs_little_more_than_starting_the_interpreter(tmp_path: Path) -> None:
    def best_of_five(*command: str) -> float:
        times = []
        for _ in range(5):
            began = perf_counter()
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=DEADLINE_S)
            times.append(perf_counter() - began)
        return min(times)

    bare = best_of_five(sys.executable, "-c", "import argparse, typing, pathlib")
    assert best_of_five(sys.executable, str(ROOT / "run_agent.py"), "--help") < 4 * bare


def test_the_command_line_is_read_without_loading_any_library(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import run_agent; run_agent.main(['--help']); run_agent.main(['--bad']);"
        "print(sorted({'zmq', 'pykka', 'msgspec', 'yaml', 'structlog', 'rich', 'requests', 'psutil', 'sqlite3'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(ROOT)], capture_output=True, text=True, timeout=DEADLINE_S, check=True,
                           cwd=tmp_path)
    assert ended.stdout.splitlines()[-1] == "[]"
