"""What the feed heard of the market, as frozen facts. Part of the vocabulary of trading/messages.py; import from there.

Two clocks: ``at_ns`` is event time (the venue's ``ts``, never running backwards), ``seen_ns`` the local monotonic instant of
receipt. Must not know accounts and orders.
"""

from decimal import Decimal

import msgspec

from trading.words import Side

__all__ = [
    "AnyMarketFact", "BookChanged", "FeedLive", "FeedStale", "KlineChanged", "Level", "MarketFact", "MarkPriceChanged", "Message", "Print",
    "TradesPrinted",
]

Level = tuple[Decimal, Decimal]
"""(price, quantity in base coin)"""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="kind", forbid_unknown_fields=True):
    """Base of everything that travels or is kept."""


class MarketFact(Message, frozen=True, kw_only=True):
    """Something the feed heard. ``sequence`` counts all market facts of a run from 1 without gaps."""

    sequence: int
    at_ns: int
    seen_ns: int
    symbol: str


class BookChanged(MarketFact, frozen=True, kw_only=True):
    """The whole visible window, best level first on both sides; it replaces the one before."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Print(msgspec.Struct, frozen=True, array_like=True):
    """One public trade; ``aggressor`` took liquidity."""

    price: Decimal
    quantity: Decimal
    aggressor: Side


class TradesPrinted(MarketFact, frozen=True, kw_only=True):
    """All trades of one venue push, oldest first."""

    prints: tuple[Print, ...]


class MarkPriceChanged(MarketFact, frozen=True, kw_only=True):
    """``funding_rate`` is a fraction per interval (0.0001 = 0.01 %), the rate of the last settlement."""

    mark: Decimal
    index: Decimal
    funding_rate: Decimal
    next_funding_at_ns: int


class KlineChanged(MarketFact, frozen=True, kw_only=True):
    """The venue's own forming bar; ``volume`` in base coin."""

    interval: str
    open_at_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class FeedStale(MarketFact, frozen=True, kw_only=True):
    """Market data can no longer be trusted. ``stream`` is a channel's name, or ``all`` when the whole connection is silent or gone."""

    stream: str
    age_ms: int
    reason: str


class FeedLive(MarketFact, frozen=True, kw_only=True):
    """Healthy data again on that stream (``all``: fresh book and data on a whole connection)."""

    stream: str

AnyMarketFact = BookChanged | TradesPrinted | MarkPriceChanged | KlineChanged | FeedStale | FeedLive
