"""Proof that an operator's command comes from somebody who may read the run directory, and is fresh. Pure.

HMAC-SHA-256 over (command, run id, nonce, monotonic instant, by) with the run's key; a nonce counts once, a command older
than five seconds not at all. The monotonic clock is the machine's, so both ends read the same one.
"""

import hmac
from collections import OrderedDict

from messaging.control import Operate

__all__ = ["CommandDesk", "sign"]

FRESH_NS = 5_000_000_000
REMEMBERED_NONCES = 4_096


def sign(key: bytes, command: str, run_id: str, nonce: str, sent_mono_ns: int, by: str = "") -> Operate:
    """A signed command."""
    signature = _signature(key, command, run_id, nonce, sent_mono_ns, by)
    return Operate(command=command, run_id=run_id, nonce=nonce, sent_mono_ns=sent_mono_ns, signature=signature, by=by)


class CommandDesk:
    """Accepts a signed command once. ``refusal`` gives the reason, or None when the command is good."""

    def __init__(self, key: bytes, run_id: str) -> None:
        self._key = key
        self._run_id = run_id
        self._nonces: OrderedDict[str, None] = OrderedDict()

    def refusal(self, command: Operate, now_mono_ns: int) -> str | None:
        expected = _signature(self._key, command.command, command.run_id, command.nonce, command.sent_mono_ns, command.by)
        if not hmac.compare_digest(expected, command.signature):
            return "bad signature"
        if command.run_id != self._run_id:
            return "another run"
        if abs(now_mono_ns - command.sent_mono_ns) > FRESH_NS:
            return "too old"
        if command.nonce in self._nonces:
            return "nonce used before"
        self._nonces[command.nonce] = None
        if len(self._nonces) > REMEMBERED_NONCES:
            self._nonces.popitem(last=False)
        return None


def _signature(key: bytes, command: str, run_id: str, nonce: str, sent_mono_ns: int, by: str) -> str:
    text = "\x1f".join((command, run_id, nonce, str(sent_mono_ns), by))
    return hmac.new(key, text.encode(), "sha256").hexdigest()
