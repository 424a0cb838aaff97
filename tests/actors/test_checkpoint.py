"""A checkpoint is given back whole or not at all."""

from pathlib import Path

import pytest

from actors.checkpoint import Checkpoint

KEY = b"k" * 32
CONTENT = {"bars": 41, "names": ("a", "b")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "strategy.checkpoint"


def test_what_was_kept_last_is_given_back(path: Path) -> None:
    kept = Checkpoint(path, "run 1", KEY)
    assert kept.read() is None
    kept.keep({"bars": 1})
    kept.keep(CONTENT)
    assert Checkpoint(path, "run 1", KEY).read() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_what_another_run_or_program_kept_is_none_of_ours(path: Path) -> None:
    Checkpoint(path, "run 1", KEY).keep(CONTENT)
    assert Checkpoint(path, "run 2", KEY).read() is None


def test_cut_short_or_damaged_anywhere_it_is_no_checkpoint(path: Path) -> None:
    Checkpoint(path, "run 1", KEY).keep(CONTENT)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert Checkpoint(path, "run 1", KEY).read() is None
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
        assert Checkpoint(path, "run 1", KEY).read() is None


def test_a_disk_that_refuses_it_leaves_the_one_before(path: Path) -> None:
    kept = Checkpoint(path, "run 1", KEY)
    kept.keep(CONTENT)
    path.with_suffix(".new.checkpoint").mkdir()
    kept.keep({"bars": 42})
    assert kept.read() == CONTENT


def test_what_was_not_signed_with_the_run_s_key_is_never_unpacked(path: Path) -> None:
    Checkpoint(path, "run 1", b"another key").keep(CONTENT)
    assert Checkpoint(path, "run 1", KEY).read() is None


def test_without_a_key_nothing_is_kept_or_read(path: Path) -> None:
    Checkpoint(path, "run 1", b"").keep(CONTENT)
    assert not path.exists()
    Checkpoint(path, "run 1", KEY).keep(CONTENT)
    assert Checkpoint(path, "run 1", b"").read() is None
