"""A market that is served without a gap, however often the line breaks (a recording): texts in, facts out, in the texts' own time.

What is stale, what is healthy and when is decided by the frames' ``ts`` alone: the same texts give the same facts, at any speed,
over any number of connections and lives. Pure: it must not know a connection, and no clock but the one in the texts.
"""

from trading.messages import MarketFact
from venue.dialect import Refused, UnknownSymbol
from venue.effects import Effect, Note, Tell, TellStatus
from venue.freshness import Silence, StreamWatch
from venue.health import Health
from venue.settings import LinkSettings
from venue.stream import EVERY_STREAM, Control, MarketStream
from venue.wire import Frame

__all__ = ["ContinuousMarket"]

SECOND = 1_000_000_000
MS = 1_000_000


class ContinuousMarket:
    """Like ``MarketConnection`` tells the market of a living venue, with the same limits, but in the tape's time.

    A silence is known when the frame behind it comes: what was due meanwhile is told before that frame, each fact with its own
    instant as ``at_ns``. ``seen_ns`` is copied into the facts and decides nothing.
    """

    def __init__(self, stream: MarketStream, settings: LinkSettings) -> None:
        self.stream = stream
        self._stale_after_ns = int(settings.stale_after_s * SECOND)
        self._health = Health(settings)
        self._watch = StreamWatch(stream.symbols, settings, pace=1.0)
        self._now_ns = 0
        self._heard_ns = 0
        self._flowing = False
        self._live: set[str] = set()
        self._told_stale: set[str] = set()
        self._unknown: set[str] = set()

    def heard(self, text: str, seen_ns: int) -> list[Effect] | Control:
        """What one text frame gives: facts to tell, in order, with notes between; or a frame about the connection itself."""
        frame = self.stream.admitted(text)
        if isinstance(frame, Control):
            return frame
        return [_refusal(frame)] if isinstance(frame, Refused) else self._pushed(frame, seen_ns)

    def _pushed(self, frame: Frame, seen_ns: int) -> list[Effect]:
        self._now_ns = max(self._now_ns, frame.ts * MS)
        effects = self._due_meanwhile(seen_ns)
        heard = self.stream.read(frame, seen_ns)
        if isinstance(heard, MarketFact):
            return effects + self._on_fact(heard, seen_ns)
        return effects + (self._on_unknown_symbol(heard.symbol) if isinstance(heard, UnknownSymbol) else [_refusal(heard)])

    def _on_fact(self, fact: MarketFact, seen_ns: int) -> list[Effect]:
        now_ns = self._heard_ns = self._now_ns
        if not self._flowing:
            self._flowing = True
            self._watch.restart(now_ns)
        self._health.heard(fact, now_ns)
        effects: list[Effect] = [Tell(fact)]
        if self._watch.heard(fact, now_ns):
            channel = self._watch.channel_of(fact)
            live = self.stream.live(fact.symbol, channel, seen_ns)
            effects += [Note("STREAM_LIVE", {"symbol": fact.symbol, "stream": channel}), TellStatus(live)]
        if fact.symbol not in self._live and self._health.is_good(fact.symbol, now_ns):
            effects += self._symbol_live(fact.symbol, seen_ns)
        return effects

    def _symbol_live(self, symbol: str, seen_ns: int) -> list[Effect]:
        self._live.add(symbol)
        self._told_stale.discard(symbol)
        effects: list[Effect] = [
            Note("FEED_LIVE", {"symbol": symbol}), TellStatus(self.stream.live(symbol, EVERY_STREAM, seen_ns)),
        ]
        # For the listeners that ends every silence of the symbol: what is still silent has to be said again.
        return effects + self._stream_silences(self._watch.silences_of(symbol, self._now_ns), seen_ns)

    def _on_unknown_symbol(self, symbol: str) -> list[Effect]:
        if symbol in self._unknown:
            return []
        self._unknown.add(symbol)
        self._watch.give_up(symbol)
        return [Note("UNKNOWN_SYMBOL", {"symbol": symbol}, ("frame_errors_count", "frame_unknown_symbol_count"))]

    # ---------------------------------------------------------------------------------------------- silence

    def _due_meanwhile(self, seen_ns: int) -> list[Effect]:
        """What the watchdogs would have said between the last frame and this one, each at its instant."""
        effects: list[Effect] = []
        while self._flowing:
            silent_ns = self._heard_ns + self._stale_after_ns
            due_ns = min(silent_ns, self._watch.next_silence_ns)
            if due_ns >= self._now_ns:
                break
            self.stream.reach(due_ns)
            effects += self._stream_silences(self._watch.overdue(due_ns), seen_ns)
            if due_ns == silent_ns:
                effects += self._all_silent(seen_ns)
        return effects

    def _stream_silences(self, silences: list[Silence], seen_ns: int) -> list[Effect]:
        effects: list[Effect] = []
        for silence in silences:
            age_ms = silence.age_ns // MS
            fact = self.stream.stale(silence.symbol, silence.channel, age_ms, "stream_silent", seen_ns)
            fields = {"symbol": silence.symbol, "stream": silence.channel, "age_ms": age_ms}
            effects += [Note("STREAM_STALE", fields, ("stale_count",)), TellStatus(fact)]
        return effects

    def _all_silent(self, seen_ns: int) -> list[Effect]:
        """Nothing at all for too long: trust has to be earned anew, and every contract begins with the next fact."""
        self._flowing = False
        self._live.clear()
        self._health.restart()
        age_ms = self._stale_after_ns // MS
        symbols = [symbol for symbol in self.stream.symbols if symbol not in self._told_stale]
        self._told_stale.update(symbols)
        note = Note("ORDER_BOOK_STALE", {"age_ms": age_ms}, ("stale_count",))
        facts = [self.stream.stale(symbol, EVERY_STREAM, age_ms, "no_valid_message", seen_ns) for symbol in symbols]
        return [note, *map(TellStatus, facts)]


def _refusal(refused: Refused) -> Note:
    return Note("", counters=("frame_errors_count", f"frame_{refused.reason}_count"))
