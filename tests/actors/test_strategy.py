"""The strategy as a running actor: intents are sent until answered, and after a restart nothing settled is sent again."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from actors.envelopes import FetchKlines, KlineRow
from records.workspace import RunPaths
from actors.strategy import StrategyActor, StrategyActorSettings
from messaging.control import Beat, Drained, Halt, Halted, Hello, Pulse
from tests.actors.harness import ActorRoom, RunningActor, actor_room
from tests.actors.neighbours import FakeBroker, FakeFeed, FakeGate, FakeGateway, Neighbours, opening
from tests.trading.decision_facts import BTC, MS, SECOND, Exchange, walk
from tests.trading.strategy_settings import CROSS
from trading.messages import MarketFact, ReportProgress, SubmitOrder
from trading.strategy.protocol import StrategySettings
from trading.strategy.trader import Trader

Found = TypeVar("Found")

QUICK = msgspec.structs.replace(CROSS, warmup_bars=8)
PRICES = [*range(65_000, 65_020), *range(65_020, 64_980, -2), *range(64_980, 65_040, 3)]
"""Up, down and up again: the averages cross."""


class Floor:
    """A strategy among a feed, a broker, a gateway and a gate whose orders all fill."""

    def __init__(self, room: ActorRoom, settings: StrategySettings = QUICK) -> None:
        self.room = room
        self.settings = settings
        self.feed, self.broker, self.gateway, self.gate = FakeFeed(room), FakeBroker(room), FakeGateway(room), FakeGate(room)
        self.near = Neighbours(room, self.feed, self.broker, self.gateway, self.gate)
        self.broker.record(opening())
        self.exchange = Exchange()
        self._taken = 0

    def start(self, incarnation: int = 1) -> RunningActor:
        return self.room.start(StrategyActor, "strategy", StrategyActorSettings(strategy=self.settings), incarnation)

    def started(self, incarnation: int = 1) -> RunningActor:
        actor = self.start(incarnation)
        self.near.until(lambda: actor.said(Hello))
        actor.tell(Pulse(state="RUNNING"))
        return actor

    def play(self, actor: RunningActor, market: list[MarketFact], answer: bool = True) -> None:
        """One market fact after the other; with ``answer`` the account does what it is asked before the next one comes."""
        for fact in market:
            self.feed.tell(fact)
            if answer:
                self.settle()
        (self.until if answer else self.near.until)(self.caught_up(actor, market))

    def until(self, found: Callable[[], Found | None]) -> Found:
        """Settles whatever comes while it waits."""

        def settled() -> Found | None:
            self.settle()
            return found()

        return self.near.until(settled)

    def caught_up(self, actor: RunningActor, market: list[MarketFact]) -> Callable[[], bool]:
        """Whether every bar of ``market`` that is surely closed is also told as closed."""
        return lambda: self.bars_of(actor) >= self.bars_in(market)

    def bars_of(self, actor: RunningActor) -> float:
        beats = actor.said(Beat)
        return beats[-1].gauges.get("bars_closed", 0) if beats else 0

    def play_slowly(self, actor: RunningActor, market: list[MarketFact]) -> None:
        """Five bars at a time: what is decided in them is settled before the next five."""
        for end in range(10, len(market) + 10, 10):
            self.feed.tell(*market[end - 10:end])
            self.until(self.caught_up(actor, market[:end]))
            self.settle()

    def settle(self) -> None:
        """Record and answer everything that has come."""
        self.gate.serve()
        for _, command in self.gate.commands[self._taken:]:
            for _, fact in self.exchange.take([command.body]):
                self.broker.record(fact)
            self.gate.answer(command.command_id, sequence=len(self.broker.facts))
        self._taken = len(self.gate.commands)

    def bars_in(self, market: list[MarketFact]) -> int:
        """Bars that are surely closed by then: the last is open, the first was seen only in part."""
        return len(market) // 2 - 2

    def orders(self) -> list[str]:
        return [order.client_order_id for order in self.gate.bodies(SubmitOrder)]


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    with actor_room(tmp_path) as room:
        yield Floor(room)


def test_after_the_warm_up_it_decides_and_says_so_once(floor: Floor) -> None:
    actor = floor.started()
    floor.play(actor, walk(PRICES))
    floor.until(lambda: floor.orders())
    warm = [report for report in floor.gate.bodies(ReportProgress) if report.warmup_complete]
    assert len(warm) == 1 and warm[0].bars == 8
    first = next(command.body for _, command in floor.gate.commands)
    assert isinstance(first, ReportProgress), "no order before the warm-up is told"
    assert len(actor.log.named("WARMUP_COMPLETE")) == 1
    assert actor.stop() == 0


def test_an_intent_is_sent_again_under_its_id_until_it_is_answered(floor: Floor) -> None:
    actor = floor.started()
    floor.play(actor, walk(PRICES), answer=False)
    floor.near.until(lambda: floor.orders())
    name = floor.orders()[0]
    floor.near.until(lambda: floor.gate.times(name) >= 3)
    floor.settle()
    sent, beats = floor.gate.times(name), len(actor.said(Beat))
    floor.near.until(lambda: len(actor.said(Beat)) >= beats + 4)
    assert floor.gate.times(name) <= sent + 1, "one more may have been under way"
    bodies = {command.body for _, command in floor.gate.commands if command.command_id == name}
    assert len(bodies) == 1
    assert actor.stop() == 0


def test_a_restarted_strategy_sends_nothing_that_is_on_record(floor: Floor) -> None:
    actor = floor.started()
    floor.play_slowly(actor, walk(PRICES))
    floor.until(lambda: len(floor.orders()) >= 2)
    before = floor.orders()
    actor.stop()
    again = floor.started(incarnation=2)
    floor.until(lambda: again.counter("intents_not_sent_again_count") >= len(before))
    beats = len(again.said(Beat))
    floor.near.until(lambda: len(again.said(Beat)) >= beats + 3)
    assert floor.orders() == before
    assert set(floor.exchange.orders) == set(before)
    assert again.said(Hello)[0].detail["warm"] is True
    assert again.stop() == 0


def test_behind_a_checkpoint_it_hears_only_what_follows_and_decides_as_if_it_had_lived_on(floor: Floor) -> None:
    market = walk([*PRICES, *range(65_040, 64_960, -1), *range(64_960, 65_060)])
    actor = floor.started()
    floor.play_slowly(actor, market[:300])
    assert RunPaths(floor.room.run_directory).checkpoint("strategy").exists()
    before = floor.orders()
    actor.stop()
    floor.feed.asked.clear()
    again = floor.started(incarnation=2)
    assert min(floor.feed.asked) >= 250, "only what came behind the checkpoint"
    floor.play_slowly(again, market[300:])
    undisturbed = Trader(floor.settings, (BTC,), opening().fingerprint)
    for sequence, fact in enumerate(floor.broker.facts, 1):
        undisturbed.on_fact(sequence, fact)
    wished = [intent.client_order_id for fact in market for intent in undisturbed.on_market(fact) if isinstance(intent, SubmitOrder)]
    assert floor.orders()[:len(before)] == before
    assert floor.orders() == wished
    assert again.stop() == 0


def test_an_intent_that_was_lost_with_the_process_is_sent_by_the_next_under_the_same_id(floor: Floor) -> None:
    """Decided and sent, but the gate died with it: the account has nothing on record."""
    actor = floor.started()
    floor.play(actor, walk(PRICES), answer=False)
    floor.near.until(lambda: floor.orders())
    lost = floor.orders()[0]
    actor.stop()
    sent = floor.gate.times(lost)
    again = floor.started(incarnation=2)
    floor.near.until(lambda: floor.gate.times(lost) > sent)
    assert floor.orders()[0] == lost
    assert again.stop() == 0


def test_bars_of_a_minute_are_warmed_up_from_the_venues_history(tmp_path: Path) -> None:
    with actor_room(tmp_path) as room:
        floor = Floor(room, msgspec.structs.replace(QUICK, bar_interval="1m"))
        floor.gateway.bars = tuple(
            KlineRow(minute * 60 * SECOND, *(Decimal(65_000 + minute),) * 4, volume=Decimal(1)) for minute in range(8)
        )
        floor.feed.tell(*walk([65_000], start_ns=8 * 60 * SECOND + 100 * MS))
        actor = floor.started()
        floor.near.until(lambda: actor.log.named("WARMUP_COMPLETE"))
        request = floor.gateway.asked[0].request
        assert isinstance(request, FetchKlines)
        assert (request.symbol, request.interval, request.limit) == ("BTCUSDT", "1m", 8)
        assert actor.log.named("HISTORY_FETCHED")[0]["bars"] == 8
        assert actor.stop() == 0


def test_without_history_it_warms_up_live_and_says_why(tmp_path: Path) -> None:
    with actor_room(tmp_path) as room:
        floor = Floor(room, msgspec.structs.replace(QUICK, bar_interval="1m"))
        floor.gateway.failure = "deadline"
        actor = floor.started()
        floor.near.until(lambda: actor.log.named("HISTORY_UNAVAILABLE"))
        assert not actor.log.named("WARMUP_COMPLETE")
        assert actor.stop() == 0


def test_draining_it_counts_its_bars_decides_nothing_more_and_waits_for_the_answers(floor: Floor) -> None:
    actor = floor.started()
    market = walk(PRICES)
    floor.play(actor, market[:60])
    actor.drain()
    floor.near.until(lambda: any(not report.warmup_complete or report.bars > 8 for report in floor.gate.bodies(ReportProgress)))
    assert not actor.said(Drained)
    orders = floor.orders()
    floor.settle()
    floor.until(lambda: actor.said(Drained))
    for fact in market[60:]:
        floor.feed.tell(fact)
    floor.until(floor.caught_up(actor, market))
    assert floor.orders() == orders
    assert actor.stop() == 0


def test_a_halt_is_confirmed_at_once(floor: Floor) -> None:
    actor = floor.started()
    floor.play(actor, walk(PRICES[:30]), answer=False)
    actor.tell(Halt(reason="kill"))
    floor.near.until(lambda: actor.said(Halted))
    assert actor.stop() == 0


def test_it_waits_for_the_broker_and_the_feed(tmp_path: Path) -> None:
    with actor_room(tmp_path) as room:
        floor = Floor(room)
        floor.feed.silent = True
        actor = floor.start()
        floor.near.until(lambda: len(floor.feed.asked) >= 3)
        assert actor.said(Hello) == []
        floor.feed.silent = False
        floor.near.until(lambda: actor.said(Hello))
        assert actor.stop() == 0


def test_nothing_is_decided_before_the_session_runs_and_nothing_heard_meanwhile_is_lost(floor: Floor) -> None:
    actor = floor.start()
    floor.near.until(lambda: actor.said(Hello))
    market = walk(PRICES)
    floor.feed.tell(*market)
    floor.near.until(lambda: len(actor.said(Beat)) >= 2)
    assert floor.gate.commands == []
    actor.tell(Pulse(state="RUNNING"))
    floor.until(floor.caught_up(actor, market))
