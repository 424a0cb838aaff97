"""What a fresh account asks its venue before it opens: how its symbols are traded, and a few harmless questions that only show how long
a command travels; of the feed, how long an answer does. What is measured is waited for where a latency is to be ``fitted``, and not for
ever; it serves the PnL interval in any case. Must not know sockets and clocks; it says what to ask and hears the answers.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from actors.envelopes import Fetch, Fetched, FetchedInstruments, FetchInstruments, FetchKlines, LegGiven
from actors.process import Unstartable
from trading.account_settings import AccountSettings
from trading.latency import FEWEST_SAMPLES, Fitted, MeasuredLegs, resolved
from trading.messages import PositionCarried, SessionOpened

__all__ = ["MEASURED_WITHIN_NS", "BrokerSettings", "Opening"]

EXIT_UNAVAILABLE = 69
DEADLINE_MS = 8_000
MEASURED_WITHIN_NS = 6_000_000_000
"""From the first question: the feed's early pings take 2.5 s behind its subscription, which may take a second or two itself."""
INSTRUMENTS = "instruments"
PROBES = tuple(f"latency:{number}" for number in range(FEWEST_SAMPLES))
PROBE_INTERVAL = "1m"
LEGS = ("entry_latency", "response_latency")


class BrokerSettings(msgspec.Struct, frozen=True):
    """``account`` without instruments: those are the venue's, asked once and kept in the ledger's first row; latencies may be
    ``Fitted``: then they are measured at the start, and kept there as well. ``carried``: positions that the account begins with
    (``--resume``)."""

    symbols: tuple[str, ...]
    fingerprint: str
    account: dict[str, Any]
    carried: tuple[PositionCarried, ...] = ()

    def of_ledger(self, opened: SessionOpened) -> AccountSettings:
        """For the account that wrote this first row."""
        legs = {"entry_latency": opened.entry_latency, "response_latency": opened.response_latency}
        return AccountSettings(**(self.account | {"instruments": opened.instruments} | legs))


class Opening:
    """Ask ``questions`` and for the leg that is wanted, again until answered (whoever was asked may have died over it), and ``hear`` each
    answer until that gives settings. ``wants_leg``: the feed is to be asked (``LegWanted``)."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._listed: FetchedInstruments | None = None
        self._measured = MeasuredLegs()
        self._unanswered = {INSTRUMENTS, *PROBES}
        self.wants_leg = self._waits = any(isinstance(settings.account.get(leg), Fitted) for leg in LEGS)

    def questions(self) -> Iterator[Fetch]:
        """The rules of the symbols; then, to be timed, a few requests that differ (equal ones would be one call)."""
        symbols = self._settings.symbols
        requests = {INSTRUMENTS: FetchInstruments(symbols=symbols)} | {
            name: FetchKlines(symbol=symbols[0], interval=PROBE_INTERVAL, limit=bars) for bars, name in enumerate(PROBES, 1)
        }
        for name, request in requests.items():
            if name in self._unanswered:
                yield Fetch(request_id=name, request=request, deadline_ms=DEADLINE_MS)

    def hear(self, answer: Fetched | LegGiven) -> AccountSettings | None:
        """The settings to open with, once all is answered. Raises Unstartable when the venue does not trade the symbols; what could
        not be timed is replaced by the other leg, or by a cautious guess (trading/latency.py)."""
        if isinstance(answer, LegGiven):
            self._measured = msgspec.structs.replace(self._measured, ws=answer.leg_latency or self._measured.ws)
            self.wants_leg = self.wants_leg and answer.leg_latency is None and not answer.final
        else:
            self._measured = msgspec.structs.replace(self._measured, rest=answer.leg_latency or self._measured.rest)
            self._unanswered.discard(answer.request_id)
            if answer.request_id == INSTRUMENTS:
                self._listed = self._judged(answer)
        return self._opened()

    def hurry(self) -> AccountSettings | None:
        """The time for measuring is over: the settings with what there is, as soon as the symbols' rules are known."""
        self.wants_leg = self._waits = False
        return self._opened()

    def _opened(self) -> AccountSettings | None:
        if self._listed is None or self._waits and (self._unanswered or self.wants_leg):
            return None
        return self._account_settings(self._listed.instruments)

    def _judged(self, fetched: Fetched) -> FetchedInstruments:
        symbols = self._settings.symbols
        if not isinstance(fetched.answer, FetchedInstruments):
            raise Unstartable(EXIT_UNAVAILABLE, f"the venue does not say how {symbols} are traded: {fetched.answer}")
        missing = set(symbols) - {each.symbol for each in fetched.answer.instruments}
        if missing:
            raise Unstartable(EXIT_UNAVAILABLE, f"the venue does not list {', '.join(sorted(missing))}")
        return fetched.answer

    def _account_settings(self, instruments: Iterable[Any]) -> AccountSettings:
        account = dict(self._settings.account)
        measured = zip(LEGS, (self._measured.entry, self._measured.response), strict=True)
        account |= {leg: resolved(account[leg], found) for leg, found in measured if leg in account}
        return AccountSettings(instruments=tuple(instruments), **account)
