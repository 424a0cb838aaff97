"""Whatever the way to a liquidation: it costs no more than the margin of the position, and the books agree on every digit of it."""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from hypothesis import event, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from reporting.reconciliation import mismatches
from tests.trading.account_stories import BTC, START, Story, settings
from trading.account import Account
from trading.attribution import attribute, total
from trading.collateral import position_margin
from trading.invariants import violations
from trading.margin import MarginSettings, Tier
from trading.messages import AccountFact, OrderFilled, PositionLiquidated
from trading.summary import fold
from trading.words import Side

CAP = {BTC: Decimal(10)}
TIERS = (
    Tier(Decimal(0), Decimal(9_000), 100, Decimal("0.004")), Tier(Decimal(9_000), Decimal(21_000), 50, Decimal("0.01")),
    Tier(Decimal(21_000), Decimal(900_000), 20, Decimal("0.03")),
)
NS_PER_MS = 1_000_000

trades = st.tuples(st.just("trade"), st.sampled_from(Side), st.integers(1, 40))
STEPS = st.one_of(
    trades, trades, st.tuples(st.just("against"), st.integers(-3, 9)), st.tuples(st.just("against"), st.integers(1, 130)),
    st.tuples(st.just("book"), st.integers(-30, 30), st.integers(1, 2_000), st.integers(1, 40)),
    st.tuples(st.just("funding"), st.integers(-300, 300)), st.tuples(st.just("stale")),
)
HOME = ("book", 0, 1, 200), ("against", 0)
fees = st.sampled_from([Decimal(text) for text in ("0.0005", "0.0006", "0.01", "0", "-0.0002", "-0.003")])


class Before(NamedTuple):
    """What a liquidation finds: cash, and of the position its margin and what the mark makes of it at average cost and by lots."""

    balance: Fraction
    margin: Fraction
    on_average: Fraction
    by_lots: Fraction


def act(story: Story, step: tuple[object, ...]) -> None:
    at_ms = (story.now_ns - START) // NS_PER_MS + 100
    match step:
        case "trade", Side() as side, int(size):
            for each in HOME:
                act(story, each)
            story.tell(story.order(side, str(Decimal(size) / 100)))
        case "against", int(percent):
            away = -percent if story.position > 0 else percent
            story.mark(str(300 * max(100 + away, 1)), at_ms=at_ms)
        case "book", int(percent), int(spread), int(size):
            bid = Decimal(300 * (100 + percent))
            story.book(str(bid), str(bid + Decimal(spread) / 10), str(Decimal(size) / 20), at_ms=at_ms)
        case "funding", int(rate_bps):
            story.mark("30000", str(Decimal(rate_bps) / 10_000), next_funding_ms=at_ms + 10, at_ms=at_ms)
            story.book("29999", "30001", at_ms=at_ms + 20)
        case "stale",:
            story.stale()
        case _:
            raise AssertionError(step)


def before(facts: list[AccountFact], start: Account, found: PositionLiquidated) -> Before:
    """From the facts up to the liquidation, folded by an account that has seen no market."""
    folded = Account.recover(start.desk.settings, "test", facts)
    holding = folded.desk.ledger.holdings[BTC]
    value = Fraction(holding.quantity) * Fraction(found.mark)
    return Before(
        Fraction(folded.desk.ledger.balance), Fraction(position_margin(folded.desk, BTC)), value - Fraction(holding.average.cost),
        value - Fraction(holding.lots.cost),
    )


@effort(max_examples=250, deadline=None)
@given(
    st.lists(STEPS, min_size=8, max_size=40), st.sampled_from([2, 10, 20, 20, 50, 100]), fees, fees, st.sampled_from(["book", "fixed", "top"]),
    st.sampled_from([700, 2_000, 10_000]),
)
def test_a_liquidation_loses_no_more_than_the_margin_of_its_position(
    steps: list[tuple[object, ...]], leverage: int, taker: Decimal, maker: Decimal, model: str, balance: int,
) -> None:
    story = Story(settings(
        position_max=CAP, margin={BTC: MarginSettings(leverage, TIERS)}, taker_fee=taker, maker_fee=maker, slippage_model=model,
        balance=Decimal(balance),
    ))
    story.book("29999.9", "30000.1")
    story.mark("30000")
    for step in steps:
        act(story, step)
    for place, found in enumerate(story.facts):
        if isinstance(found, PositionLiquidated):
            event(f"model {model}, {'a fee' if taker > 0 else 'no fee'}, funding {'paid' if story.account.state().funding else 'none'}")
            _is_bounded(before(story.facts[:place], story.account, found), found, story.facts[place:])
    story.facts += story.account.close(story.now_ns, "test")
    assert violations(story.facts, CAP) == []
    summary, state = fold(story.facts), story.account.state()
    assert mismatches(story.facts, state) == []
    assert summary.net_pnl_usd == total(attribute(story.facts).values()).net_pnl_usd == state.equity - balance


def _is_bounded(was: Before, found: PositionLiquidated, behind: list[AccountFact]) -> None:
    fills = [fact for fact in behind if isinstance(fact, OrderFilled)]
    last = next(number for number, fill in enumerate(fills, 1) if not fill.leaves_quantity)
    after = was.balance + sum(Fraction(fill.realized_pnl) - Fraction(fill.fee) for fill in fills[:last])
    assert fills[last - 1].position == 0 and found.margin == was.margin
    assert after >= was.balance + was.by_lots - (was.margin + was.on_average), "the equity less what was left of the margin"
    if was.by_lots == was.on_average:
        assert after >= was.balance - was.margin, "cash less the margin"
        assert after >= 0 or was.balance < 0
