"""The plan of a session: which actors with which settings, in which order they start and settle.

Must not carry anything out; it is data for supervisors/root.py.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from actors.broker import BrokerSettings
from actors.envelopes import run_codec
from actors.feed import FeedSettings
from actors.gateway import GatewaySettings
from actors.host import Birth, run_child
from actors.reporter import ReporterSettings
from actors.strategy import StrategyActorSettings
from front.arguments import Arguments
from front.settings import Settings
from front.tape_file import TapeFile
from front.warmup import warmup_s
from records.workspace import RunPaths, Workspace
from reporting.artefacts import RunFacts
from supervisors.exit_codes import ExitCode
from supervisors.plan import ChildSpec, Gate, Plan
from trading.carry import Carried
from trading.margin import MarginSettings
from venue.stand_in.settings import TapeSettings

__all__ = ["build_plan", "fingerprint"]

PRELOAD = (
    "actors.host", "actors.broker", "actors.feed", "actors.gateway", "actors.reporter", "actors.risk", "actors.strategy", "actors.venue",
    "front.thaw",
)

DRAIN_ORDER: tuple[tuple[str, ...], ...] = (("strategy",), ("risk",), ("broker",), ("gateway", "feed"), ("reporter",))

Details = Mapping[str, dict[str, Any]]


def build_plan(
    settings: Settings, arguments: Arguments, workspace: Workspace, run: RunPaths, seed: int, control_key: bytes, started_at: str,
    tape: TapeFile | None = None, carried: Carried | None = None,
) -> Plan:
    """``carried`` is the account to go on with; without it a fresh one begins. ``seed`` decides everything random
    in the session; ``started_at`` is for people."""
    make = _Maker(settings, arguments, workspace, run, seed, started_at, tape, carried)
    connect_timeout_s = arguments.connect_timeout_s / min(1.0, arguments.pace or 1.0)  # a slow tape takes its time to look alive
    market: tuple[ChildSpec, ...] = (make.child("gateway", "actors.gateway:Gateway", make.gateway), make.child("feed", "actors.feed:Feed", make.feed))
    stages: tuple[tuple[ChildSpec, ...], ...] = (
        market, (make.child("broker", "actors.broker:Broker", make.broker),), (make.child("risk", "actors.risk:Risk", make.risk),),
        (make.child("strategy", "actors.strategy:StrategyActor", make.strategy), make.child("reporter", "actors.reporter:Reporter", make.reporter)),
    )
    drain_order = DRAIN_ORDER
    if arguments.venue != "bitunix":
        drain_order = (*DRAIN_ORDER, ("venue",))
        stages = ((make.child("venue", "actors.venue:Venue", make.venue),), *stages)
    return Plan(
        run_id=run.run_id, run_directory=run.directory, control_key=control_key, stages=stages,
        gate=Gate(
            child="feed", milestone="live", deadline_s=connect_timeout_s, exit_code=ExitCode.UNAVAILABLE,
            sentence=f"no market data from the venue within {connect_timeout_s:g} s (--connect-timeout)",
        ),
        duration_s=make.planned_s(), duration_ends=tape is None or make.planned_s() == arguments.duration_s,
        supervision=settings.session.supervision, settles="broker", closes="reporter",
        drain_order=drain_order, preload=PRELOAD, codec_types=run_codec().types, venue=arguments.venue,
        ends_with="strategy:ended" if _from_tape(arguments) else None, state_from="risk",
        view_from="reporter", kill_file=workspace.kill_file, killed_latch=workspace.killed_latch,
    )


def fingerprint(settings: Settings, arguments: Arguments, seed: int, tape: TapeFile | None = None) -> str:
    """Names what decides a run: configuration, symbol, venue (a tape by its content) and seed; not when, where or how fast it ran."""
    decisive = (settings, arguments.symbol, arguments.venue if tape is None else f"tape {tape.sha256}", seed)
    return sha256(msgspec.json.encode(decisive, order="deterministic")).hexdigest()[:16]


def _from_tape(arguments: Arguments) -> bool:
    """A tape is traded in lockstep (actors/turns.py) and ends the session when it is over."""
    return arguments.tape is not None


class _Maker:
    """The settings of each actor, from the files, the command line and what the actors before it said."""

    def __init__(
        self, settings: Settings, arguments: Arguments, workspace: Workspace, run: RunPaths, seed: int, started_at: str,
        tape: TapeFile | None, carried: Carried | None,
    ) -> None:
        self._settings = settings
        self._arguments = arguments
        self._workspace = workspace
        self._run = run
        self._seed = seed
        self._started_at = started_at
        self._tape = tape
        self._carried = carried
        self._fingerprint = fingerprint(settings, arguments, seed, tape)

    def child(self, name: str, actor: str, settings: Callable[[Details], Any]) -> ChildSpec:
        def birth(details: Details, incarnation: int) -> Birth:
            return Birth(
                name=name, actor=actor, incarnation=incarnation, run_id=self._run.run_id, run_directory=self._run.directory,
                state_file=self._workspace.state_file, system_log=self._workspace.system_log, settings=settings(details),
                lockstep=_from_tape(self._arguments),
            )

        return ChildSpec(name=name, target=run_child, argument=birth, restart=self._settings.session.supervision.restart[name])

    def venue(self, _: Details) -> Any:
        section = self._settings.session.stand_in
        if self._arguments.tape is None:
            return section.settings(self._seed, self._arguments.symbol)
        return TapeSettings(
            tape=self._arguments.tape, recorded=self._run.tape, speed=self._arguments.pace, enforce_limits=section.enforce_limits,
        )

    def feed(self, details: Details) -> FeedSettings:
        exchange = self._settings.exchange
        url = details["venue"]["ws_url"] if "venue" in details else exchange.ws_url
        continuous = _from_tape(self._arguments)
        return FeedSettings(ws_url=url, symbols=(self._arguments.symbol,), link=exchange.feed, seed=self._seed, continuous=continuous)

    def gateway(self, details: Details) -> GatewaySettings:
        exchange = self._settings.exchange
        url = details["venue"]["rest_url"] if "venue" in details else exchange.rest_url
        return GatewaySettings(rest_url=url, rest=exchange.gateway, seed=self._seed)

    def broker(self, _: Details) -> BrokerSettings:
        return BrokerSettings(
            symbols=(self._arguments.symbol,), fingerprint=self._fingerprint, account=self._account(),
            carried=self._carried.positions if self._carried else (),
        )

    def risk(self, _: Details) -> Any:
        return self._settings.risk

    def strategy(self, _: Details) -> StrategyActorSettings:
        return StrategyActorSettings(strategy=self._settings.strategy, print_band_bps=self._settings.session.account.print_band_bps)

    def reporter(self, _: Details) -> ReporterSettings:
        strategy = self._settings.strategy
        return ReporterSettings(
            account=self._account(),
            run=RunFacts(
                run_id=self._run.run_id, venue=self._arguments.venue, symbols=(self._arguments.symbol,), strategy=strategy.name,
                seed=self._seed, fingerprint=self._fingerprint, started_at=self._started_at, planned_duration_s=self.planned_s(),
                warmup_s=warmup_s(strategy),
            ),
        )

    def planned_s(self) -> float:
        """A tape at full speed lasts as long as it takes; what it covers is the better answer then."""
        asked_s = self._arguments.duration_s
        return asked_s if self._tape is None else min(asked_s, self._tape.span_s / (self._arguments.pace or 1.0))

    def _account(self) -> dict[str, Any]:
        """The account's settings but for the instruments, which the venue tells."""
        session = self._settings.session.account
        schedule = self._settings.exchange.fee_schedule
        return {
            "balance": self._carried.balance if self._carried else session.balance,
            "position_max": dict(self._settings.risk.max_position_per_symbol),
            "fee_schedule": schedule.name, "maker_fee": schedule.maker, "taker_fee": schedule.taker,
            "slippage_model": session.slippage.model, "slippage_bps": session.slippage.slippage_bps,
            "making": session.making, "entry_latency": session.latency.entry, "response_latency": session.latency.response,
            "margin": {self._arguments.symbol: MarginSettings(session.leverage, self._settings.exchange.tiers_of(self._arguments.symbol))},
            "print_band_bps": session.print_band_bps, "equity_interval_ms": session.equity_interval_ms,
        }
