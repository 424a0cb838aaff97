"""A quoter for measuring: one lot at the best price of each side, replaced with every tenth window, and one lot taken with every
thirtieth. Must not know how it is measured.
"""

from benchmarks.realism.recorded_market import RecordedMarket
from trading.account import Account, AccountSettings
from trading.market_facts import Message
from trading.messages import AccountFact, BookChanged, CancelOrder, Level, PositionCarried, SubmitOrder
from trading.words import OrderType, Side, TimeInForce

__all__ = ["QUOTES_EVERY", "RUN", "TAKES_EVERY", "ledger_of", "quoted"]

QUOTES_EVERY, TAKES_EVERY = 10, 30
RUN = "speed"


def quoted(market: RecordedMarket, settings: AccountSettings, *, quotes: bool = True) -> int | None:
    """The tape through a fresh account; how many fills the quoter had, None if it was told to place no orders."""
    account = Account(settings, RUN)
    _quote(market, account, quotes)
    return account.desk.fills if quotes else None


def ledger_of(market: RecordedMarket, settings: AccountSettings) -> list[AccountFact]:
    """Every fact of the account that the quoter trades in."""
    account = _Heard(settings, RUN)
    _quote(market, account, quotes=True)
    return account.said


class _Heard(Account):
    """Keeps what it said."""

    def __init__(self, settings: AccountSettings, fingerprint: str) -> None:
        super().__init__(settings, fingerprint)
        self.said: list[AccountFact] = []

    def open(self, at_ns: int, carried: tuple[PositionCarried, ...] = ()) -> tuple[AccountFact, ...]:
        return self._kept(super().open(at_ns, carried))

    def on(self, message: Message, now_ns: int) -> tuple[AccountFact, ...]:
        return self._kept(super().on(message, now_ns))

    def _kept(self, facts: tuple[AccountFact, ...]) -> tuple[AccountFact, ...]:
        self.said += facts
        return facts


def _quote(market: RecordedMarket, account: Account, quotes: bool) -> None:
    account.open(market.facts[0].at_ns)
    windows = orders = 0
    resting: list[str] = []
    for fact in market.facts:
        account.on(fact, fact.at_ns)
        if not quotes or not isinstance(fact, BookChanged):
            continue
        windows += 1
        if windows % QUOTES_EVERY == 0:
            for name in resting:
                account.on(CancelOrder(command_id=f"C-{name}", client_order_id=name, decided_at_ns=fact.at_ns), fact.at_ns)
            resting = [f"Q-{orders}", f"Q-{orders + 1}"]
            for name, side, levels in zip(resting, Side, (fact.bids, fact.asks), strict=True):
                account.on(_order(market, fact, name, side, OrderType.LIMIT, levels), fact.at_ns)
            orders += 2
        if windows % TAKES_EVERY == 0:
            side = Side.BUY if windows % (2 * TAKES_EVERY) else Side.SELL
            account.on(_order(market, fact, f"T-{windows}", side, OrderType.MARKET), fact.at_ns)


def _order(
    market: RecordedMarket, fact: BookChanged, name: str, side: Side, kind: OrderType, levels: tuple[Level, ...] = (),
) -> SubmitOrder:
    limits = kind is OrderType.LIMIT
    return SubmitOrder(
        client_order_id=name, strategy_id="speed", symbol=fact.symbol, side=side, type=kind, quantity=market.instrument.minimum_quantity,
        price=levels[0][0] if limits else None, time_in_force=TimeInForce.GTC if limits else TimeInForce.IOC, decided_at_ns=fact.at_ns,
    )
