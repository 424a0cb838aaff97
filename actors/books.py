"""The account's ledger in the broker's hands: opened, read back, added to, told. Must not know what decides the facts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from actors.envelopes import FactsGiven, LedgerHead
from actors.failpoints import Failpoints
from actors.process import Unstartable
from actors.telling import COUNTED, EVENTS, log_fields, told
from messaging.channels import Publisher
from records.ledger import Ledger, LedgerDamaged, LedgerFailure, LedgerHeld
from timing.clock import monotonic_ns
from trading.messages import AccountFact, OrderSubmitted

__all__ = ["Books"]

EXIT_DATA, EXIT_IO_ERROR = 65, 74
PAGE_FACTS = 1000


class Books:
    """``told_counts`` is where the metrics of told facts are kept. Raises Unstartable when the ledger cannot be opened."""

    def __init__(self, path: Path, publisher: Publisher, log: Any, failpoints: Failpoints, told_counts: dict[str, float]) -> None:
        self._path = path
        self._publisher = publisher
        self._log = log
        self._failpoints = failpoints
        self._counts = told_counts
        self._causes: dict[str, tuple[int, int]] = {}
        self._unlogged: list[tuple[int, AccountFact]] = []
        try:
            self._ledger = Ledger.open(path, create=True)
        except (LedgerDamaged, LedgerHeld) as problem:
            raise Unstartable(EXIT_DATA, f"{path}: {problem}") from problem
        except LedgerFailure as failure:
            raise Unstartable(EXIT_IO_ERROR, f"{path}: {failure}") from failure

    @property
    def head(self) -> tuple[int, str]:
        """(number of the last row, its chain hash in hex)."""
        return self._ledger.head

    def facts(self) -> list[AccountFact]:
        """Everything so far, verified. Raises Unstartable."""
        try:
            return [fact for _, fact in self._ledger.facts()]
        except LedgerDamaged as damage:
            raise Unstartable(EXIT_DATA, f"{self._path}: {damage}") from damage
        except LedgerFailure as failure:
            raise Unstartable(EXIT_IO_ERROR, f"{self._path}: {failure}") from failure

    def page(self, after: int, market_sequence: int) -> FactsGiven:
        """The rows behind ``after``, as many as fit on a page."""
        page = []
        for sequence, fact in self._ledger.facts(after):
            page.append(told(sequence, fact))
            if len(page) == PAGE_FACTS:
                break
        return FactsGiven(facts=tuple(page), head=self._ledger.head[0], market_sequence=market_sequence)

    def because_of(self, order_id: str, market_seen_ns: int, sent_ns: int) -> None:
        """What is told of this order carries the instants that it came from."""
        self._causes[order_id] = (market_seen_ns, sent_ns)

    def commit(self, facts: Iterable[AccountFact]) -> None:
        """Durable, then told; the log's turn is ``log_committed``. Raises LedgerFailure: then nothing of it is acknowledged, now or
        later."""
        committed = tuple(facts)
        if not committed:
            return
        self._failpoints.reach("before_append")
        last = self._ledger.append(committed)
        self._failpoints.reach("after_append")
        for sequence, fact in enumerate(committed, last - len(committed) + 1):
            self._tell(sequence, fact)
        self._failpoints.reach("after_tell")

    def log_committed(self) -> None:
        """What is on record since the last time, for people: nobody waits for it."""
        for sequence, fact in self._unlogged:
            self._log.info(EVENTS[type(fact).__name__], sequence=sequence, **log_fields(fact))
        self._unlogged.clear()

    def tell_head(self) -> None:
        self._publisher.send(LedgerHead(sequence=self._ledger.head[0]))

    def close(self) -> None:
        self._ledger.close()

    def _tell(self, sequence: int, fact: AccountFact) -> None:
        order_id = fact.order.client_order_id if isinstance(fact, OrderSubmitted) else getattr(fact, "client_order_id", "")
        market_seen_ns, sent_ns = self._causes.get(order_id, (0, 0))
        self._publisher.send(told(sequence, fact, market_seen_ns, sent_ns, monotonic_ns()))
        kind = type(fact).__name__
        if kind != "EquityMarked":
            name = f"{COUNTED[kind]}_count"
            self._counts[name] = self._counts.get(name, 0) + 1
            self._unlogged.append((sequence, fact))
