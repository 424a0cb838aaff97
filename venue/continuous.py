"""A market that is served without a gap, however often the line breaks (a recording): texts in, facts out, in the texts' own time.

What is stale, what is healthy and when is decided by the frames' ``ts`` alone: the same texts give the same facts, at any speed,
over any number of connections and lives. Pure: it must not know a connection, and no clock but the one in the texts.
"""

from trading.messages import MarketFact
from venue.dialect import Refused, UnknownSymbol
from venue.effects import Effect, Note, frame_refused
from venue.liveness import Liveness
from venue.settings import LinkSettings
from venue.stream import Control, MarketStream
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
        self._liveness = Liveness(stream, settings)
        self._now_ns = 0
        self._heard_ns = 0
        self._flowing = False

    def heard(self, text: str, seen_ns: int) -> list[Effect] | Control:
        """What one text frame gives: facts to tell, in order, with notes between; or a frame about the connection itself."""
        frame = self.stream.admitted(text)
        if isinstance(frame, Control):
            return frame
        return [frame_refused(frame.reason)] if isinstance(frame, Refused) else self._pushed(frame, seen_ns)

    def _pushed(self, frame: Frame, seen_ns: int) -> list[Effect]:
        self._now_ns = max(self._now_ns, frame.ts * MS)
        effects = self._due_meanwhile(seen_ns)
        heard = self.stream.read(frame, seen_ns)
        if isinstance(heard, MarketFact):
            return effects + self._on_fact(heard, seen_ns)
        return effects + (self._liveness.unknown(heard.symbol) if isinstance(heard, UnknownSymbol) else [frame_refused(heard.reason)])

    def _on_fact(self, fact: MarketFact, seen_ns: int) -> list[Effect]:
        now_ns = self._heard_ns = self._now_ns
        if not self._flowing:
            self._flowing = True
            self._liveness.watch.restart(now_ns)
        return self._liveness.heard(fact, now_ns, seen_ns, {})

    # ---------------------------------------------------------------------------------------------- silence

    def _due_meanwhile(self, seen_ns: int) -> list[Effect]:
        """What the watchdogs would have said between the last frame and this one, each at its instant."""
        effects: list[Effect] = []
        while self._flowing:
            silent_ns = self._heard_ns + self._stale_after_ns
            due_ns = min(silent_ns, self._liveness.watch.next_silence_ns)
            if due_ns >= self._now_ns:
                break
            self.stream.reach(due_ns)
            effects += self._liveness.overdue(due_ns, seen_ns)
            if due_ns == silent_ns:
                effects += self._all_silent(seen_ns)
        return effects

    def _all_silent(self, seen_ns: int) -> list[Effect]:
        """Nothing at all for too long: trust has to be earned anew, and every contract begins with the next fact."""
        self._flowing = False
        self._liveness.distrust()
        age_ms = self._stale_after_ns // MS
        return [
            Note("ORDER_BOOK_STALE", {"age_ms": age_ms}, ("stale_count",)),
            *self._liveness.all_stale(age_ms, "no_valid_message", seen_ns),
        ]
