"""One dead stream behind a healthy socket: who is silent beyond its contract, and what has been tried about it. Pure.

Depth and price come by the venue's timer whatever the market does (three and two pushes a second), so their silence is an
outage: after some resubscriptions the connection is given up. Trades come when somebody trades and a bar matters to no fill,
so their silence is told and resubscribed, never a reason to reconnect.
"""

from collections.abc import Sequence

import msgspec

from timing.staleness import Staleness
from trading.messages import BookChanged, KlineChanged, MarketFact, MarkPriceChanged, TradesPrinted
from venue.dialect import CHANNELS, DEPTH, KLINE, PRICE, TRADE
from venue.settings import LinkSettings
from venue.wire import Topic

__all__ = ["Silence", "StreamWatch"]

SECOND = 1_000_000_000
NEVER = 1 << 62
ESSENTIAL = (DEPTH, PRICE)
CHANNEL_OF: dict[type[MarketFact], str] = {BookChanged: DEPTH, TradesPrinted: TRADE, MarkPriceChanged: PRICE, KlineChanged: KLINE}


class Silence(msgspec.Struct, frozen=True):
    symbol: str
    channel: str
    age_ns: int


class StreamWatch:
    """Every (symbol, channel) with its freshness contract. ``streams`` is what is subscribed to."""

    def __init__(self, symbols: Sequence[str], settings: LinkSettings, pace: float) -> None:
        fresh = settings.freshness
        limits_s = {DEPTH: fresh.depth_s, PRICE: fresh.price_s, TRADE: fresh.trade_s, KLINE: fresh.kline_s}
        self.streams = tuple((symbol, channel) for symbol in symbols for channel in CHANNELS)
        self._limits_ns = {_key(symbol, channel): int(limits_s[channel] * SECOND / pace) for symbol, channel in self.streams}
        self._wait_ns = int(settings.resubscribe_wait_s * SECOND / pace)
        self._try_limit = settings.resubscribe_limit
        self._contracts = Staleness(self._limits_ns, 0)
        self._tries: dict[str, int] = {}
        self._next_try_ns: dict[str, int] = {}
        self._given_up: set[str] = set()

    def give_up(self, symbol: str) -> None:
        """The venue does not know the symbol: asking again would not help."""
        self._given_up.add(symbol)

    def restart(self, now_ns: int) -> None:
        """A new connection: every contract begins now."""
        self._contracts = Staleness(self._limits_ns, now_ns)
        self._tries.clear()
        self._next_try_ns.clear()

    def channel_of(self, fact: MarketFact) -> str:
        return CHANNEL_OF[type(fact)]

    def heard(self, fact: MarketFact, now_ns: int) -> bool:
        """True when this ended a silence that had been told."""
        key = _key(fact.symbol, CHANNEL_OF[type(fact)])
        if not self._contracts.heard(key, now_ns):
            return False
        self._tries.pop(key, None)
        self._next_try_ns.pop(key, None)
        return True

    def overdue(self, now_ns: int) -> list[Silence]:
        """Streams that have just broken their contract."""
        silences = [_silence(each.stream, each.age_ns) for each in self._contracts.overdue(now_ns)]
        silences = [each for each in silences if each.symbol not in self._given_up]
        self._next_try_ns.update((_key(each.symbol, each.channel), now_ns) for each in silences)
        return silences

    def silences_of(self, symbol: str, now_ns: int) -> list[Silence]:
        """Everything of this symbol that is silent, told before or not."""
        keys = sorted(self._contracts.silent)
        return [each for key in keys if (each := _silence(key, self._contracts.age_ns(key, now_ns))).symbol == symbol]

    def to_resubscribe(self, now_ns: int) -> list[Topic]:
        """Silent streams whose next try is due; each is tried a few times, then left alone."""
        topics = []
        for key, next_ns in list(self._next_try_ns.items()):
            if now_ns < next_ns or self._tries.get(key, 0) >= self._try_limit:
                continue
            self._tries[key] = self._tries.get(key, 0) + 1
            self._next_try_ns[key] = now_ns + self._wait_ns
            topics.append(Topic(*key.split(" ")))
        return topics

    def hopeless(self, now_ns: int, last_valid_ns: int) -> bool:
        """An essential stream is silent after all tries, while others are heard: if nothing is, it is not the stream's fault."""
        exhausted = [
            key for key, next_ns in self._next_try_ns.items()
            if now_ns >= next_ns and self._tries.get(key, 0) >= self._try_limit and key.split(" ")[1] in ESSENTIAL
        ]
        if now_ns - last_valid_ns < self._wait_ns:
            return bool(exhausted)
        self._next_try_ns.update((key, now_ns + self._wait_ns) for key in exhausted)
        return False

    @property
    def due_ns(self) -> int:
        """When one of the questions above can next have another answer."""
        tries = [at_ns for key, at_ns in self._next_try_ns.items() if self._is_pending(key)]
        return min([*tries, self.next_silence_ns])

    @property
    def next_silence_ns(self) -> int:
        """When ``overdue`` can next have news."""
        due_ns = self._contracts.next_due_ns
        return NEVER if due_ns is None else due_ns

    def _is_pending(self, key: str) -> bool:
        return self._tries.get(key, 0) < self._try_limit or key.split(" ")[1] in ESSENTIAL


def _silence(key: str, age_ns: int) -> Silence:
    symbol, channel = key.split(" ")
    return Silence(symbol, channel, age_ns)


def _key(symbol: str, channel: str) -> str:
    return f"{symbol} {channel}"
