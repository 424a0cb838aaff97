"""No setting without effect: what is in the shipped files is read, and what is read is used."""

import ast
import re
import types
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
import pytest

from front.arguments import Arguments
from front.settings import Settings, read_settings
from tests.house.sources import ROOT, product_sources


def structs_in(type_: Any) -> set[type[msgspec.Struct]]:
    """Every Struct that a settings type is made of, itself included."""
    if get_origin(type_) in (Annotated, Union, types.UnionType, dict, tuple, list):
        return set().union(*(structs_in(member) for member in get_args(type_)))
    if not (isinstance(type_, type) and issubclass(type_, msgspec.Struct)):
        return set()
    return {type_}.union(*(structs_in(field.type) for field in msgspec.structs.fields(type_)))


class Reads(ast.NodeVisitor):
    """Names that are read as attributes anywhere but where a setting only judges itself."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name != "__post_init__":
            self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Load):
            self.names.add(node.attr)
        self.generic_visit(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        self.names.update(node.kwd_attrs)
        self.generic_visit(node)


def test_every_setting_is_used_by_the_program() -> None:
    reads = Reads()
    for source in product_sources():
        reads.visit(source.tree)
    unused = {
        f"{kind.__name__}.{field.name}" for kind in structs_in(Settings) for field in msgspec.structs.fields(kind)
        if field.name not in reads.names
    }
    assert unused == set()


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "config" / "strategies").glob("*.yaml")))
def test_every_shipped_strategy_has_settings_without_a_fault(name: str) -> None:
    settings = read_settings(Arguments(strategy=name))
    assert isinstance(settings, Settings), [str(fault) for fault in settings]


def explained(lines: list[str], number: int) -> bool:
    """A comment stands beside the key, or above it or the run of keys it belongs to, or with the table that it is a row of."""
    if "#" in lines[number]:
        return True
    indent = len(lines[number]) - len(lines[number].lstrip())
    above = number - 1
    while above >= 0 and lines[above].strip() and not lines[above].lstrip().startswith("#"):
        if len(lines[above]) - len(lines[above].lstrip()) < indent:
            return explained(lines, above)
        above -= 1
    return above >= 0 and lines[above].lstrip().startswith("#")


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_setting_is_explained_where_it_is_set(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"\s*[\w-]+:", line)]
    assert [f"line {number + 1}" for number in keys if not explained(lines, number)] == []
