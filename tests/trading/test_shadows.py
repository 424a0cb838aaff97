"""The same orders on other terms: each shadow is an account of its own, and one on the configured terms is the configured account."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.trading.account_stories import BTC, START, Story, settings
from tests.trading.test_account_properties import STEPS, act, latencies, models
from trading.account import Account
from trading.account_settings import AccountSettings
from trading.fees import FeeSchedule
from trading.latency import UNMEASURED, Constant, LogNormal, MeasuredLegs
from trading.market_facts import Message
from trading.messages import (
    AccountFact, AmendOrder, AnyAccountFact, CancelAll, CloseAll, MarketFact, OrderCanceled, OrderFilled, PositionCarried,
)
from trading.pnl_interval import Outcome, PnlInterval
from trading.queue_models import Penetrate, ProbPower, Touch
from trading.reading import Readings
from trading.replay import replay
from trading.shadows import ShadowedAccount, ShadowSettings, shadow_settings
from trading.summary import fold
from trading.words import Side

DECODER = msgspec.json.Decoder(list[AnyAccountFact])
VIP = FeeSchedule("vip0", Decimal("0.0002"), Decimal("0.0006"))
BY_REST = LogNormal(Decimal(20), Decimal("0.3"), Decimal(150))
BY_WS = LogNormal(Decimal(8), Decimal("0.2"), Decimal(40))
QUICK = MeasuredLegs(rest=BY_REST, ws=BY_WS)
UNKNOWN = MeasuredLegs()


class Heard(Account):
    """Keeps what it said."""

    def __init__(
        self, account_settings: AccountSettings, fingerprint: str, readings: Readings | None = None, *, keeps_evidence: bool = True,
    ) -> None:
        super().__init__(account_settings, fingerprint, readings, keeps_evidence=keeps_evidence)
        self.said: list[AccountFact] = []

    def open(self, at_ns: int, carried: tuple[PositionCarried, ...] = ()) -> tuple[AccountFact, ...]:
        return self._kept(super().open(at_ns, carried))

    def on(self, message: Message, now_ns: int) -> tuple[AccountFact, ...]:
        return self._kept(super().on(message, now_ns))

    def close(self, at_ns: int, reason: str) -> tuple[AccountFact, ...]:
        return self._kept(super().close(at_ns, reason))

    def _kept(self, facts: tuple[AccountFact, ...]) -> tuple[AccountFact, ...]:
        self.said += facts
        return facts


def lived_again(story: Story, shadows: ShadowSettings) -> ShadowedAccount:
    """The story's ledger as it was stored, and its market."""
    facts = list(DECODER.decode(msgspec.json.encode(story.facts)))
    account = ShadowedAccount(story.settings, "test", shadows)
    account.shadows = tuple(Heard(each.desk.settings, "test") for each in account.shadows)
    market = [message for message, _ in story.told if isinstance(message, MarketFact)]
    assert replay(account, market, facts, facts[-1].market_sequence) is None
    as_they_are = ShadowedAccount(story.settings, "test", shadows)
    assert replay(as_they_are, market, facts, facts[-1].market_sequence) is None
    assert as_they_are.interval() == account.interval(), "to read the market together and to keep no evidence changes nothing"
    return account


def interval(story: Story, published: FeeSchedule | None = VIP, measured: MeasuredLegs = QUICK) -> PnlInterval:
    return lived_again(story, shadow_settings(story.settings, published, measured)).interval()


def said(account: ShadowedAccount, name: str) -> list[AccountFact]:
    shadow = account.shadows[ShadowSettings.__struct_fields__.index(name)]
    assert isinstance(shadow, Heard)
    return shadow.said


def canceled(account: ShadowedAccount, name: str) -> list[tuple[str, str]]:
    return [(fact.client_order_id, fact.reason) for fact in said(account, name) if isinstance(fact, OrderCanceled)]


def a_story(**changes: object) -> Story:
    story = Story(settings(equity_interval_ms=500, **changes))
    story.book("29999", "30001", at_ms=0)
    return story


def end(story: Story) -> Story:
    story.tell(CancelAll(reason="stop"))
    story.facts += story.account.close(story.now_ns, "stop")
    return story


# ------------------------------------------------------------------------------------------------ the terms


def test_each_shadow_assumes_what_it_is_named_for_and_the_rest_is_the_sessions() -> None:
    configured = settings(entry_latency_ms=50, balance=Decimal(777))
    shadows = shadow_settings(configured, VIP, QUICK)
    assert (shadows.optimistic.making, shadows.optimistic.slippage_model, shadows.optimistic.entry_latency) == (
        Touch(), "top", Constant(ms=Decimal(0)),
    )
    assert (shadows.base.making, shadows.base.slippage_model) == (ProbPower(), "book_traded")
    assert (shadows.base.entry_latency, shadows.base.response_latency) == (BY_REST, BY_WS)
    assert (shadows.pessimistic.making, shadows.pessimistic.slippage_model) == (Penetrate(ticks=1), "book_traded")
    assert (shadows.pessimistic.entry_latency, shadows.pessimistic.response_latency) == (Constant(ms=Decimal(150)), Constant(ms=Decimal(40)))
    assert {each.fees for each in (shadows.base, shadows.pessimistic)} == {VIP}
    assert {each.balance for each in (shadows.optimistic, shadows.base, shadows.pessimistic)} == {Decimal(777)}


def test_the_worst_latency_is_no_better_than_the_configured_one() -> None:
    shadows = shadow_settings(settings(entry_latency_ms=900, response_latency=Constant(ms=Decimal(41))), VIP, QUICK)
    assert (shadows.pessimistic.entry_latency, shadows.pessimistic.response_latency) == (Constant(ms=Decimal(900)), Constant(ms=Decimal(41)))


@pytest.mark.parametrize(("measured", "entry", "response"), [
    (MeasuredLegs(rest=BY_REST), BY_REST, BY_REST), (MeasuredLegs(ws=BY_WS), BY_WS, BY_WS), (UNKNOWN, UNMEASURED, UNMEASURED),
])
def test_a_transport_that_was_not_measured_is_taken_for_the_other_and_both_for_slow(
    measured: MeasuredLegs, entry: LogNormal, response: LogNormal,
) -> None:
    shadows = shadow_settings(settings(), VIP, measured)
    assert (shadows.base.entry_latency, shadows.base.response_latency) == (entry, response)
    longest = [Constant(ms=each.max_ms) for each in (entry, response)]
    assert [shadows.pessimistic.entry_latency, shadows.pessimistic.response_latency] == longest
    assert interval(a_story(), measured=measured).latency_measured is (measured != UNKNOWN)


def test_what_was_measured_by_either_transport_is_measured() -> None:
    assert interval(a_story()).latency_measured


@pytest.mark.parametrize(("configured", "published", "expected"), [
    (FeeSchedule("plan", Decimal("-0.0002"), Decimal("0.0005")), VIP, FeeSchedule("plan", Decimal("-0.0002"), Decimal("0.0005"))),
    (FeeSchedule("dear", Decimal("0.001"), Decimal("0.001")), VIP, VIP),
    (FeeSchedule("odd", Decimal("0.001"), Decimal(0)), VIP, FeeSchedule("odd or vip0", Decimal("0.0002"), Decimal(0))),
    (VIP, None, VIP),
])
def test_the_optimist_pays_the_cheaper_fees(configured: FeeSchedule, published: FeeSchedule | None, expected: FeeSchedule) -> None:
    terms = settings(fee_schedule=configured.name, maker_fee=configured.maker, taker_fee=configured.taker)
    assert shadow_settings(terms, published, QUICK).optimistic.fees == expected


# ------------------------------------------------------------------------------------------------ stories


def test_an_order_fills_at_the_touch_and_not_behind_a_queue_nor_when_it_must_be_traded_through() -> None:
    story = a_story()
    story.buy("0.1", "29999")
    story.book("29999", "30001", at_ms=1_000)
    story.trade("29999", "0.1", Side.SELL, at_ms=1_100)
    found = interval(end(story))
    assert (found.configured.fills, found.optimistic.fills, found.base.fills, found.pessimistic.fills) == (1, 1, 0, 0)


def test_latency_changes_a_fill() -> None:
    """The book is gone 100 ms later: who is slower pays more."""
    story = a_story()
    story.buy("0.1")
    story.book("30009", "30011", at_ms=100)
    story.book("30009", "30011", at_ms=500)
    account = lived_again(end(story), shadow_settings(story.settings, VIP, QUICK))
    prices = [next(fact.price for fact in said(account, name) if isinstance(fact, OrderFilled)) for name in ShadowSettings.__struct_fields__]
    assert prices == [Decimal(30001), Decimal(30001), Decimal(30011)]


def test_fees_change_the_sign_and_then_it_is_not_robust() -> None:
    """4 USDT are gained before fees, of 6 002 traded."""
    story = a_story(slippage_model="book")
    story.buy("0.1")
    story.book("30041", "30043", at_ms=1_000)
    story.sell("0.1")
    story.book("30041", "30043", at_ms=2_000)
    end(story)
    found, cheap = interval(story, FeeSchedule("dear", Decimal("0.001"), Decimal("0.001"))), interval(story, story.settings.fees)
    assert cheap.sign_robust and cheap.low_usd > 0
    assert found.optimistic == cheap.optimistic and found.base.net_pnl_usd == found.low_usd == Decimal(4) - found.base.fees_paid_usd < 0
    assert not found.sign_robust


def test_a_gain_on_all_terms_is_robust() -> None:
    story = a_story(slippage_model="book")
    story.buy("0.1")
    story.book("31000", "31002", at_ms=1_000)
    story.sell("0.1")
    story.book("31000", "31002", at_ms=2_000)
    found = interval(end(story))
    assert found.sign_robust and found.low_usd > 90
    assert found.low_usd <= found.base.net_pnl_usd <= found.high_usd


def test_what_the_configured_account_filled_and_a_shadow_did_not_is_canceled_there_with_the_next_order_of_that_side() -> None:
    story = a_story()
    story.buy("0.1", "29999", client_order_id="first")
    story.book("29999", "30001", at_ms=1_000)
    story.trade("29999", "0.1", Side.SELL, at_ms=1_100)
    story.sell("0.1", "30001", client_order_id="other side")
    story.book("29999", "30001", at_ms=2_000)
    story.buy("0.1", "29998", client_order_id="second")
    story.book("29999", "30001", at_ms=3_000)
    account = lived_again(end(story), shadow_settings(story.settings, VIP, QUICK))
    expected = [("first", "overdue"), ("other side", "stop"), ("second", "stop")]
    assert canceled(account, "pessimistic") == canceled(account, "base") == expected
    assert canceled(account, "optimistic") == expected[1:]


def test_giving_up_what_an_order_was_to_bring_ends_it_in_a_shadow_that_still_waits_for_it() -> None:
    story = a_story()
    story.buy("0.1", "29999", client_order_id="entry")
    story.book("29999", "30001", at_ms=1_000)
    story.trade("29999", "0.1", Side.SELL, at_ms=1_100)
    story.sell("0.1", client_order_id="exit", reduce_only=True)
    story.book("29999", "30001", at_ms=2_000)
    account = lived_again(end(story), shadow_settings(story.settings, VIP, QUICK))
    assert canceled(account, "pessimistic") == [("entry", "overdue")]
    assert account.interval().pessimistic.net_pnl_usd == 0, "what never began has no exit: it is rejected"


def test_a_cancel_that_waited_for_its_order_is_not_late_for_a_quicker_shadow() -> None:
    story = a_story(entry_latency_ms=1_000)
    story.buy("0.1", "29999", client_order_id="o")
    story.book("29999", "30001", at_ms=100)
    story.cancel("o")
    story.trade("29999", "5", Side.SELL, at_ms=200)
    story.book("29999", "30001", at_ms=5_000)
    account = lived_again(end(story), shadow_settings(story.settings, VIP, QUICK))
    assert canceled(account, "optimistic") == [("o", "test")]
    assert not [fact for fact in said(account, "optimistic") if isinstance(fact, OrderFilled)]


# ------------------------------------------------------------------------------------------------ properties


def test_nothing_is_neither_gain_nor_loss() -> None:
    def came_to(*nets: str) -> PnlInterval:
        each = [Outcome(settings="", net_pnl_usd=Decimal(net), fees_paid_usd=Decimal(0), funding_usd=Decimal(0), fills=0) for net in nets]
        return PnlInterval(configured=each[0], optimistic=each[1], base=each[2], pessimistic=each[3], latency_measured=True)

    assert came_to("0", "0", "0", "0").sign_robust and came_to("-1", "-1", "-2", "-0.1").sign_robust
    assert not came_to("1", "1", "0", "1").sign_robust and not came_to("-1", "1", "1", "1").sign_robust
    assert came_to("9", "1", "2", "3").low_usd == 1 and came_to("9", "1", "2", "3").high_usd == 3


makings = st.sampled_from([Touch(), ProbPower(), Penetrate(ticks=1)])


@effort(max_examples=80, deadline=None)
@given(st.lists(STEPS, max_size=50), models, makings, latencies, st.sampled_from(["kill", "drain", "cut short"]))
def test_a_shadow_on_the_configured_terms_says_the_ledger_byte_for_byte(
    steps: list[tuple[object, ...]], model: str, making: Touch | ProbPower | Penetrate, latency_ms: int, ending: str,
) -> None:
    story = a_story(slippage_model=model, making=making, entry_latency_ms=latency_ms)
    for step in steps:
        act(story, step)
    if ending != "cut short":
        story.tell(CloseAll(reason="kill") if ending == "kill" else CancelAll(reason="stop"))
        story.facts += story.account.close(story.now_ns, "end")
    account = lived_again(story, ShadowSettings(*[story.settings] * 3))
    for name in ShadowSettings.__struct_fields__:
        assert msgspec.json.encode(said(account, name)) == msgspec.json.encode(story.facts)
    found, summary = account.interval(), fold(story.facts)
    assert found.sign_robust and found.low_usd == found.high_usd == found.configured.net_pnl_usd
    if ending != "cut short":
        assert (found.base.net_pnl_usd, found.base.fees_paid_usd, found.base.fills) == (
            summary.net_pnl_usd, summary.fees_paid_usd, summary.total_trades,
        )


@effort(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=50), models, st.lists(makings, min_size=2, max_size=2), latencies)
def test_accounts_that_read_the_market_together_say_what_they_say_alone(
    steps: list[tuple[object, ...]], model: str, making: list[Touch | ProbPower | Penetrate], latency_ms: int,
) -> None:
    """Whoever hears a fact first; without evidence the same but for the receipts."""
    story = a_story(slippage_model=model, making=making[0], entry_latency_ms=latency_ms)
    for step in steps:
        act(story, step)
    other = msgspec.structs.replace(story.settings, making=making[1], entry_latency=Constant(ms=Decimal(7)))
    readings = Readings(story.settings.print_band_bps)
    together = [
        Heard(story.settings, "test", readings), Heard(other, "test", readings, keeps_evidence=False), Heard(story.settings, "test", readings),
    ]
    alone = [Heard(story.settings, "test"), Heard(other, "test"), Heard(story.settings, "test")]
    for accounts in (together, alone):
        for each in accounts:
            each.open(START)
        for message, now_ns in story.told:
            for each in accounts:
                each.on(message, now_ns)
    assert together[0].said == together[2].said == alone[0].said
    assert [without_receipt(fact) for fact in together[1].said] == [without_receipt(fact) for fact in alone[1].said]


def without_receipt(fact: AccountFact) -> AccountFact:
    return msgspec.structs.replace(fact, receipt=None) if "receipt" in fact.__struct_fields__ else fact


def test_an_amendment_is_made_in_a_shadow_by_its_own_state() -> None:
    story = a_story()
    story.buy("0.2", "29999", client_order_id="o")
    story.book("29999", "30001", at_ms=1_000)
    story.trade("29999", "0.1", Side.SELL, at_ms=1_100)
    story.tell(AmendOrder(command_id="a", client_order_id="o", quantity=Decimal("0.15"), decided_at_ns=START))
    story.book("29999", "30001", at_ms=2_000)
    account = lived_again(end(story), shadow_settings(story.settings, VIP, QUICK))
    left = [shadow.desk.orders.known["o"].leaves_quantity for shadow in account.shadows]
    assert left == [Decimal("0.05"), Decimal("0.15"), Decimal("0.15")] and account.position(BTC) == Decimal("0.1")
