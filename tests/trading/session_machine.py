"""A market and a trader that do anything at any time, with a second account beside the first that may crash at any moment.

Whatever is told goes to both; what comes out must be the same, byte for byte. Shared by the properties of whole sessions.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.trading.account_stories import BTC, DECODER, MS, START, Story, settings
from trading.account import Account
from trading.account_settings import AccountSettings
from trading.book import fault_of
from trading.latency import Constant, Uniform
from trading.margin import MarginSettings, Tier
from trading.market_facts import Message
from trading.messages import (
    AccountFact, AnyMarketFact, BookChanged, FeedStale, MarketFact, MarkPriceChanged, TradesPrinted,
)
from trading.queue_models import MakingSettings, Penetrate, ProbLog, ProbPower, RiskAverse, Touch
from trading.words import OrderType, Side, TimeInForce, TriggerSource

CAP = {BTC: Decimal("0.5")}
FUNDING_MS = 500

STEPPED = MarginSettings(100, tuple(
    Tier(Decimal(start), Decimal(end), 100, Decimal(rate)) for start, end, rate in ((0, 3_000, "0.002"), (3_000, 9_000, "0.006"), (9_000, 10**6, "0.008"))
), "venue")
"""Tiers between which a position of this market moves."""

MAKING: list[MakingSettings] = [Touch(), Penetrate(ticks=10), RiskAverse(), ProbPower(), ProbLog()]
LATENCIES = [Constant(ms=Decimal(0)), Constant(ms=Decimal(40)), Uniform(min_ms=Decimal(0), max_ms=Decimal(80))]

prices = st.integers(29_990, 30_010)
sizes = st.integers(1, 8).map(lambda each: str(Decimal(each) / 20))
sides = st.sampled_from(Side)
waits = st.sampled_from([0, 0, 1, 30, 60, 700, 61_000])
maybe = st.booleans()
triggers = st.sampled_from(TriggerSource)
distances = st.integers(0, 3)
forces = st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])


@st.composite
def account_settings(draw: st.DrawFn) -> AccountSettings:
    return settings(
        position_max=CAP, slippage_model=draw(st.sampled_from(["book", "book_traded", "book_traded", "fixed", "top"])), making=draw(st.sampled_from(MAKING)),
        equity_interval_ms=500, balance=Decimal(draw(st.sampled_from([10_000, 400]))),
        margin=draw(st.sampled_from([{}, {BTC: MarginSettings(leverage=100)}, {BTC: STEPPED}])), **_latencies(draw),
    )


def _latencies(draw: st.DrawFn) -> dict[str, object]:
    return {"entry_latency": draw(st.sampled_from(LATENCIES)), "response_latency": draw(st.sampled_from(LATENCIES))}


@st.composite
def windows(draw: st.DrawFn) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Two sides with up to three levels; now and then crossed or without a side."""
    bid, spread = draw(st.one_of(st.integers(29_996, 30_003), prices)), draw(st.sampled_from([1, 1, 1, 2, 2, 5, 5, 0]))
    bids = tuple((str(bid - step), draw(sizes)) for step in draw(st.sampled_from([(0,), (0, 1), (0, 1), (0, 2, 3), (0, 2, 3), ()])))
    asks = tuple((str(bid + spread + step), draw(sizes)) for step in draw(st.sampled_from([(0,), (0, 1), (0, 1, 4)])))
    return bids, asks


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of any order, most of them well-formed."""
    kind = draw(st.sampled_from(OrderType))
    trails = kind is OrderType.TRAILING_STOP_MARKET
    child = draw(st.sampled_from([False, False, True]))
    side = draw(sides)
    return {
        "side": side, "quantity": draw(sizes), "type": kind, "price": str(draw(prices)) if kind.has_limit else None,
        "trigger_price": str(_trigger(draw, kind, side)) if kind.waits_for_trigger and (not trails or draw(maybe)) else None,
        "trailing_bps": draw(st.sampled_from(["1", "2.5", "3.3"])) if trails else None, "trigger_by": draw(triggers),
        "time_in_force": draw(forces), "reduce_only": draw(maybe) if not child else draw(st.sampled_from([True, True, True, False])),
        "post_only": kind.has_limit and draw(st.sampled_from([False, False, True])), "parent": draw(st.integers(1, 3)) if child else 0,
        "oco": draw(st.sampled_from(["", "", "x", "y"])), "lag_ms": draw(st.sampled_from([0, 0, 20, 200])),
    }


def _trigger(draw: st.DrawFn, kind: OrderType, side: Side) -> int:
    """Mostly on the side from which the price has yet to come."""
    rises = (side is Side.BUY) == (kind not in (OrderType.TAKE_PROFIT_MARKET, OrderType.TAKE_PROFIT_LIMIT))
    away = draw(st.sampled_from([3, 6, 9, 12, -3]))
    return 30_000 + away if rises else 30_000 - away


class TwinStory(Story):
    """``other`` is the account that crashes."""

    def __init__(self, given: AccountSettings) -> None:
        super().__init__(given)
        self.other = Account(given, "test")
        self.other.open(START)

    @property
    def at_ms(self) -> int:
        return (self.now_ns - START) // MS

    def tell(self, message: Message) -> tuple[AccountFact, ...]:
        facts = super().tell(message)
        assert msgspec.json.encode(self.other.on(message, self.now_ns)) == msgspec.json.encode(facts)
        return facts

    def crash(self, *, whole: bool) -> None:
        """The other account is gone; a new one folds the ledger and hears the market again, all of it or what it says it needs."""
        self.other = Account.recover(self.settings, "test", DECODER.decode(msgspec.json.encode(self.facts)))
        heard = [fact for fact, _ in self.told if isinstance(fact, MarketFact)]
        for fact in heard if whole else needed(heard, self.other.needs_market_from):
            copy: MarketFact = msgspec.json.decode(msgspec.json.encode(fact), type=AnyMarketFact)
            self.other.observe(copy, copy.at_ns)
        self.other.desk.now_ns = max(self.other.desk.now_ns, self.now_ns)
        assert self.other.state() == self.account.state()


def needed(heard: list[MarketFact], needs_from: int) -> list[MarketFact]:
    """As ``Account.needs_market_from`` describes it; of one symbol."""
    past = [fact for fact in heard if fact.sequence < needs_from]
    return sorted(_backdrop(past), key=lambda fact: fact.sequence) + [fact for fact in heard if fact.sequence >= needs_from]


def _backdrop(past: list[MarketFact]) -> Iterator[MarketFact]:
    windows = [fact for fact in past if isinstance(fact, BookChanged)]
    usable = [fact for fact in windows if fault_of(fact.bids, fact.asks) is None][-1:]
    yield from usable
    yield from (fact for fact in windows[-1:] if fact not in usable)
    yield from [fact for fact in past if isinstance(fact, TradesPrinted)][-1:]
    yield from {fact.next_funding_at_ns: fact for fact in past if isinstance(fact, MarkPriceChanged)}.values()
    since = usable[0].sequence if usable else 0
    yield from [fact for fact in past if isinstance(fact, FeedStale) and fact.stream != "trade" and fact.sequence > since][-1:]
