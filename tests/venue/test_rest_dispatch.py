"""Who is next behind the rate limit, under a clock of the test's own: limits, fairness, retries, deadlines."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venue.answers import RateLimited, Unreachable, VenueRefusal
from venue.dispatch import NEVER, Dispatch, Failed, Waiter
from venue.limits import RequestBudget
from venue.rest import Call
from venue.settings import BudgetSettings, RestSettings

SECOND = 1_000_000_000
NOW = 5_000 * SECOND


def call(endpoint: str, number: int = 0) -> Call:
    return Call(endpoint, (("n", str(number)),), lambda _: None)


def waiter(number: int, deadline_s: float = 1000.0, at_ns: int = NOW) -> Waiter:
    return Waiter(b"peer", f"r{number}", at_ns + int(deadline_s * SECOND))


class Desk:
    """A dispatch with unlimited workers: ``run`` lets time pass and notes who went when."""

    def __init__(self, **settings: Any) -> None:
        self.settings = RestSettings(**settings)
        self.budget = RequestBudget(self.settings.budget, NOW)
        self.dispatch = Dispatch(self.settings, self.budget, Random(3))
        self.now_ns = NOW
        self.started: list[tuple[float, Call]] = []

    def offer(self, *calls: Call, deadline_s: float = 1000.0) -> None:
        for number, each in enumerate(calls):
            assert self.dispatch.offer(waiter(number, deadline_s, self.now_ns), each, self.now_ns) is None

    def run(self, seconds: float) -> list[tuple[float, Call]]:
        """What started within so many seconds from now."""
        ends_ns = self.now_ns + int(seconds * SECOND)
        before = len(self.started)
        while True:
            next_call = self.dispatch.next_call(self.now_ns)
            if not isinstance(next_call, int):
                self.started.append(((self.now_ns - NOW) / SECOND, next_call[0]))
            elif next_call > ends_ns:
                self.now_ns = ends_ns
                return self.started[before:]
            else:
                assert next_call > self.now_ns, "asked to come back at once, for ever"
                self.now_ns = next_call


def test_a_hundred_calls_to_many_endpoints_leave_at_twenty_a_second_from_an_empty_bucket() -> None:
    desk = Desk()
    desk.offer(*(call(f"/{n % 10}", n) for n in range(100)))
    assert len(desk.run(10)) == 100
    assert desk.started[-1][0] == pytest.approx(5.0, abs=0.05)


def test_after_a_rest_fifty_may_go_at_once() -> None:
    desk = Desk()
    desk.now_ns += 60 * SECOND
    desk.offer(*(call(f"/{n}", n) for n in range(60)))
    at_once = [at for at, _ in desk.run(10) if at < 60.04]
    assert len(at_once) == 50


def test_one_endpoint_never_gets_more_than_ten_in_any_second() -> None:
    desk = Desk()
    desk.now_ns += 60 * SECOND
    desk.offer(*(call("/kline", n) for n in range(40)))
    times = [at for at, _ in desk.run(20)]
    assert len(times) == 40
    assert max(sum(start <= at < start + 1 for at in times) for start in times) <= 10


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 300)), max_size=150))
def test_neither_limit_is_ever_exceeded_and_everybody_is_served_in_order(arrivals: list[tuple[int, int]]) -> None:
    desk = Desk()
    for number, (endpoint, gap_ms) in enumerate(arrivals):
        desk.run(gap_ms / 1000)
        desk.dispatch.offer(waiter(number, at_ns=desk.now_ns), call(f"/{endpoint}", number), desk.now_ns)
    desk.run(100)
    assert [int(each.query[0][1]) for _, each in desk.started] == list(range(len(arrivals)))
    times = [at for at, _ in desk.started]
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= 50 + 20 * (times[last] - times[first]) + 1e-6


def test_the_wait_behind_the_limit_is_measured() -> None:
    desk = Desk()
    desk.offer(*(call("/kline", n) for n in range(9)))
    desk.run(5)
    assert desk.dispatch.wait_count == 9
    assert desk.dispatch.wait_seconds_max == pytest.approx(9 / 8, abs=0.01)
    assert desk.dispatch.wait_seconds == pytest.approx(sum(n / 8 for n in range(1, 10)), abs=0.05)


def test_equal_questions_share_one_request_and_both_get_the_answer() -> None:
    desk = Desk()
    desk.offer(call("/a"), call("/a"))
    ((_, only),) = desk.run(1)
    served, retry = desk.dispatch.finished(only, "data", desk.now_ns)
    assert [(each.waiter.request_id, each.outcome) for each in served] == [("r0", "data"), ("r1", "data")]
    assert retry is None and len(desk.dispatch) == 0


def test_the_same_question_under_the_same_id_is_answered_once() -> None:
    desk = Desk()
    desk.offer(call("/a"))
    assert desk.dispatch.offer(waiter(0), call("/a"), NOW) is None
    assert len(desk.dispatch) == 1


def test_a_full_queue_refuses_at_once() -> None:
    desk = Desk(queue_limit=2)
    desk.offer(call("/a", 1), call("/a", 2))
    assert desk.dispatch.offer(waiter(9), call("/a", 3), NOW) == Failed("queue_full")
    assert desk.dispatch.offer(waiter(10), call("/a", 1), NOW) == Failed("queue_full"), "sharing a request is waiting too"


def test_an_unusable_answer_is_tried_again_with_growing_waits_before_those_that_came_later() -> None:
    desk = Desk()
    desk.offer(call("/a"))
    waits = []
    for attempt in range(1, 5):
        ((_, failed),) = desk.run(10)
        served, retry = desk.dispatch.finished(failed, Unreachable("http_500"), desk.now_ns)
        assert served == [] and retry is not None
        assert (retry.reason, retry.attempt, retry.slower) == ("http_500", attempt, False)
        waits.append(retry.wait_s)
    assert 0.25 <= waits[0] <= 0.5 < waits[1] <= 1.0 < waits[2] <= 2.0 < waits[3] <= 4.0


def test_a_refusal_is_an_answer_and_not_tried_again() -> None:
    desk = Desk()
    desk.offer(call("/a"))
    ((_, refused),) = desk.run(1)
    served, retry = desk.dispatch.finished(refused, VenueRefusal(20015, "no"), desk.now_ns)
    assert served[0].outcome == VenueRefusal(20015, "no") and retry is None


def test_the_deadline_ends_waiting_wherever_the_call_is() -> None:
    desk = Desk()
    desk.offer(call("/running"), call("/delayed"), deadline_s=2)
    (_, _), (_, delayed) = desk.run(1)
    desk.dispatch.finished(delayed, Unreachable("http_500"), desk.now_ns)
    desk.dispatch.offer(Waiter(b"p", "queued", NOW + 2 * SECOND), call("/queued"), desk.now_ns)
    assert desk.dispatch.expired(desk.now_ns) == []
    assert desk.dispatch.deadline_ns == NOW + 2 * SECOND
    late = desk.dispatch.expired(NOW + 2 * SECOND)
    assert [each.outcome for each in late] == [Failed("deadline")] * 3
    assert len(desk.dispatch) == 0 and desk.dispatch.deadline_ns == NEVER
    assert desk.dispatch.next_call(NOW + 3 * SECOND) == NEVER


def test_an_answer_after_the_deadline_is_nobodys_but_serves_whoever_asked_again() -> None:
    desk = Desk()
    desk.offer(call("/a"), deadline_s=0.5)
    ((_, slow),) = desk.run(1)
    desk.dispatch.expired(desk.now_ns)
    assert desk.dispatch.finished(slow, Unreachable("ReadTimeout"), desk.now_ns) == ([], None)
    desk.offer(call("/a"))
    desk.dispatch.finished(slow, Unreachable("ReadTimeout"), desk.now_ns)
    assert len(desk.run(1)) == 1, "the failure of the old request is not the new one's"


def test_too_many_requests_pauses_everybody_and_halves_the_rate_for_a_minute() -> None:
    desk = Desk()
    desk.offer(*(call(f"/{n}", n) for n in range(200)))
    first = desk.run(0.13)[0][1]
    complained = desk.now_ns
    _, retry = desk.dispatch.finished(first, RateLimited(3.0), complained)
    assert retry is not None and retry.slower and retry.wait_s == pytest.approx(3)
    resumed = desk.run(5)
    resumed_s, goes = resumed[0]
    assert resumed_s == pytest.approx((complained - NOW) / SECOND + 3) and goes == first, "the one that was refused goes first"
    assert desk.budget.slowed
    later = [at for at, _ in desk.run(5)]
    assert len(later) == pytest.approx(50, abs=2), "half of twenty a second"
    desk.run(60)
    desk.offer(call("/x"))
    desk.run(1)
    assert not desk.budget.slowed


def test_complaints_in_a_row_double_the_pause_up_to_its_bound() -> None:
    desk = Desk(budget=BudgetSettings(longest_pause_s=5.0))
    desk.offer(call("/a"))
    pauses = []
    for _ in range(5):
        ((_, limited),) = desk.run(10)
        _, retry = desk.dispatch.finished(limited, RateLimited(0.0), desk.now_ns)
        assert retry is not None
        pauses.append(retry.wait_s)
    assert pauses == pytest.approx([1, 2, 4, 5, 5], abs=0.01)


def test_giving_up_answers_everybody() -> None:
    desk = Desk()
    desk.offer(call("/a"), call("/b"))
    assert [each.outcome for each in desk.dispatch.give_up("draining")] == [Failed("draining")] * 2
    assert len(desk.dispatch) == 0
