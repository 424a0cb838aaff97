"""The venue's limits, told the time."""

from hypothesis import given
from hypothesis import strategies as st

from venue.stand_in.limits import Bucket, RestLimits, Window

MS = 1_000_000


@given(st.lists(st.integers(0, 5000), max_size=200))
def test_a_window_never_lets_more_than_its_limit_into_any_second(times_ms: list[int]) -> None:
    window = Window(5)
    allowed = [at_ms for at_ms in sorted(times_ms) if window.allows(at_ms * MS)]
    assert all(sum(1 for other in allowed if at_ms <= other < at_ms + 1000) <= 5 for at_ms in allowed)


def test_a_window_opens_again_after_a_second() -> None:
    window = Window(2)
    assert [window.allows(at_ms * MS) for at_ms in (0, 10, 20, 999, 1000, 1009, 1010)] == [
        True,
        True,
        False,
        False,
        True,
        False,
        True,
    ]


@given(st.lists(st.integers(0, 20_000), max_size=300))
def test_a_bucket_never_lets_out_more_than_burst_and_rate(times_ms: list[int]) -> None:
    bucket = Bucket(per_s=20, burst=50)
    allowed = [at_ms for at_ms in sorted(times_ms) if bucket.allows(at_ms * MS)]
    for first, at_ms in enumerate(allowed):
        for last, until_ms in enumerate(allowed[first:], first):
            assert last - first + 1 <= 50 + 20 * (until_ms - at_ms) / 1000


def test_a_bucket_sustains_its_rate_after_its_burst() -> None:
    bucket = Bucket(per_s=20, burst=50)
    assert sum(bucket.allows(0) for _ in range(60)) == 50
    assert all(bucket.allows(50 * MS * step) for step in range(1, 100))


def test_endpoints_are_limited_each_for_itself_and_all_together() -> None:
    each = RestLimits(10, 0, 0)
    assert [each.allows("/a", 0) for _ in range(11)] == [True] * 10 + [False]
    assert each.allows("/b", 0)
    together = RestLimits(10, 5, 5)
    assert [together.allows(f"/{number}", 0) for number in range(6)] == [True] * 5 + [False]
