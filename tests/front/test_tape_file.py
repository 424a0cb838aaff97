"""A tape is looked at before anything starts, and names the run by its content."""

from pathlib import Path
from typing import Any

import pytest

from front.arguments import Arguments
from front.plan import build_plan, fingerprint
from front.refusal import Refusal
from front.settings import Settings, read_settings
from front.tape_file import TapeFile, read_tape
from records.workspace import Workspace
from supervisors.exit_codes import ExitCode
from tests.venue.frames import T0_MS, book
from tests.venue.taped import pairs_answer, quiet, write_tape
from venue.stand_in.settings import TapeSettings


def asked(path: Path, **more: Any) -> Arguments:
    return Arguments(venue=f"tape:{path}", **more)


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return write_tape(tmp_path / "t.gz", quiet(T0_MS, 11), pairs_answer())


@pytest.fixture
def settings() -> Settings:
    found = read_settings(Arguments())
    assert isinstance(found, Settings)
    return found


def test_without_a_tape_nothing_is_read() -> None:
    assert read_tape(Arguments()) is None


def test_a_tape_says_how_much_market_it_covers(tape: Path) -> None:
    found = read_tape(asked(tape))
    assert isinstance(found, TapeFile) and found.span_s == 3.0 and len(found.sha256) == 64


def test_a_tape_that_was_cut_short_is_served_as_far_as_it_goes(tape: Path) -> None:
    tape.write_bytes(tape.read_bytes()[:-30])
    assert isinstance(read_tape(asked(tape)), TapeFile)


def test_what_cannot_be_served_is_refused_with_the_exit_code_for_data(tmp_path: Path, tape: Path) -> None:
    damaged = bytearray(tape.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    (tmp_path / "damaged.gz").write_bytes(damaged)
    stories = [
        (asked(tmp_path / "none.gz"), ["cannot be read", "No such file", "none.gz"]),
        (asked(tmp_path), ["cannot be read", "directory"]),
        (asked(tmp_path / "damaged.gz"), ["damaged at line", "why:"]),
        (asked(Path(__file__)), ["damaged at line 1"]),
        (asked(tape, symbol="ETHUSDT"), ["no market data of ETHUSDT", "BTCUSDT", "--symbol BTCUSDT"]),
        (asked(write_tape(tmp_path / "empty.gz", [])), ["no market data", "none at all"]),
        (asked(write_tape(tmp_path / "eth.gz", [book(symbol="ETHUSDT")])), ["it has ETHUSDT"]),
    ]
    for arguments, words in stories:
        refusal = read_tape(arguments)
        assert isinstance(refusal, Refusal) and refusal.code is ExitCode.DATA
        assert [word for word in words if word not in str(refusal)] == []


def test_the_fingerprint_names_the_content_and_neither_the_path_nor_the_speed(tmp_path: Path, tape: Path, settings: Settings) -> None:
    copy, other = tmp_path / "copy.gz", write_tape(tmp_path / "other.gz", quiet(T0_MS, 12))
    copy.write_bytes(tape.read_bytes())

    def named(path: Path, **more: Any) -> str:
        arguments = asked(path, **more)
        found = read_tape(arguments)
        assert isinstance(found, TapeFile)
        return fingerprint(settings, arguments, 1, found)

    assert named(tape) == named(copy) == named(copy, speed="max")
    assert named(tape) != named(other)
    assert named(tape) != fingerprint(settings, Arguments(), 1)


@pytest.mark.parametrize(
    ("speed", "pace", "deadline_s", "planned_s"), [(1.0, 1.0, 30, 3), ("max", None, 30, 3), (0.1, 0.1, 300, 30), (2.0, 2.0, 30, 1.5)],
)
def test_the_plan_has_a_venue_that_serves_it_and_a_feed_that_trusts_it_to_wait(
    tmp_path: Path, tape: Path, settings: Settings, speed: float | str, pace: float | None, deadline_s: float, planned_s: float,
) -> None:
    arguments, workspace = asked(tape, speed=speed), Workspace(tmp_path)
    found = read_tape(arguments)
    assert isinstance(found, TapeFile)
    run = workspace.run("r")
    plan = build_plan(settings, arguments, workspace, run, 1, b"key", "now", found)
    children = {spec.name: spec for spec in plan.children()}
    served = children["venue"].argument({}, 1).settings
    assert served == TapeSettings(tape=tape, recorded=run.tape, speed=pace)
    assert children["feed"].argument({"venue": {"ws_url": "ws://127.0.0.1:1/"}}, 1).settings.continuous
    assert plan.gate.deadline_s == deadline_s
    assert children["reporter"].argument({}, 1).settings.run.planned_duration_s == planned_s
