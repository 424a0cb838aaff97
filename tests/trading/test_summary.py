"""A summary is a fold of the facts, and every number in it can be followed to them."""

from decimal import Decimal

import msgspec

from tests.trading.account_stories import BTC, Story, settings
from trading.messages import DenyOrder, ReportProgress
from trading.summary import Summary, fold
from trading.words import Side


def a_session() -> Story:
    story = Story(settings(equity_interval_ms=1000))
    story.book()
    story.mark("30000", rate="0.0001", next_funding_ms=2500)
    story.tell(ReportProgress(command_id="1", strategy_id="test", bars=51, warmup_bars=50, warmup_complete=True, at_ns=0))
    story.tell(DenyOrder(order=story.order(Side.BUY, "9"), reason="position_limit", text="..."))
    story.buy("0.1")  # taker at 30090, fee 1.5045
    story.buy("0.1", "29990")  # maker, fee -0.5998
    story.buy("0.1", "29000")
    story.buy("0.00001")
    story.trade("29990", "1", Side.SELL, at_ms=1000)  # equity 10000 - 1.5045 + 0.5998 - 9 + 1 = 9991.0953
    story.mark("31000", rate="0.0001", next_funding_ms=2500, at_ms=2000)  # and a mark 1000 higher on 0.2: 10191.0953
    story.mark("30000", rate="0.0001", next_funding_ms=10**9, at_ms=3000)  # funding -0.2 * 31000 * 0.0001 = -0.62
    story.sell("0.15")  # taker at 29910: 0.1 * -180 and 0.05 * -80, fee 2.24325
    story.facts += story.account.close(story.now_ns, "duration")
    return story


def test_every_value_of_a_session_follows_from_its_facts() -> None:
    summary = fold(a_session().facts)
    assert summary == Summary(
        total_trades=3, maker_trades=1, taker_trades=2,
        orders={"ACCEPTED": 1, "DENIED": 1, "FILLED": 3, "REJECTED": 1},
        volume_usd=Decimal("10494.5"), starting_balance_usd=Decimal(10_000), ending_balance_usd=Decimal("9974.23205"),
        ending_equity_usd=Decimal("9974.73205"), realized_pnl_usd=Decimal(-22), unrealized_pnl_usd=Decimal("0.5"),
        fees_paid_usd=Decimal("3.14795"), funding_usd=Decimal("-0.62"), net_pnl_usd=Decimal("-25.26795"),
        max_drawdown_pct=summary.max_drawdown_pct, slippage_avg_bps=Decimal(30), winning_lots=0, losing_lots=2,
        profit_factor=Decimal(0), positions={BTC: Decimal("0.05")}, bars=51, warmup_bars=50, warmup_complete=True,
        unobserved_count=0, unobserved_s=Decimal(0), unobserved_orders=[], margin={},
        end_reason="duration",
    )
    deepest = (Decimal("10191.0953") - summary.ending_equity_usd) / Decimal("10191.0953") * 100
    assert abs(summary.max_drawdown_pct - deepest) < Decimal("1e-12")


def test_a_summary_of_a_prefix_is_a_summary_so_far() -> None:
    facts = a_session().facts
    for count in range(len(facts)):
        assert fold(facts[:count]).end_reason is None
    assert fold([]).net_pnl_usd == 0


def test_a_session_without_losses_has_no_profit_factor() -> None:
    story = Story(settings(maker_fee=Decimal(0), taker_fee=Decimal(0)))
    story.book()
    story.buy("0.1")
    story.book("30999.9", "31000.1")
    story.sell("0.1")
    summary = fold(story.facts)
    assert (summary.winning_lots, summary.losing_lots, summary.profit_factor) == (1, 0, None)


def test_slippage_is_weighted_by_quantity_and_leaves_makers_out() -> None:
    story = Story(settings(slippage_model="book"))
    story.window((("29990", "9"),), (("30010", "9"),))
    story.buy("0.1")  # 3.333... bps
    story.window((("29970", "9"),), (("30030", "9"),))
    story.buy("0.3")  # 10 bps
    story.buy("1", "29000")
    story.trade("28000", "1", Side.SELL)
    assert abs(fold(story.facts).slippage_avg_bps - Decimal(100) / 12) < Decimal("1e-11")


def test_a_summary_is_plain_json_with_numbers_as_strings() -> None:
    written = msgspec.json.decode(msgspec.json.encode(fold(a_session().facts)))
    assert (written["realized_pnl_usd"], written["slippage_avg_bps"], written["profit_factor"]) == ("-22", "30", "0")
