"""Named moments at which a test may end or freeze an actor. Off unless the environment names them.

    AGENT_FAILPOINTS=broker.after_append:3=kill,feed.after_record:100=hang

``ACTOR.MOMENT:NTH[@INCARNATION]=kill|hang|fail``: the nth time that moment is reached in that incarnation (default the first).
Must not know what the moments mean.
"""

import os
import re
import signal
from collections.abc import Mapping

import msgspec

__all__ = ["FAILPOINTS_VARIABLE", "Failpoints"]

FAILPOINTS_VARIABLE = "AGENT_FAILPOINTS"
FORM = re.compile(r"(?P<actor>[a-z]+)\.(?P<moment>[a-z_]+):(?P<nth>[1-9]\d*)(@(?P<incarnation>[1-9]\d*))?=(?P<action>kill|hang|fail)")


class _Armed(msgspec.Struct):
    nth: int
    action: str
    reached: int = 0


class Failpoints:
    """Those of one incarnation of one actor. Raises ValueError for text that is no failpoint."""

    def __init__(self, environment: Mapping[str, str], actor: str, incarnation: int) -> None:
        self._armed: dict[str, list[_Armed]] = {}
        for item in filter(None, environment.get(FAILPOINTS_VARIABLE, "").split(",")):
            found = FORM.fullmatch(item.strip())
            if found is None:
                raise ValueError(f"{FAILPOINTS_VARIABLE}: {item!r} is not ACTOR.MOMENT:NTH[@INCARNATION]=kill|hang|fail")
            if found["actor"] == actor and int(found["incarnation"] or 1) == incarnation:
                self._armed.setdefault(found["moment"], []).append(_Armed(int(found["nth"]), found["action"]))

    def reach(self, moment: str) -> None:
        """Nothing, or the end. Raises RuntimeError for ``fail``."""
        for armed in self._armed.get(moment, ()):
            armed.reached += 1
            if armed.reached == armed.nth:
                _strike(moment, armed.action)


def _strike(moment: str, action: str) -> None:
    if action == "fail":
        raise RuntimeError(f"failpoint {moment}")
    os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)
