"""One deadline for a wait of several steps."""

from timing.deadline import Deadline

SECOND = 1_000_000_000


def test_all_steps_of_a_wait_share_one_deadline() -> None:
    deadline = Deadline.after(now_ns=10 * SECOND, wait_ns=5 * SECOND)
    assert deadline.remaining_ns(now_ns=12 * SECOND) == 3 * SECOND
    assert deadline.remaining_s(now_ns=14 * SECOND) == 1.0


def test_a_deadline_has_passed_from_its_very_instant_on_and_nothing_remains_after_it() -> None:
    deadline = Deadline.after(now_ns=0, wait_ns=5)
    assert not deadline.expired(4)
    assert deadline.expired(5)
    assert deadline.remaining_ns(1_000) == 0


def test_a_negative_wait_is_over_at_once() -> None:
    assert Deadline.after(now_ns=100, wait_ns=-1).expired(100)


def test_a_step_with_its_own_limit_never_outlives_the_whole() -> None:
    whole, step = Deadline(10), Deadline(30)
    assert whole.sooner(step) == step.sooner(whole) == whole
