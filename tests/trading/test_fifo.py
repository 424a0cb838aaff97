"""First in, first out, against others: published cases, and beancount's booking of whatever is bought and sold."""

import json
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from trading.ledger import Ledger
from trading.messages import ClosedLot
from trading.quantities import MONEY

CASES = Path(__file__).parents[3] / "shared" / "data" / "fifo_cases.json"
BTC = "BTCUSDT"
OPENING = '2020-01-01 open Assets:Position "FIFO"\n2020-01-01 open Assets:Cash\n2020-01-01 open Income:Gains\n'


def published() -> list[Any]:
    if not CASES.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"the published cases are not here: {CASES.name}"))]
    return [pytest.param(case, id=case["id"]) for case in json.loads(CASES.read_text())]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("case", published())
def test_a_published_case_gives_its_lots_its_fees_and_its_profit(case: dict[str, Any], mirrored: bool) -> None:
    """Mirrored: every buy a sell at a price with the other sign, which is the same profit; so every case is one of shorts as well."""
    way = -1 if mirrored else 1
    ledger = Ledger(Decimal(1000))
    closed: list[ClosedLot] = []
    for quantity, price, fee in case["fills"]:
        closed += ledger.fill(BTC, way * Decimal(quantity), way * Decimal(price), Decimal(fee))
    funding = Decimal(case.get("funding") or 0)
    ledger.fund(funding)
    gross, fees = Decimal(case["gross_pnl"]), sum((Decimal(fee) for *_, fee in case["fills"]), Decimal(0))
    assert ledger.position(BTC) == way * Decimal(case["end_position"])
    assert (ledger.realized_pnl, ledger.fees, ledger.balance) == (gross, fees, 1000 + gross - fees + funding)
    if "closed" in case:
        expected = [[Decimal(part[name]) for name in ("qty", "entry", "exit", "pnl", "fees")] for part in case["closed"]]
        signs = [way, way, way, 1, 1]
        assert [[sign * each for sign, each in zip(signs, (part.quantity, part.entry, part.exit, part.pnl, part.fees), strict=True)]
                for part in closed] == expected
    if "end_lots" in case:
        lots = [(way * lot.quantity, way * lot.price) for lot in ledger.holdings[BTC].lots.open]
        assert lots == [(Decimal(quantity), Decimal(price)) for quantity, price in case["end_lots"]]


def booked_by_beancount(fills: list[tuple[Decimal, Decimal]]) -> tuple[Decimal, list[tuple[Decimal, Decimal]]]:
    """Realized gains and remaining lots, oldest first. A fill through zero is two transactions: it closes, then it opens."""
    loader = pytest.importorskip("beancount.loader", reason="beancount is not installed")
    inventory = pytest.importorskip("beancount.core.inventory")
    text, position = [OPENING], Decimal(0)
    for quantity, price in fills:
        closing = -min(abs(quantity), abs(position)).copy_sign(position) if position * quantity < 0 else Decimal(0)
        for part, cost in ((closing, f"{{}} @ {price} USD"), (quantity - closing, f"{{{price} USD}}")):
            if part:
                gains = "  Income:Gains\n" if part == closing else ""
                day = f"{2021 + len(text) // 336}-{len(text) // 28 % 12 + 1:02d}-{len(text) % 28 + 1:02d}"
                text.append(f'{day} * "fill"\n  Assets:Position  {part:f} BTC {cost}\n  Assets:Cash  {-part * price:.6f} USD\n{gains}')
        position += quantity
    entries, errors, _ = loader.load_string("\n".join(text))
    assert not errors, errors
    held, realized = inventory.Inventory(), Decimal(0)
    for entry in entries:
        for posting in getattr(entry, "postings", ()):
            if posting.account == "Income:Gains":
                realized -= posting.units.number
            elif posting.account == "Assets:Position":
                held.add_position(posting)
    lots = sorted(held, key=lambda each: each.cost.date)
    return realized, [(each.units.number, each.cost.number) for each in lots]


quantities = st.integers(-6, 6).filter(bool).map(lambda each: Decimal(each) / 4)
prices = st.integers(90, 110).map(lambda each: Decimal(each) + Decimal("0.5"))


@effort(max_examples=40, deadline=None)
@given(st.lists(st.tuples(quantities, prices), min_size=1, max_size=14))
def test_whatever_is_bought_and_sold_books_like_beancount(fills: list[tuple[Decimal, Decimal]]) -> None:
    ledger = Ledger(Decimal(0))
    for quantity, price in fills:
        ledger.fill(BTC, quantity, price, Decimal(0))
    realized, lots = booked_by_beancount(fills)
    holding = ledger.holdings[BTC]
    assert ledger.realized_pnl == realized
    assert [(lot.quantity, lot.price) for lot in holding.lots.open] == lots
    with localcontext(MONEY):
        at_cost = holding.average.realized_pnl + holding.average.unrealized(Decimal(100))
        assert realized + holding.lots.unrealized(Decimal(100)) == at_cost, "at average cost the sum is the same"
