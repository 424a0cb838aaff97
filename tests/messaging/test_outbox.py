"""What was sent is kept and sent again under the same id until it is answered, within a bound."""

from messaging.control import Halt
from messaging.outbox import Outbox

FIRST, SECOND = Halt(reason="first"), Halt(reason="second")


def test_resends_only_what_is_silent_for_too_long_in_the_order_it_was_sent() -> None:
    outbox = Outbox(resend_after_ns=100, limit=5)
    outbox.post("a", FIRST, 0)
    outbox.post("b", SECOND, 50)
    assert outbox.due(99) == []
    assert outbox.due(100) == [FIRST]
    assert outbox.due(160) == [SECOND]
    assert outbox.due(200) == [FIRST]
    assert outbox.resent_count == 3


def test_forgets_what_is_answered_and_ignores_a_second_answer() -> None:
    outbox = Outbox(resend_after_ns=100, limit=5)
    outbox.post("a", FIRST, 0)
    assert outbox.answered("a")
    assert not outbox.answered("a")
    assert outbox.due(1_000) == []


def test_refuses_beyond_its_limit_and_the_same_id_twice() -> None:
    outbox = Outbox(resend_after_ns=100, limit=2)
    assert outbox.post("a", FIRST, 0)
    assert not outbox.post("a", SECOND, 0)
    assert outbox.post("b", SECOND, 0)
    assert outbox.full
    assert not outbox.post("c", SECOND, 0)
    assert len(outbox) == 2
