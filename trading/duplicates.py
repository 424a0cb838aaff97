"""The fast path against orders sent twice. Must not know the time, or decide anything.

A small cache in front of the account's own memory, which lasts for the whole run: the cache may forget, the account
does not. Both lead to the same order, so both give the same answer.
"""

from collections.abc import Callable

from cachetools import TTLCache

from trading.account import Account
from trading.orders import Order, OrderResult

__all__ = ["Duplicates"]

ENTRIES_MAX = 1000
LIFETIME_S = 5.0


class Duplicates:
    """``timer`` gives seconds, never backwards. ``hits`` were answered by the cache, ``recalls`` by the account."""

    def __init__(self, account: Account, timer: Callable[[], float]) -> None:
        self.hits = 0
        self.recalls = 0
        self._known = account.desk.orders.known
        self._recent: TTLCache[str, Order] = TTLCache(maxsize=ENTRIES_MAX, ttl=LIFETIME_S, timer=timer)

    def original(self, client_order_id: str) -> OrderResult | None:
        """What became of the order that used this id first; None if nobody did."""
        recent = self._recent.get(client_order_id)
        if recent is not None:
            self.hits += 1
            return recent.result
        known = self._known.get(client_order_id)
        if known is None:
            return None
        self.recalls += 1
        self._recent[client_order_id] = known
        return known.result

    def remember(self, client_order_id: str) -> None:
        """Put an order that the account has just taken in on the fast path. One it does not know stays unknown."""
        known = self._known.get(client_order_id)
        if known is not None:
            self._recent[client_order_id] = known
