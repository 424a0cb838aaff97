"""One inbox for everything a process waits for: sockets, timers, file descriptors. One blocking poll, no other wait.

Urgent channels (control) are looked at whenever the queue is empty and every few deliveries, so that a kill does not wait
behind work. Must not
know who reads the mailbox or what the deliveries mean.
"""

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

import msgspec
import zmq

__all__ = ["Delivery", "Mailbox", "Receiver"]

BURST = 64
"""Messages taken from one channel per wake-up before the others are looked at."""

URGENT_EVERY = 16
"""Deliveries between two looks at the urgent channels while work is queued (a look costs 4 us)."""


class Receiver(Protocol):
    """What a channel must offer (messaging.channels)."""

    socket: zmq.Socket[bytes]

    def receive(self) -> tuple[bytes | None, Any] | None: ...


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """Something arrived: ``source`` is the word it was registered under, ``peer`` whom to answer, ``message`` None for timers."""

    source: str
    peer: bytes | None
    message: Any


class Mailbox:
    """``receive()`` blocks until something is there. ``clock`` gives monotonic nanoseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._poller = zmq.Poller()
        self._channels: dict[Any, tuple[str, Receiver]] = {}
        self._muted: set[str] = set()
        self._urgent: list[tuple[str, Receiver]] = []
        self._descriptors: dict[int, str] = {}
        self._timers: list[tuple[int, int, str, int]] = []
        self._timer_number = count()
        self._ready: deque[Delivery] = deque()
        self.delivered_count = 0

    def listen(self, source: str, channel: Receiver, urgent: bool = False) -> None:
        """Deliver what ``channel`` receives as ``source``."""
        self._poller.register(channel.socket, zmq.POLLIN)
        if urgent:
            self._urgent.append((source, channel))
        else:
            self._channels[channel.socket] = (source, channel)

    def mute(self, source: str) -> None:
        """Leave what ``source``'s channel receives where it is, until ``unmute``. What was taken already (``BURST`` at most) still comes."""
        if source not in self._muted:
            self._muted.add(source)
            for socket in self._sockets_of(source):
                self._poller.unregister(socket)

    def unmute(self, source: str) -> None:
        if source in self._muted:
            self._muted.discard(source)
            for socket in self._sockets_of(source):
                self._poller.register(socket, zmq.POLLIN)

    def watch(self, source: str, descriptor: int) -> None:
        """Deliver ``source`` once when ``descriptor`` becomes readable or is closed at its other end."""
        self._descriptors[descriptor] = source
        self._poller.register(descriptor, zmq.POLLIN)

    def forget(self, descriptor: int) -> None:
        if self._descriptors.pop(descriptor, None) is not None:
            self._poller.unregister(descriptor)

    def after(self, source: str, delay_ns: int) -> None:
        """Deliver ``source`` once, ``delay_ns`` from now."""
        self._push(self._clock() + delay_ns, source, 0)

    def every(self, source: str, interval_ns: int) -> None:
        """Deliver ``source`` again and again; a late one is not caught up on."""
        self._push(self._clock() + interval_ns, source, interval_ns)

    def receive(self) -> Delivery:
        """The next delivery; urgent channels first."""
        while True:
            if not self._ready or self.delivered_count % URGENT_EVERY == 0:
                urgent = self._take_urgent()
                if urgent is not None:
                    return urgent
            if self._ready:
                self.delivered_count += 1
                return self._ready.popleft()
            self._wait()

    def _wait(self) -> None:
        timeout_ms = None
        if self._timers:
            timeout_ms = max(0, -((self._clock() - self._timers[0][0]) // 1_000_000))
        happened = self._poller.poll(timeout_ms)
        self._fire_timers()
        for item, _ in happened:
            if isinstance(item, int):
                source = self._descriptors[item]
                self.forget(item)
                self._ready.append(Delivery(source, None, item))
            elif item in self._channels:
                self._drain(*self._channels[item])

    def _sockets_of(self, source: str) -> list[Any]:
        return [socket for socket, (name, _) in self._channels.items() if name == source]

    def _drain(self, source: str, channel: Receiver) -> None:
        for _ in range(BURST):
            received = channel.receive()
            if received is None:
                return
            peer, message = received
            if message is not None:
                self._ready.append(Delivery(source, peer, message))

    def _take_urgent(self) -> Delivery | None:
        for source, channel in self._urgent:
            while (received := channel.receive()) is not None:
                if received[1] is not None:
                    return Delivery(source, *received)
        return None

    def _fire_timers(self) -> None:
        now = self._clock()
        while self._timers and self._timers[0][0] <= now:
            _, _, source, interval_ns = heapq.heappop(self._timers)
            self._ready.append(Delivery(source, None, None))
            if interval_ns:
                self._push(now + interval_ns, source, interval_ns)

    def _push(self, due_ns: int, source: str, interval_ns: int) -> None:
        heapq.heappush(self._timers, (due_ns, next(self._timer_number), source, interval_ns))
