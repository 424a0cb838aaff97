"""How the loader says what it expected and what it found. Must not know any setting by name."""

from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from config.tree import Listing, Node, Scalar

__all__ = ["found", "wanted"]

LONGEST_SHOWN = 60

NAMES: dict[Any, str] = {
    int: "a whole number", float: "a number", Decimal: "a decimal number", bool: "true or false", str: "text", Path: "a path",
    tuple: "a list", list: "a list", frozenset: "a list", dict: "a table",
}


def wanted(type_: Any) -> str:
    """``a decimal number > 0``."""
    if get_origin(type_) is Annotated:
        bare, *notes = get_args(type_)
        bounds = [_bounds(note) for note in notes if isinstance(note, msgspec.Meta)]
        return " ".join([wanted(bare), *filter(None, bounds)])
    origin = get_origin(type_)
    if origin is Literal:
        return _one_of(get_args(type_))
    if origin in (Union, UnionType):
        return " or ".join("nothing" if member is type(None) else wanted(member) for member in get_args(type_))
    if isinstance(type_, type) and issubclass(type_, Enum):
        return _one_of(choice.value for choice in type_)
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        return f"a table with {', '.join(field.encode_name for field in msgspec.structs.fields(type_))}"
    return NAMES.get(origin or type_, str(type_))


def found(node: Node) -> str:
    """``'abc'``, short and without control characters."""
    if isinstance(node, Scalar):
        if node.empty:
            return "nothing"
        text = node.text if len(node.text) <= LONGEST_SHOWN else node.text[:LONGEST_SHOWN] + "..."
        return repr(text) if node.bare else f"the text {text!r}"
    return "a list" if isinstance(node, Listing) else "a table"


def _one_of(choices: Any) -> str:
    return "one of " + ", ".join(str(choice) for choice in choices)


def _bounds(meta: msgspec.Meta) -> str:
    signs = ((">", meta.gt), (">=", meta.ge), ("<", meta.lt), ("<=", meta.le))
    words = [f"{sign} {bound}" for sign, bound in signs if bound is not None]
    if meta.min_length is not None:
        words.append(f"of length >= {meta.min_length}")
    if meta.max_length is not None:
        words.append(f"of length <= {meta.max_length}")
    if meta.pattern is not None:
        words.append(f"like {meta.pattern}")
    return " and ".join(words)
