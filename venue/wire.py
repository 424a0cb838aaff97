"""What Bitunix futures puts on the wire, as types: public WebSocket frames and public REST answers.

Both ends use it: the stand-in encodes these structs, the client decodes them. It is the venue's dialect, so decoding
is tolerant (unknown keys are ignored, numbers and strings are interchangeable, an object may stand where a list is
documented). It knows no socket, no clock and nothing of orders; what a frame means is for its readers to say.

Prices, sizes and rates are JSON strings there and Decimal here. A Decimal may be NaN or absurdly large when the text
was: whoever turns one into a price checks `is_finite()` and the range.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

DEPTH_CHANNELS = ("depth_book1", "depth_book5", "depth_book15", "depth_books")
KLINE_INTERVALS = ("1min", "3min", "5min", "15min", "30min", "60min", "2h", "4h", "6h", "8h", "12h",
                   "1day", "3day", "1week", "1month")
MARKET_KLINE_PREFIX = "market_kline_"
MARK_KLINE_PREFIX = "mark_kline_"

MARKET_PATH = "/api/v1/futures/market"
POSITION_TIERS_PATH = "/api/v1/futures/position/get_position_tiers"

CODE_SUCCESS = 0
CODE_NETWORK_ERROR = 1
CODE_NOT_FOUND = 404
CODE_PARAMETER_ERROR = 10002
CODE_TOO_MANY_REQUESTS = 10005
CODE_REQUEST_TOO_FREQUENT = 10006
CODE_VALUE_VIOLATES_RULE = 10008
CODE_SYMBOL_NOT_SUPPORTED = 20015

END_OF_TAPE = "end of tape"
"""Words of the close frame (code 1000) behind the last frame of a recording; the venue itself never says them."""

Level = tuple[Decimal, Decimal]
"""One price level: (price, quantity in base coin)."""


class Frame(msgspec.Struct, omit_defaults=True):
    """Any text frame of the server, its body still undecoded: see `decode_data`.

    A push:      {"ch":"trade","symbol":"BTCUSDT","ts":1775540872598,"data":[...]}
    First frame: {"op":"connect","data":{"result":true}}
    Pong:        {"op":"ping","pong":1732519687,"ping":1732519690}
    Unsubscribe: {"op":"unsubscribe","ts":1790126500916,"data":"success"}
    Over limit:  {"op":"subscribe","data":{"msg":"subscribe channel > 300","nonce":"","result":false}}

    `ts` is the gateway's send time in milliseconds, never a trade's or a bar's time. `tickers` has no `symbol`.
    """

    op: str = ""
    ch: str = ""
    symbol: str = ""
    ts: int = 0
    pong: int = 0
    ping: int = 0
    data: msgspec.Raw = msgspec.Raw(b"")


class Topic(msgspec.Struct, frozen=True):
    """One argument of a subscribe frame: {"symbol":"BTCUSDT","ch":"depth_book15"}"""

    symbol: str = ""
    ch: str = ""


class Request(msgspec.Struct, omit_defaults=True):
    """What a client says: {"op":"subscribe","args":[{"symbol":"BTCUSDT","ch":"trade"}]} or
    {"op":"ping","ping":1732519687}
    """

    op: str
    args: list[Topic] = []
    ping: int = 0


class Depth(msgspec.Struct):
    """Data of depth_book1/5/15 and depth_books: {"b":[["86699.6","2.274"]],"a":[["86699.7","0.7095"]]}, best level
    first.
    """

    b: list[Level]
    a: list[Level]


class UnknownSymbolDepth(msgspec.Struct):
    """The one push that a wrong symbol gets on a depth channel: {"b":[["",""],...],"a":[["",""],...]}, 15 a side.

    `Depth` refuses it (an empty string is no number); decode with this one to tell it from damage.
    """

    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class Trade(msgspec.Struct):
    """Item of `trade`: {"t":"2026-04-07T05:47:52Z","p":"68621.4","v":"0.7142","s":"buy"}; `s` is the taker's side."""

    t: str
    p: Decimal
    v: Decimal
    s: str


class Price(msgspec.Struct, omit_defaults=True):
    """Data of `price`: {"ip":"86720.6","mp":"86688.3","fr":"-0.00077","ft":"...","nft":"..."}; an omitted field is
    unchanged.

    `mp` is the mark price; `fr` is in percent and the rate of the last settlement at `ft`; `nft` is the next
    settlement.
    """

    ip: Decimal | None = None
    mp: Decimal | None = None
    fr: Decimal | None = None
    ft: str | None = None
    nft: str | None = None


class Ticker(msgspec.Struct, omit_defaults=True):
    """Data of `ticker`, and an item of `tickers` (which adds the best bid and ask): 24 rolling hours.

    {"s":"BTCUSDT","la":"86688.2","o":"85567","h":"86815.6","l":"85080","b":"27478.1701","q":"2362759522.50052",
     "r":"1.3103182302","bd":"86688.2","ak":"86688.3","bv":"0.9747","av":"2.3606"}
    `b` base volume, `q` quote turnover, `r` change in percent; any of the last four may be missing.
    """

    la: Decimal
    o: Decimal
    h: Decimal
    l: Decimal
    b: Decimal
    q: Decimal
    r: Decimal
    s: str = ""
    bd: Decimal | None = None
    ak: Decimal | None = None
    bv: Decimal | None = None
    av: Decimal | None = None


class Kline(msgspec.Struct):
    """Data of market_kline_* and mark_kline_*:
    {"o":"68581.4","c":"68583.4","h":"68590","l":"68579.5","b":"5.2395","q":"359348.1"}

    No open time and no closed flag: the bar is the one that contains the frame's `ts`. `b` base volume, `q` quote
    turnover.
    """

    o: Decimal
    c: Decimal
    h: Decimal
    l: Decimal
    b: Decimal
    q: Decimal


class Answer(msgspec.Struct):
    """Every REST answer: {"code":0,"data":...,"msg":"Success"}. Success is code 0, never the HTTP status."""

    code: int
    data: msgspec.Raw = msgspec.Raw(b"null")
    msg: str = ""


def decode_frame(text: str | bytes) -> Frame:
    """Read a frame's envelope. Raises msgspec.MsgspecError when it is not JSON or not an object of this shape."""
    return _FRAMES.decode(text)


def decode_data(data: msgspec.Raw, shape: type[T]) -> T:
    """Read the body of a frame or answer as `shape`, e.g. `Depth` or `list[Trade]`. Raises msgspec.MsgspecError."""
    return msgspec.json.decode(data, type=shape, strict=False)


def decode_answer(body: bytes) -> Answer:
    """Read a REST envelope; `code` may be the string "0". Raises msgspec.MsgspecError, e.g. for an HTML page."""
    return _ANSWERS.decode(body)


def decode_rows(data: msgspec.Raw, shape: type[T]) -> list[T]:
    """Read rows where the venue sends a list or one bare object; null is no rows. Raises msgspec.MsgspecError."""
    body = bytes(data).lstrip()
    if body.startswith(b"{"):
        return [msgspec.json.decode(body, type=shape, strict=False)]
    rows: list[T] | None = msgspec.json.decode(body, type=list[shape] | None, strict=False)  # type: ignore[valid-type]  # a type made while running
    return rows or []


def encode(message: Any) -> str:
    """Write one message as the venue does: compact JSON, numbers of money as strings."""
    return _ENCODER.encode(message).decode()


def push(channel: str, symbol: str, ts_ms: int, data: Any) -> str:
    """Write a push frame; `tickers` leaves `symbol` out."""
    return encode(Frame(ch=channel, symbol=symbol, ts=ts_ms, data=msgspec.Raw(_ENCODER.encode(data))))


def subscribe(topics: Sequence[Topic]) -> str:
    """One subscribe frame for all topics (the safest way to respect the venue's 5 frames a second)."""
    return encode(Request(op="subscribe", args=list(topics)))


_ENCODER = msgspec.json.Encoder()
_FRAMES = msgspec.json.Decoder(Frame, strict=False)
_ANSWERS = msgspec.json.Decoder(Answer, strict=False)
