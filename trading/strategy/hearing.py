"""When a strategy hears of what its account did: every fact takes its time to arrive, and none overtakes another.

In event time, so that decisions do not depend on the scheduling of processes. Must not know what a fact means to a strategy.

A latency alone does not settle it where the market is silent for longer: what happens in the silence the account tells when it takes
in the market fact that ends it, and the strategy decides on that one at the same time. So nothing is heard with the very market fact
that let the account find it out, also after a restart, when it is known from the beginning.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from trading.latency import Constant, Draws, Leg
from trading.messages import AccountFact, OrderDenied, OrderSubmitted, SessionOpened

__all__ = ["Hearing"]


class Underway(NamedTuple):
    heard_ns: int
    sequence: int
    fact: AccountFact


class Hearing:
    """A fact about an order is heard ``floor_ns`` after it happened, or later: when the venue's response to that order has travelled
    as long as the session's ``response_latency`` draws for its id. Other facts take ``floor_ns``. The result is a fold of the facts
    in their order."""

    def __init__(self, fingerprint: str, floor_ns: int) -> None:
        self._fingerprint = fingerprint
        self._floor_ns = floor_ns
        self._response = Draws(Constant(ms=Decimal(0)), fingerprint, Leg.RESPONSE)
        self._underway: deque[Underway] = deque()
        self._heard_ns = 0

    def put(self, sequence: int, fact: AccountFact) -> None:
        """Facts come in order, each once."""
        if isinstance(fact, SessionOpened):
            self._response = Draws(fact.response_latency, self._fingerprint, Leg.RESPONSE)
        self._heard_ns = max(self._heard_ns, fact.at_ns + self._delay_ns(fact))
        self._underway.append(Underway(self._heard_ns, sequence, fact))

    def due(self, at_ns: int, known_until_ns: int) -> Iterator[tuple[int, AccountFact]]:
        """What is heard by now, with its sequence, oldest first, and then is no longer under way. ``known_until_ns`` is the event time
        of the market fact before this one: what happened later the account finds out only now.

        Strictly later than its time: of two market facts at one instant neither comes before the other.
        """
        while self._underway and self._underway[0].heard_ns < at_ns and self._underway[0].fact.at_ns <= known_until_ns:
            _, sequence, fact = self._underway.popleft()
            yield sequence, fact

    def _delay_ns(self, fact: AccountFact) -> int:
        order_id = fact.order.client_order_id if isinstance(fact, OrderSubmitted | OrderDenied) else getattr(fact, "client_order_id", "")
        if not order_id:
            return self._floor_ns
        return max(self._floor_ns, self._response.ns(order_id))
