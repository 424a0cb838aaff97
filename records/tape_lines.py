"""One line of a tape <-> one typed record. Must not know files or compression."""

from typing import Literal

import msgspec

__all__ = [
    "RECORD_LIMIT_BYTES", "ConnectionEvent", "Frame", "Record", "RestAnswer", "TapeDamaged", "TapeHeader", "encode", "parse_header",
    "parse_record",
]

RECORD_LIMIT_BYTES = 16 * 1024 * 1024


class TapeDamaged(Exception):
    """Line ``line`` (counted from 1, the header is 1) is not what a tape holds there."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"tape damaged at line {line}: {reason}")
        self.line = line
        self.reason = reason


class TapeHeader(msgspec.Struct, frozen=True, kw_only=True):
    """``started_ns``/``ended_ns``: ns since the Unix epoch; no end: the recording was cut short. ``source`` is for people."""

    format: Literal["venue-tape"] = "venue-tape"
    version: Literal[1] = 1
    venue: str
    symbols: tuple[str, ...]
    started_ns: int
    ended_ns: int | None = None
    source: str = ""


class Frame(msgspec.Struct, frozen=True):
    """One WebSocket text frame exactly as received; ``at_ns``: receipt, ns since the Unix epoch."""

    at_ns: int
    text: str


class RestAnswer(msgspec.Struct, frozen=True):
    """One answer of the venue's REST side. ``body`` is its JSON as it came (digits untouched); what was not JSON is a JSON string."""

    at_ns: int
    path: str
    query: dict[str, str]
    status: int
    body: msgspec.Raw

    @classmethod
    def received(cls, at_ns: int, path: str, query: dict[str, str], status: int, body: bytes) -> "RestAnswer":
        """From the bytes off the wire."""
        return cls(at_ns, path, query, status, msgspec.Raw(_one_line_of_json(body)))


class ConnectionEvent(msgspec.Struct, frozen=True):
    """What happened to the connection itself."""

    at_ns: int
    event: Literal["connected", "closed", "stale"]
    detail: str = ""


Record = TapeHeader | Frame | RestAnswer | ConnectionEvent


class _Rest(msgspec.Struct):
    path: str
    query: dict[str, str]
    status: int
    body: msgspec.Raw


class _Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Every key a line may have but the header's; exactly one of ``text``, ``rest`` and ``event`` says what it is."""

    at_ns: int
    text: str | None = None
    rest: _Rest | None = None
    event: Literal["connected", "closed", "stale"] | None = None
    detail: str = ""


_LINE = msgspec.json.Decoder(_Line)
_HEADER = msgspec.json.Decoder(TapeHeader)
_ENCODER = msgspec.json.Encoder()
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encode(record: Record) -> bytes:
    """The line with its newline."""
    match record:
        case TapeHeader():
            fields = {key: value for key, value in msgspec.structs.asdict(record).items() if value is not None}
            return _ENCODER.encode(fields) + b"\n"
        case Frame(at_ns, text):
            line = _Line(at_ns=at_ns, text=text)
        case RestAnswer(at_ns, path, query, status, body):
            line = _Line(at_ns=at_ns, rest=_Rest(path, query, status, body))
        case ConnectionEvent(at_ns, event, detail):
            line = _Line(at_ns=at_ns, event=event, detail=detail)
    return _ENCODER.encode(line) + b"\n"


def parse_header(line: bytes) -> TapeHeader:
    """Line 1. Raises TapeDamaged."""
    try:
        return _HEADER.decode(line)
    except _NOT_JSON as error:
        raise TapeDamaged(1, f"no header: {error}") from error


def parse_record(line: bytes, number: int) -> Frame | RestAnswer | ConnectionEvent:
    """Any other line. Unknown keys are ignored. Raises TapeDamaged."""
    try:
        return _record(_LINE.decode(line), number)
    except _NOT_JSON as error:
        raise TapeDamaged(number, str(error)) from error


def _record(line: _Line, number: int) -> Frame | RestAnswer | ConnectionEvent:
    match line:
        case _Line(text=str(text), rest=None, event=None):
            return Frame(line.at_ns, text)
        case _Line(text=None, rest=_Rest() as rest, event=None):
            return RestAnswer(line.at_ns, rest.path, rest.query, rest.status, msgspec.Raw(bytes(rest.body)))
        case _Line(text=None, rest=None, event=str(event)):
            return ConnectionEvent(line.at_ns, event, line.detail)
    raise TapeDamaged(number, "neither a frame nor a REST answer nor a connection event")


def _one_line_of_json(body: bytes) -> bytes:
    """A line break in JSON is only ever white space between tokens."""
    try:
        msgspec.json.decode(body)
    except _NOT_JSON:
        return _ENCODER.encode(body.decode("utf-8", "replace"))
    return body.replace(b"\r", b" ").replace(b"\n", b" ").strip()
