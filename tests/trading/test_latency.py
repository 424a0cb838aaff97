"""A delay is a function of seed, order and leg; its distribution is the one that was asked for, and fits what was measured."""

import math
import statistics
from decimal import Decimal, localcontext

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.latency import (
    FEWEST_SAMPLES, UNMEASURED, Constant, Fitted, KnownLatency, LatencyModel, Leg, LogNormal, Uniform, draw_ns, fit, resolved,
    text, worst_ns,
)
from trading.quantities import MONEY

MS = 1_000_000
DRAWS = 20_000


def D(value: str) -> Decimal:
    return Decimal(value)


LOGNORMAL = LogNormal(D("12.5"), D("0.4"), D("500"))
UNIFORM = Uniform(D("20"), D("80"))


def draws(model: KnownLatency, leg: Leg = Leg.ENTRY, count: int = DRAWS, seed: str = "seed") -> list[int]:
    return [draw_ns(model, seed, f"o-{number}", leg) for number in range(count)]


def quantile(values: list[int], fraction: float) -> int:
    return sorted(values)[int(fraction * len(values))]


GOLDEN = [
    # by hand: 52 bits of the digest as a chance u; 12.5 ms * exp(0.4 * z(u)) with z by bisection of erfc; 20 ms + u * 60 ms
    (LOGNORMAL, "seed", "o-1", Leg.ENTRY, 9_390_000),
    (LOGNORMAL, "seed", "o-1", Leg.RESPONSE, 16_953_000),
    (LOGNORMAL, "other", "o-1", Leg.ENTRY, 16_959_000),
    (LOGNORMAL, "seed", "trend-000002", Leg.ENTRY, 19_851_000),
    (UNIFORM, "seed", "o-1", Leg.ENTRY, 34_235_000),
    (UNIFORM, "seed", "o-1", Leg.RESPONSE, 66_614_000),
    (Constant(D("50")), "seed", "o-1", Leg.ENTRY, 50_000_000),
    (Constant(D("0.0015")), "seed", "o-1", Leg.ENTRY, 2_000),
]


@pytest.mark.parametrize(("model", "seed", "order_id", "leg", "expected_ns"), GOLDEN)
def test_a_draw_is_the_same_on_every_machine(model: KnownLatency, seed: str, order_id: str, leg: Leg, expected_ns: int) -> None:
    assert draw_ns(model, seed, order_id, leg) == expected_ns


@pytest.mark.parametrize("fraction", [0.05, 0.25, 0.5, 0.75, 0.95])
def test_lognormal_draws_have_the_quantiles_of_their_distribution(fraction: float) -> None:
    expected_ns = 12.5 * MS * math.exp(0.4 * statistics.NormalDist().inv_cdf(fraction))
    assert quantile(draws(LOGNORMAL), fraction) == pytest.approx(expected_ns, rel=0.02)


@pytest.mark.parametrize("fraction", [0.05, 0.25, 0.5, 0.75, 0.95])
def test_uniform_draws_have_the_quantiles_of_their_distribution(fraction: float) -> None:
    assert quantile(draws(UNIFORM), fraction) == pytest.approx((20 + 60 * fraction) * MS, abs=MS)


def test_uniform_draws_reach_both_ends() -> None:
    assert set(draws(Uniform(D("1"), D("1.002")), count=100)) == {1_000_000, 1_001_000, 1_002_000}


def test_what_would_take_longer_than_the_longest_counts_as_that() -> None:
    taken = draws(LogNormal(D("10"), D("1"), D("20")))
    above = 1 - statistics.NormalDist().cdf(math.log(2))
    assert max(taken) == 20 * MS
    assert taken.count(20 * MS) / DRAWS == pytest.approx(above, abs=0.01)


@pytest.mark.parametrize("model", [LOGNORMAL, UNIFORM])
def test_the_legs_of_an_order_are_independent(model: KnownLatency) -> None:
    assert abs(statistics.correlation(draws(model, Leg.ENTRY), draws(model, Leg.RESPONSE))) < 0.02


def test_the_orders_of_a_session_and_its_seeds_are_independent() -> None:
    taken = draws(UNIFORM)
    assert abs(statistics.correlation(taken[1:], taken[:-1])) < 0.02
    assert abs(statistics.correlation(taken, draws(UNIFORM, seed="seed2"))) < 0.02


delays = st.integers(0, 60_000_000).map(lambda each: Decimal(each) / 1000)
sigmas = st.integers(0, 5_000).map(lambda each: Decimal(each) / 1000)
models = st.one_of(
    st.builds(Constant, delays),
    st.tuples(delays, delays).map(lambda pair: Uniform(min(pair), max(pair))),
    st.tuples(delays.filter(bool), sigmas, delays).map(lambda each: LogNormal(each[0], each[1], max(each[0], each[2]))),
)


def shortest_ns(model: KnownLatency) -> int:
    """No draw is shorter; a lognormal delay has no bound but zero."""
    match model:
        case Constant(ms=delay_ms) | Uniform(min_ms=delay_ms):
            return int(delay_ms * MS)
        case LogNormal():
            return 0


@given(models, st.text(max_size=20), st.text(max_size=20), st.sampled_from(Leg))
def test_every_draw_is_whole_microseconds_within_the_bounds(model: KnownLatency, seed: str, order_id: str, leg: Leg) -> None:
    with localcontext(MONEY):
        taken_ns = draw_ns(model, seed, order_id, leg)
    assert taken_ns % 1000 == 0
    assert shortest_ns(model) <= taken_ns <= worst_ns(model)
    assert taken_ns == draw_ns(model, seed, order_id, leg)


@given(models)
def test_a_model_survives_its_way_as_text(model: KnownLatency) -> None:
    assert msgspec.json.decode(msgspec.json.encode(model), type=LatencyModel) == model


@pytest.mark.parametrize(("model", "worst_ms"), [(Constant(D("5")), 5), (UNIFORM, 80), (LOGNORMAL, 500)])
def test_a_pessimist_knows_the_longest(model: KnownLatency, worst_ms: int) -> None:
    assert worst_ns(model) == worst_ms * MS


SENSELESS: list[tuple[type[msgspec.Struct], dict[str, str], str]] = [
    (Constant, {"ms": "-1"}, "ms must be from 0 to 60000, not -1"),
    (Constant, {"ms": "NaN"}, "ms must be from 0 to 60000, not NaN"),
    (Constant, {"ms": "Infinity"}, "ms must be"),
    (Constant, {"ms": "60001"}, "ms must be"),
    (Uniform, {"min_ms": "-1", "max_ms": "1"}, "min_ms must be from 0"),
    (Uniform, {"min_ms": "2", "max_ms": "1"}, "min_ms must not exceed max_ms, 1, not 2"),
    (Uniform, {"min_ms": "2", "max_ms": "Infinity"}, "max_ms must be from 0"),
    (LogNormal, {"median_ms": "0", "sigma": "1", "max_ms": "1"}, "median_ms must be above 0"),
    (LogNormal, {"median_ms": "-1", "sigma": "1", "max_ms": "1"}, "median_ms must be from 0"),
    (LogNormal, {"median_ms": "1", "sigma": "-0.1", "max_ms": "1"}, "sigma must be from 0 to 5, not -0.1"),
    (LogNormal, {"median_ms": "1", "sigma": "NaN", "max_ms": "1"}, "sigma must be from 0"),
    (LogNormal, {"median_ms": "1", "sigma": "6", "max_ms": "1"}, "sigma must be from 0"),
    (LogNormal, {"median_ms": "2", "sigma": "1", "max_ms": "1"}, "max_ms must not be below median_ms, 2, not 1"),
]


@pytest.mark.parametrize(("kind", "values", "said"), SENSELESS)
def test_senseless_delays_are_refused_with_the_name_of_the_key(kind: type[msgspec.Struct], values: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        kind(**{name: Decimal(value) for name, value in values.items()})


def test_only_a_fitted_model_becomes_what_was_measured() -> None:
    assert resolved(Fitted(), LOGNORMAL) == LOGNORMAL
    assert resolved(Fitted(), None) == UNMEASURED
    assert resolved(UNIFORM, LOGNORMAL) == UNIFORM


def test_a_fit_recovers_the_model_of_one_leg_from_round_trips() -> None:
    fitted = fit([2 * each for each in draws(LOGNORMAL)])
    assert fitted is not None
    assert float(fitted.median_ms) == pytest.approx(12.5, rel=0.02)
    assert float(fitted.sigma) == pytest.approx(0.4, rel=0.03)


def test_a_fit_is_not_moved_by_a_few_outliers() -> None:
    clean = [2 * each for each in draws(LOGNORMAL, count=1000)]
    spoiled = fit([*clean[:900], *[30_000 * MS] * 100])
    fitted = fit(clean)
    assert fitted is not None and spoiled is not None
    assert float(spoiled.median_ms) == pytest.approx(float(fitted.median_ms), rel=0.1)
    assert float(spoiled.sigma) == pytest.approx(float(fitted.sigma), rel=0.25)


def test_a_fit_by_hand() -> None:
    """Round trips of 20, 40, 40, 40, 80 ms: quartiles equal, so no spread; twice the longest leg of 40 ms."""
    assert fit([each * MS for each in (40, 20, 40, 80, 40)]) == LogNormal(D("20"), D("0"), D("80"))


def test_too_few_round_trips_fit_nothing() -> None:
    assert fit([]) is None
    assert fit([MS] * (FEWEST_SAMPLES - 1)) is None
    assert fit([MS] * FEWEST_SAMPLES) is not None


def test_a_round_trip_takes_time() -> None:
    with pytest.raises(ValueError, match="takes time, not 0 ns"):
        fit([MS, 0])


@given(st.lists(st.integers(1, 10**15), min_size=FEWEST_SAMPLES, max_size=40))
def test_whatever_was_measured_gives_a_model(round_trips_ns: list[int]) -> None:
    with localcontext(MONEY):
        fitted = fit(round_trips_ns)
    assert fitted is not None
    assert draw_ns(fitted, "seed", "o-1", Leg.ENTRY) <= worst_ns(fitted)


@pytest.mark.parametrize(("model", "line"), [
    (Constant(D("50")), "constant(ms=50)"),
    (UNIFORM, "uniform(min_ms=20, max_ms=80)"),
    (LOGNORMAL, "lognormal(median_ms=12.5, sigma=0.4, max_ms=500)"),
    (Fitted(), "fitted()"),
])
def test_a_model_is_told_in_one_line(model: LatencyModel, line: str) -> None:
    assert text(model) == line
