"""Only registered messages pass; everything else is a value with a reason, never an exception."""

import pytest

from messaging.codec import MAX_FRAME_BYTES, VERSION, Codec, Undecodable
from messaging.control import CHILD_WORDS, Beat, Halt, Leave

CODEC = Codec(CHILD_WORDS)
PREFIX = bytes([VERSION])

FOREIGN = [
    (b"", "version"),
    (b"\x00\x80", "version"),
    (PREFIX, "truncated"),
    (PREFIX + b"\xff\xff\xff", "Expected"),
    (PREFIX + b"\x81\xa4kind\xa7Nothing", "Nothing"),
    (PREFIX + b"\x82\xa4kind\xa4Halt\xa6reason\x07", "Expected `str`"),
    (PREFIX + b"\x83\xa4kind\xa4Halt\xa6reason\xa1x\xa4more\x01", "unknown field"),
    (PREFIX + b"\x91" * 100_000, "Expected"),
    (PREFIX + b"\x82\xa4kind\xa4Halt\xa6reason\xa1\xff", "utf-8"),
    (PREFIX + bytes(MAX_FRAME_BYTES), "larger"),
]


@pytest.mark.parametrize(("frame", "reason"), FOREIGN, ids=[reason for _, reason in FOREIGN])
def test_a_frame_that_is_not_ours_is_a_value(frame: bytes, reason: str) -> None:
    decoded = CODEC.decode(frame)
    assert isinstance(decoded, Undecodable)
    assert reason.lower() in decoded.reason.lower()


def test_a_registered_message_comes_back_equal() -> None:
    beat = Beat(name="feed", incarnation=2, counters={"frames_count": 3.0}, report={"symbols": {"BTCUSDT": [1, None, "x"]}})
    assert CODEC.decode(CODEC.encode(beat)) == beat


def test_an_unregistered_message_is_refused_by_the_reader() -> None:
    assert isinstance(Codec((Leave,)).decode(CODEC.encode(Halt(reason="x"))), Undecodable)


def test_the_fingerprint_changes_with_the_registered_types() -> None:
    assert Codec(CHILD_WORDS).fingerprint == CODEC.fingerprint
    assert Codec((Leave, Halt)).fingerprint != CODEC.fingerprint
