"""What a fresh account asks before it opens: of its venue how its symbols are traded, their margin tiers, and a few harmless questions that
only show how long a command travels; of the feed how long an answer does. Each is asked again until it is answered (whoever was asked may
have died over it), but only the first is waited for without a limit of its own: see ``_is_awaited``. Must not know sockets and clocks; it
says what to ask, hears the answers, and is told how long it has waited.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from actors.envelopes import (
    Fetch, Fetched, FetchedInstruments, FetchedTiers, FetchFailed, FetchInstruments, FetchKlines, FetchTiers, LegGiven, LegWanted,
)
from actors.process import Unstartable
from trading.account_settings import AccountSettings
from trading.latency import FEWEST_SAMPLES, Fitted, MeasuredLegs, resolved
from trading.margin import MarginSettings, Tier
from trading.messages import PositionCarried, SessionOpened
from trading.quantities import Instrument

__all__ = ["BrokerSettings", "Opening", "Question"]

EXIT_UNAVAILABLE = 69
DEADLINE_MS = 8_000
TIERS_WITHIN_NS = 9_000_000_000
"""From the first question: behind the deadline of every one that a living gateway heard at once."""
MEASURED_WITHIN_NS = 6_000_000_000
"""From the first question: the feed's early pings take 2.5 s behind its subscription, which may take a second or two itself."""
TIERS_LIMIT = 100
"""So many go into the ledger's first row at most; venues have ten."""
INSTRUMENTS, TIERS, PROBE, LEG = "instruments", "tiers", "latency", "leg"
PROBE_INTERVAL = "1m"
LEGS = ("entry_latency", "response_latency")

Question = Fetch | LegWanted
"""The venue's (by the gateway), or the feed's."""


class BrokerSettings(msgspec.Struct, frozen=True):
    """``account`` without instruments: those are the venue's, asked once and kept in the ledger's first row; latencies may be
    ``Fitted``: then they are measured at the start, and kept there as well. The tiers of its ``margin`` stand in where the venue does not
    say usable ones; those that the account trades by are kept, too. ``carried``: positions that the account begins with
    (``--resume``)."""

    symbols: tuple[str, ...]
    fingerprint: str
    account: dict[str, Any]
    carried: tuple[PositionCarried, ...] = ()

    def of_ledger(self, opened: SessionOpened) -> AccountSettings:
        """For the account that wrote this first row."""
        told = {"instruments": opened.instruments, "margin": opened.margin}
        legs = {"entry_latency": opened.entry_latency, "response_latency": opened.response_latency}
        return AccountSettings(**(self.account | told | legs))


class Opening:
    """Ask ``questions``, again until it is open; ``hear`` each answer, and say how long it has ``waited``, until one of them gives settings."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._measures = any(isinstance(settings.account.get(leg), Fitted) for leg in LEGS)
        self._margin: dict[str, MarginSettings] = dict(settings.account.get("margin", {}))
        self._unanswered = dict(self._first_questions())
        self._waited_ns = 0
        self._instruments: tuple[Instrument, ...] = ()
        self._measured = MeasuredLegs()
        self._unusable: dict[str, str] = {}

    def questions(self) -> tuple[Question, ...]:
        """What is not answered yet."""
        return tuple(self._unanswered.values())

    def hear(self, answer: Fetched | LegGiven) -> AccountSettings | None:
        """The settings to open with, once nothing more is awaited. Raises Unstartable when the venue does not trade the symbols; what
        could not be timed is replaced by the other leg, or by a cautious guess (trading/latency.py)."""
        if isinstance(answer, LegGiven):
            self._take_leg(answer)
        else:
            self._take(answer)
        return self._complete()

    def waited(self, for_ns: int) -> AccountSettings | None:
        """So long since the first question: the settings to open with, if that was long enough for what is missing."""
        self._waited_ns = for_ns
        return self._complete()

    @property
    def without_tiers(self) -> dict[str, str]:
        """For which symbols the configured tiers stand in, and why."""
        requests = [each.request for each in self._unanswered.values() if isinstance(each, Fetch)]
        return self._unusable | {each.symbol: "no answer" for each in requests if isinstance(each, FetchTiers)}

    def _first_questions(self) -> Iterator[tuple[str, Question]]:
        """By name. Those that are only timed differ: equal ones would be one call."""
        symbols = self._settings.symbols
        requests: dict[str, FetchInstruments | FetchTiers | FetchKlines] = {INSTRUMENTS: FetchInstruments(symbols=symbols)}
        requests |= {f"{TIERS}:{symbol}": FetchTiers(symbol=symbol) for symbol in self._margin}
        for bars in range(1, FEWEST_SAMPLES + 1):
            requests[f"{PROBE}:{bars}"] = FetchKlines(symbol=symbols[0], interval=PROBE_INTERVAL, limit=bars)
        for name, request in requests.items():
            yield name, Fetch(request_id=name, request=request, deadline_ms=DEADLINE_MS)
        if self._measures:
            yield LEG, LegWanted()

    def _is_awaited(self, question: Question) -> bool:
        """The symbols' rules as long as whoever starts us is patient; their tiers, for which there is a stand-in, while a living gateway
        may still answer; what is measured only where a latency is to be ``fitted``, and not for ever: it serves the PnL interval in any
        case."""
        match question:
            case Fetch(request=FetchInstruments()):
                return True
            case Fetch(request=FetchTiers()):
                return self._waited_ns < TIERS_WITHIN_NS
        return self._measures and self._waited_ns < MEASURED_WITHIN_NS

    def _complete(self) -> AccountSettings | None:
        if any(map(self._is_awaited, self._unanswered.values())):
            return None
        account = dict(self._settings.account)
        measured = zip(LEGS, (self._measured.entry, self._measured.response), strict=True)
        account |= {leg: resolved(account[leg], found) for leg, found in measured if leg in account}
        return AccountSettings(instruments=self._instruments, **(account | {"margin": self._margin}))

    def _take_leg(self, given: LegGiven) -> None:
        self._measured = msgspec.structs.replace(self._measured, ws=given.leg_latency or self._measured.ws)
        if given.leg_latency is not None or given.final:
            self._unanswered.pop(LEG, None)

    def _take(self, fetched: Fetched) -> None:
        self._measured = msgspec.structs.replace(self._measured, rest=fetched.leg_latency or self._measured.rest)
        match self._unanswered.pop(fetched.request_id, None):
            case Fetch(request=FetchInstruments()):
                self._instruments = self._judged(fetched)
            case Fetch(request=FetchTiers(symbol=symbol)):
                self._take_tiers(symbol, fetched.answer)

    def _judged(self, fetched: Fetched) -> tuple[Instrument, ...]:
        symbols = self._settings.symbols
        if not isinstance(fetched.answer, FetchedInstruments):
            raise Unstartable(EXIT_UNAVAILABLE, f"the venue does not say how {symbols} are traded: {fetched.answer}")
        missing = set(symbols) - {each.symbol for each in fetched.answer.instruments}
        if missing:
            raise Unstartable(EXIT_UNAVAILABLE, f"the venue does not list {', '.join(sorted(missing))}")
        return fetched.answer.instruments

    def _take_tiers(self, symbol: str, answer: Any) -> None:
        """What the venue says, if it can be traded by; a reason why not, otherwise."""
        if not isinstance(answer, FetchedTiers) or answer.symbol != symbol:
            self._unusable[symbol] = answer.reason if isinstance(answer, FetchFailed) else "another answer"
        elif len(answer.rows) > TIERS_LIMIT:
            self._unusable[symbol] = f"{len(answer.rows)} tiers, at most {TIERS_LIMIT} are taken"
        else:
            try:
                tiers = tuple(Tier(*msgspec.structs.astuple(row)) for row in answer.rows)
                self._margin[symbol] = MarginSettings(self._margin[symbol].leverage, tiers, "venue")
            except ValueError as problem:
                self._unusable[symbol] = str(problem)
