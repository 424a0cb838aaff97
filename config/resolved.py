"""Settings back into YAML: what a run really used, for ``config.resolved.yaml``; and out of it again. Must not know any setting by name.

Its first section is the command line as it was meant: words for people and for whoever checks the run.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

from config.conversion import Conversion
from config.loader import shown_path
from config.tree import Fault, Scalar, Table, read_tree

__all__ = ["COMMAND_LINE", "read_resolved", "resolved_yaml"]

COMMAND_LINE = "command_line"

AnySettings = TypeVar("AnySettings", bound=msgspec.Struct)


def resolved_yaml(sections: Mapping[str, object]) -> str:
    """One YAML document; decimals exactly as they are, every default written out. Reading it back gives equal settings."""
    plain = msgspec.to_builtins(sections, builtin_types=(Decimal,), enc_hook=_text_of_path)
    return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, width=120)


def read_resolved(path: Path, schema: type[AnySettings]) -> tuple[AnySettings, dict[str, str]] | list[Fault]:
    """The settings, and the words of the command line as they stand there; or all that is wrong with the file."""
    shown = shown_path(path)
    tree, faults = read_tree(path, shown)
    spoken = tree.entries.get(COMMAND_LINE) if isinstance(tree, Table) else None
    if faults or not isinstance(tree, Table) or spoken is None or not isinstance(spoken.value, Table):
        return faults or [Fault(shown, 1, "", f"not the settings of a run: no section {COMMAND_LINE}")]
    words = {name: entry.value.text for name, entry in spoken.value.entries.items() if isinstance(entry.value, Scalar)}
    conversion = Conversion(shown)
    sections = Table({name: entry for name, entry in tree.entries.items() if name != COMMAND_LINE}, tree.line)
    settings = conversion.value(sections, schema, "")
    return conversion.faults or (settings, words)


class _Dumper(yaml.SafeDumper):
    """Knows decimals, and repeats a value instead of pointing at it."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _decimal_node(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    text = format(value, "f")
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


_Dumper.add_representer(Decimal, _decimal_node)


def _text_of_path(value: object) -> str:
    assert isinstance(value, Path), f"a setting of type {type(value).__name__} has no place in YAML"
    return str(value)
