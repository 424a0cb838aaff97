"""A tree of text into a settings type: strict, exact, and with every fault at once. Must not know files or any setting by name.

Types come from the rooms' Structs: numbers and text with ``msgspec.Meta`` bounds, enums, Literals, optionals, lists, tables and
Structs, also unions of Structs told apart by their tag. What a Struct's ``__post_init__`` refuses (ValueError) is a fault as well.
"""

import difflib
import re
import types
from collections.abc import Callable, Iterable
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from config.tree import Fault, Listing, Node, Scalar, Table, line_below
from config.wording import found, wanted

__all__ = ["FAILED", "Conversion"]

INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,18})")
NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?")

FAILED: Any = object()
"""Stands for a value that could not be made; the reason is among the faults."""


class Conversion:
    """Converts the nodes of one file and gathers ``faults``."""

    def __init__(self, file: str) -> None:
        self.faults: list[Fault] = []
        self._file = file

    def value(self, node: Node, type_: Any, key: str) -> Any:
        """The value of ``type_``, or ``FAILED``."""
        bare, bounds = _unwrapped(type_)
        value = self._value(node, bare, type_, key)
        if value is FAILED or not bounds or _within(value, bounds):
            return value
        return self._fail(node, key, type_)

    def _value(self, node: Node, bare: Any, type_: Any, key: str) -> Any:
        origin = get_origin(bare)
        if origin in (Union, types.UnionType):
            return self._union(node, get_args(bare), type_, key)
        if origin in (tuple, list, frozenset):
            return self._listing(node, bare, type_, key)
        if origin is dict:
            return self._table(node, get_args(bare), type_, key)
        if _is_struct(bare):
            return self._struct(node, bare, key) if isinstance(node, Table) else self._fail(node, key, type_)
        if not isinstance(node, Scalar):
            return self._fail(node, key, type_)
        value = _scalar(node, bare)
        return self._fail(node, key, type_) if value is FAILED else value

    def _union(self, node: Node, members: tuple[Any, ...], type_: Any, key: str) -> Any:
        if type(None) in members and isinstance(node, Scalar) and node.empty:
            return None
        others = [member for member in members if member is not type(None)]
        if len(others) == 1:
            return self.value(node, others[0], key)
        assert all(_is_struct(member) for member in others), f"only Structs with tags can share a setting: {type_}"
        if not isinstance(node, Table):
            return self._fail(node, key, type_)
        by_tag = {str(member.__struct_config__.tag): member for member in others}
        field = others[0].__struct_config__.tag_field
        entry = node.entries.get(field)
        if entry is None:
            return self._add(node.line, key, f"missing key '{field}': one of {', '.join(by_tag)}")
        chosen = by_tag.get(entry.value.text) if isinstance(entry.value, Scalar) else None
        if chosen is None:
            return self._add(entry.line, _join(key, field), f"expected one of {', '.join(by_tag)}, got {found(entry.value)}")
        return self._struct(node, chosen, key)

    def _listing(self, node: Node, bare: Any, type_: Any, key: str) -> Any:
        if not isinstance(node, Listing):
            return self._fail(node, key, type_)
        members = get_args(bare)
        if get_origin(bare) is not tuple or members[-1] is Ellipsis:
            members = (members[0],) * len(node.items)
        if len(members) != len(node.items):
            return self._fail(node, key, type_)
        pairs = enumerate(zip(node.items, members, strict=True))
        values = [self.value(item, member, f"{key}[{number}]") for number, (item, member) in pairs]
        return FAILED if FAILED in values else get_origin(bare)(values)

    def _table(self, node: Node, members: tuple[Any, Any], type_: Any, key: str) -> Any:
        if not isinstance(node, Table):
            return self._fail(node, key, type_)
        made = {}
        for name, entry in node.entries.items():
            known = self.value(Scalar(name, False, entry.line), members[0], _join(key, name))
            made[known] = self.value(entry.value, members[1], _join(key, name))
        return FAILED if FAILED in made or FAILED in made.values() else made

    def _struct(self, node: Table, type_: type[msgspec.Struct], key: str) -> Any:
        config = type_.__struct_config__
        fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
        suggested = self._unknown_keys(node, {*fields, *filter(None, [config.tag_field])}, key)
        values = {}
        for name, field in fields.items():
            entry = node.entries.get(name)
            if entry is not None:
                values[field.name] = self.value(entry.value, field.type, _join(key, name))
            elif field.required:
                values[field.name] = FAILED
                if name not in suggested:
                    self._add(node.line, _join(key, name), f"missing; expected {wanted(field.type)}")
        if FAILED in values.values():
            return FAILED
        return self._made(type_, values, node, key)

    def _made(self, type_: Callable[..., Any], values: dict[str, Any], node: Table, key: str) -> Any:
        try:
            return type_(**values)
        except ValueError as refusal:
            culprit, _, rest = str(refusal).partition(" ")
            line = line_below(node, culprit.split("."))
            return self._add(line or node.line, _join(key, culprit) if line else key, rest if line else str(refusal))

    def _unknown_keys(self, node: Table, known: set[str], key: str) -> set[str]:
        """Faults for keys that nothing reads; returns the names they were probably meant to be."""
        suggested = set()
        for name, entry in node.entries.items():
            if name in known:
                continue
            near = difflib.get_close_matches(name, sorted(known - node.entries.keys()), 1)
            suggested.update(near)
            hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(sorted(known))}"
            self._add(entry.line, _join(key, name), f"unknown key; {hint}")
        return suggested

    def _fail(self, node: Node, key: str, type_: Any) -> Any:
        return self._add(node.line, key, f"expected {wanted(type_)}, got {found(node)}")

    def _add(self, line: int, key: str, what: str) -> Any:
        self.faults.append(Fault(self._file, line, key, what))
        return FAILED


def _scalar(node: Scalar, type_: Any) -> Any:
    """The value of a leaf type, or ``FAILED``."""
    if get_origin(type_) is Literal or isinstance(type_, type) and issubclass(type_, Enum):
        choices = get_args(type_) or tuple(type_)
        return _one_of(node, choices)
    reader = LEAVES.get(type_)
    assert reader is not None, f"the configuration has no such type: {type_}"
    return FAILED if node.empty else reader(node)


def _one_of(node: Scalar, choices: Iterable[Any]) -> Any:
    by_text = {str(choice.value if isinstance(choice, Enum) else choice): choice for choice in choices}
    return by_text.get(node.text, FAILED)


def _integer(node: Scalar) -> Any:
    return int(node.text) if node.bare and INTEGER.fullmatch(node.text) else FAILED


def _float(node: Scalar) -> Any:
    return float(node.text) if node.bare and NUMBER.fullmatch(node.text) else FAILED


def _decimal(node: Scalar) -> Any:
    return Decimal(node.text) if node.bare and NUMBER.fullmatch(node.text) else FAILED


def _truth(node: Scalar) -> Any:
    return {"true": True, "false": False}.get(node.text, FAILED) if node.bare else FAILED


def _text(node: Scalar) -> Any:
    is_other = node.bare and (NUMBER.fullmatch(node.text) or node.text in ("true", "false"))
    return FAILED if is_other else node.text


def _path(node: Scalar) -> Any:
    return FAILED if "\0" in node.text else Path(node.text)


LEAVES: dict[Any, Callable[[Scalar], Any]] = {int: _integer, float: _float, Decimal: _decimal, bool: _truth, str: _text, Path: _path}


def _unwrapped(type_: Any) -> tuple[Any, list[msgspec.Meta]]:
    if get_origin(type_) is not Annotated:
        return type_, []
    bare, *notes = get_args(type_)
    return bare, [note for note in notes if isinstance(note, msgspec.Meta)]


def _within(value: Any, bounds: Iterable[msgspec.Meta]) -> bool:
    return all(
        (bound.gt is None or value > bound.gt) and (bound.ge is None or value >= bound.ge)
        and (bound.lt is None or value < bound.lt) and (bound.le is None or value <= bound.le)
        and (bound.min_length is None or len(value) >= bound.min_length)
        and (bound.max_length is None or len(value) <= bound.max_length)
        and (bound.pattern is None or re.search(bound.pattern, value) is not None)
        for bound in bounds
    )


def _is_struct(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
