"""A recorded session as a source of pushes and answers: every frame as it was recorded, in the recorded order, none left out.

It must not know files: whoever reads the recording hands in its frames and answers.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from venue import wire
from venue.stand_in.http_answer import HTML, HttpAnswer
from venue.stand_in.rest import error_body
from venue.stand_in.source import Push
from venue.wire import Topic

__all__ = ["RecordedAnswer", "TapeSource", "topic_of"]

BATCH_FRAMES = 64
BATCH_CHARACTERS = 256 * 1024
"""One batch goes out before anybody looks whether the client keeps up: so much may wait in the server beyond its buffer."""

FAMILIES = (wire.MARKET_PATH, wire.POSITION_TIERS_PATH.rpartition("/")[0])


class RecordedAnswer(NamedTuple):
    """An answer that the session got to a GET. `body` is its JSON as it came; what was no JSON is a JSON string."""

    path: str
    query: Mapping[str, str]
    status: int
    body: bytes


class TapeSource:
    """One story for everybody who listens, told forwards; a new connection's first subscription cues it.

    `frames` are (time, topic, text) in order, at least one. `heard` counts, per topic, the frames that the listener has on
    record already: the story goes on behind them. Without it, it goes on where it stands. `waits` is False for as fast as
    the client takes it.
    """

    patient = True

    def __init__(
        self, frames: Sequence[Push], answers: Iterable[RecordedAnswer], heard: Callable[[], Mapping[Topic, int]] | None = None,
        waits: bool = True,
    ) -> None:
        self._frames = frames
        self._heard = heard
        self._waits = waits
        self._next = 0
        self._topics = {push.topic for push in frames}
        self._answers = {_asked(answer.path, answer.query): answer for answer in answers}  # the newest stays

    @property
    def start_ns(self) -> int:
        """The first frame comes at once: what a recording waited for before is not waited for again."""
        return self._frames[0].at_ns

    @property
    def symbols(self) -> Collection[str]:
        return {topic.symbol for topic in self._topics}

    @property
    def ended(self) -> bool:
        return self._next >= len(self._frames)

    def serves(self, topic: Topic) -> bool:
        return topic in self._topics

    def cue(self, topics: Collection[Topic]) -> None:
        if self._heard is None:
            return
        heard = self._heard()
        left = sum(heard.get(topic, 0) for topic in topics)
        self._next = 0
        while left > 0 and not self.ended:
            left -= self._frames[self._next].topic in topics
            self._next += 1

    def next_push_ns(self, topics: Collection[Topic]) -> int | None:
        if self.ended or not topics:
            return None
        return self._frames[self._next].at_ns if self._waits else self.start_ns

    def pushes(self, until_ns: int, topics: Collection[Topic]) -> list[Push]:
        """A batch of what is due; the tape stands still while nobody listens."""
        told: list[Push] = []
        characters = 0
        while topics and not self.ended and len(told) < BATCH_FRAMES and characters < BATCH_CHARACTERS:
            push = self._frames[self._next]
            if self._waits and push.at_ns > until_ns:
                break
            self._next += 1
            if push.topic in topics:
                told.append(push)
                characters += len(push.text)
        return told

    def answer(self, path: str, query: Mapping[str, str]) -> HttpAnswer:
        recorded = self._answers.get(_asked(path, query))
        if recorded is None:
            return HttpAnswer(200, _refusal(path))
        if recorded.body.startswith(b'"'):
            return HttpAnswer(recorded.status, msgspec.json.decode(recorded.body, type=str), HTML)
        return HttpAnswer(recorded.status, recorded.body.decode())


def topic_of(text: str) -> Topic | None:
    """What a frame is a push of; None for frames about the connection and for what is no frame at all."""
    try:
        frame = wire.decode_frame(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return Topic(frame.symbol, frame.ch) if frame.ch else None


def _asked(path: str, query: Mapping[str, str]) -> tuple[str, str, str]:
    """What makes two requests the same: path and symbol, and of a series its bars' length."""
    return path, query.get("symbol", query.get("symbols", "")).upper(), query.get("interval", "")


def _refusal(path: str) -> str:
    """The venue's own words for what it does not have."""
    if path.startswith(FAMILIES):
        return error_body(wire.CODE_SYMBOL_NOT_SUPPORTED, "this Futures is not allowed to trade.")
    return error_body(wire.CODE_NOT_FOUND, "Not Found")
