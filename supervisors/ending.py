"""The two ways a session ends, as procedures that advance with every tick: draining in order, and killing.

Both only say words to the crew and watch the clock; when ``done`` the root loop lets everybody leave. Must not know why.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from messaging.control import Drain, Halt
from supervisors.board import NS_PER_S
from supervisors.crew import NS_PER_MS, Crew
from supervisors.lifecycle import ChildState
from supervisors.plan import Plan

__all__ = ["Drainage", "Ending", "Killing"]

REPEAT_NS = 300 * NS_PER_MS
MINOR_STAGE_S = 2.0
HURRIED_S = 0.3
OVER = (ChildState.SETTLED, ChildState.GONE, ChildState.WAITING)


class Ending(Protocol):
    """A session that is ending."""

    reason: str
    exit_code: int
    settled: bool
    facts: Callable[[], Mapping[str, Any]]

    @property
    def done(self) -> bool: ...

    def may_start(self, name: str) -> bool: ...

    def tick(self, now_ns: int) -> None: ...


class Drainage:
    """Settle stage by stage: whoever decides first, whoever reports last. A stage that does not settle in time is passed over,
    but the one that ``settles`` is waited for until the total deadline: started again when it dies, replaced once when it is slow."""

    def __init__(self, plan: Plan, crew: Crew, reason: str, facts: Callable[[], Mapping[str, Any]], now_ns: int) -> None:
        self.reason = reason
        self.exit_code = 0
        self.settled = True
        self._plan = plan
        self._crew = crew
        self.facts = facts
        self._stages = list(plan.drain_order)
        self._hurried = False
        self._replaced = False
        self._told_ns = 0
        self._stage_began_ns = now_ns
        self._total_deadline_ns = now_ns + int(plan.supervision.drain_total_s * NS_PER_S)

    @property
    def done(self) -> bool:
        return not self._stages

    def may_start(self, name: str) -> bool:
        return any(name in stage for stage in self._stages)

    def hurry(self) -> None:
        """Asked twice: nobody but the settling child is waited for."""
        self._hurried = True

    def tick(self, now_ns: int) -> None:
        while self._stages and self._stage_over(now_ns):
            self._stages.pop(0)
            self._stage_began_ns, self._told_ns = now_ns, 0
        if self._stages and now_ns - self._told_ns >= REPEAT_NS:
            self._told_ns = now_ns
            for name in self._open(self._stages[0]):
                if self._crew.state(name) is ChildState.SERVING:
                    detail = _closing_detail(self) if name == self._plan.closes else {}
                    self._crew.tell(name, Drain(reason=self.reason, detail=detail))

    def _open(self, stage: tuple[str, ...]) -> list[str]:
        return [name for name in stage if self._crew.state(name) not in OVER]

    def _stage_over(self, now_ns: int) -> bool:
        waiting = self._open(self._stages[0])
        if not waiting:
            return True
        if now_ns >= self._total_deadline_ns:
            self.settled = self.settled and self._plan.settles not in waiting
            return True
        if self._plan.settles in waiting:
            if now_ns - self._stage_began_ns > self._plan.supervision.drain_deadline_s * NS_PER_S and not self._replaced:
                self._replaced = True
                self._crew.abort(self._plan.settles)
            return False
        limit_s = HURRIED_S if self._hurried else MINOR_STAGE_S
        return now_ns - self._stage_began_ns > limit_s * NS_PER_S


class Killing:
    """Everybody halts at once; the child that ``settles`` must do it: a dead, stopped or silent one is replaced by a fresh one
    that recovers, halts and says so. Then the closing child writes the account of it, and that is all."""

    def __init__(
        self, plan: Plan, crew: Crew, reason: str, exit_code: int, facts: Callable[[], Mapping[str, Any]], now_ns: int,
    ) -> None:
        self.reason = reason
        self.exit_code = exit_code
        self.settled = False
        self._plan = plan
        self._crew = crew
        self.facts = facts
        self._told_ns = 0
        self._replaced = False
        self._replace_after_ns = now_ns + plan.supervision.kill_settle_ms * NS_PER_MS
        self._deadline_ns = now_ns + plan.supervision.kill_total_ms * NS_PER_MS
        self._done = False
        self.tick(now_ns)

    @property
    def done(self) -> bool:
        return self._done

    def may_start(self, name: str) -> bool:
        return name == self._plan.settles and not self.settled

    def hurry(self) -> None:
        """There is nothing faster."""

    def tick(self, now_ns: int) -> None:
        if self._done:
            return
        settles, closes = self._plan.settles, self._plan.closes
        self.settled = self.settled or self._crew.state(settles) in (ChildState.SETTLED, ChildState.WAITING)
        if now_ns >= self._deadline_ns:
            self._done = True
            return
        if not self.settled:
            self._replace_silent(now_ns)
        closing = self._crew.state(closes)
        if self.settled and closing is not ChildState.SERVING:
            self._done = True
            return
        if now_ns - self._told_ns >= REPEAT_NS // 6:
            self._told_ns = now_ns
            self._tell()

    def _tell(self) -> None:
        closes = self._plan.closes
        for name in self._crew.alive():
            if name != closes and self._crew.state(name) is not ChildState.SETTLED:
                self._crew.tell(name, Halt(reason=self.reason))
        if self.settled:
            self._crew.tell(closes, Drain(reason=self.reason, detail=_closing_detail(self)))

    def _replace_silent(self, now_ns: int) -> None:
        settles = self._plan.settles
        if self._crew.state(settles) is ChildState.BACKOFF:
            self._crew.start(settles)
            self._replaced = True
        elif now_ns >= self._replace_after_ns and not self._replaced:
            self._replaced = True
            self._crew.kill(settles)


def _closing_detail(ending: Ending) -> dict[str, Any]:
    return {**ending.facts(), "exit_code": ending.exit_code}
