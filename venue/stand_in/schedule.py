"""When each stream pushes: a function of seed, topic and virtual time alone, so that it does not matter who listens
since when.
"""

from zlib import crc32

from venue.wire import MARK_KLINE_PREFIX, MARKET_KLINE_PREFIX, Topic

MS_NS = 1_000_000
FIRST_PUSH_MS = (100, 600)

# channel -> (period in ms, jitter either way in ms). `tickers` was never measured; trades come when there are any.
PACES = {
    "depth_book1": (310, 20), "depth_book5": (310, 20), "depth_book15": (310, 20), "depth_books": (330, 20),
    "trade": (100, 0), "price": (505, 10), "ticker": (1440, 40), "tickers": (1000, 40),
}
KLINE_JITTER_MS = 10


class Schedule:
    """Push times of every topic since `start_ns`."""

    def __init__(self, seed: int, start_ns: int, kline_push_ms: int) -> None:
        self._seed = seed
        self._start_ns = start_ns
        self._kline_push_ms = kline_push_ms

    def after(self, topic: Topic, ns: int) -> int:
        """The first push time of `topic` later than `ns`."""
        period_ms, _ = self._pace(topic.ch)
        number = max(0, (ns - self._start_ns) // (period_ms * MS_NS) - 3)
        while (at_ns := self._push_ns(topic, number)) <= ns:
            number += 1
        return at_ns

    def _push_ns(self, topic: Topic, number: int) -> int:
        period_ms, jitter_ms = self._pace(topic.ch)
        if not jitter_ms:
            return self._start_ns + (number + 1) * period_ms * MS_NS
        stream = crc32(f"{self._seed}/{topic.symbol}/{topic.ch}".encode())
        low, high = FIRST_PUSH_MS
        first_ms = low + jitter_ms + _mixed(stream) % (high - low - 2 * jitter_ms)
        jitter_ns = _mixed(stream + number + 1) % (2 * jitter_ms * MS_NS + 1) - jitter_ms * MS_NS
        return self._start_ns + (first_ms + number * period_ms) * MS_NS + jitter_ns

    def _pace(self, channel: str) -> tuple[int, int]:
        if channel.startswith((MARKET_KLINE_PREFIX, MARK_KLINE_PREFIX)):
            return self._kline_push_ms, KLINE_JITTER_MS
        return PACES[channel]


def _mixed(number: int) -> int:
    """64 well-mixed bits of a number (the finaliser of SplitMix64)."""
    number = (number * 0x9E3779B97F4A7C15) & MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & MASK
    return number ^ (number >> 31)


MASK = (1 << 64) - 1
