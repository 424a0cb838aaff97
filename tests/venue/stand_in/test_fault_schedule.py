"""Faults as text, and when they are due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venue.stand_in.faults import KINDS, Fault, FaultSchedule, faults_text, parse_faults

S = 1_000_000_000


def test_the_compact_text_is_read_and_written_back() -> None:
    text = "freeze@20+5,cut_mid_frame@12,silent_stream@30.5+10:depth_book15,refuse@0+8#2:429,rest_error@1+2#0:html"
    faults = parse_faults(text)
    assert faults[2] == Fault(30.5, "silent_stream", 10.0, "depth_book15")
    assert faults[3] == Fault(0.0, "refuse", 8.0, "429", attempt=2)
    assert faults_text(faults) == text


def test_no_text_is_no_faults() -> None:
    assert parse_faults("") == parse_faults("  ") == ()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(KINDS)), st.integers(0, 9999), st.integers(1, 999), st.none() | st.integers(0, 99)
        )
    )
)
def test_every_schedule_survives_the_round_trip(items: list[tuple[str, int, int, int | None]]) -> None:
    faults = []
    for kind, at, duration, attempt in items:
        needs = KINDS[kind]
        target = (needs.targets[0] if needs.targets else "trade") if needs.needs_target else ""
        faults.append(Fault(at / 4, kind, duration / 4 if needs.lasts else 0.0, target, attempt))
    assert list(parse_faults(faults_text(faults))) == faults


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nonsense", "expected kind@at"),
        ("freeze@", "expected kind@at"),
        ("freeze@1+5,", "expected kind@at"),
        ("frost@1+5", "unknown kind 'frost'; known are cut"),
        ("freeze@1", "needs a duration"),
        ("cut@1+5", "takes no duration"),
        ("silent_stream@1+5", "the name of a stream"),
        ("rest_error@1+5", "429, 500, html"),
        ("rest_error@1+5:404", "unknown target '404'"),
        ("refuse@1+5:500", "known are 403, 429"),
        ("freeze@1+5:trade", "this kind takes none"),
    ],
)
def test_bad_text_is_refused_with_the_item_and_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"fault '.*") as error:
        parse_faults(text)
    assert complaint in str(error.value)


def test_times_count_from_the_first_subscribe() -> None:
    schedule = FaultSchedule(parse_faults("freeze@2+3,cut@4"), started_ns=0)
    assert schedule.active("freeze", 3 * S) is None
    assert schedule.next_ns(3 * S) is None

    schedule.begin(10 * S)

    on = [second for second in range(20) if schedule.active("freeze", second * S)]
    assert on == [12, 13, 14]
    assert schedule.next_ns(11 * S) == 14 * S
    assert [schedule.struck(now * S - S, now * S) != [] for now in (13, 14, 15)] == [False, True, False]


def test_times_count_from_a_connection_attempt_or_from_the_start() -> None:
    schedule = FaultSchedule(parse_faults("half_open@1+2#2,rest_error@0+1#0:500"), started_ns=5 * S)
    schedule.note_attempt(20 * S)
    assert not any(schedule.active("half_open", second * S) for second in range(40))
    schedule.note_attempt(30 * S)
    schedule.note_attempt(40 * S)
    assert [second for second in range(60) if schedule.active("half_open", second * S)] == [31, 32]
    assert [second for second in range(60) if schedule.active("rest_error", second * S)] == [5]


def test_a_fault_of_one_stream_leaves_the_others_alone() -> None:
    schedule = FaultSchedule(parse_faults("silent_stream@0+9:trade,delayed_ts@0+9"), started_ns=0)
    schedule.begin(0)
    assert schedule.active("silent_stream", S, "trade")
    assert not schedule.active("silent_stream", S, "price")
    assert schedule.active("delayed_ts", S, "trade") and schedule.active("delayed_ts", S, "price")


def test_scheduled_seconds_pass_with_the_speed_of_the_market() -> None:
    schedule = FaultSchedule(parse_faults("freeze@20+10"), started_ns=0, speed=10.0)
    schedule.begin(0)
    assert [tenth for tenth in range(50) if schedule.active("freeze", tenth * S // 10)] == list(range(20, 30))
