"""A print far off the book is counted and not believed; without a book it may make a bar, but no limits vouch for it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.messages import Level, Print
from trading.prints import DEFAULT_BAND_BPS, PrintBand, PrintGuard
from trading.words import Side


def D(value: str) -> Decimal:
    return Decimal(value)


def side(*prices: str) -> tuple[Level, ...]:
    return tuple((Decimal(price), Decimal(1)) for price in prices)


def guard(band_bps: str = "100") -> PrintGuard:
    """With a book of 100 to 101: believed is what lies from 99 to 102.01."""
    watching = PrintGuard(D(band_bps))
    watching.on_book(side("100", "98"), side("101", "103"))
    return watching


@pytest.mark.parametrize(("price", "believed"), [
    ("100", True), ("100.5", True), ("101", True), ("99", True), ("102.01", True),
    ("98.9999", False), ("102.0101", False), ("1", False), ("1000000", False),
])
def test_prints_outside_the_band_are_not_credible(price: str, believed: bool) -> None:
    assert guard().credible(D(price)) is believed
    limits = PrintBand().limits(side("100", "98"), side("101", "103"))
    assert limits is not None and limits.vouch_for(D(price)) is believed
    one, other = (Print(D(each), Decimal(1), Side.BUY) for each in (price, "100"))
    assert limits.among((one, other)) == ((one, other) if believed else (other,))


def test_every_incredible_print_is_counted_once() -> None:
    watching = guard()
    for price in ("100", "50", "101", "200", "50"):
        watching.credible(D(price))
    assert watching.off_book_count == 3


def test_before_the_first_book_everything_makes_bars() -> None:
    watching = PrintGuard()
    assert watching.credible(D("1")) and watching.off_book_count == 0


def test_the_limits_follow_the_best_prices() -> None:
    watching = guard()
    watching.on_book(side("200"), side("201"))
    assert watching.credible(D("199")) and not watching.credible(D("100"))


@pytest.mark.parametrize(("bids", "asks"), [(side(), side("201")), (side("200"), side()), (side("201"), side("201")), (side("202"), side("201"))])
def test_a_book_that_cannot_be_traded_on_moves_no_limit(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> None:
    watching = guard()
    watching.on_book(bids, asks)
    assert watching.credible(D("99")) and not watching.credible(D("201"))
    assert PrintBand().limits(bids, asks) is None


def test_a_book_no_longer_vouched_for_judges_nothing_until_the_next_window() -> None:
    watching = guard()
    watching.forget()
    assert watching.credible(D("50"))
    watching.on_book(side("100"), side("101"))
    assert watching.credible(D("100")) and not watching.credible(D("50"))


@pytest.mark.parametrize("band_bps", ["0", "-1", "10000", "NaN", "Infinity"])
def test_a_band_that_is_none_is_refused(band_bps: str) -> None:
    with pytest.raises(ValueError, match="print_band_bps must be above 0 and less than 10000"):
        PrintGuard(D(band_bps))


cents = st.integers(1, 10**12).map(lambda each: Decimal(each) / 100)


@given(cents, st.integers(1, 10**6), cents, st.integers(1, 9_999))
def test_the_band_is_exact(bid: Decimal, spread: int, price: Decimal, band_bps: int) -> None:
    ask = bid + Decimal(spread) / 100
    limits = PrintBand(Decimal(band_bps)).limits(((bid, Decimal(1)),), ((ask, Decimal(1)),))
    believed = bid * (10_000 - band_bps) <= price * 10_000 <= ask * (10_000 + band_bps)
    assert limits is not None and limits.vouch_for(price) is believed


def test_the_default_band_is_what_the_venue_itself_allows_around_the_mark() -> None:
    assert DEFAULT_BAND_BPS == 100
