"""What a stand-in can be told. Where the venue's descriptions contradict each other there is a switch, its default the
likelier reading.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from venue.stand_in.faults import Fault

Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]


class StandInSettings(Struct, frozen=True, kw_only=True):
    """The market, the door, the limits, the venue's moods and the faults to come.

    `origin_mono_ns` is the monotonic instant at which an earlier stand-in's time began: with it, and the same seed,
    this one continues the same market. Without it, time begins with the first subscribe. `speed` makes virtual time
    run faster.
    """

    seed: int = 1
    symbols: tuple[str, ...] = ("BTCUSDT",)
    start_price: Decimal | None = None  # of the first symbol; default: near its usual price, as the seed decides
    port: Annotated[int, Meta(ge=0, le=65535)] = 0  # 0: the system chooses
    origin_mono_ns: int | None = None
    speed: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    faults: tuple[Fault, ...] = ()

    enforce_limits: bool = True
    rest_per_endpoint_per_s: Count = 10
    global_rest_per_s: Count = 0  # 0: no limit across endpoints
    global_rest_burst: Count = 50
    rate_limit_answer: Literal["10006", "10005", "429"] = "10006"
    flood_refusal_s: Annotated[float, Meta(ge=0)] = 0.0  # handshakes are refused that long after too many frames
    keep_alive_idle_s: Seconds = 60.0
    keep_alive_streaming_s: Seconds = 70.0

    subscribe_ack: Literal["none", "per_channel", "empty"] = "none"
    ping_reply: Literal["opened", "now"] = "opened"
    protocol_ping_first_drops: bool = False
    depth_books: Literal["whole", "delta"] = "whole"
    kline_push_ms: Annotated[int, Meta(ge=100)] = 500
    trade_time_digits: Literal[0, 9] = 0
    kline_end_inclusive: bool = False
    rest_dialect: Literal["wire", "documents"] = "wire"


class TapeSettings(Struct, frozen=True, kw_only=True):
    """A recording to serve instead of a market, at `speed` times its pace; None: as fast as the client takes it.

    `recorded` is the tape that the client itself keeps: a new connection goes on behind what is on it.
    """

    tape: Path
    recorded: Path
    speed: Annotated[float, Meta(gt=0, le=1000)] | None = 1.0
    enforce_limits: bool = True
