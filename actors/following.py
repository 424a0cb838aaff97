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

__all__ = ["AS_IT_STANDS", "FactsFollower", "MarketFollower", "market_follower"]

ASK_AGAIN_NS = 150_000_000

AS_IT_STANDS = 1 << 62
"""``standing_to`` of a reader that needs to know how the market stands now, not how it came to that."""


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
    """The ledger's rows as ``FactTold``, behind ``after``."""

    def __init__(self, client: Client, take: Callable[[int, Any], None], caught_up: Callable[[], None], after: int = 0) -> None:
        super().__init__(client, lambda last: FactsWanted(after=last), take, caught_up)
        self.reader.skip_to(after)

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
    """Market facts behind ``after``; up to ``standing_to`` only what still counts of them (actors/standing.py).

    ``passed_over`` is told the first and last number of what cannot be had, before anything behind it is passed on."""

    def __init__(
        self, client: Client, take: Callable[[int, Any], None], caught_up: Callable[[], None], after: int = 0, standing_to: int = 0,
        passed_over: Callable[[int, int], None] = lambda first, last: None,
    ) -> None:
        super().__init__(client, lambda last: MarketWanted(after=last, standing_to=standing_to), take, caught_up)
        self._standing_to = standing_to
        self._passed_over = passed_over
        self.reader.skip_to(after)
        self.unobserved_count = 0
        self.ended = False

    def on_live(self, delivery: Delivery) -> None:
        """From the ``market`` subscription."""
        fact = delivery.message
        if isinstance(fact, MarketFact):
            self._offer(fact.sequence, fact)

    def on_page(self, delivery: Delivery) -> None:
        """The feed's answer. What it no longer has is passed over and counted."""
        given = delivery.message
        if not isinstance(given, MarketGiven):
            return
        if given.standing_to > self.reader.last:
            self._pass_over(max(self.reader.last, self._standing_to), given.standing_to, given.standing)
        if given.first > self.reader.last + 1:
            self._pass_over(self.reader.last, given.first - 1)
        for fact in given.facts:
            self._offer(fact.sequence, fact)
        self._after_page(given.head)
        self.ended = given.ended and self.reader.missing is None and self.caught_up

    def suffices(self) -> None:
        """What has come is enough to begin with: caught up, though more is still on its way."""
        if not self.caught_up:
            self.caught_up = True
            self._tell_caught_up()

    def ask_again(self) -> None:
        """Whether anything follows: for a reader that is idle and wants to know if the market is over."""
        if monotonic_ns() - self._asked_ns >= ASK_AGAIN_NS:
            self._ask()

    def _pass_over(self, behind: int, to: int, standing: tuple[MarketFact, ...] = ()) -> None:
        """Go on behind ``to``; nothing was heard behind ``behind`` but what is ``standing``."""
        if to > behind:
            self.unobserved_count += to - behind
            self._passed_over(behind + 1, to)
        for fact in standing:
            self._take(fact.sequence, fact)
        for sequence, ready in self.reader.skip_to(to):
            self._take(sequence, ready)


def market_follower(
    subscriber: Subscriber, client: Client, listen: Callable[..., None], take: Callable[[int, Any], None],
    caught_up: Callable[[], None], after: int = 0, standing_to: int = 0, passed_over: Callable[[int, int], None] = lambda first, last: None,
) -> MarketFollower:
    """A follower that already listens to its two channels; it asks with its first tick."""
    follower = MarketFollower(client, take, caught_up, after, standing_to, passed_over)
    listen("market", subscriber, follower.on_live)
    listen("market_pages", client, follower.on_page)
    return follower
