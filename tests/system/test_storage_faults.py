"""Storage that fails at real system calls while a session trades. All of it: ``python -m benchmarks.storage_faults``."""

import shutil
from collections.abc import Iterator

import pytest

from benchmarks.made_tape import make_tape
from benchmarks.storage_faults import KILL, RULES, Bench, Rule, halted, mountable, never_began, nothing_happened, ran_full
from benchmarks.struck_session import Blow, untraceable
from tests.system.driver import ROOT
from tests.system.settings import QUICK, TRADING, write_config

ALWAYS = (
    (Blow("ledger", "fdatasync", KILL, nth=12), nothing_happened),
    (Blow("ledger", "fdatasync", "error=EIO", nth=14), halted),
)
SLOW = (
    (Blow("ledger", "pwrite64", KILL, nth=9), nothing_happened),
    (Blow("ledger", "fdatasync", KILL, nth=7, kills=2), nothing_happened),
    (Blow("summary", "rename", KILL, nth=2), nothing_happened),
    (Blow("ledger", "pwrite64", "error=ENOSPC", nth=70, onwards=True), halted),
    (Blow("state.json", "write", "error=ENOSPC", onwards=True), RULES["state.json"]),
    (Blow("summary", "fsync", "error=EIO"), RULES["summary"]),
    (Blow("tape", "write", "error=ENOSPC", nth=30, onwards=True), RULES["tape"]),
    (Blow("log", "write", "error=ENOSPC", nth=5, onwards=True), RULES["log"]),
)
SLICE = (*ALWAYS, *(pytest.param(blow, rule, marks=pytest.mark.slow) for blow, rule in SLOW))


def named(value: object) -> str:
    return f"{value} {value.call} {value.nth}" if isinstance(value, Blow) else str(getattr(value, "__name__", value))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    reason = untraceable()
    if reason is not None:
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("storage-faults")
    config = directory / "config"
    shutil.copytree(ROOT / "config", config, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    write_config(config, {**QUICK, **TRADING})
    yield Bench(directory, make_tape(directory / "tape.jsonl.gz", seconds=5, seed=4), config, "quoter")


@pytest.mark.parametrize(("blow", "rule"), SLICE, ids=named)
def test_a_fault_at_a_system_call_costs_nothing_that_was_acknowledged(bench: Bench, blow: Blow, rule: Rule) -> None:
    result = bench.struck(blow, rule)
    assert result.struck.fired, "the session never came to that call"
    assert not result.complaints, f"{result}\n{result.struck.said[-3000:]}"


@pytest.mark.slow
@pytest.mark.parametrize(("fill_first", "rule"), [(True, never_began), (False, ran_full)], ids=["before", "while running"])
def test_a_disk_that_is_really_full_ends_in_words_and_loses_nothing(bench: Bench, fill_first: bool, rule: Rule) -> None:
    reason = mountable()
    if reason is not None:
        pytest.skip(f"no small disk can be mounted: {reason}")
    result = bench.on_small_disk("full", rule, fill_first=fill_first)
    assert not result.complaints, f"{result}\n{result.struck.said[-3000:]}"
