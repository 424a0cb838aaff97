"""What the server needs of whatever it serves: pushes in order of time, and REST answers. A seeded market is one, a
tape another.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from venue.stand_in.http_answer import HttpAnswer
from venue.wire import Topic


class Push(NamedTuple):
    """One text frame that is due to every subscriber of `topic` at `at_ns` of virtual time.

    `opening` replaces `text` for a subscriber's first frame, where a stream opens with a snapshot and goes on in
    changes.
    """

    at_ns: int
    topic: Topic
    text: str
    opening: str | None = None


class MarketSource(Protocol):
    """A market that tells its story once, forwards. The server is its only listener and calls it from one thread.

    A `patient` source is not asked for more while its newest listener has not taken what it was sent.
    """

    patient: bool

    @property
    def start_ns(self) -> int:
        """Virtual time at which the story begins, nanoseconds since the epoch."""

    @property
    def symbols(self) -> Collection[str]:
        """Contracts that exist."""

    def serves(self, topic: Topic) -> bool:
        """Whether a subscription to `topic` will ever get a push."""

    def next_push_ns(self, topics: Collection[Topic]) -> int | None:
        """When the next push of any of `topics` is due, or None when there will be none."""

    def pushes(self, until_ns: int, topics: Collection[Topic]) -> list[Push]:
        """Go on to `until_ns` and return what was due to `topics` on the way, in order of time."""

    @property
    def ended(self) -> bool:
        """The story is over: whoever listens is told so and let go."""

    def cue(self, topics: Collection[Topic]) -> None:
        """A connection subscribed for the first time: a source that has several beginnings chooses one."""

    def answer(self, path: str, query: Mapping[str, str]) -> HttpAnswer:
        """The answer to a GET, as of the time last gone on to; errors are answers too."""
