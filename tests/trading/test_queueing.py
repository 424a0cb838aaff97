"""Where resting orders stand in the queue, what trades and windows offer them, and how one trade is shared."""

import math
from collections.abc import Iterable
from decimal import Decimal, localcontext

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.trading.account_stories import BTC, levels
from trading.book import Book, displayed
from trading.consumption import Consumption
from trading.messages import BookChanged, Level, Print, TradesPrinted
from trading.quantities import MONEY, ZERO
from trading.queue_models import MakingSettings, Penetrate, ProbLog, ProbPower, RiskAverse, Touch
from trading.queue_position import KEPT
from trading.queueing import Offer, Queues, Unconsumed, share
from trading.reading import Believed
from trading.words import Side

TICK, ONE = Decimal("0.1"), Decimal(1)
POWER, POWER_1 = ProbPower(Decimal(3)), ProbPower(Decimal(1))
ALL: tuple[MakingSettings, ...] = (Touch(), POWER, ProbLog(), RiskAverse(), Penetrate(1))
QUEUED: tuple[MakingSettings, ...] = (POWER, POWER_1, ProbLog(), RiskAverse())
ME = "me"
Fact = BookChanged | TradesPrinted


def window(bids: tuple[Level, ...], asks: tuple[Level, ...], sequence: int = 0) -> BookChanged:
    return BookChanged(sequence=sequence, at_ns=sequence * 1000, seen_ns=0, symbol=BTC, bids=bids, asks=asks)


def trades(*prints: Print, sequence: int = 0) -> TradesPrinted:
    return TradesPrinted(sequence=sequence, at_ns=sequence * 1000, seen_ns=0, symbol=BTC, prints=prints)


def hit(price: str, quantity: str) -> TradesPrinted:
    return trades(Print(Decimal(price), Decimal(quantity), Side.SELL))


def bid(quantity: str) -> BookChanged:
    """A window with this much at 99.9, where the order of the stories rests; nothing there for zero."""
    own = [("99.9", quantity)] if quantity != "0" else []
    return window(levels(("100", "1"), *own, ("99.8", "7")), levels(("100.1", "1")))


def asks_from(*pairs: tuple[str, str]) -> BookChanged:
    return window(levels(("90", "1")), levels(*pairs))


HIDDEN = window(levels(("100.2", "1"), ("100", "1")), levels(("100.3", "1")))
CROSSED = window(levels(("100", "1")), levels(("100", "1")))
EMPTY = window((), levels(("100", "1")))


def moved(queues: Queues, fact: Fact, unconsumed: Unconsumed | None = None) -> tuple[Offer, ...]:
    """What the fact offers."""
    if isinstance(fact, TradesPrinted):
        return tuple(queues.on_trades(fact, Believed(fact.prints)))
    return tuple(queues.on_window(Book(BTC).replaced(fact), unconsumed))


class Resting:
    """Orders in their queues, and what they got of all that was told, as long as they wanted it."""

    def __init__(self, model: MakingSettings, **wants: str) -> None:
        self.queues = Queues(model, TICK)
        self.leaves = {name: Decimal(quantity) for name, quantity in wants.items()}
        self.got = dict.fromkeys(wants, ZERO)
        self.sequence = 0
        self.told: list[Fact] = []

    def join(self, name: str, side: Side, price: str, ahead: str | None) -> None:
        level = None if ahead is None else Decimal(ahead)
        self.queues.join(name, side, Decimal(price), level, level, self.sequence, self.sequence * 1000)

    def tell(self, fact: Fact) -> tuple[Offer, ...]:
        self.sequence += 1
        self.told.append(msgspec.structs.replace(fact, sequence=self.sequence, at_ns=self.sequence * 1000))
        offers = moved(self.queues, self.told[-1])
        for offer in offers:
            before = sum(self.got.values())
            for name, quantity in share(offer, self.leaves.__getitem__):
                self.leaves[name] -= quantity
                self.got[name] += quantity
            assert sum(self.got.values()) - before <= offer.trade.quantity
        return offers

    def ahead(self, name: str = ME) -> Decimal | None:
        position = self.queues.position(name)
        assert position is not None
        return position.ahead


def behind(model: MakingSettings, ahead: str | None, facts: Iterable[Fact]) -> Resting:
    """The order of the stories: a BUY of 100 at 99.9."""
    resting = Resting(model, me="100")
    resting.join(ME, Side.BUY, "99.9", ahead)
    for fact in facts:
        resting.tell(fact)
    return resting


# ---------------------------------------------------------------------------------------------------- stories

# story, ahead on joining, facts, then for each model: ahead at the end, what was got
STORIES: list[tuple[str, str | None, list[Fact], dict[str, tuple[str | None, str]]]] = [
    ("a trade shorter than the queue", "5", [hit("99.9", "3")], {
        "touch": ("5", "3"), "prob_power(n=1)": ("2", "0"), "risk_averse": ("2", "0"), "penetrate(ticks=1)": ("5", "0")}),
    ("a trade longer than the queue leaves the excess", "5", [hit("99.9", "3"), hit("99.9", "3.5")], {
        "touch": ("5", "6.5"), "prob_power(n=1)": ("0", "1.5"), "risk_averse": ("0", "1.5"), "penetrate(ticks=1)": ("5", "0")}),
    ("a trade through the price leaves all of it", "5", [hit("99.8", "2"), hit("99.9", "1")], {
        "touch": ("5", "3"), "prob_power(n=1)": ("0", "3"), "risk_averse": ("0", "3"), "penetrate(ticks=1)": ("5", "2")}),
    ("a trade above the price, or of the other side", "5",
     [hit("100", "9"), trades(Print(Decimal("99.8"), Decimal(9), Side.BUY))], {
        "touch": ("5", "0"), "prob_power(n=1)": ("5", "0"), "risk_averse": ("5", "0"), "penetrate(ticks=1)": ("5", "0")}),
    ("growth joins behind", "5", [bid("9"), bid("20")], {
        "prob_power(n=1)": ("5", "0"), "prob_log": ("5", "0"), "risk_averse": ("5", "0")}),
    ("the queue is alone: every cancel is in front", "5", [bid("3")], {
        "prob_power(n=1)": ("3", "0"), "prob_log": ("3", "0"), "risk_averse": ("3", "0")}),
    ("half of the level is in front: half of a cancel is", "5", [bid("10"), bid("6")], {
        "prob_power(n=1)": ("3", "0"), "prob_power(n=3)": ("3", "0"), "prob_log": ("3", "0"), "risk_averse": ("5", "0")}),
    ("a fifth is in front: of a cancel a fifth, or less", "2", [bid("10"), bid("6")], {
        "prob_power(n=1)": ("1.2", "0"), "prob_power(n=3)": ("1.938461538462", "0"), "risk_averse": ("2", "0")}),
    ("more canceled than stood behind", "5", [bid("6"), bid("2")], {
        "prob_power(n=1)": ("1.666666666667", "0"), "risk_averse": ("2", "0")}),
    ("a trade that the next window shows is no cancel", "5", [bid("10"), hit("99.9", "3"), bid("7")], {
        "prob_power(n=1)": ("2", "0"), "prob_log": ("2", "0"), "risk_averse": ("2", "0")}),
    ("the same window a hundred times", "5", [bid("9"), *[bid("9")] * 100], {
        "touch": ("5", "0"), "prob_power(n=1)": ("5", "0"), "risk_averse": ("5", "0"), "penetrate(ticks=1)": ("5", "0")}),
    ("a window that no longer reaches so far says nothing", "5", [HIDDEN, hit("99.9", "1"), HIDDEN], {
        "touch": ("5", "1"), "prob_power(n=1)": ("4", "0"), "risk_averse": ("4", "0"), "penetrate(ticks=1)": ("5", "0")}),
    ("a window that cannot be traded on says nothing", "5", [CROSSED, EMPTY], {
        "touch": ("5", "0"), "prob_power(n=1)": ("5", "0"), "risk_averse": ("5", "0"), "penetrate(ticks=1)": ("5", "0")}),
    ("a window without the level: nobody is in front", "5", [bid("0"), hit("99.9", "1")], {
        "prob_power(n=1)": ("0", "1"), "risk_averse": ("0", "1"), "penetrate(ticks=1)": ("5", "0")}),
    ("a price that is not visible gets nothing at the price", None, [hit("99.9", "4")], {
        "touch": (None, "4"), "prob_power(n=1)": (None, "0"), "risk_averse": (None, "0")}),
    ("a price that was not visible waits behind all that is first seen there", None, [HIDDEN, bid("8"), hit("99.9", "9")], {
        "prob_power(n=1)": ("0", "1"), "risk_averse": ("0", "1")}),
    ("a price that was never visible is traded through", None, [hit("99.7", "4"), hit("99.9", "1")], {
        "prob_power(n=1)": ("0", "5"), "risk_averse": ("0", "5"), "penetrate(ticks=1)": (None, "4")}),
    ("the other side shows itself at the price", "5", [asks_from(("99.9", "3"), ("100", "9"))], {
        "touch": ("5", "3"), "prob_power(n=1)": ("0", "3"), "risk_averse": ("0", "3"), "penetrate(ticks=1)": ("5", "0")}),
    ("the other side shows itself through the price", "5", [asks_from(("99.7", "1"), ("99.9", "3"), ("100", "9"))], {
        "touch": ("5", "4"), "prob_power(n=1)": ("0", "4"), "risk_averse": ("0", "4"), "penetrate(ticks=1)": ("5", "1")}),
    ("what it showed is offered once", "5", [asks_from(("99.8", "3"))] * 100, {
        "touch": ("5", "3"), "prob_power(n=1)": ("0", "3"), "risk_averse": ("0", "3"), "penetrate(ticks=1)": ("5", "3")}),
    ("of what it shows more, the growth", "5", [asks_from(("99.8", each)) for each in ("3", "5", "4", "6")], {
        "touch": ("5", "7"), "prob_power(n=1)": ("0", "7"), "penetrate(ticks=1)": ("5", "7")}),
    ("it goes and comes again", "5", [asks_from(("99.8", "3")), bid("0"), asks_from(("99.8", "3"))], {
        "touch": ("5", "6"), "prob_power(n=1)": ("0", "6"), "penetrate(ticks=1)": ("5", "6")}),
]
MODELS = {str(model): model for model in (*ALL, POWER_1)}


@pytest.mark.parametrize(("story", "ahead", "facts", "expected"), STORIES, ids=[story[0] for story in STORIES])
def test_in_the_queue(
    story: str, ahead: str | None, facts: list[Fact], expected: dict[str, tuple[str | None, str]],
) -> None:
    for name, (left, got) in expected.items():
        resting = behind(MODELS[name], ahead, facts)
        end = resting.ahead()
        assert (None if end is None else str(end.normalize() + ZERO), resting.got[ME]) == (left, Decimal(got)), name


def test_a_sell_waits_like_a_buy() -> None:
    resting = Resting(POWER_1, me="9")
    resting.join(ME, Side.SELL, "100.1", "2")
    resting.tell(trades(Print(Decimal("100.1"), Decimal(3), Side.BUY)))
    assert (resting.ahead(), resting.got[ME]) == (ZERO, ONE)
    resting.tell(window(levels(("100.2", "4")), levels(("100.3", "1"))))
    assert resting.got[ME] == 5


def test_whoever_leaves_and_joins_again_is_at_the_back() -> None:
    resting = behind(POWER, "5", [hit("99.9", "4")])
    resting.queues.leave(ME)
    resting.queues.leave(ME)
    assert resting.queues.position(ME) is None and resting.tell(hit("99.8", "9")) == ()
    resting.join(ME, Side.BUY, "99.9", "8")
    assert resting.ahead() == 8


def test_better_prices_come_first_then_who_joined_earlier() -> None:
    resting = Resting(Touch(), worse="1", early="1", late="1", better="1")
    for name, price in (("worse", "99"), ("early", "99.5"), ("late", "99.5"), ("better", "99.9")):
        resting.join(name, Side.BUY, price, "0")
    [offer] = resting.tell(hit("99", "3.5"))
    assert [name for name, _ in offer.among] == ["better", "early", "late", "worse"]
    assert resting.got == {"better": 1, "early": 1, "late": 1, "worse": Decimal("0.5")}


def test_an_order_behind_another_of_ours_gets_what_that_one_left() -> None:
    resting = Resting(RiskAverse(), first="3", second="9")
    resting.join("first", Side.BUY, "99.9", "2")
    resting.join("second", Side.BUY, "99.9", "5")
    resting.tell(hit("99.9", "10"))
    assert resting.got == {"first": 3, "second": 2}


def test_what_an_order_declines_is_left_for_the_next() -> None:
    offer = Offer(0, Print(Decimal(99), Decimal(4), Side.SELL), ZERO, (("a", Decimal(4)), ("b", Decimal(4))))
    leaves = {"a": Decimal(3), "b": Decimal(9)}
    shares = share(offer, leaves.__getitem__)
    assert next(shares) == ("a", Decimal(3))
    leaves["a"] -= 1
    assert list(shares) == [("b", Decimal(3))]


def test_facts_up_to_the_moment_of_joining_are_not_the_orders() -> None:
    queues = Queues(POWER, TICK)
    queues.join(ME, Side.BUY, Decimal("99.9"), Decimal(5), Decimal(5), since=7, at_ns=0)
    for sequence in range(1, 8):
        assert moved(queues, msgspec.structs.replace(hit("99", "9"), sequence=sequence)) == ()
        assert moved(queues, msgspec.structs.replace(bid("1"), sequence=sequence)) == ()
    position = queues.position(ME)
    assert position is not None
    assert position.ahead == position.level == 5
    assert len(position.steps.kept) == 1 and not position.consumed_by().kept


def test_what_own_takers_had_of_a_window_is_not_offered_to_those_who_rest() -> None:
    queues, consumption = Queues(POWER, TICK), Consumption()
    queues.join(ME, Side.BUY, Decimal("99.9"), ZERO, ZERO, since=1, at_ns=0)
    consumption.take(Side.BUY, Decimal("99.8"), Decimal(3), Decimal(3), since=1, at_ns=0)
    consumption.take(Side.BUY, Decimal("99.9"), Decimal(1), Decimal(4), since=1, at_ns=0)
    crossing = msgspec.structs.replace(asks_from(("99.8", "3"), ("99.9", "4")), sequence=2)
    consumption.on_book(Book(BTC).replaced(crossing))
    assert moved(queues, crossing, consumption.available) == (
        Offer(1, Print(Decimal("99.9"), Decimal(3), Side.SELL), Decimal(4), ((ME, Decimal(3)),)),
    )


def test_the_way_to_the_front_is_told_step_by_step() -> None:
    resting = behind(POWER_1, None, [bid("9"), hit("99.9", "2"), bid("5"), hit("99.8", "1")])
    position = resting.queues.position(ME)
    assert position is not None
    assert [(step.market_sequence, step.ahead, step.cause) for step in position.steps.kept] == [
        (0, None, "joined"), (1, 9, "window"), (2, 7, "trade"), (3, 5, "window"), (4, 0, "through"),
    ]
    assert [(each.price, each.quantity) for each in position.consumed_by().kept] == [(Decimal("99.9"), Decimal(2)), (Decimal("99.8"), ONE)]


def test_a_long_way_is_told_by_its_first_step_and_the_newest() -> None:
    position = behind(RiskAverse(), "1000", [hit("99.9", "1")] * 100).queues.position(ME)
    assert position is not None
    steps, hits = position.steps, position.consumed_by()
    assert (len(steps.kept), steps.dropped, len(hits.kept), hits.dropped) == (KEPT, 101 - KEPT, KEPT, 100 - KEPT)
    assert (steps.kept[0].cause, steps.kept[-1].ahead) == ("joined", Decimal(900))
    assert [each.market_sequence for each in hits.kept] == [1, *range(70, 101)]


# ---------------------------------------------------------------------------------------------------- what is displayed


@pytest.mark.parametrize(("side", "price", "expected"), [
    (Side.BUY, "100", 1), (Side.BUY, "99.8", 7), (Side.BUY, "99.9", 0), (Side.BUY, "100.05", 0), (Side.BUY, "200", 0),
    (Side.BUY, "99.7", None), (Side.SELL, "100.1", 1), (Side.SELL, "100.05", 0), (Side.SELL, "100.2", None),
])
def test_what_a_window_displays_at_a_price(side: Side, price: str, expected: int | None) -> None:
    assert displayed(bid("0"), side, Decimal(price)) == expected
    assert displayed(Book(BTC).replaced(bid("0")), side, Decimal(price)) == expected
    assert displayed(Book(BTC), side, Decimal(price)) is None


# ---------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(("text", "model", "name"), [
    ('{"model": "touch"}', Touch(), "touch"),
    ('{"model": "penetrate", "ticks": 2}', Penetrate(2), "penetrate(ticks=2)"),
    ('{"model": "risk_averse"}', RiskAverse(), "risk_averse"),
    ('{"model": "prob_power", "n": 3}', POWER, "prob_power(n=3)"),
    ('{"model": "prob_power", "n": "1.50"}', ProbPower(Decimal("1.5")), "prob_power(n=1.5)"),
    ('{"model": "prob_log"}', ProbLog(), "prob_log"),
])
def test_a_model_is_named_in_one_line(text: str, model: MakingSettings, name: str) -> None:
    read: MakingSettings = msgspec.json.decode(text, type=MakingSettings)
    assert read == model and str(read) == name


@pytest.mark.parametrize("text", [
    '{"model": "hope"}', '{"model": "touch", "n": 3}', '{"model": "penetrate", "ticks": 0}', '{"model": "penetrate", "ticks": 1001}',
    '{"model": "prob_power", "n": 0}', '{"model": "prob_power", "n": "NaN"}', '{"model": "prob_power", "n": 101}',
])
def test_a_senseless_model_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid value|unknown field|must be"):
        msgspec.json.decode(text, type=MakingSettings)


# ---------------------------------------------------------------------------------------------------- properties

quantities = st.integers(1, 400).map(lambda each: Decimal(each) / 8)
own_prices = st.integers(-2, 6)
"""In ticks below 100. The window shows what is at 0 to 4 ticks below it; the order rests at 2."""


def _window(offset: int, shown: tuple[Decimal, ...]) -> BookChanged:
    """Four bid levels from ``offset`` ticks below 100 on, zero for no such level, and asks one tick above."""
    best = 100 - offset * TICK
    bids = tuple((best - place * TICK, quantity) for place, quantity in enumerate(shown) if quantity)
    return window(bids or ((best, Decimal(1)),), ((best + TICK, Decimal(2)), (best + 2 * TICK, Decimal(3))))


windows = st.builds(_window, st.integers(-1, 4), st.tuples(*[quantities | st.just(ZERO)] * 4))
sales = st.builds(lambda below, quantity: hit(str(100 - below * TICK), str(quantity)), own_prices, quantities)
streams = st.lists(windows | sales, max_size=40)
aheads = quantities.map(str) | st.none()
queued = st.sampled_from(QUEUED)


def resting_at_two(model: MakingSettings, ahead: str | None, wants: str = "100000") -> Resting:
    resting = Resting(model, me=wants)
    resting.join(ME, Side.BUY, "99.8", ahead)
    return resting


@effort(deadline=None)
@given(queued, aheads, streams)
def test_a_queue_only_gets_shorter_and_never_exceeds_what_is_shown(model: MakingSettings, ahead: str | None, stream: list[Fact]) -> None:
    resting = resting_at_two(model, ahead)
    for fact in stream:
        before = resting.ahead()
        resting.tell(fact)
        after = resting.ahead()
        shown = displayed(fact, Side.BUY, Decimal("99.8")) if isinstance(fact, BookChanged) else None
        assert after is None and before is None or after is not None and after >= 0
        assert before is None or after is not None and after <= before
        assert shown is None or after is not None and after <= shown


@effort(deadline=None)
@given(st.sampled_from(ALL), aheads, streams, windows)
def test_a_window_told_again_changes_nothing_and_offers_nothing(
    model: MakingSettings, ahead: str | None, stream: list[Fact], again: BookChanged,
) -> None:
    resting = resting_at_two(model, ahead)
    for fact in (*stream, again):
        resting.tell(fact)
    before = msgspec.json.encode(resting.queues.position(ME))
    for _ in range(3):
        assert resting.tell(again) == ()
    assert msgspec.json.encode(resting.queues.position(ME)) == before


@effort(deadline=None)
@given(aheads, streams)
def test_a_stricter_model_never_fills_more(ahead: str | None, stream: list[Fact]) -> None:
    got: list[list[Decimal]] = []
    for model in (Touch(), POWER, RiskAverse(), Penetrate(1), Penetrate(3)):
        resting = resting_at_two(model, ahead)
        got.append([])
        for fact in stream:
            resting.tell(fact)
            got[-1].append(resting.got[ME])
    for lenient, strict in zip(got, got[1:], strict=False):
        assert all(more >= less for more, less in zip(lenient, strict, strict=True))


@effort(deadline=None)
@given(st.sampled_from(ALL), streams, st.lists(st.tuples(own_prices, quantities), min_size=1, max_size=5))
def test_a_trade_is_given_once_however_many_wait(model: MakingSettings, stream: list[Fact], orders: list[tuple[int, Decimal]]) -> None:
    resting = Resting(model, **{f"o{number}": str(wants) for number, (_, wants) in enumerate(orders)})
    for number, (below, _) in enumerate(orders):
        resting.join(f"o{number}", Side.BUY, str(100 - below * TICK), "1")
    for fact in stream:
        for offer in resting.tell(fact):  # the sum is checked there
            assert all(ZERO < available <= offer.trade.quantity for _, available in offer.among)


@effort(deadline=None)
@given(st.sampled_from(ALL), aheads, streams, st.integers(0, 40))
def test_an_order_joined_from_its_fact_and_shown_the_market_again_stands_where_it_stood(
    model: MakingSettings, ahead: str | None, stream: list[Fact], joins_after: int,
) -> None:
    live = Resting(model, me="5", gone="5")
    live.join("gone", Side.BUY, "99.8", "1")
    for number, fact in enumerate(stream):
        if number == joins_after:
            live.join(ME, Side.BUY, "99.8", ahead)
        live.tell(fact)
    if joins_after >= len(stream):
        live.join(ME, Side.BUY, "99.8", ahead)
    recovered = Queues(model, TICK)
    level = None if ahead is None else Decimal(ahead)
    since = min(joins_after, len(stream))
    recovered.join(ME, Side.BUY, Decimal("99.8"), level, level, since, since * 1000)
    for fact in live.told:
        moved(recovered, fact)
    assert recovered.position(ME) == live.queues.position(ME)


joins = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(Side), st.booleans()), max_size=12)
"""Of each order the price in ticks, the side, and whether it leaves before the trades come."""


@effort(deadline=None)
@given(joins)
def test_whoever_rests_is_offered_a_trade_in_price_time_priority(orders: list[tuple[int, Side, bool]]) -> None:
    queues = Queues(Touch(), TICK)
    for number, (ticks, side, _) in enumerate(orders):
        queues.join(f"o{number}", side, 100 + ticks * TICK, ZERO, ZERO, since=0, at_ns=0)
    for number, (_, _, leaves) in enumerate(orders):
        if leaves:
            queues.leave(f"o{number}")
    for side, through in ((Side.BUY, "1"), (Side.SELL, "1000")):
        better = -1 if side is Side.BUY else 1
        staying = [(better * ticks, number) for number, (ticks, its, leaves) in enumerate(orders) if its is side and not leaves]
        offers = moved(queues, trades(Print(Decimal(through), ONE, side.opposite), sequence=1))
        assert [name for offer in offers for name, _ in offer.among] == [f"o{number}" for _, number in sorted(staying)]


@effort(deadline=None)
@given(aheads, streams)
def test_no_digit_depends_on_the_context_of_the_caller(ahead: str | None, stream: list[Fact]) -> None:
    plain, exact = resting_at_two(POWER, ahead), resting_at_two(POWER, ahead)
    for fact in stream:
        plain.tell(fact)
        with localcontext(MONEY):
            exact.tell(fact)
    assert plain.queues.position(ME) == exact.queues.position(ME)


class Oracle:
    """hftbacktest's queue position in floats, as its sources write it; a front below zero ends at zero."""

    def __init__(self, model: MakingSettings, ahead: float) -> None:
        self.model, self.front, self.level, self.traded = model, ahead, ahead, 0.0

    def chance(self, front: float, back: float) -> float:
        if isinstance(self.model, ProbPower):
            n = float(self.model.n)
            return math.pow(back, n) / (math.pow(back, n) + math.pow(front, n))
        return math.log(1 + back) / (math.log(1 + back) + math.log(1 + front))

    def trade(self, quantity: float) -> float:
        self.front -= quantity
        self.traded += quantity
        left, self.front = max(-self.front, 0.0), max(self.front, 0.0)
        return left

    def depth(self, shown: float) -> float:
        """What is left for the order: nothing, of a window."""
        change = self.level - shown - self.traded
        level, self.level, self.traded = self.level, shown, 0.0
        if change < 0 or self.front == 0:
            self.front = min(self.front, shown)
        elif isinstance(self.model, RiskAverse):
            self.front = min(self.front, shown)
        else:
            back = max(level - self.front, 0.0)
            chance = self.chance(self.front, back)
            estimate = self.front - (1 - chance) * change + min(back - chance * change, 0.0)
            self.front = max(min(estimate, shown), 0.0)
        return 0.0


@effort(deadline=None)
@given(queued, quantities, st.lists(st.tuples(st.booleans(), quantities), max_size=40))
def test_the_queue_is_that_of_hftbacktest(model: MakingSettings, ahead: Decimal, stream: list[tuple[bool, Decimal]]) -> None:
    resting, oracle = behind(model, str(ahead), []), Oracle(model, float(ahead))
    for is_trade, quantity in stream:
        offers = resting.tell(hit("99.9", str(quantity)) if is_trade else bid(str(quantity)))
        left = oracle.trade(float(quantity)) if is_trade else oracle.depth(float(quantity))
        now = resting.ahead()
        assert now is not None and math.isclose(float(now), oracle.front, abs_tol=1e-9)
        assert math.isclose(float(sum((offer.among[0][1] for offer in offers), ZERO)), left, abs_tol=1e-9)
