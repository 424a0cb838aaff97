"""What the actors say to each other around the messages of trading/: commands and answers, numbered facts, requests.

The one registry of everything that may travel between the processes of a run is at the end.
"""

from decimal import Decimal

import msgspec

from messaging.codec import Codec
from messaging.control import CHILD_WORDS
from trading.latency import LogNormal
from trading.messages import (
    AmendOrder, AnyAccountFact, AnyMarketFact, CancelOrder, DenyAmend, DenyOrder, Level, ReportProgress, SubmitOrder, TradingStateChanged,
)
from trading.quantities import Instrument

__all__ = [
    "Answer", "Command", "CommandBody", "FactTold", "FactsGiven", "FactsWanted", "FetchBook", "FetchFailed", "FetchFunding", "FetchInstruments",
    "FetchKlines", "Fetch", "Fetched", "FetchedBook", "FetchedFunding", "FetchedInstruments", "FetchedKlines", "KlineRow", "LedgerHead",
    "LegGiven", "LegWanted", "MarketGiven", "MarketTaken", "MarketWanted", "Turn", "TurnTaken", "RestAnswered", "run_codec",
]


class Envelope(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="kind", forbid_unknown_fields=True):
    """Base of what travels but is not kept."""


# ------------------------------------------------------------------------------------------- orders: strategy -> risk -> broker

CommandBody = SubmitOrder | AmendOrder | CancelOrder | DenyOrder | DenyAmend | ReportProgress | TradingStateChanged


class Command(Envelope, frozen=True, kw_only=True):
    """An intent under way, resent under the same id until answered. ``market_seen_ns``: monotonic receipt of the market fact
    it was decided on; ``sent_ns``: monotonic instant it first left. ``market_sequence``, within a ``Turn``: the market fact that it
    comes behind."""

    command_id: str
    body: CommandBody
    sent_ns: int
    market_seen_ns: int = 0
    market_sequence: int = 0


class Answer(Envelope, frozen=True, kw_only=True):
    """The command is durable (``sequence``: ledger head), with its result: ``status`` accepted, rejected, denied, recorded ..."""

    command_id: str
    status: str
    reason: str = ""
    sequence: int = 0


class Turn(Envelope, frozen=True, kw_only=True):
    """In lockstep: everything decided on market facts up to ``market_sequence``, knowing account facts up to ``facts_sequence``.
    Sent again until taken. ``final``: the strategy's last words, after the last market fact."""

    market_sequence: int
    facts_sequence: int
    commands: tuple[Command, ...] = ()
    final: bool = False


class TurnTaken(Envelope, frozen=True, kw_only=True):
    """The account has taken the market up to here and what was decided on it; the ledger ends at ``facts_sequence``."""

    market_sequence: int
    facts_sequence: int
    final: bool = False


# ------------------------------------------------------------------------------------------- facts: broker -> everybody


class FactTold(Envelope, frozen=True, kw_only=True):
    """A committed ledger row. The monotonic instants are of this telling, not of the fact: ``market_seen_ns`` and ``sent_ns``
    from the command that caused it (0 when none did), ``told_ns`` when it left the broker."""

    sequence: int
    fact: AnyAccountFact
    market_seen_ns: int = 0
    sent_ns: int = 0
    told_ns: int = 0


class LedgerHead(Envelope, frozen=True, kw_only=True):
    """The ledger reaches to here: whoever has less asks."""

    sequence: int


class FactsWanted(Envelope, frozen=True, kw_only=True):
    after: int


class FactsGiven(Envelope, frozen=True, kw_only=True):
    """At most a page of rows after the one asked for, where the ledger ends, and the last market fact that the account took in."""

    facts: tuple[FactTold, ...]
    head: int
    market_sequence: int = 0


# ------------------------------------------------------------------------------------------- market: feed -> everybody


class MarketWanted(Envelope, frozen=True, kw_only=True):
    """What follows ``after``; up to ``standing_to`` what still counts of it is enough (actors/standing.py)."""

    after: int
    standing_to: int = 0


class MarketGiven(Envelope, frozen=True, kw_only=True):
    """At most a page of market facts after the one asked for. ``first``: the oldest sequence that can still be had.
    ``standing``: what still counts of everything up to ``standing_to`` (0: not asked for); then ``facts`` follow from there.
    ``ended``: nothing will follow the head (the end of a tape)."""

    facts: tuple[AnyMarketFact, ...]
    first: int
    head: int
    ended: bool = False
    standing: tuple[AnyMarketFact, ...] = ()
    standing_to: int = 0


class MarketTaken(Envelope, frozen=True, kw_only=True):
    """To the feed: everything up to ``sequence`` is dealt with. A feed whose market can wait does not run further ahead of it than
    its lead. Not answered; repeated by whoever sends it, because a feed that starts again has heard none."""

    sequence: int


class LegWanted(Envelope, frozen=True, kw_only=True):
    """To the feed: how long is one way to the venue by its WebSocket?"""


class LegGiven(Envelope, frozen=True, kw_only=True):
    """``leg_latency``: as the feed's pings took so far; None before enough round trips. ``final``: no more will be timed before the
    market is taken further (the recording is over, or the feed as far ahead as it may be)."""

    leg_latency: LogNormal | None = None
    final: bool = False


# ------------------------------------------------------------------------------------------- requests: anybody -> gateway


class FetchInstruments(Envelope, frozen=True, kw_only=True):
    symbols: tuple[str, ...]


class FetchKlines(Envelope, frozen=True, kw_only=True):
    """The last ``limit`` closed bars; ``interval`` in the venue's REST spelling (``1m``)."""

    symbol: str
    interval: str
    limit: int


class FetchBook(Envelope, frozen=True, kw_only=True):
    symbol: str


class FetchFunding(Envelope, frozen=True, kw_only=True):
    symbol: str


class FetchTiers(Envelope, frozen=True, kw_only=True):
    symbol: str


class KlineRow(msgspec.Struct, frozen=True, array_like=True):
    """``volume`` in base coin."""

    open_at_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class FetchedInstruments(Envelope, frozen=True, kw_only=True):
    instruments: tuple[Instrument, ...]


class FetchedKlines(Envelope, frozen=True, kw_only=True):
    """Oldest first, closed bars only."""

    rows: tuple[KlineRow, ...]


class FetchedBook(Envelope, frozen=True, kw_only=True):
    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class FetchedFunding(Envelope, frozen=True, kw_only=True):
    """``rate`` is a fraction per interval."""

    symbol: str
    rate: Decimal
    mark: Decimal
    next_funding_at_ns: int


class TierRow(msgspec.Struct, frozen=True, array_like=True):
    """One margin tier as the venue says it, in its order of ``trading.margin.Tier``; nothing of it has been judged."""

    start_value: Decimal
    end_value: Decimal
    leverage: int
    maintenance_rate: Decimal


class FetchedTiers(Envelope, frozen=True, kw_only=True):
    """Smallest notional first."""

    symbol: str
    rows: tuple[TierRow, ...]


class FetchFailed(Envelope, frozen=True, kw_only=True):
    """The request's end without an answer, and why (venue's code and words, or ``deadline``)."""

    reason: str


class Fetch(Envelope, frozen=True, kw_only=True):
    request_id: str
    request: FetchInstruments | FetchKlines | FetchBook | FetchFunding | FetchTiers
    deadline_ms: int


class Fetched(Envelope, frozen=True, kw_only=True):
    """``leg_latency``: one way to the venue as REST took so far; None before enough round trips."""

    request_id: str
    answer: FetchedInstruments | FetchedKlines | FetchedBook | FetchedFunding | FetchedTiers | FetchFailed
    leg_latency: LogNormal | None = None


class RestAnswered(Envelope, frozen=True, kw_only=True):
    """Gateway to feed, for the tape: what the venue answered. Nobody answers this, and a lost one is only missing on the tape."""

    path: str
    query: dict[str, str]
    status: int
    body: bytes


ENVELOPES = (
    Command, Answer, Turn, TurnTaken, FactTold, LedgerHead, FactsWanted, FactsGiven, MarketWanted, MarketGiven, MarketTaken, LegWanted,
    LegGiven, Fetch, Fetched, RestAnswered,
)


def run_codec() -> Codec:
    """Everything the processes of one run may say to each other."""
    return Codec((*CHILD_WORDS, *ENVELOPES, *AnyMarketFact.__args__))
