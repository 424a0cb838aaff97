"""What a feed listens with: a living venue's market and connection, or a recording's. Must not know sockets."""

from random import Random

from actors.feed_settings import FeedSettings
from actors.market_tape import Market
from venue.continuous import ContinuousMarket
from venue.continuous_connection import ContinuousConnection
from venue.protocol import MarketConnection
from venue.stream import MarketStream

__all__ = ["connection_for", "fresh_market"]


def fresh_market(settings: FeedSettings) -> Market:
    """One that has told nothing."""
    stream = MarketStream(settings.symbols)
    return ContinuousMarket(stream, settings.link) if settings.continuous else stream


def connection_for(
    settings: FeedSettings, market: Market, incarnation: int, wall_offset_ns: int,
) -> MarketConnection | ContinuousConnection:
    """``wall_offset_ns`` is wall time minus monotonic time; ``incarnation`` and the seed decide the jitter of reconnects."""
    chance = Random(f"feed {settings.seed} {incarnation}")
    if isinstance(market, ContinuousMarket):
        return ContinuousConnection(market, settings.link, chance, wall_offset_ns)
    return MarketConnection(market, settings.link, chance, wall_offset_ns, settings.pace)
