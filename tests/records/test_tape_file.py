"""The tape: what was appended is in the file at once, and any gzip reads it."""

import gzip
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.tape import ConnectionEvent, Frame, RestAnswer, TapeDamaged, TapeFailure, TapeHeader, TapeReader, TapeWriter, TruncatedTail
from records.tape_lines import encode, parse_record

HEADER = TapeHeader(venue="bitunix", symbols=("BTCUSDT",), started_ns=1723161255333143866, source="a test")
RECORDS: list[Frame | RestAnswer | ConnectionEvent] = [
    ConnectionEvent(1, "connected", "ws://127.0.0.1"),
    Frame(2, '{"ch":"depth","data":{"b":[["65000.10","1.5"]]}}'),
    Frame(3, "not JSON, “quoted”,\nwith a line break\u2028 and \x00"),
    RestAnswer.received(4, "/api/v1/futures/market/kline", {"symbol": "BTCUSDT"}, 200, b'{"code": 0,\r\n "data": [1.10, 12345678901234567890.1]}'),
    RestAnswer.received(5, "/api", {}, 502, b"<html>\nBad \xff gateway</html>"),
    ConnectionEvent(6, "stale"),
    ConnectionEvent(7, "closed", "code 1006"),
]
SHARED = Path(__file__).parents[3] / "shared" / "data"


def _lines(path: Path) -> list[dict[str, object]]:
    """What any gzip and any JSON make of the file."""
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().split("\n")[:-1]]


def test_what_was_recorded_is_read_and_every_gzip_can(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl.gz"
    writer = TapeWriter.open(path, HEADER)
    for record in RECORDS:
        writer.append(record)
    writer.close(ended_ns=99)
    reader = TapeReader(path)
    assert list(reader) == RECORDS and reader.tail is None
    assert reader.header == msgspec.structs.replace(HEADER, ended_ns=99)
    lines = _lines(path)
    assert lines[0] == {"format": "venue-tape", "version": 1, "venue": "bitunix", "symbols": ["BTCUSDT"], "started_ns": 1723161255333143866,
                        "ended_ns": 99, "source": "a test"}
    assert lines[1] == {"at_ns": 1, "event": "connected", "detail": "ws://127.0.0.1"}
    assert lines[4]["rest"]["query"] == {"symbol": "BTCUSDT"}  # type: ignore[index]  # parsed JSON
    assert b"1.10, 12345678901234567890.1" in gzip.decompress(path.read_bytes())


def test_every_record_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl.gz"
    writer = TapeWriter.open(path, HEADER)
    for count, record in enumerate(RECORDS):
        reader = TapeReader(path)
        assert list(reader) == RECORDS[:count] and reader.header == HEADER
        assert reader.tail == (TruncatedTail(count + 1, 0) if count else None)
        writer.append(record)
    writer.close()


def test_equal_sessions_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        writer = TapeWriter.open(tmp_path / name, HEADER)
        for record in RECORDS:
            writer.append(record)
        writer.close(5)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@given(st.text(), st.integers(0, 2**62))
def test_any_text_of_a_frame_comes_back_exactly(text: str, at_ns: int) -> None:
    frame = Frame(at_ns, text.encode("utf-8", "replace").decode())
    line = encode(frame)
    assert line.count(b"\n") == 1 and parse_record(line, 2) == frame


def test_a_tape_is_not_begun_over_another(tmp_path: Path) -> None:
    (tmp_path / "tape").write_text("mine")
    with pytest.raises(TapeFailure, match="exists"):
        TapeWriter.open(tmp_path / "tape", HEADER)
    assert (tmp_path / "tape").read_text() == "mine"


def test_a_closed_tape_takes_nothing_and_closes_once(tmp_path: Path) -> None:
    writer = TapeWriter.open(tmp_path / "tape", HEADER)
    writer.close()
    taken = open(tmp_path / "other", "wb")  # gets the descriptor that the tape had
    writer.close()
    taken.write(b"still open")
    taken.close()
    with pytest.raises(TapeFailure):
        writer.append(RECORDS[0])


def test_a_record_too_large_is_refused_and_the_tape_goes_on(tmp_path: Path) -> None:
    writer = TapeWriter.open(tmp_path / "tape", HEADER)
    with pytest.raises(ValueError, match="at most"):
        writer.append(Frame(1, "x" * (16 * 1024 * 1024)))
    writer.append(RECORDS[0])
    writer.close()
    assert list(TapeReader(tmp_path / "tape")) == RECORDS[:1]


H = b'{"format":"venue-tape","version":1,"venue":"v","symbols":["X"],"started_ns":1}\n'
DAMAGED: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 1),
    "no header": (b'{"at_ns":1,"text":"x"}\n', 1),
    "later version": (H.replace(b"1", b"2", 1), 1),
    "not JSON": (H + b'{"at_ns":1,"text":"x"}\n{"at_ns":2,"te\n', 3),
    "not UTF-8": (H + b'{"at_ns":1,"text":"\xff"}\n', 2),
    "neither": (H + b'{"at_ns":1}\n', 2),
    "both": (H + b'{"at_ns":1,"text":"x","event":"stale"}\n', 2),
    "unknown event": (H + b'{"at_ns":1,"event":"hello"}\n', 2),
    "an instant that is text": (H + b'{"at_ns":"1","text":"x"}\n', 2),
    "nested without end": (H + b'{"at_ns":1,"more":' + b"[" * 100_000 + b"\n", 2),
    "an empty line": (H + b"\n", 2),
}


@pytest.mark.parametrize(("content", "line"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_line_is_an_error_with_its_number(tmp_path: Path, content: bytes, line: int) -> None:
    (tmp_path / "tape").write_bytes(gzip.compress(content))
    with pytest.raises(TapeDamaged) as seen:
        list(TapeReader(tmp_path / "tape"))
    assert seen.value.line == line


def test_unknown_keys_are_ignored_and_a_missing_last_line_break_is_none_of_our_business(tmp_path: Path) -> None:
    content = H[:-2] + b',"more":1}\n{"at_ns":1,"text":"x","more":[1]}\n{"at_ns":2,"event":"stale"}'
    (tmp_path / "tape").write_bytes(gzip.compress(content))
    assert list(TapeReader(tmp_path / "tape")) == [Frame(1, "x"), ConnectionEvent(2, "stale")]


@pytest.mark.parametrize("content", [b"plain text\n" * 50, b"\x1f\x8b\x08\x00broken"], ids=["text", "broken"])
def test_what_is_no_gzip_is_damage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tape").write_bytes(content)
    with pytest.raises(TapeDamaged):
        list(TapeReader(tmp_path / "tape"))


@pytest.mark.parametrize("name", ["tape_btcusdt_2024-08-08.jsonl.gz", "tape_ethusdt_2024-08-08.jsonl.gz"])
def test_real_tapes_are_read(name: str) -> None:
    if not (SHARED / name).exists():
        pytest.skip(f"{SHARED / name} is not here")
    reader = TapeReader(SHARED / name)
    records = list(reader)
    assert reader.header.venue == "bitunix" and reader.tail is None
    assert len(records) > 1000 and [each.at_ns for each in records] == sorted(each.at_ns for each in records)
