"""A paper account with a hand on the market: short words for tests. Every fact it ever gave is in ``facts``."""

from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from trading.account import Account, AccountSettings
from trading.latency import Constant
from trading.market_facts import Message
from trading.messages import (
    AccountFact, AmendOrder, AnyAccountFact, BookChanged, CancelOrder, FeedStale, MarketFact, MarkPriceChanged, OrderFilled, OrderRejected,
    Print, SubmitOrder, TradesPrinted,
)
from trading.quantities import Instrument
from trading.words import OrderType, Side

F = TypeVar("F", bound=AccountFact)

BTC = "BTCUSDT"
INSTRUMENT = Instrument(
    symbol=BTC, tick=Decimal("0.1"), step=Decimal("0.0001"), minimum_quantity=Decimal("0.0001"),
    maximum_limit_quantity=Decimal(100), maximum_market_quantity=Decimal(50),
)
DECODER = msgspec.json.Decoder(list[AnyAccountFact])
NUMBERS = ("quantity", "price", "trigger_price", "trailing_bps")
MS = 1_000_000
SECOND = 1000 * MS
START = 1_000 * SECOND


def settings(**changes: object) -> AccountSettings:
    """The default settings on BTCUSDT, without latency and with a cap that is not in the way."""
    entry_latency = Constant(ms=Decimal(str(changes.pop("entry_latency_ms", 0))))
    plain = AccountSettings(instruments=(INSTRUMENT,), position_max={BTC: Decimal(10)}, entry_latency=entry_latency)
    return msgspec.structs.replace(plain, **changes)


def _numbers(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: Decimal(value) if name in NUMBERS and isinstance(value, str) else value for name, value in fields.items()}


def levels(*pairs: tuple[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in pairs)


class Story:
    """Time stands still unless told: ``now_ns`` moves with ``at_ms`` (milliseconds after the start)."""

    def __init__(self, account_settings: AccountSettings | None = None) -> None:
        self.settings = account_settings or settings()
        self.account = Account(self.settings, "test")
        self.now_ns = START
        self.facts: list[AccountFact] = list(self.account.open(START))
        self.told: list[tuple[Message, int]] = []
        self._sequence = 0
        self._orders = 0
        self._amends = 0

    def tell(self, message: Message) -> tuple[AccountFact, ...]:
        self.told.append((message, self.now_ns))
        facts = self.account.on(message, self.now_ns)
        self.facts += facts
        return facts

    def book(self, bid: str = "29999.9", ask: str = "30000.1", quantity: str = "100", **when: int) -> tuple[AccountFact, ...]:
        return self.window(((bid, quantity),), ((ask, quantity),), **when)

    def window(
        self, bids: tuple[tuple[str, str], ...], asks: tuple[tuple[str, str], ...], **when: int,
    ) -> tuple[AccountFact, ...]:
        return self.tell(BookChanged(**self._market(**when), bids=levels(*bids), asks=levels(*asks)))

    def trade(self, price: str, quantity: str, aggressor: Side, **when: int) -> tuple[AccountFact, ...]:
        return self.tell(TradesPrinted(**self._market(**when), prints=(Print(Decimal(price), Decimal(quantity), aggressor),)))

    def mark(self, price: str, rate: str = "0", next_funding_ms: int = 10**9, **when: int) -> tuple[AccountFact, ...]:
        return self.tell(MarkPriceChanged(
            **self._market(**when), mark=Decimal(price), index=Decimal(price), funding_rate=Decimal(rate),
            next_funding_at_ns=START + next_funding_ms * MS,
        ))

    def stale(self, stream: str = "all", reason: str = "silence", **when: int) -> tuple[AccountFact, ...]:
        return self.tell(FeedStale(**self._market(**when), stream=stream, age_ms=15_000, reason=reason))

    def buy(self, quantity: str, price: str | None = None, **fields: object) -> tuple[AccountFact, ...]:
        return self.tell(self.order(Side.BUY, quantity, price, **fields))

    def sell(self, quantity: str, price: str | None = None, **fields: object) -> tuple[AccountFact, ...]:
        return self.tell(self.order(Side.SELL, quantity, price, **fields))

    def order(self, side: Side, quantity: str, price: str | None = None, **fields: object) -> SubmitOrder:
        """A LIMIT with a price, else a MARKET, unless ``type`` says so; numbers may be texts."""
        self._orders += 1
        given: dict[str, Any] = {
            "client_order_id": f"o-{self._orders}", "decided_at_ns": self.now_ns, "strategy_id": "test", "symbol": BTC,
            "type": OrderType.LIMIT if price else OrderType.MARKET, "price": price, **fields,
        }
        return SubmitOrder(**_numbers(given), side=side, quantity=Decimal(quantity))

    def cancel(self, client_order_id: str) -> tuple[AccountFact, ...]:
        return self.tell(CancelOrder(
            command_id=f"cancel-{client_order_id}", client_order_id=client_order_id, reason="test",
            decided_at_ns=self.now_ns,
        ))

    def amend(self, client_order_id: str, **fields: object) -> tuple[AccountFact, ...]:
        self._amends += 1
        given: dict[str, Any] = {"command_id": f"amend-{self._amends}", "decided_at_ns": self.now_ns, **fields}
        return self.tell(AmendOrder(**_numbers(given), client_order_id=client_order_id))

    def prints(self, *trades: tuple[str, str, Side], **when: int) -> tuple[AccountFact, ...]:
        """Several trades in one push."""
        pushed = tuple(Print(Decimal(price), Decimal(quantity), aggressor) for price, quantity, aggressor in trades)
        return self.tell(TradesPrinted(**self._market(**when), prints=pushed))

    def recovered(self) -> Account:
        """What a crash now would leave: the ledger's text folded, and the market heard again."""
        account = Account.recover(self.settings, "test", DECODER.decode(msgspec.json.encode(self.facts)))
        for message, now_ns in self.told:
            if isinstance(message, MarketFact):
                account.observe(message, now_ns)
        return account

    def text_of(self, client_order_id: str) -> str:
        """The sentence of a refusal."""
        [rejected] = [each for each in self.of(OrderRejected) if each.client_order_id == client_order_id]
        return rejected.text

    def of(self, kind: type[F]) -> list[F]:
        """All facts of a kind so far."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    @property
    def fills(self) -> list[OrderFilled]:
        return self.of(OrderFilled)

    @property
    def position(self) -> Decimal:
        return self.account.position(BTC)

    def status(self, client_order_id: str) -> tuple[str, str]:
        result = self.account.result_of(client_order_id)
        return (result.status, result.reason) if result else ("unknown", "")

    def _market(self, at_ms: int | None = None) -> dict[str, Any]:
        if at_ms is not None:
            self.now_ns = START + at_ms * MS
        self._sequence += 1
        return {"sequence": self._sequence, "at_ns": self.now_ns, "seen_ns": 0, "symbol": BTC}
