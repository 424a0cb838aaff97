"""An operator's command counts once, when it is fresh, for this run, and signed with the run's key."""

import msgspec
import pytest

from messaging.control import Operate
from messaging.token import FRESH_NS, CommandDesk, sign

KEY = b"k" * 32
NOW_NS = 1_000_000_000_000


def command(**changes: object) -> Operate:
    return msgspec.structs.replace(sign(KEY, "kill", "run-1", "nonce", NOW_NS, "me"), **changes)


def test_a_signed_fresh_command_is_good_once() -> None:
    desk = CommandDesk(KEY, "run-1")
    assert desk.refusal(command(), NOW_NS) is None
    assert desk.refusal(command(), NOW_NS) == "nonce used before"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (command(signature="0" * 64), "bad signature"),
        (command(signature=""), "bad signature"),
        (command(command="stop"), "bad signature"),
        (command(by="somebody else"), "bad signature"),
        (command(nonce="other"), "bad signature"),
        (sign(b"x" * 32, "kill", "run-1", "nonce", NOW_NS), "bad signature"),
        (sign(KEY, "kill", "run-2", "nonce", NOW_NS), "another run"),
        (sign(KEY, "kill", "run-1", "nonce", NOW_NS - FRESH_NS - 1), "too old"),
        (sign(KEY, "kill", "run-1", "nonce", NOW_NS + FRESH_NS + 1), "too old"),
    ],
)
def test_anything_else_is_refused_with_its_reason(wrong: Operate, reason: str) -> None:
    assert CommandDesk(KEY, "run-1").refusal(wrong, NOW_NS) == reason
