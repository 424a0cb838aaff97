"""Real stand-ins on ports that the system chooses, and a listener that waits with a deadline."""

import json
from collections.abc import Callable
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from venue.stand_in.faults import parse_faults
from venue.stand_in.server import Endpoints, StandIn
from venue.stand_in.settings import StandInSettings
from venue.wire import Topic, subscribe

DEADLINE_S = 15.0
EVERYTHING = ("depth_book15", "trade", "price", "ticker", "tickers", "market_kline_1min")


class Listener:
    """A WebSocket client without habits: no pings of its own, no compression."""

    def __init__(self, endpoints: Endpoints) -> None:
        self.socket: ClientConnection = connect(
            endpoints.ws_url, ping_interval=None, compression=None, max_size=None, open_timeout=DEADLINE_S, legacy=True
        )

    def say(self, text: str) -> None:
        self.socket.send(text)

    def subscribe(self, *channels: str, symbol: str = "BTCUSDT") -> None:
        self.say(subscribe([Topic(symbol, channel) for channel in channels]))

    def text(self, timeout_s: float = DEADLINE_S) -> str:
        return str(self.socket.recv(timeout_s))

    def frame(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.text())
        return frame

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Frames up to and including the first wanted one."""
        frames = [self.frame()]
        while not wanted(frames[-1]):
            frames.append(self.frame())
        return frames

    def until_s(self, virtual_s: float) -> list[dict[str, Any]]:
        """Frames up to the first push sent `virtual_s` or later after virtual time began."""
        return self.until(lambda frame: frame.get("ts", 0) >= START_MS + virtual_s * 1000)


class Stage:
    """Starts stand-ins and listeners, and ends them all."""

    def __init__(self) -> None:
        self._stand_ins: list[StandIn] = []
        self._listeners: list[Listener] = []
        self.stand_in: StandIn
        self.endpoints: Endpoints

    def open(self, faults: str = "", on_origin: Callable[[int], None] | None = None, **settings: Any) -> "Stage":
        self.stand_in = StandIn(StandInSettings(faults=parse_faults(faults), **settings), on_origin=on_origin)
        self._stand_ins.append(self.stand_in)
        self.endpoints = self.stand_in.start()
        return self

    def listener(self) -> Listener:
        """A client that has read the connect frame."""
        listener = self.stranger()
        assert listener.frame() == {"op": "connect", "data": {"result": True}}
        return listener

    def stranger(self) -> Listener:
        listener = Listener(self.endpoints)
        self._listeners.append(listener)
        return listener

    def get(self, path: str, **query: Any) -> requests.Response:
        return requests.get(f"{self.endpoints.rest_url}/api/v1/futures/{path}", params=query, timeout=DEADLINE_S)

    def close(self) -> None:
        for listener in self._listeners:
            listener.socket.socket.close()
        for stand_in in self._stand_ins:
            stand_in.stop()


START_MS = 1_767_599_820_000
