"""The broker: owner of the paper account and its ledger; the only writer of money.

Market facts and commands meet in one inbox; what the account decides is committed, then told, then answered. Starting is
recovering: a fresh ledger and a crashed one take the same path. Matching, fees and lots are in trading/account.py.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from actors.envelopes import (
    Answer, Command, FactsGiven, FactsWanted, Fetch, Fetched, FetchedInstruments, FetchInstruments, LedgerHead,
    Turn, TurnTaken,
)
from actors.following import MarketFollower, market_follower
from actors.process import ProcessActor, Unstartable
from actors.telling import COUNTED, EVENTS, log_fields, told
from actors.turns import MarketQueue
from messaging.control import Drain, Halt
from messaging.mailbox import Delivery
from records.ledger import Ledger, LedgerDamaged, LedgerFailure
from records.state import paper_state, save_state
from timing.clock import monotonic_ns
from timing.histogram import Histogram
from trading.account import Account
from trading.account_settings import AccountSettings
from trading.duplicates import Duplicates
from trading.messages import AccountFact, CancelAll, CloseAll, DenyOrder, OrderSubmitted, PositionCarried, SessionOpened, SubmitOrder

__all__ = ["Broker", "BrokerSettings"]

EXIT_DATA, EXIT_UNAVAILABLE, EXIT_IO_ERROR = 65, 69, 74
PAGE_FACTS = 500
HEAD_NS = 400_000_000
FOLLOW_NS = 150_000_000
INSTRUMENTS_DEADLINE_MS = 8_000
HALT_WAIT_NS = 200_000_000


class BrokerSettings(msgspec.Struct, frozen=True):
    """``account`` without instruments: those are the venue's, asked once and kept in the ledger's first row.
    ``carried``: positions that the account begins with (``--resume``)."""

    symbols: tuple[str, ...]
    fingerprint: str
    account: dict[str, Any]
    carried: tuple[PositionCarried, ...] = ()


class Broker(ProcessActor):
    """One account, one ledger, one writer."""

    def open(self) -> None:
        settings: BrokerSettings = self.post.settings
        channels = self.post.channels
        self._account: Account | None = None
        self._halting: Halt | None = None
        self._settled = False
        self._duplicates: Duplicates | None = None
        self._queue = MarketQueue()
        self._durable = Histogram()
        self._turn: tuple[bytes, Turn] | None = None
        self._taken = 0
        self._causes: dict[str, tuple[int, int]] = {}
        self._facts = channels.publisher("facts")
        self._server = channels.server("broker")
        self._gateway = channels.client("gateway", self._identity())
        self.listen("commands", self._server, self._on_command)
        self.listen("gateway", self._gateway, self._on_fetched)
        self.every("head", HEAD_NS, lambda _: self._facts.send(LedgerHead(sequence=self._ledger.head[0])))
        self._open_ledger()
        opened = self._recover()
        if not opened:
            request = FetchInstruments(symbols=settings.symbols)
            self._gateway.send(Fetch(request_id="instruments", request=request, deadline_ms=INSTRUMENTS_DEADLINE_MS))

    def on_drain(self, drain: Drain) -> None:
        """Cancel everything, close the session's books, write paper/state.json."""
        self._settle(drain.reason, CancelAll(reason=drain.reason))
        self.drained(**self._closing_detail())

    def on_halt(self, halt: Halt) -> None:
        """Cancel and flatten at once; a broker that is still recovering does it as soon as it can, but soon."""
        if self._account is None or self._market.caught_up or self._settled:
            self._halt_now(halt)
        elif self._halting is None:
            self._halting = halt
            self.after("halt", HALT_WAIT_NS, lambda _: self._halt_now(halt))

    def on_orphaned(self) -> None:
        self._settle("supervisor_lost", CancelAll(reason="supervisor_lost"))

    def on_stop(self) -> None:
        self._ledger.close()

    def report(self) -> dict[str, Any]:
        if self._account is not None:
            self.counters["market_gaps_count"] = self._market.gap_count
            self.counters["market_unobserved_count"] = self._market.unobserved_count
        for word, value_ns in (("p50", self._durable.p50), ("p95", self._durable.p95), ("max", self._durable.largest)):
            self.gauges[f"durable_answer_ms_{word}"] = round(value_ns / 1e6, 3)
        return {"ledger_sequence": self._ledger.head[0]}

    # ------------------------------------------------------------------ starting is recovering

    def _open_ledger(self) -> None:
        path = self.post.run_directory / "ledger.db"
        try:
            self._ledger = Ledger.open(path, create=True)
        except LedgerDamaged as damage:
            raise Unstartable(EXIT_DATA, f"{path}: {damage}") from damage
        except LedgerFailure as failure:
            raise Unstartable(EXIT_IO_ERROR, f"{path}: {failure}") from failure

    def _recover(self) -> bool:
        """Fold what the ledger has; False when it is still empty."""
        try:
            facts = [fact for _, fact in self._ledger.facts()]
        except LedgerDamaged as damage:
            raise Unstartable(EXIT_DATA, str(damage)) from damage
        except LedgerFailure as failure:
            raise Unstartable(EXIT_IO_ERROR, str(failure)) from failure
        if not facts:
            return False
        opened = facts[0]
        assert isinstance(opened, SessionOpened), "a ledger's first row opens the session"
        account = Account.recover(self._account_settings(opened.instruments), opened.fingerprint, facts)
        self.log.info("LEDGER_RECOVERED", facts=len(facts), head=self._ledger.head[1])
        self._take_up(account)
        return True

    def _on_fetched(self, delivery: Delivery) -> None:
        fetched = delivery.message
        if not isinstance(fetched, Fetched) or self._account is not None:
            return
        if not isinstance(fetched.answer, FetchedInstruments):
            raise Unstartable(EXIT_UNAVAILABLE, f"the venue does not say how {self.post.settings.symbols} are traded: {fetched.answer}")
        missing = set(self.post.settings.symbols) - {each.symbol for each in fetched.answer.instruments}
        if missing:
            raise Unstartable(EXIT_UNAVAILABLE, f"the venue does not list {', '.join(sorted(missing))}")
        account = Account(self._account_settings(fetched.answer.instruments), self.post.settings.fingerprint)
        self._commit(account.open(0, self.post.settings.carried))
        self._take_up(account)

    def _account_settings(self, instruments: Iterable[Any]) -> AccountSettings:
        return AccountSettings(instruments=tuple(instruments), **self.post.settings.account)

    def _take_up(self, account: Account) -> None:
        """The account is there: from now on the market concerns it."""
        self._account = account
        self._dealt_with = self._taken = account.market_sequence
        self._duplicates = Duplicates(account, timer=lambda: monotonic_ns() / 1e9)
        channels = self.post.channels
        self._market: MarketFollower = market_follower(
            channels.subscriber("market"), channels.client("feed", self._identity()), self.listen, self._on_market,
            self._on_market_caught_up, from_start=True,
        )
        self.every("follow", FOLLOW_NS, lambda _: self._market.tick())
        self._market.tick()

    def _on_market_caught_up(self) -> None:
        if self._halting is not None:
            self._halt_now(self._halting)
        self.serve(ledger_sequence=self._ledger.head[0])

    # ------------------------------------------------------------------ work

    def _on_market(self, sequence: int, fact: Any) -> None:
        """After a crash the market is heard again: what the ledger shows to be dealt with is only looked at."""
        account = self._account
        assert account is not None
        if sequence <= self._dealt_with:
            account.observe(fact, fact.at_ns)
        elif self.post.lockstep:
            self._queue.put(fact)
            self._take_turn()
        elif not self._settled:
            self._commit(account.on(fact, fact.at_ns))

    def _on_command(self, delivery: Delivery) -> None:
        assert delivery.peer is not None
        message = delivery.message
        if isinstance(message, FactsWanted):
            self._server.send(delivery.peer, self._page(message.after))
        elif isinstance(message, Turn):
            self._turn = (delivery.peer, message)
            self._take_turn()
        elif isinstance(message, Command) and self._account is not None and self._market.caught_up:
            began_ns = monotonic_ns()
            self._server.send(delivery.peer, self._carry_out(self._account, message))
            self._durable.record(monotonic_ns() - began_ns)
            self.failpoints.reach("after_answer")

    def _take_turn(self) -> None:
        """The turn that waits, when the market up to it is here: all its consequences in one transaction."""
        account = self._account
        if self._turn is None or account is None or self._settled:
            return
        peer, turn = self._turn
        if self._queue.last < turn.market_sequence and account.market_sequence < turn.market_sequence:
            return
        facts: list[AccountFact] = []
        for fact in self._queue.through(turn.market_sequence):
            facts += account.on(fact, fact.at_ns)
        if turn.market_sequence > self._taken or turn.final:
            for command in turn.commands:
                facts += account.on(command.body, account.desk.now_ns)
        self._commit(facts)
        self._taken, self._turn = max(self._taken, turn.market_sequence), None
        taken = TurnTaken(market_sequence=self._taken, facts_sequence=self._ledger.head[0], final=turn.final)
        self._server.send(peer, taken)
        self.failpoints.reach("after_answer")

    def _carry_out(self, account: Account, command: Command) -> Answer:
        """A duplicate gets the original result; anything new is durable before it is answered."""
        body = command.body
        if isinstance(body, SubmitOrder | DenyOrder):
            return self._order(account, command, body)
        if not self._settled:
            self._commit(account.on(body, account.desk.now_ns))
        return Answer(command_id=command.command_id, status="recorded", sequence=self._ledger.head[0])

    def _order(self, account: Account, command: Command, body: SubmitOrder | DenyOrder) -> Answer:
        duplicates = self._duplicates
        assert duplicates is not None
        order_id = body.client_order_id if isinstance(body, SubmitOrder) else body.order.client_order_id
        result = duplicates.original(order_id)
        if result is not None:
            self.count("duplicate_orders_count")
        elif not self._settled:
            self._causes[order_id] = (command.market_seen_ns, command.sent_ns)
            self._commit(account.on(body, account.desk.now_ns))
            duplicates.remember(order_id)
            result = account.result_of(order_id)
        status, reason = ("rejected", "session_closed") if result is None else (result.status, result.reason)
        return Answer(command_id=command.command_id, status=status, reason=reason, sequence=self._ledger.head[0])

    def _commit(self, facts: Iterable[AccountFact]) -> None:
        """Durable, then told. A failing disk ends this process: nothing more is acknowledged."""
        committed = tuple(facts)
        if not committed:
            return
        self.failpoints.reach("before_append")
        try:
            last = self._ledger.append(committed)
        except LedgerFailure as failure:
            open_orders = len(self._account.state().open_orders) if self._account else 0
            self.log.critical("LEDGER_FAILED", reason=str(failure), orders_canceled_in_memory=open_orders)
            raise Unstartable(EXIT_IO_ERROR, f"the ledger cannot be written: {failure}") from failure
        self.failpoints.reach("after_append")
        for sequence, fact in enumerate(committed, last - len(committed) + 1):
            self._tell(sequence, fact)
        self.failpoints.reach("after_tell")

    def _tell(self, sequence: int, fact: AccountFact) -> None:
        order_id = fact.order.client_order_id if isinstance(fact, OrderSubmitted) else getattr(fact, "client_order_id", "")
        market_seen_ns, sent_ns = self._causes.get(order_id, (0, 0))
        self._facts.send(told(sequence, fact, market_seen_ns, sent_ns, monotonic_ns()))
        kind = type(fact).__name__
        if kind != "EquityMarked":
            self.count(f"{COUNTED[kind]}_count")
            self.log.info(EVENTS[kind], sequence=sequence, **log_fields(fact))

    def _page(self, after: int) -> FactsGiven:
        page = []
        for sequence, fact in self._ledger.facts(after):
            page.append(told(sequence, fact))
            if len(page) == PAGE_FACTS:
                break
        return FactsGiven(facts=tuple(page), head=self._ledger.head[0], market_sequence=self._taken)

    # ------------------------------------------------------------------ settling

    def _halt_now(self, halt: Halt) -> None:
        self._settle(halt.reason, CloseAll(reason=halt.reason))
        self.halted(**self._closing_detail())

    def _settle(self, reason: str, how: CancelAll | CloseAll) -> None:
        """Once: what comes later finds the books closed."""
        account = self._account
        if account is None or self._settled:
            return
        self.failpoints.reach("before_settle")
        self._commit(account.on(how, account.desk.now_ns))
        self._commit(account.close(account.desk.now_ns, reason))
        self._settled = True
        sequence, head = self._ledger.head
        save_state(self.post.state_file, paper_state(account.state(), self.post.run_id, sequence, head))
        self.log.info("STATE_PERSISTED", path=str(self.post.state_file), ledger_sequence=sequence, ledger_head=head)

    def _closing_detail(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"open_orders": len(self._account.state().open_orders), "ledger_sequence": self._ledger.head[0]}

    def _identity(self) -> str:
        return f"broker.{self.post.incarnation}"
