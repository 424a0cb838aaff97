"""What was sent and not yet answered: kept, resent under the same id, bounded. Pure: the caller sends and owns the clock."""

from collections import OrderedDict

import msgspec

__all__ = ["Outbox"]


class Outbox:
    """A window of unanswered messages in the order they were sent.

    ``post`` refuses (returns False) when ``limit`` messages wait: the caller must not decide anything new until answers come.
    """

    def __init__(self, resend_after_ns: int, limit: int) -> None:
        self._resend_after_ns = resend_after_ns
        self._limit = limit
        self._waiting: OrderedDict[str, tuple[msgspec.Struct, int]] = OrderedDict()
        self.resent_count = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._waiting

    @property
    def full(self) -> bool:
        return len(self._waiting) >= self._limit

    def post(self, message_id: str, message: msgspec.Struct, now_ns: int) -> bool:
        """Keep ``message`` until answered; True when the caller is to send it now."""
        if self.full or message_id in self._waiting:
            return False
        self._waiting[message_id] = (message, now_ns)
        return True

    def answered(self, message_id: str) -> bool:
        """Forget it; False when it was not waiting (a late or doubled answer)."""
        return self._waiting.pop(message_id, None) is not None

    def due(self, now_ns: int) -> list[msgspec.Struct]:
        """Messages silent for too long, oldest first; each counts as sent again now."""
        late = [(key, message) for key, (message, sent) in self._waiting.items() if now_ns - sent >= self._resend_after_ns]
        for key, message in late:
            self._waiting[key] = (message, now_ns)
        self.resent_count += len(late)
        return [message for _, message in late]
