"""Failpoints do nothing unless named, and strike once at the named moment of the named incarnation."""

import pytest

from actors.failpoints import FAILPOINTS_VARIABLE, Failpoints


def points(text: str, actor: str = "broker", incarnation: int = 1) -> Failpoints:
    return Failpoints({FAILPOINTS_VARIABLE: text}, actor, incarnation)


def test_strikes_at_the_nth_time_and_only_then() -> None:
    armed = points("broker.after_append:2=fail")
    armed.reach("after_append")
    with pytest.raises(RuntimeError, match="after_append"):
        armed.reach("after_append")
    armed.reach("after_append")


@pytest.mark.parametrize(
    "other",
    [
        Failpoints({}, "broker", 1),
        points("broker.after_append:1=fail", actor="feed"),
        points("broker.after_append:1=fail", incarnation=2),
        points("broker.after_append:1@2=fail"),
        points("broker.before_append:1=fail"),
    ],
)
def test_does_nothing_for_anybody_else(other: Failpoints) -> None:
    other.reach("after_append")


def test_the_second_incarnation_can_be_named() -> None:
    with pytest.raises(RuntimeError):
        points("broker.after_append:1@2=fail", incarnation=2).reach("after_append")


@pytest.mark.parametrize("text", ["broker", "broker.after_append", "broker.after_append:0=kill", "broker.x:1=explode", "x.y:1=kill;z.y:1=kill"])
def test_text_that_is_no_failpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=FAILPOINTS_VARIABLE):
        points(text)
