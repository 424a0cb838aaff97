"""The tape of a run as the feed keeps it: resumed after a crash and told again, every record in the file before anybody is told.

What cannot be written or told again ends the feed with the exit code that says so. Must not know sockets.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from actors.process import Unstartable
from records.tape import ConnectionEvent, Frame, RestAnswer, TapeDamaged, TapeFailure, TapeHeader, TapeReader, TapeWriter
from records.tape_lines import Record
from timing.clock import monotonic_ns, wall_ns
from trading.messages import FeedLive, FeedStale, MarketFact
from venue.continuous import ContinuousMarket
from venue.effects import Tell, TellStatus
from venue.stream import Control, MarketStream

__all__ = ["MarketTape", "TapeDisagrees", "told_again", "told_by_texts"]

EXIT_DATA, EXIT_IO = 65, 74

_STATUS = msgspec.json.Decoder(FeedStale | FeedLive)


class TapeDisagrees(Exception):
    """Telling the tape again gave other numbers than the first time: it is damaged, or this is another version of the program."""


class MarketTape:
    """``resumed`` says whether there was a tape of this run; then ``tell_again`` comes before the first record.

    One offset between the clocks for a whole life: the tape's times never run backwards, whatever the wall clock does.
    """

    def __init__(self, path: Path, symbols: tuple[str, ...], source: str) -> None:
        self.resumed = path.exists()
        self.wall_offset_ns = wall_ns() - monotonic_ns()
        self._path = path
        self._last_ns = 0
        try:
            header = TapeHeader(venue="bitunix", symbols=symbols, started_ns=wall_ns(), source=source)
            self._writer: TapeWriter | None = TapeWriter.resume(path, header)
        except TapeDamaged as problem:
            raise Unstartable(EXIT_DATA, f"the tape cannot be resumed: {problem}") from problem
        except TapeFailure as problem:
            raise Unstartable(EXIT_IO, f"the tape cannot be written: {problem}") from problem

    def tell_again(self, market: MarketStream | ContinuousMarket) -> Iterator[MarketFact]:
        """The facts of the run so far with the numbers they had."""
        try:
            tape = TapeReader(self._path)
            self._last_ns = tape.header.started_ns
            for record in tape:
                self._last_ns = max(self._last_ns, record.at_ns)
                if isinstance(market, ContinuousMarket):
                    yield from told_by_texts(record, market, self.wall_offset_ns)
                elif (fact := told_again(record, market, self.wall_offset_ns)) is not None:
                    yield fact
        except (TapeDamaged, TapeDisagrees) as problem:
            raise Unstartable(EXIT_DATA, f"the tape cannot be told again: {problem}") from problem
        # A wall clock that was set back meanwhile must not make the tape run backwards.
        self.wall_offset_ns = max(self.wall_offset_ns, self._last_ns - monotonic_ns())

    @property
    def last_ns(self) -> int:
        """The monotonic instant of the last record."""
        return self._last_ns - self.wall_offset_ns

    def heard(self, text: str, seen_ns: int) -> None:
        self._append(Frame(self._wall(seen_ns), text))

    def answered(self, path: str, query: dict[str, str], status: int, body: bytes, seen_ns: int) -> None:
        self._append(RestAnswer.received(self._wall(seen_ns), path, query, status, body))

    def connected(self, detail: str, seen_ns: int) -> None:
        self._append(ConnectionEvent(self._wall(seen_ns), "connected", detail))

    def closed(self, detail: str, seen_ns: int) -> None:
        self._append(ConnectionEvent(self._wall(seen_ns), "closed", detail))

    def found(self, fact: FeedStale | FeedLive) -> None:
        """A watchdog's fact: ``stale``, or ``connected`` when data flows again; the fact itself is the detail."""
        at_ns, detail = self._wall(fact.seen_ns), msgspec.json.encode(fact).decode()
        stale = isinstance(fact, FeedStale)
        self._append(ConnectionEvent(at_ns, "stale", detail) if stale else ConnectionEvent(at_ns, "connected", detail))

    def close(self) -> str | None:
        """End it, once; what went wrong, or None."""
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                writer.close(wall_ns())
        except TapeFailure as problem:
            return str(problem)
        return None

    @property
    def is_closed(self) -> bool:
        return self._writer is None

    def _append(self, record: Record) -> None:
        if self._writer is None:
            return  # ended: the session is over
        try:
            self._writer.append(record)
        except TapeFailure as problem:
            raise Unstartable(EXIT_IO, f"the tape cannot be written: {problem}") from problem

    def _wall(self, mono_ns: int) -> int:
        """Never before the last record: what a timer found may precede a frame that still waits in the pipe."""
        self._last_ns = max(self._last_ns, mono_ns + self.wall_offset_ns)
        return self._last_ns


def told_again(record: Frame | RestAnswer | ConnectionEvent, stream: MarketStream, wall_offset_ns: int) -> MarketFact | None:
    """The fact that a record gave, with the number it had. ``wall_offset_ns``: wall minus monotonic time now. Raises TapeDisagrees."""
    if isinstance(record, Frame):
        heard = stream.heard(record.text, record.at_ns - wall_offset_ns)
        return heard if isinstance(heard, MarketFact) else None
    if isinstance(record, ConnectionEvent):
        if record.detail.startswith("{"):
            return _status(record.detail, stream)
        if record.event == "connected":
            stream.connected()
    return None


def told_by_texts(record: Frame | RestAnswer | ConnectionEvent, market: ContinuousMarket, wall_offset_ns: int) -> list[MarketFact]:
    """The facts that a record gave in a run on a recording: its texts alone decide, what else is on the tape is for people."""
    told = market.heard(record.text, record.at_ns - wall_offset_ns) if isinstance(record, Frame) else []
    return [] if isinstance(told, Control) else [effect.fact for effect in told if isinstance(effect, (Tell, TellStatus))]


def _status(detail: str, stream: MarketStream) -> FeedStale | FeedLive:
    try:
        fact: FeedStale | FeedLive = _STATUS.decode(detail)
    except msgspec.DecodeError as problem:
        raise TapeDisagrees(f"not a watchdog's fact: {problem}") from problem
    stream.retold(fact)
    if fact.sequence != stream.sequence:
        raise TapeDisagrees(f"fact {fact.sequence} on the tape is number {stream.sequence} when told again")
    return fact
