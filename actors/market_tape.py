"""The tape of a run as the feed keeps it: resumed after a crash and told again, every record in the file before anybody is told.

What cannot be written or told again ends the feed with the exit code that says so. Must not know sockets.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from actors.process import Unstartable
from records.tape import ConnectionEvent, Frame, RestAnswer, TapeDamaged, TapeFailure, TapeHeader, TapeReader, TapeWriter
from records.tape_lines import Record
from timing.clock import monotonic_ns, wall_ns
from trading.messages import AnyMarketFact, FeedLive, FeedStale, MarketFact
from venue.continuous import ContinuousMarket
from venue.effects import Tell, TellStatus
from venue.stream import Control, MarketStream

__all__ = ["MarketTape", "TapeDisagrees", "told_again", "told_by_texts"]

EXIT_DATA, EXIT_IO = 65, 74

_STATUS = msgspec.json.Decoder(FeedStale | FeedLive)


Market = MarketStream | ContinuousMarket


class TapeDisagrees(Exception):
    """Telling the tape again gave other numbers than the first time: it is damaged, or this is another version of the program."""


class KeptMarket(NamedTuple):
    """A market as it was behind so many records of a tape, the last of which is of ``at_ns``; ``standing``: what counts of the facts
    up to ``sequence``, the last one told."""

    records: int
    at_ns: int
    market: Market
    sequence: int
    standing: tuple[AnyMarketFact, ...]


class MarketTape:
    """``resumed`` says whether there was a tape of this run; then ``behind`` and ``tell_again`` come before the first record.

    One offset between the clocks for a whole life: the tape's times never run backwards, whatever the wall clock does.
    """

    def __init__(self, path: Path, symbols: tuple[str, ...], source: str) -> None:
        self.resumed = path.exists()
        self.wall_offset_ns = wall_ns() - monotonic_ns()
        self._path = path
        self._last_ns = 0
        self._records = 0
        try:
            header = TapeHeader(venue="bitunix", symbols=symbols, started_ns=wall_ns(), source=source)
            self._writer: TapeWriter | None = TapeWriter.resume(path, header)
        except TapeDamaged as problem:
            raise Unstartable(EXIT_DATA, f"the tape cannot be resumed: {problem}") from problem
        except TapeFailure as problem:
            raise Unstartable(EXIT_IO, f"the tape cannot be written: {problem}") from problem

    def behind(self, kept: KeptMarket | None) -> KeptMarket | None:
        """``tell_again`` begins behind what is ``kept``, which is given back; None when that is not of this tape: then it begins at
        the beginning. Raises Unstartable."""
        try:
            self._reader = TapeReader(self._path)
            self._last_ns = self._reader.header.started_ns
            if kept is None:
                return None
            self._reader.pass_over(kept.records - 1)
            last = next(iter(self._reader), None)
            if last is not None and last.at_ns == kept.at_ns:
                self._records, self._last_ns = kept.records, kept.at_ns
                return kept
            self._reader = TapeReader(self._path)
        except TapeDamaged as problem:
            raise Unstartable(EXIT_DATA, f"the tape cannot be told again: {problem}") from problem
        return None

    def tell_again(self, market: Market) -> Iterator[MarketFact]:
        """The facts of the run so far with the numbers they had; once, from where ``behind`` said. Raises Unstartable."""
        try:
            for record in self._reader:
                self._records, self._last_ns = self._records + 1, max(self._last_ns, record.at_ns)
                yield from self._facts_of(record, market)
        except (TapeDamaged, TapeDisagrees) as problem:
            raise Unstartable(EXIT_DATA, f"the tape cannot be told again: {problem}") from problem
        # A wall clock that was set back meanwhile must not make the tape run backwards.
        self.wall_offset_ns = max(self.wall_offset_ns, self._last_ns - monotonic_ns())

    def told_to(self, market: Market, sequence: int) -> Iterator[MarketFact]:
        """All facts up to this number, told by a fresh ``market``, as often as they are wanted. Raises Unstartable."""
        try:
            for record in TapeReader(self._path):
                for fact in self._facts_of(record, market):
                    yield fact
                    if fact.sequence >= sequence:
                        return
        except (TapeDamaged, TapeDisagrees) as problem:
            raise Unstartable(EXIT_DATA, f"the tape cannot be told again: {problem}") from problem

    def kept(self, market: Market, sequence: int, standing: tuple[AnyMarketFact, ...]) -> KeptMarket:
        """For the next life, when everything on the tape has been told."""
        return KeptMarket(self._records, self._last_ns, market, sequence, standing)

    def _facts_of(self, record: Frame | RestAnswer | ConnectionEvent, market: Market) -> list[MarketFact]:
        if isinstance(market, ContinuousMarket):
            return told_by_texts(record, market, self.wall_offset_ns)
        fact = told_again(record, market, self.wall_offset_ns)
        return [] if fact is None else [fact]

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

    def end(self) -> None:
        """``close`` of a session that ends in order: what is not durable then is the disk's fault, and said so."""
        problem = self.close()
        if problem is not None:
            raise Unstartable(EXIT_IO, f"the tape cannot be ended: {problem}")

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
            self._records += 1
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
