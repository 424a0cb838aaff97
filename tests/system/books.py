"""What must be true of everything that a session leaves, however it went. Each check reads the files, never a running process."""

from collections import Counter
from decimal import Decimal
from typing import Any

from records.ledger import LedgerReader
from records.state import PaperState, load_state
from reporting.reconciliation import mismatches
from tests.system.driver import Place
from trading.invariants import violations
from trading.messages import AccountFact

__all__ = ["assert_flat", "assert_settled", "assert_sound_ledger", "assert_summary_is_the_ledgers", "ends_of_orders", "facts_of"]

POSITION_MAX = {"BTCUSDT": Decimal("0.1")}


def facts_of(place: Place) -> list[AccountFact]:
    """The newest run's ledger; reading it verifies every row's check sum and the chain."""
    reader = LedgerReader(place.run.ledger)
    try:
        return [fact for _, fact in reader.facts()]
    finally:
        reader.close()


def assert_sound_ledger(place: Place) -> None:
    """The invariants hold in every prefix; no order and no fill is there twice; nothing was accepted before warm-up was over."""
    facts = facts_of(place)
    assert violations(facts, POSITION_MAX) == []
    asked = Counter(row["order"]["client_order_id"] for kind in ("OrderSubmitted", "OrderDenied") for row in place.bodies(kind))
    trades = Counter(row["trade_id"] for row in place.bodies("OrderFilled"))
    assert [each for each, count in (asked + trades).items() if count > 1] == []
    kinds = [kind for (kind,) in place.rows("SELECT kind FROM ev ORDER BY seq")]
    assert [seq for (seq,) in place.rows("SELECT seq FROM ev ORDER BY seq")] == list(range(1, len(kinds) + 1))
    assert kinds[0] == "SessionOpened" and kinds.count("SessionOpened") == 1
    assert kinds.count("SessionClosed") <= 1
    if "OrderSubmitted" in kinds:
        warm = next(row for row in place.bodies("StrategyProgressed") if row["warmup_complete"])
        assert warm["bars"] >= warm["warmup_bars"]
        assert kinds.index("StrategyProgressed") < kinds.index("OrderSubmitted")


def assert_settled(place: Place, after_kill: bool = False) -> None:
    """The account is at rest: books closed, no order open, state.json what the ledger says."""
    assert_sound_ledger(place)
    assert place.rows("SELECT kind FROM ev ORDER BY seq DESC LIMIT 1") == [("SessionClosed",)]
    state = load_state(place.workspace.state_file)
    assert isinstance(state, PaperState), state
    assert state.run_id == place.run.run_id
    assert state.open_orders == ()
    assert mismatches(facts_of(place), state) == []
    assert all(end is not None for end in ends_of_orders(place).values())
    if after_kill:
        assert_flat(place)


def assert_flat(place: Place) -> None:
    assert [held for held in place.state()["positions"].values() if Decimal(held["quantity"])] == []


def ends_of_orders(place: Place) -> dict[str, str | None]:
    """How each submitted order ended; None for one that did not."""
    ends: dict[str, str | None] = {row["order"]["client_order_id"]: None for row in place.bodies("OrderSubmitted")}
    for kind in ("OrderCanceled", "OrderExpired", "OrderRejected"):
        ends.update({row["client_order_id"]: kind for row in place.bodies(kind)})
    ends.update({row["client_order_id"]: "OrderFilled" for row in place.bodies("OrderFilled") if Decimal(row["leaves_quantity"]) == 0})
    return ends


def assert_summary_is_the_ledgers(place: Place) -> None:
    """Every amount of summary.json, computed again from the rows alone."""
    summary, fills = place.summary(), place.bodies("OrderFilled")
    marks = place.bodies("EquityMarked")
    taken = [(Decimal(fill["quantity"]), Decimal(fill["slippage_bps"])) for fill in fills if fill["liquidity"] == "TAKER"]
    realized, fees = _sum(fills, "realized_pnl"), _sum(fills, "fee")
    funding = _sum(place.bodies("FundingPaid"), "amount")
    start = Decimal(place.bodies("SessionOpened")[0]["balance"])
    unrealized = Decimal(marks[-1]["unrealized_pnl"]) if marks else Decimal(0)
    assert summary["total_trades"] == len(fills)
    assert summary["realized_pnl_usd"] == realized
    assert summary["fees_paid_usd"] == fees
    assert summary["funding_usd"] == funding
    assert summary["net_pnl_usd"] == realized - fees + funding + unrealized
    assert Decimal(place.state()["balance"]) == start + realized - fees + funding
    if taken:
        average = sum(quantity * bps for quantity, bps in taken) / sum(quantity for quantity, _ in taken)
        assert abs(summary["slippage_avg_bps"] - average) < Decimal("1e-9")
    assert abs(summary["max_drawdown_pct"] - _deepest_drawdown_pct(start, marks)) < Decimal("1e-9")
    (head,) = place.rows("SELECT seq, lower(hex(chain)) FROM head")
    assert (summary["ledger_seq"], summary["ledger_head"]) == head
    assert (place.state()["ledger_seq"], place.state()["ledger_head"]) == head


def _sum(rows: list[dict[str, Any]], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), Decimal(0))


def _deepest_drawdown_pct(start: Decimal, marks: list[dict[str, Any]]) -> Decimal:
    peak, deepest = start, Decimal(0)
    for mark in marks:
        equity = Decimal(mark["equity"])
        peak = max(peak, equity)
        deepest = max(deepest, (peak - equity) / peak * 100)
    return deepest
