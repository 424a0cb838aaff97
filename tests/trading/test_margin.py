"""What a position ties up and where it is taken away: worked numbers, and what must hold at every leverage."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.margin import (
    Isolated, MarginSettings, Tier, bankruptcy_price, initial_margin, is_liquidated, liquidation_price, tiered_liquidation_price,
)
from trading.quantities import Instrument

INSTRUMENT = Instrument(
    symbol="BTCUSDT", tick=Decimal("0.1"), step=Decimal("0.0001"), minimum_quantity=Decimal("0.0001"),
    maximum_limit_quantity=Decimal(100), maximum_market_quantity=Decimal(50),
)
TICK = Fraction(INSTRUMENT.tick)


def D(value: str) -> Decimal:
    return Decimal(value)


TIERS = (Tier(D("0"), D("50000"), 125, D("0.004")), Tier(D("50000"), D("250000"), 100, D("0.005")), Tier(D("250000"), D("1000000"), 50, D("0.01")))


def held(quantity: Decimal, entry: Decimal, wallet: Decimal, taker: Decimal = Decimal("0.0006")) -> Isolated:
    return Isolated(INSTRUMENT, quantity, quantity * entry, wallet, taker)


WORKED = [
    # quantity, entry, leverage, taker, maintenance rate, liquidation price, bankruptcy price
    ("1", "60000", 20, "0.0006", "0.004", "57263.5", "57034.3"),  # 57000 / 0.9954 = 57263.41..., / 0.9994 = 57034.22...
    ("-1", "60000", 20, "0.0006", "0.004", "62711.5", "62962.2"),  # 63000 / 1.0046 = 62711.526..., / 1.0006 = 62962.22...
    ("0.5", "60000", 10, "0.0006", "0.004", "54249.6", "54032.5"),  # 54000 / 0.9954 = 54249.548..., / 0.9994 = 54032.419...
    ("-0.5", "60000", 10, "0.0006", "0.004", "65697.7", "65960.4"),  # 66000 / 1.0046 = 65697.79..., / 1.0006 = 65960.42...
    ("0.001", "30000", 100, "0", "0", "29700", "29700"),
    ("-0.001", "30000", 100, "0", "0", "30300", "30300"),
    ("2", "60000", 1, "0.0006", "0.004", "0", "0"),  # all of it is paid for
    ("-2", "60000", 1, "0.0006", "0.004", "119450.5", "119928"),  # 120000 / 1.0046 = 119450.527..., / 1.0006 = 119928.04...
    ("0.003", "61234.5", 7, "0.0006", "0.004", "52729.3", "52518.3"),  # 52486.714... / 0.9954 = 52729.269..., / 0.9994 = 52518.225...
    ("1", "60000", 20, "-0.0002", "0.004", "57229", "57000"),  # a rebate is not counted on: 57000 / 0.996 = 57228.915...
]


@pytest.mark.parametrize(("quantity", "entry", "leverage", "taker", "rate", "liquidated_at", "bankrupt_at"), WORKED)
def test_worked_liquidation_and_bankruptcy_prices(
    quantity: str, entry: str, leverage: int, taker: str, rate: str, liquidated_at: str, bankrupt_at: str,
) -> None:
    wallet = initial_margin(abs(D(quantity)) * D(entry), leverage)
    position = held(D(quantity), D(entry), wallet, D(taker))
    assert liquidation_price(position, D(rate)) == D(liquidated_at)
    assert bankruptcy_price(position) == D(bankrupt_at)


def test_added_margin_moves_the_prices_away_and_paid_funding_brings_them_near() -> None:
    def price(wallet: str) -> Decimal:
        return liquidation_price(held(D("1"), D("60000"), D(wallet)), D("0.004"))

    assert [price(wallet) for wallet in ("2900", "3000", "4000")] == [D("57363.9"), D("57263.5"), D("56258.8")]
    assert price("70000") == 0
    assert price("-10") > 60000


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
    ("0", "5", 50, "0.02", "maintenance_rate must be below 1 / leverage, 1 / 50, not 0.02"),
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
    price = liquidation_price(held(direction * quantity, entry, wallet, taker), rate)
    left = Fraction(wallet) + direction * Fraction(quantity) * (Fraction(price) - Fraction(entry))
    needed = Fraction(quantity) * Fraction(price) * (Fraction(rate) + Fraction(taker))
    assert 0 <= left - needed < Fraction(quantity) * TICK * 2


@given(directions, quantities, entries, leverages, rates, rates)
def test_liquidation_comes_before_bankruptcy_and_bankruptcy_takes_no_more_than_the_wallet_with_its_fee(
    direction: int, quantity: Decimal, entry: Decimal, leverage: int, taker: Decimal, rate: Decimal,
) -> None:
    wallet = initial_margin(quantity * entry, leverage)
    position = held(direction * quantity, entry, wallet, taker)
    liquidated_at, bankrupt_at = liquidation_price(position, rate), bankruptcy_price(position)
    assert direction * liquidated_at >= direction * bankrupt_at
    loss = direction * Fraction(quantity) * (Fraction(entry) - Fraction(bankrupt_at))
    fee = Fraction(quantity) * Fraction(bankrupt_at) * Fraction(taker)
    assert 0 <= Fraction(wallet) - loss - fee < Fraction(quantity) * TICK * 2
    if Fraction(wallet) > Fraction(quantity) * Fraction(entry) * (Fraction(rate) + Fraction(taker)):
        assert direction * liquidated_at <= direction * entry, "a position that opens with enough margin opens alive"


@given(directions, quantities, entries, leverages, leverages, rates)
def test_more_leverage_never_moves_the_liquidation_price_away(
    direction: int, quantity: Decimal, entry: Decimal, one: int, other: int, rate: Decimal,
) -> None:
    less, more = (
        liquidation_price(held(direction * quantity, entry, initial_margin(quantity * entry, leverage)), rate)
        for leverage in sorted((one, other))
    )
    assert direction * less <= direction * more


# ---------------------------------------------------------------------------------------------------- across tiers

STEEP = MarginSettings(20, (Tier(D("0"), D("50000"), 50, D("0.01")), Tier(D("50000"), D("250000"), 20, D("0.04"))))
# One coin with a wallet of 5 % of 51000: alive in the first tier above 48450 / 0.9894 = 48969.07..., in the second above 50500.31...
LONG = Isolated(INSTRUMENT, D("1"), D("51000"), D("2550"), D("0.0006"))
SHORT = Isolated(INSTRUMENT, D("-1"), D("-48500"), D("2425"), D("0.0006"))  # up to 50925 / 1.0106 = 50390.85..., to 48938.11...


@pytest.mark.parametrize(("position", "mark", "price", "over"), [
    (LONG, "51000", "50500.4", False),
    (LONG, "50500.4", "50500.4", True),
    (LONG, "50000.1", "50500.4", True),
    (LONG, "50000", "48969.1", False),  # the mark has jumped past the second tier: what it asks for is asked no more
    (LONG, "48969.1", "48969.1", True),
    (SHORT, "48500", "50390.8", False),
    (SHORT, "49999.9", "50390.8", False),
    (SHORT, "50000", "50390.8", False),  # an end belongs to the tier it ends
    (SHORT, "50000.1", "50000", True),  # into the second tier, whose price was passed long ago: it begins here
    (SHORT, "50391", "50000", True),
])
def test_the_tier_at_the_mark_decides_and_names_a_price_that_lies_in_it(position: Isolated, mark: str, price: str, over: bool) -> None:
    found = tiered_liquidation_price(position, STEEP, D(mark))
    assert (found, is_liquidated(position.quantity, D(mark), found)) == (D(price), over)


def test_a_long_that_grows_into_a_tier_whose_margin_it_does_not_have_is_liquidated_by_that_tier() -> None:
    """The venue publishes a rate on the whole notional and no amount that would soften the step."""
    position = Isolated(INSTRUMENT, D("1"), D("49900"), D("1900"), D("0.0006"))
    prices = {mark: tiered_liquidation_price(position, STEEP, D(mark)) for mark in ("49900", "50000", "50000.1", "50031.3", "50031.4")}
    assert prices == {"49900": D("48514.3"), "50000": D("48514.3"), "50000.1": D("50031.3"), "50031.3": D("50031.3"), "50031.4": D("50031.3")}
    assert [is_liquidated(D("1"), D(mark), price) for mark, price in prices.items()] == [False, False, True, True, False]


@pytest.mark.parametrize(("notional", "span"), [
    ("0", ("0", "50000")), ("50000", ("0", "50000")), ("50000.1", ("50000", "250000")), ("2000000", ("250000", None)),
])
def test_a_tier_reaches_to_where_the_next_begins(notional: str, span: tuple[str, str | None]) -> None:
    assert MarginSettings(20, TIERS).span_of(D(notional)) == (D(span[0]), None if span[1] is None else D(span[1]))


steps = st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True).map(sorted)


@given(directions, quantities, entries, leverages, rates, steps, st.integers(50, 150))
def test_a_mark_liquidates_what_has_less_than_its_tier_asks_for_and_nothing_else(
    direction: int, quantity: Decimal, entry: Decimal, leverage: int, taker: Decimal, starts: list[int], percent: int,
) -> None:
    """The tiers lie around the notional of the position, their rates rise; the judgement is that of the margin at the mark."""
    notional = quantity * entry
    bounds = [Decimal(0), *(notional * start / 20 for start in starts), notional * 100]
    tiers = tuple(Tier(low, high, 1, Decimal(number) / 200) for number, (low, high) in enumerate(zip(bounds, bounds[1:], strict=False), 1))
    settings, mark = MarginSettings(leverage, tiers), entry * percent / 100
    position = held(direction * quantity, entry, initial_margin(notional, leverage), taker)
    price = tiered_liquidation_price(position, settings, mark)
    left = Fraction(position.wallet) + direction * Fraction(quantity) * (Fraction(mark) - Fraction(entry))
    short_of = Fraction(settings.maintenance(quantity * mark)) + Fraction(quantity * mark) * Fraction(taker) - left
    within_a_tick = Fraction(quantity) * TICK * 2
    if is_liquidated(position.quantity, mark, price):
        assert short_of > -within_a_tick
        low, high = settings.span_of(quantity * mark)
        named = Fraction(quantity * price)
        assert named >= Fraction(low) - within_a_tick and (high is None or named <= Fraction(high) + within_a_tick)
    else:
        assert short_of < within_a_tick


@given(quantities, entries, leverages)
def test_long_and_short_are_mirror_images_where_nothing_is_reserved(quantity: Decimal, entry: Decimal, leverage: int) -> None:
    wallet = initial_margin(quantity * entry, leverage)
    below, above = (liquidation_price(held(each, entry, wallet, D("0")), D("0")) for each in (quantity, -quantity))
    assert entry - below == above - entry


@given(st.integers(1, 200))
def test_no_leverage_that_the_default_tier_allows_is_liquidated_at_once(leverage: int) -> None:
    settings = MarginSettings(leverage)
    notional = D("60000")
    assert settings.objection("BTCUSDT", notional) is None
    assert initial_margin(notional, leverage) > settings.maintenance(notional) + notional * D("0.0006")
