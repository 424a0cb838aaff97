"""How far a recovered account must hear the market again before it knows it as it did. Pure: must not know sockets or ledgers.

The market up to ``until`` is on record as dealt with: it is only looked at, so that the account has its books back. What cannot be had
of it, or of what comes behind it, is said in a ``PassOver``.
"""

from trading.messages import PassOver

__all__ = ["LookBack"]


class LookBack:
    """``until`` 0: a fresh account, which has nothing to look back at."""

    def __init__(self, until: int) -> None:
        self._until = until

    def covers(self, sequence: int) -> bool:
        return sequence <= self._until

    def passed_over(self, first: int, last: int, heard: int) -> PassOver | None:
        """``first`` to ``last`` cannot be had, and the market was heard up to ``heard``. None when all of it was dealt with before: what
        the feed still has shows the books that follow."""
        if last <= self._until:
            return None
        return PassOver(first=1 if heard < self._until else first, last=last)

    def cut_short(self, heard: int) -> PassOver | None:
        """Something must be decided now, with the market heard up to ``heard``. Half-way back the account would decide on older books
        than its last rows did: it goes by its rows alone."""
        return PassOver(first=1, last=self._until) if heard < self._until else None
