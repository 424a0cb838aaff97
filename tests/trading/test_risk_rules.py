"""Every other rule of the gate: what it refuses, and in which words."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.trading.decision_facts import BTC, MS, SECOND, SYMBOL, book, stale, trades
from tests.trading.risk_desk import NOW, SETTINGS, Desk, buy, progress, sell
from trading.limits import MessageLimit, RiskSettings
from trading.messages import DenyOrder, OrderCanceled, SubmitOrder
from trading.risk import RiskGate
from trading.risk_case import PASS
from trading.risk_rules import RULES
from trading.words import OrderType, TimeInForce


@pytest.mark.parametrize(
    ("asked", "answer", "text"),
    [
        (
            buy("0.01", symbol="ETHUSDT"),
            "no_limits",
            "LIMITS_MISSING: symbol=ETHUSDT, missing=max_position_per_symbol+max_order_quantity+instrument",
        ),
        (buy("NaN"), "invalid", "ORDER_INVALID: symbol=BTCUSDT, quantity=NaN, step=0.0001"),
        (buy("sNaN"), "invalid", "ORDER_INVALID: symbol=BTCUSDT, quantity=sNaN, step=0.0001"),
        (buy("Infinity"), "invalid", "ORDER_INVALID: symbol=BTCUSDT, quantity=Infinity, step=0.0001"),
        (buy("0"), "invalid", "ORDER_INVALID: symbol=BTCUSDT, quantity=0, step=0.0001"),
        (buy("-0.01"), "invalid", "ORDER_INVALID: symbol=BTCUSDT, quantity=-0.01, step=0.0001"),
        (buy("0.00015"), "invalid", "ORDER_INVALID: symbol=BTCUSDT, quantity=0.00015, step=0.0001"),
        (buy("1E+999"), "invalid", "ORDER_INVALID: symbol=BTCUSDT, quantity=1E+999, step=0.0001"),
        (buy("0.01", "65000.05"), "invalid", "ORDER_INVALID: symbol=BTCUSDT, price=65000.05, tick=0.1"),
        (buy("0.01", "-Infinity"), "invalid", "ORDER_INVALID: symbol=BTCUSDT, price=-Infinity, tick=0.1"),
        (buy("0.01", type=OrderType.LIMIT), "invalid", "ORDER_INVALID: symbol=BTCUSDT, type=LIMIT, price=None"),
        (
            buy("0.01", "65000", type=OrderType.MARKET),
            "invalid",
            "ORDER_INVALID: symbol=BTCUSDT, type=MARKET, price=65000",
        ),
        (buy("0.06"), "order_quantity", "ORDER_QUANTITY_EXCEEDED: symbol=BTCUSDT, order=0.06, max=0.05"),
        (
            buy("0.01", "65325.2"),
            "collar",
            "PRICE_COLLAR_EXCEEDED: symbol=BTCUSDT, price=65325.2, mid=65000.1, away_pct=0.500153076688, max_pct=0.5",
        ),
        (
            sell("0.01", "64600"),
            "collar",
            "PRICE_COLLAR_EXCEEDED: symbol=BTCUSDT, price=64600, mid=65000.1, away_pct=0.615537514558, max_pct=0.5",
        ),
        (buy("0.01", "65325.1"), "pass", ""),
        (buy("0.05"), "pass", ""),
    ],
)
def test_each_refusal_has_a_short_word_and_a_sentence_with_numbers(asked: SubmitOrder, answer: str, text: str) -> None:
    desk = Desk()
    assert desk.answer(asked) == answer
    if text:
        assert desk.text(asked) == text


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (buy("0.05"), "ORDER_VALUE_EXCEEDED: symbol=BTCUSDT, value=3266.255025, price=65325.1005, max=3000"),
        (buy("0.05", "64999"), "ORDER_VALUE_EXCEEDED: symbol=BTCUSDT, value=3249.95, price=64999, max=3000"),
    ],
)
def test_an_order_is_worth_its_limit_price_or_the_far_end_of_the_collar(asked: SubmitOrder, text: str) -> None:
    assert Desk(max_order_value_usd=Decimal(3000)).text(asked) == text


def test_a_reduction_may_be_larger_and_worth_more_than_a_single_order() -> None:
    desk = Desk(max_order_value_usd=Decimal(1000))
    desk.hold("0.09")
    assert desk.answer(sell("0.09")) == "pass"


def test_only_so_many_orders_may_rest() -> None:
    desk = Desk(max_open_orders_per_symbol=2)
    assert [desk.answer(buy("0.001", "64999", name=f"o{n}")) for n in range(3)] == ["pass", "pass", "open_orders"]
    assert desk.answer(buy("0.001", name="market")) == "pass"
    assert desk.answer(buy("0.001", "65000.2", name="ioc", time_in_force=TimeInForce.IOC)) == "pass"
    desk.hear(OrderCanceled(at_ns=0, client_order_id="o0", reason="asked"))
    desk.hear(
        OrderCanceled(at_ns=0, client_order_id="market", reason="asked"),
        OrderCanceled(at_ns=0, client_order_id="ioc", reason="asked"),
    )
    assert desk.answer(buy("0.001", "64999", name="again")) == "pass"


@pytest.mark.parametrize(
    ("story", "asked", "age_ms", "answer"),
    [
        ("takes at once, just fresh enough", buy("0.01"), 1999, "pass"),
        ("takes at once, too old", buy("0.01"), 2000, "stale_market"),
        ("a limit that crosses takes at once", buy("0.01", "65000.2"), 2000, "stale_market"),
        ("a sell that crosses takes at once", sell("0.01", "65000.0"), 2000, "stale_market"),
        ("a limit that rests may be older", buy("0.01", "65000.1"), 2000, "pass"),
        ("a limit that rests, too old", buy("0.01", "65000.1"), 15_000, "stale_market"),
    ],
)
def test_the_book_must_be_fresh_by_either_clock(story: str, asked: SubmitOrder, age_ms: int, answer: str) -> None:
    by_receipt = Desk()
    later = NOW + age_ms * MS
    by_receipt.gate.permit(later, "trade")
    assert by_receipt.answer(asked, later) == answer, story
    by_event = Desk()
    by_event.gate.on_market(trades(2, NOW + age_ms * MS, 65000), NOW)
    assert by_event.answer(asked) == answer, story


@pytest.mark.parametrize(
    ("story", "bids", "asks"),
    [("no book", None, None), ("no asks", "65000", None), ("no bids", None, "65000"), ("crossed", "65001", "65000")],
)
def test_without_a_book_of_two_uncrossed_sides_nothing_passes(story: str, bids: str | None, asks: str | None) -> None:
    desk = Desk(ready=False)
    desk.gate.catch_up(0)
    desk.gate.permit(NOW, "trade")
    desk.gate.decide(progress(), NOW)
    size = Decimal(1)
    if story != "no book":
        sides = {"bids": ((Decimal(bids), size),) if bids else (), "asks": ((Decimal(asks), size),) if asks else ()}
        desk.gate.on_market(msgspec.structs.replace(book(1, NOW), **sides), NOW)
    assert desk.text(buy("0.01")) == "MARKET_STALE: symbol=BTCUSDT, age_ms=none", story


def test_a_rule_that_gives_no_verdict_refuses() -> None:
    def forgetful(asked: Any, case: Any) -> Any:
        return None

    gate = RiskGate(SETTINGS, [BTC], (*RULES, forgetful))
    gate.catch_up(0)
    gate.on_market(book(1, NOW), NOW)
    gate.permit(NOW, "trade")
    gate.decide(progress(), NOW)
    decision = gate.decide(buy("0.01"), NOW)
    assert isinstance(decision, DenyOrder)
    assert decision.text == "RULE_UNDECIDED: symbol=BTCUSDT, rule=forgetful"


def test_every_rule_has_a_story_in_which_it_alone_refuses() -> None:
    """What passes with one rule left out and is refused with all of them: no rule is idle."""
    stories: dict[str, tuple[Desk, SubmitOrder, int]] = {}

    def story(rule: str, asked: SubmitOrder, now_ns: int = NOW, **changes: Any) -> Desk:
        desk = Desk(**changes)
        stories[rule] = (desk, asked, now_ns)
        return desk

    story("well_formed", buy("0.00015"))
    story("caught_up", buy("0.01")).gate.catch_up(5)
    story("permit_fresh", buy("0.01"), NOW + 1500 * MS)
    story("state_allows", buy("0.01")).gate.permit(NOW, "halt")
    story("market_trusted", buy("0.01")).gate.on_market(stale(2, NOW), NOW)
    story("warmed_up", msgspec.structs.replace(buy("0.01"), strategy_id="other"))
    story("position_within_cap", buy("0.04"), cap="0.03")
    story("reference_fresh", buy("0.01")).gate.on_market(trades(2, NOW + 5 * SECOND, 65000), NOW)
    story("quantity_within_limit", buy("0.06"))
    story("value_within_limit", buy("0.05"), max_order_value_usd=Decimal(100))
    story("price_within_collar", buy("0.01", "60000"))
    story("follows_its_parent", buy("0.01", reduce_only=True, parent_order_id="nobody"))
    story("trigger_within_distance", buy("0.01", type=OrderType.STOP_MARKET, trigger_price=Decimal(75000)))
    chatty = story("messages_within_limit", buy("0.01"), message_limit=MessageLimit(count=1, window_s=1))
    chatty.answer(buy("0.001", name="first"))
    crowded = story("open_orders_within_limit", buy("0.01", "64999"), max_open_orders_per_symbol=1)
    crowded.answer(buy("0.01", "64999", name="first"))
    assert set(stories) == {rule.__name__ for rule in RULES}
    for name, (desk, asked, now_ns) in stories.items():
        limits = desk.gate._settings.limits(SYMBOL)
        assert limits is not None
        case = desk.gate._case(asked, limits, now_ns)
        assert [rule.__name__ for rule in RULES if rule(asked, case) != PASS] == [name]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"max_position_per_symbol": {SYMBOL: Decimal(0)}},
            "max_position_per_symbol.BTCUSDT must be a positive number, not 0",
        ),
        (
            {"max_order_quantity": {SYMBOL: Decimal("NaN")}},
            "max_order_quantity.BTCUSDT must be a positive number, not NaN",
        ),
        ({"max_order_value_usd": Decimal(-1)}, "max_order_value_usd must be a positive number, not -1"),
        ({"trigger_distance_max_pct": Decimal(0)}, "trigger_distance_max_pct must be a positive number, not 0"),
    ],
)
def test_a_limit_that_is_no_limit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        RiskSettings(**{**msgspec.structs.asdict(SETTINGS), **changes})


def test_a_symbol_with_incomplete_limits_has_none() -> None:
    settings = msgspec.structs.replace(SETTINGS, max_position_per_symbol={SYMBOL: Decimal(1), "ETHUSDT": Decimal(1)})
    assert settings.missing("ETHUSDT") == ("max_order_quantity",)
    assert settings.limits("ETHUSDT") is None
