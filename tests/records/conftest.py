"""Facts to keep: one short session with every kind of fact in it, and as many small ones as a test wants."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from records.ledger import Ledger
from trading.messages import (
    AccountFact, CancelSubmitted, ClosedLot, EquityMarked, FundingPaid, OrderAccepted, OrderCanceled, OrderDenied, OrderExpired, OrderFilled,
    OrderRejected, OrderSubmitted, SessionClosed, SessionOpened, StrategyProgressed, SubmitOrder, TradingStateChanged,
)
from trading.quantities import Instrument
from trading.words import Liquidity, OrderType, Side, TradingState

D = Decimal
BTCUSDT = Instrument("BTCUSDT", D("0.1"), D("0.0001"), D("0.0001"), D(500), D(200))


def order(order_id: str, side: Side = Side.BUY, quantity: str = "0.02", price: str | None = None) -> SubmitOrder:
    return SubmitOrder(
        client_order_id=order_id, strategy_id="trend", symbol="BTCUSDT", side=side, type=OrderType.LIMIT if price else OrderType.MARKET,
        quantity=D(quantity), price=D(price) if price else None, reason="a “reason”, with a comma",
    )


def filled(at_ns: int, order_id: str, quantity: str, leaves: str, position: str, closed: tuple[ClosedLot, ...] = ()) -> OrderFilled:
    return OrderFilled(
        at_ns=at_ns, client_order_id=order_id, trade_id=f"t{at_ns}", symbol="BTCUSDT", side=Side.SELL if closed else Side.BUY,
        quantity=D(quantity), price=D("65000.1"), leaves_quantity=D(leaves), liquidity=Liquidity.TAKER, fee=D("0.325"), mid=D("64805"),
        slippage_bps=D("30.1"), model="fixed", book_sequence=7, realized_pnl=sum((lot.pnl for lot in closed), D(0)), position=D(position),
        closed=closed,
    )


@pytest.fixture
def session() -> list[AccountFact]:
    """Every kind of fact at least once; orders a (filled in two parts), b (denied), c (canceled), d (expired), e (rejected), f (open)."""
    lot = ClosedLot(D("0.01"), D("65000.1"), D("65000.1"), D("0"), D("0.65"))
    return [
        SessionOpened(at_ns=1, fingerprint="f" * 16, instruments=(BTCUSDT,), balance=D(10000), fee_schedule="default",
                      maker_fee=D("-0.0002"), taker_fee=D("0.0005"), slippage_model="fixed"),
        TradingStateChanged(at_ns=2, state=TradingState.ACTIVE, reason="warm"),
        StrategyProgressed(at_ns=3, strategy_id="trend", bars=50, warmup_bars=50, warmup_complete=True),
        OrderSubmitted(at_ns=4, order=order("a"), effective_at_ns=104),
        OrderAccepted(at_ns=5, client_order_id="a"),
        filled(6, "a", "0.015", "0.005", "0.015"),
        filled(7, "a", "0.005", "0", "0.02"),
        OrderDenied(at_ns=8, order=order("b"), reason="position_limit", text="POSITION_LIMIT_EXCEEDED: symbol=BTCUSDT"),
        OrderSubmitted(at_ns=9, order=order("c", Side.SELL, "0.01", "66000"), effective_at_ns=109),
        OrderAccepted(at_ns=10, client_order_id="c"),
        CancelSubmitted(at_ns=11, client_order_id="c", command_id="x1", reason="old", effective_at_ns=111),
        OrderCanceled(at_ns=12, client_order_id="c", reason="old"),
        OrderSubmitted(at_ns=13, order=order("d", Side.SELL, "0.02"), effective_at_ns=113),
        OrderAccepted(at_ns=14, client_order_id="d"),
        filled(15, "d", "0.01", "0.01", "0.01", (lot,)),
        OrderExpired(at_ns=16, client_order_id="d", reason="IOC"),
        OrderSubmitted(at_ns=17, order=order("e"), effective_at_ns=117),
        OrderRejected(at_ns=18, client_order_id="e", reason="post_only", text="POST_ONLY_WOULD_TAKE"),
        OrderSubmitted(at_ns=19, order=order("f", Side.SELL, "0.01", "67000"), effective_at_ns=119),
        OrderAccepted(at_ns=20, client_order_id="f"),
        CancelSubmitted(at_ns=21, client_order_id="f", command_id="x2", reason="old", effective_at_ns=121),
        FundingPaid(at_ns=22, symbol="BTCUSDT", boundary_at_ns=22, rate=D("0.0001"), mark=D(65000), position=D("0.01"), amount=D("-0.065")),
        EquityMarked(at_ns=23, balance=D("9998.96"), unrealized_pnl=D("-0.001"), equity=D("9998.959"), marks={"BTCUSDT": D(65000)}),
        SessionClosed(at_ns=24, reason="duration"),
    ]


@pytest.fixture
def accepted() -> Callable[[int], list[AccountFact]]:
    """So many small facts, all different."""
    return lambda count: [OrderAccepted(at_ns=number, client_order_id=f"order-{number}") for number in range(1, count + 1)]


@pytest.fixture
def ledger_path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def kept(ledger_path: Path, session: list[AccountFact]) -> Path:
    """A closed ledger of the session."""
    ledger = Ledger.open(ledger_path, create=True)
    ledger.append(session)
    ledger.close()
    return ledger_path
