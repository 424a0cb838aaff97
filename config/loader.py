"""YAML files into one settings type: every fault of every file at once, each with its file and line. Must not know any setting by name.

    load({"risk": Path("config/risk.yaml")}, Settings)    # -> Settings(risk=...) or [Fault, ...]

    config/risk.yaml:7: max_position_per_symbol.BTCUSDT: expected a decimal number > 0, got 'abc'
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from config.conversion import FAILED, Conversion
from config.tree import Fault, line_below, read_tree

__all__ = ["Fault", "line_of", "load", "shown_path"]

AnySettings = TypeVar("AnySettings", bound=msgspec.Struct)


def load(files: Mapping[str, Path], schema: type[AnySettings]) -> AnySettings | list[Fault]:
    """One file per field of ``schema``: the settings, or all that is wrong with the files. Never raises for what a file contains."""
    faults: list[Fault] = []
    sections: dict[str, Any] = {}
    for field in msgspec.structs.fields(schema):
        if field.name in files:
            sections[field.name] = _section(files[field.name], field.type, faults)
    if faults:
        return faults
    return schema(**sections)


def line_of(path: Path, key: str) -> int:
    """The line of a dotted key in a file; 1 when it is not there."""
    tree, _ = read_tree(path, str(path))
    return (None if tree is None else line_below(tree, key.split("."))) or 1


def shown_path(path: Path) -> str:
    """As a person would type it here: relative where the file lies below the current directory."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _section(path: Path, type_: Any, faults: list[Fault]) -> Any:
    shown = shown_path(path)
    tree, tree_faults = read_tree(path, shown)
    conversion = Conversion(shown)
    value = FAILED if tree is None else conversion.value(tree, type_, "")
    found = [*tree_faults, *conversion.faults]
    faults.extend(sorted(dict.fromkeys(found), key=lambda fault: fault.line))
    return value
