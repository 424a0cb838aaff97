"""Reading the two numbered streams without losing or doubling anything: live messages as they come, what was missed on request.

A follower owns its subscription and its client; the actor gives it the ticks. Must not know what the items mean.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from actors.envelopes import FactsGiven, FactsWanted, FactTold, LedgerHead, MarketGiven, MarketWanted
from messaging.channels import Client, Subscriber
from messaging.mailbox import Delivery
from messaging.sequence import SequenceReader
from timing.clock import monotonic_ns
from trading.messages import MarketFact

__all__ = ["FactsFollower", "MarketFollower"]

ASK_AGAIN_NS = 150_000_000


class _Follower:
    """Common to both: order, gaps, and asking for what is missing without flooding whoever answers."""

    def __init__(
        self, client: Client, question: Callable[[int], msgspec.Struct], take: Callable[[int, Any], None], caught_up: Callable[[], None],
    ) -> None:
        self._client = client
        self._question = question
        self._take = take
        self._tell_caught_up = caught_up
        self._asked_ns = 0
        self.reader: SequenceReader[Any] = SequenceReader()
        self.caught_up = False

    @property
    def gap_count(self) -> int:
        return self.reader.gap_count

    def tick(self) -> None:
        """Ask (again) while something is missing or the first answer has not come."""
        if (not self.caught_up or self.reader.missing is not None) and monotonic_ns() - self._asked_ns >= ASK_AGAIN_NS:
            self._ask()

    def _ask(self) -> None:
        self._asked_ns = monotonic_ns()
        self._client.send(self._question(self.reader.last))

    def _offer(self, number: int, item: Any) -> None:
        for sequence, ready in self.reader.offer(number, item):
            self._take(sequence, ready)
        if self.reader.missing is not None:
            self.tick()

    def _after_page(self, head: int) -> None:
        self.reader.heard_of(head)
        if self.reader.missing is not None:
            self._ask()
        elif not self.caught_up:
            self.caught_up = True
            self._tell_caught_up()


class FactsFollower(_Follower):
    """The ledger's rows as ``FactTold``, from the first one on."""

    def __init__(self, client: Client, take: Callable[[int, Any], None], caught_up: Callable[[], None]) -> None:
        super().__init__(client, lambda after: FactsWanted(after=after), take, caught_up)

    def on_live(self, delivery: Delivery) -> None:
        """From the ``facts`` subscription."""
        if isinstance(delivery.message, FactTold):
            self._offer(delivery.message.sequence, delivery.message)
        elif isinstance(delivery.message, LedgerHead):
            self.reader.heard_of(delivery.message.sequence)
            self.tick()

    def on_page(self, given: FactsGiven) -> None:
        """The broker's answer."""
        for told in given.facts:
            self._offer(told.sequence, told)
        self._after_page(given.head)


class MarketFollower(_Follower):
    """Market facts. ``from_start``: everything since the session began (asked from the feed); otherwise what comes from now on."""

    def __init__(
        self, client: Client, take: Callable[[int, Any], None], caught_up: Callable[[], None], from_start: bool,
    ) -> None:
        super().__init__(client, lambda after: MarketWanted(after=after), take, caught_up)
        self._started = from_start
        self.unobserved_count = 0
        self.ended = False

    def on_live(self, delivery: Delivery) -> None:
        """From the ``market`` subscription."""
        fact = delivery.message
        if not isinstance(fact, MarketFact):
            return
        if not self._started:
            self._started = True
            self.reader.skip_to(fact.sequence - 1)
            self.caught_up = True
            self._tell_caught_up()
        self._offer(fact.sequence, fact)

    def on_page(self, delivery: Delivery) -> None:
        """The feed's answer. What it no longer has is passed over and counted."""
        given = delivery.message
        if not isinstance(given, MarketGiven):
            return
        if given.first > self.reader.last + 1:
            self.unobserved_count += given.first - 1 - self.reader.last
            for sequence, ready in self.reader.skip_to(given.first - 1):
                self._take(sequence, ready)
        for fact in given.facts:
            self._offer(fact.sequence, fact)
        self._after_page(given.head)
        self.ended = given.ended and self.reader.missing is None and self.caught_up

    def ask_again(self) -> None:
        """Whether anything follows: for a reader that is idle and wants to know if the market is over."""
        if monotonic_ns() - self._asked_ns >= ASK_AGAIN_NS:
            self._ask()

    def tick(self) -> None:
        if self._started:
            super().tick()


def market_follower(
    subscriber: Subscriber, client: Client, listen: Callable[..., None], take: Callable[[int, Any], None],
    caught_up: Callable[[], None], from_start: bool,
) -> MarketFollower:
    """A follower that already listens to its two channels."""
    follower = MarketFollower(client, take, caught_up, from_start)
    listen("market", subscriber, follower.on_live)
    listen("market_pages", client, follower.on_page)
    return follower
