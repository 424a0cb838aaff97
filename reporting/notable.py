"""Which log events a person at the terminal sees, and how a flood of them becomes one line. Pure: time is an argument.

Everything from warning up is seen, and the named events of level info; everything is in logs/system.jsonl anyway.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Repeats", "Swallowed", "for_people", "is_notable"]

LOUD = ("warning", "error", "critical")

NOTABLE: dict[str, tuple[str, ...]] = {
    "SESSION_RUNNING": ("duration_s", "started_in_ms"),
    "SESSION_OPENED": ("balance", "instruments", "slippage_model", "maker_fee", "taker_fee"),
    "FEED_CONNECTED": (),
    "FEED_LIVE": (),
    "HISTORY_FETCHED": ("symbol", "interval", "bars"),
    "WARMUP_COMPLETE": ("bars", "warmup_bars"),
    "TRADING_STATE": ("state", "before", "reason"),
    "ORDER_FILLED": ("side", "quantity", "symbol", "price", "liquidity", "fee", "slippage_bps", "realized_pnl", "position"),
    "ORDER_DENIED": ("text",),
    "ORDER_REJECTED": ("text",),
    "ORDER_CANCELED": ("client_order_id", "reason"),
    "ORDER_TRIGGERED": ("client_order_id", "trigger_price", "price"),
    "ORDER_AMENDED": ("client_order_id", "quantity", "price", "trigger_price"),
    "AMEND_REJECTED": ("client_order_id", "text"),
    "POSITION_LIQUIDATED": ("symbol", "position", "mark", "liquidation_price", "bankruptcy_price", "margin"),
    "FUNDING_PAID": ("symbol", "rate", "position", "amount"),
    "MARKET_UNOBSERVED": ("symbol", "reason", "open_orders"),
    "MARKET_OBSERVED": ("symbol",),
    "LEDGER_RECOVERED": ("facts",),
    "CHILD_RESTARTING": ("child", "delay_ms", "restarts"),
    "CHILD_RECOVERED": ("child", "away_ms", "restarts"),
    "SESSION_DRAINING": ("reason",),
    "STATE_PERSISTED": ("path",),
    "RECONCILED": ("ledger_sequence",),
}
"""Notable events of level info and the fields of them that a person reads; none named: all."""

WINDOW_NS = 10_000_000_000
SHOWN_PER_WINDOW = 5


def is_notable(event: Mapping[str, Any]) -> bool:
    return event.get("level") in LOUD or event.get("event") in NOTABLE


def for_people(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event with the fields that a person reads; what is warning or worse keeps all of them."""
    shown, fields = NOTABLE.get(str(event.get("event"))), event.get("fields")
    if event.get("level") in LOUD or not shown or not isinstance(fields, Mapping):
        return event
    return {**event, "fields": {name: fields[name] for name in shown if name in fields}}


class Swallowed(NamedTuple):
    """``times`` more events of this actor and name were not shown."""

    actor: str
    event: str
    level: str
    times: int


class _Window:
    def __init__(self, began_ns: int, level: str) -> None:
        self.began_ns = began_ns
        self.level = level
        self.seen = 0


class Repeats:
    """Lets five events of the same actor and name through in ten seconds; the rest is counted and told when they are over."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], _Window] = {}

    def lets_through(self, event: Mapping[str, Any], now_ns: int) -> bool:
        """Call ``over`` before, so that a window that has passed counts no more."""
        key = (str(event.get("actor")), str(event.get("event")))
        window = self._windows.setdefault(key, _Window(now_ns, str(event.get("level"))))
        window.seen += 1
        return window.seen <= SHOWN_PER_WINDOW

    def over(self, now_ns: int) -> list[Swallowed]:
        """What was swallowed in windows that are over; they are forgotten."""
        return self._forget([key for key, window in self._windows.items() if now_ns - window.began_ns >= WINDOW_NS])

    def all_over(self) -> list[Swallowed]:
        """The same for every window: the end."""
        return self._forget(list(self._windows))

    def _forget(self, keys: list[tuple[str, str]]) -> list[Swallowed]:
        windows = [(key, self._windows.pop(key)) for key in keys]
        return [
            Swallowed(*key, window.level, window.seen - SHOWN_PER_WINDOW) for key, window in windows if window.seen > SHOWN_PER_WINDOW
        ]
