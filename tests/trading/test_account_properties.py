"""Whatever the market and the orders do: the ledger is sound at every row, and an account recovered from it is the
same."""

from decimal import Decimal
from fractions import Fraction

import msgspec
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.trading.account_stories import BTC, MS, START, Story, settings
from tests.trading.plain_account import PlainAccount
from trading.account import Account
from trading.invariants import violations
from trading.messages import AnyAccountFact, CancelAll, CloseAll, MarketFact, TradingStateChanged
from trading.summary import fold
from trading.words import Side, TimeInForce, TradingState

CAP = {BTC: Decimal("0.5")}
DECODER = msgspec.json.Decoder(list[AnyAccountFact])

cents = st.integers(29_900, 30_100).map(str)
sizes = st.integers(1, 12).map(lambda each: str(Decimal(each) / 20))
sides = st.sampled_from(Side)
waits = st.sampled_from([0, 0, 1, 30, 60, 700])
names = st.integers(0, 9).map(lambda each: f"o-{each}")
forces = st.sampled_from(TimeInForce)

STEPS = st.one_of(
    st.tuples(st.just("book"), waits, cents, st.integers(0, 20), sizes),
    st.tuples(st.just("trade"), waits, cents, sizes, sides),
    st.tuples(st.just("mark"), waits, cents, st.sampled_from(["0", "0.0003", "-0.0007"])),
    st.tuples(st.just("market"), sides, sizes, st.booleans()),
    st.tuples(st.just("limit"), sides, sizes, cents, forces, st.booleans(), st.booleans()),
    st.tuples(st.just("limit"), sides, sizes, cents, st.just(TimeInForce.GTC), st.just(False), st.booleans()),
    st.tuples(st.just("again"), names, sides, sizes),
    st.tuples(st.just("cancel"), names),
    st.tuples(st.just("stale"), waits),
    st.tuples(st.sampled_from(["cancel all"])),
)

close_waits = st.sampled_from([0, 1, 25, 49, 50, 51, 200, 450])
near = st.integers(29_990, 30_010).map(str)
small = st.integers(1, 4).map(lambda each: str(Decimal(each) / 20))
IN_FLIGHT = st.one_of(
    st.tuples(st.just("book"), close_waits, near, st.integers(1, 3), sizes),
    st.tuples(st.just("trade"), close_waits, near, sizes, sides),
    st.tuples(st.just("trade"), st.sampled_from([0, 1, 25]), st.just("29000"), sizes, st.just(Side.SELL)),
    st.tuples(st.just("trade"), st.sampled_from([0, 1, 25]), st.just("31000"), sizes, st.just(Side.BUY)),
    st.tuples(st.just("mark"), close_waits, near, st.sampled_from(["0.0003", "-0.0007"])),
    st.tuples(st.just("market"), sides, small, st.just(False)),
    st.tuples(st.just("limit"), sides, small, near, st.just(TimeInForce.GTC), st.just(False), st.just(False)),
    st.tuples(st.just("late"), sides, small, near, st.sampled_from([20, 50, 80])),
    st.tuples(st.just("cancel open"), st.integers(0, 5)),
    st.tuples(st.just("cancel open"), st.integers(0, 5)),
    st.tuples(st.sampled_from(["cancel all"])),
)
"""Steps about as long as the latency: orders and cancels pass each other, fills and funding boundaries on the way."""


def act(story: Story, step: tuple[object, ...]) -> None:
    at_ms = (story.now_ns - START) // MS
    match step:
        case "book", int(wait), str(bid), int(spread), str(size):
            story.book(bid, str(Decimal(bid) + spread), size, at_ms=at_ms + wait)
        case "trade", int(wait), str(price), str(size), Side() as side:
            story.trade(price, size, side, at_ms=at_ms + wait)
        case "mark", int(wait), str(price), str(rate):
            now_ms = at_ms + wait
            story.mark(price, rate, next_funding_ms=now_ms - now_ms % 500 + 500, at_ms=now_ms)
        case "market", Side() as side, str(size), bool(reduce_only):
            story.tell(story.order(side, size, reduce_only=reduce_only))
        case "limit", Side() as side, str(size), str(price), TimeInForce() as force, bool(post_only), bool(reduce_only):
            story.tell(story.order(side, size, price, time_in_force=force, post_only=post_only, reduce_only=reduce_only))
        case "late", Side() as side, str(size), str(price), int(ago_ms):
            story.tell(story.order(side, size, price, decided_at_ns=story.now_ns - ago_ms * MS))
        case "again", str(name), Side() as side, str(size):
            story.tell(story.order(side, size, client_order_id=name))
        case "cancel open", int(which):
            names = [order.client_order_id for order in story.account.desk.orders.open()] or ["none"]
            story.cancel(names[which % len(names)])
        case "cancel", str(name):
            story.cancel(name)
        case "stale", int(wait):
            story.stale(at_ms=at_ms + wait)
        case "cancel all",:
            story.tell(CancelAll(reason="test"))
        case _:
            raise AssertionError(step)


def a_story(model: str, latency_ms: int, cap: dict[str, Decimal] = CAP) -> Story:
    story = Story(settings(position_max=cap, slippage_model=model, entry_latency_ms=latency_ms, equity_interval_ms=500))
    story.book("29999", "30001")
    return story


def money_and_orders(account: Account) -> object:
    """All that facts alone decide; the market and the time seen since the last fact left out."""
    desk = account.desk
    orders = desk.orders
    return msgspec.to_builtins([
        orders.known, [order.client_order_id for order in orders.open()], orders.next_due(),
        [name for name in orders.known if desk.matching[BTC].queues.position(name) is not None],
        desk.ledger.balance, desk.ledger.realized_pnl, desk.ledger.fees, desk.ledger.funding, desk.ledger.position(BTC),
        [list(holding.lots.open) for holding in desk.ledger.holdings.values()],
        [holding.average for holding in desk.ledger.holdings.values()],
        desk.drawdown, desk.fills, desk.marked_at_ns, desk.trading_state, desk.progress,
    ])


models = st.sampled_from(["fixed", "book", "book_traded", "top"])
latencies = st.sampled_from([0, 50])


@effort(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=60), models, latencies, st.booleans())
def test_every_prefix_of_every_ledger_is_sound(steps: list[tuple[object, ...]], model: str, latency_ms: int, kill: bool) -> None:
    story = a_story(model, latency_ms)
    for step in steps:
        act(story, step)
    if kill:
        story.tell(CloseAll(reason="test"))
        assert story.position == 0 and not story.account.desk.orders.open()
    story.facts += story.account.close(story.now_ns, "test")
    assert violations(story.facts, CAP) == []
    summary, state = fold(story.facts), story.account.state()
    assert (summary.realized_pnl_usd, summary.fees_paid_usd, summary.funding_usd) == (state.realized_pnl, state.fees, state.funding)
    assert (summary.ending_equity_usd, summary.max_drawdown_pct) == (state.equity, state.max_drawdown_pct)
    assert summary.positions == {symbol: held.quantity for symbol, held in state.positions.items()}


@effort(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=40), models, latencies)
def test_an_account_recovered_at_any_moment_is_the_same_and_goes_on_the_same(
    steps: list[tuple[object, ...]], model: str, latency_ms: int,
) -> None:
    story = a_story(model, latency_ms)
    moments = []
    for step in steps:
        act(story, step)
        moments.append((len(story.told), len(story.facts), money_and_orders(story.account)))
    for told, count, expected in moments:
        stored = DECODER.decode(msgspec.json.encode(story.facts[:count]))
        recovered = Account.recover(story.settings, "test", stored)
        assert money_and_orders(recovered) == expected
        for message, now_ns in story.told[:told]:
            if isinstance(message, MarketFact):
                recovered.observe(message, now_ns)
        rest = [fact for message, now_ns in story.told[told:] for fact in recovered.on(message, now_ns)]
        assert rest == story.facts[count:]
        assert recovered.state() == story.account.state()


def crash(story: Story) -> None:
    """The process is gone; what follows is an account made of the stored facts, which then sees the same market."""
    before, state = money_and_orders(story.account), story.account.state()
    stored = DECODER.decode(msgspec.json.encode(story.facts))
    story.account = Account.recover(story.settings, "test", stored)
    assert money_and_orders(story.account) == before
    for message, now_ns in story.told:
        if isinstance(message, MarketFact):
            story.account.observe(message, now_ns)
    assert story.account.state() == state


def agree(account: Account, plain: PlainAccount) -> None:
    """To the last unit, and to the last lot."""
    ledger = account.desk.ledger
    lots = [lot for holding in ledger.holdings.values() for lot in holding.lots.open]
    assert [tuple(map(Fraction, (lot.quantity, lot.price, lot.fee))) for lot in lots] == [
        (lot.quantity, lot.price, lot.fee) for lot in plain.lots
    ]
    assert tuple(map(Fraction, (ledger.balance, ledger.realized_pnl, ledger.fees, ledger.funding))) == (
        plain.cash, plain.realized, plain.fees, plain.funding,
    )
    assert {order.client_order_id: Fraction(order.leaves_quantity) for order in account.desk.orders.open()} == {
        name: order.left for name, order in plain.orders.items()
    }


@effort(max_examples=120, deadline=None)
@given(st.lists(st.tuples(IN_FLIGHT, st.booleans()), min_size=10, max_size=40), models, latencies)
def test_an_account_that_crashes_again_and_again_agrees_with_one_kept_by_hand(
    steps: list[tuple[tuple[object, ...], bool]], model: str, latency_ms: int,
) -> None:
    story = a_story(model, latency_ms, {BTC: Decimal(5)})
    plain = PlainAccount(story.settings)
    heard = told = 0
    for step, crashes in steps:
        act(story, step)
        (message, now_ns), = story.told[told or -1:]
        plain.hear(message, now_ns, story.facts[heard:])
        told, heard = len(story.told), len(story.facts)
        agree(story.account, plain)
        if crashes:
            crash(story)


@effort(max_examples=50, deadline=None)
@given(st.lists(STEPS, max_size=60), models, latencies)
def test_the_same_messages_give_the_same_bytes(steps: list[tuple[object, ...]], model: str, latency_ms: int) -> None:
    stories = [a_story(model, latency_ms) for _ in range(2)]
    for story in stories:
        for step in steps:
            act(story, step)
    first, second = (msgspec.json.encode(story.facts) for story in stories)
    assert first == second


@given(st.lists(STEPS, max_size=30))
def test_a_halted_account_accepts_nothing(steps: list[tuple[object, ...]]) -> None:
    story = a_story("fixed", 0)
    story.tell(TradingStateChanged(at_ns=0, state=TradingState.HALTED, reason="test"))
    for step in steps:
        act(story, step)
    assert story.position == 0 and not story.account.desk.orders.open()
