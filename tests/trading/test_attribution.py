"""Every unit of profit has one cause: the parts add up to the summary's net profit, to the last digit."""

from decimal import Decimal, localcontext

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from trading.attribution import Attribution, attribute, total
from trading.ledger import Ledger
from trading.messages import (
    AccountFact, CarriedLot, EquityMarked, FundingPaid, OrderFilled, OrderSubmitted, PositionCarried, SubmitOrder,
)
from trading.quantities import MONEY, ZERO
from trading.summary import fold
from trading.words import Liquidity, OrderType, Side


def D(value: str) -> Decimal:
    return Decimal(value)


def submitted(order_id: str, symbol: str, side: Side, quantity: Decimal, decision_mid: Decimal | None) -> OrderSubmitted:
    order = SubmitOrder(client_order_id=order_id, strategy_id="test", symbol=symbol, side=side, type=OrderType.MARKET, quantity=quantity)
    return OrderSubmitted(at_ns=0, order=order, effective_at_ns=0, decision_mid=decision_mid)


def filled(
    order_id: str, symbol: str, side: Side, quantity: Decimal, price: Decimal, *, mid: Decimal, touch: Decimal | None, fee: Decimal = ZERO,
    leaves: Decimal = ZERO,
) -> OrderFilled:
    return OrderFilled(
        at_ns=0, client_order_id=order_id, trade_id="T-1", symbol=symbol, side=side, quantity=quantity, price=price, leaves_quantity=leaves,
        liquidity=Liquidity.TAKER, fee=fee, mid=mid, slippage_bps=ZERO, model="book", book_sequence=1, realized_pnl=ZERO, position=ZERO,
        touch=touch,
    )


def marked(**marks: Decimal) -> EquityMarked:
    return EquityMarked(at_ns=0, balance=ZERO, unrealized_pnl=ZERO, equity=ZERO, marks=marks)


def funded(symbol: str, amount: Decimal) -> FundingPaid:
    return FundingPaid(at_ns=0, symbol=symbol, boundary_at_ns=0, rate=ZERO, mark=Decimal(1), position=ZERO, amount=amount)


def test_a_worked_round_trip() -> None:
    """Buy 2, decided at a mid of 100; at the fill the mid is 101 in a spread of 2, and the second coin is a level further.
    Sell 1 as a maker at 106, the best ask, around a mid of 105, decided at 104. The mark ends at 103."""
    facts = [
        submitted("a", "BTC", Side.BUY, D("2"), D("100")),
        filled("a", "BTC", Side.BUY, D("1"), D("102"), mid=D("101"), touch=D("102"), fee=D("0.1"), leaves=D("1")),
        filled("a", "BTC", Side.BUY, D("1"), D("103"), mid=D("101"), touch=D("102"), fee=D("0.1")),
        funded("BTC", D("-0.05")),
        submitted("b", "BTC", Side.SELL, D("1"), D("104")),
        filled("b", "BTC", Side.SELL, D("1"), D("106"), mid=D("105"), touch=D("106"), fee=D("-0.02")),
        marked(BTC=D("103")),
    ]
    parts = attribute(facts)["BTC"]
    assert parts == Attribution(
        price_move_usd=D("7"),  # 2 x (103 - 100) - (103 - 104)
        latency_usd=D("-1"),  # 2 x (100 - 101) - (104 - 105)
        spread_usd=D("-1"),  # 2 x (101 - 102) - (105 - 106)
        slippage_usd=D("-1"),  # the second coin
        fees_usd=D("-0.18"), funding_usd=D("-0.05"),
    )
    assert parts.net_pnl_usd == fold(facts).net_pnl_usd == D("3.77")


def test_a_fill_through_the_own_touch_is_negative_slippage() -> None:
    """A limit that rested above the best bid of the moment of its fill paid more than that."""
    facts = [filled("a", "BTC", Side.BUY, D("1"), D("99"), mid=D("98.5"), touch=D("98"))]
    parts = attribute(facts)["BTC"]
    assert (parts.spread_usd, parts.slippage_usd, parts.net_pnl_usd) == (D("0.5"), D("-1"), D("-0.5"))


def test_what_is_not_known_falls_to_the_next_part() -> None:
    facts = [
        submitted("a", "BTC", Side.BUY, D("1"), None),
        filled("a", "BTC", Side.BUY, D("1"), D("103"), mid=D("101"), touch=None), marked(BTC=D("104")),
    ]
    parts = attribute(facts)["BTC"]
    assert parts == Attribution(price_move_usd=D("3"), slippage_usd=D("-2"))


def test_a_carried_position_moves_from_its_entry_prices_and_its_old_fees_are_not_counted_again() -> None:
    lots = (CarriedLot(D("-1"), D("100"), D("5")), CarriedLot(D("-2"), D("110"), D("5")))
    facts: list[AccountFact] = [PositionCarried(at_ns=0, symbol="BTC", position=D("-3"), lots=lots, mark=D("105"))]
    assert attribute(facts)["BTC"] == Attribution(price_move_usd=D("5"))
    facts.append(filled("a", "BTC", Side.BUY, D("3"), D("101"), mid=D("100.5"), touch=D("101")))
    assert attribute(facts)["BTC"] == Attribution(price_move_usd=D("18.5"), spread_usd=D("-1.5"))
    assert fold(facts).net_pnl_usd == 17


def test_a_session_without_fills_has_nothing_to_explain() -> None:
    assert attribute([]) == attribute([marked(BTC=D("1"))]) == {}
    assert total([]) == Attribution() and total([]).net_pnl_usd == 0


prices = st.integers(1, 10**9).map(lambda each: Decimal(each) / 1000)
perhaps = st.none() | prices
sizes = st.integers(1, 10**6).map(lambda each: Decimal(each) / 10_000)
money = st.integers(-(10**9), 10**9).map(lambda each: Decimal(each) / 10**7)
symbols = st.sampled_from(["BTC", "ETH"])
orders = st.integers(0, 5).map(lambda each: f"o-{each}")
sides = st.sampled_from(Side)

FACTS = st.one_of(
    st.builds(submitted, orders, symbols, sides, sizes, perhaps),
    st.builds(filled, orders, symbols, sides, sizes, prices, mid=prices, touch=perhaps, fee=money, leaves=st.sampled_from([ZERO, Decimal(1)])),
    st.builds(funded, symbols, money),
    st.builds(marked, BTC=prices, ETH=prices),
)
CARRIED = st.lists(st.builds(CarriedLot, sizes, prices, money), max_size=3)


def carried(lots: list[CarriedLot], mark: Decimal) -> list[AccountFact]:
    position = sum((lot.quantity for lot in lots), ZERO)
    return [PositionCarried(at_ns=0, symbol="BTC", position=position, lots=tuple(lots), mark=mark)] if lots else []


@given(CARRIED, prices, st.lists(FACTS, max_size=40))
def test_the_parts_add_up_to_the_net_profit_to_the_last_unit(lots: list[CarriedLot], mark: Decimal, rest: list[AccountFact]) -> None:
    facts = [*carried(lots, mark), *rest]
    by_symbol, summary = attribute(facts), fold(facts)
    whole = total(by_symbol.values())
    assert whole.net_pnl_usd == summary.net_pnl_usd
    assert (whole.fees_usd, whole.funding_usd) == (-summary.fees_paid_usd, summary.funding_usd)
    with localcontext(MONEY):
        assert sum((each.net_pnl_usd for each in by_symbol.values()), ZERO) == summary.net_pnl_usd


@given(st.lists(FACTS, max_size=40))
def test_each_symbol_is_explained_as_if_it_were_alone(rest: list[AccountFact]) -> None:
    for symbol, parts in attribute(rest).items():
        ledger, last = Ledger(ZERO), ZERO
        for fact in rest:
            match fact:
                case OrderFilled(symbol=of) if of == symbol:
                    ledger.fill(symbol, fact.quantity if fact.side is Side.BUY else -fact.quantity, fact.price, fact.fee)
                    last = last or fact.mid
                case FundingPaid(symbol=of) if of == symbol:
                    ledger.fund(fact.amount)
                case EquityMarked():
                    last = fact.marks[symbol]
        assert parts.net_pnl_usd == ledger.equity({symbol: last})


def test_the_parts_are_plain_json_with_numbers_as_strings() -> None:
    written = msgspec.json.decode(msgspec.json.encode(Attribution(spread_usd=D("-0.5"))))
    assert written["spread_usd"] == "-0.5"
