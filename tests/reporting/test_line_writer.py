"""Writing to whatever is at the other end never holds anybody up."""

import os
from io import StringIO

import pytest

from reporting.line_writer import WAITING_MAX, LineWriter

PIPE_HOLDS_AT_MOST_BYTES = 1024 * 1024


def _note(count: int) -> str:
    return f"({count} lost)\n"


def test_everything_arrives_in_order_before_close_returns() -> None:
    out = StringIO()
    writer = LineWriter(out, _note)
    for number in range(WAITING_MAX // 2):
        writer.write(f"{number}\n")
    writer.close()
    writer.close()
    assert out.getvalue() == "".join(f"{number}\n" for number in range(WAITING_MAX // 2))


def test_a_reader_that_does_not_read_is_not_waited_for_and_told_what_it_missed() -> None:
    reading, writing = os.pipe()
    writer = LineWriter(open(writing, "w", encoding="utf-8"), _note)  # noqa: SIM115 - lives as long as the writer's thread
    line = "x" * 8191 + "\n"
    for _ in range(WAITING_MAX + PIPE_HOLDS_AT_MOST_BYTES // len(line) + 100):
        writer.write(line)
    with open(reading, encoding="utf-8") as reader:
        for _ in range(WAITING_MAX):  # now there is room again
            assert reader.readline() == line
        writer.write("after\n")
        assert "lost)\nafter\n" in "".join(iter(reader.readline, "after\n")) + "after\n"
        writer.close()


@pytest.mark.parametrize("what", ["reader gone", "closed", "none"])
def test_an_end_that_is_gone_is_no_error(what: str) -> None:
    reading, writing = os.pipe()
    out = None if what == "none" else open(writing, "w", encoding="utf-8")
    os.close(reading)
    if out is not None and what == "closed":
        out.close()
    writer = LineWriter(out, _note)
    for _ in range(3):
        writer.write("x\n")
    writer.close()
    writer.write("y\n")


def test_letters_that_the_encoding_does_not_have_are_replaced() -> None:
    reading, writing = os.pipe()
    with open(writing, "w", encoding="ascii") as out:
        writer = LineWriter(out, _note)
        assert not writer.is_unicode
        writer.write("a ▮ b\n")
        writer.close()
    with open(reading, "rb") as reader:
        assert reader.read() == b"a ? b\n"
