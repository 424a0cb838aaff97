"""How many messages went to the venue lately, in event time. Must not know a limit.

A message is a new order, an amendment or a cancel; sent again under its id it is the same one. What was refused did not go.
"""

__all__ = ["MessageCount"]


class MessageCount:
    """Counts ids. What is older than the window is forgotten; instants may come slightly out of order, for approvals and account
    facts are heard apart."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._sent: dict[str, int] = {}

    def count(self, message_id: str, at_ns: int) -> None:
        """The first instant of an id counts."""
        while self._sent and self._sent[oldest := next(iter(self._sent))] <= at_ns - self._window_ns:
            del self._sent[oldest]
        self._sent.setdefault(message_id, at_ns)

    def within(self, now_ns: int) -> int:
        """In the window that ends now."""
        return sum(1 for at_ns in self._sent.values() if at_ns > now_ns - self._window_ns)
