"""What the feed remembers of the market: the tape on disk, and the newest facts in memory for whoever missed some.

A tape told again to a stream gives every fact its old number, so a restarted feed goes on where it was. Must not know sockets.
"""

from collections import deque

import msgspec

from actors.envelopes import MarketGiven
from records.tape import ConnectionEvent, Frame, RestAnswer
from trading.messages import AnyMarketFact, BookChanged, FeedLive, FeedStale, MarketFact, TradesPrinted
from venue.stream import MarketStream

__all__ = ["RetainedFacts", "TapeDisagrees", "as_event", "told_again"]

PAGE_FACTS = 500
PAGE_NUMBERS = 40_000
"""Price levels and trades on one page: with some forty bytes each a page stays far below the largest message."""

_STATUS = msgspec.json.Decoder(FeedStale | FeedLive)


class TapeDisagrees(Exception):
    """Telling the tape again gave other numbers than the first time: it is damaged, or this is another version of the program."""


def as_event(fact: FeedStale | FeedLive, at_ns: int) -> ConnectionEvent:
    """A watchdog's fact on the tape: ``stale``, or ``connected`` when data flows again; the fact itself is the detail."""
    return ConnectionEvent(at_ns, "stale" if isinstance(fact, FeedStale) else "connected", msgspec.json.encode(fact).decode())


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


class RetainedFacts:
    """The newest facts, without a gap, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._facts: deque[AnyMarketFact] = deque(maxlen=limit)

    def keep(self, fact: MarketFact) -> None:
        self._facts.append(fact)  # type: ignore[arg-type]  # every market fact is one of the union

    def page(self, after: int, head: int) -> MarketGiven:
        """What follows ``after``, as far as it is still here and fits; ``head`` is the last number given."""
        first = self._facts[0].sequence if self._facts else head + 1
        start = max(0, after + 1 - first)
        page: list[AnyMarketFact] = []
        numbers = 0
        for index in range(start, min(start + PAGE_FACTS, len(self._facts))):
            numbers += _numbers_in(self._facts[index])
            if page and numbers > PAGE_NUMBERS:
                break
            page.append(self._facts[index])
        return MarketGiven(facts=tuple(page), first=first, head=head)


def _status(detail: str, stream: MarketStream) -> FeedStale | FeedLive:
    try:
        fact: FeedStale | FeedLive = _STATUS.decode(detail)
    except msgspec.DecodeError as problem:
        raise TapeDisagrees(f"not a watchdog's fact: {problem}") from problem
    stream.retold(fact)
    if fact.sequence != stream.sequence:
        raise TapeDisagrees(f"fact {fact.sequence} on the tape is number {stream.sequence} when told again")
    return fact


def _numbers_in(fact: AnyMarketFact) -> int:
    if isinstance(fact, BookChanged):
        return len(fact.bids) + len(fact.asks)
    return len(fact.prints) if isinstance(fact, TradesPrinted) else 1
