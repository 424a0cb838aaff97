"""The table of a child's life: no way back from GONE, nothing serves without having started."""

from itertools import product

from supervisors.lifecycle import TABLE, ChildState, LifeEvent, next_state


def test_gone_is_final_and_refused_moves_are_values() -> None:
    assert all(next_state(ChildState.GONE, event) is None for event in LifeEvent)
    assert next_state(ChildState.WAITING, LifeEvent.HELLO) is None


def test_every_state_is_reached_and_every_living_state_knows_death() -> None:
    assert set(TABLE.values()) | {ChildState.WAITING} == set(ChildState)
    for state in (ChildState.STARTING, ChildState.SERVING, ChildState.SETTLED):
        assert next_state(state, LifeEvent.DEATH) is not None


def test_only_a_waiting_or_dead_child_is_spawned() -> None:
    spawning = [state for state, event in product(ChildState, [LifeEvent.SPAWN]) if next_state(state, event) is not None]
    assert spawning == [ChildState.WAITING, ChildState.BACKOFF]
