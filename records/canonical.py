"""Canonical JSON: equal values give equal bytes, on any machine, in any run. Must not know what it encodes.

Keys sorted, no spaces, UTF-8, every Decimal as a string in plain notation (no exponent, no trailing zeros). The same bytes
as ``json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)``, so that any language can check them.
"""

from decimal import Decimal

import msgspec

from trading.quantities import plain

__all__ = ["canonical", "simple"]

_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical(value: object) -> bytes:
    """One line of JSON without the newline. Takes whatever msgspec takes: Structs, enums, mappings, sequences, Decimals."""
    return _ENCODER.encode(simple(value))


def simple(value: object) -> object:
    """The same value made of dicts, lists, strings, integers, booleans and None; Decimals are plain text."""
    return _plain(msgspec.to_builtins(value, builtin_types=(Decimal,)))


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
