"""The reporter: hears every account fact and the market, measures, shows the live view, checks the books by a way of its own,
and writes the run's summary and tables. It reads and publishes; it never decides.
"""

from typing import Any

import msgspec

from actors.envelopes import FactsGiven, FactTold, Fetched
from actors.following import AS_IT_STANDS, FactsFollower, MarketFollower, market_follower
from actors.process import ProcessActor, Unstartable
from actors.second_look import SecondLook
from messaging.control import Drain
from messaging.mailbox import Delivery
from records.ledger import LedgerDamaged, LedgerFailure, LedgerReader
from records.state import PaperState, load_state
from records.workspace import RunPaths
from reporting.artefacts import RunFacts, write_artefacts
from reporting.reconciliation import mismatches
from timing.clock import monotonic_ns
from timing.histogram import Histogram
from trading.account import Account
from trading.account_settings import AccountSettings
from trading.messages import BookChanged, MarketFact, OrderFilled, OrderSubmitted, SessionOpened

__all__ = ["Reporter", "ReporterSettings"]

TICK_NS = 200_000_000
EXIT_DATA, EXIT_BROKEN, EXIT_IO_ERROR = 65, 70, 74
NS_PER_MS = 1_000_000


class ReporterSettings(msgspec.Struct, frozen=True):
    """``account`` as the broker's; ``run`` what the summary says of the run besides its ledger."""

    account: dict[str, Any]
    run: RunFacts


class Reporter(ProcessActor):
    """Keeps a replica of the account, folded from the facts."""

    def open(self) -> None:
        channels = self.post.channels
        self._replica: Account | None = None
        self._settled = False
        self._books: dict[str, BookChanged] = {}
        self._ages = {name: Histogram() for name in MEASURED}
        broker = channels.client("broker", self._identity())
        self._facts = FactsFollower(broker, self._on_fact, self._on_facts_caught_up)
        self.listen("pages", broker, self._on_page)
        self.listen("facts", channels.subscriber("facts"), self._facts.on_live)
        self._market: MarketFollower = market_follower(
            channels.subscriber("market"), channels.client("feed", self._identity()), self.listen, self._on_market, lambda: None,
            standing_to=AS_IT_STANDS,
        )
        gateway = channels.client("gateway", self._identity())
        self._second_look = SecondLook(gateway, self.log, self.counters)
        self.listen("fetched", gateway, self._on_fetched)
        self.every("tick", TICK_NS, self._on_tick)
        self._facts.tick()

    def on_drain(self, drain: Drain) -> None:
        """The account is settled: write everything from the ledger itself, which has the last word."""
        self.failpoints.reach("before_summary")
        if not self._settled:
            self._settled = True
            try:
                self._write(drain)
            except (OSError, LedgerFailure) as problem:
                raise Unstartable(EXIT_IO_ERROR, f"the account of the run cannot be written: {problem}") from problem
            except LedgerDamaged as damage:
                raise Unstartable(EXIT_DATA, f"the account of the run cannot be written: {damage}") from damage
        self.drained()

    def report(self) -> dict[str, Any]:
        """Part of ``status`` (see docs/OPERATING.md)."""
        self.failpoints.reach("on_beat")
        account = self._replica
        if account is None:
            return {}
        state = account.state()
        working: dict[str, int] = {}
        for order in state.open_orders:
            working[order.symbol] = working.get(order.symbol, 0) + 1
        symbols = {
            symbol: {**self._quote(symbol), "position": account.position(symbol), "working_orders": working.get(symbol, 0)}
            for symbol in account.desk.instruments
        }
        pnl = {
            "realized": state.realized_pnl, "unrealized": state.unrealized_pnl, "fees": state.fees, "funding": state.funding,
            "net": state.equity - account.desk.settings.balance,
        }
        return {"symbols": msgspec.to_builtins(symbols), "pnl": msgspec.to_builtins(pnl)}

    # ------------------------------------------------------------------ what it hears

    def _on_fact(self, sequence: int, told: FactTold) -> None:
        self.failpoints.reach("on_fact")
        fact = told.fact
        if isinstance(fact, SessionOpened):
            settings = AccountSettings(instruments=fact.instruments, **self.post.settings.account)
            self._replica = Account(settings, fact.fingerprint)
        if self._replica is not None:
            self._replica.apply(fact)
        self._measure(told)

    def _measure(self, told: FactTold) -> None:
        """Latencies are subtractions of instants that the message carries; a repeated telling carries none."""
        if not told.told_ns or not told.sent_ns:
            return
        if isinstance(told.fact, OrderSubmitted):
            self._ages["order_ack_ms"].record(told.told_ns - told.sent_ns)
            self._ages["tick_to_order_ms"].record(told.sent_ns - told.market_seen_ns)
        elif isinstance(told.fact, OrderFilled):
            self._ages["order_to_fill_ms"].record(told.told_ns - told.sent_ns)

    def _on_facts_caught_up(self) -> None:
        if self._replica is None:
            self._facts.caught_up = False  # the broker has not opened the session yet: ask again
            return
        self.serve(facts_sequence=self._facts.reader.last)

    def _on_market(self, sequence: int, fact: MarketFact) -> None:
        self.failpoints.reach("on_market")
        if self._market.caught_up:
            self._ages["market_age_ms"].record(monotonic_ns() - fact.seen_ns)
        self._second_look.on_market(fact)
        if isinstance(fact, BookChanged):
            self._books[fact.symbol] = fact
        if self._replica is not None:
            self._replica.observe(fact, fact.at_ns)

    def _on_fetched(self, delivery: Delivery) -> None:
        if isinstance(delivery.message, Fetched):
            self._second_look.on_fetched(delivery.message)

    def _on_page(self, delivery: Delivery) -> None:
        if isinstance(delivery.message, FactsGiven):
            self._facts.on_page(delivery.message)

    def _on_tick(self, _: Delivery) -> None:
        self._facts.tick()
        self._market.tick()
        for name, histogram in self._ages.items():
            if histogram.count:
                for word, value_ns in (("p50", histogram.p50), ("p95", histogram.p95), ("max", histogram.largest)):
                    self.gauges[f"{name}_{word}"] = round(value_ns / NS_PER_MS, 3)

    def _quote(self, symbol: str) -> dict[str, Any]:
        book = self._books.get(symbol)
        if book is None or not book.bids or not book.asks:
            return {"bid": None, "ask": None, "age_s": None}
        age_s = round((monotonic_ns() - book.seen_ns) / 1e9, 3)
        return {"bid": book.bids[0][0], "ask": book.asks[0][0], "age_s": age_s}

    # ------------------------------------------------------------------ the end

    def _write(self, drain: Drain) -> None:
        settings: ReporterSettings = self.post.settings
        paths = RunPaths(self.post.run_directory)
        with_metrics = {**drain.detail.get("metrics", {}), **self.gauges}
        written = write_artefacts(paths, settings.run, {**drain.detail, "metrics": with_metrics}, drain.reason)
        self.failpoints.reach("after_summary")
        self.log.info("SUMMARY_WRITTEN", path=str(paths.summary), **written)
        self._reconcile(paths)

    def _reconcile(self, paths: RunPaths) -> None:
        """state.json against the ledger, by an independent path; a difference of one unit is an error."""
        state = load_state(self.post.state_file)
        if not isinstance(state, PaperState) or state.run_id != self.post.run_id:
            return
        reader = LedgerReader(paths.ledger)
        try:
            found = mismatches([fact for _, fact in reader.facts()], state)
        finally:
            reader.close()
        if found:
            self.log.error("RECONCILIATION_FAILED", mismatches=[str(each) for each in found])
            self.leave(EXIT_BROKEN)
        else:
            self.log.info("RECONCILED", ledger_sequence=state.ledger_seq)

    def _identity(self) -> str:
        return f"reporter.{self.post.incarnation}"


MEASURED = ("market_age_ms", "tick_to_order_ms", "order_ack_ms", "order_to_fill_ms")
"""Ages and latencies that are measured: receipt of a frame to here; receipt to intent; intent to durable; intent to fill."""
