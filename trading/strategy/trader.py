"""The pure object inside the strategy actor: market facts, account facts and history in, intents out.

Its state is a fold of its inputs, and its ids are a function of them: a restarted trader that is given the same facts
makes the same intents under the same ids. Must not know how messages travel or what they cost.

Account facts are heard in event time: a fact of time t takes effect with the first market fact later than t plus
``report_latency_ms``, or plus the response latency of the order it is about, if that is longer, however early it arrived,
and not with the very market fact that let the account find it out (hearing.py). That is what makes decisions independent of
the scheduling of processes, and what lets a restarted trader take all old account facts at once before it hears the market
again.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import partial
from typing import NamedTuple, TypeAlias

from trading.bars import BarClosed, venue_interval
from trading.messages import (
    AccountFact, AmendOrder, CancelOrder, FeedLive, FeedStale, MarketFact, ReportProgress, SubmitOrder,
)
from trading.prints import DEFAULT_BAND_BPS
from trading.quantities import Instrument
from trading.strategy.desk import Desk
from trading.strategy.hearing import Hearing
from trading.strategy.protocol import Again, Change, Place, StrategySettings, Wishes, Withdraw
from trading.strategy.record import Record
from trading.strategy.registry import build
from trading.strategy.stamping import Moment, again, child_of, order_of

__all__ = ["HistoryRequest", "Intent", "Trader"]

MILLISECOND_NS = 1_000_000

Intent: TypeAlias = SubmitOrder | AmendOrder | CancelOrder | ReportProgress


class HistoryRequest(NamedTuple):
    """``bars`` closed bars of ``interval``, in the venue's spelling, would end the warm-up at once."""

    interval: str
    bars: int


class Trader:
    """Runs one strategy in one or more symbols, each with bars and orders of its own.

    ``fingerprint`` names the run (its first six characters go into every id, the whole seeds the response latencies); prints
    farther than ``print_band_bps`` off the book move no bar. Call :meth:`on_market` and
    :meth:`on_fact` with everything that is heard. After a restart: all account facts, history if any, then the market
    facts still available; of the intents that come out, those for which :meth:`settled` is true need not be sent.
    """

    def __init__(
        self,
        settings: StrategySettings,
        instruments: Iterable[Instrument],
        fingerprint: str,
        *,
        print_band_bps: Decimal = DEFAULT_BAND_BPS,
    ) -> None:
        self.settings = settings
        self.strategy_id = settings.name
        self._prefix = f"{self.strategy_id}-{fingerprint[:6]}"
        self._desks = {
            each.symbol: Desk(self.strategy_id, settings, each, print_band_bps, partial(build, settings)) for each in instruments
        }
        self._record = Record(self.strategy_id)
        self._hearing = Hearing(fingerprint, settings.report_latency_ms * MILLISECOND_NS)
        self._facts_sequence = 0
        self._market_sequence = 0
        self._at_ns = 0
        self._intent_number = 0
        self._reported = False
        self._draining = False

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._desks)

    @property
    def history_request(self) -> HistoryRequest | None:
        """What to ask the venue for, per symbol; None where it keeps no history of this bar interval."""
        interval = venue_interval(self.settings.interval_ns)
        return None if interval is None else HistoryRequest(interval, self.settings.warmup_bars)

    @property
    def received_sequence(self) -> int:
        """The last account fact received: where to resume from."""
        return self._record.sequence

    @property
    def market_sequence(self) -> int:
        """The last market fact heard: where to resume from."""
        return self._market_sequence

    @property
    def foreseen_ns(self) -> int:
        """Nothing that the account finds out behind the last market fact heard takes effect up to this event time."""
        return self._at_ns + self.settings.report_latency_ms * MILLISECOND_NS

    @property
    def bars(self) -> int:
        """Closed bars so far, of the symbol that has fewest."""
        return min(desk.bars for desk in self._desks.values())

    @property
    def off_book_count(self) -> int:
        """Prints so far that moved no bar because the book does not vouch for them."""
        return sum(desk.off_book_count for desk in self._desks.values())

    @property
    def warm(self) -> bool:
        return all(desk.ready for desk in self._desks.values())

    def on_market(self, fact: MarketFact) -> tuple[Intent, ...]:
        """Hear one market fact; one heard before (by its sequence) changes nothing."""
        if fact.sequence <= self._market_sequence:
            return ()
        known_until_ns = self._at_ns
        self._market_sequence, self._at_ns, self._intent_number = fact.sequence, fact.at_ns, 0
        intents = self._hear_due_facts(known_until_ns)
        for desk in self._desks_of(fact):
            wishes = desk.on_market(fact, self._permits(desk))
            intents += self._report_warm()
            intents += self._stamped(desk, wishes)
        return tuple(intents)

    def on_fact(self, sequence: int, fact: AccountFact) -> bool:
        """Receive one account fact; it takes effect with the market (see the top of this file).

        False if facts between are missing: it was not taken, ask from :attr:`received_sequence` on. Facts received
        before are ignored. What waits here is bounded by what the account can say in the longest latency.
        """
        if sequence > self._record.sequence + 1:
            return False
        if sequence == self._record.sequence + 1:
            self._record.on_fact(sequence, fact)
            self._hearing.put(sequence, fact)
        return True

    def seed_history(self, symbol: str, bars: Iterable[BarClosed]) -> tuple[Intent, ...]:
        """Back-fill the warm-up; also late, after live bars. Raises ValueError for bars of another symbol or
        interval."""
        self._desks[symbol].seed(bars, self._at_ns)
        return tuple(self._report_warm())

    def drain(self) -> tuple[ReportProgress, ...]:
        """Stop: no intent from now on, but for this last count."""
        self._draining = True
        return (self._progress(),)

    def settled(self, intent: Intent) -> bool:
        """True if the account's facts already contain what the intent asks for."""
        match intent:
            case SubmitOrder() | AmendOrder():
                return self._record.holds(intent)
            case CancelOrder():
                return intent.client_order_id in self._record.closed
            case ReportProgress():
                return intent.warmup_complete and self._record.warm

    def gives_up(self, order: SubmitOrder) -> bool:
        """True if the order closes a position that could not be protected."""
        known = self._desks[order.symbol].orders.known(order.client_order_id)
        return known is not None and known.gives_up

    def _hear_due_facts(self, known_until_ns: int) -> list[Intent]:
        """What happened after the market fact before this one the account finds out only now."""
        intents: list[Intent] = []
        for self._facts_sequence, fact in self._hearing.due(self._at_ns, known_until_ns):
            for desk in self._desks.values():
                intents += self._stamped(desk, desk.on_fact(fact, self._at_ns, self._permits(desk)))
        return intents

    def _desks_of(self, fact: MarketFact) -> list[Desk]:
        """The symbol's desk; every desk for news of the whole connection, which may name no symbol of ours."""
        if fact.symbol in self._desks:
            return [self._desks[fact.symbol]]
        return list(self._desks.values()) if isinstance(fact, FeedStale | FeedLive) else []

    def _permits(self, desk: Desk) -> bool:
        """The gate opens once for all symbols: no desk trades before every other is warm."""
        return not self._draining and all(each.ready for each in self._desks.values() if each is not desk)

    def _report_warm(self) -> list[Intent]:
        if self._reported or self._draining or not self.warm:
            return []
        self._reported = True
        return [self._progress()]

    def _progress(self) -> ReportProgress:
        return ReportProgress(
            command_id=self._next_id(),
            strategy_id=self.strategy_id,
            bars=self.bars,
            warmup_bars=self.settings.warmup_bars,
            warmup_complete=self._reported,
            at_ns=self._at_ns,
        )

    def _stamped(self, desk: Desk, wishes: Wishes) -> list[Intent]:
        intents: list[Intent] = []
        if self._draining:
            return intents
        for wish in wishes:
            match wish:
                case Place():
                    intents += self._placed(desk, wish)
                case Again():
                    intents += self._sent(desk, again(self._next_id(), wish, self._moment))
                case Change():
                    intents += self._changed(desk, wish)
                case Withdraw():
                    name = self._next_id()
                    desk.orders.asked_to_cancel(wish.client_order_id)
                    intents.append(self._cancel(name, wish.client_order_id, wish.reason))
        return intents

    def _placed(self, desk: Desk, wish: Place) -> list[SubmitOrder]:
        """The order and, behind it, what protects it; without the order no child of it is made either."""
        order = order_of(self._next_id(), self.strategy_id, desk.instrument.symbol, wish, self._moment)
        group = order.client_order_id if len(wish.protect) > 1 else ""
        children = [child_of(order, self._next_id(), each, group, self._moment) for each in wish.protect]
        if not self._record.could_follow(order):
            return []
        desk.orders.sent(order, wish.gives_up)
        return [order, *(sent for child in children for sent in self._sent(desk, child))]

    def _sent(self, desk: Desk, order: SubmitOrder) -> list[SubmitOrder]:
        """The order, if it could still be made."""
        if not self._record.could_follow(order):
            return []
        desk.orders.sent(order)
        return [order]

    def _changed(self, desk: Desk, wish: Change) -> list[AmendOrder]:
        request = AmendOrder(
            command_id=self._next_id(), client_order_id=wish.client_order_id, quantity=wish.quantity, price=wish.price,
            trigger_price=wish.trigger_price, reason=wish.reason, decided_at_ns=self._at_ns,
            market_sequence=self._market_sequence,
        )
        if not self._record.could_follow(request):
            return []
        desk.orders.asked_to_amend(wish.client_order_id, request.command_id)
        return [request]

    def _cancel(self, name: str, client_order_id: str, reason: str) -> CancelOrder:
        return CancelOrder(
            command_id=name,
            client_order_id=client_order_id,
            reason=reason,
            decided_at_ns=self._at_ns,
            market_sequence=self._market_sequence,
        )

    @property
    def _moment(self) -> Moment:
        return Moment(self._at_ns, self._market_sequence, self._facts_sequence)

    def _next_id(self) -> str:
        """A function of run, strategy, market sequence and the number of the intent: the same again after a restart."""
        self._intent_number += 1
        return f"{self._prefix}-{self._market_sequence:06d}-{self._intent_number}"
