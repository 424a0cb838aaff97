"""Who waits for which REST answer: one queue behind the rate limit, retries, deadlines. Pure: the time is an argument.

First come, first served; equal calls share one request. Every waiter gets exactly one answer: data, the venue's refusal, or
``deadline``. Must not know threads, sockets or the library that counts tokens.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Protocol

import msgspec

from timing.backoff import Chance, backoff
from venue.answers import Outcome, RateLimited, Unreachable
from venue.rest import Call
from venue.settings import RestSettings

__all__ = ["Budget", "Dispatch", "Failed", "Retry", "Served", "Waiter"]

SECOND = 1_000_000_000
NEVER = 1 << 62


class Budget(Protocol):
    """What the rate limit must offer (venue.limits)."""

    def ask(self, endpoint: str, now_ns: int) -> int: ...

    def slow_down(self, now_ns: int) -> None: ...


class Waiter(msgspec.Struct, frozen=True):
    """Who asked, under which id, until when."""

    peer: bytes
    request_id: str
    deadline_ns: int


class Failed(msgspec.Struct, frozen=True):
    """The end of waiting without an answer: ``deadline``, ``queue_full`` or ``draining``."""

    reason: str


class Served(msgspec.Struct, frozen=True):
    """Answer these: data, VenueRefusal or Failed."""

    waiter: Waiter
    outcome: Outcome | Failed


class Retry(msgspec.Struct, frozen=True):
    """For the log: why a call is made again, and when. ``slower``: the venue asked for fewer requests."""

    path: str
    reason: str
    wait_s: float
    attempt: int
    slower: bool


class _Job(msgspec.Struct, eq=False):
    call: Call
    waits: Iterator[float]
    queued_ns: int
    waiters: list[Waiter] = []
    attempts: int = 0
    denied_before: int = 0
    running: bool = False


class Dispatch:
    """``offer`` a request, take the ``next_call`` that may go now, report it ``finished``; ``expired`` gives up what is too late."""

    def __init__(self, settings: RestSettings, budget: Budget, chance: Chance) -> None:
        self._settings = settings
        self._budget = budget
        self._chance = chance
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._queue: deque[_Job] = deque()
        self._delayed: list[tuple[int, _Job]] = []
        self._paused_until_ns = 0
        self._complaints = 0
        self._denials = 0
        self._waiting_count = 0
        self.wait_seconds = 0.0
        self.wait_seconds_max = 0.0
        self.wait_count = 0

    def __len__(self) -> int:
        """Waiters without an answer."""
        return self._waiting_count

    def offer(self, waiter: Waiter, call: Call, now_ns: int) -> Failed | None:
        """Queue it. The same question under the same id is queued once; None: the answer will come."""
        job = self._jobs.get(call.key)
        if job is not None and any((each.peer, each.request_id) == (waiter.peer, waiter.request_id) for each in job.waiters):
            return None
        if self._waiting_count >= self._settings.queue_limit:
            return Failed("queue_full")
        if job is None:
            job = _Job(call, backoff(self._chance, self._settings.retry), now_ns, denied_before=self._denials)
            self._jobs[call.key] = job
            self._queue.append(job)
        job.waiters.append(waiter)
        self._waiting_count += 1
        return None

    def next_call(self, now_ns: int) -> tuple[Call, int] | int:
        """The call that may go now and how many ns it may take; otherwise the instant to ask again (NEVER: nothing waits)."""
        self._release_delayed(now_ns)
        if not self._queue:
            return min((due_ns for due_ns, _ in self._delayed), default=NEVER)
        if now_ns < self._paused_until_ns:
            return self._paused_until_ns
        job = self._queue[0]
        wait_ns = self._budget.ask(job.call.path, now_ns)
        if wait_ns:
            self._denials += 1
            return now_ns + wait_ns
        self._queue.popleft()
        self._note_wait(job, now_ns)
        job.attempts += 1
        job.running = True
        return job.call, max(1, max(waiter.deadline_ns for waiter in job.waiters) - now_ns)

    def finished(self, call: Call, outcome: Outcome, now_ns: int) -> tuple[list[Served], Retry | None]:
        """What a running call came to: answers for its waiters, or another try."""
        job = self._jobs.get(call.key)
        if isinstance(outcome, RateLimited):
            self._complaints += 1
            self._pause(outcome.retry_after_s, now_ns)
        elif not isinstance(outcome, Unreachable):
            self._complaints = 0
        if job is None:
            return [], None  # everybody who wanted it has given up
        if isinstance(outcome, RateLimited | Unreachable):
            # Not running: everybody had given up on that one, and somebody has asked anew since.
            return [], self._again(job, outcome, now_ns) if job.running else None
        return self._serve(job, outcome), None

    def expired(self, now_ns: int) -> list[Served]:
        """Those whose deadline has passed."""
        served = []
        for job in list(self._jobs.values()):
            late = [waiter for waiter in job.waiters if now_ns >= waiter.deadline_ns]
            served += [Served(waiter, Failed("deadline")) for waiter in late]
            job.waiters = [waiter for waiter in job.waiters if waiter not in late]
            if not job.waiters:
                self._forget(job)
        self._waiting_count -= len(served)
        return served

    def give_up(self, reason: str) -> list[Served]:
        """Everybody is told that no answer will come."""
        return [served for job in list(self._jobs.values()) for served in self._serve(job, Failed(reason))]

    @property
    def deadline_ns(self) -> int:
        """The next instant at which ``expired`` has something to say."""
        return min((waiter.deadline_ns for job in self._jobs.values() for waiter in job.waiters), default=NEVER)

    # ------------------------------------------------------------------------------------------------ steps

    def _serve(self, job: _Job, outcome: Outcome | Failed) -> list[Served]:
        self._forget(job)
        self._waiting_count -= len(job.waiters)
        return [Served(waiter, outcome) for waiter in job.waiters]

    def _forget(self, job: _Job) -> None:
        self._jobs.pop(job.call.key, None)
        if job in self._queue:
            self._queue.remove(job)
        self._delayed = [(due_ns, each) for due_ns, each in self._delayed if each is not job]

    def _again(self, job: _Job, outcome: RateLimited | Unreachable, now_ns: int) -> Retry:
        job.running = False
        slower = isinstance(outcome, RateLimited)
        due_ns = self._paused_until_ns if slower else now_ns + int(next(job.waits) * SECOND)
        self._delayed.append((due_ns, job))
        reason = outcome.reason if isinstance(outcome, Unreachable) else "rate_limited"
        return Retry(job.call.path, reason, (due_ns - now_ns) / SECOND, job.attempts, slower)

    def _pause(self, retry_after_s: float, now_ns: int) -> None:
        """At least a second, doubling while complaints follow each other; and half the rate for a while after that."""
        budget = self._settings.budget
        doubled_s = budget.shortest_pause_s * 2 ** min(self._complaints - 1, 16)
        pause_s = min(max(retry_after_s, doubled_s), budget.longest_pause_s)
        self._paused_until_ns = max(self._paused_until_ns, now_ns + int(pause_s * SECOND))
        self._budget.slow_down(now_ns)

    def _release_delayed(self, now_ns: int) -> None:
        """A call that is tried again goes before those that came after it."""
        due = [job for due_ns, job in self._delayed if now_ns >= due_ns]
        self._delayed = [(due_ns, job) for due_ns, job in self._delayed if now_ns < due_ns]
        for job in reversed(due):
            job.queued_ns, job.denied_before = now_ns, self._denials
            self._queue.appendleft(job)

    def _note_wait(self, job: _Job, now_ns: int) -> None:
        """Only what stood behind the limit counts as waiting for it, not what stood behind busy workers."""
        if self._denials == job.denied_before:
            return
        waited_s = (now_ns - job.queued_ns) / SECOND
        self.wait_seconds += waited_s
        self.wait_seconds_max = max(self.wait_seconds_max, waited_s)
        self.wait_count += 1
