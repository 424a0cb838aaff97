"""The other ends of an actor's sockets, in the test's own thread: a feed, a gateway, a broker and a gate that do what they are told.

Each keeps what it heard and answers only when looked at (``serve``, which every waiting of a test does).
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from actors.envelopes import (
    Answer, Command, FactsGiven, FactsWanted, Fetch, Fetched, FetchedInstruments, FetchedKlines, FetchedTiers, FetchFailed,
    FetchKlines, FetchTiers, KlineRow, LedgerHead, LegGiven, LegWanted, MarketGiven, MarketWanted, TierRow,
)
from actors.telling import told
from messaging.channels import Client
from tests.actors.harness import ActorRoom, RunningActor, until
from tests.trading.decision_facts import BTC, SECOND, book
from timing.clock import monotonic_ns
from trading.latency import LogNormal
from trading.messages import AccountFact, MarketFact, SessionOpened
from trading.quantities import Instrument

__all__ = ["Desk", "FakeBroker", "FakeFeed", "FakeGate", "FakeGateway", "Neighbours", "opening"]

Found = TypeVar("Found")

PAGE = 3
"""Facts on one page: small, so that every story turns one."""


def opening(at_ns: int = 0) -> SessionOpened:
    """The first row of a ledger."""
    return SessionOpened(
        at_ns=at_ns, fingerprint="feedc0de", instruments=(BTC,), balance=Decimal(10_000), fee_schedule="plan", maker_fee=Decimal("-0.0002"),
        taker_fee=Decimal("0.0005"), slippage_model="fixed",
    )


class FakeFeed:
    """Publishes and gives again. ``silent``: it answers nobody. ``leg``: what it says of the way to the venue; None: nothing."""

    def __init__(self, room: ActorRoom) -> None:
        self._publisher = room.channels.publisher("market")
        self._server = room.channels.server("feed")
        self.facts: list[MarketFact] = []
        self.first = 1
        self.silent = False
        self.asked: list[int] = []
        self.leg: LegGiven | None = None
        self.leg_asked = 0
        self._leg_wanted_by = b""

    def tell(self, *facts: MarketFact, lose: bool = False) -> None:
        """Facts of this instant. ``lose``: they are kept, but the publication does not arrive."""
        for fact in facts:
            seen = msgspec.structs.replace(fact, seen_ns=monotonic_ns())
            self.facts.append(seen)
            if not lose:
                self._publisher.send(seen)

    def tell_leg(self, given: LegGiven) -> None:
        """Late, to whoever asked last."""
        self._server.send(self._leg_wanted_by, given)

    def serve(self) -> None:
        while (received := self._server.receive()) is not None:
            peer, message = received
            if isinstance(message, MarketWanted):
                self.asked.append(message.after)
                if not self.silent:
                    self._server.send(peer, self._page(message.after))
            elif isinstance(message, LegWanted):
                self.leg_asked, self._leg_wanted_by = self.leg_asked + 1, peer
                if self.leg is not None:
                    self._server.send(peer, self.leg)

    def _page(self, after: int) -> MarketGiven:
        known = [fact for fact in self.facts if fact.sequence > max(after, self.first - 1)]
        head = self.facts[-1].sequence if self.facts else 0
        page: Any = tuple(known[:PAGE])  # each market fact is one of the union that may be given
        return MarketGiven(facts=page, first=self.first, head=head)


class FakeGateway:
    """Knows one instrument and the bars and tiers it is given; ``failure`` makes it answer with that reason instead. ``leg``: what it says
    of the way to the venue. ``deaf``: kinds of question that it does not answer, as if it had died over them."""

    def __init__(self, room: ActorRoom, instruments: Sequence[Instrument] = (BTC,)) -> None:
        self._server = room.channels.server("gateway")
        self._instruments = tuple(instruments)
        self.bars: tuple[KlineRow, ...] = ()
        self.tiers: tuple[TierRow, ...] = ()
        self.failure = ""
        self.leg: LogNormal | None = None
        self.deaf: tuple[type, ...] = ()
        self.asked: list[Fetch] = []

    def times(self, request_id: str) -> int:
        """How often a question came."""
        return sum(each.request_id == request_id for each in self.asked)

    def serve(self) -> None:
        while (received := self._server.receive()) is not None:
            peer, message = received
            if isinstance(message, Fetch):
                self.asked.append(message)
                if not isinstance(message.request, self.deaf):
                    self._server.send(peer, Fetched(request_id=message.request_id, answer=self._answer(message), leg_latency=self.leg))

    def _answer(self, fetch: Fetch) -> FetchFailed | FetchedKlines | FetchedInstruments | FetchedTiers:
        if self.failure:
            return FetchFailed(reason=self.failure)
        if isinstance(fetch.request, FetchKlines):
            return FetchedKlines(rows=self.bars[-fetch.request.limit:])
        if isinstance(fetch.request, FetchTiers):
            return FetchedTiers(symbol=fetch.request.symbol, rows=self.tiers)
        return FetchedInstruments(instruments=self._instruments)


class FakeGate:
    """Keeps the commands that come; ``answer`` says when and how they are answered."""

    def __init__(self, room: ActorRoom, name: str = "risk") -> None:
        self._server = room.channels.server(name)
        self.commands: list[tuple[bytes, Command]] = []

    def answer(self, command_id: str, status: str = "recorded", reason: str = "", sequence: int = 0) -> None:
        """To everybody who sent it."""
        for peer in {peer for peer, command in self.commands if command.command_id == command_id}:
            self._server.send(peer, Answer(command_id=command_id, status=status, reason=reason, sequence=sequence))

    def bodies(self, kind: type[Found]) -> list[Found]:
        """Of the commands that came, each id once, in order."""
        found = {command.command_id: command.body for _, command in self.commands}
        return [body for body in found.values() if isinstance(body, kind)]

    def times(self, command_id: str) -> int:
        """How often a command came."""
        return sum(command.command_id == command_id for _, command in self.commands)

    def serve(self) -> None:
        while (received := self._server.receive()) is not None:
            self.hear(*received)

    def hear(self, peer: bytes, message: object) -> None:
        if isinstance(message, Command):
            self.commands.append((peer, message))


class FakeBroker(FakeGate):
    """A ledger in memory. ``silent``: nobody gets a page of it."""

    def __init__(self, room: ActorRoom) -> None:
        super().__init__(room, "broker")
        self._publisher = room.channels.publisher("facts")
        self.facts: list[AccountFact] = []
        self.silent = False
        self.asked: list[int] = []

    def record(self, *facts: AccountFact, lose: bool = False) -> None:
        for fact in facts:
            self.facts.append(fact)
            if not lose:
                self._publisher.send(told(len(self.facts), fact))

    def tell_head(self) -> None:
        self._publisher.send(LedgerHead(sequence=len(self.facts)))

    def hear(self, peer: bytes, message: object) -> None:
        if isinstance(message, FactsWanted):
            self.asked.append(message.after)
            if not self.silent:
                page = tuple(enumerate(self.facts, 1))[message.after:message.after + PAGE]
                facts = tuple(told(number, fact) for number, fact in page)
                self._server.send(peer, FactsGiven(facts=facts, head=len(self.facts)))
        else:
            super().hear(peer, message)


class Desk:
    """Whoever sends commands and hears the answers: a strategy to the gate, a gate to the broker."""

    def __init__(self, room: ActorRoom, server: str, identity: str = "desk") -> None:
        self.client: Client = room.channels.client(server, identity)
        self.answers: list[Answer] = []
        self.pages: list[FactsGiven] = []

    def send(self, body: Any, command_id: str) -> None:
        self.client.send(Command(command_id=command_id, body=body, sent_ns=monotonic_ns()))

    def want(self, after: int) -> None:
        self.client.send(FactsWanted(after=after))

    def serve(self) -> None:
        while (received := self.client.receive()) is not None:
            message = received[1]
            (self.answers if isinstance(message, Answer) else self.pages).append(message)


class Neighbours:
    """Everybody around one actor. ``until`` lets all of them answer while it waits."""

    def __init__(self, room: ActorRoom, *around: FakeFeed | FakeGateway | FakeGate | Desk) -> None:
        self._room = room
        self._around = around
        self._sequence = 0

    def until(self, found: Callable[[], Found | None], deadline_s: float = 20.0) -> Found:
        return until(lambda: self._served(found), self._room.control, deadline_s=deadline_s)

    def end(self, actor: RunningActor) -> int:
        """Let it leave; its exit code."""
        self.until(lambda: actor.came_up_or_ended)
        return actor.stop()

    def books(self, count: int = 1) -> list[MarketFact]:
        """The next books of the market, a second of event time apart."""
        made: list[MarketFact] = []
        for _ in range(count):
            self._sequence += 1
            made.append(book(self._sequence, 1_000 * SECOND + self._sequence * SECOND))
        return made

    def _served(self, found: Callable[[], Found | None]) -> Found | None:
        for each in self._around:
            each.serve()
        return found()


