"""A numbered stream and a window of unanswered messages behind a network that loses, doubles and reorders: each item once, in order."""

from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from messaging.control import Halt
from messaging.outbox import Outbox
from messaging.sequence import SequenceReader

numbers = st.integers(0, 2**16)
"""Reduced to whatever range is meant."""


class NumberedStream(RuleBasedStateMachine):
    """A writer that numbers, a network that does what it likes, a reader; ``taken`` must be all numbers behind the start, in order."""

    @initialize(start=st.integers(0, 3), hold_limit=st.integers(1, 4))
    def begin(self, start: int, hold_limit: int) -> None:
        self.reader: SequenceReader[str] = SequenceReader(start, hold_limit)
        self.start, self.hold_limit = start, hold_limit
        self.written = self.known = self.passed = start
        self.taken: list[int] = []
        self.lost: set[int] = set()
        self.held: set[int] = set()
        self.gaps = 0

    @rule(count=st.integers(1, 5))
    def write(self, count: int) -> None:
        self.written += count

    @rule(which=numbers)
    def something_arrives(self, which: int) -> None:
        """Any number ever written: early, late, for the first time or again."""
        if self.written:
            self._offer(1 + which % self.written)

    @rule()
    def the_newest_arrives(self) -> None:
        if self.written:
            self._offer(self.written)

    @rule(which=numbers)
    def the_writer_tells_its_head(self, which: int) -> None:
        """The present one, or one that was long under way."""
        head = self.written - which % 3
        before = self.reader.missing
        self.reader.heard_of(head)
        self._know_of(head, before)

    @rule(count=st.integers(1, 4))
    def what_is_missing_is_asked_for_and_comes(self, count: int) -> None:
        """A page: the first missing number and its followers, as far as they exist."""
        missing = self.reader.missing
        if missing is not None:
            last = self.passed
            for number in range(missing, min(missing + count, self.written + 1)):
                self._offer(number)
            assert self.passed > last, "asking always helps"

    @rule(which=numbers)
    def the_writer_has_forgotten_the_oldest(self, which: int) -> None:
        missing = self.reader.missing
        if missing is not None:
            gone = missing + which % (self.written - missing + 1)
            self.lost.update(range(missing, gone + 1))
            self.passed, self.known = gone, max(self.known, gone)
            self.held = {number for number in self.held if number > gone}
            self._take(self.reader.skip_to(gone), self._now_in_order())

    @invariant()
    def every_number_was_taken_once_in_order_and_none_left_out(self) -> None:
        assert self.reader.last == self.passed
        assert self.taken == sorted(set(self.taken))
        assert self.lost.isdisjoint(self.taken)
        assert self.reader.missing == (self.passed + 1 if self.known > self.passed else None)
        assert self.reader.head == self.known

    @invariant()
    def every_gap_is_counted_once(self) -> None:
        assert self.reader.gap_count == self.gaps

    def teardown(self) -> None:
        """Once the network is well, one question per number at the most brings the reader to the end."""
        self.reader.heard_of(self.written)
        for _ in range(self.written - self.passed):
            if self.reader.missing is not None:
                self._offer(self.reader.missing)
        assert self.reader.missing is None and self.reader.last == self.written
        assert {*self.taken, *self.lost} == {*range(self.start + 1, self.written + 1)}

    def _offer(self, number: int) -> None:
        before = self.reader.missing
        given = self.reader.offer(number, f"item {number}")
        if number == self.passed + 1 or (number > self.passed and len(self.held) < self.hold_limit):
            self.held.add(number)
        self._take(given, self._now_in_order())
        self._know_of(number, before)

    def _now_in_order(self) -> list[int]:
        """What follows on the last one without a gap; nothing else is given out, and no more than may be held."""
        ready: list[int] = []
        while self.passed + len(ready) + 1 in self.held:
            ready.append(self.passed + len(ready) + 1)
        self.held.difference_update(ready)
        return ready

    def _take(self, given: list[tuple[int, str]], expected: list[int]) -> None:
        assert given == [(number, f"item {number}") for number in expected]
        self.taken += expected
        self.passed += len(expected)

    def _know_of(self, number: int, missing_before: int | None) -> None:
        self.known = max(self.known, number)
        self.gaps += missing_before is None and self.reader.missing is not None


RESEND_NS, LIMIT = 100, 4


class LossyPost(RuleBasedStateMachine):
    """A sender with an outbox, a receiver that knows ids, and nothing certain between them."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(RESEND_NS, LIMIT)
        self.now_ns = 0
        self.waiting: dict[str, int] = {}
        """id -> when it was last sent, in the order of posting"""
        self.posted: list[str] = []
        self.done: list[str] = []
        self.resent = 0
        self.to_receiver: list[str] = []
        self.to_sender: list[str] = []

    @rule()
    def post(self) -> None:
        name = f"m-{len(self.posted)}"
        taken = self.outbox.post(name, Halt(reason=name), self.now_ns)
        assert taken == (len(self.waiting) < LIMIT)
        if taken:
            self.posted.append(name)
            self.waiting[name] = self.now_ns
            self.to_receiver.append(name)

    @rule(which=numbers)
    def post_again(self, which: int) -> None:
        """Under an id that waits, or the window is full: refused, and the first message stays."""
        if self.waiting:
            assert not self.outbox.post(list(self.waiting)[which % len(self.waiting)], Halt(reason="another"), self.now_ns)

    @rule(passed_ns=st.integers(0, 2 * RESEND_NS))
    def time_passes(self, passed_ns: int) -> None:
        self.now_ns += passed_ns
        late = [name for name, sent_ns in self.waiting.items() if self.now_ns - sent_ns >= RESEND_NS]
        assert [message.reason for message in self.outbox.due(self.now_ns) if isinstance(message, Halt)] == late
        assert self.outbox.due(self.now_ns) == [], "once"
        self.waiting |= dict.fromkeys(late, self.now_ns)
        self.resent += len(late)
        self.to_receiver += late

    @rule(which=numbers, copies=st.integers(0, 2))
    def the_receiver_gets(self, which: int, copies: int) -> None:
        """Any message under way: lost, delivered or delivered twice. It acts once, and answers each time."""
        for _ in range(copies if self.to_receiver else 0):
            name = self.to_receiver[which % len(self.to_receiver)]
            if name not in self.done:
                self.done.append(name)
            self.to_sender.append(name)
        if self.to_receiver:
            del self.to_receiver[which % len(self.to_receiver)]

    @rule(which=numbers, is_lost=st.booleans())
    def the_sender_gets(self, which: int, is_lost: bool) -> None:
        if self.to_sender:
            name = self.to_sender.pop(which % len(self.to_sender))
            if not is_lost:
                assert self.outbox.answered(name) == (self.waiting.pop(name, None) is not None)

    @invariant()
    def what_waits_is_what_was_not_answered(self) -> None:
        assert len(self.outbox) == len(self.waiting) <= LIMIT
        assert self.outbox.full == (len(self.waiting) == LIMIT)
        assert all((name in self.outbox) == (name in self.waiting) for name in self.posted)
        assert self.outbox.resent_count == self.resent

    def teardown(self) -> None:
        """Once the network is well, one round of sending again is enough: everything was done, once."""
        for message in self.outbox.due(self.now_ns + RESEND_NS):
            assert isinstance(message, Halt)
            if message.reason not in self.done:
                self.done.append(message.reason)
            assert self.outbox.answered(message.reason)
        assert len(self.outbox) == 0 and sorted(self.done) == sorted(self.posted)


TestNumberedStream = NumberedStream.TestCase
TestNumberedStream.settings = effort(max_examples=100, stateful_step_count=30, deadline=None)
TestLossyPost = LossyPost.TestCase
TestLossyPost.settings = effort(max_examples=100, stateful_step_count=30, deadline=None)
