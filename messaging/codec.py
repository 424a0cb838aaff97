"""Registered messages to bytes and back, strictly.

A frame is one version byte and one msgpack map with the message's tag in ``kind``. Whatever does not decode to a registered
type is a value (``Undecodable``), counted by the reader and dropped: never an exception in an actor. Must not know what any
message means.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Union

import msgspec

__all__ = ["MAX_FRAME_BYTES", "VERSION", "Codec", "Undecodable"]

VERSION = 1
MAX_FRAME_BYTES = 4 * 1024 * 1024
"""Largest frame that is looked at; replay answers are the largest messages and stay below it by their own bound."""


class Undecodable(msgspec.Struct, frozen=True):
    """A frame that is not one of ours; ``reason`` names what is wrong, never the content."""

    reason: str


class Codec:
    """Encodes and decodes the types it was given and no others."""

    def __init__(self, types: Iterable[type[msgspec.Struct]]) -> None:
        self.types = tuple(types)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Union[self.types])
        self._prefix = bytes([VERSION])

    @property
    def fingerprint(self) -> str:
        """Changes whenever a type, a field or the version does: processes of mixed versions must not talk."""
        schema = msgspec.json.schema(Union[self.types])
        return sha256(self._prefix + msgspec.json.encode(schema, order="deterministic")).hexdigest()[:16]

    def encode(self, message: msgspec.Struct) -> bytes:
        return self._prefix + self._encoder.encode(message)

    def decode(self, frame: bytes) -> Any:
        """A registered message, or ``Undecodable``."""
        if len(frame) > MAX_FRAME_BYTES:
            return Undecodable(f"frame of {len(frame)} bytes is larger than {MAX_FRAME_BYTES}")
        if frame[:1] != self._prefix:
            return Undecodable(f"version byte {frame[:1].hex() or 'missing'}, this process speaks {self._prefix.hex()}")
        try:
            return self._decoder.decode(memoryview(frame)[1:])
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as problem:
            return Undecodable(str(problem))
        except (RecursionError, MemoryError, OverflowError) as problem:
            return Undecodable(type(problem).__name__)
