"""The children of a session: starting, greeting, hanging, dying, starting again. Carries out what the restart policy says.

Must not know phases of a session: the root loop tells it what may be started and asks what happened.
"""

import signal
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import psutil

from messaging.channels import Server
from messaging.control import Beat, Hello
from messaging.mailbox import Mailbox
from records.logs import log_loss_total
from supervisors.board import NS_PER_S, Board, Row
from supervisors.children import Child, Nursery
from supervisors.exit_codes import NEVER_RESTARTED
from supervisors.lifecycle import ChildState, LifeEvent, next_state
from supervisors.plan import ChildSpec, Plan, RestartStrategy
from supervisors.restart_policy import GiveUp, RestartPolicy

__all__ = ["Crew", "DEATH"]

DEATH = "death"
NS_PER_MS = 1_000_000
TRACEBACK_NS = 100 * NS_PER_MS


class Crew:
    """Holds every child of the plan by name."""

    def __init__(
        self, plan: Plan, nursery: Nursery, mailbox: Mailbox, control: Server, policy: RestartPolicy, log: Any, clock: Callable[[], int],
    ) -> None:
        self._plan = plan
        self._nursery = nursery
        self._mailbox = mailbox
        self._control = control
        self._policy = policy
        self._log = log
        self._clock = clock
        self.specs: dict[str, ChildSpec] = {spec.name: spec for spec in plan.children()}
        self.board = Board(list(self.specs))
        self.details: dict[str, dict[str, Any]] = {}
        self._alive: dict[str, Child] = {}
        self._due_ns: dict[str, int] = {}
        self._kill_due_ns: dict[str, int] = {}
        self.leaving = False

    # ------------------------------------------------------------------ asking

    def row(self, name: str) -> Row:
        return self.board.rows[name]

    def state(self, name: str) -> ChildState:
        return self.board.rows[name].state

    def serving(self, names: Iterable[str]) -> bool:
        return all(self.state(name) is ChildState.SERVING for name in names)

    def alive(self) -> list[str]:
        return list(self._alive)

    # ------------------------------------------------------------------ starting

    def start(self, name: str) -> None:
        """A fresh process for ``name`` (a move the life table must allow)."""
        if not self._move(name, LifeEvent.SPAWN):
            return
        self._due_ns.pop(name, None)
        spec, row = self.specs[name], self.row(name)
        child = self._nursery.start(name, spec.target, spec.argument(self.details, row.incarnation + 1))
        self._alive[name] = child
        self.board.spawned(name, child.pid, self._clock())
        if child.descriptor is not None:
            self._mailbox.watch(DEATH, child.descriptor)
        self._log.info("CHILD_STARTED", child=name, child_pid=child.pid, incarnation=row.incarnation)

    def start_due(self, allowed: Callable[[str], bool]) -> None:
        now = self._clock()
        for name in [name for name, due in self._due_ns.items() if due <= now and allowed(name)]:
            self.start(name)

    def greeted(self, hello: Hello, codec_fingerprint: str) -> GiveUp | None:
        """The child is recovered and serves. GiveUp when it speaks another version of the messages than its siblings."""
        row = self.row(hello.name)
        if hello.incarnation != row.incarnation:
            return None
        if hello.codec != codec_fingerprint:
            return GiveUp(78, f"{hello.name} speaks message schema {hello.codec}, the session {codec_fingerprint}: mixed versions do not start")
        self.details[hello.name] = hello.detail
        row.beat_seen_ns = self._clock()
        if self._move(hello.name, LifeEvent.HELLO) and row.died_ns:
            away_ms = round((self._clock() - row.died_ns) / NS_PER_MS, 1)
            row.recoveries_ms = [*row.recoveries_ms, away_ms]
            row.died_ns = 0
            self._log.info("CHILD_RECOVERED", child=hello.name, away_ms=away_ms, restarts=row.restarts, **hello.detail)
        return None

    def heard(self, beat: Beat) -> None:
        self.board.heard(beat, self._clock())

    def settled(self, name: str) -> bool:
        return self._move(name, LifeEvent.SETTLE)

    # ------------------------------------------------------------------ telling

    def tell(self, name: str, word: msgspec.Struct) -> None:
        """To the present incarnation only; a child that is not there yet is told again by whoever repeats the word."""
        self._control.send(f"{name}.{self.row(name).incarnation}".encode(), word)

    def tell_all(self, word: msgspec.Struct) -> None:
        for name in self._alive:
            self.tell(name, word)

    # ------------------------------------------------------------------ hanging and dying

    def end_hung(self) -> None:
        """A child whose inbox is silent, or that does not get ready, is taken for hung and killed."""
        now = self._clock()
        for name in list(self._alive):
            row = self.row(name)
            if name in self._kill_due_ns:
                if now >= self._kill_due_ns[name]:
                    self._alive[name].send(signal.SIGKILL)
                continue
            limit_ns = self._silence_limit_ns(row.state)
            if now - row.beat_seen_ns > limit_ns:
                self._log.warning("CHILD_HUNG", child=name, child_pid=row.pid, silent_ms=(now - row.beat_seen_ns) // NS_PER_MS, state=row.state)
                self.abort(name)

    def abort(self, name: str) -> None:
        """SIGABRT for the traceback of a hung child, SIGKILL shortly after, which also ends a stopped one."""
        child = self._alive.get(name)
        if child is not None and name not in self._kill_due_ns:
            child.send(signal.SIGABRT)
            self._kill_due_ns[name] = self._clock() + TRACEBACK_NS

    def kill(self, name: str) -> None:
        child = self._alive.get(name)
        if child is not None:
            child.send(signal.SIGKILL)

    def died(self, descriptor: int) -> str | None:
        """Reap whoever this descriptor belonged to; its name, or None when that was settled before."""
        for name, child in self._alive.items():
            if child.descriptor == descriptor:
                break
        else:
            return None
        del self._alive[name]
        hung = self._kill_due_ns.pop(name, None) is not None
        exit_code, how = child.end()
        row = self.row(name)
        row.died_ns = row.died_ns or self._clock()
        before = row.state
        self._move(name, LifeEvent.DEATH)
        if before is ChildState.SETTLED or self.leaving:
            self._log.info("CHILD_ENDED", child=name, child_pid=child.pid, how=how)
            return name
        self._log.warning("CHILD_DIED", child=name, child_pid=child.pid, how="hung" if hung else how, incarnation=row.incarnation)
        row.last_exit = exit_code
        return name

    def plan_restart(self, name: str) -> GiveUp | None:
        """Ask the policy about the dead ``name`` and schedule what it says; a rest_for_one takes the later children along.

        Who settles the account is not given up for dying often: the end of the session starts it once more, to settle.
        """
        spec, row, now = self.specs[name], self.row(name), self._clock()
        decision = self._policy.died(name, spec.restart, row.last_exit, now)
        if isinstance(decision, GiveUp):
            if name != self._plan.settles or row.last_exit in NEVER_RESTARTED:
                self._move(name, LifeEvent.GIVE_UP)
            self._log.error("CHILD_GIVEN_UP", child=name, reason=decision.reason, exit_code=decision.exit_code)
            return decision
        self._due_ns[name] = now + decision.delay_ns
        self._log.info("CHILD_RESTARTING", child=name, delay_ms=decision.delay_ns // NS_PER_MS, restarts=row.restarts + 1)
        if spec.restart is RestartStrategy.REST_FOR_ONE:
            self._take_along(name)
        return None

    def measure(self) -> None:
        """Read the memory of the tree (psutil), the supervisor and its helpers included."""
        sizes: dict[str, int] = {}
        for name, child in self._alive.items():
            try:
                sizes[name] = psutil.Process(child.pid).memory_info().rss
            except psutil.NoSuchProcess:
                continue  # died since; its row keeps the last reading
        self.board.log_lines_lost = log_loss_total(self._log)
        self.board.measured(sizes, sum(sizes.values()) + psutil.Process().memory_info().rss)

    def _take_along(self, name: str) -> None:
        names = list(self.specs)
        for later in names[names.index(name) + 1:]:
            if later in self._alive:
                self._due_ns[later] = self._clock()
                self.kill(later)

    def taken_along(self, name: str) -> bool:
        """Its death was ours (rest_for_one): already scheduled, not to be judged by the policy."""
        return name in self._due_ns

    def _silence_limit_ns(self, state: ChildState) -> int:
        supervision = self._plan.supervision
        if state is ChildState.STARTING:
            return int(supervision.ready_deadline_s * NS_PER_S)
        return supervision.hang_after_ms * NS_PER_MS

    def _move(self, name: str, event: LifeEvent) -> bool:
        row = self.row(name)
        moved = next_state(row.state, event)
        if moved is None:
            return False
        row.state = moved
        return True
