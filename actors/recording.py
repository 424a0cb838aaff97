"""A tape file as the stand-in serves it: frames and answers out of the file, and how much of it another tape already holds.

Joins records (files) and venue (frames), which do not know each other. Must not know who listens.
"""

from collections import Counter
from pathlib import Path

import msgspec

from records.tape import ConnectionEvent, Frame, RestAnswer, TapeDamaged, TapeReader
from venue.dialect import MAX_FRAME_CHARACTERS
from venue.stand_in.source import Push
from venue.stand_in.tape_source import RecordedAnswer, topic_of
from venue.wire import Topic

__all__ = ["Recording", "read_recording", "topics_on"]

FIRST_RECORD_LINE = 2


class Recording(msgspec.Struct, frozen=True):
    """``frames`` are the pushes; frames about the recorded connections themselves are not served again."""

    frames: tuple[Push, ...]
    answers: tuple[RecordedAnswer, ...]

    @property
    def symbols(self) -> frozenset[str]:
        """Of which anything can be heard."""
        return frozenset(push.topic.symbol for push in self.frames)

    @property
    def span_s(self) -> float:
        """From the first frame to the last, in the tape's time."""
        return (self.frames[-1].at_ns - self.frames[0].at_ns) / 1_000_000_000 if self.frames else 0.0


def read_recording(path: Path) -> Recording:
    """The whole tape. Raises TapeDamaged, OSError. A tape that was cut short is served as far as it goes."""
    frames: list[Push] = []
    answers: list[RecordedAnswer] = []
    for number, record in enumerate(TapeReader(path), FIRST_RECORD_LINE):
        match record:
            case Frame():
                frames += _pushes(record, number)
            case RestAnswer(_, asked, query, status, body):
                answers.append(RecordedAnswer(asked, query, status, bytes(body)))
            case ConnectionEvent():
                continue
    return Recording(tuple(frames), tuple(answers))


def topics_on(path: Path) -> Counter[Topic]:
    """How many frames of each topic a tape holds that somebody may be writing at this moment; none when there is no such file.

    Some 5 us a frame. Raises TapeDamaged, OSError.
    """
    if not path.exists():
        return Counter()
    topics = (topic_of(record.text) for record in TapeReader(path) if isinstance(record, Frame))
    return Counter(topic for topic in topics if topic is not None)


def _pushes(frame: Frame, number: int) -> list[Push]:
    """One, or none. What no client would take is refused here: it could never be told from a frame that was lost."""
    topic = topic_of(frame.text)
    if topic is None:
        return []
    if len(frame.text.encode()) > MAX_FRAME_CHARACTERS:
        raise TapeDamaged(number, f"a frame of more than {MAX_FRAME_CHARACTERS} bytes")
    return [Push(frame.at_ns, topic, frame.text)]
