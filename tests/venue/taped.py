"""Small recordings for tests: a market with outages, and tape files made of it."""

from collections.abc import Sequence
from pathlib import Path

from records.tape import Frame, RestAnswer, TapeHeader, TapeWriter
from venue.stand_in.source import Push
from venue.stand_in.tape_source import topic_of
from venue.wire import decode_frame
from tests.house.sources import ROOT
from tests.venue.frames import CONNECT_FRAME, T0_MS, book, kline, price, trade

MS = 1_000_000
PONG = '{"op":"ping","pong":1732519687,"ping":1732519690}'
REAL_TAPES = ROOT.parent / "shared" / "data"
PAIRS_PATH = "/api/v1/futures/market/trading_pairs"
PAIRS_BODY = b'{"code":0,"msg":"Success","data":[{"symbol":"BTCUSDT"}]}'


def quiet(first_ms: int, steps: int, step_ms: int = 300) -> list[str]:
    """Every stream, all the time, each push with its own ``ts``."""
    ts = [first_ms + number * step_ms for number in range(steps)]
    return [make(at) for at in ts for make in (book, trade, price, kline)]


def eventful(symbol: str = "BTCUSDT") -> list[str]:
    """Calm, a silent book, an outage of everything, damage of every kind, and calm again."""
    after_outage_ms = T0_MS + 40_000
    return [
        CONNECT_FRAME, *quiet(T0_MS, 6), *(price(T0_MS + 2_000 + 500 * n, symbol) for n in range(12)), PONG, *quiet(T0_MS + 8_000, 4),
        "no json", book(T0_MS + 100), book(T0_MS + 8_900).replace("100.1", "NaN"), book(T0_MS + 50_000_000), CONNECT_FRAME,
        *quiet(after_outage_ms, 8), trade(after_outage_ms + 2_100), trade(after_outage_ms + 2_100), *quiet(after_outage_ms + 20_000, 5),
    ]


def pushes_of(texts: Sequence[str]) -> list[Push]:
    """As the stand-in is given them: due at their ``ts``."""
    return [Push(decode_frame(text).ts * MS, topic, text) for text in texts if (topic := topic_of(text)) is not None]


def write_tape(path: Path, texts: Sequence[str], *answers: RestAnswer, symbols: tuple[str, ...] = ("BTCUSDT",)) -> Path:
    """Frames are received at their ``ts``; what has none, with the one before."""
    at_ns = T0_MS * MS
    writer = TapeWriter.open(path, TapeHeader(venue="bitunix", symbols=symbols, started_ns=at_ns, source="test"))
    for answer in answers:
        writer.append(answer)
    for text in texts:
        topic = topic_of(text)
        at_ns = max(at_ns, decode_frame(text).ts * MS) if topic is not None else at_ns
        writer.append(Frame(at_ns, text))
    writer.close(at_ns)
    return path


def pairs_answer(symbol: str = "BTCUSDT") -> RestAnswer:
    return RestAnswer.received(T0_MS * MS, PAIRS_PATH, {"symbols": symbol}, 200, PAIRS_BODY)
