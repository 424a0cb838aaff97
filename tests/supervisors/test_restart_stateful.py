"""Deaths in any order and at any pace: the policy counts like a slow recount, and the crew carries out what it says, nothing more."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, cast

import msgspec
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from messaging.channels import Server
from messaging.control import Beat, Hello
from messaging.mailbox import Mailbox
from supervisors.children import Nursery
from supervisors.crew import Crew
from supervisors.exit_codes import NEVER_RESTARTED
from supervisors.lifecycle import ChildState
from supervisors.plan import ChildSpec, Plan, RestartStrategy, SupervisionSettings
from supervisors.restart_policy import GiveUp, Restart, RestartPolicy
from tests.supervisors.test_restart_policy import SETTINGS, S

NAMES = ("feed", "broker", "strategy", "reporter")
MS = 1_000_000
WINDOW_S = 10

names = st.sampled_from(NAMES)
exits = st.sampled_from([None, 1, 70, *map(int, NEVER_RESTARTED)]) | st.just(None) | st.just(1)
waits_ns = st.sampled_from([0, 1, S, 2 * S, 5 * S, WINDOW_S * S - 1, WINDOW_S * S])


class Deaths(RuleBasedStateMachine):
    """``restarts`` is the oracle: every restart ever allowed; each question looks through all of it."""

    @initialize(
        per_actor=st.integers(1, 4), total=st.integers(1, 6), shortest_ms=st.integers(1, 300), longest_ms=st.integers(1, 1000),
        seed=st.integers(0, 99),
    )
    def begin(self, per_actor: int, total: int, shortest_ms: int, longest_ms: int, seed: int) -> None:
        self.settings: SupervisionSettings = msgspec.structs.replace(
            SETTINGS, restarts_per_actor=per_actor, restarts_total=total, restart_window_s=WINDOW_S,
            restart_backoff_min_ms=shortest_ms, restart_backoff_max_ms=longest_ms,
        )
        self.policy = RestartPolicy(self.settings, Random(seed))
        self.restarts: list[tuple[str, int]] = []
        self.now_ns = 0

    @rule(wait_ns=waits_ns)
    def time_passes(self, wait_ns: int) -> None:
        self.now_ns += wait_ns

    @rule(name=names, strategy=st.sampled_from([*RestartStrategy, RestartStrategy.ONE_FOR_ONE]), exit_code=exits)
    def one_dies(self, name: str, strategy: RestartStrategy, exit_code: int | None) -> None:
        lately = [each for each, at_ns in self.restarts if self.now_ns - at_ns < WINDOW_S * S]
        decision = self.policy.died(name, strategy, exit_code, self.now_ns)
        if exit_code in NEVER_RESTARTED or strategy is RestartStrategy.NEVER:
            assert isinstance(decision, GiveUp) and decision.exit_code == (exit_code or 70)
        elif lately.count(name) >= self.settings.restarts_per_actor or len(lately) >= self.settings.restarts_total:
            assert isinstance(decision, GiveUp) and decision.exit_code == 70
        else:
            assert isinstance(decision, Restart)
            self.restarts.append((name, self.now_ns))
            self._is_a_fair_wait(decision.delay_ns, lately.count(name))

    @invariant()
    def no_window_ever_holds_more_restarts_than_allowed(self) -> None:
        for _, end_ns in self.restarts:
            window = [name for name, at_ns in self.restarts if end_ns - WINDOW_S * S < at_ns <= end_ns]
            assert len(window) <= self.settings.restarts_total
            assert max(map(window.count, window)) <= self.settings.restarts_per_actor

    def _is_a_fair_wait(self, delay_ns: int, restarts_before: int) -> None:
        """None at first, then half to the whole of a ceiling that doubles up to the longest."""
        if restarts_before == 0:
            assert delay_ns == 0
            return
        ceiling_ns = min(self.settings.restart_backoff_min_ms * 2 ** (restarts_before - 1), self.settings.restart_backoff_max_ms) * MS
        assert ceiling_ns // 2 <= delay_ns <= ceiling_ns


class FakeChild:
    """A process that dies when told; ``descriptor`` is its number."""

    def __init__(self, number: int) -> None:
        self.pid = self.descriptor = number
        self.exit_code: int | None = None
        self.killed = False

    def end(self) -> tuple[int | None, str]:
        return self.exit_code, "test"

    def send(self, _: int) -> None:
        self.killed = True


class FakeHouse:
    """What the crew is given: a nursery, a mailbox, a server and a log in one, all of which only take note."""

    def __init__(self) -> None:
        self.born: list[tuple[str, FakeChild]] = []

    def start(self, name: str, _target: object, _argument: object) -> FakeChild:
        self.born.append((name, FakeChild(100 + len(self.born))))
        return self.born[-1][1]

    def watch(self, _source: str, _descriptor: int) -> None:
        pass

    def send(self, _peer: bytes, _word: object) -> None:
        pass

    def info(self, _event: str, **_: object) -> None:
        pass

    warning = error = info


def a_plan(strategies: tuple[RestartStrategy, ...]) -> Plan:
    specs = [ChildSpec(name, _no_process, lambda *_: None, strategy) for name, strategy in zip(NAMES, strategies, strict=True)]
    supervision = msgspec.structs.replace(SETTINGS, restart_window_s=WINDOW_S)
    nothing: dict[str, Any] = dict.fromkeys(Plan.__struct_fields__)
    return Plan(**{**nothing, "stages": tuple((spec,) for spec in specs), "supervision": supervision, "settles": "broker"})


class WholeCrew(RuleBasedStateMachine):
    """The root's part is played as it is written: every death is judged unless the crew itself caused it, then what is due starts."""

    @initialize(strategies=st.tuples(*[st.sampled_from(RestartStrategy)] * 4), seed=st.integers(0, 99))
    def begin(self, strategies: tuple[RestartStrategy, ...], seed: int) -> None:
        self.now_ns = S
        self.plan = a_plan(strategies)
        self.house = FakeHouse()
        self.crew = Crew(
            self.plan, cast(Nursery, self.house), cast(Mailbox, self.house), cast(Server, self.house),
            RestartPolicy(self.plan.supervision, Random(seed)), self.house, lambda: self.now_ns,
        )
        self.living: dict[str, FakeChild] = {}
        self.given_up: set[str] = set()
        self.due_ns: dict[str, int] = {}
        for name in NAMES:
            self._start(partial(self.crew.start, name))

    @rule(wait_ns=waits_ns)
    def time_passes(self, wait_ns: int) -> None:
        self.now_ns += wait_ns
        self._start_due()

    @rule(name=names, incarnation=st.integers(-1, 0))
    def one_greets(self, name: str, incarnation: int) -> None:
        """Or an earlier incarnation's greeting comes late."""
        before, row = self.crew.state(name), self.crew.row(name)
        assert self.crew.greeted(Hello(name=name, incarnation=row.incarnation + incarnation, pid=1, codec="c"), "c") is None
        if incarnation < 0 or before is not ChildState.STARTING:
            assert self.crew.state(name) is before
        else:
            assert self.crew.state(name) is ChildState.SERVING

    @rule(name=names, incarnation=st.integers(-1, 0))
    def one_beats(self, name: str, incarnation: int) -> None:
        row = self.crew.row(name)
        seen_ns = row.beat_seen_ns
        self.crew.heard(Beat(name=name, incarnation=row.incarnation + incarnation))
        assert row.beat_seen_ns == (seen_ns if incarnation else self.now_ns)

    @rule(name=names, exit_code=exits)
    def one_dies(self, name: str, exit_code: int | None) -> None:
        if name in self.living:
            self.living[name].exit_code = exit_code
            self._death(name)

    @rule()
    def the_killed_ones_die(self) -> None:
        for name in [name for name, child in self.living.items() if child.killed]:
            self._death(name)

    @rule(descriptor=st.integers(100, 130))
    def a_death_is_reported_twice(self, descriptor: int) -> None:
        if all(child.descriptor != descriptor for child in self.living.values()):
            assert self.crew.died(descriptor) is None

    @invariant()
    def one_process_at_the_most_for_each_and_none_for_whom_was_given_up(self) -> None:
        assert sorted(self.crew.alive()) == sorted(self.living)
        assert self.given_up.isdisjoint(self.living)
        for name in NAMES:
            row, births = self.crew.row(name), [each for each, _ in self.house.born].count(name)
            assert (row.incarnation, row.restarts) == (births, births - 1)
            assert (row.state in (ChildState.STARTING, ChildState.SERVING)) == (name in self.living)
            assert name not in self.given_up or row.state is ChildState.GONE

    def _death(self, name: str) -> None:
        taken_along = self.crew.taken_along(name)
        assert taken_along == (name in self.due_ns)
        assert self.crew.died(self.living.pop(name).descriptor) == name
        if not taken_along:
            decision = self.crew.plan_restart(name)
            if decision is None:
                self._is_planned(name)
            elif name != self.plan.settles or self.crew.row(name).last_exit in NEVER_RESTARTED:
                self.given_up.add(name)
        self._start_due()

    def _is_planned(self, name: str) -> None:
        longest_ns = self.plan.supervision.restart_backoff_max_ms * MS
        due_ns = self.crew._due_ns[name]
        assert self.now_ns <= due_ns <= self.now_ns + longest_ns
        self.due_ns[name] = due_ns
        if self.crew.specs[name].restart is RestartStrategy.REST_FOR_ONE:
            for later in NAMES[NAMES.index(name) + 1:]:
                if later in self.living:
                    assert self.living[later].killed
                    self.due_ns[later] = self.now_ns

    def _start_due(self) -> None:
        """Whoever waits its time, and nobody earlier; one that is to be taken along has to die first."""
        expected = {name for name, due_ns in self.due_ns.items() if due_ns <= self.now_ns and name not in self.living}
        assert self._start(lambda: self.crew.start_due(lambda _: True)) == expected
        for name in expected:
            del self.due_ns[name]

    def _start(self, act: Callable[[], None]) -> set[str]:
        before = len(self.house.born)
        act()
        fresh = dict(self.house.born[before:])
        assert fresh.keys().isdisjoint(self.living)
        self.living |= fresh
        return set(fresh)


def _no_process(_: object) -> None:
    raise AssertionError("the nursery is a fake")


TestDeaths = Deaths.TestCase
TestDeaths.settings = effort(max_examples=100, stateful_step_count=30, deadline=None)
TestWholeCrew = WholeCrew.TestCase
TestWholeCrew.settings = effort(max_examples=60, stateful_step_count=30, deadline=None)
