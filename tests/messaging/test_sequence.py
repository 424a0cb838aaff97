"""A numbered stream is read without loss, doubling or disorder, whatever the network did to it."""

from hypothesis import given
from hypothesis import strategies as st

from messaging.sequence import SequenceReader


def test_takes_exactly_the_next_number_and_drops_what_is_older() -> None:
    reader: SequenceReader[str] = SequenceReader()
    assert reader.offer(1, "a") == [(1, "a")]
    assert reader.offer(1, "a") == []
    assert reader.offer(2, "b") == [(2, "b")]


def test_holds_back_what_came_early_and_names_the_first_missing_number() -> None:
    reader: SequenceReader[str] = SequenceReader()
    assert reader.offer(3, "c") == []
    assert reader.missing == 1
    assert reader.offer(1, "a") == [(1, "a")]
    assert reader.missing == 2
    assert reader.offer(2, "b") == [(2, "b"), (3, "c")]
    assert reader.missing is None
    assert reader.gap_count == 1


def test_notices_a_lost_last_item_when_told_of_the_head() -> None:
    reader: SequenceReader[str] = SequenceReader(last=4)
    reader.heard_of(4)
    assert reader.missing is None
    reader.heard_of(6)
    assert reader.missing == 5


def test_goes_on_behind_what_cannot_be_had() -> None:
    reader: SequenceReader[str] = SequenceReader()
    reader.offer(5, "e")
    reader.offer(6, "f")
    assert reader.skip_to(4) == [(5, "e"), (6, "f")]
    assert reader.missing is None


def test_holds_at_most_its_limit_and_asks_for_the_rest_again() -> None:
    reader: SequenceReader[int] = SequenceReader(hold_limit=2)
    for number in (2, 3, 4, 5):
        reader.offer(number, number)
    assert [number for number, _ in reader.offer(1, 1)] == [1, 2, 3]
    assert reader.missing == 4


@given(st.lists(st.integers(min_value=1, max_value=12), max_size=40))
def test_gives_every_number_once_and_in_order_for_any_arrival(arrivals: list[int]) -> None:
    reader: SequenceReader[int] = SequenceReader()
    out: list[int] = []
    for number in arrivals:
        out += [given_number for given_number, item in reader.offer(number, number) if given_number == item]
    while reader.missing is not None:
        out += [number for number, _ in reader.offer(reader.missing, reader.missing)]
    assert out == list(range(1, max(arrivals, default=0) + 1))
