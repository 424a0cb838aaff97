"""What a session consists of, as data: which children, in which order they start and settle, how they are watched.

Built in the front hallway; the root loop carries it out. Must not know what a child does.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

__all__ = ["ChildSpec", "Gate", "Plan", "RestartStrategy", "SupervisionSettings"]

PositiveInt = Annotated[int, Meta(gt=0)]
PositiveFloat = Annotated[float, Meta(gt=0)]


class RestartStrategy(StrEnum):
    """Erlang's words: restart the dead child alone, or it and all that started after it, or never."""

    ONE_FOR_ONE = "one_for_one"
    REST_FOR_ONE = "rest_for_one"
    NEVER = "never"


class SupervisionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers of the supervisor (config/session.yaml, section ``supervision``)."""

    restarts_per_actor: PositiveInt
    restarts_total: PositiveInt
    restart_window_s: PositiveFloat
    restart_backoff_min_ms: PositiveInt
    restart_backoff_max_ms: PositiveInt
    hang_after_ms: Annotated[int, Meta(ge=500)]
    ready_deadline_s: PositiveFloat
    drain_deadline_s: PositiveFloat
    drain_total_s: PositiveFloat
    kill_settle_ms: PositiveInt
    kill_total_ms: PositiveInt
    restart: dict[str, RestartStrategy]


class Gate(msgspec.Struct, frozen=True):
    """Later stages wait until ``child`` has reached ``milestone``; not in time ends the session with ``exit_code``."""

    child: str
    milestone: str
    deadline_s: float
    exit_code: int
    sentence: str


class ChildSpec(msgspec.Struct, frozen=True):
    """One child. ``target(argument(details, incarnation))`` is its main function in a fresh process; ``details`` are what the
    children before it said in their Hello, by name."""

    name: str
    target: Callable[[Any], None]
    argument: Callable[[Mapping[str, dict[str, Any]], int], Any]
    restart: RestartStrategy = RestartStrategy.ONE_FOR_ONE


class Plan(msgspec.Struct, frozen=True):
    """A whole session. ``stages`` start one after the other, the children of one together. ``settles`` is the child that must
    carry out a halt whatever happens; ``drain_order`` settles stage by stage; ``closes`` is told last, with the session's facts.
    ``duration_s`` ends the session in order if ``duration_ends``, else it is only what is expected.
    ``ends_with``: a milestone (``child:milestone``) that ends the session in order, whatever its duration."""

    run_id: str
    run_directory: Path
    control_key: bytes
    stages: tuple[tuple[ChildSpec, ...], ...]
    gate: Gate
    duration_s: float
    duration_ends: bool
    supervision: SupervisionSettings
    settles: str
    closes: str
    drain_order: tuple[tuple[str, ...], ...]
    preload: tuple[str, ...]
    codec_types: tuple[type[msgspec.Struct], ...]
    venue: str
    ends_with: str | None
    state_from: str
    view_from: str
    kill_file: Path
    killed_latch: Path
    kill_variable: str = "LA_KILL_SWITCH"

    def children(self) -> tuple[ChildSpec, ...]:
        return tuple(spec for stage in self.stages for spec in stage)
