"""A stage for stand-ins, cleared after every test."""

from collections.abc import Iterator

import pytest

from tests.venue.stand_in.staging import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()
