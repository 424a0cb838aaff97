"""The stand-in venue as a supervised child: the server has its own thread, the actor watches that it lives.

It serves a seeded market or a recording, by the type of its settings. A restarted one continues the same market on the same port:
what that takes is kept in the run directory. Must not know who connects.
"""

from typing import Any

import msgspec

from actors.process import ProcessActor, Unstartable
from actors.recording import read_recording, topics_on
from messaging.control import Drain
from messaging.mailbox import Delivery
from records.atomic import write_atomically
from records.tape import TapeDamaged
from records.workspace import RunPaths
from venue.stand_in.server import StandIn
from venue.stand_in.settings import StandInSettings, TapeSettings
from venue.stand_in.tape_source import TapeSource

__all__ = ["Venue"]

WATCH_NS = 1_000_000_000
ALIVE_TIMEOUT_S = 1.0
EXIT_DATA = 65


class _Place(msgspec.Struct, frozen=True):
    """Where the stand-in was and since when its market runs (monotonic instant; None while nobody has subscribed)."""

    port: int
    origin_mono_ns: int | None = None


class Venue(ProcessActor):
    """Serves Bitunix's public protocol on loopback."""

    def open(self) -> None:
        self._path = RunPaths(self.post.run_directory).venue_place
        asked: StandInSettings | TapeSettings = self.post.settings
        settings = _stand_in(asked) if isinstance(asked, TapeSettings) else asked
        if self._path.exists():
            place = msgspec.json.decode(self._path.read_bytes(), type=_Place)
            settings = msgspec.structs.replace(settings, port=place.port, origin_mono_ns=place.origin_mono_ns)
        source = _tape_source(asked) if isinstance(asked, TapeSettings) else None
        self._server = StandIn(settings, source, on_origin=self._on_origin)
        self._endpoints = self._server.start()
        self._keep(settings.origin_mono_ns)
        self.every("watch", WATCH_NS, self._on_watch)
        serves = {"tape": asked.tape.name} if isinstance(asked, TapeSettings) else {"seed": settings.seed}
        self.serve(ws_url=self._endpoints.ws_url, rest_url=self._endpoints.rest_url, **serves)

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


def _stand_in(asked: TapeSettings) -> StandInSettings:
    """The door and its limits; the market is the tape's."""
    return StandInSettings(speed=asked.speed or 1.0, enforce_limits=asked.enforce_limits)


def _tape_source(asked: TapeSettings) -> TapeSource:
    try:
        recording = read_recording(asked.tape)
    except (TapeDamaged, OSError) as problem:
        raise Unstartable(EXIT_DATA, f"the tape cannot be served: {problem}") from problem
    if not recording.frames:
        raise Unstartable(EXIT_DATA, "the tape cannot be served: there is no market data on it")
    return TapeSource(recording.frames, recording.answers, lambda: topics_on(asked.recorded), waits=asked.speed is not None)


def _numbers(stats: Any) -> dict[str, int]:
    found: dict[str, int] = msgspec.to_builtins(stats)
    return found
