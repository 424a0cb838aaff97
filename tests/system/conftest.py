"""One place per test; whatever a test leaves running is ended."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.driver import Place
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
    for place in places:
        place.end_everything()


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    return make_place()
