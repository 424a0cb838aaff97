"""Facts for the tests of bars, strategies and the risk gate, and an exchange that fills everything."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from trading.messages import (
    AccountFact, BookChanged, CancelOrder, FeedLive, FeedStale, MarketFact, OrderAccepted, OrderCanceled, OrderFilled, OrderSubmitted,
    Print, ReportProgress, StrategyProgressed, SubmitOrder, TradesPrinted,
)
from trading.quantities import Instrument, signed
from trading.words import Liquidity, OrderType, Side

MS = 1_000_000
SECOND = 1_000 * MS
SYMBOL = "BTCUSDT"

BTC = Instrument(
    symbol=SYMBOL,
    tick=Decimal("0.1"),
    step=Decimal("0.0001"),
    minimum_quantity=Decimal("0.0001"),
    maximum_limit_quantity=Decimal(1000),
    maximum_market_quantity=Decimal(120),
)


def trades(sequence: int, at_ns: int, *prices: str | int, quantity: str = "0.1", symbol: str = SYMBOL) -> TradesPrinted:
    prints = tuple(Print(Decimal(price), Decimal(quantity), Side.BUY) for price in prices)
    return TradesPrinted(sequence=sequence, at_ns=at_ns, seen_ns=at_ns, symbol=symbol, prints=prints)


def book(
    sequence: int,
    at_ns: int,
    bid: str | int | Decimal = "65000.0",
    ask: str | int | Decimal = "65000.2",
    symbol: str = SYMBOL,
) -> BookChanged:
    size = Decimal(1)
    return BookChanged(
        sequence=sequence,
        at_ns=at_ns,
        seen_ns=at_ns,
        symbol=symbol,
        bids=((Decimal(bid), size),),
        asks=((Decimal(ask), size),),
    )


def stale(sequence: int, at_ns: int, stream: str = "all", symbol: str = SYMBOL) -> FeedStale:
    return FeedStale(
        sequence=sequence, at_ns=at_ns, seen_ns=at_ns, symbol=symbol, stream=stream, age_ms=15_000, reason="silent"
    )


def live(sequence: int, at_ns: int, stream: str = "all", symbol: str = SYMBOL) -> FeedLive:
    return FeedLive(sequence=sequence, at_ns=at_ns, seen_ns=at_ns, symbol=symbol, stream=stream)


def walk(prices: Iterable[int], start_ns: int = 0, step_ns: int = 500 * MS) -> list[MarketFact]:
    """A trade and a book around each price, ``step_ns`` apart from one price to the next."""
    facts: list[MarketFact] = []
    for number, price in enumerate(prices):
        at_ns = start_ns + number * step_ns
        facts.append(trades(2 * number + 1, at_ns, price))
        bid, ask = price - Decimal("0.1"), price + Decimal("0.1")
        facts.append(book(2 * number + 2, at_ns + step_ns // 2, bid, ask))
    return facts


def filled(order: SubmitOrder, position: Decimal, at_ns: int, leaves: Decimal = Decimal(0)) -> OrderFilled:
    return OrderFilled(
        at_ns=at_ns,
        client_order_id=order.client_order_id,
        trade_id=f"T-{order.client_order_id}",
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity - leaves,
        price=order.price or Decimal(65000),
        leaves_quantity=leaves,
        liquidity=Liquidity.TAKER if order.type is OrderType.MARKET else Liquidity.MAKER,
        fee=Decimal(0),
        mid=Decimal(65000),
        slippage_bps=Decimal(0),
        model="fixed",
        book_sequence=1,
        realized_pnl=Decimal(0),
        position=position,
    )


class Exchange:
    """Takes intents, answers with account facts: MARKET fills at once, LIMIT rests until it is canceled."""

    def __init__(self) -> None:
        self.position = Decimal(0)
        self.facts: list[tuple[int, AccountFact]] = []
        self.orders: dict[str, SubmitOrder] = {}
        self.resting: dict[str, SubmitOrder] = {}

    def take(self, intents: Sequence[object]) -> list[tuple[int, AccountFact]]:
        """The new facts, numbered from 1 over the run. A known id is no new order."""
        before = len(self.facts)
        for intent in intents:
            match intent:
                case SubmitOrder() if intent.client_order_id not in self.orders:
                    self._accept(intent)
                case CancelOrder() if intent.client_order_id in self.resting:
                    del self.resting[intent.client_order_id]
                    self._tell(
                        OrderCanceled(
                            at_ns=intent.decided_at_ns, client_order_id=intent.client_order_id, reason="asked"
                        )
                    )
                case ReportProgress():
                    self._tell(
                        StrategyProgressed(
                            at_ns=intent.at_ns,
                            strategy_id=intent.strategy_id,
                            bars=intent.bars,
                            warmup_bars=intent.warmup_bars,
                            warmup_complete=intent.warmup_complete,
                        )
                    )
        return self.facts[before:]

    def _accept(self, order: SubmitOrder) -> None:
        self.orders[order.client_order_id] = order
        self._tell(OrderSubmitted(at_ns=order.decided_at_ns, order=order, effective_at_ns=order.decided_at_ns))
        if order.type is OrderType.LIMIT:
            self.resting[order.client_order_id] = order
            self._tell(OrderAccepted(at_ns=order.decided_at_ns, client_order_id=order.client_order_id))
        else:
            self.position += signed(order.side, order.quantity)
            self._tell(filled(order, self.position, order.decided_at_ns))

    def _tell(self, fact: AccountFact) -> None:
        self.facts.append((len(self.facts) + 1, fact))
