"""The documents say what the program does: commands, exit codes, ways to kill."""

import re

import pytest

from front.arguments import FLAGS, VERBS
from reporting.summary_file import Ending, RunFacts, summary_content
from supervisors.exit_codes import ExitCode
from tests.house.sources import ROOT
from trading.summary import fold

README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs" / "OPERATING.md").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

COMMANDS = re.findall(r"^(python -m pip install .*)$", README, re.MULTILINE)


def test_the_readme_has_two_commands_one_to_run_and_one_to_test() -> None:
    assert len(COMMANDS) == 2
    assert COMMANDS[0].endswith("&& python run_agent.py --duration 600")
    assert COMMANDS[1].endswith("&& python -m pytest")


def test_the_check_runs_exactly_the_readmes_test_command() -> None:
    assert COMMANDS[1] in CI.splitlines()


def test_the_check_is_executable_and_stops_at_the_first_failure() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "set -euo pipefail" in CI


@pytest.mark.parametrize("code", ExitCode, ids=lambda code: str(code.name))
def test_every_exit_code_is_documented(code: ExitCode) -> None:
    assert re.search(rf"^\| {code.value} \| {code.name} \|", OPERATING, re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented(verb: str) -> None:
    assert f"`{verb}" in OPERATING


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_is_documented(flag: str) -> None:
    assert f"`{flag}" in OPERATING


def test_every_key_of_the_summary_is_documented() -> None:
    run = RunFacts(
        run_id="r", venue="sim", symbols=(), strategy="s", seed=1, fingerprint="f", started_at="", planned_duration_s=1.0,
    )
    ending = Ending(reason="stop", exit_code=0, ended_at="", duration_s=1.0)
    keys = summary_content(run, ending, fold(()), 0, "")
    assert [key for key in keys if f"`{key}`" not in OPERATING] == []


@pytest.mark.parametrize("way", ["run_agent.py kill", "SIGUSR1", ".workspace/KILL", "LA_KILL_SWITCH"])
def test_every_way_to_kill_is_in_the_readme_and_the_manual(way: str) -> None:
    assert way in README and way in OPERATING


def test_the_readme_says_that_no_real_order_can_be_placed() -> None:
    assert "cannot place a real order" in README


@pytest.mark.parametrize("name", ["README.md", "docs/OPERATING.md", "CHANGELOG.md"])
def test_links_between_the_documents_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    assert [target for target in targets if target and not ((ROOT / name).parent / target).exists()] == []
