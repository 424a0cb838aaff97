"""The fault schedule: which misbehaviour is due when. Pure: it is told the time and knows no socket.

Compact text, items separated by commas: `kind@at[+duration][#n][:target]`, for example

    freeze@20+5,cut_mid_frame@12,silent_stream@30+10:depth_book15,refuse@0+8#2:429

Times are seconds since virtual time began (with the first subscribe), or with `#n` since the n-th attempt to open a
WebSocket (1, 2, ...), or with `#0` since the server was started.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct


class Kind(NamedTuple):
    """What a kind of fault needs: whether it lasts, which targets it takes (None: any stream) and whether it must have
    one.
    """

    lasts: bool
    targets: tuple[str, ...] | None = ()
    needs_target: bool = False


KINDS = {
    "cut": Kind(lasts=False),  # the TCP connection is reset
    "cut_mid_frame": Kind(lasts=False),  # half of the next frame, then the connection is gone
    "freeze": Kind(lasts=True),  # the connection stays open, nothing is sent, pings go unanswered
    "pongs_only": Kind(lasts=True),  # pings are answered, no data is sent
    "half_open": Kind(lasts=True),  # TCP is accepted, the handshake is never answered
    "drip": Kind(lasts=True),  # the next frame comes one byte every 0.7 s
    "refuse": Kind(lasts=True, targets=("403", "429", "reset")),  # the handshake is refused
    "silent_stream": Kind(lasts=True, targets=None, needs_target=True),  # one stream stops
    "crossed_book": Kind(lasts=True),  # depth pushes with bid above ask
    "repeated_price": Kind(lasts=True),  # price pushes repeat the last content under a new ts
    "malformed_kline": Kind(lasts=True),  # low above open
    "duplicate_trades": Kind(lasts=True),  # every trade push comes twice
    "delayed_ts": Kind(lasts=True, targets=None),  # `ts` lies 5 s in the past
    # every REST request fails
    "rest_error": Kind(lasts=True, targets=("429", "500", "html", "10005", "10006"), needs_target=True),
}


class Fault(Struct, frozen=True):
    """One entry of the schedule. `attempt` is None for times since the first subscribe."""

    at_s: float
    kind: str
    duration_s: float = 0.0
    target: str = ""
    attempt: int | None = None

    def __str__(self) -> str:
        text = f"{self.kind}@{self.at_s:g}"
        text += f"+{self.duration_s:g}" if self.duration_s else ""
        text += f"#{self.attempt}" if self.attempt is not None else ""
        return text + (f":{self.target}" if self.target else "")


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read the compact text; blank text is no faults. Raises ValueError naming the item and what is wrong with it."""
    return tuple(_parse(item.strip()) for item in text.split(",")) if text.strip() else ()


def faults_text(faults: Iterable[Fault]) -> str:
    """The compact text that `parse_faults` reads back."""
    return ",".join(map(str, faults))


class FaultSchedule:
    """Faults against anchors: the server's start, each connection attempt, and the beginning of virtual time.

    All instants are nanoseconds of one monotonic clock; `speed` is how many scheduled seconds pass in a second of it.
    """

    def __init__(self, faults: Iterable[Fault], started_ns: int, speed: float = 1.0) -> None:
        self._faults = tuple(faults)
        self._speed = speed
        self._origin_ns: int | None = None
        self._attempts_ns = [started_ns]
        self._attempts_that_matter = max((fault.attempt or 0 for fault in self._faults), default=0)

    def begin(self, origin_ns: int) -> None:
        """Virtual time began at this instant."""
        self._origin_ns = origin_ns

    def note_attempt(self, now_ns: int) -> None:
        """A client asked for a WebSocket."""
        if len(self._attempts_ns) <= self._attempts_that_matter:
            self._attempts_ns.append(now_ns)

    def active(self, kind: str, now_ns: int, stream: str = "") -> Fault | None:
        """The fault of this kind that is under way and concerns `stream`, if there is one."""
        for fault in self._faults:
            if fault.kind == kind and self._concerns(fault, stream) and self._is_on(fault, now_ns):
                return fault
        return None

    def struck(self, since_ns: int, now_ns: int) -> list[Fault]:
        """Faults without duration whose moment lies after `since_ns` and not after `now_ns`."""
        return [fault for fault in self._faults if not KINDS[fault.kind].lasts
                and (at_ns := self._starts_ns(fault)) is not None and since_ns < at_ns <= now_ns]

    def next_ns(self, now_ns: int) -> int | None:
        """When the next fault without duration strikes."""
        moments = (self._starts_ns(fault) for fault in self._faults if not KINDS[fault.kind].lasts)
        return min((at_ns for at_ns in moments if at_ns is not None and at_ns > now_ns), default=None)

    def _is_on(self, fault: Fault, now_ns: int) -> bool:
        starts_ns = self._starts_ns(fault)
        return starts_ns is not None and starts_ns <= now_ns < starts_ns + self._span_ns(fault.duration_s)

    def _starts_ns(self, fault: Fault) -> int | None:
        anchor_ns = self._origin_ns
        if fault.attempt is not None:
            anchor_ns = self._attempts_ns[fault.attempt] if fault.attempt < len(self._attempts_ns) else None
        return None if anchor_ns is None else anchor_ns + self._span_ns(fault.at_s)

    def _span_ns(self, seconds: float) -> int:
        return int(seconds / self._speed * 1_000_000_000)

    @staticmethod
    def _concerns(fault: Fault, stream: str) -> bool:
        return KINDS[fault.kind].targets is not None or not fault.target or fault.target == stream


_ITEM = re.compile(r"(?P<kind>[a-z_]+)@(?P<at>\d+(?:\.\d+)?)(?:\+(?P<duration>\d+(?:\.\d+)?))?"
                   r"(?:#(?P<attempt>\d{1,4}))?(?::(?P<target>\w+))?")


def _parse(item: str) -> Fault:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ValueError(f"fault {item!r}: expected kind@at[+duration][#attempt][:target], e.g. freeze@20+5")
    kind, target = match["kind"], match["target"] or ""
    if kind not in KINDS:
        raise ValueError(f"fault {item!r}: unknown kind {kind!r}; known are {', '.join(KINDS)}")
    duration_s = float(match["duration"] or 0)
    _check(item, KINDS[kind], duration_s, target)
    attempt = int(match["attempt"]) if match["attempt"] else None
    return Fault(float(match["at"]), kind, duration_s, target, attempt)


def _check(item: str, kind: Kind, duration_s: float, target: str) -> None:
    if kind.lasts != bool(duration_s):
        need = "needs a duration, e.g. +5" if kind.lasts else "happens at an instant and takes no duration"
        raise ValueError(f"fault {item!r}: {need}")
    if kind.needs_target and not target:
        choices = "the name of a stream" if kind.targets is None else ", ".join(kind.targets)
        raise ValueError(f"fault {item!r}: needs a target after a colon: {choices}")
    if target and kind.targets is not None and target not in kind.targets:
        known = f"known are {', '.join(kind.targets)}" if kind.targets else "this kind takes none"
        raise ValueError(f"fault {item!r}: unknown target {target!r}; {known}")
