"""One place per test; whatever a test leaves running is ended, and what every session promises is asked of all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.driver import Place
from tests.system.promises import broken_promises
from tests.system.settings import Settings

MakePlace = Callable[..., Place]


@pytest.fixture
def make_place(tmp_path: Path) -> Iterator[MakePlace]:
    """``make_place(changes)``: a workspace with a configuration that differs from the quick one by ``changes``."""
    places: list[Place] = []

    def make(changes: Settings | None = None) -> Place:
        directory = tmp_path / f"place-{len(places)}"
        directory.mkdir()
        places.append(Place(directory, changes))
        return places[-1]

    yield make
    broken = []
    for place in places:
        try:
            broken += broken_promises(place) if all(session.process.poll() is not None for session in place.sessions) else []
        finally:
            place.end_everything()
    assert broken == []


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    return make_place()
