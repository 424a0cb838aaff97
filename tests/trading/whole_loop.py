"""A strategy, the risk gate and the account as they work together, one market fact at a time: no process, no socket."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TypeVar

from tests.trading.decision_facts import BTC, SYMBOL
from tests.trading.risk_desk import SETTINGS
from trading.account import Account, AccountSettings
from trading.latency import Constant, KnownLatency
from trading.limits import RiskSettings
from trading.messages import AccountFact, MarketFact, SubmitOrder
from trading.risk import RiskGate
from trading.risk_case import Rule
from trading.risk_rules import RULES
from trading.strategy.protocol import StrategySettings
from trading.strategy.trader import Intent, Trader

__all__ = ["FINGERPRINT", "Loop"]

F = TypeVar("F", bound=AccountFact)

FINGERPRINT = "3f9a1c77"
AT_ONCE = Constant(ms=Decimal(0))


class Loop:
    """Everything that was said is kept: ``facts`` of the account, ``intents`` of the strategy, ``decisions`` of the gate."""

    def __init__(
        self, strategy: StrategySettings, *, entry: KnownLatency = AT_ONCE, response: KnownLatency = AT_ONCE, risk: RiskSettings = SETTINGS,
        rules: tuple[Rule, ...] = RULES,
    ) -> None:
        self.trader = Trader(strategy, [BTC], FINGERPRINT)
        self.gate = RiskGate(risk, [BTC], rules)
        self.account = Account(
            AccountSettings(
                instruments=(BTC,), position_max=risk.max_position_per_symbol, slippage_bps=Decimal(1), entry_latency=entry,
                response_latency=response, equity_interval_ms=60_000,
            ),
            FINGERPRINT,
        )
        self.facts: list[AccountFact] = []
        self.intents: list[Intent] = []
        self.decisions: list[object] = []
        self.gate.catch_up(0)
        self._tell(self.account.open(0))

    def run(self, market: Iterable[MarketFact]) -> "Loop":
        for fact in market:
            self.step(fact)
        return self

    def step(self, fact: MarketFact) -> list[Intent]:
        """One turn: the strategy decides, the gate judges, the account takes the market and then what was decided."""
        intents = list(self.trader.on_market(fact))
        self.gate.on_market(fact, fact.at_ns)
        self.gate.permit(fact.at_ns, "trade")
        decisions = [self.gate.decide(intent, fact.at_ns) for intent in intents]
        told = list(self.account.on(fact, fact.at_ns))
        for decision in decisions:
            told += self.account.on(decision, fact.at_ns)
        self.intents += intents
        self.decisions += decisions
        self._tell(told)
        return intents

    def of(self, kind: type[F]) -> list[F]:
        """All facts of a kind so far."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    @property
    def orders(self) -> list[SubmitOrder]:
        return [intent for intent in self.intents if isinstance(intent, SubmitOrder)]

    @property
    def position(self) -> Decimal:
        return self.account.position(SYMBOL)

    @property
    def open_ids(self) -> set[str]:
        return {order.client_order_id for order in self.account.desk.orders.open()}

    def _tell(self, told: Iterable[AccountFact]) -> None:
        for fact in told:
            self.facts.append(fact)
            assert self.trader.on_fact(len(self.facts), fact) and self.gate.on_fact(len(self.facts), fact)
