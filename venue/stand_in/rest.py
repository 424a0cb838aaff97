"""The venue's public REST answers, quirks included: a path and query in, a body out. No socket, limits or clock."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from venue import wire
from venue.rest_rows import DepthAnswer, KlineRow
from venue.stand_in.history import MINUTES
from venue.stand_in.instruments import PAIRS, tiers_of
from venue.stand_in.quotes import MS_NS, Quotes
from venue.stand_in.settings import StandInSettings

DEPTH_LIMITS = {"1": 1, "5": 5, "15": 15, "50": 50, "max": 1_000_000}
ROWS_DEFAULT = 100
ROWS_MAX = 200

Query = Mapping[str, str]


class Refusal(Exception):
    """The request cannot be answered: code and message of the venue."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class RestDesk:
    """Answers GETs about the listed symbols, as of their markets' last advance."""

    def __init__(self, quotes: Mapping[str, Quotes], settings: StandInSettings) -> None:
        self._quotes = quotes
        self._as_documented = settings.rest_dialect == "documents"
        self._end_inclusive = settings.kline_end_inclusive
        market = wire.MARKET_PATH
        self._answers: dict[str, Callable[[Query], Any]] = {
            f"{market}/depth": self._depth,
            f"{market}/kline": self._klines,
            f"{market}/tickers": lambda query: [self._quotes[symbol].ticker_row() for symbol in self._symbols(query)],
            f"{market}/trading_pairs": lambda query: [PAIRS[symbol] for symbol in self._symbols(query)],
            f"{market}/funding_rate": self._funding,
            f"{market}/funding_rate/batch": lambda _: [quotes.funding() for quotes in self._quotes.values()],
            f"{market}/get_funding_rate_history": self._settlements,
            wire.POSITION_TIERS_PATH: lambda query: tiers_of(self._symbol(query)),
        }

    def answer(self, path: str, query: Query) -> str:
        """The envelope for a request; unknown paths and wrong parameters are refused with the venue's codes."""
        answer = self._answers.get(path)
        if answer is None:
            return error_body(wire.CODE_NOT_FOUND, "Not Found")
        try:
            data = answer(query)
        except Refusal as refusal:
            return error_body(refusal.code, refusal.message)
        code = str(wire.CODE_SUCCESS) if self._as_documented else wire.CODE_SUCCESS
        return wire.encode({"code": code, "data": data, "msg": "Success"})

    def _depth(self, query: Query) -> Any:
        if "symbol" not in query:
            raise Refusal(wire.CODE_NETWORK_ERROR, "Network Error")
        limit = query.get("limit", "max")
        if limit not in DEPTH_LIMITS:
            choices = ",".join(f'"{choice}"' for choice in DEPTH_LIMITS)
            raise Refusal(wire.CODE_VALUE_VIOLATES_RULE,
                          f"Parameter {limit} does not match, alternative value [{choices}].")
        depth = self._quotes[self._symbol(query)].depth(DEPTH_LIMITS[limit])
        if self._as_documented:
            return {"asks": _numbers(depth.a), "bids": _numbers(depth.b)}
        return DepthAnswer(asks=depth.a, bids=depth.b)

    def _klines(self, query: Query) -> Any:
        """`startTime` is read by nobody: the page is the `limit` rows before `endTime`, or before now."""
        interval, kind = query.get("interval", ""), query.get("type", "LAST_PRICE")
        if interval not in MINUTES or kind not in ("LAST_PRICE", "MARK_PRICE"):
            raise Refusal(wire.CODE_PARAMETER_ERROR, "Parameter error")
        end_ms = _whole(query, "endTime")
        before_ns = None if end_ms is None else (end_ms + self._end_inclusive) * MS_NS
        quotes = self._quotes[self._symbol(query)]
        rows = quotes.kline_rows(interval, _limit(query), before_ns, kind == "MARK_PRICE")
        if self._as_documented:
            return [{**_as_numbers(row), "type": kind} for row in rows]
        return rows

    def _funding(self, query: Query) -> Any:
        funding = self._quotes[self._symbol(query)].funding()
        return [funding] if self._as_documented else funding

    def _settlements(self, query: Query) -> Any:
        first, last = _whole(query, "starTime"), _whole(query, "endTime")
        rows = [row for row in self._quotes[self._symbol(query)].settlements()
                if (first is None or int(row.fundingTime) >= first) and (last is None or int(row.fundingTime) <= last)]
        return rows[:_limit(query)]

    def _symbol(self, query: Query) -> str:
        symbol = query.get("symbol", "").upper()
        if not symbol:
            raise Refusal(wire.CODE_PARAMETER_ERROR, "Parameter error")
        return self._known(symbol)

    def _symbols(self, query: Query) -> list[str]:
        asked = query.get("symbols", "")
        return [self._known(symbol.upper()) for symbol in asked.split(",")] if asked else list(self._quotes)

    def _known(self, symbol: str) -> str:
        if symbol not in self._quotes:
            raise Refusal(wire.CODE_SYMBOL_NOT_SUPPORTED, "this Futures is not allowed to trade.")
        return symbol


def error_body(code: int, message: str) -> str:
    return wire.encode(wire.Answer(code=code, msg=message))


def _whole(query: Query, name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 15:
        raise Refusal(wire.CODE_PARAMETER_ERROR, "Parameter error")
    return int(text)


def _limit(query: Query) -> int:
    limit = _whole(query, "limit")
    return ROWS_DEFAULT if not limit else min(limit, ROWS_MAX)


def _numbers(levels: list[wire.Level]) -> Any:
    """Levels as JSON numbers, which is how the documents' examples show them."""
    return [[msgspec.Raw(str(value).encode()) for value in level] for level in levels]


def _as_numbers(row: KlineRow) -> dict[str, Any]:
    return {name: msgspec.Raw(str(value).encode()) for name, value in msgspec.structs.asdict(row).items()}
