"""The loader finds everything that is wrong with a configuration, at once and by line, and reads numbers exactly."""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec import Meta

from config.loader import Fault, line_of, load
from config.resolved import COMMAND_LINE, read_resolved, resolved_yaml


class Colour(StrEnum):
    RED = "RED"
    GREEN = "GREEN"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    shortest_s: Annotated[float, Meta(gt=0)]
    longest_s: float

    def __post_init__(self) -> None:
        if self.longest_s < self.shortest_s:
            raise ValueError(f"longest_s must be at least shortest_s, not {self.longest_s}")


class Fixed(msgspec.Struct, frozen=True, kw_only=True, tag="fixed", tag_field="model"):
    slippage_bps: Decimal


class Walk(msgspec.Struct, frozen=True, kw_only=True, tag="walk", tag_field="model"):
    levels: int


class Section(msgspec.Struct, frozen=True, kw_only=True):
    balance: Annotated[Decimal, Meta(gt=0)]
    count: Annotated[int, Meta(ge=1, le=10)]
    enabled: bool
    name: Annotated[str, Meta(min_length=1)]
    colour: Colour
    mode: Literal["fast", "slow"]
    limits: dict[str, Annotated[Decimal, Meta(gt=0)]]
    window: Window
    model: Fixed | Walk
    symbols: tuple[str, ...]
    pair: tuple[int, Decimal]
    port: int | None = None
    folder: Path = Path("somewhere")


class Windowed(msgspec.Struct, frozen=True):
    window: Window


class Settings(msgspec.Struct, frozen=True):
    section: Section


GOOD = """\
balance: 10000.10
count: 3
enabled: true
name: "1"
colour: RED
mode: fast
limits:
  BTCUSDT: 0.1
window: {shortest_s: 1, longest_s: 2.5}
model:
  model: fixed
  slippage_bps: 30
symbols: [BTCUSDT, ETHUSDT]
pair: [1, 2e-3]
"""


def read(directory: Path, text: str) -> Any:
    path = directory / "s.yaml"
    path.write_text(text)
    return load({"section": path}, Settings)


def faults(directory: Path, text: str) -> list[str]:
    found = read(directory, text)
    assert isinstance(found, list), f"accepted: {found}"
    return [str(fault).removeprefix(f"{directory}/") for fault in found]


def test_a_good_file_becomes_the_settings(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD) == Settings(section=Section(
        balance=Decimal("10000.10"), count=3, enabled=True, name="1", colour=Colour.RED, mode="fast", limits={"BTCUSDT": Decimal("0.1")},
        window=Window(shortest_s=1.0, longest_s=2.5), model=Fixed(slippage_bps=Decimal(30)), symbols=("BTCUSDT", "ETHUSDT"),
        pair=(1, Decimal("0.002")),
    ))


def test_decimals_never_pass_through_a_binary_float(tmp_path: Path) -> None:
    read_back = read(tmp_path, GOOD.replace("10000.10", "0.1000000000000000000000000001"))
    assert read_back.section.balance == Decimal("0.1000000000000000000000000001")


STORIES = [
    # what is written instead of what; the one fault it makes
    ("balance: 10000.10", "balance: abc", "s.yaml:1: balance: expected a decimal number > 0, got 'abc'"),
    ("balance: 10000.10", "balance: '5'", "s.yaml:1: balance: expected a decimal number > 0, got the text '5'"),
    ("balance: 10000.10", "balance: 0", "s.yaml:1: balance: expected a decimal number > 0, got '0'"),
    ("balance: 10000.10", "balance: .nan", "s.yaml:1: balance: expected a decimal number > 0, got '.nan'"),
    ("balance: 10000.10", "balance: 1_000", "s.yaml:1: balance: expected a decimal number > 0, got '1_000'"),
    ("balance: 10000.10", "balance: 1e999", "s.yaml:1: balance: expected a decimal number > 0, got '1e999'"),
    ("balance: 10000.10", "balance:", "s.yaml:1: balance: expected a decimal number > 0, got nothing"),
    ("count: 3", "count: 11", "s.yaml:2: count: expected a whole number >= 1 and <= 10, got '11'"),
    ("count: 3", "count: 3.0", "s.yaml:2: count: expected a whole number >= 1 and <= 10, got '3.0'"),
    ("count: 3", "count: 010", "s.yaml:2: count: expected a whole number >= 1 and <= 10, got '010'"),
    ("count: 3", "count: [3]", "s.yaml:2: count: expected a whole number >= 1 and <= 10, got a list"),
    ("enabled: true", "enabled: yes", "s.yaml:3: enabled: expected true or false, got 'yes'"),
    ('name: "1"', "name: 1", "s.yaml:4: name: expected text of length >= 1, got '1'"),
    ('name: "1"', 'name: ""', "s.yaml:4: name: expected text of length >= 1, got the text ''"),
    ("colour: RED", "colour: BLUE", "s.yaml:5: colour: expected one of RED, GREEN, got 'BLUE'"),
    ("mode: fast", "mode: quick", "s.yaml:6: mode: expected one of fast, slow, got 'quick'"),
    ("  BTCUSDT: 0.1", "  BTCUSDT: -0.1", "s.yaml:8: limits.BTCUSDT: expected a decimal number > 0, got '-0.1'"),
    ("longest_s: 2.5", "longest_s: x", "s.yaml:9: window.longest_s: expected a number, got 'x'"),
    ("longest_s: 2.5", "longest_s: 0.5", "s.yaml:9: window.longest_s: must be at least shortest_s, not 0.5"),
    (", longest_s: 2.5", "", "s.yaml:9: window.longest_s: missing; expected a number"),
    ("longest_s: 2.5", "longst_s: 2.5", "s.yaml:9: window.longst_s: unknown key; did you mean 'longest_s'?"),
    ("window: {shortest_s: 1, longest_s: 2.5}", "window: 3", "s.yaml:9: window: expected a table with shortest_s, longest_s, got '3'"),
    ("model: fixed", "model: magic", "s.yaml:11: model.model: expected one of fixed, walk, got 'magic'"),
    ("  model: fixed\n", "", "s.yaml:10: model: missing key 'model': one of fixed, walk"),
    ("symbols: [BTCUSDT, ETHUSDT]", "symbols: BTCUSDT", "s.yaml:13: symbols: expected a list, got 'BTCUSDT'"),
    ("symbols: [BTCUSDT, ETHUSDT]", "symbols: [BTCUSDT, 7]", "s.yaml:13: symbols[1]: expected text, got '7'"),
    ("pair: [1, 2e-3]", "pair: [1]", "s.yaml:14: pair: expected a list, got a list"),
    ("count: 3", "count: 3\ncount: 4", "s.yaml:3: count: written twice, first in line 2"),
    ("count: 3", "count: &three 3", None),
    ("balance: 10000.10\ncount: 3", "balance: &three 3\ncount: *three", "s.yaml:2: count: an alias (*name): write the value out"),
    ('name: "1"', "name: !mine x", "s.yaml:4: name: a tag (!mine) has no meaning here"),
    ('name: "1"', "name: !!python/name:os.system x", "s.yaml:4: name: a tag (tag:yaml.org,2002:python/name:os.system) has no meaning here"),
    ("port", "port", None),
    ("count: 3", "count: 3\nport: ~", None),
    ("count: 3", "count: 3\nport: 80", None),
    ("count: 3", "count: 3\nport: x", "s.yaml:3: port: expected a whole number, got 'x'"),
    ("count: 3", "count: 3\nzzz: 1", "s.yaml:3: zzz: unknown key; known here: balance, colour, count, enabled, folder, limits, mode, "
     "model, name, pair, port, symbols, window"),
]


@pytest.mark.parametrize(("before", "after", "fault"), STORIES)
def test_each_mistake_is_named_with_its_line(tmp_path: Path, before: str, after: str, fault: str | None) -> None:
    text = GOOD.replace(before, after)
    if fault is None:
        assert isinstance(read(tmp_path, text), Settings)
    else:
        assert fault in faults(tmp_path, text)
        assert len(faults(tmp_path, text)) == 1 or "alias" in fault


def test_all_faults_of_all_files_come_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    class Two(msgspec.Struct):
        one: Window
        two: Window

    (tmp_path / "one.yaml").write_text("longest_s: x\nshortest_s: y\n")
    (tmp_path / "two.yaml").write_text("shortest_s: 0\nextra: 1\n")
    found = load({"one": tmp_path / "one.yaml", "two": tmp_path / "two.yaml"}, Two)
    assert isinstance(found, list)
    assert [(Path(fault.file).name, fault.line, fault.key) for fault in found] == [
        ("one.yaml", 1, "longest_s"), ("one.yaml", 2, "shortest_s"),
        ("two.yaml", 1, "shortest_s"), ("two.yaml", 1, "longest_s"), ("two.yaml", 2, "extra"),
    ]


UNREADABLE = [
    ("count: [1, 2", "s.yaml:1: not YAML: expected ',' or ']', but got '<stream end>'"),
    ("count: 1\n\tname: x", "s.yaml:2: not YAML: found character '\\t' that cannot start any token"),
    ("- a\n- b\n", "s.yaml:1: expected a table with balance"),
    ("", "s.yaml:1: expected a table with balance"),
    ("[" * 5000, "s.yaml:1: nested too deeply"),
    ("a: 1\n---\nb: 2\n", "s.yaml:2: not YAML: but found another document"),
    ("? [a]\n: 1\n", "s.yaml:1: a key must be plain text"),
]


@pytest.mark.parametrize(("text", "fault"), UNREADABLE)
def test_a_file_that_is_no_settings_file_is_a_fault_not_an_exception(tmp_path: Path, text: str, fault: str) -> None:
    assert any(found.startswith(fault) for found in faults(tmp_path, text)), faults(tmp_path, text)


def test_what_cannot_be_opened_or_decoded_is_a_fault(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"a: 1\nb: \xff\n")
    for path, words in ((tmp_path / "missing.yaml", "No such file"), (tmp_path, "Is a directory"), (binary, "not UTF-8")):
        found = load({"section": path}, Settings)
        assert isinstance(found, list) and words in found[0].what
        assert found[0].line == (2 if path == binary else 1)


@given(some.text(max_size=200))
def test_no_text_makes_the_loader_raise(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "anything.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    assert isinstance(load({"section": path}, Settings), list)


def test_the_line_of_a_key_can_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(GOOD)
    assert (line_of(path, "limits"), line_of(path, "nothing"), line_of(tmp_path / "none", "limits")) == (7, 1, 1)


decimals = some.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("1e-9"), max_value=Decimal("1e12"), places=9)
words = some.text(min_size=1, max_size=20)


@given(
    balance=decimals, count=some.integers(1, 10), enabled=some.booleans(), name=words, colour=some.sampled_from(Colour),
    limits=some.dictionaries(words, decimals, max_size=3), symbols=some.lists(words, max_size=3).map(tuple),
    port=some.none() | some.integers(0, 65535),
)
def test_what_was_resolved_reads_back_as_the_same_settings(tmp_path_factory: pytest.TempPathFactory, **values: Any) -> None:
    section = Section(mode="slow", window=Window(shortest_s=0.5, longest_s=1e6), model=Walk(levels=3), pair=(2, Decimal("-0.50")), **values)
    path = tmp_path_factory.getbasetemp() / "resolved.yaml"
    path.write_text(resolved_yaml(msgspec.structs.asdict(section)), encoding="utf-8")
    assert load({"section": path}, Settings) == Settings(section)


def test_a_fault_without_a_key_names_the_file_and_line() -> None:
    assert str(Fault("a.yaml", 3, "", "not YAML")) == "a.yaml:3: not YAML"


def test_the_settings_of_a_run_come_back_with_the_words_of_its_command_line(tmp_path: Path) -> None:
    path = tmp_path / "config.resolved.yaml"
    window = {"window": {"shortest_s": 0.5, "longest_s": 2.0}}
    path.write_text(resolved_yaml({COMMAND_LINE: {"symbol": "BTCUSDT", "seed": 7, "resume": True, "tape": None}, **window}))
    assert read_resolved(path, Windowed) == (
        Windowed(Window(shortest_s=0.5, longest_s=2.0)), {"symbol": "BTCUSDT", "seed": "7", "resume": "true", "tape": "null"},
    )


@pytest.mark.parametrize(("text", "complaint"), [
    ("", "no section command_line"), ("window: 1", "no section command_line"), ("command_line: 3", "no section command_line"),
    ("command_line: {seed: 7}\nother: 1", "unknown key"), ("{", "expected"),
])
def test_what_is_not_the_settings_of_a_run_is_said(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "config.resolved.yaml"
    path.write_text(text)
    faults = read_resolved(path, Windowed)
    assert isinstance(faults, list) and complaint in "; ".join(map(str, faults))
