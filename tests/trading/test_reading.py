"""What market facts say by themselves, read once for all accounts that hear them."""

from decimal import Decimal

import pytest

from tests.trading.account_stories import BTC, levels
from trading.messages import BookChanged, Print, TradesPrinted
from trading.prints import PrintLimits
from trading.reading import Believed, MarketReading, Readings
from trading.words import Side

WIDE = PrintLimits(Decimal(1), Decimal(1_000))


def window(*, bid: str = "99", ask: str = "101", sequence: int = 1) -> BookChanged:
    return BookChanged(sequence=sequence, at_ns=sequence, seen_ns=0, symbol=BTC, bids=levels((bid, "1")), asks=levels((ask, "1")))


def sold(price: str, quantity: str = "1") -> Print:
    return Print(Decimal(price), Decimal(quantity), Side.SELL)


def bought(price: str, quantity: str = "1") -> Print:
    return Print(Decimal(price), Decimal(quantity), Side.BUY)


def push(*prints: Print) -> TradesPrinted:
    return TradesPrinted(sequence=2, at_ns=2, seen_ns=0, symbol=BTC, prints=prints)


def reading() -> MarketReading:
    return Readings(Decimal(100)).of(BTC)


def test_a_window_is_read_once_however_many_hear_it() -> None:
    readings = Readings(Decimal(100))
    heard = window()
    assert readings.of(BTC).seen(heard) is readings.of(BTC).seen(heard)
    assert readings.of(BTC).seen(window(sequence=2)).book.sequence == 2


def test_a_window_that_cannot_be_traded_on_has_no_limits() -> None:
    seen = reading().seen(window(bid="102"))
    assert seen.limits is None and seen.book.fault is not None


def test_without_limits_nothing_is_believed() -> None:
    assert reading().believed(push(sold("99")), None).prints == ()


def test_the_same_push_is_judged_anew_by_other_limits() -> None:
    market, heard = reading(), push(sold("99"), bought("101"))
    whole = market.believed(heard, WIDE)
    assert market.believed(heard, WIDE) is whole and whole.prints == heard.prints
    assert market.believed(heard, PrintLimits(Decimal(100), Decimal(102))).prints == (bought("101"),)
    assert market.believed(heard, None).prints == ()


@pytest.mark.parametrize(("prints", "of_sellers", "of_buyers"), [
    ((), None, None),
    ((sold("99"), sold("99", "2.5")), ("99", "3.5"), None),
    ((sold("99"), sold("98.9")), ("98.9", None), None),
    ((bought("101"), bought("101.1"), sold("99")), ("99", "1"), ("101.1", None)),
    ((bought("101", "0.1"), sold("99"), bought("101", "0.2")), ("99", "1"), ("101", "0.3")),
])
def test_a_push_is_one_sweep_of_each_side(
    prints: tuple[Print, ...], of_sellers: tuple[str, str | None] | None, of_buyers: tuple[str, str | None] | None,
) -> None:
    for sweep, expected, side in zip(Believed(prints).sweeps, (of_sellers, of_buyers), (Side.SELL, Side.BUY), strict=True):
        if sweep is None:
            assert expected is None
            continue
        assert expected is not None
        reach, at_one_price = expected
        assert sweep.reach == Decimal(reach)
        assert sweep.at_one_price == (None if at_one_price is None else Decimal(at_one_price))
        assert sweep.prints == tuple(each for each in enumerate(prints) if each[1].aggressor is side)
