"""A broker whose latencies are to be fitted: it waits for what is measured and for the tiers, for neither for ever, and writes what it found
into the first row."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from actors.broker import Broker, BrokerSettings
from actors.envelopes import FetchTiers, LegGiven, TierRow
from messaging.control import Drained, Hello, Leave
from messaging.mailbox import Delivery
from records.ledger import LedgerReader
from records.workspace import RunPaths
from tests.actors.harness import ActorRoom, RunningActor, actor_room
from tests.actors.neighbours import FakeFeed, FakeGateway, Neighbours
from tests.trading.decision_facts import SYMBOL
from trading.latency import Fitted, LatencyModel, LogNormal
from trading.margin import MarginSettings
from trading.messages import AccountFact, SessionOpened

REST = LogNormal(Decimal(12), Decimal("0.3"), Decimal(90))
WS = LogNormal(Decimal(4), Decimal("0.1"), Decimal(11))
SETTINGS = BrokerSettings(
    symbols=(SYMBOL,), fingerprint="feedc0de",
    account={"position_max": {SYMBOL: Decimal("0.1")}, "entry_latency": Fitted(), "response_latency": Fitted()},
)


MARGINED = msgspec.structs.replace(SETTINGS, account=SETTINGS.account | {"margin": {SYMBOL: MarginSettings(10)}})


class CountsAnswers(Broker):
    """``answers``: of the gateway and the feed, each counted when it has been dealt with."""

    answers = 0

    def _on_answer(self, delivery: Delivery) -> None:
        super()._on_answer(delivery)
        self.answers += 1


def heard_by(broker: RunningActor) -> int:
    actor = getattr(broker, "actor", None)  # there once its thread has begun
    return actor.answers if isinstance(actor, CountsAnswers) else 0


class Bank:
    """A broker between a feed and a gateway; no other desk is needed."""

    def __init__(self, room: ActorRoom) -> None:
        self._room = room
        self.feed, self.gateway = FakeFeed(room), FakeGateway(room)
        self.near = Neighbours(room, self.feed, self.gateway)
        self.gateway.leg = REST
        self.settings = SETTINGS
        self._incarnation = 0

    def start(self, kind: type[Broker] = Broker) -> RunningActor:
        self._incarnation += 1
        return self._room.start(kind, "broker", self.settings, self._incarnation)

    def serves(self, broker: RunningActor) -> None:
        self.near.until(lambda: broker.said(Hello))

    def rows(self) -> list[AccountFact]:
        reader = LedgerReader(RunPaths(self._room.run_directory).ledger)
        try:
            return [fact for _, fact in reader.facts()]
        finally:
            reader.close()

    def opened(self) -> SessionOpened:
        opened = self.rows()[0]
        assert isinstance(opened, SessionOpened)
        return opened

    def legs(self) -> tuple[LatencyModel, LatencyModel]:
        return self.opened().entry_latency, self.opened().response_latency


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with actor_room(tmp_path) as room:
        yield Bank(room)


def test_each_leg_is_what_its_transport_measured_and_the_feed_is_asked_until_it_knows(bank: Bank) -> None:
    broker = bank.start()
    bank.feed.leg = LegGiven()
    bank.near.until(lambda: bank.feed.leg_asked >= 3)
    assert not broker.said(Hello) and bank.gateway.times("latency:1") < 3, "rest has answered"
    bank.feed.leg = LegGiven(leg_latency=WS)
    bank.serves(broker)
    assert bank.legs() == (REST, WS)
    assert broker.stop() == 0


def test_a_feed_that_will_never_know_is_not_waited_for(bank: Bank) -> None:
    bank.feed.leg = LegGiven(final=True)
    broker = bank.start()
    bank.serves(broker)
    assert bank.legs() == (REST, REST) and bank.feed.leg_asked <= 2
    assert broker.stop() == 0


def test_a_feed_that_says_nothing_is_waited_for_until_the_deadline(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.opening.MEASURED_WITHIN_NS", 600_000_000)
    broker = bank.start()
    bank.near.until(lambda: bank.feed.leg_asked >= 2)
    assert not broker.said(Hello)
    bank.serves(broker)
    assert bank.legs() == (REST, REST)
    assert broker.stop() == 0


def test_a_gateway_that_died_over_the_questions_is_asked_again(bank: Bank) -> None:
    bank.feed.leg, bank.gateway.deaf = LegGiven(leg_latency=WS), (object,)
    broker = bank.start()
    bank.near.until(lambda: len(bank.gateway.asked) >= 12)
    bank.gateway.deaf = ()
    bank.serves(broker)
    assert bank.legs() == (REST, WS)
    assert broker.stop() == 0


def test_tiers_are_waited_for_when_all_is_measured_and_not_for_ever(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.opening.TIERS_WITHIN_NS", 1_500_000_000)
    bank.settings, bank.feed.leg, bank.gateway.deaf = MARGINED, LegGiven(leg_latency=WS), (FetchTiers,)
    broker = bank.start()
    bank.near.until(lambda: bank.gateway.times(f"tiers:{SYMBOL}") >= 3)
    assert not broker.said(Hello)
    assert max(bank.gateway.times("instruments"), bank.gateway.times("latency:5"), bank.feed.leg_asked) < 3, "they have answered"
    bank.serves(broker)
    assert bank.opened().margin == MARGINED.account["margin"] and bank.legs() == (REST, WS)
    assert [each["reason"] for each in broker.log.named("MARGIN_TIERS_UNAVAILABLE")] == ["no answer"]
    assert broker.stop() == 0


def test_what_is_measured_is_waited_for_when_the_tiers_are_known(bank: Bank) -> None:
    bank.settings, bank.gateway.tiers = MARGINED, (TierRow(Decimal(0), Decimal(600), 20, Decimal("0.01")),)
    bank.feed.leg = LegGiven()
    broker = bank.start()
    bank.near.until(lambda: bank.feed.leg_asked >= 3)
    assert not broker.said(Hello) and bank.gateway.times(f"tiers:{SYMBOL}") < 3
    bank.feed.leg = LegGiven(leg_latency=WS)
    bank.serves(broker)
    assert bank.opened().margin[SYMBOL].tiers_from == "venue" and bank.legs() == (REST, WS)
    assert broker.stop() == 0


def test_one_that_comes_back_goes_on_with_the_legs_of_its_ledger_and_measures_nothing(bank: Bank) -> None:
    bank.feed.leg = LegGiven(leg_latency=WS)
    first = bank.start()
    bank.serves(first)
    first.stop()
    asked = len(bank.gateway.asked), bank.feed.leg_asked
    bank.feed.leg, bank.gateway.leg = LegGiven(leg_latency=REST), WS
    second = bank.start()
    bank.serves(second)
    assert bank.legs() == (REST, WS) and (len(bank.gateway.asked), bank.feed.leg_asked) == asked
    assert second.stop() == 0


def test_drained_before_it_opened_it_does_not_open_any_more(bank: Bank) -> None:
    broker = bank.start(CountsAnswers)
    bank.near.until(lambda: bank.feed.leg_asked and heard_by(broker) == 6)
    broker.drain()
    bank.near.until(lambda: broker.said(Drained))
    bank.feed.tell_leg(LegGiven(leg_latency=WS))
    bank.near.until(lambda: heard_by(broker) == 7)
    assert bank.rows() == []
    broker.tell(Leave())
    bank.near.until(lambda: broker.ended)
    assert broker.stop() == 0
