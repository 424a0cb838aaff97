"""The same orders at our own account: each alone in a fresh one, told the part of the tape that it lives through.

It is the product's ``trading.account.Account``, not its models apart from it: latency, acceptance, price protection and rounding are
the session's. Must not know the reference engine.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from benchmarks.realism.outcome import Outcome
from benchmarks.realism.random_orders import Ask, Kind
from benchmarks.realism.recorded_market import MS, SECOND, RecordedMarket
from trading.account import Account, AccountSettings
from trading.latency import Constant
from trading.messages import AccountFact, MarketFact, OrderCanceled, OrderExpired, OrderFilled, OrderRejected, OrderRested, SubmitOrder
from trading.queue_models import MakingSettings, Penetrate, ProbLog, ProbPower, RiskAverse, Touch

__all__ = ["MAKING", "account_settings", "facts_of", "outcome_of", "outcomes", "told"]

MAKING: dict[str, MakingSettings] = {
    "touch": Touch(), "penetrate": Penetrate(), "risk_averse": RiskAverse(), "prob_power": ProbPower(), "prob_log": ProbLog(),
}
RUN = "realism"
SETTLING_NS = 2 * SECOND
"""An account acts when it hears of a later instant: the next fact must be among what it is told."""
LEAD_NS = 1 * SECOND


def account_settings(
    market: RecordedMarket, latency_ns: int, model: str = "risk_averse", equity_interval_ms: int = 3_600_000,
) -> AccountSettings:
    """Rich enough that no limit of ours is in the way; the taker model is ``book``, ``model`` is a name of MAKING."""
    return AccountSettings(
        balance=Decimal(10**12), instruments=(market.instrument,), position_max={market.instrument.symbol: Decimal(10**9)},
        slippage_model="book", making=MAKING[model], entry_latency=Constant(ms=Decimal(latency_ns) / MS),
        equity_interval_ms=equity_interval_ms,
    )


def outcomes(market: RecordedMarket, asks: Sequence[Ask], settings: AccountSettings, latency_ns: int) -> dict[int, Outcome]:
    """By the order's number, judged at the same instants as at the reference engine."""
    return {ask.number: outcome_of(facts_of(market, ask, settings, latency_ns)) for ask in asks}


def facts_of(market: RecordedMarket, ask: Ask, settings: AccountSettings, latency_ns: int) -> list[AccountFact]:
    """Everything that one order brings about until it is judged."""
    judged_ns = ask.cancel_at_ns if ask.kind is Kind.MAKER else ask.at_ns + latency_ns + SETTLING_NS
    account = Account(settings, RUN)
    facts = list(account.open(market.facts[0].at_ns))
    for fact in told(market.between(ask.at_ns - LEAD_NS, judged_ns), account, ask):
        facts.append(fact)
        if isinstance(fact, OrderCanceled | OrderExpired | OrderRejected) or (isinstance(fact, OrderFilled) and not fact.leaves_quantity):
            break
    return facts


def told(market_facts: Sequence[MarketFact], account: Account, ask: Ask) -> Iterator[AccountFact]:
    """The account's facts as it hears the market, and the order when it is decided."""
    submitted = False
    for fact in market_facts:
        if not submitted and fact.at_ns > ask.at_ns:
            submitted = True
            yield from account.on(_intent(ask, fact.symbol), ask.at_ns)
        yield from account.on(fact, fact.at_ns)


def outcome_of(facts: Sequence[AccountFact]) -> Outcome:
    """What was priced beyond the visible window is told apart: the reference engine has nothing there."""
    fills = [fact for fact in facts if isinstance(fact, OrderFilled)]
    shown = [fact for fact in fills if not _is_extrapolated(fact)]
    outcome = Outcome(
        filled=sum((fact.quantity for fact in shown), Decimal(0)),
        beyond=sum((fact.quantity for fact in fills if _is_extrapolated(fact)), Decimal(0)),
        refused=any(isinstance(fact, OrderRejected | OrderCanceled) for fact in facts),
        unknown_queue=any(isinstance(fact, OrderRested) and fact.ahead is None for fact in facts),
    )
    if not shown:
        return outcome
    return msgspec.structs.replace(outcome, last_price=shown[-1].price, last_quantity=shown[-1].quantity, last_at_ns=shown[-1].at_ns)


def _is_extrapolated(fact: OrderFilled) -> bool:
    return fact.receipt is not None and fact.receipt.extrapolated


def _intent(ask: Ask, symbol: str) -> SubmitOrder:
    return SubmitOrder(
        client_order_id=f"{ask.kind.value}-{ask.number}", strategy_id=RUN, symbol=symbol, side=ask.side, type=ask.type,
        quantity=ask.quantity, price=ask.price, time_in_force=ask.time_in_force, post_only=ask.kind is Kind.MAKER,
        decided_at_ns=ask.at_ns,
    )
