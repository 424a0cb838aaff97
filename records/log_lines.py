"""One log event as data and as a line for people: cleaned, redacted, bounded. Pure; must not know files or structlog.

An event is ``{"ts", "level", "actor", "pid", "run_id", "event", "fields": {...}}``. Its name stays as it is written in the code
(``RECONNECT_ATTEMPT``, ``ORDER_BOOK_STALE``, ``POSITION_LIMIT_EXCEEDED`` ...), so that people and programs can look for it.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from pathlib import PurePath

import msgspec

from trading.quantities import plain

__all__ = ["LINE_LIMIT_BYTES", "cleaned", "encode_line", "redacted", "render_line", "stripped"]

LINE_LIMIT_BYTES = 4096
"""With the newline. One write of this size to a file opened for appending is never mixed with another process's."""

TEXT_LIMIT = 300
ITEMS_LIMIT = 20
DEPTH_LIMIT = 6

REDACTED = "[redacted]"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_SECRET_WORDS = {"secret", "token", "password", "passwd", "passphrase", "apikey", "authorization", "signature", "credentials", "cookie"}
_SECRET_PAIRS = {("api", "key"), ("private", "key"), ("secret", "key"), ("control", "key"), ("access", "key")}

_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}


def stripped(text: str) -> str:
    """Without what could move a cursor, colour a terminal, reorder text or end a line: C0, C1, bidi controls become one space."""
    return _CONTROL.sub(" ", text)


def cleaned(value: object, depth: int = DEPTH_LIMIT) -> object:
    """Any value as JSON can hold it: Decimals exact, paths and enums as text, bytes as hex, the rest as its repr."""
    match value:
        case None | bool():
            return value
        case Enum():
            return cleaned(value.value, depth)
        case int():
            return value if abs(value) < 2**63 else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return stripped(value)
        case Decimal():
            return plain(value) if value.is_finite() else str(value)
        case PurePath():
            return stripped(str(value))
        case bytes() | bytearray() | memoryview():
            return bytes(value[:64]).hex()
        case BaseException():
            return stripped(f"{type(value).__name__}: {value}")
    return _cleaned_container(value, depth - 1)


def _cleaned_container(value: object, depth: int) -> object:
    if depth <= 0:
        return "..."
    if isinstance(value, msgspec.Struct):
        return cleaned(msgspec.structs.asdict(value), depth)
    if isinstance(value, Mapping):
        return {stripped(str(key)): cleaned(item, depth) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(item, depth) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(cleaned(item, depth)) for item in value)
    return stripped(repr(value))


def redacted(fields: dict[str, object]) -> dict[str, object]:
    """The same fields, on every level, with the values of key-like names hidden (``api_key``, ``secret``, ``auth_token`` ...)."""
    return {key: REDACTED if _is_secret(key) else _redacted_inside(value) for key, value in fields.items()}


def _redacted_inside(value: object) -> object:
    if isinstance(value, dict):
        return redacted(value)
    return [_redacted_inside(item) for item in value] if isinstance(value, list) else value


def _is_secret(name: str) -> bool:
    words = re.findall(r"[a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower())
    return bool(_SECRET_WORDS.intersection(words)) or bool(_SECRET_PAIRS.intersection(zip(words, words[1:], strict=False)))


def encode_line(event: dict[str, object]) -> bytes:
    """One JSON line of at most ``LINE_LIMIT_BYTES``; what had to be shortened says so in ``shortened_bytes``."""
    line = msgspec.json.encode(event) + b"\n"
    if len(line) <= LINE_LIMIT_BYTES:
        return line
    whole = len(line)
    for fields in (_shortened(event.get("fields")), _names_only(event.get("fields"))):
        line = msgspec.json.encode(event | {"event": _cut(str(event.get("event"))), "fields": fields, "shortened_bytes": whole}) + b"\n"
        if len(line) <= LINE_LIMIT_BYTES:
            return line
    return msgspec.json.encode(event | {"event": _cut(str(event.get("event"))), "fields": {}, "shortened_bytes": whole}) + b"\n"


def _shortened(value: object) -> object:
    """Beginnings of texts and ends of lists (a traceback's last frames) say most."""
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value[-ITEMS_LIMIT:]]
    return value


def _names_only(fields: object) -> dict[str, object]:
    names = list(fields) if isinstance(fields, dict) else []
    return {"names": [_cut(name, 60) for name in names[:ITEMS_LIMIT]]}


def _cut(text: str, limit: int = TEXT_LIMIT) -> str:
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text) - limit} more)"


def render_line(event: Mapping[str, object], colour: bool = False) -> str:
    """``HH:MM:SS LEVEL actor EVENT k=v``, one line whatever is in it."""
    clock = str(event.get("ts", ""))[11:19]
    level = str(event.get("level", "info"))
    shown = f"{level.upper():<7}"
    if colour:
        shown = f"\x1b[{_COLOURS.get(level, '0')}m{shown}\x1b[0m"
    fields = event.get("fields")
    pairs = [f"{stripped(str(key))}={_value(value)}" for key, value in fields.items()] if isinstance(fields, Mapping) else []
    names = (stripped(str(event.get("actor", ""))), stripped(str(event.get("event", ""))))
    return " ".join([clock, shown, f"{names[0]:<8}", names[1], *pairs]).rstrip()


def _value(value: object) -> str:
    text = cleaned(value)
    if isinstance(text, str):
        return f'"{text}"' if " " in text or not text else text
    return msgspec.json.encode(text).decode()
