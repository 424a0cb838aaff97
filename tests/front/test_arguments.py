"""What the command line means, and the sentence for every way of getting it wrong."""

import shlex
from pathlib import Path

import pytest

from front.arguments import FLAGS, VERBS, Arguments, Help, parse
from front.help import help_text
from front.refusal import Refusal
from supervisors.exit_codes import ExitCode

UNDERSTOOD = [
    ("", Arguments()),
    ("run", Arguments()),
    ("--duration 600", Arguments(duration_s=600.0)),
    ("--duration 0.5", Arguments(duration_s=0.5)),
    ("--duration=90s run", Arguments(duration_s=90.0)),
    ("run --duration 10m", Arguments(duration_s=600.0)),
    ("--duration 1.5h", Arguments(duration_s=5400.0)),
    ("--duration 1 --duration 2", Arguments(duration_s=2.0)),
    ("--symbol ethusdt --venue bitunix --seed 7 --mode paper --ui none",
     Arguments(symbol="ETHUSDT", venue="bitunix", seed=7, ui="none")),
    ("--config c --workspace w --strategy quoter --run-id monday.1 --connect-timeout 5",
     Arguments(config=Path("c"), workspace=Path("w"), strategy="quoter", run_id="monday.1", connect_timeout_s=5.0)),
    ("--venue tape:t.gz", Arguments(venue="tape:t.gz", duration_s=2_592_000.0)),
    ("--venue tape:t.gz --speed max --duration 60", Arguments(venue="tape:t.gz", speed="max", duration_s=60.0)),
    ("--speed 0.5 --venue tape:a/b.gz", Arguments(venue="tape:a/b.gz", speed=0.5, duration_s=2_592_000.0)),
    ("status", Arguments(verb="status")),
    ("status --workspace w --json", Arguments(verb="status", workspace=Path("w"), json=True)),
    ("--workspace w status --json", Arguments(verb="status", workspace=Path("w"), json=True)),
    ("--json --workspace=w status", Arguments(verb="status", workspace=Path("w"), json=True)),
    ("kill", Arguments(verb="kill")),
    ("--workspace w stop", Arguments(verb="stop", workspace=Path("w"))),
    ("reset-kill --workspace w", Arguments(verb="reset-kill", workspace=Path("w"))),
    ("pnl fills.csv", Arguments(verb="pnl", file=Path("fills.csv"))),
    ("export latest --ledger", Arguments(verb="export", run="latest", table="ledger")),
    ("export --workspace w latest --fills", Arguments(verb="export", run="latest", table="fills", workspace=Path("w"))),
]


@pytest.mark.parametrize(("line", "meant"), UNDERSTOOD)
def test_a_command_line_is_understood(line: str, meant: Arguments) -> None:
    assert parse(shlex.split(line)) == meant


@pytest.mark.parametrize(("line", "verb"), [("--help", ""), ("-h", ""), ("status --help", "status"), ("--help kill", "kill"),
                                            ("export -h", "export"), ("--duration x --help", "")])
def test_help_is_given_whatever_else_stands_there(line: str, verb: str) -> None:
    assert parse(shlex.split(line)) == Help(verb)


REFUSED = [
    # command line; what the sentence must contain
    ("statsu", ["unknown verb 'statsu'", "did you mean  status ?"]),
    ("reset-kil", ["did you mean  reset-kill ?"]),
    ("frobnicate", ["unknown verb 'frobnicate'", "--help"]),
    ("--durration 600", ["unknown flag '--durration'", "did you mean  --duration ?"]),
    ("--dur 5", ["unknown flag '--dur'", "did you mean  --duration ?"]),
    ("--durration=600", ["unknown flag '--durration'"]),
    ("-x", ["unknown flag '-x'"]),
    ("status --jsn", ["did you mean  --json ?"]),
    ("--duration", ["--duration takes a value"]),
    ("--duration 0", ["not a length of time", "more than 0", "--duration 600"]),
    ("--duration -5", ["not a length of time"]),
    ("--duration -5s", ["--duration takes a value"]),
    ("--duration nan", ["not a length of time"]),
    ("--duration inf", ["not a length of time"]),
    ("--duration 1e3", ["not a length of time"]),
    ("--duration 10d", ["not a length of time"]),
    ("--duration 31m31", ["not a length of time"]),
    ("--duration 999999999", ["30 days"]),
    ("--duration ''", ["not a length of time"]),
    ("--connect-timeout 0", ["not a time to wait"]),
    ("--mode live", ["there is no mode 'live'", "paper only"]),
    ("--venue binance", ["--venue 'binance' is not known", "sim, bitunix"]),
    ("--venue tape:", ["names no file", "--venue tape:FILE"]),
    ("--speed 10", ["--speed is for tapes only", "--venue tape:FILE"]),
    ("--venue sim --speed max", ["--speed is for tapes only"]),
    ("--venue tape:t.gz --speed 0", ["--speed '0' is not a speed", "or max"]),
    ("--venue tape:t.gz --speed 1001", ["up to 1000"]),
    ("--venue tape:t.gz --speed fast", ["is not a speed"]),
    ("--venue tape:t.gz --speed 1e2", ["is not a speed"]),
    ("--ui fancy", ["auto, plain, json, none"]),
    ("--symbol BTC/USDT", ["not a contract's name"]),
    ("--seed -1", ["not a seed"]),
    ("--seed 1.5", ["not a seed"]),
    ("--seed 9999999999999999999", ["not a seed"]),
    ("--run-id latest", ["cannot name a run"]),
    ("--run-id ../etc", ["cannot name a run"]),
    ("--run-id ''", ["cannot name a run"]),
    ("--strategy ../risk", ["not a strategy's name"]),
    ("--workspace ''", ["a path is empty"]),
    ("--json", ["run does not take --json", "belongs to status"]),
    ("--json=1 status", ["--json takes no value"]),
    ("kill --duration 5", ["kill does not take --duration", "belongs to run"]),
    ("status now", ["status does not take 'now'"]),
    ("run fast", ["run does not take 'fast'"]),
    ("pnl", ["pnl needs FILE", "run_agent.py pnl FILE"]),
    ("pnl a b", ["pnl does not take 'b'"]),
    ("export", ["export needs RUN"]),
    ("export latest", ["what to print", "--ledger, --fills, --orders, --equity"]),
    ("export latest --fills --orders", ["one table, not fills and orders"]),
]


@pytest.mark.parametrize(("line", "words"), REFUSED)
def test_a_mistake_is_refused_with_what_why_and_fix(line: str, words: list[str]) -> None:
    refusal = parse(shlex.split(line))
    assert isinstance(refusal, Refusal)
    assert refusal.code is ExitCode.USAGE
    text = str(refusal)
    assert text.startswith("error: ") and len(text.splitlines()) <= 6
    for word in words:
        assert word in text


def test_the_general_help_names_every_verb_flag_and_exit_code_and_shows_three_examples() -> None:
    text = help_text()
    assert text.count("python run_agent.py") >= 3
    for verb in VERBS.values():
        assert f"\n  {verb.name} " in text and verb.about in text
    for name in VERBS["run"].flags:
        assert f"\n  {name} " in text
    for code in ExitCode:
        assert f"\n  {code.value} " in text and code.sentence in text
    assert text.index("Examples") < text.index("Flags") < text.index("Verbs") < text.index("Exit codes") < text.index("Docs")


@pytest.mark.parametrize("name", VERBS)
def test_the_help_of_a_verb_explains_its_flags_and_words(name: str) -> None:
    text = help_text(name)
    for part in (*VERBS[name].flags, *VERBS[name].words):
        assert part in text


def test_every_flag_belongs_to_a_verb_and_sets_a_field() -> None:
    for flag in FLAGS.values():
        assert flag.field in Arguments._fields
        assert any(flag.name in verb.flags for verb in VERBS.values())
    assert all("--workspace" in verb.flags for verb in VERBS.values())
