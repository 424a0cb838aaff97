"""What a fresh account asks its venue before it opens: how its symbols are traded, their margin tiers, and a few harmless questions that
only show how long a command travels. Their answers are waited for where a latency is to be ``fitted``; they serve the PnL interval in
any case. Must not know sockets; it says what to ask and hears the answers.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from actors.envelopes import Fetch, Fetched, FetchedInstruments, FetchedTiers, FetchFailed, FetchInstruments, FetchKlines, FetchTiers
from actors.process import Unstartable
from trading.account_settings import AccountSettings
from trading.latency import FEWEST_SAMPLES, Fitted, LogNormal, resolved
from trading.margin import MarginSettings, Tier
from trading.messages import PositionCarried, SessionOpened

__all__ = ["BrokerSettings", "Opening"]

EXIT_UNAVAILABLE = 69
DEADLINE_MS = 8_000
INSTRUMENTS, TIERS = "instruments", "tiers"
TIERS_LIMIT = 100
"""So many go into the ledger's first row at most; venues have ten."""
PROBES = FEWEST_SAMPLES
PROBE_INTERVAL = "1m"
LEGS = ("entry_latency", "response_latency")


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
    """Ask ``questions``, and ``hear`` each answer until it gives settings. ``without_tiers``: for which symbols the configured tiers
    stand in, and why."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._listed: FetchedInstruments | None = None
        self._measured: LogNormal | None = None
        self._probes = tuple(f"latency:{number}" for number in range(PROBES))
        self._awaited = set(self._probes) if any(isinstance(settings.account.get(leg), Fitted) for leg in LEGS) else set()
        self._margin: dict[str, MarginSettings] = dict(settings.account.get("margin", {}))
        self._rules = {question.request_id: question for question in self._questions_of_rules()}
        self._awaited |= set(self._rules)
        self.without_tiers: dict[str, str] = {}

    def questions(self) -> Iterator[Fetch]:
        """The rules of the symbols and their tiers; then, to be timed, a few requests that differ (equal ones would be one call)."""
        yield from self._rules.values()
        for bars, name in enumerate(self._probes, 1):
            probe = FetchKlines(symbol=self._settings.symbols[0], interval=PROBE_INTERVAL, limit=bars)
            yield Fetch(request_id=name, request=probe, deadline_ms=DEADLINE_MS)

    def hear(self, fetched: Fetched) -> AccountSettings | None:
        """The settings to open with, once all is answered. Raises Unstartable when the venue does not trade the symbols; what could
        not be timed is replaced by a cautious guess (trading/latency.py)."""
        self._measured = fetched.leg_latency or self._measured
        asked = self._rules.pop(fetched.request_id, None)
        if asked is not None and isinstance(asked.request, FetchTiers):
            self._take_tiers(asked.request.symbol, fetched.answer)
        elif asked is not None:
            self._listed = self._judged(fetched)
        self._awaited.discard(fetched.request_id)
        return self._complete()

    @property
    def unanswered(self) -> tuple[Fetch, ...]:
        """To be asked again, should whoever had to answer have died meanwhile: the rules, not what was asked to be timed."""
        return tuple(self._rules.values())

    def overdue(self) -> AccountSettings | None:
        """The settings to open with when nothing but the instruments may be waited for any longer; None without these."""
        for question in self._rules.values():
            if isinstance(question.request, FetchTiers):
                self.without_tiers[question.request.symbol] = "no answer"
        self._awaited.clear()
        return self._complete()

    def _questions_of_rules(self) -> Iterator[Fetch]:
        yield Fetch(request_id=INSTRUMENTS, request=FetchInstruments(symbols=self._settings.symbols), deadline_ms=DEADLINE_MS)
        for symbol in self._margin:
            yield Fetch(request_id=f"{TIERS}:{symbol}", request=FetchTiers(symbol=symbol), deadline_ms=DEADLINE_MS)

    def _complete(self) -> AccountSettings | None:
        return None if self._listed is None or self._awaited else self._account_settings(self._listed.instruments)

    def _take_tiers(self, symbol: str, answer: Any) -> None:
        """What the venue says, if it can be traded by; a reason why not, otherwise."""
        if not isinstance(answer, FetchedTiers) or answer.symbol != symbol:
            self.without_tiers[symbol] = answer.reason if isinstance(answer, FetchFailed) else "another answer"
        elif len(answer.rows) > TIERS_LIMIT:
            self.without_tiers[symbol] = f"{len(answer.rows)} tiers, at most {TIERS_LIMIT} are taken"
        else:
            try:
                tiers = tuple(Tier(*msgspec.structs.astuple(row)) for row in answer.rows)
                self._margin[symbol] = MarginSettings(self._margin[symbol].leverage, tiers, "venue")
                self.without_tiers.pop(symbol, None)
            except ValueError as problem:
                self.without_tiers[symbol] = str(problem)

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
        account |= {leg: resolved(account[leg], self._measured) for leg in LEGS if leg in account}
        return AccountSettings(instruments=tuple(instruments), **(account | {"margin": self._margin}))
