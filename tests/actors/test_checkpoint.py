"""A checkpoint is given back whole or not at all."""

from pathlib import Path

import pytest

from actors.checkpoint import Checkpoint

CONTENT = {"bars": 41, "names": ("a", "b")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "strategy.checkpoint"


def test_what_was_kept_last_is_given_back(path: Path) -> None:
    kept = Checkpoint(path, "run 1")
    assert kept.read() is None
    kept.keep({"bars": 1})
    kept.keep(CONTENT)
    assert Checkpoint(path, "run 1").read() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_what_another_run_or_program_kept_is_none_of_ours(path: Path) -> None:
    Checkpoint(path, "run 1").keep(CONTENT)
    assert Checkpoint(path, "run 2").read() is None


def test_cut_short_or_damaged_anywhere_it_is_no_checkpoint(path: Path) -> None:
    Checkpoint(path, "run 1").keep(CONTENT)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert Checkpoint(path, "run 1").read() is None
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
        assert Checkpoint(path, "run 1").read() is None


def test_a_disk_that_refuses_it_leaves_the_one_before(path: Path) -> None:
    kept = Checkpoint(path, "run 1")
    kept.keep(CONTENT)
    path.with_suffix(".new.checkpoint").mkdir()
    kept.keep({"bars": 42})
    assert kept.read() == CONTENT
