"""Every fact of the account has its word in the log and its count among the metrics."""

from typing import get_args

from actors.telling import COUNTED, EVENTS, log_fields
from trading.messages import AnyAccountFact, EquityMarked, OrderCanceled, Receipt


def test_every_account_fact_but_the_equity_curve_is_told_and_counted() -> None:
    kinds = {kind.__name__ for kind in get_args(AnyAccountFact)} - {EquityMarked.__name__}
    assert set(EVENTS) == set(COUNTED) == kinds
    assert len(set(EVENTS.values())) == len(EVENTS)


def test_the_log_leaves_the_evidence_to_the_ledger() -> None:
    fact = OrderCanceled(at_ns=1, client_order_id="a", reason="test", receipt=Receipt(model="touch"))
    assert log_fields(fact) == {"at_ns": 1, "market_sequence": 0, "client_order_id": "a", "reason": "test"}
