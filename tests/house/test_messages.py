"""Whatever may travel between processes arrives as it was sent."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from actors.envelopes import run_codec
from messaging.codec import Codec
from messaging.control import OPERATOR_WORDS
from tests.house.instances import instances

RUN = run_codec()


@pytest.mark.parametrize("kind", RUN.types, ids=lambda kind: str(kind.__name__))
@given(data=some.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
def test_every_kind_of_message_survives_its_way(kind: type[msgspec.Struct], data: Any) -> None:
    message = data.draw(instances(kind))
    assert RUN.decode(RUN.encode(message)) == message


@pytest.mark.parametrize("kind", OPERATOR_WORDS, ids=lambda kind: str(kind.__name__))
@given(data=some.data())
@settings(max_examples=30, deadline=None)
def test_every_word_of_the_operator_survives_its_way(kind: type[msgspec.Struct], data: Any) -> None:
    codec = Codec(OPERATOR_WORDS)
    message = data.draw(instances(kind))
    assert codec.decode(codec.encode(message)) == message


def test_no_two_kinds_share_a_name() -> None:
    names = [kind.__name__ for kind in RUN.types]
    assert len(names) == len(set(names))
