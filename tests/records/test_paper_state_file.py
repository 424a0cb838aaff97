"""paper/state.json: what was saved, or a reason why it cannot be trusted; never something else."""

import json
import os
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from records.state import Damaged, LotState, OpenOrderState, PaperState, PositionState, load_state, save_state, set_aside
from trading.words import OrderState, OrderType, Side

D = Decimal
STATE = PaperState(
    run_id="20260102T030405-678901-4242", balance=D("10012.345"), equity=D("10013.5"),
    positions={"BTCUSDT": PositionState(D("-0.02"), D("65000.1"), (LotState(D("-0.02"), D("65000.1"), D("0.65")),))},
    open_orders=(OpenOrderState("a", "BTCUSDT", Side.BUY, OrderType.LIMIT, D("0.01"), D("0.01"), D("64000"), OrderState.ACCEPTED),),
    ledger_seq=123, ledger_head="ab" * 32,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def test_what_was_saved_is_loaded(path: Path) -> None:
    assert save_state(path, STATE) is None
    assert load_state(path) == STATE
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_has_the_promised_keys_and_decimals_as_text(path: Path) -> None:
    save_state(path, STATE)
    content = json.loads(path.read_text())
    assert set(content) == {"schema", "run_id", "balance", "equity", "positions", "open_orders", "ledger_seq", "ledger_head", "checksum"}
    assert content["schema"] == 1 and content["balance"] == "10012.345" and content["ledger_seq"] == 123
    lot = content["positions"]["BTCUSDT"]["lots"][0]
    assert (content["positions"]["BTCUSDT"]["quantity"], lot["quantity"], lot["price"]) == ("-0.02", "-0.02", "65000.1")


def test_spaces_and_the_order_of_keys_do_not_count(path: Path) -> None:
    save_state(path, STATE)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(content.items()))))
    assert load_state(path) == STATE


def test_the_state_before_is_kept_beside(path: Path) -> None:
    for run_id in ("one", "two", "three"):
        save_state(path, replace(STATE, run_id=run_id))
    before = load_state(path.with_name("state.json.1"))
    assert isinstance(before, PaperState) and before.run_id == "two"
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["state.json", "state.json.1"]


def test_no_file_is_no_state(path: Path) -> None:
    assert load_state(path) is None


def test_a_file_cut_at_any_byte_is_damaged(path: Path) -> None:
    save_state(path, STATE)
    content = path.read_bytes()
    assert content.endswith(b"}\n")
    for length in range(len(content) - 1):
        path.write_bytes(content[:length])
        assert isinstance(load_state(path), Damaged), length


def test_a_flipped_bit_is_damage_or_changes_nothing(path: Path) -> None:
    save_state(path, STATE)
    content, chance = path.read_bytes(), random.Random(5)
    for _ in range(400):
        position = chance.randrange(len(content))
        path.write_bytes(content[:position] + bytes([content[position] ^ 1 << chance.randrange(8)]) + content[position + 1:])
        loaded = load_state(path)
        assert isinstance(loaded, Damaged) or loaded == STATE


def _edited(change: Callable[[dict[str, object]], object]) -> Callable[[Path], object]:
    """A file with a right checksum whose content is not a state of this version."""
    from records.state import _checksum

    def make(path: Path) -> None:
        save_state(path, STATE)
        content = json.loads(path.read_text())
        content.pop("checksum")
        change(content)
        path.write_text(json.dumps(content | {"checksum": _checksum(content)}))

    return make


IN_THE_WAY: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.touch(),
    "zeros": lambda path: path.write_bytes(bytes(600)),
    "not UTF-8": lambda path: path.write_bytes(b'{"a": "\xff"}'),
    "nested without end": lambda path: path.write_bytes(b'{"a":' + b"[" * 100_000),
    "a list": lambda path: path.write_bytes(b"[]"),
    "no checksum": lambda path: path.write_bytes(b"{}"),
    "other version": _edited(lambda content: content.update(schema=2)),
    "unknown key": _edited(lambda content: content.update(extra=1)),
    "missing key": _edited(lambda content: content.pop("equity")),
    "a number that is none": _edited(lambda content: content.update(balance="x")),
    "directory": lambda path: path.mkdir(),
    "symlink": lambda path: path.symlink_to(path.with_name("elsewhere")),
    "pipe": lambda path: os.mkfifo(path),
}


@pytest.mark.parametrize("make", IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_what_is_no_state_is_told_with_a_reason_and_set_aside_by_the_next_save(path: Path, make: Callable[[Path], object]) -> None:
    make(path)
    found = load_state(path)
    assert isinstance(found, Damaged) and found.reason
    aside = save_state(path, STATE)
    assert aside == path.with_name("state.json.corrupt-1") and os.path.lexists(aside)
    assert load_state(path) == STATE


def test_a_symlink_to_a_good_state_is_not_followed(path: Path) -> None:
    save_state(path.with_name("elsewhere"), STATE)
    path.symlink_to("elsewhere")
    assert isinstance(load_state(path), Damaged)
    save_state(path, replace(STATE, run_id="new"))
    assert load_state(path.with_name("elsewhere")) == STATE


def test_the_state_of_another_run_says_whose_it_is(path: Path) -> None:
    save_state(path, replace(STATE, run_id="another"))
    found = load_state(path)
    assert isinstance(found, PaperState) and found.run_id == "another"


def test_set_aside_never_overwrites(path: Path) -> None:
    names = []
    for number in range(3):
        path.write_text(str(number))
        names.append(set_aside(path).name)
    assert names == ["state.json.corrupt-1", "state.json.corrupt-2", "state.json.corrupt-3"]
    assert [path.with_name(name).read_text() for name in names] == ["0", "1", "2"]
