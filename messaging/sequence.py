"""Reading a numbered stream without losing or doubling anything. Pure: the caller asks for what is missing.

A reader takes exactly ``last + 1``, drops what is older, and holds back (bounded) what came too early.
"""

from typing import Generic, TypeVar

__all__ = ["SequenceReader"]

Item = TypeVar("Item")


class SequenceReader(Generic[Item]):
    """Puts numbered items in order. ``missing`` is the first number to ask for, or None when nothing is known to be missing."""

    def __init__(self, last: int = 0, hold_limit: int = 10_000) -> None:
        self.last = last
        self.gap_count = 0
        self._hold_limit = hold_limit
        self._held: dict[int, Item] = {}
        self._head = last

    @property
    def head(self) -> int:
        """The newest number that is known to exist."""
        return self._head

    @property
    def missing(self) -> int | None:
        return self.last + 1 if self._head > self.last else None

    def offer(self, number: int, item: Item) -> list[tuple[int, Item]]:
        """Items that are now in order, this one included when it fits; empty while something before it is missing."""
        if number <= self.last:
            return []
        if number > self.last + 1 and self.missing is None:
            self.gap_count += 1
        self._head = max(self._head, number)
        if number != self.last + 1:
            self._hold(number, item)
            return []
        return self._release(number, item)

    def heard_of(self, head: int) -> None:
        """The writer says its stream reaches to ``head``: a lost last item is noticed too."""
        if head > self._head:
            self.gap_count += self.missing is None
            self._head = head

    def skip_to(self, last: int) -> list[tuple[int, Item]]:
        """What is missing up to ``last`` cannot be had: go on behind it."""
        self.last = max(self.last, last)
        self._head = max(self._head, self.last)
        for number in [n for n in self._held if n <= self.last]:
            del self._held[number]
        follower = self._held.pop(self.last + 1, None)
        return [] if follower is None else self._release(self.last + 1, follower)

    def _hold(self, number: int, item: Item) -> None:
        if len(self._held) < self._hold_limit:
            self._held[number] = item

    def _release(self, number: int, item: Item) -> list[tuple[int, Item]]:
        ready = [(number, item)]
        self._held.pop(number, None)
        self.last = number
        while (follower := self._held.pop(self.last + 1, None)) is not None:
            self.last += 1
            ready.append((self.last, follower))
        return ready
