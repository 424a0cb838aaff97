"""The stand-in venue as a supervised child: the server has its own thread, the actor watches that it lives.

A restarted one continues the same market on the same port: what that takes is kept in the run directory. Must not know
who connects.
"""

from typing import Any

import msgspec

from actors.process import ProcessActor
from messaging.control import Drain
from messaging.mailbox import Delivery
from records.atomic import write_atomically
from records.workspace import RunPaths
from venue.stand_in.server import StandIn
from venue.stand_in.settings import StandInSettings

__all__ = ["Venue"]

WATCH_NS = 1_000_000_000
ALIVE_TIMEOUT_S = 1.0


class _Place(msgspec.Struct, frozen=True):
    """Where the stand-in was and since when its market runs (monotonic instant; None while nobody has subscribed)."""

    port: int
    origin_mono_ns: int | None = None


class Venue(ProcessActor):
    """Serves Bitunix's public protocol on loopback."""

    def open(self) -> None:
        self._path = RunPaths(self.post.run_directory).venue_place
        settings: StandInSettings = self.post.settings
        if self._path.exists():
            place = msgspec.json.decode(self._path.read_bytes(), type=_Place)
            settings = msgspec.structs.replace(settings, port=place.port, origin_mono_ns=place.origin_mono_ns)
        self._server = StandIn(settings, on_origin=self._on_origin)
        self._endpoints = self._server.start()
        self._keep(settings.origin_mono_ns)
        self.every("watch", WATCH_NS, self._on_watch)
        self.serve(ws_url=self._endpoints.ws_url, rest_url=self._endpoints.rest_url, seed=settings.seed)

    def on_drain(self, drain: Drain) -> None:
        self.drained()

    def on_stop(self) -> None:
        self._server.stop()

    def _on_origin(self, mono_ns: int) -> None:
        """From the server's thread: the market has begun."""
        self._keep(mono_ns)

    def _keep(self, origin_mono_ns: int | None) -> None:
        write_atomically(self._path, msgspec.json.encode(_Place(self._endpoints.port, origin_mono_ns)))

    def _on_watch(self, _: Delivery) -> None:
        """A dead server thread ends this process: the supervisor starts another."""
        if not self._server.is_alive(ALIVE_TIMEOUT_S):
            raise RuntimeError("the stand-in's server no longer answers")
        self.counters.update({f"venue_{name}": float(value) for name, value in _numbers(self._server.stats()).items()})


def _numbers(stats: Any) -> dict[str, int]:
    found: dict[str, int] = msgspec.to_builtins(stats)
    return found
