"""The root loop of a session: one poll over beats, deaths, signals, commands and deadlines; no sleeps.

STARTING (stage by stage) -> RUNNING -> ending (drained or killed) -> everybody leaves. Must not know trading.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from messaging.address import SocketDirectory
from messaging.channels import Channels
from messaging.codec import Codec
from messaging.control import OPERATOR_WORDS, Beat, Drained, Halted, Hello, Leave, Operate, Operated, Pulse, Reached, Said
from messaging.mailbox import Delivery, Mailbox
from messaging.token import CommandDesk
from supervisors.board import NS_PER_S
from supervisors.children import Nursery
from supervisors.crew import DEATH, NS_PER_MS, Crew
from supervisors.ending import Drainage, Killing
from supervisors.exit_codes import ExitCode
from supervisors.kill_switch import KillSwitch
from supervisors.lifecycle import ChildState
from supervisors.outcome import Observer, Outcome
from supervisors.plan import Plan
from supervisors.restart_policy import GiveUp, RestartPolicy
from supervisors.signals import SignalNotes

__all__ = ["Root"]

TICK_NS = 50 * NS_PER_MS
PULSE_NS = 250 * NS_PER_MS
MEASURE_NS = NS_PER_S
STATUS_NS = 500 * NS_PER_MS
LEAVE_NS = 300 * NS_PER_MS
REAP_NS = 500 * NS_PER_MS


class Root:
    """Carries out one plan; ``run`` returns when no child is left."""

    def __init__(self, plan: Plan, observer: Observer, log: Any, clock: Callable[[], int], rng: Random) -> None:
        self._plan = plan
        self._observer = observer
        self._log = log
        self._clock = clock
        codec = Codec(plan.codec_types)
        self._codec_fingerprint = codec.fingerprint
        directory = SocketDirectory(plan.run_directory / "sockets")
        self._channels = Channels(directory, codec)
        self._operator_channels = Channels(directory, Codec(OPERATOR_WORDS))
        self._control = self._channels.server("control")
        self._command = self._operator_channels.server("command")
        self._mailbox = Mailbox(clock)
        self._crew = Crew(
            plan, Nursery(plan.preload), self._mailbox, self._control, RestartPolicy(plan.supervision, rng), log, clock,
        )
        self._desk = CommandDesk(plan.control_key, plan.run_id)
        self._switch = KillSwitch(plan.kill_file, plan.killed_latch, plan.kill_variable, plan.run_id, log)
        self._stage = 0
        self._born_ns = clock()
        self._running_ns = 0
        self._ended_ns = 0
        self._refused = 0
        self._refusal_noted_ns: dict[str, int] = {}
        self._milestones: set[str] = set()
        self._ending: Drainage | Killing | None = None

    def run(self) -> Outcome:
        with SignalNotes() as notes:
            self._listen(notes)
            self._start_stage()
            while self._ending is None or not self._ending.done:
                self._dispatch(self._mailbox.receive(), notes)
            ending = self._ending
            facts = self._facts()
            self._part()
        self._channels.close()
        self._operator_channels.close()
        exit_code = ending.exit_code if ending.settled or ending.exit_code else ExitCode.SOFTWARE
        self._log.info("SESSION_ENDED", reason=ending.reason, exit_code=int(exit_code), settled=ending.settled)
        return Outcome(int(exit_code), ending.reason, ending.settled, facts)

    # ------------------------------------------------------------------ the loop

    def _listen(self, notes: SignalNotes) -> None:
        self._mailbox.listen("control", self._control)
        self._mailbox.listen("command", self._command)
        self._mailbox.watch("signal", notes.descriptor)
        self._mailbox.every("tick", TICK_NS)
        self._mailbox.every("pulse", PULSE_NS)
        self._mailbox.every("measure", MEASURE_NS)
        self._mailbox.every("status", STATUS_NS)

    def _dispatch(self, delivery: Delivery, notes: SignalNotes) -> None:
        match delivery.source:
            case "control":
                self._on_word(delivery.message)
            case "command":
                self._on_command(delivery)
            case "death":
                self._on_death(delivery.message)
            case "signal":
                self._mailbox.watch("signal", notes.descriptor)
                for number in notes.read():
                    self._on_signal(number.name)
            case "tick":
                self._on_tick()
            case "pulse":
                self._crew.tell_all(self._pulse())
            case "measure":
                self._crew.measure()
            case "status":
                self._observer.status(self.status())

    def _on_word(self, word: Any) -> None:
        match word:
            case Beat():
                self._crew.heard(word)
            case Said():
                self._observer.event(word.event)
            case Hello():
                self._end_if(self._crew.greeted(word, self._codec_fingerprint))
                self._crew.tell(word.name, self._pulse())
                self._advance()
            case Reached():
                self._milestones.add(f"{word.name}:{word.milestone}")
                self._log.info("MILESTONE_REACHED", child=word.name, milestone=word.milestone)
                self._advance()
            case Drained() | Halted():
                if self._crew.settled(word.name):
                    self._log.info("CHILD_SETTLED", child=word.name, how=type(word).__name__.lower(), **word.detail)
                if self._ending is not None:
                    self._ending.tick(self._clock())

    def _on_death(self, descriptor: int) -> None:
        name = self._crew.died(descriptor)
        if name is None or self._crew.state(name) is not ChildState.BACKOFF:
            return
        if self._ending is not None and not self._ending.may_start(name):
            return
        if not self._crew.taken_along(name):
            self._end_if(self._crew.plan_restart(name))
        self._crew.start_due(self._may_start)

    def _on_tick(self) -> None:
        now = self._clock()
        trigger = self._switch.pulled(now)
        if trigger is not None:
            self._kill(trigger, "")
        self._crew.end_hung()
        self._crew.start_due(self._may_start)
        if self._ending is not None:
            self._ending.tick(now)
        elif self._running_ns and self._plan.ends_with in self._milestones:
            self._drain("tape_ended")
        elif self._plan.duration_ends and self._running_ns and now - self._running_ns >= self._plan.duration_s * NS_PER_S:
            self._drain("duration")
        elif not self._running_ns:
            self._check_gate(now)

    def _may_start(self, name: str) -> bool:
        return self._ending is None or self._ending.may_start(name)

    # ------------------------------------------------------------------ starting

    def _start_stage(self) -> None:
        for spec in self._plan.stages[self._stage]:
            self._crew.start(spec.name)

    def _advance(self) -> None:
        """The next stage when this one serves; the gate opens the stages behind it; behind the last one the session runs."""
        while self._ending is None and not self._running_ns:
            names = [spec.name for spec in self._plan.stages[self._stage]]
            gate = self._plan.gate
            if not self._crew.serving(names) or (gate.child in names and f"{gate.child}:{gate.milestone}" not in self._milestones):
                return
            if self._stage + 1 < len(self._plan.stages):
                self._stage += 1
                self._start_stage()
                return
            self._running_ns = self._clock()
            self._log.info("SESSION_RUNNING", duration_s=self._plan.duration_s, started_in_ms=(self._running_ns - self._born_ns) // NS_PER_MS)
            self._crew.tell_all(self._pulse())

    def _check_gate(self, now_ns: int) -> None:
        gate = self._plan.gate
        waiting = f"{gate.child}:{gate.milestone}" not in self._milestones
        if waiting and now_ns - self._born_ns > gate.deadline_s * NS_PER_S:
            self._end_if(GiveUp(gate.exit_code, gate.sentence))

    # ------------------------------------------------------------------ ending

    def _on_signal(self, name: str) -> None:
        if name == "SIGUSR1":
            self._kill("SIGUSR1", "")
        elif isinstance(self._ending, Drainage):
            self._log.warning("STOP_HURRIED", signal=name)
            self._ending.hurry()
        else:
            self._drain(name)

    def _on_command(self, delivery: Delivery) -> None:
        assert delivery.peer is not None
        command = delivery.message
        if not isinstance(command, Operate):
            return
        refusal = self._desk.refusal(command, self._clock())
        if refusal is not None:
            self._note_refusal(command.command, refusal)
            self._command.send(delivery.peer, Operated(accepted=False, reason=refusal))
        elif command.command == "status":
            self._command.send(delivery.peer, Operated(accepted=True, status=self.status()))
        elif command.command in ("kill", "stop"):
            self._command.send(delivery.peer, Operated(accepted=True))
            self._kill("command", command.by) if command.command == "kill" else self._drain("stop")
        else:
            self._command.send(delivery.peer, Operated(accepted=False, reason=f"unknown command {command.command[:32]!r}"))

    def _note_refusal(self, command: str, reason: str) -> None:
        """At most one line a second for each of the few reasons, however many come."""
        self._refused += 1
        if self._clock() - self._refusal_noted_ns.get(reason, -NS_PER_S) >= NS_PER_S:
            self._refusal_noted_ns[reason] = self._clock()
            self._log.warning("COMMAND_REFUSED", command=command[:32], reason=reason, refused_so_far=self._refused)

    def _kill(self, trigger: str, by: str) -> None:
        if isinstance(self._ending, Killing):
            return
        self._log.warning("KILL_RECEIVED", trigger=trigger, by=by)
        self._switch.latch(trigger, by)
        self._begin(Killing(self._plan, self._crew, f"kill:{trigger}", ExitCode.KILLED, self._facts, self._clock()))

    def _end_if(self, give_up: GiveUp | None) -> None:
        if give_up is not None and not isinstance(self._ending, Killing):
            self._log.error("SESSION_GIVEN_UP", reason=give_up.reason, exit_code=give_up.exit_code)
            self._begin(Killing(self._plan, self._crew, give_up.reason, give_up.exit_code, self._facts, self._clock()))

    def _drain(self, reason: str) -> None:
        if self._ending is None:
            self._log.info("SESSION_DRAINING", reason=reason)
            self._begin(Drainage(self._plan, self._crew, reason, self._facts, self._clock()))

    def _begin(self, ending: Drainage | Killing) -> None:
        self._ending = ending
        self._ended_ns = self._clock()
        self._crew.tell_all(self._pulse())
        ending.tick(self._clock())

    def _part(self) -> None:
        """Everybody leaves; who does not is killed; nobody is left behind but what the kernel cannot end."""
        deadline = self._clock() + LEAVE_NS
        self._crew.leaving = True
        self._crew.tell_all(Leave())
        self._reap_until(deadline)
        for name in self._crew.alive():
            self._crew.kill(name)
        self._reap_until(self._clock() + REAP_NS)
        for name in self._crew.alive():
            self._log.error("CHILD_LEFT_BEHIND", child=name, child_pid=self._crew.row(name).pid)

    def _reap_until(self, deadline_ns: int) -> None:
        while self._crew.alive() and self._clock() < deadline_ns:
            delivery = self._mailbox.receive()
            if delivery.source == DEATH:
                self._crew.died(delivery.message)
            elif delivery.source == "control":
                self._on_word(delivery.message)

    # ------------------------------------------------------------------ telling

    def _phase(self) -> str:
        if isinstance(self._ending, Killing):
            return "KILLED"
        if self._ending is not None:
            return "DRAINING"
        return "RUNNING" if self._running_ns else "STARTING"

    def _elapsed_s(self) -> float:
        until = self._ended_ns or self._clock()
        return round(max(0, until - self._running_ns) / NS_PER_S, 3) if self._running_ns else 0.0

    def _pulse(self) -> Pulse:
        return Pulse(state=self._phase(), metrics=self._crew.board.metrics())

    def _facts(self) -> dict[str, Any]:
        """What the closing child puts into the summary about the run itself."""
        return {"duration_s": self._elapsed_s(), **self._crew.board.facts()}

    def status(self) -> dict[str, Any]:
        """The status of docs/OPERATING.md; what is about trading comes from the reports as it is."""
        plan, board = self._plan, self._crew.board
        view, trading = board.rows[plan.view_from].report, board.rows[plan.state_from].report
        phase = self._phase()
        return {
            "run_id": plan.run_id, "state": trading.get("state", "STARTING") if phase == "RUNNING" else phase,
            "elapsed_s": self._elapsed_s(), "duration_s": plan.duration_s, "venue": plan.venue, "symbols": view.get("symbols", {}),
            "pnl": view.get("pnl", {}), "actors": board.actors(self._clock()), "metrics": board.metrics(),
        }
