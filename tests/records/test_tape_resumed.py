"""A tape cut at any byte is repaired in place, goes on, and any gzip reads it; more than a lost end is refused untouched."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from records.tape import ConnectionEvent, Frame, RestAnswer, TapeDamaged, TapeHeader, TapeReader, TapeWriter

HEADER = TapeHeader(venue="bitunix", symbols=("BTCUSDT",), started_ns=1723161255333143866)
NEXT = Frame(10**18, "after the repair")
LAST_BYTES = 2048

WRITER = """
import sys
from pathlib import Path
from records.tape import Frame, TapeHeader, TapeWriter
writer = TapeWriter.resume(Path(sys.argv[1]), TapeHeader(venue="bitunix", symbols=("BTCUSDT",), started_ns=1723161255333143866))
number = int(sys.argv[2])
while True:
    writer.append(Frame(number, f"frame {number} " + "ab" * (number % 50)))
    print(number, flush=True)
    number += 1
"""


def _frames(count: int) -> list[Frame]:
    chance = random.Random(1)
    return [Frame(number, f'{{"b":"{chance.random()}","a":"{"7" * (number % 90)}"}}') for number in range(count)]


def _recorded(path: Path, frames: list[Frame], close: bool = False) -> bytes:
    writer = TapeWriter.open(path, HEADER)
    for frame in frames:
        writer.append(frame)
    content = path.read_bytes()
    writer.close()
    return path.read_bytes() if close else content


@pytest.mark.parametrize("close", [False, True], ids=["killed", "closed"])
def test_a_tape_cut_at_every_byte_of_its_end_goes_on_and_plain_gzip_reads_it(tmp_path: Path, close: bool) -> None:
    frames = _frames(60)
    content = _recorded(tmp_path / "whole", frames, close)
    path, least = tmp_path / "cut", 0
    for length in range(max(0, len(content) - LAST_BYTES), len(content) + 1):
        path.write_bytes(content[:length])
        writer = TapeWriter.resume(path, HEADER)
        writer.append(NEXT)
        writer.close()
        texts = [json.loads(line).get("text") for line in gzip.decompress(path.read_bytes()).splitlines()[1:]]
        kept = len(texts) - 1
        assert texts == [frame.text for frame in frames[:kept]] + [NEXT.text]
        assert kept >= least  # a longer cut never keeps less
        least = kept
    assert least == len(frames)


def test_a_cut_loses_only_the_record_that_it_falls_into(tmp_path: Path) -> None:
    frames, ends = _frames(20), []
    writer = TapeWriter.open(tmp_path / "whole", HEADER)
    for frame in frames:
        writer.append(frame)
        ends.append((tmp_path / "whole").stat().st_size)
    content = (tmp_path / "whole").read_bytes()
    writer.close()
    for count, end in enumerate(ends, 1):
        for length, kept in ((end, count), (end - 1, count - 1)):
            path = tmp_path / "cut"
            path.write_bytes(content[:length])
            resumed = TapeWriter.resume(path, HEADER)
            assert resumed.dropped_bytes == length - ([0, *ends][kept] if kept else _header_end(content))
            resumed.close()
            assert list(TapeReader(path)) == frames[:kept]


def test_the_command_gzip_reads_a_repaired_tape(tmp_path: Path) -> None:
    content = _recorded(tmp_path / "whole", _frames(10))
    path = tmp_path / "cut.gz"
    path.write_bytes(content[:-7])
    TapeWriter.resume(path, HEADER).close()
    read = subprocess.run(["gzip", "-dc", path], capture_output=True, check=False)
    assert (read.returncode, read.stderr) == (0, b"") and len(read.stdout.splitlines()) == 10


def test_a_tape_may_be_cut_and_resumed_again_and_again(tmp_path: Path) -> None:
    path, chance = tmp_path / "tape", random.Random(3)
    expected: list[Frame | RestAnswer | ConnectionEvent] = []
    for round_number in range(30):
        writer = TapeWriter.resume(path, HEADER)
        for number in range(5):
            expected.append(Frame(round_number * 10 + number, "x" * chance.randrange(200)))
            writer.append(expected[-1])
        os.close(writer._descriptor)  # as death does: nothing is ended
        os.truncate(path, path.stat().st_size - chance.randrange(12))
        expected = list(TapeReader(path))
        assert len(expected) >= 4 * (round_number + 1)
    TapeWriter.resume(path, HEADER).close(ended_ns=7)
    assert len(gzip.decompress(path.read_bytes()).splitlines()) == len(expected) + 1
    assert TapeReader(path).header.ended_ns == 7


def test_a_sigkill_of_the_recorder_loses_nothing_that_append_returned_for(tmp_path: Path) -> None:
    path, number = tmp_path / "tape", 0
    for _ in range(3):
        recorder = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(number)], stdout=subprocess.PIPE)
        assert recorder.stdout is not None
        for _ in range(100):
            recorder.stdout.readline()
        os.kill(recorder.pid, signal.SIGKILL)
        rest = recorder.communicate()[0]
        returned = int(rest.split(b"\n")[-2]) if b"\n" in rest else number + 99
        recorded = [record.at_ns for record in TapeReader(path)]
        assert recorded == list(range(len(recorded))) and len(recorded) >= returned + 1
        number = len(recorded)


def test_zeros_behind_a_power_cut_are_cut_off(tmp_path: Path) -> None:
    frames = _frames(20)
    content = _recorded(tmp_path / "whole", frames)
    for kept_bytes in (len(content), len(content) - 5):
        path = tmp_path / "cut"
        path.write_bytes(content[:kept_bytes] + bytes(4096))
        TapeWriter.resume(path, HEADER).close()
        assert list(TapeReader(path)) == frames[:20 if kept_bytes == len(content) else 19]


def _flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1:]


REFUSED: dict[str, Callable[[bytes], bytes]] = {
    "plain text": lambda content: b"dear diary\n" * 5,
    "another gzip": lambda content: gzip.compress(b"dear diary\n" * 50),
    "another gzip cut short": lambda content: gzip.compress(os.urandom(20_000))[:15_000],
    "a header of something else": lambda content: gzip.compress(b'{"format":"photo"}\n') + content,
    "a check sum that does not match": lambda content: _flipped(content, len(content) - 6),
    "a length that does not match": lambda content: _flipped(content, len(content) - 3),
    "damage in the first member": lambda content: _flipped(content, 40),
}


@pytest.mark.parametrize("name", REFUSED)
def test_more_than_a_lost_end_is_refused_and_the_file_untouched(tmp_path: Path, name: str) -> None:
    content = REFUSED[name](_recorded(tmp_path / "whole", _frames(20), close=True))
    path = tmp_path / "tape"
    path.write_bytes(content)
    with pytest.raises(TapeDamaged):
        TapeWriter.resume(path, HEADER)
    assert path.read_bytes() == content


def test_no_bit_flip_makes_a_repair_throw_whole_records_away(tmp_path: Path) -> None:
    """A flip in a member without its check sum can stay unseen, or be seen as damage; but behind it nothing disappears."""
    frames = _frames(40)
    content, chance, path = _recorded(tmp_path / "whole", frames), random.Random(9), tmp_path / "tape"
    for _ in range(300):
        path.write_bytes(_flipped(content, chance.randrange(len(content) - 60)))
        try:
            TapeWriter.resume(path, HEADER).close()
        except TapeDamaged:
            continue
        assert len(gzip.decompress(path.read_bytes()).splitlines()) >= len(frames) - 1


def _header_end(content: bytes) -> int:
    """Where the second member begins."""
    return content.index(b"\x1f\x8b\x08", 1)
