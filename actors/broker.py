"""The broker: owner of the paper account and its ledger; the only writer of money.

Market facts and commands meet in one inbox; what the account decides is committed, then told, then answered. Starting is
recovering: a fresh ledger and a crashed one take the same path. Matching, fees and lots are in trading/account.py, the ledger in
actors/books.py.
"""

from collections.abc import Iterable
from typing import Any

from actors.books import Books
from actors.envelopes import Answer, Command, FactsWanted, Fetched, LegGiven, LegWanted, Turn, TurnTaken
from actors.following import MarketFollower, market_follower
from actors.look_back import LookBack
from actors.opening import BrokerSettings, Opening
from actors.process import EXIT_FAILED, ProcessActor, Unstartable
from actors.standing import standing_to
from actors.turns import MarketQueue, consequences
from messaging.control import Drain, Halt
from messaging.mailbox import Delivery
from records.ledger import LedgerFailure
from records.state import paper_state, save_state
from timing.clock import monotonic_ns
from timing.histogram import Histogram
from trading.account import Account
from trading.account_settings import AccountSettings
from trading.duplicates import Duplicates
from trading.messages import AccountFact, CancelAll, CloseAll, DenyOrder, SessionOpened, SubmitOrder
from trading.words import TradingState

__all__ = ["Broker", "BrokerSettings"]

EXIT_UNAVAILABLE, EXIT_IO_ERROR = 69, 74
HEAD_NS = 400_000_000
FOLLOW_NS = 150_000_000
HALT_WAIT_NS = 200_000_000
ASK_AGAIN_NS = 250_000_000
"""At the opening. A gateway that still has a question under way takes it for the same one (venue/dispatch.py), so this may be short."""


class Broker(ProcessActor):
    """One account, one ledger, one writer."""

    def open(self) -> None:
        channels = self.post.channels
        self._opening = Opening(self.post.settings)
        self._account: Account | None = None
        self._halting: Halt | None = None
        self._settled = False
        self._duplicates: Duplicates | None = None
        self._queue = MarketQueue()
        self._durable = Histogram()
        self._turn: tuple[bytes, Turn] | None = None
        self._taken = 0
        publisher = channels.publisher("facts")
        self._server = channels.server("broker")
        self._gateway = channels.client("gateway", self._identity())
        self.listen("commands", self._server, self._on_command)
        self.listen("gateway", self._gateway, self._on_answer)
        self.every("head", HEAD_NS, lambda _: self._books.tell_head())
        self._books = Books(self.post.run_directory / "ledger.db", publisher, self.log, self.failpoints, self.counters)
        if not self._recover():
            self._feed = channels.client("feed", f"{self._identity()}.opening")
            self.listen("leg", self._feed, self._on_answer)
            self._began_ns = monotonic_ns()
            self._ask()

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
        self._books.close()

    def report(self) -> dict[str, Any]:
        if self._account is not None:
            self.counters["market_gaps_count"] = self._market.gap_count
            self.counters["off_book_prints_count"] = sum(each.off_book_count for each in self._account.desk.markets.values())
            self.counters["market_passed_over_count"] = self._market.unobserved_count
        for word, value_ns in (("p50", self._durable.p50), ("p95", self._durable.p95), ("max", self._durable.largest)):
            self.gauges[f"durable_answer_ms_{word}"] = round(value_ns / 1e6, 3)
        return {"ledger_sequence": self._books.head[0]}

    # ------------------------------------------------------------------ starting is recovering

    def _recover(self) -> bool:
        """Fold what the ledger has; False when it is still empty."""
        facts = self._books.facts()
        if not facts:
            return False
        opened = facts[0]
        assert isinstance(opened, SessionOpened), "a ledger's first row opens the session"
        settings: BrokerSettings = self.post.settings
        account = Account.recover(settings.of_ledger(opened), opened.fingerprint, facts)
        self.log.info("LEDGER_RECOVERED", facts=len(facts), head=self._books.head[1])
        self._take_up(account)
        return True

    def _ask(self) -> None:
        """What is not answered yet, again and again until the account is open: whoever was asked may have died over it."""
        self._open_with(self._opening.waited(monotonic_ns() - self._began_ns))
        if self._account is not None or self._settled:
            return
        for question in self._opening.questions():
            (self._feed if isinstance(question, LegWanted) else self._gateway).send(question)
        self.after("ask", ASK_AGAIN_NS, lambda _: self._ask())

    def _on_answer(self, delivery: Delivery) -> None:
        if self._account is None and isinstance(delivery.message, Fetched | LegGiven):
            self._open_with(self._opening.hear(delivery.message))

    def _open_with(self, settings: AccountSettings | None) -> None:
        """Once: with the first settings that are complete."""
        if settings is None or self._account is not None or self._settled:
            return
        for symbol, reason in self._opening.without_tiers.items():
            self.log.warning("MARGIN_TIERS_UNAVAILABLE", symbol=symbol, reason=reason, instead="margin_tiers of the configuration")
        account = Account(settings, self.post.settings.fingerprint)
        self._commit(account.open(0, self.post.settings.carried))
        self._take_up(account)

    def _take_up(self, account: Account) -> None:
        """The account is there: from now on the market concerns it."""
        self._account = account
        self._taken = account.market_sequence
        self._look_back = LookBack(account.market_sequence)
        self._duplicates = Duplicates(account, timer=lambda: monotonic_ns() / 1e9)
        channels = self.post.channels
        self._market: MarketFollower = market_follower(
            channels.subscriber("market"), channels.client("feed", self._identity()), self.listen, self._on_market,
            self._on_market_caught_up, standing_to=standing_to(account), passed_over=self._on_passed_over,
        )
        self.every("follow", FOLLOW_NS, lambda _: self._market.tick())
        self._market.tick()

    def _on_market_caught_up(self) -> None:
        if self._halting is not None:
            self._halt_now(self._halting)
        self.serve(ledger_sequence=self._books.head[0])

    # ------------------------------------------------------------------ work

    def _on_market(self, sequence: int, fact: Any) -> None:
        """After a crash the market is heard again: what the ledger shows to be dealt with is only looked at."""
        account = self._account
        assert account is not None
        if self._look_back.covers(sequence):
            account.observe(fact, fact.at_ns)
        elif self.post.lockstep:
            self._queue.put(fact)
            self._market.suffices()
            self._take_turn()
        elif not self._settled:
            self._commit(account.on(fact, fact.at_ns))

    def _on_passed_over(self, first: int, last: int) -> None:
        """The feed no longer has these market facts: that nobody saw them is on record before anything behind them is taken in."""
        request = self._look_back.passed_over(first, last, self._market.reader.last)
        if request is None or self._account is None:
            return
        if self.post.lockstep:
            raise Unstartable(EXIT_FAILED, f"market facts {first} to {last} of a tape cannot be had: its ledger would be another one")
        self._commit(self._account.on(request, self._account.desk.now_ns))

    def _on_command(self, delivery: Delivery) -> None:
        assert delivery.peer is not None
        message = delivery.message
        if isinstance(message, FactsWanted):
            self._server.send(delivery.peer, self._books.page(message.after, self._taken))
        elif isinstance(message, Turn):
            self._turn = (delivery.peer, message)
            self._take_turn()
        elif isinstance(message, Command) and self._account is not None and self._market.caught_up:
            began_ns = monotonic_ns()
            answer = self._carry_out(self._account, message)
            if answer is not None:
                self._server.send(delivery.peer, answer)
                self._durable.record(monotonic_ns() - began_ns)
                self.failpoints.reach("after_answer")
            self._books.log_committed()

    def _take_turn(self) -> None:
        """The turn that waits, when the market up to it is here: all its consequences in one transaction."""
        account = self._account
        if self._turn is None or account is None or self._settled:
            return
        peer, turn = self._turn
        if self._queue.last < turn.market_sequence and account.market_sequence < turn.market_sequence:
            return
        self._commit(consequences(account, self._queue, turn, self._taken))
        self._taken, self._turn = max(self._taken, turn.market_sequence), None
        taken = TurnTaken(market_sequence=self._taken, facts_sequence=self._books.head[0], final=turn.final)
        self._server.send(peer, taken)
        self.failpoints.reach("after_answer")

    def _carry_out(self, account: Account, command: Command) -> Answer | None:
        """A duplicate gets the original result; anything new is durable before it is answered. None: not now, it will come again."""
        body = command.body
        if isinstance(body, SubmitOrder | DenyOrder):
            return self._order(account, command, body)
        if not self._settled:
            self._make_durable(account.on(body, account.desk.now_ns))
        return Answer(command_id=command.command_id, status="recorded", sequence=self._books.head[0])

    def _order(self, account: Account, command: Command, body: SubmitOrder | DenyOrder) -> Answer | None:
        duplicates = self._duplicates
        assert duplicates is not None
        order_id = body.client_order_id if isinstance(body, SubmitOrder) else body.order.client_order_id
        result = duplicates.original(order_id)
        if result is not None:
            self.count("duplicate_orders_count")
        elif not self._settled and isinstance(body, SubmitOrder) and _comes_too_early(account, body):
            return None
        elif not self._settled:
            self._books.because_of(order_id, command.market_seen_ns, command.sent_ns)
            self._make_durable(account.on(body, account.desk.now_ns))
            duplicates.remember(order_id)
            result = account.result_of(order_id)
        status, reason = ("rejected", "session_closed") if result is None else (result.status, result.reason)
        return Answer(command_id=command.command_id, status=status, reason=reason, sequence=self._books.head[0])

    def _commit(self, facts: Iterable[AccountFact]) -> None:
        self._make_durable(facts)
        self._books.log_committed()

    def _make_durable(self, facts: Iterable[AccountFact]) -> None:
        """Durable, then told; logged once whoever asked has been answered. A failing disk ends this process: nothing more is
        acknowledged."""
        try:
            self._books.commit(facts)
        except LedgerFailure as failure:
            open_orders = len(self._account.state().open_orders) if self._account else 0
            self.log.critical("LEDGER_FAILED", reason=str(failure), orders_canceled_in_memory=open_orders)
            raise Unstartable(EXIT_IO_ERROR, f"the ledger cannot be written: {failure}") from failure

    # ------------------------------------------------------------------ settling

    def _halt_now(self, halt: Halt) -> None:
        self._settle(halt.reason, CloseAll(reason=halt.reason))
        self.halted(**self._closing_detail())

    def _settle(self, reason: str, how: CancelAll | CloseAll) -> None:
        """Once: what comes later finds the books closed. An account that is not open yet will not be."""
        account = self._account
        if account is None or self._settled:
            self._settled = True
            return
        self.failpoints.reach("before_settle")
        unheard = self._look_back.cut_short(self._market.reader.last)
        if unheard is not None:
            self._commit(account.on(unheard, account.desk.now_ns))
        self._commit(account.on(how, account.desk.now_ns))
        self._commit(account.close(account.desk.now_ns, reason))
        self._settled = True
        sequence, head = self._books.head
        try:
            save_state(self.post.state_file, paper_state(account.state(), self.post.run_id, sequence, head))
        except OSError as problem:
            raise Unstartable(EXIT_IO_ERROR, f"the account cannot be saved, its ledger is whole: {problem}") from problem
        self.log.info("STATE_PERSISTED", path=str(self.post.state_file), ledger_sequence=sequence, ledger_head=head)

    def _closing_detail(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"open_orders": len(self._account.state().open_orders), "ledger_sequence": self._books.head[0]}

    def _identity(self) -> str:
        return f"broker.{self.post.incarnation}"


def _comes_too_early(account: Account, order: SubmitOrder) -> bool:
    """Behind a gate that has spoken: the end of the warm-up, sent before this order, was lost with the broker that it reached. It comes
    again, and the order behind it."""
    progress = account.desk.progress.get(order.strategy_id)
    warm = progress is not None and progress.warmup_complete
    return account.trading_state is not TradingState.STARTING and not warm
