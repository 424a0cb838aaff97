"""The proof of a finished run, check by check: its ledger, what was made of it, and what it was made of. Must not know where a run lies.

Every check has an answer of its own: what cannot be checked fails, and the rest is checked all the same. Nothing is written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from records.canonical import canonical
from records.ledger import LedgerDamaged, LedgerFailure, LedgerReader
from records.state import Damaged, PaperState, load_state, paper_state
from reporting.reconciliation import mismatches
from reporting.summary_file import read_summary
from trading.account import Account, ImpossibleFact
from trading.attribution import attribute, total
from trading.invariants import violations
from trading.messages import AccountFact, MarketFact, SessionClosed, SessionOpened
from trading.pnl_interval import PnlInterval
from trading.replay import Difference, replay
from trading.summary import fold

__all__ = ["Check", "StoredSession", "interval", "leftovers", "of_no_facts", "rows_in"]

SHOWN = 3
"""Of many faults of one kind the first few are told, and how many there are."""

IMPOSSIBLE = (ImpossibleFact, LedgerDamaged, LedgerFailure, KeyError, ValueError, ArithmeticError, AssertionError)
"""What facts can lead to that are well formed and chained, and yet no account's."""


class Check(msgspec.Struct, frozen=True):
    """``detail``: what was checked, or what is wrong, on one or more lines."""

    name: str
    ok: bool
    detail: str


class StoredSession:
    """One ledger, and what says that it is a fold of it. Each check reads the ledger anew, row by row, check sums and chain."""

    def __init__(self, ledger: Path, run_id: str) -> None:
        """Raises LedgerDamaged or LedgerFailure: then nothing about the session can be believed."""
        self.run_id = run_id
        self.opened: SessionOpened | None = None
        self.closed: SessionClosed | None = None
        self.last_market_sequence = 0
        self._reader = LedgerReader(ledger)
        try:
            for number, fact in self._reader.facts():
                self._look_at(number, fact)
            self.seq, self.head = self._reader.head
        except (LedgerDamaged, LedgerFailure):
            self.close()
            raise

    def close(self) -> None:
        self._reader.close()

    def chain(self) -> Check:
        """That it can be read to the end was seen when it was opened."""
        if not self.seq:
            return Check("ledger", False, "it has no rows: the session never opened")
        return _answer("ledger", self._reader.flaws(), f"{self.seq} rows, each with its check sum and its link in the chain; head {self.head[:16]}")

    def ending(self, newest: bool) -> Check:
        """``newest``: no other run began after this one, so what it lacks can still be made up for."""
        if self.closed is None:
            return Check("ending", False, f"row {self.seq} is not the end of a session: {_cut_short(newest)}")
        return Check("ending", True, f"the session was closed: {self.closed.reason}")

    def invariants(self, position_max: Mapping[str, Decimal] | None) -> Check:
        """Of every prefix. Without the caps I-5 cannot be checked, and that is a failure too."""
        unchecked = ["I-5 is not checkable: the caps are not known"] if position_max is None else []
        found = unchecked + [f"row {each.row}: {each.check}: {each.text}" for each in violations(self._facts(), position_max, gated=True)]
        return _answer("invariants", found, f"I-1 to I-7, I-9, I-10, I-13 and I-14 hold at every one of {self.seq} rows")

    def books(self) -> Check:
        """The account's own fold against one that shares no arithmetic with it."""
        found = mismatches(self._facts(), Account.folded(self._facts()).state())
        return _answer("books", list(map(str, found)), "every fill, fee, payment and mark adds up, two ways")

    def summary(self, path: Path, newest: bool) -> Check:
        content = read_summary(path)
        if content is None:
            why = f"is missing: {_cut_short(newest)}" if not path.exists() else "is not JSON"
            return Check("summary", False, f"{path.name} {why}")
        parts = msgspec.structs.asdict(total(attribute(self._facts()).values()))
        expected = {
            **msgspec.structs.asdict(fold(self._facts())), "attribution": parts, "ledger_seq": self.seq, "ledger_head": self.head,
        }
        return _values(path, content, expected, "the ledger's")

    def state(self, path: Path, newest: bool) -> Check:
        """``newest``: nothing ran after this run, so the file must be there."""
        found = load_state(path)
        if isinstance(found, Damaged):
            return Check("state", False, f"{path.name} is damaged: {found.reason}")
        if found is None:
            return Check("state", not newest, f"there is no {path.name}" + (f": {_cut_short(newest)}" if newest else ""))
        if found.run_id != self.run_id and newest and self.seq and self.closed is None:
            return Check("state", False, f"{path.name} is still of run {found.run_id}: {_cut_short(newest)}")
        if found.run_id != self.run_id:
            return Check("state", True, f"{path.name} is of run {found.run_id}: nothing to compare")
        folded = paper_state(Account.folded(self._facts()).state(), self.run_id, self.seq, self.head)
        wrong = list(map(str, mismatches(self._facts(), found)))
        wrong += [
            f"{name}: {path.name} says {getattr(found, name)}, the ledger {getattr(folded, name)}"
            for name in PaperState.__struct_fields__ if getattr(found, name) != getattr(folded, name)
        ]
        return _answer("state", wrong, f"{path.name} is the fold of the ledger, two ways")

    def replayed(self, account: Account, market: Iterable[MarketFact]) -> Check:
        """``account`` is fresh, with the session's settings; what reading ``market`` raises is not caught."""
        found = replay(account, market, self._facts(), self.last_market_sequence)
        if found is not None:
            return Check("replay", False, _difference_text(found))
        return Check("replay", True, f"the market up to fact {self.last_market_sequence} and the recorded commands give the same "
                     f"{self.seq} rows, byte for byte")

    def checked(self, name: str, check: Callable[[], Check]) -> Check:
        """The check's answer, also when the facts are such that it cannot give one."""
        try:
            return check()
        except IMPOSSIBLE as problem:
            return Check(name, False, f"the rows are no session's: {type(problem).__name__}: {problem}")

    def _facts(self) -> Iterator[AccountFact]:
        return (fact for _, fact in self._reader.facts())

    def _look_at(self, number: int, fact: AccountFact) -> None:
        self.last_market_sequence = fact.market_sequence
        if number == 1 and isinstance(fact, SessionOpened):
            self.opened = fact
        self.closed = fact if isinstance(fact, SessionClosed) else None


def interval(summary: Mapping[str, Any], again: PnlInterval | None) -> Check:
    """What a summary says of the PnL on other terms, against what the run lived again says; without the latter it must say nothing."""
    told = summary.get("pnl_interval")
    if told is None:
        return Check("interval", True, f"the summary has none: {summary.get('pnl_interval_note') or 'it was never reckoned'}")
    if again is None or not isinstance(told, Mapping):
        return Check("interval", False, "not checkable: the ledger does not follow from the tape")
    expected = again.content()
    found = [f"{name}: the summary says {told.get(name, 'nothing')}, the run {value}" for name, value in expected.items()
             if told.get(name) != value]
    return _answer("interval", found, f"reckoned again it is the same: from {again.low_usd} to {again.high_usd}")


def rows_in(ledger: Path) -> int:
    """Raises LedgerDamaged and LedgerFailure."""
    with closing(LedgerReader(ledger)) as reader:
        seq, _ = reader.head
        return seq


def of_no_facts(path: Path) -> Check:
    """The summary of a session without a ledger: there is one, and everything in it is what follows from no facts."""
    return _values(path, read_summary(path) or {}, {**msgspec.structs.asdict(fold(())), "ledger_seq": 0}, "those of no fact")


def leftovers(found: Iterable[Path]) -> Check:
    """I-10 as far as files say: ``found`` is what a run has only while it lasts."""
    names = [f"{path.name} is still there" for path in found]
    return _answer("leftovers", names, "nothing is left that a run needs only while it lasts")


def _values(path: Path, content: Mapping[str, Any], expected: Mapping[str, Any], whose: str) -> Check:
    found = [
        f"{name}: {path.name} says {content.get(name, 'nothing')}, the ledger {value}" for name, value in expected.items()
        if name not in content or content[name] != value or isinstance(content[name], bool) is not isinstance(value, bool)
    ]
    return _answer("summary", found, f"{len(expected)} values of {path.name} are {whose}")


def _cut_short(newest: bool) -> str:
    if newest:
        return "the session did not end in order; run with --resume closes its books and writes what is missing"
    return "the session did not end in order, and a later one went on without it"


def _answer(name: str, wrong: list[str], right: str) -> Check:
    if not wrong:
        return Check(name, True, right)
    more = [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
    return Check(name, False, "\n".join([*wrong[:SHOWN], *more]))


def _difference_text(found: Difference) -> str:
    recorded, replayed = (canonical(fact).decode() if fact is not None else "nothing" for fact in (found.recorded, found.replayed))
    return f"row {found.row}: {found.why}\nrecorded: {recorded}\nreplayed: {replayed}"
