"""An amendment that the risk gate refused, in the account: on record once, and the order stays as it was."""

from decimal import Decimal

from tests.trading.account_stories import Story, settings
from trading.account import Account
from trading.messages import AmendOrder, AmendRejected, DenyAmend, MarketFact
from trading.replay import replay

DENIAL = DenyAmend(command_id="x", client_order_id="rests", reason="collar", text="PRICE_COLLAR_EXCEEDED: symbol=BTCUSDT")


def resting() -> Story:
    story = Story(settings(entry_latency_ms=50))
    story.book()
    story.buy("0.1", "29000", client_order_id="rests")
    story.book(at_ms=100)
    return story


def test_a_denial_is_on_record_with_its_reason_and_changes_nothing() -> None:
    story = resting()
    before = story.account.desk.orders.known["rests"].intent
    (fact,) = story.tell(DENIAL)
    assert isinstance(fact, AmendRejected)
    assert (fact.command_id, fact.client_order_id, fact.reason, fact.text) == ("x", "rests", "collar", DENIAL.text)
    assert story.account.desk.orders.known["rests"].intent == before and story.status("rests") == ("accepted", "")


def test_a_denial_repeated_or_of_an_unknown_order_gives_nothing() -> None:
    story = resting()
    story.tell(DENIAL)
    assert story.tell(DENIAL) == ()
    assert story.tell(DenyAmend(command_id="y", client_order_id="nobody", reason="not_working", text="")) == ()


def test_what_was_denied_under_an_id_is_not_done_under_it_later() -> None:
    story = resting()
    story.tell(DENIAL)
    assert story.tell(AmendOrder(command_id="x", client_order_id="rests", price=Decimal(29500), decided_at_ns=story.now_ns)) == ()
    recovered = Account.recover(story.settings, "test", story.facts)
    assert recovered.on(DENIAL, story.now_ns) == ()


def test_a_denial_is_told_again_without_a_difference() -> None:
    story = resting()
    story.tell(DENIAL)
    story.tell(AmendOrder(command_id="y", client_order_id="rests", price=Decimal(29500), decided_at_ns=story.now_ns))
    story.book(at_ms=200)
    story.facts += story.account.close(story.now_ns, "stop")
    market = [message for message, _ in story.told if isinstance(message, MarketFact)]
    assert replay(Account(story.settings, "test"), market, story.facts, story.facts[-1].market_sequence) is None
