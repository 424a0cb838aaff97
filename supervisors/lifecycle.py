"""The life of a child as one literal table. Pure; refused moves are values.

``WAITING`` not yet its turn · ``STARTING`` process exists, not recovered · ``SERVING`` · ``SETTLED`` drained or halted, still alive ·
``BACKOFF`` dead, to be started again · ``GONE`` dead for good.
"""

from enum import StrEnum

__all__ = ["ChildState", "LifeEvent", "next_state"]


class ChildState(StrEnum):
    WAITING = "WAITING"
    STARTING = "STARTING"
    SERVING = "SERVING"
    SETTLED = "SETTLED"
    BACKOFF = "BACKOFF"
    GONE = "GONE"


class LifeEvent(StrEnum):
    SPAWN = "SPAWN"
    HELLO = "HELLO"
    SETTLE = "SETTLE"
    DEATH = "DEATH"
    GIVE_UP = "GIVE_UP"


TABLE: dict[tuple[ChildState, LifeEvent], ChildState] = {
    (ChildState.WAITING, LifeEvent.SPAWN): ChildState.STARTING,
    (ChildState.WAITING, LifeEvent.GIVE_UP): ChildState.GONE,
    (ChildState.STARTING, LifeEvent.HELLO): ChildState.SERVING,
    (ChildState.STARTING, LifeEvent.DEATH): ChildState.BACKOFF,
    # a broker started only to carry out a halt may answer that before it said hello
    (ChildState.STARTING, LifeEvent.SETTLE): ChildState.SETTLED,
    (ChildState.SERVING, LifeEvent.SETTLE): ChildState.SETTLED,
    (ChildState.SERVING, LifeEvent.DEATH): ChildState.BACKOFF,
    (ChildState.SETTLED, LifeEvent.DEATH): ChildState.GONE,
    (ChildState.BACKOFF, LifeEvent.SPAWN): ChildState.STARTING,
    (ChildState.BACKOFF, LifeEvent.GIVE_UP): ChildState.GONE,
}


def next_state(state: ChildState, event: LifeEvent) -> ChildState | None:
    """None: not a move of this table; the caller changes nothing."""
    return TABLE.get((state, event))
