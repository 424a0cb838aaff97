"""Lots close first in first out, both ways and through zero; no unit of money is lost in profit, fees or funding."""

from collections import deque
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.invariants import first_in_first_out
from trading.ledger import Drawdown, Ledger
from trading.quantities import MONEY

Story = tuple[str, list[tuple[str, str, str]], list[tuple[str, str, str, str, str]], list[tuple[str, str]]]

STORIES: list[Story] = [
    # name, fills (signed quantity, price, fee), closed parts (quantity, entry, exit, pnl, fees), lots left
    ("scale in, all out: each entry's fee with its own lot, the exit's with the first",
     [("1000", "1.08", "1"), ("1000", "1.07", "1"), ("-2000", "1.09", "1")],
     [("1000", "1.08", "1.09", "10", "2"), ("1000", "1.07", "1.09", "20", "1")], []),
    ("all in, scale out: the entry's fee goes whole with the first part",
     [("2000", "1.07", "1"), ("-1000", "1.08", "1"), ("-1000", "1.09", "1")],
     [("1000", "1.07", "1.08", "10", "2"), ("1000", "1.07", "1.09", "20", "1")], []),
    ("reversal long to short: the fee of the turn goes with the lot it closes",
     [("1000", "1.07", "1"), ("-2000", "1.08", "1"), ("1000", "1.09", "1")],
     [("1000", "1.07", "1.08", "10", "2"), ("-1000", "1.08", "1.09", "-10", "1")], []),
    ("scale in and out: an exit that reaches into the second lot",
     [("1000", "1.07", "1"), ("1000", "1.08", "1"), ("-1500", "1.09", "1"), ("-500", "1.10", "1")],
     [("1000", "1.07", "1.09", "20", "2"), ("500", "1.08", "1.09", "5", "1"), ("500", "1.08", "1.1", "10", "1")], []),
    ("cross zero, then cover and turn again",
     [("2", "10", "0"), ("-4", "15", "0"), ("3", "20", "0")],
     [("2", "10", "15", "10", "0"), ("-2", "15", "20", "-10", "0")], [("1", "20")]),
    ("two buys and one sell",
     [("0.1", "30000", "0"), ("0.1", "31000", "0"), ("-0.15", "32000", "0")],
     [("0.1", "30000", "32000", "200", "0"), ("0.05", "31000", "32000", "50", "0")], [("0.05", "31000")]),
]


def numbers(*texts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, texts))


@pytest.mark.parametrize(("fills", "closed", "left"), [story[1:] for story in STORIES], ids=[story[0] for story in STORIES])
def test_lots_close_first_in_first_out(
    fills: list[tuple[str, str, str]], closed: list[tuple[str, ...]], left: list[tuple[str, str]],
) -> None:
    ledger = Ledger(Decimal(1000))
    parts = [part for quantity, price, fee in fills for part in ledger.fill("X", *numbers(quantity, price, fee))]
    assert [(part.quantity, part.entry, part.exit, part.pnl, part.fees) for part in parts] == [numbers(*each) for each in closed]
    assert [(lot.quantity, lot.price) for lot in ledger.holdings["X"].lots.open] == [numbers(*each) for each in left]
    assert ledger.realized_pnl == sum(part.pnl for part in parts)
    assert ledger.balance == 1000 + ledger.realized_pnl - ledger.fees


quantities = st.integers(-2_000, 2_000).filter(bool).map(lambda each: Decimal(each) / 1000)
prices = st.integers(1, 10**9).map(lambda each: Decimal(each) / 100)
fees = st.integers(-10**6, 10**6).map(lambda each: Decimal(each) / 10**7)


@given(st.lists(st.tuples(quantities, prices, fees), max_size=30), prices)
def test_money_equals_the_slow_oracle_and_no_fee_is_lost(fills: list[tuple[Decimal, Decimal, Decimal]], mark: Decimal) -> None:
    ledger, lots, realized = Ledger(Decimal(1000)), deque[tuple[Fraction, Fraction]](), Fraction(0)
    charged = Decimal(0)
    for quantity, price, fee in fills:
        planned = ledger.plan("X", quantity, price, fee).closed
        closed = ledger.fill("X", quantity, price, fee)
        assert closed == planned
        charged += sum((part.fees for part in closed), Decimal(0))
        realized += first_in_first_out(lots, Fraction(quantity), Fraction(price))
    held = ledger.holdings["X"].lots if fills else None
    waiting = sum((lot.fee for lot in held.open), Decimal(0)) if held else Decimal(0)
    assert Fraction(ledger.realized_pnl) == realized
    assert charged + waiting == ledger.fees == sum((fee for _, _, fee in fills), Decimal(0))
    assert Fraction(ledger.position("X")) == sum(quantity for quantity, _ in lots)
    unrealized = sum(quantity * (Fraction(mark) - price) for quantity, price in lots)
    assert Fraction(ledger.equity({"X": mark})) == 1000 + realized + unrealized - sum(Fraction(fee) for _, _, fee in fills)


@given(st.lists(st.tuples(quantities, prices), max_size=30), prices)
def test_average_cost_and_lots_have_the_same_total_to_the_last_unit(fills: list[tuple[Decimal, Decimal]], mark: Decimal) -> None:
    ledger = Ledger(Decimal(0))
    for quantity, price in fills:
        ledger.fill("X", quantity, price, Decimal(0))
    if fills:
        holding = ledger.holdings["X"]
        with localcontext(MONEY):
            total = holding.average.realized_pnl + holding.average.unrealized(mark)
            assert total == ledger.realized_pnl + holding.lots.unrealized(mark)
        assert holding.average.quantity == holding.quantity


def test_average_price_of_two_buys() -> None:
    ledger = Ledger(Decimal(0))
    ledger.fill("X", *numbers("0.1", "30000", "0"))
    ledger.fill("X", *numbers("0.3", "31000", "0"))
    assert ledger.holdings["X"].average.price == Decimal("30750")


def test_funding_is_a_bucket_of_its_own() -> None:
    ledger = Ledger(Decimal(100))
    ledger.fill("X", *numbers("2", "10", "0.5"))
    ledger.fund(Decimal("-0.25"))
    assert (ledger.realized_pnl, ledger.fees, ledger.funding) == numbers("0", "0.5", "-0.25")
    assert ledger.balance == Decimal("99.25")


def test_an_open_position_without_a_price_has_no_value_to_guess() -> None:
    ledger = Ledger(Decimal(100))
    ledger.fill("X", *numbers("2", "10", "0"))
    with pytest.raises(KeyError):
        ledger.equity({})


def test_drawdown_is_the_deepest_fall_below_the_highest_point_so_far() -> None:
    drawdown = Drawdown(Decimal(100))
    for equity in ("90", "120", "114", "130", "129"):
        drawdown.mark(Decimal(equity))
    assert (drawdown.peak, drawdown.deepest_pct) == (Decimal(130), Decimal(10))
