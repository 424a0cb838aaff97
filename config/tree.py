"""A YAML file as a plain tree in which every value knows its line. Must not know what the keys mean.

Nothing is interpreted here: a scalar stays the text that was written, so that 0.1 is one tenth and not a binary fraction.
Tags, anchors and merge keys are not part of this configuration language: a value stands where it is used.
"""

from pathlib import Path
from typing import NamedTuple, Union

import yaml

__all__ = ["Entry", "Fault", "Listing", "Node", "Scalar", "Table", "line_below", "read_tree"]

SIZE_LIMIT_BYTES = 1024 * 1024
PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")}
"""What the parser itself calls untagged values; none of these names is used for reading them."""


class Fault(NamedTuple):
    """One thing wrong at one place; ``key`` is the dotted path, empty for the whole file."""

    file: str
    line: int
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.what}" if self.key else f"{self.file}:{self.line}: {self.what}"


class Scalar(NamedTuple):
    """``bare``: written without quotes, so that it may be a number, a truth value or nothing at all."""

    text: str
    bare: bool
    line: int

    @property
    def empty(self) -> bool:
        return self.bare and self.text in ("", "~", "null")


class Listing(NamedTuple):
    items: tuple["Node", ...]
    line: int


class Entry(NamedTuple):
    """A value and the line of its key."""

    value: "Node"
    line: int


class Table(NamedTuple):
    entries: dict[str, Entry]
    line: int


Node = Union[Scalar, Listing, Table]


def read_tree(path: Path, shown: str) -> tuple[Node | None, list[Fault]]:
    """The file's root, or None when it cannot be read at all; faults name the file as ``shown``."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        return None, [Fault(shown, 1, "", f"cannot be read: {problem.strerror}")]
    if len(data) > SIZE_LIMIT_BYTES:
        return None, [Fault(shown, 1, "", f"larger than {SIZE_LIMIT_BYTES} bytes")]
    growing = _Growing(shown)
    try:
        root = yaml.compose(data.decode(), Loader=yaml.SafeLoader)
        tree = Scalar("", True, 1) if root is None else growing.node(root, "", 1)
    except UnicodeDecodeError as problem:
        return None, [Fault(shown, data.count(b"\n", 0, problem.start) + 1, "", "not UTF-8 text")]
    except yaml.YAMLError as problem:
        return None, [_fault_of(problem, shown)]
    except RecursionError:
        return None, [Fault(shown, 1, "", "nested too deeply")]
    return tree, growing.faults


def line_below(node: Node, path: list[str]) -> int | None:
    """The line of a key below ``node``, or None when there is no such key."""
    line = None
    for name in path:
        entry = node.entries.get(name) if isinstance(node, Table) else None
        if entry is None:
            return None
        node, line = entry.value, entry.line
    return line


class _Growing:
    """Turns composed nodes into the tree and gathers what does not belong there."""

    def __init__(self, shown: str) -> None:
        self.faults: list[Fault] = []
        self._shown = shown
        self._seen: set[int] = set()

    def node(self, node: yaml.Node, key: str, line: int) -> Node:
        if id(node) in self._seen:
            self.faults.append(Fault(self._shown, line, key, "an alias (*name): write the value out"))
            return Scalar("", True, line)
        self._seen.add(id(node))
        if node.tag not in PLAIN_TAGS:
            self.faults.append(Fault(self._shown, line, key, f"a tag ({node.tag}) has no meaning here"))
        if isinstance(node, yaml.MappingNode):
            return self._table(node, key, line)
        if isinstance(node, yaml.SequenceNode):
            items = (self.node(item, f"{key}[{number}]", item.start_mark.line + 1) for number, item in enumerate(node.value))
            return Listing(tuple(items), line)
        assert isinstance(node, yaml.ScalarNode)
        return Scalar(node.value, node.style is None, line)

    def _table(self, node: yaml.MappingNode, key: str, line: int) -> Table:
        entries: dict[str, Entry] = {}
        for name, value in node.value:
            at = name.start_mark.line + 1
            if not isinstance(name, yaml.ScalarNode):
                self.faults.append(Fault(self._shown, at, key, "a key must be plain text"))
                continue
            path = f"{key}.{name.value}" if key else name.value
            if name.value in entries:
                self.faults.append(Fault(self._shown, at, path, f"written twice, first in line {entries[name.value].line}"))
                continue
            entries[name.value] = Entry(self.node(value, path, at), at)
        return Table(entries, line)


def _fault_of(problem: yaml.YAMLError, shown: str) -> Fault:
    mark = getattr(problem, "problem_mark", None)
    words = getattr(problem, "problem", None) or getattr(problem, "reason", None) or "not YAML"
    return Fault(shown, mark.line + 1 if mark else 1, "", f"not YAML: {words}")
