"""What of the market is live and what is silent, and how that is told: the same for a living venue and for a recording.

Two times come with every call: ``now_ns`` is the time the limits are in (ours, or the recording's), ``seen_ns`` is only copied into
the facts. Pure. Must not know a connection.
"""

from collections.abc import Mapping
from typing import Any

from trading.messages import MarketFact
from venue.effects import Effect, Note, Tell, TellStatus
from venue.freshness import Silence, StreamWatch
from venue.health import Health
from venue.settings import LinkSettings
from venue.stream import EVERY_STREAM, MarketStream

__all__ = ["Liveness"]

MS = 1_000_000


class Liveness:
    """Who listens hears of each silence and of its end once, in one gapless row with the market's own facts."""

    def __init__(self, stream: MarketStream, settings: LinkSettings, pace: float = 1.0) -> None:
        self.watch = StreamWatch(stream.symbols, settings, pace)
        self.live: set[str] = set()
        self._stream = stream
        self._health = Health(settings)
        self._told_stale: set[str] = set()
        self._unknown: set[str] = set()

    def distrust(self) -> None:
        """Nothing is live any more; trust has to be earned anew. Telling it is another matter."""
        self.live.clear()
        self._health.restart()

    def heard(self, fact: MarketFact, now_ns: int, seen_ns: int, where: Mapping[str, Any]) -> list[Effect]:
        """The fact, and what has become live with it. ``where``: fields for the log."""
        self._health.heard(fact, now_ns)
        effects: list[Effect] = [Tell(fact)]
        if self.watch.heard(fact, now_ns):
            channel = self.watch.channel_of(fact)
            live = self._stream.live(fact.symbol, channel, seen_ns)
            effects += [Note("STREAM_LIVE", {"symbol": fact.symbol, "stream": channel}), TellStatus(live)]
        if fact.symbol not in self.live and self._health.is_good(fact.symbol, now_ns):
            effects += self._symbol_live(fact.symbol, now_ns, seen_ns, where)
        return effects

    def unknown(self, symbol: str) -> list[Effect]:
        """The venue does not know the symbol; said once."""
        if symbol in self._unknown:
            return []
        self._unknown.add(symbol)
        self.watch.give_up(symbol)
        return [Note("UNKNOWN_SYMBOL", {"symbol": symbol}, ("frame_errors_count", "frame_unknown_symbol_count"))]

    def overdue(self, now_ns: int, seen_ns: int) -> list[Effect]:
        """Streams that have just broken their contract."""
        return self._silences(self.watch.overdue(now_ns), seen_ns)

    def all_stale(self, age_ms: int, reason: str, seen_ns: int) -> list[Effect]:
        """Every symbol that is not already told to be."""
        symbols = [symbol for symbol in self._stream.symbols if symbol not in self._told_stale]
        self._told_stale.update(symbols)
        return [TellStatus(self._stream.stale(symbol, EVERY_STREAM, age_ms, reason, seen_ns)) for symbol in symbols]

    def _symbol_live(self, symbol: str, now_ns: int, seen_ns: int, where: Mapping[str, Any]) -> list[Effect]:
        self.live.add(symbol)
        self._told_stale.discard(symbol)
        fact = self._stream.live(symbol, EVERY_STREAM, seen_ns)
        effects: list[Effect] = [Note("FEED_LIVE", {"symbol": symbol, **where}), TellStatus(fact)]
        # For the listeners that ends every silence of the symbol: what is still silent has to be said again.
        return effects + self._silences(self.watch.silences_of(symbol, now_ns), seen_ns)

    def _silences(self, silences: list[Silence], seen_ns: int) -> list[Effect]:
        """Nothing is said of a market that was never heard: nobody trusts it yet."""
        effects: list[Effect] = []
        for silence in silences if self._stream.sequence else []:
            age_ms = silence.age_ns // MS
            fact = self._stream.stale(silence.symbol, silence.channel, age_ms, "stream_silent", seen_ns)
            fields = {"symbol": silence.symbol, "stream": silence.channel, "age_ms": age_ms}
            effects += [Note("STREAM_STALE", fields, ("stale_count",)), TellStatus(fact)]
        return effects
