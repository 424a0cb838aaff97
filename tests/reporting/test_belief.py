"""The interval and the attribution as a reader sees them: every digit, one verdict, and nothing that a damaged summary could break."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.workspace import RunPaths
from reporting.artefacts import RunFacts, write_artefacts
from reporting.belief import CAVEAT, UNMEASURED, attribution_section, belief_section, interval_lines, robustness_sentence
from reporting.summary_file import NO_TIME, read_summary
from trading.pnl_interval import Outcome, PnlInterval

RUN = RunFacts(
    run_id="run-1", venue="sim", symbols=("BTCUSDT",), strategy="trend", seed=7, fingerprint="f" * 16,
    started_at="2026-01-02T03:04:05.000000Z", planned_duration_s=600.0,
)


def came_to(net: str) -> Outcome:
    return Outcome(settings="making touch", net_pnl_usd=Decimal(net), fees_paid_usd=Decimal("0.5"), funding_usd=Decimal(0), fills=3)


ROBUST = PnlInterval(
    configured=came_to("1.25"), optimistic=came_to("3"), base=came_to("0.75"), pessimistic=came_to("0.000000000001"), latency_measured=True,
)
FRAGILE = PnlInterval(
    configured=came_to("1.25"), optimistic=came_to("3"), base=came_to("-0.75"), pessimistic=came_to("-2"), latency_measured=False,
)


def test_the_verdict_names_both_ends_with_every_digit() -> None:
    assert robustness_sentence(ROBUST.content()).startswith("from +0.000000000001 to +3 USDT; the sign is robust")
    assert robustness_sentence(FRAGILE.content()).startswith("from -2 to +3 USDT; the sign is not robust")


def test_the_section_has_a_row_for_each_account_and_the_caveat() -> None:
    page = belief_section({"net_pnl_usd": Decimal("1.25"), "pnl_interval": FRAGILE.content()})
    for name in ("configured", "optimistic", "base", "pessimistic"):
        assert f"<td>{name}</td>" in page
    assert "what the book walk and the published fees would have given" in page and CAVEAT in page
    assert 'class="bad">Configured +1.25 USDT' in page
    assert UNMEASURED in page and UNMEASURED not in belief_section({"pnl_interval": ROBUST.content()})
    assert 'class="good"' in belief_section({"net_pnl_usd": Decimal("1.25"), "pnl_interval": ROBUST.content()})


def test_without_an_interval_the_reason_is_told() -> None:
    assert NO_TIME in belief_section({"pnl_interval": None, "pnl_interval_note": NO_TIME})
    assert "it was not reckoned" in belief_section({})


def test_bars_lie_on_their_side_of_the_line() -> None:
    page = attribution_section({"net_pnl_usd": 1, "attribution": {"price_move_usd": Decimal(3), "fees_usd": Decimal(-2)}})
    assert page.count('class="held"') == 5 and page.count('class="fall"') == 1
    assert 'class="held" x="426.0" y="4" width="414.0"' in page and 'class="fall" x="150.0" y="100" width="276.0"' in page


def test_of_nothing_no_bars_are_drawn() -> None:
    assert "<svg" not in attribution_section({"attribution": {}})
    assert "not known" in attribution_section({})


odd = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.decimals() | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.sampled_from(["low_usd", "base", "configured", "sign_robust", "fees_usd", "net_pnl_usd"]), odd | st.dictionaries(
    st.sampled_from(["net_pnl_usd", "settings", "fills"]), odd,
)))
def test_whatever_a_summary_says_there_is_a_page_of_it(content: dict[str, Any]) -> None:
    for told in (content, {"pnl_interval": content, "attribution": content}):
        assert "<script" not in belief_section(told) + attribution_section(told)
    assert interval_lines(content)


@pytest.fixture
def written(run: RunPaths) -> RunPaths:
    write_artefacts(run, RUN, {}, "duration")
    return run


def test_the_parts_add_up_to_the_net_profit_to_the_last_digit(written: RunPaths) -> None:
    summary = read_summary(written.summary)
    assert summary is not None and len(summary["attribution"]) == 6
    assert sum(summary["attribution"].values()) == summary["net_pnl_usd"] != 0
    assert summary["attribution"]["fees_usd"] == -summary["fees_paid_usd"]
    assert "Where it came from" in written.report.read_text()


def test_a_fresh_summary_has_no_interval_and_says_why(written: RunPaths) -> None:
    summary = read_summary(written.summary)
    assert summary is not None and summary["pnl_interval"] is None and summary["pnl_interval_note"] == NO_TIME
    assert NO_TIME in written.report.read_text()
