"""The first rows of an account's session and its last ones, told as facts. Must not apply them."""

from collections.abc import Iterator

import msgspec

from trading.desk import Desk
from trading.messages import AccountFact, PositionCarried, SessionClosed, SessionOpened
from trading.passage import mark_equity, pass_time
from trading.quantities import canonical, canonical_numbers

__all__ = ["closing", "opening"]


def opening(desk: Desk, at_ns: int, carried: tuple[PositionCarried, ...]) -> Iterator[AccountFact]:
    """What the session is traded with, and the positions that the account brings along."""
    settings = desk.settings
    yield SessionOpened(
        at_ns=at_ns, fingerprint=desk.fingerprint, instruments=tuple(map(canonical_numbers, settings.instruments)),
        balance=canonical(settings.balance), fee_schedule=settings.fee_schedule, maker_fee=canonical(settings.maker_fee),
        taker_fee=canonical(settings.taker_fee), slippage_model=settings.slippage_model, making=settings.making,
        entry_latency=settings.entry_latency, response_latency=settings.response_latency,
        margin={symbol: each.canonical() for symbol, each in settings.margin.items()},
    )
    for each in carried:
        yield msgspec.structs.replace(each, at_ns=at_ns)


def closing(desk: Desk, at_ns: int, reason: str) -> Iterator[AccountFact]:
    """A mark of the equity, and the end."""
    yield from pass_time(desk, at_ns, inclusive=True)
    yield from mark_equity(desk)
    yield SessionClosed(at_ns=desk.now_ns, reason=reason)
