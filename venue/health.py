"""When a connection counts as a good one: data that keeps coming, and a fresh book. A mere connect proves nothing. Pure."""

from trading.messages import BookChanged, MarketFact
from venue.settings import LinkSettings

__all__ = ["Health"]

MS = 1_000_000


class Health:
    """Of one connection at a time."""

    def __init__(self, settings: LinkSettings) -> None:
        self._enough = settings.healthy_messages
        self._lasting_ns = settings.healthy_after_ms * MS
        self._valid_count = 0
        self._first_ns = 0
        self._fresh_books: set[str] = set()

    def restart(self) -> None:
        self._valid_count = 0
        self._fresh_books.clear()

    def heard(self, fact: MarketFact, now_ns: int) -> None:
        if not self._valid_count:
            self._first_ns = now_ns
        self._valid_count += 1
        if isinstance(fact, BookChanged):
            self._fresh_books.add(fact.symbol)

    def is_good(self, symbol: str, now_ns: int) -> bool:
        """A fresh book of the symbol on this connection, and enough valid messages over long enough."""
        lasting = now_ns - self._first_ns >= self._lasting_ns
        return symbol in self._fresh_books and self._valid_count >= self._enough and lasting
