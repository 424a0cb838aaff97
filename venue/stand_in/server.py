"""The stand-in as a server on 127.0.0.1: a thread with an event loop, WebSocket and REST on one port. It knows no
trading.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from venue.stand_in.floor import Floor, Stats
from venue.stand_in.seeded_source import SeededSource
from venue.stand_in.session import Session
from venue.stand_in.settings import StandInSettings
from venue.stand_in.source import MarketSource

HOST = "127.0.0.1"
START_TIMEOUT_S = 60.0
"""A stand-in that continues a long session first has to live through it again."""

STOP_TIMEOUT_S = 5.0


class Endpoints(NamedTuple):
    """Where to find it."""

    ws_url: str
    rest_url: str
    port: int


class StandIn:
    """A venue to connect to. `start`, then use the endpoints, then `stop`; one object, one life.

    `on_origin` hears the monotonic instant at which virtual time began, in the server's thread: give it to a
    successor's `origin_mono_ns` and it continues the same market. `source` defaults to the seeded market of the
    settings.
    """

    def __init__(self, settings: StandInSettings, source: MarketSource | None = None,
                 on_origin: Callable[[int], None] | None = None) -> None:
        self._settings = settings
        self._source = source if source is not None else SeededSource(settings)
        self._on_origin = on_origin
        self._thread = threading.Thread(target=self._run, name="stand-in", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event
        self._floor: Floor
        self._port = settings.port
        self._last_stats = Stats()
        self.origin_mono_ns = settings.origin_mono_ns

    def start(self) -> Endpoints:
        """Serve. Raises OSError when the port cannot be bound, TimeoutError when the market takes too long to catch
        up.
        """
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise TimeoutError(f"the stand-in did not start within {START_TIMEOUT_S:g} s")
        if self._failure is not None:
            raise self._failure
        return Endpoints(f"ws://{HOST}:{self._port}/public/", f"http://{HOST}:{self._port}", self._port)

    def stop(self) -> None:
        """Drop every client and end the thread. Raises TimeoutError when it does not end, the error it died of if it
        had.
        """
        if self._thread.ident is None:
            return
        if self._loop is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # the loop closed between the question and the call: it is ending anyway
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_TIMEOUT_S)
        if self._thread.is_alive():
            raise TimeoutError(f"the stand-in did not stop within {STOP_TIMEOUT_S:g} s")
        if self._failure is not None:
            raise self._failure

    def is_alive(self, timeout_s: float) -> bool:
        """Whether the event loop answers within `timeout_s`."""
        if self._loop is None or not self._thread.is_alive():
            return False
        answered = threading.Event()
        try:
            self._loop.call_soon_threadsafe(answered.set)
        except RuntimeError:  # the loop is closed
            return False
        return answered.wait(timeout_s)

    def stats(self) -> Stats:
        """Counts since the start; after `stop`, the last ones."""
        return self._floor.stats() if self._loop is not None and self._thread.is_alive() else self._last_stats

    # ---- the server's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # whatever ended the server is raised again in the thread that asks for it
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        self._stop = asyncio.Event()
        self._floor = Floor(self._settings, self._source, self._began)
        server = await loop.create_server(lambda: Session(self._floor), HOST, self._settings.port)
        self._port = server.sockets[0].getsockname()[1]
        self._loop = loop
        self._ready.set()
        await self._stop.wait()
        server.close()
        self._floor.close()
        self._last_stats = self._floor.stats()

    def _began(self, origin_mono_ns: int) -> None:
        self.origin_mono_ns = origin_mono_ns
        if self._on_origin is not None:
            self._on_origin(origin_mono_ns)

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error in a callback of the loop ends the server: a stand-in that goes on half dead would be mistaken for
        the venue.
        """
        self._failure = context.get("exception") or RuntimeError(context["message"])
        self._stop.set()
