"""What a fresh account asks its venue before it opens: how its symbols are traded, and a few harmless questions that only show how long
a command travels. Their answers are waited for where a latency is to be ``fitted``; they serve the PnL interval in any case. Must not
know sockets; it says what to ask and hears the answers.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from actors.envelopes import Fetch, Fetched, FetchedInstruments, FetchInstruments, FetchKlines
from actors.process import Unstartable
from trading.account_settings import AccountSettings
from trading.latency import FEWEST_SAMPLES, Fitted, LogNormal, resolved
from trading.messages import PositionCarried, SessionOpened

__all__ = ["BrokerSettings", "Opening"]

EXIT_UNAVAILABLE = 69
DEADLINE_MS = 8_000
INSTRUMENTS = "instruments"
PROBES = FEWEST_SAMPLES
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
    """Ask ``questions``, and ``hear`` each answer until it gives settings."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._listed: FetchedInstruments | None = None
        self._measured: LogNormal | None = None
        self._probes = tuple(f"latency:{number}" for number in range(PROBES))
        self._awaited = set(self._probes) if any(isinstance(settings.account.get(leg), Fitted) for leg in LEGS) else set()

    def questions(self) -> Iterator[Fetch]:
        """The rules of the symbols; then, to be timed, a few requests that differ (equal ones would be one call)."""
        yield Fetch(request_id=INSTRUMENTS, request=FetchInstruments(symbols=self._settings.symbols), deadline_ms=DEADLINE_MS)
        for bars, name in enumerate(self._probes, 1):
            probe = FetchKlines(symbol=self._settings.symbols[0], interval=PROBE_INTERVAL, limit=bars)
            yield Fetch(request_id=name, request=probe, deadline_ms=DEADLINE_MS)

    def hear(self, fetched: Fetched) -> AccountSettings | None:
        """The settings to open with, once all is answered. Raises Unstartable when the venue does not trade the symbols; what could
        not be timed is replaced by a cautious guess (trading/latency.py)."""
        self._measured = fetched.leg_latency or self._measured
        self._awaited.discard(fetched.request_id)
        if fetched.request_id == INSTRUMENTS:
            self._listed = self._judged(fetched)
        return None if self._listed is None or self._awaited else self._account_settings(self._listed.instruments)

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
        return AccountSettings(instruments=tuple(instruments), **account)
