"""Whoever hears what still counts, and everything behind it, knows the market like one who heard all of it."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from actors.standing import StandingFacts, standing_to
from tests.actors.test_turns import ACCOUNT
from tests.trading.decision_facts import BTC, SECOND, SYMBOL, book, live, stale, trades
from trading.account import Account
from trading.messages import AnyMarketFact, CancelAll, MarkPriceChanged, SubmitOrder
from trading.trust import MarketTrust
from trading.words import OrderType, Side

STREAMS = ("all", "depth", "price", "trade")


def fact(sequence: int, kind: int, number: int) -> AnyMarketFact:
    at_ns = sequence * SECOND
    match kind:
        case 0:
            return stale(sequence, at_ns, STREAMS[number % 4])
        case 1:
            return live(sequence, at_ns, STREAMS[number % 4])
        case 2:
            return trades(sequence, at_ns, 65_000 + number)
        case 3:  # a window that is crossed for every third number
            return book(sequence, at_ns, 65_000 + number, 65_000 + number + (1 if number % 3 else -1))
        case _:
            boundary_ns = (100 + 20 * (number % 3)) * SECOND
            return MarkPriceChanged(
                sequence=sequence, at_ns=at_ns, seen_ns=at_ns, symbol=SYMBOL, mark=Decimal(65_000 + number), index=Decimal(65_000),
                funding_rate=Decimal(number) / 1000, next_funding_at_ns=boundary_ns,
            )


FACTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 11)), min_size=1, max_size=60).map(
    lambda drawn: [fact(sequence, *each) for sequence, each in enumerate(drawn, 1)]
)


def knows(facts: Sequence[AnyMarketFact]) -> object:
    """All that an account and a gate keep of a market."""
    account, trust = Account(ACCOUNT, "feedc0de"), MarketTrust()
    account.open(0)
    for each in facts:
        account.observe(each, each.at_ns)
        trust.on_market(each)
    market = account.desk.markets[SYMBOL]
    return market.book, market.reference, market.traded, market.touch, market.mark, market.funding, account.desk.now_ns, account.market_sequence, trust.trusted, trust.reason


@given(facts=FACTS, share=st.floats(0, 1))
def test_it_is_enough_for_an_account_and_a_gate(facts: list[AnyMarketFact], share: float) -> None:
    until = int(len(facts) * share)
    standing = StandingFacts(facts[:until]).facts()
    assert knows([*standing, *facts[until:]]) == knows(facts)
    assert not until or standing[-1] == facts[until - 1]
    assert [each.sequence for each in standing] == sorted({each.sequence for each in standing})


@given(facts=FACTS, share=st.floats(0, 1))
def test_it_can_be_taken_up_again_from_its_own_facts(facts: list[AnyMarketFact], share: float) -> None:
    until = int(len(facts) * share)
    again = StandingFacts(StandingFacts(facts[:until]).facts())
    for each in facts[until:]:
        again.take(each)
    assert knows(again.facts()) == knows(facts)


def test_it_does_not_grow_with_the_market() -> None:
    facts = [fact(sequence, sequence % 5, sequence % 12) for sequence in range(1, 5_001)]
    assert len(StandingFacts(facts).facts()) < 40


def test_an_account_hears_everything_since_its_oldest_open_order_was_decided() -> None:
    account = Account(ACCOUNT, "feedc0de")
    account.open(0)
    assert standing_to(account) == 0
    for sequence in range(1, 9):
        account.on(book(sequence, sequence * SECOND), sequence * SECOND)
        if sequence in (4, 6):
            account.on(resting(sequence), sequence * SECOND)
    assert standing_to(account) == 4
    account.on(CancelAll(reason="test"), 9 * SECOND)
    assert standing_to(account) == 8


def resting(sequence: int) -> SubmitOrder:
    return SubmitOrder(
        client_order_id=f"rests-{sequence}", strategy_id="quoter", symbol=BTC.symbol, side=Side.BUY, type=OrderType.LIMIT, quantity=Decimal("0.01"),
        price=Decimal(64_000), decided_at_ns=sequence * SECOND, market_sequence=sequence,
    )

