"""A run as a session leaves it, made without any process: settings, tape, ledger, summary and state, each by the code that a session uses."""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import msgspec

from actors.market_tape import told_again
from config.resolved import COMMAND_LINE, resolved_yaml
from front.account_terms import Terms, read_terms
from front.arguments import Arguments
from front.settings import Settings, read_settings
from records.ledger import Ledger
from records.state import paper_state, save_state
from records.tape import ConnectionEvent, Frame, TapeHeader, TapeReader, TapeWriter
from records.workspace import Workspace
from reporting.artefacts import RunFacts, write_artefacts
from reporting.summary_file import Ending, summary_content, write_summary
from tests.venue.frames import CONNECT_FRAME, T0_MS, price, push, trade
from trading.account import Account, ImpossibleFact
from trading.account_settings import AccountSettings
from trading.messages import AccountFact, CancelAll, CancelOrder, MarketFact, ReportProgress, SubmitOrder
from trading.quantities import Instrument
from trading.summary import fold
from trading.words import OrderType, Side
from venue.dialect import DEPTH
from venue.stream import MarketStream

__all__ = ["BTC", "FinishedRun"]

BTC = "BTCUSDT"
INSTRUMENT = Instrument(BTC, Decimal("0.1"), Decimal("0.0001"), Decimal("0.0001"), Decimal(500), Decimal(200))
NS_PER_MS = 1_000_000
MARK = {"ip": "60000", "mp": "60000", "fr": "0.01", "ft": "2026-09-23T00:00:00Z", "nft": "2026-09-23T08:00:00Z"}


class FinishedRun:
    """Two orders fill, one rests. ``facts`` is what the ledger says."""

    def __init__(self, root: Path, run_id: str = "r1", closed: bool = True) -> None:
        self.workspace = Workspace(root)
        self.workspace.make()
        self.paths = self.workspace.make_run(run_id)
        self._write_settings()
        self._write_tape(ended=closed)
        self.terms = self._terms()
        account = Account(self._account_settings(), self.terms.broker.fingerprint)
        self.facts = self._lived(account, closed)
        ledger = Ledger.open(self.paths.ledger, create=True)
        for fact in self.facts:
            ledger.append([fact])
        seq, head = ledger.head
        ledger.close()
        if closed:
            write_artefacts(self.paths, _run_facts(run_id), {"duration_s": 8.0}, "duration")
            save_state(self.workspace.state_file, paper_state(account.state(), run_id, seq, head))

    def rewrite_ledger(self, facts: list[AccountFact]) -> None:
        """Forged by somebody who can count: check sums and chain are right, and so are summary and state."""
        for path in self.paths.directory.glob("ledger.db*"):
            path.unlink()
        ledger = Ledger.open(self.paths.ledger, create=True)
        ledger.append(facts)
        seq, head = ledger.head
        ledger.close()
        write_artefacts(self.paths, _run_facts(self.paths.run_id), {"duration_s": 8.0}, "duration")
        with suppress(ImpossibleFact):  # then the state of before stays
            save_state(self.workspace.state_file, paper_state(Account.folded(facts).state(), self.paths.run_id, seq, head))

    def never_opened(self, with_ledger: bool) -> None:
        """As a session leaves it that was stopped before its account was opened."""
        for path in self.paths.directory.glob("ledger.db*"):
            path.unlink()
        if with_ledger:
            Ledger.open(self.paths.ledger, create=True).close()
        ending = msgspec.convert({"duration_s": 0.5, "exit_code": 0, "reason": "stop", "ended_at": "2026-01-05T08:00:00Z"}, Ending)
        write_summary(self.paths.summary, summary_content(_run_facts(self.paths.run_id), ending, fold(()), 0, "0" * 64))

    def _write_settings(self) -> None:
        settings = read_settings(Arguments())
        assert isinstance(settings, Settings)
        words = {"symbol": BTC, "venue": "sim", "seed": 7}
        self.paths.config_resolved.write_text(resolved_yaml({COMMAND_LINE: words, **msgspec.structs.asdict(settings)}))

    def _write_tape(self, ended: bool) -> None:
        """Eight seconds; the price rises by 1 a second."""
        writer = TapeWriter.open(self.paths.tape, TapeHeader(venue="bitunix", symbols=(BTC,), started_ns=T0_MS * NS_PER_MS))
        writer.append(ConnectionEvent(T0_MS * NS_PER_MS, "connected", "connection=1"))
        writer.append(Frame(T0_MS * NS_PER_MS, CONNECT_FRAME))
        for tick in range(32):
            ts = T0_MS + 250 * tick
            bid, ask = (str(Decimal(60_000 + tick // 4) + offset) for offset in (Decimal("0.1"), Decimal("0.2")))
            book = push(DEPTH, {"b": [[bid, "2"], ["59000", "1"]], "a": [[ask, "3"], ["61000", "1"]]}, ts)
            for text in (book, trade(ts, ask), price(ts, **MARK) if tick == 0 else trade(ts + 1, bid)):
                writer.append(Frame(ts * NS_PER_MS, text))
        writer.close(ended_ns=(T0_MS + 9000) * NS_PER_MS if ended else None)

    def _terms(self) -> Terms:
        terms = read_terms(self.paths)
        assert isinstance(terms, Terms), terms
        return terms

    def _account_settings(self) -> AccountSettings:
        return AccountSettings(**{**self.terms.broker.account, "instruments": (INSTRUMENT,)})

    def _lived(self, account: Account, closed: bool) -> list[AccountFact]:
        facts = list(account.open(0))
        for fact in _market(self.paths.tape):
            facts += account.on(fact, fact.at_ns)
            for command in _commands(fact):
                facts += account.on(command, account.desk.now_ns)
        if closed:
            facts += account.on(CancelAll(reason="duration"), account.desk.now_ns)
            facts += account.close(account.desk.now_ns, "duration")
        return facts


def _market(tape: Path) -> list[MarketFact]:
    stream = MarketStream((BTC,))
    return [fact for record in TapeReader(tape) if (fact := told_again(record, stream, 0)) is not None]


def _commands(fact: MarketFact) -> list[ReportProgress | SubmitOrder | CancelOrder]:
    orders = {20: ("in", Side.BUY, None), 40: ("rests", Side.BUY, "59500"), 60: ("part", Side.SELL, None), 70: ("canceled", Side.BUY, "59400")}
    if fact.sequence == 10:
        return [ReportProgress(command_id="p", strategy_id="test", bars=50, warmup_bars=50, warmup_complete=True, at_ns=fact.at_ns)]
    if fact.sequence == 80:
        return [CancelOrder(command_id="c", client_order_id="canceled", reason="test", decided_at_ns=fact.at_ns, market_sequence=80)]
    if fact.sequence not in orders:
        return []
    name, side, limit = orders[fact.sequence]
    return [SubmitOrder(
        client_order_id=name, strategy_id="test", symbol=BTC, side=side, type=OrderType.LIMIT if limit else OrderType.MARKET,
        quantity=Decimal("0.02") if name == "in" else Decimal("0.01"), price=Decimal(limit) if limit else None, decided_at_ns=fact.at_ns,
        market_sequence=fact.sequence,
    )]


def _run_facts(run_id: str) -> RunFacts:
    return RunFacts(
        run_id=run_id, venue="sim", symbols=(BTC,), strategy="test", seed=7, fingerprint="f" * 16, started_at="2026-01-01T00:00:00Z",
        planned_duration_s=8.0,
    )
