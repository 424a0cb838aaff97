"""What a position ties up and where it is taken away: worked numbers, and what must hold at every leverage."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.margin import MarginSettings, Tier, bankruptcy_price, initial_margin, is_liquidated, liquidation_price
from trading.quantities import Instrument

INSTRUMENT = Instrument(
    symbol="BTCUSDT", tick=Decimal("0.1"), step=Decimal("0.0001"), minimum_quantity=Decimal("0.0001"),
    maximum_limit_quantity=Decimal(100), maximum_market_quantity=Decimal(50),
)
TICK = Fraction(INSTRUMENT.tick)


def D(value: str) -> Decimal:
    return Decimal(value)


TIERS = (Tier(D("0"), D("50000"), 125, D("0.004")), Tier(D("50000"), D("250000"), 100, D("0.005")), Tier(D("250000"), D("1000000"), 50, D("0.01")))

WORKED = [
    # quantity, entry, leverage, taker, maintenance rate, liquidation price, bankruptcy price
    ("1", "60000", 20, "0.0006", "0.004", "57263.5", "57000"),  # 57000 / 0.9954 = 57263.41...
    ("-1", "60000", 20, "0.0006", "0.004", "62711.5", "63000"),  # 63000 / 1.0046 = 62711.526...
    ("0.5", "60000", 10, "0.0006", "0.004", "54249.6", "54000"),  # 54000 / 0.9954 = 54249.548...
    ("-0.5", "60000", 10, "0.0006", "0.004", "65697.7", "66000"),  # 66000 / 1.0046 = 65697.79...
    ("0.001", "30000", 100, "0", "0", "29700", "29700"),
    ("-0.001", "30000", 100, "0", "0", "30300", "30300"),
    ("2", "60000", 1, "0.0006", "0.004", "0", "0"),  # all of it is paid for
    ("-2", "60000", 1, "0.0006", "0.004", "119450.5", "120000"),  # 120000 / 1.0046 = 119450.527...
    ("0.003", "61234.5", 7, "0.0006", "0.004", "52729.3", "52486.8"),  # 52486.714... / 0.9954 = 52729.269...
]


@pytest.mark.parametrize(("quantity", "entry", "leverage", "taker", "rate", "liquidated_at", "bankrupt_at"), WORKED)
def test_worked_liquidation_and_bankruptcy_prices(
    quantity: str, entry: str, leverage: int, taker: str, rate: str, liquidated_at: str, bankrupt_at: str,
) -> None:
    wallet = initial_margin(abs(D(quantity)) * D(entry), leverage)
    assert liquidation_price(INSTRUMENT, D(quantity), D(entry), wallet, D(taker), D(rate)) == D(liquidated_at)
    assert bankruptcy_price(INSTRUMENT, D(quantity), D(entry), wallet) == D(bankrupt_at)


def test_added_margin_moves_the_prices_away_and_paid_funding_brings_them_near() -> None:
    prices = [liquidation_price(INSTRUMENT, D("1"), D("60000"), D(wallet), D("0.0006"), D("0.004")) for wallet in ("2900", "3000", "4000")]
    assert prices == [D("57363.9"), D("57263.5"), D("56258.8")]
    assert liquidation_price(INSTRUMENT, D("1"), D("60000"), D("70000"), D("0.0006"), D("0.004")) == 0
    assert liquidation_price(INSTRUMENT, D("1"), D("60000"), D("-10"), D("0.0006"), D("0.004")) > 60000


@pytest.mark.parametrize(("quantity", "mark", "over"), [
    ("1", "100.1", False), ("1", "100", True), ("1", "99.9", True),
    ("-1", "99.9", False), ("-1", "100", True), ("-1", "100.1", True),
    ("0", "100", False),
])
def test_a_position_is_liquidated_when_the_mark_comes_to_its_price(quantity: str, mark: str, over: bool) -> None:
    assert is_liquidated(D(quantity), D(mark), D("100")) is over


def test_initial_margin_is_the_notional_by_the_leverage() -> None:
    assert initial_margin(D("60000"), 20) == D("3000")
    assert initial_margin(D("100"), 3) == D("33.333333333333")


@pytest.mark.parametrize(("notional", "tier", "maintenance"), [
    ("0", 0, "0"), ("1000", 0, "4"), ("50000", 0, "200"), ("50000.01", 1, "250.00005"), ("250000", 1, "1250"), ("999999", 2, "9999.99"),
    ("2000000", 2, "20000"),
])
def test_the_tier_of_a_notional_sets_its_maintenance_margin(notional: str, tier: int, maintenance: str) -> None:
    settings = MarginSettings(20, TIERS)
    assert settings.tier_of(D(notional)) == TIERS[tier]
    assert settings.maintenance(D(notional)) == D(maintenance)


@pytest.mark.parametrize(("leverage", "notional", "said"), [
    (100, "250000", None),
    (125, "50000", None),
    (125, "50000.10", "LEVERAGE_EXCEEDS_MAXIMUM: symbol=BTCUSDT, leverage=125, notional=50000.1, max=100"),
    (100, "300000", "LEVERAGE_EXCEEDS_MAXIMUM: symbol=BTCUSDT, leverage=100, notional=300000, max=50"),
    (1, "1000000", None),
    (1, "1000000.1", "NOTIONAL_EXCEEDS_MAXIMUM: symbol=BTCUSDT, notional=1000000.1, max=1000000"),
])
def test_more_leverage_than_the_tier_allows_is_refused_in_the_fields_words(leverage: int, notional: str, said: str | None) -> None:
    assert MarginSettings(leverage, TIERS).objection("BTCUSDT", D(notional)) == said


@pytest.mark.parametrize(("start", "end", "leverage", "rate", "said"), [
    ("5", "5", 10, "0.01", "end_value must be above start_value, 5, and neither negative, not 5"),
    ("-1", "5", 10, "0.01", "end_value must be"),
    ("0", "Infinity", 10, "0.01", "end_value must be"),
    ("0", "5", 0, "0.01", "leverage must be at least 1, not 0"),
    ("0", "5", 10, "1", "maintenance_rate must be a fraction"),
    ("0", "5", 10, "-0.1", "maintenance_rate must be a fraction"),
    ("0", "5", 10, "NaN", "maintenance_rate must be a fraction"),
])
def test_a_senseless_tier_is_refused(start: str, end: str, leverage: int, rate: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Tier(D(start), D(end), leverage, D(rate))


@pytest.mark.parametrize(("leverage", "tiers", "said"), [
    (0, TIERS, "leverage must be at least 1"), (1, (), "tiers must not be empty"), (1, TIERS[::-1], "tiers must not overlap"),
])
def test_senseless_margin_settings_are_refused(leverage: int, tiers: tuple[Tier, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MarginSettings(leverage, tiers)


quantities = st.integers(1, 10**6).map(lambda each: Decimal(each) / 10_000)
entries = st.integers(10_000, 10**7).map(lambda each: Decimal(each) / 10)
leverages = st.integers(2, 200)
rates = st.integers(1, 400).map(lambda each: Decimal(each) / 100_000)
directions = st.sampled_from([1, -1])


@given(directions, quantities, entries, leverages, rates, rates)
def test_at_the_liquidation_price_what_is_left_is_maintenance_and_the_fee_of_closing(
    direction: int, quantity: Decimal, entry: Decimal, leverage: int, taker: Decimal, rate: Decimal,
) -> None:
    wallet = initial_margin(quantity * entry, leverage)
    price = liquidation_price(INSTRUMENT, direction * quantity, entry, wallet, taker, rate)
    left = Fraction(wallet) + direction * Fraction(quantity) * (Fraction(price) - Fraction(entry))
    needed = Fraction(quantity) * Fraction(price) * (Fraction(rate) + Fraction(taker))
    assert 0 <= left - needed < Fraction(quantity) * TICK * 2


@given(directions, quantities, entries, leverages, rates, rates)
def test_liquidation_comes_before_bankruptcy_and_bankruptcy_takes_no_more_than_the_wallet(
    direction: int, quantity: Decimal, entry: Decimal, leverage: int, taker: Decimal, rate: Decimal,
) -> None:
    wallet = initial_margin(quantity * entry, leverage)
    liquidated_at = liquidation_price(INSTRUMENT, direction * quantity, entry, wallet, taker, rate)
    bankrupt_at = bankruptcy_price(INSTRUMENT, direction * quantity, entry, wallet)
    assert direction * liquidated_at >= direction * bankrupt_at
    loss = direction * Fraction(quantity) * (Fraction(entry) - Fraction(bankrupt_at))
    assert 0 <= Fraction(wallet) - loss < Fraction(quantity) * TICK
    if Fraction(wallet) > Fraction(quantity) * Fraction(entry) * (Fraction(rate) + Fraction(taker)):
        assert direction * liquidated_at <= direction * entry, "a position that opens with enough margin opens alive"


@given(directions, quantities, entries, leverages, leverages, rates)
def test_more_leverage_never_moves_the_liquidation_price_away(
    direction: int, quantity: Decimal, entry: Decimal, one: int, other: int, rate: Decimal,
) -> None:
    less, more = (
        liquidation_price(
            INSTRUMENT, direction * quantity, entry, initial_margin(quantity * entry, leverage), D("0.0006"), rate,
        ) for leverage in sorted((one, other))
    )
    assert direction * less <= direction * more


@given(quantities, entries, leverages)
def test_long_and_short_are_mirror_images_where_nothing_is_reserved(quantity: Decimal, entry: Decimal, leverage: int) -> None:
    wallet = initial_margin(quantity * entry, leverage)
    below, above = (liquidation_price(INSTRUMENT, each, entry, wallet, D("0"), D("0")) for each in (quantity, -quantity))
    assert entry - below == above - entry


@given(st.integers(1, 200))
def test_no_leverage_that_the_default_tier_allows_is_liquidated_at_once(leverage: int) -> None:
    settings = MarginSettings(leverage)
    notional = D("60000")
    assert settings.objection("BTCUSDT", notional) is None
    assert initial_margin(notional, leverage) > settings.maintenance(notional) + notional * D("0.0006")
