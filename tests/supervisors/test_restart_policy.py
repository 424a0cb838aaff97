"""Restart intensity, backoff and giving up, with a clock and dice of our own."""

from random import Random

import msgspec
import pytest

from supervisors.plan import RestartStrategy, SupervisionSettings
from supervisors.restart_policy import GiveUp, Restart, RestartPolicy

S = 1_000_000_000
SETTINGS = SupervisionSettings(
    restarts_per_actor=3, restarts_total=5, restart_window_s=60, restart_backoff_min_ms=200, restart_backoff_max_ms=5000, hang_after_ms=2000,
    ready_deadline_s=10, drain_deadline_s=5, drain_total_s=6.5, kill_settle_ms=700, kill_total_ms=1600, restart={},
)
ONE = RestartStrategy.ONE_FOR_ONE


def policy(**changes: object) -> RestartPolicy:
    return RestartPolicy(msgspec.structs.replace(SETTINGS, **changes), Random(7))


def test_the_first_restart_is_immediate_and_the_next_wait_longer_with_jitter() -> None:
    asked = policy()
    delays_ms = []
    for second in range(3):
        decision = asked.died("feed", ONE, 1, second * S)
        assert isinstance(decision, Restart)
        delays_ms.append(decision.delay_ns / 1e6)
    assert delays_ms[0] == 0
    assert 100 <= delays_ms[1] <= 200
    assert 200 <= delays_ms[2] <= 400


def test_one_death_too_many_inside_the_window_gives_up_with_a_reason() -> None:
    asked = policy()
    for second in range(3):
        asked.died("feed", ONE, None, second * S)
    decision = asked.died("feed", ONE, None, 4 * S)
    assert decision == GiveUp(70, "feed died again after 3 restarts within 60 s")


def test_deaths_outside_the_window_are_forgotten() -> None:
    asked = policy()
    for second in range(0, 600, 25):
        assert isinstance(asked.died("feed", ONE, None, second * S), Restart)


def test_all_children_together_have_an_intensity_too() -> None:
    asked = policy()
    for number in range(5):
        assert isinstance(asked.died(f"child{number}", ONE, None, number * S), Restart)
    decision = asked.died("another", ONE, None, 6 * S)
    assert isinstance(decision, GiveUp) and "of all actors" in decision.reason


@pytest.mark.parametrize("exit_code", [65, 69, 73, 74, 78])
def test_what_would_only_fail_again_is_never_restarted_and_keeps_its_exit_code(exit_code: int) -> None:
    decision = policy().died("broker", ONE, exit_code, 0)
    assert isinstance(decision, GiveUp) and decision.exit_code == exit_code


def test_a_child_that_is_never_restarted_ends_the_session() -> None:
    assert isinstance(policy().died("broker", RestartStrategy.NEVER, 1, 0), GiveUp)
