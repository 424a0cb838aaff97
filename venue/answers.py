"""What the venue's REST answers mean: data, a refusal with the venue's own words, "slower", or "nothing usable". Pure.

    {"code":0,"data":...,"msg":"Success"}                                                   data
    {"code":20015,"data":null,"msg":"this Futures is not allowed to trade."}, HTTP 200      VenueRefusal
    {"code":10006,...}, {"code":10005,...}, HTTP 429, or a page of the edge with 403/418    RateLimited
    {"code":1,"data":null,"msg":"Network Error"}, HTML, 5xx, redirects, half a body         Unreachable: try again

Success is code 0, never the HTTP status. Must not know how an answer was fetched.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from trading.messages import Level
from trading.quantities import Instrument
from venue.dialect import BROKEN, sane
from venue.rest_rows import DepthAnswer, FundingRate, KlineRow, PositionTier, TradingPair
from venue.wire import (
    CODE_NETWORK_ERROR, CODE_REQUEST_TOO_FREQUENT, CODE_SUCCESS, CODE_SYMBOL_NOT_SUPPORTED, CODE_TOO_MANY_REQUESTS, decode_answer, decode_data,
    decode_rows,
)

__all__ = [
    "Book", "Candle", "Funding", "HttpAnswer", "Outcome", "RateLimited", "Unreachable", "VenueRefusal", "read_answer", "read_book", "read_candles",
    "read_funding", "read_instruments", "read_tiers",
]

MS = 1_000_000
CODE_NETWORK_FAILED = 10001
RETRYABLE_CODES = (CODE_NETWORK_ERROR, CODE_NETWORK_FAILED)
SLOWER_CODES = (CODE_TOO_MANY_REQUESTS, CODE_REQUEST_TOO_FREQUENT)
EDGE_STATUSES = (403, 418, 429)
EDGE_PAUSE_S = 60.0
"""The edge (Cloudflare) refuses with a page, not with JSON; it forgets slowly."""


class HttpAnswer(msgspec.Struct, frozen=True):
    """Status, body (decompressed) and what Retry-After said, None without a usable one."""

    status: int
    body: bytes
    retry_after_s: float | None = None


class VenueRefusal(msgspec.Struct, frozen=True):
    """The venue understood and said no: asking again would not help."""

    code: int
    text: str


class RateLimited(msgspec.Struct, frozen=True):
    """Too many requests; ``retry_after_s`` as told, 0 when nothing was told."""

    retry_after_s: float


class Unreachable(msgspec.Struct, frozen=True):
    """No usable answer; trying again may help."""

    reason: str


class Candle(msgspec.Struct, frozen=True):
    """A closed bar; ``volume`` in base coin."""

    open_at_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Book(msgspec.Struct, frozen=True):
    """Best level first on both sides."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Funding(msgspec.Struct, frozen=True):
    """``rate`` is a fraction per interval (the venue says percent)."""

    rate: Decimal
    mark: Decimal
    next_funding_at_ns: int


T = TypeVar("T")
Outcome = Any | VenueRefusal | RateLimited | Unreachable
"""What a call came to; any other type is the data that its reader gives."""


def read_answer(answer: HttpAnswer, read: Callable[[msgspec.Raw], T | VenueRefusal]) -> T | VenueRefusal | RateLimited | Unreachable:
    """Envelope and data. Never raises for what the venue sent."""
    try:
        envelope = decode_answer(answer.body)
    except BROKEN:
        if answer.status in EDGE_STATUSES:
            return RateLimited(answer.retry_after_s or EDGE_PAUSE_S)
        return Unreachable(f"http_{answer.status}_not_json")
    if answer.status == 429 or envelope.code in SLOWER_CODES:
        return RateLimited(answer.retry_after_s or 0.0)
    if envelope.code in RETRYABLE_CODES:
        return Unreachable(f"code {envelope.code}: {envelope.msg}")
    if envelope.code != CODE_SUCCESS:
        return VenueRefusal(envelope.code, envelope.msg)
    if answer.status >= 500:
        return Unreachable(f"http_{answer.status}")
    try:
        return read(envelope.data)
    except BROKEN as problem:
        return Unreachable(f"malformed_answer: {problem}"[:200])


def read_instruments(symbols: tuple[str, ...]) -> Callable[[msgspec.Raw], tuple[Instrument, ...] | VenueRefusal]:
    """The rules of these symbols, in this order; a symbol that the venue does not list is a refusal."""

    def read(data: msgspec.Raw) -> tuple[Instrument, ...] | VenueRefusal:
        found = {pair.symbol: _instrument(pair) for pair in decode_rows(data, TradingPair)}
        missing = [symbol for symbol in symbols if symbol not in found]
        if missing:
            return VenueRefusal(CODE_SYMBOL_NOT_SUPPORTED, f"the venue does not list {', '.join(missing)}")
        return tuple(found[symbol] for symbol in symbols)

    return read


def read_candles(limit: int) -> Callable[[msgspec.Raw], tuple[Candle, ...]]:
    """The last ``limit`` closed bars, oldest first. The newest row is the bar still forming and is left out."""

    def read(data: msgspec.Raw) -> tuple[Candle, ...]:
        by_time = {candle.open_at_ns: candle for candle in map(_candle, decode_rows(data, KlineRow))}
        closed = sorted(by_time)[:-1]
        return tuple(by_time[at_ns] for at_ns in closed[-limit:])

    return read


def read_book(data: msgspec.Raw) -> Book:
    """Raises ValueError for a book that cannot be: absurd numbers, a side empty, bid at or above ask."""
    depth = decode_data(data, DepthAnswer)
    levels = [number for side in (depth.bids, depth.asks) for level in side for number in level]
    _require(all(sane(number) for number in levels), "absurd number in a book")
    bids = tuple(sorted(depth.bids, reverse=True))
    asks = tuple(sorted(depth.asks))
    _require(bool(bids and asks) and bids[0][0] < asks[0][0], "a book with a side empty, or crossed")
    return Book(bids, asks)


def read_funding(data: msgspec.Raw) -> Funding:
    """The object of the wire, or the list of one of the documents. Raises ValueError when there is none."""
    rows = decode_rows(data, FundingRate)
    _require(bool(rows), "no funding rate")
    row = rows[0]
    _require(row.fundingRate.is_finite() and abs(row.fundingRate) < 100 and sane(row.markPrice), "absurd funding rate")
    return Funding(row.fundingRate.scaleb(-2), row.markPrice, int(row.nextFundingTime) * MS)


def read_tiers(symbol: str) -> Callable[[msgspec.Raw], tuple[PositionTier, ...] | VenueRefusal]:
    """The symbol's margin tiers, smallest notional first; numbers that cannot be are not asked for again. Whether the tiers make
    sense together is for whoever trades by them."""

    def read(data: msgspec.Raw) -> tuple[PositionTier, ...] | VenueRefusal:
        found = [tier for tier in decode_rows(data, PositionTier) if tier.symbol == symbol]
        numbers = [number for tier in found for number in (tier.startValue, tier.endValue, tier.maintenanceMarginRate)]
        if not all(number.is_zero() or sane(number) for number in numbers):
            return VenueRefusal(CODE_SUCCESS, f"absurd number in a tier of {symbol}")
        return tuple(sorted(found, key=lambda tier: tier.startValue))

    return read


def _instrument(pair: TradingPair) -> Instrument:
    numbers = (pair.minTradeVolume, pair.maxLimitOrderVolume, pair.maxMarketOrderVolume, pair.priceProtectScope)
    _require(all(sane(number) for number in numbers), f"absurd rule for {pair.symbol}")
    _require(0 <= pair.quotePrecision <= 12 and 0 <= pair.basePrecision <= 12, f"absurd precision for {pair.symbol}")
    return Instrument(
        symbol=pair.symbol, tick=Decimal(1).scaleb(-pair.quotePrecision), step=Decimal(1).scaleb(-pair.basePrecision),
        minimum_quantity=pair.minTradeVolume, maximum_limit_quantity=pair.maxLimitOrderVolume,
        maximum_market_quantity=pair.maxMarketOrderVolume, price_protect_scope=pair.priceProtectScope,
    )


def _candle(row: KlineRow) -> Candle:
    """``quoteVol`` is the base quantity: the venue swapped the names. A bar without trades may open outside its own range."""
    _require(all(sane(price) for price in (row.open, row.high, row.low, row.close)), "absurd price in a bar")
    _require(row.low <= row.close <= row.high and row.quoteVol.is_finite() and row.quoteVol >= 0, "a bar that cannot be")
    high, low = max(row.high, row.open), min(row.low, row.open)
    return Candle(int(row.time) * MS, row.open, high, low, row.close, row.quoteVol)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
