"""gzip (RFC 1952) as a growing file needs it: members that can be read up to the last flush, and ended after a crash.

Every ``add`` ends with a sync flush, an empty stored block whose last bytes are 00 00 FF FF: up to there a reader gets
everything. A member that was never ended is repaired by cutting behind its last sync flush and adding an empty last block,
the CRC-32 and the length. This module must not know what the bytes mean.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

__all__ = ["GzipDamaged", "Inflater", "Member", "Repair", "is_unwritten_end", "plan_repair", "stored_member"]

GZIP = zlib.MAX_WBITS | 16
RAW_DEFLATE = -zlib.MAX_WBITS
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no name, no time: the same records give the same bytes."""

SYNC_MARK = b"\x00\x00\xff\xff"
EMPTY_LAST_BLOCK = b"\x03\x00"
CHUNK_BYTES = 16 * 1024
"""Read at once; deflate makes at most 1032 bytes of one, so a piece is at most 17 MB."""

SEARCH_BYTES = 8 * 1024 * 1024
"""How far from the end a repair looks for a sync flush: more than one record can be."""

MARKS_TRIED = 3
"""A false mark is one in 2^32; more marks that do not fit mean damage further ahead, and that is not ours to throw away."""


class GzipDamaged(Exception):
    """Bytes that are not gzip where gzip must be, or a check sum that does not match."""


class Member:
    """One gzip member in the making: ``add`` and ``end`` return the bytes to append to the file."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, RAW_DEFLATE)
        self._pending = HEADER
        self._crc = 0
        self._size = 0

    def add(self, data: bytes) -> bytes:
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        out = self._pending + self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._pending = b""
        return out

    def end(self) -> bytes:
        return self._pending + self._deflate.flush(zlib.Z_FINISH) + _trailer(self._crc, self._size)


def stored_member(data: bytes) -> bytes:
    """A whole member holding ``data`` uncompressed: as long as ``data`` is, so that equal length can be written over it."""
    deflate = zlib.compressobj(0, zlib.DEFLATED, RAW_DEFLATE)
    return HEADER + deflate.compress(data) + deflate.flush(zlib.Z_FINISH) + _trailer(zlib.crc32(data), len(data))


class Inflater:
    """All members of a file, decompressed in pieces. Raises GzipDamaged where the bytes are wrong.

    After the iteration: ``truncated`` says whether the last member was cut short, ``member_start`` is the offset where it
    begins (the end of the file when all members are whole).
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.member_start = 0
        self.truncated = False

    def __iter__(self) -> Iterator[bytes]:
        inflate, offset, fresh = zlib.decompressobj(GZIP), 0, True
        while data := self._file.read(CHUNK_BYTES):
            offset += len(data)
            while data:
                yield self._inflated(inflate, data)
                data, fresh = inflate.unused_data, False
                if inflate.eof:
                    self.member_start = offset - len(data)
                    inflate, fresh = zlib.decompressobj(GZIP), True
        self.truncated = not fresh

    def _inflated(self, inflate: "zlib._Decompress", data: bytes) -> bytes:
        try:
            return inflate.decompress(data)
        except zlib.error as error:
            raise GzipDamaged(f"in the member at byte {self.member_start}: {error}") from error


class Repair(NamedTuple):
    """Cut the file to ``length`` and append ``ending``: then it is whole."""

    length: int
    ending: bytes


def plan_repair(file: BinaryIO, start: int) -> Repair:
    """How to make the unfinished member at ``start`` whole. Keeps everything up to its last sync flush; without one, nothing of it.

    Raises GzipDamaged when more than an unfinished end is wrong.
    """
    size = file.seek(0, 2)
    low = max(start, size - SEARCH_BYTES)
    file.seek(low)
    tail = file.read(size - low)
    position = len(tail)
    for _ in range(MARKS_TRIED):
        found = tail.rfind(SYNC_MARK, 0, position)
        if found < 0:
            break
        end = low + found + len(SYNC_MARK)
        trailer = _trailer_up_to(file, start, end)
        if trailer is not None:
            return Repair(end, EMPTY_LAST_BLOCK + trailer)
        position = found + len(SYNC_MARK) - 1
    if low > start or position < len(tail):
        raise GzipDamaged(f"no whole record in the last {size - low} bytes of the member at byte {start}")
    return Repair(start, b"")


def is_unwritten_end(file: BinaryIO, start: int) -> bool:
    """True when ``start`` and what follows can be what a power cut left: a beginning, and zeros for what never reached the disk.

    A member's own ending is none: then its check sum did not match, and that is damage.
    """
    size = file.seek(0, 2)
    file.seek(start)
    beginning = file.read(len(EMPTY_LAST_BLOCK))
    file.seek(max(start, size - 1))
    return file.read(1) == b"\0" and beginning != EMPTY_LAST_BLOCK


def _trailer_up_to(file: BinaryIO, start: int, end: int) -> bytes | None:
    """CRC and length of what ``start:end`` inflates to, or None unless ``end`` is a block's end behind a whole line.

    Four bytes inside compressed data can look like a sync flush; then an empty last block put there does not end the stream.
    """
    inflate, crc, size, last = zlib.decompressobj(RAW_DEFLATE), 0, 0, b""
    file.seek(start + len(HEADER))
    left = end - file.tell()
    try:
        while left > 0:
            data = file.read(min(left, CHUNK_BYTES))
            left -= len(data)
            piece = inflate.decompress(data)
            crc, size, last = zlib.crc32(piece, crc), size + len(piece), piece[-1:] or last
        behind = inflate.decompress(EMPTY_LAST_BLOCK)
    except zlib.error:
        return None
    whole = inflate.eof and not inflate.unused_data and not behind and last == b"\n"
    return _trailer(crc, size) if whole else None


def _trailer(crc: int, size: int) -> bytes:
    return struct.pack("<LL", crc, size & 0xFFFFFFFF)
