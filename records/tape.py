"""The tape: what the feed heard and the gateway was told, as gzip-compressed JSON Lines (format: docs, ``venue-tape`` version 1).

    {"format":"venue-tape","version":1,"venue":"bitunix","symbols":["BTCUSDT"],"started_ns":...,"ended_ns":...,"source":"..."}
    {"at_ns":1723161255333143866,"text":"<one WebSocket text frame exactly as received>"}
    {"at_ns":...,"rest":{"path":"/api/v1/...","query":{...},"status":200,"body":{...}}}
    {"at_ns":...,"event":"connected","detail":"..."}

Every record is in the file when ``append`` returns: killing the process loses nothing. A power cut may lose the last seconds.
This module must not know what a frame says.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from records.atomic import write_all
from records.gzip_members import HEADER, GzipDamaged, Inflater, Member, Repair, is_unwritten_end, plan_repair, stored_member
from records.tape_lines import (
    RECORD_LIMIT_BYTES, ConnectionEvent, Frame, Record, RestAnswer, TapeDamaged, TapeHeader, encode, parse_header, parse_record,
)

__all__ = [
    "ConnectionEvent", "Frame", "RestAnswer", "TapeDamaged", "TapeFailure", "TapeHeader", "TapeReader", "TapeWriter", "TruncatedTail",
]

ENDED_NS_ROOM = len(',"ended_ns":1723161599833492584')
HEADER_LIMIT_BYTES = 4096


class TapeFailure(Exception):
    """The file could not be written. The writer is unusable from then on; what was appended before is in the file."""


class TruncatedTail(msgspec.Struct, frozen=True):
    """The recording was cut short behind line ``after_line``; ``lost_bytes`` of an unfinished line could be read and were dropped."""

    after_line: int
    lost_bytes: int


class TapeWriter:
    """Appends records to one tape. One process at a time; readers may read what is there at any moment."""

    @classmethod
    def open(cls, path: Path, header: TapeHeader) -> "TapeWriter":
        """Start a new tape; raises TapeFailure, also when the file exists."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TapeFailure(f"{path}: {error.strerror}") from error
        return cls(path, descriptor, header)

    @classmethod
    def resume(cls, path: Path, header: TapeHeader) -> "TapeWriter":
        """Go on with a tape that may have been cut at any byte, repaired in place: what was never whole is cut off
        (``dropped_bytes``), the member ended, a new one started, so that every gzip reader reads the whole file.

        ``header`` is written only when nothing of the tape is left or there is none. Raises TapeDamaged when more than an
        unfinished end is wrong (then the file is untouched), TapeFailure when it cannot be written.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TapeFailure(f"{path}: {error.strerror}") from error
        try:
            dropped = _repair(path, descriptor)
            return cls(path, descriptor, header if os.fstat(descriptor).st_size == 0 else None, dropped)
        except BaseException:  # raised again; only the descriptor must not stay open
            os.close(descriptor)
            raise

    def __init__(self, path: Path, descriptor: int, header: TapeHeader | None, dropped_bytes: int = 0) -> None:
        self.path = path
        self.dropped_bytes = dropped_bytes
        self._descriptor = descriptor
        self._member: Member | None = None
        self._failure: str | None = None
        self._closed = False
        if header is not None:
            self._write(_header_member(header))

    def append(self, record: Record) -> None:
        """Add one record, in the file on return. Raises TapeFailure; ValueError for a record that is too large to be one."""
        line = encode(record)
        if len(line) > RECORD_LIMIT_BYTES:
            raise ValueError(f"a tape record has at most {RECORD_LIMIT_BYTES} bytes, this one has {len(line)}")
        if self._member is None:
            self._member = Member()
        self._write(self._member.add(line))

    def close(self, ended_ns: int | None = None) -> None:
        """End the tape, durable on return; with ``ended_ns`` the header says when. A second call does nothing. Raises TapeFailure."""
        if self._closed:
            return
        try:
            if self._failure is None:
                self._finish(ended_ns)
        finally:
            os.close(self._descriptor)
            self._closed = True
            self._failure = self._failure or "closed"

    def _finish(self, ended_ns: int | None) -> None:
        if self._member is not None:
            self._write(self._member.end())
        try:
            if ended_ns is not None:
                _write_end_into_header(self.path, ended_ns)
            os.fsync(self._descriptor)
        except OSError as error:
            raise TapeFailure(f"{self.path}: {error.strerror}") from error

    def _write(self, data: bytes) -> None:
        """One write call for one record: a kill comes before or after it. What is written in part would spoil all behind it."""
        if self._failure is not None:
            raise TapeFailure(f"{self.path}: unusable since: {self._failure}")
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            self._failure = error.strerror or str(error)
            raise TapeFailure(f"{self.path}: {self._failure}") from error
        if written != len(data):
            self._failure = f"only {written} of {len(data)} bytes could be written"
            raise TapeFailure(f"{self.path}: {self._failure}")


class TapeReader:
    """The records of a tape in order. ``header`` is there from the start; ``tail`` is set after the last record if the tape
    was cut short. Raises TapeDamaged with the line number for anything that is not a record. Iterate once."""

    def __init__(self, path: Path) -> None:
        """Raises TapeDamaged when there is no header, OSError when the file cannot be read."""
        self._lines = _Lines(path)
        self._numbered = iter(self._lines)
        try:
            _, line = next(self._numbered, (1, b""))
            self.header: TapeHeader = parse_header(line)
        except TapeDamaged:
            self.close()
            raise

    @property
    def tail(self) -> TruncatedTail | None:
        return self._lines.tail

    def pass_over(self, records: int) -> None:
        """Go on behind the next ``records``, unread. Raises TapeDamaged only for what is no gzip."""
        for _ in islice(self._numbered, records):
            pass

    def __iter__(self) -> Iterator[Frame | RestAnswer | ConnectionEvent]:
        for number, line in self._numbered:
            yield parse_record(line, number)

    def close(self) -> None:
        self._lines.close()


class _Lines:
    """(number, line) of a compressed file, counted from 1, without the newline."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "rb")
        self.tail: TruncatedTail | None = None

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        inflater, number, rest = Inflater(self._file), 0, b""
        pieces = iter(inflater)
        while (piece := self._next(pieces, number)) is not None:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                number += 1
                yield number, line
            if len(rest) > RECORD_LIMIT_BYTES:
                raise TapeDamaged(number + 1, f"longer than {RECORD_LIMIT_BYTES} bytes")
        self.close()
        if inflater.truncated:
            self.tail = TruncatedTail(number, len(rest))
        elif rest:
            yield number + 1, rest

    def close(self) -> None:
        self._file.close()

    def _next(self, pieces: Iterator[bytes], number: int) -> bytes | None:
        try:
            return next(pieces, None)
        except GzipDamaged as error:
            self.close()
            raise TapeDamaged(number + 1, str(error)) from error


def _header_member(header: TapeHeader) -> bytes:
    """The header in a member of its own, with room for ``ended_ns``, so that the end can be written over it in place."""
    length = len(encode(msgspec.structs.replace(header, ended_ns=None))) + ENDED_NS_ROOM
    return stored_member(encode(header)[:-1].ljust(length - 1) + b"\n")


def _write_end_into_header(path: Path, ended_ns: int) -> None:
    """Same length, same place; a header that was not written by us and has no room keeps its missing end."""
    reader = TapeReader(path)
    reader.close()
    before, after = _header_member(reader.header), _header_member(msgspec.structs.replace(reader.header, ended_ns=ended_ns))
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)  # not the appending one: it would write at the end
    try:
        if len(after) == len(before) and os.pread(descriptor, len(before), 0) == before:
            os.pwrite(descriptor, after, 0)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _repair(path: Path, descriptor: int) -> int:
    """Make the file whole; returns how many bytes were cut off. The end is written after the cut: each step can be repeated."""
    with open(path, "rb") as file:
        size = os.fstat(descriptor).st_size
        repair = _planned(file, size)
    if repair.length:
        TapeReader(path).close()  # what is no tape is refused before it is touched
    try:
        os.ftruncate(descriptor, repair.length)
        write_all(descriptor, repair.ending)
        os.fsync(descriptor)
    except OSError as error:
        raise TapeFailure(f"{path}: {error.strerror}") from error
    return size - repair.length


def _planned(file: BinaryIO, size: int) -> Repair:
    inflater, lines, damage = Inflater(file), 0, None
    try:
        for piece in inflater:
            lines += piece.count(b"\n")
        if not inflater.truncated:
            return Repair(size, b"")
    except GzipDamaged as error:
        damage = error
    try:
        repair = plan_repair(file, inflater.member_start)
        if damage is not None and not is_unwritten_end(file, repair.length):
            raise damage
        if repair.length == 0:
            _require_nothing_of_value(file, size)
    except GzipDamaged as error:
        raise TapeDamaged(lines + 1, str(error)) from error
    return repair


def _require_nothing_of_value(file: BinaryIO, size: int) -> None:
    """Only what can be the beginning of a header, or zeros, may be cut off to nothing: another's file is not ours to empty."""
    file.seek(0)
    beginning = file.read(HEADER_LIMIT_BYTES).rstrip(b"\0")
    if size > HEADER_LIMIT_BYTES or beginning[:len(HEADER)] != HEADER[:len(beginning)]:
        raise GzipDamaged("not the beginning of a tape")
