"""A tape traded again with an actor killed at a named moment gives the very same ledger. The full matrix: ``python -m benchmarks.kill_matrix``."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.kill_matrix import POINTS, TIMES, Bench, Trial
from benchmarks.made_tape import make_tape
from tests.system.driver import ROOT
from tests.system.settings import QUICK, TRADING, write_config

ALWAYS = (
    "feed.after_record:60=kill", "strategy.after_send:50=kill", "risk.after_forward:40=kill", "broker.after_append:25=kill",
    "reporter.before_summary:1=kill", "gateway.before_reply:1=kill",
)
SLOW = (
    "feed.after_tell:200=kill", "strategy.after_decide:30=kill", "risk.after_decide:5=kill", "broker.before_append:12=kill",
    "broker.after_answer:45=kill", "broker.before_settle:1=kill", "reporter.on_fact:30=kill", "strategy.on_market:50=hang",
    "broker.after_append:20=kill,broker.before_append:1@2=kill",
    "gateway.after_call:1=kill,gateway.before_reply:2@2=kill,broker.after_append:1=kill", "broker.before_append:1=kill",
)
SLICE = (*ALWAYS, *(pytest.param(points, marks=pytest.mark.slow) for points in SLOW))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("tape-kills")
    config = directory / "config"
    config.mkdir()
    for path in (ROOT / "config").rglob("*.yaml"):
        copy = config / path.relative_to(ROOT / "config")
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    write_config(config, {**QUICK, **TRADING})
    tape = make_tape(directory / "tape.jsonl.gz", seconds=15, seed=4)
    made = Bench(argparse.Namespace(tape=str(tape), speed="max", strategy="quoter", config=str(config), keep=False))
    made.prepare()
    yield made
    made.close()


@pytest.mark.parametrize("failpoints", SLICE)
def test_a_kill_changes_nothing_in_the_ledger(bench: Bench, failpoints: str) -> None:
    result = bench.run(Trial(failpoints, failpoints=failpoints))
    assert result.struck >= 1
    assert (result.equal, result.exit_code) == (True, 0), result.note


def test_the_matrix_names_only_moments_that_the_actors_have() -> None:
    for actor, points in POINTS.items():
        source = "".join(Path(ROOT / "actors" / name).read_text(encoding="utf-8") for name in SOURCES.get(actor, (f"{actor}.py",)))
        for point in points:
            assert f'reach("{point}")' in source, f"{actor}.{point}"
    assert sorted(TIMES.values()) == list(TIMES.values())


SOURCES = {"feed": ("feed.py", "recording.py", "market_tape.py"), "broker": ("broker.py", "books.py")}
