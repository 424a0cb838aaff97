"""What a recovered account has to say about the market that it could not hear again."""

import pytest

from actors.look_back import LookBack
from trading.messages import PassOver

STORIES: dict[str, tuple[int, tuple[int, int, int], PassOver | None]] = {
    "a fresh account misses some": (0, (5, 7, 4), PassOver(first=5, last=7)),
    "what was dealt with before is only not looked at": (100, (1, 60, 0), None),
    "up to the very last of it": (100, (1, 100, 0), None),
    "behind everything that was dealt with": (100, (120, 130, 119), PassOver(first=120, last=130)),
    "right behind it": (100, (101, 130, 100), PassOver(first=101, last=130)),
    "from the middle of it on: the books are not known either": (100, (51, 130, 50), PassOver(first=1, last=130)),
    "nothing was looked at yet": (100, (101, 130, 0), PassOver(first=1, last=130)),
}


@pytest.mark.parametrize(("until", "missing", "said"), STORIES.values(), ids=STORIES)
def test_what_cannot_be_had_is_said_as_far_as_it_matters(until: int, missing: tuple[int, int, int], said: PassOver | None) -> None:
    first, last, heard = missing
    assert LookBack(until).passed_over(first, last, heard) == said


@pytest.mark.parametrize(("until", "heard", "said"), [
    (0, 0, None), (100, 100, None), (100, 140, None), (100, 99, PassOver(first=1, last=100)), (100, 0, PassOver(first=1, last=100)),
])
def test_who_must_act_half_way_back_goes_by_its_rows_alone(until: int, heard: int, said: PassOver | None) -> None:
    assert LookBack(until).cut_short(heard) == said


def test_what_is_on_record_is_only_looked_at() -> None:
    assert [LookBack(3).covers(sequence) for sequence in (1, 3, 4)] == [True, True, False]
