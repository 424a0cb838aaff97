"""A run's tape told again: the market facts that the feed made of it, with the numbers they had. Must not know who asks."""

from collections.abc import Iterator
from pathlib import Path

from actors.market_tape import TapeDisagrees, told_again, told_by_texts
from records.tape import TapeDamaged, TapeReader, TruncatedTail
from trading.messages import MarketFact
from venue.continuous import ContinuousMarket
from venue.settings import LinkSettings
from venue.stream import MarketStream

__all__ = ["ToldTape", "Untellable"]


class Untellable(Exception):
    """The tape is not there, damaged, or tells another story than its own status facts."""


class ToldTape:
    """Iterate once. ``records`` and ``facts`` count what was told so far; ``tail`` says at the end whether the tape was cut short.

    ``link`` for a run on a recording, whose silences are told by the frames alone. Raises Untellable.
    """

    def __init__(self, path: Path, link: LinkSettings | None = None) -> None:
        self.records = 0
        self.facts = 0
        self._link = link
        try:
            self._reader = TapeReader(path)
        except (OSError, TapeDamaged) as problem:
            raise Untellable(problem.strerror if isinstance(problem, OSError) else str(problem)) from problem
        self.ended = self._reader.header.ended_ns is not None

    @property
    def tail(self) -> TruncatedTail | None:
        return self._reader.tail

    def __iter__(self) -> Iterator[MarketFact]:
        try:
            for fact in self._told():
                self.facts += 1
                yield fact
        except (OSError, TapeDamaged, TapeDisagrees) as problem:
            raise Untellable(str(problem)) from problem

    def close(self) -> None:
        self._reader.close()

    def _told(self) -> Iterator[MarketFact]:
        stream = MarketStream(self._reader.header.symbols)
        market = None if self._link is None else ContinuousMarket(stream, self._link)
        for record in self._reader:
            self.records += 1
            if market is not None:
                yield from told_by_texts(record, market, 0)
            elif (fact := told_again(record, stream, 0)) is not None:
                yield fact
