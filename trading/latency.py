"""How long an order travels to the simulated venue and its answer back. Must not know clocks, orders or where a delay is used.

A draw is a function of the session's seed, the order and the leg, and of nothing else: whoever asks, in whatever order and
however often, hears the same. Draws are whole microseconds: what the last digits of two machines' mathematics may differ by
is ten orders of magnitude smaller.
"""

import hashlib
import math
import statistics
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from enum import StrEnum

import msgspec

from trading.quantities import EXACT, canonical, plain

__all__ = [
    "FEWEST_SAMPLES", "KEPT_SAMPLES", "UNMEASURED", "Constant", "Draws", "Fitted", "KnownLatency", "LatencyModel", "Leg", "LogNormal",
    "MeasuredLegs", "Uniform", "draw_ns", "fit", "resolved", "text", "worst_ns",
]

DRAWN = Context(prec=20, traps=[InvalidOperation, DivisionByZero, Overflow])
"""For the mathematics of a draw: twice the digits that a delay has in microseconds."""
LONGEST_MS = Decimal(60_000)
"""What no delay may exceed: an order must not be on its way for ever."""
WIDEST_SIGMA = Decimal(5)
NS_PER_US = 1_000
US_PER_MS = Decimal(1_000)
CHANCE_BITS = 52
"""Of the digest; half a step is added, so that a chance is exactly representable and never 0 or 1."""

FEWEST_SAMPLES = 5
KEPT_SAMPLES = 256
"""The newest round trips of one transport: an hour ago the way was another."""
HEADROOM = 2
"""The longest delay of a fitted model, in longest delays seen: what was seen in a minute is not the worst of an hour."""
QUARTILES_APART = 2 * statistics.NormalDist().inv_cdf(0.75)
"""Between the quartiles of a standard normal distribution: 1.349."""
MICROSECOND_MS = Decimal("0.001")
SIGMA_DIGITS = Decimal("0.0001")

REMEMBERED = 1_024
"""Draws of a leg: an order's own is asked for again with each of its facts."""

MODEL = "model"
STANDARD = statistics.NormalDist()


class Leg(StrEnum):
    """ENTRY: from the decision to the venue. RESPONSE: from the venue to who decided."""

    ENTRY = "entry"
    RESPONSE = "response"


def _require_delay(**delays_ms: Decimal) -> None:
    for name, delay_ms in delays_ms.items():
        if not (delay_ms.is_finite() and 0 <= delay_ms <= LONGEST_MS):
            raise ValueError(f"{name} must be from 0 to {LONGEST_MS}, not {delay_ms}")


class Constant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field=MODEL, tag="constant"):
    """Always the same. Raises ValueError for a delay that makes no sense, as all these models do."""

    ms: Decimal

    def __post_init__(self) -> None:
        _require_delay(ms=self.ms)


class Uniform(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field=MODEL, tag="uniform"):
    """Every delay from ``min_ms`` to ``max_ms`` is as likely as any other, both included."""

    min_ms: Decimal
    max_ms: Decimal

    def __post_init__(self) -> None:
        _require_delay(min_ms=self.min_ms, max_ms=self.max_ms)
        if self.min_ms > self.max_ms:
            raise ValueError(f"min_ms must not exceed max_ms, {self.max_ms}, not {self.min_ms}")


class LogNormal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field=MODEL, tag="lognormal"):
    """``median_ms * exp(sigma * Z)``, Z standard normal; a longer delay than ``max_ms`` counts as ``max_ms``."""

    median_ms: Decimal
    sigma: Decimal
    max_ms: Decimal

    def __post_init__(self) -> None:
        _require_delay(median_ms=self.median_ms, max_ms=self.max_ms)
        if self.median_ms == 0:
            raise ValueError("median_ms must be above 0")
        if not (self.sigma.is_finite() and 0 <= self.sigma <= WIDEST_SIGMA):
            raise ValueError(f"sigma must be from 0 to {WIDEST_SIGMA}, not {self.sigma}")
        if self.max_ms < self.median_ms:
            raise ValueError(f"max_ms must not be below median_ms, {self.median_ms}, not {self.max_ms}")


class Fitted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field=MODEL, tag="fitted"):
    """As measured when the session starts; ``resolved`` turns it into a model that can be drawn from."""


KnownLatency = Constant | Uniform | LogNormal
"""What can be drawn from."""
LatencyModel = Constant | Uniform | LogNormal | Fitted
"""The setting; ``{model: uniform, min_ms: 20, max_ms: 80}``."""

UNMEASURED = LogNormal(median_ms=Decimal(100), sigma=Decimal("0.5"), max_ms=Decimal(1_000))
"""Stands for a fit without enough samples, and errs on the slow side: FLOX's profiles of venues have medians of 5 to 15 ms, its
adverse one 100 ms."""


class MeasuredLegs(msgspec.Struct, frozen=True):
    """One way to the venue by each of its transports, None where fewer than ``FEWEST_SAMPLES`` round trips were timed: ``rest`` from
    requests and their answers, ``ws`` from pings and their pongs.

    The legs follow the transports. This venue takes orders by REST and pushes what becomes of them (fills, ends) by WebSocket: so
    ``entry`` is the way of REST and ``response`` that of the WebSocket. Where one was not measured, the other stands in for it.
    """

    rest: LogNormal | None = None
    ws: LogNormal | None = None

    @property
    def entry(self) -> LogNormal | None:
        return self.rest or self.ws

    @property
    def response(self) -> LogNormal | None:
        return self.ws or self.rest


def resolved(model: LatencyModel, measured: LogNormal | None) -> KnownLatency:
    """The model with what was measured of its leg in the place of ``Fitted``; without a measurement that is ``UNMEASURED``."""
    if isinstance(model, Fitted):
        return measured or UNMEASURED
    return model


class Draws:
    """The delays of one leg of a session, ``model`` in a line of ``text``."""

    def __init__(self, model: KnownLatency, seed: str, leg: Leg) -> None:
        self.text = text(model)
        self._model, self._seed, self._leg = model, seed, leg
        self._always_ns = _ns(model.ms) if isinstance(model, Constant) else None
        self._drawn: dict[str, int] = {}

    def ns(self, command_id: str) -> int:
        """On the way of this command or of its answer: the same whenever it is asked."""
        if self._always_ns is not None:
            return self._always_ns
        drawn_ns = self._drawn.get(command_id)
        if drawn_ns is None:
            if len(self._drawn) >= REMEMBERED:
                self._drawn.clear()
            drawn_ns = self._drawn[command_id] = draw_ns(self._model, self._seed, command_id, self._leg)
        return drawn_ns


def draw_ns(model: KnownLatency, seed: str, client_order_id: str, leg: Leg) -> int:
    """The delay of this leg of this order: whole microseconds, in nanoseconds. SHA-256 makes the chance, the inverse of
    the distribution function the delay."""
    match model:
        case Constant(ms=delay_ms):
            return _ns(delay_ms)
        case Uniform():
            least_us, worst_us = (_ns(delay_ms) // NS_PER_US for delay_ms in (model.min_ms, model.max_ms))
            steps = _chance(seed, client_order_id, leg) * (worst_us - least_us + 1) >> CHANCE_BITS
            return (least_us + steps) * NS_PER_US
        case LogNormal():
            deviation = STANDARD.inv_cdf((_chance(seed, client_order_id, leg) + 0.5) / (1 << CHANCE_BITS))
            factor = DRAWN.exp(DRAWN.multiply(model.sigma, Decimal(deviation)))
            return _ns(min(DRAWN.multiply(model.median_ms, factor), model.max_ms))


def worst_ns(model: KnownLatency) -> int:
    """No draw takes longer: what a pessimist reckons with."""
    match model:
        case Constant(ms=delay_ms):
            return _ns(delay_ms)
        case Uniform(max_ms=delay_ms) | LogNormal(max_ms=delay_ms):
            return _ns(delay_ms)


def fit(round_trips_ns: Sequence[int]) -> LogNormal | None:
    """The model of one leg, which is half a round trip; None from fewer than ``FEWEST_SAMPLES``.

    The median is that of the samples. Sigma is the distance between the quartiles of their logarithms, in that of a
    standard normal distribution (1.349), so that a quarter of the samples may be outliers. ``max_ms`` is ``HEADROOM``
    times the longest. Raises ValueError for a round trip that is not positive.
    """
    if any(each <= 0 for each in round_trips_ns):
        raise ValueError(f"a round trip takes time, not {min(round_trips_ns)} ns")
    if len(round_trips_ns) < FEWEST_SAMPLES:
        return None
    low, _, high = statistics.quantiles(map(math.log, round_trips_ns), n=4, method="inclusive")
    sigma = Decimal((high - low) / QUARTILES_APART).quantize(SIGMA_DIGITS, ROUND_HALF_EVEN, EXACT)
    median_ms = max(_leg_ms(statistics.median_low(round_trips_ns)), MICROSECOND_MS)
    max_ms = max(_leg_ms(HEADROOM * max(round_trips_ns)), median_ms)
    return LogNormal(canonical(median_ms), canonical(min(sigma, WIDEST_SIGMA)), canonical(max_ms))


def text(model: LatencyModel) -> str:
    """One line for receipts and reports: ``lognormal(median_ms=12.5, sigma=0.4, max_ms=80)``."""
    values = ", ".join(f"{name}={plain(value)}" for name, value in msgspec.structs.asdict(model).items())
    return f"{type(model).__struct_config__.tag}({values})"


def _chance(seed: str, client_order_id: str, leg: Leg) -> int:
    """From 0 to 2**52 - 1, each as likely as any other."""
    digest = hashlib.sha256(f"{seed}\0{client_order_id}\0{leg.value}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - CHANCE_BITS)


def _ns(delay_ms: Decimal) -> int:
    return int(EXACT.multiply(delay_ms, US_PER_MS).to_integral_value(ROUND_HALF_EVEN, EXACT)) * NS_PER_US


def _leg_ms(round_trip_ns: int) -> Decimal:
    """Half of it, to the microsecond, and no more than a setting may be."""
    half_ms = EXACT.divide(Decimal(round_trip_ns), 2 * NS_PER_US * US_PER_MS)
    return min(half_ms.quantize(MICROSECOND_MS, ROUND_HALF_EVEN, EXACT), LONGEST_MS)
