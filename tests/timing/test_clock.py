"""The clocks of the machine."""

import pytest

from timing.clock import iso_text, monotonic_ns, wall_ns


def test_the_monotonic_clock_never_runs_backwards() -> None:
    instants = [monotonic_ns() for _ in range(1000)]
    assert instants == sorted(instants)


def test_the_wall_clock_counts_from_1970() -> None:
    assert wall_ns() > 1_700_000_000 * 1_000_000_000


@pytest.mark.parametrize(
    ("at_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_723_161_255_333_143_866, "2024-08-08T23:54:15.333143Z"),
        (1_723_161_255_999_999_999, "2024-08-08T23:54:15.999999Z"),
    ],
)
def test_iso_text_is_utc_cut_to_the_microsecond(at_ns: int, text: str) -> None:
    assert iso_text(at_ns) == text
