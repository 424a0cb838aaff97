"""The venue's public REST interface as calls: what to ask, and one way to ask it. The only door to requests.

No redirects, no credentials, no proxy for this machine; a body larger than the bound is not read on. Problems are values.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from venue.answers import (
    HttpAnswer, Outcome, Unreachable, read_answer, read_book, read_candles, read_funding, read_instruments, read_tiers,
)
from venue.connection import is_loopback
from venue.settings import RestSettings
from venue.wire import MARKET_PATH, POSITION_TIERS_PATH

__all__ = [
    "Call", "LONGEST_HISTORY", "RestVenue", "book_call", "candles_call", "funding_call", "instruments_call", "tiers_call",
]

PIECE_BYTES = 65_536
LONGEST_HISTORY = 199
"""Closed bars in one answer: the venue gives at most 200 rows and the newest is still forming."""
BOOK_LEVELS = 15


class Call(msgspec.Struct, frozen=True):
    """One request: ``path`` names the endpoint (and its rate limit), ``read`` makes data of the answer's ``data``."""

    path: str
    query: tuple[tuple[str, str], ...]
    read: Callable[[msgspec.Raw], Any]

    @property
    def key(self) -> str:
        """Equal for calls with the same answer."""
        return f"{self.path}?{self.query}"


def instruments_call(symbols: tuple[str, ...]) -> Call:
    """-> tuple[Instrument, ...] in the order of ``symbols``."""
    return Call(f"{MARKET_PATH}/trading_pairs", (("symbols", ",".join(symbols)),), read_instruments(symbols))


def candles_call(symbol: str, interval: str, limit: int) -> Call:
    """-> tuple[Candle, ...], at most ``limit`` (<= LONGEST_HISTORY) closed bars, oldest first. ``interval``: ``1m``, ``1h``, ..."""
    query = (("symbol", symbol), ("interval", interval), ("limit", str(limit + 1)))
    return Call(f"{MARKET_PATH}/kline", query, read_candles(limit))


def book_call(symbol: str) -> Call:
    """-> Book."""
    return Call(f"{MARKET_PATH}/depth", (("symbol", symbol), ("limit", str(BOOK_LEVELS))), read_book)


def funding_call(symbol: str) -> Call:
    """-> Funding."""
    return Call(f"{MARKET_PATH}/funding_rate", (("symbol", symbol),), read_funding)


def tiers_call(symbol: str) -> Call:
    """-> tuple[PositionTier, ...], smallest notional first."""
    return Call(POSITION_TIERS_PATH, (("symbol", symbol),), read_tiers(symbol))


class RestVenue:
    """Connections to the venue for one thread."""

    def __init__(self, base_url: str, settings: RestSettings) -> None:
        self._base_url = base_url.rstrip("/")
        self._settings = settings
        self._session = requests.Session()
        self._session.trust_env = not is_loopback(urlsplit(base_url).hostname)
        self._session.auth = _no_credentials

    def ask(self, call: Call, within_s: float) -> tuple[Outcome, HttpAnswer | None]:
        """The outcome, and the answer as it came (None when there was none). ``within_s`` bounds the whole of it."""
        answer = self._fetch(call, within_s)
        if isinstance(answer, Unreachable):
            return answer, None
        return read_answer(answer, call.read), answer

    def close(self) -> None:
        self._session.close()

    def _fetch(self, call: Call, within_s: float) -> HttpAnswer | Unreachable:
        ends_s = monotonic() + within_s
        timeout = (min(within_s, self._settings.connect_timeout_s), min(within_s, self._settings.read_timeout_s))
        try:
            with self._session.get(
                self._base_url + call.path, params=call.query, timeout=timeout, allow_redirects=False, stream=True
            ) as response:
                body = self._body(response, ends_s)
                if isinstance(body, Unreachable):
                    return body
                return HttpAnswer(response.status_code, body, _seconds(response.headers.get("Retry-After")))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as problem:
            return Unreachable(type(problem).__name__)

    def _body(self, response: requests.Response, ends_s: float) -> bytes | Unreachable:
        """Piece by piece as it comes: a server that drips one byte at a time does not hold the thread for ever."""
        body = bytearray()
        while piece := response.raw.read1(PIECE_BYTES, decode_content=True):
            body += piece
            if len(body) > self._settings.largest_body_bytes:
                return Unreachable("body_too_large")
            if monotonic() > ends_s:
                return Unreachable("body_too_slow")
        return bytes(body)


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from looking for some in ~/.netrc."""
    return request


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; its other form, a date, is not worth a second clock."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
