"""The position cap: on the worst case of position and working orders; reducing always passes."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.trading.decision_facts import filled
from tests.trading.risk_desk import Desk, buy, sell
from trading.messages import OrderCanceled, OrderDenied, OrderExpired, OrderRejected, OrderSubmitted, SubmitOrder


@pytest.mark.parametrize(
    ("story", "cap", "held", "working", "asked", "answer"),
    [
        ("a buy beyond the cap", "0.05", None, [], buy("0.1"), "position_limit"),
        ("a sell beyond the cap", "0.05", None, [], sell("0.06"), "position_limit"),
        ("exactly at the cap", "0.05", None, [], buy("0.05"), "pass"),
        ("long at the cap, all of it sold: passes, however large", "0.1", "0.1", [], sell("0.1"), "pass"),
        ("long at the cap, more bought", "0.1", "0.1", [], buy("0.0001"), "position_limit"),
        ("short at the cap, all of it bought", "0.1", "-0.1", [], buy("0.1"), "pass"),
        (
            "two resting buys that together pass the cap",
            "0.05",
            None,
            [buy("0.03", "64999")],
            buy("0.03", "64998"),
            "position_limit",
        ),
        (
            "a resting buy leaves the sell side free",
            "0.05",
            None,
            [buy("0.03", "64999")],
            sell("0.05", "65001"),
            "pass",
        ),
        ("a flip through zero within the cap", "0.05", "0.01", [], sell("0.02"), "pass"),
        ("a flip beyond the cap on the other side", "0.02", "0.02", [], sell("0.05"), "position_limit"),
        (
            "the same reduction twice would open the other side too far",
            "0.02",
            "0.05",
            [sell("0.05", "65001")],
            sell("0.03"),
            "position_limit",
        ),
        ("far beyond a lowered cap, a part is sold", "0.01", "0.09", [], sell("0.08"), "pass"),
        ("far beyond a lowered cap, a flip to beyond it", "0.01", "0.09", [], sell("0.11"), "position_limit"),
    ],
)
def test_the_cap_holds_for_the_worst_case_and_reducing_always_passes(
    story: str, cap: str, held: str | None, working: list[SubmitOrder], asked: SubmitOrder, answer: str
) -> None:
    desk = Desk(cap=cap)
    if held is not None:
        desk.hold(held)
    for number, each in enumerate(working):
        assert desk.answer(msgspec.structs.replace(each, client_order_id=f"w{number}")) == "pass"
    assert desk.answer(asked) == answer, story


def test_the_refusal_reads_as_the_field_writes_it() -> None:
    desk = Desk()
    desk.hold("0.05")
    assert (
        desk.text(buy("0.1")) == "POSITION_LIMIT_EXCEEDED: symbol=BTCUSDT, position=0.05, working=0, order=0.1, max=0.1"
    )


def closing(name: str) -> list[tuple[str, Any]]:
    asked = buy("0.05", "64999", name=name)
    return [
        ("rejected", OrderRejected(at_ns=0, client_order_id=name, reason="post_only", text="")),
        ("canceled", OrderCanceled(at_ns=0, client_order_id=name, reason="asked")),
        ("expired", OrderExpired(at_ns=0, client_order_id=name, reason="IOC")),
        ("denied by the broker", OrderDenied(at_ns=0, order=asked, reason="position_limit", text="")),
    ]


@pytest.mark.parametrize(("story", "fact"), closing("first"))
def test_an_approved_order_is_exposure_until_a_fact_closes_it(story: str, fact: Any) -> None:
    desk = Desk(cap="0.05")
    first = buy("0.05", "64999", name="first")
    assert desk.answer(first) == "pass"
    assert desk.answer(buy("0.01", name="second")) == "position_limit"
    desk.hear(OrderSubmitted(at_ns=0, order=first, effective_at_ns=0))
    assert desk.answer(buy("0.01", name="third")) == "position_limit"
    desk.hear(fact)
    assert desk.answer(buy("0.01", name="fourth")) == "pass", story


def test_a_partial_fill_moves_exposure_from_working_to_position_and_loses_none() -> None:
    desk = Desk(cap="0.05")
    first = buy("0.04", "64999", name="first")
    desk.answer(first)
    desk.hear(
        OrderSubmitted(at_ns=0, order=first, effective_at_ns=0),
        filled(first, Decimal("0.03"), 0, leaves=Decimal("0.01")),
    )
    assert desk.text(buy("0.02", name="second")).endswith("position=0.03, working=0.01, order=0.02, max=0.05")
    assert desk.answer(buy("0.01", name="third")) == "pass"
