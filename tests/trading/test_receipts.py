"""Every fill and every end of an order carries evidence that can be checked against what the market said."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import HealthCheck
from hypothesis import settings as effort

from tests.trading.account_stories import BTC, DECODER, Story, settings
from tests.trading.test_account_stateful import Session
from trading.account_settings import AccountSettings
from trading.book import fault_of
from trading.latency import Constant, Leg, Uniform, draw_ns, text
from trading.messages import (
    AccountFact, BookChanged, MarketFact, OrderAccepted, OrderCanceled, OrderExpired, OrderFilled, OrderRejected, OrderRested,
    TradesPrinted,
)
from trading.quantities import plain
from trading.receipts import ImpliedTouch, Receipt
from trading.words import Liquidity, Side

Ended = OrderFilled | OrderCanceled | OrderExpired | OrderRejected


class Evidence:
    """What a receipt must say, from the market alone."""

    def __init__(self, given: AccountSettings, heard: list[MarketFact], facts: list[AccountFact]) -> None:
        self._settings = given
        self._heard = {fact.sequence: fact for fact in heard}
        self._facts = facts
        self._rested: dict[str, OrderRested] = {}
        self.checked = 0

    def check(self) -> None:
        for fact in self._facts:
            if isinstance(fact, OrderRested):
                self._rested[fact.client_order_id] = fact
            elif isinstance(fact, Ended):
                assert fact.receipt is not None
                self.checked += 1
                self._terms(fact, fact.receipt)
                self._queue(fact, fact.receipt)
                if isinstance(fact, OrderFilled):
                    self._fill(fact, fact.receipt)

    def _terms(self, fact: Ended, receipt: Receipt) -> None:
        book = self._book(fact.market_sequence)
        given, order_id = self._settings, fact.client_order_id
        assert receipt.fee_schedule == given.fee_schedule
        assert receipt.latency == (text(given.entry_latency), text(given.response_latency))
        assert receipt.entry_latency_us * 1000 == draw_ns(given.entry_latency, "test", order_id, Leg.ENTRY)
        assert receipt.response_latency_us * 1000 == draw_ns(given.response_latency, "test", order_id, Leg.RESPONSE)
        assert (receipt.book_sequence, receipt.bid, receipt.ask) == (
            (book.sequence, book.bids[0][0], book.asks[0][0]) if book else (0, None, None))
        assert receipt.book_age_ms == (max(0, fact.at_ns - book.at_ns) // 1_000_000 if book else 0)

    def _queue(self, fact: Ended, receipt: Receipt) -> None:
        if not receipt.queue:
            assert not receipt.consumed_by
            return
        rested, first = self._rested[fact.client_order_id], receipt.queue[0]
        assert (first.cause, first.ahead, first.market_sequence, first.at_ns) == (
            "joined", rested.ahead, rested.market_sequence, rested.at_ns)
        sequences = [step.market_sequence for step in receipt.queue]
        assert sequences == sorted(sequences) and sequences[-1] <= fact.market_sequence
        known = [step.ahead for step in receipt.queue if step.ahead is not None]
        assert known == sorted(known, reverse=True), "nobody is ever put back"
        for consumed in receipt.consumed_by:
            source = self._heard[consumed.market_sequence]
            assert isinstance(source, TradesPrinted | BookChanged) and consumed.market_sequence > rested.market_sequence
            levels = [each[:2] for each in map(msgspec.structs.astuple, source.prints)] if isinstance(source, TradesPrinted) else [
                *source.bids, *source.asks]
            assert (consumed.price, consumed.quantity) in levels

    def _fill(self, fact: OrderFilled, receipt: Receipt) -> None:
        book, given = self._book(fact.market_sequence), self._settings
        assert fact.book_sequence == receipt.book_sequence
        if fact.liquidity is Liquidity.MAKER:
            assert (fact.model, receipt.model) == (given.making_model, str(given.making))
            assert receipt.consumed_by[-1].market_sequence == fact.market_sequence and receipt.levels_walked == 0
            window = self._heard[fact.market_sequence]
            shown = (window.asks if fact.side is Side.BUY else window.bids) if isinstance(window, BookChanged) else None
            assert (receipt.level in shown) if shown is not None else receipt.level is None
        elif receipt.model in ("fixed around the last mid", "bankruptcy price"):
            assert fact.client_order_id.startswith(("CLOSE-", "LIQUIDATION-")) and receipt.levels_walked == 0
        else:
            assert receipt.model == TAKER_TEXTS[fact.model] and receipt.levels_walked >= 1
            assert (receipt.level is None) == (fact.model not in ("book", "book_traded") or receipt.extrapolated)
            assert receipt.implied == (self._implied(book, fact.market_sequence) if fact.model == "book_traded" else None)
            if receipt.level is not None and book is not None:
                levels = _moved(book, receipt.implied, fact.side)
                assert receipt.level in levels and fact.quantity <= receipt.level[1]
                assert receipt.levels_walked <= levels.index(receipt.level) + 1
                assert fact.price == receipt.level[0] or fact.client_order_id.startswith("LIQUIDATION-")

    def _implied(self, book: BookChanged | None, market_sequence: int) -> ImpliedTouch | None:
        """By the newest push behind the window."""
        assert book is not None
        pushes = [fact for fact in self._heard.values() if isinstance(fact, TradesPrinted) and book.sequence < fact.sequence <= market_sequence]
        bid, ask = book.bids[0][0], book.asks[0][0]
        lowest, highest = bid * Decimal("0.99"), ask * Decimal("1.01")
        believed = [each for each in pushes[-1].prints if lowest <= each.price <= highest] if pushes else []
        if not believed:
            return None
        price, spread = believed[-1].price, ask - bid
        if believed[-1].aggressor is Side.BUY:
            return ImpliedTouch(pushes[-1].sequence, bid if bid < price <= ask else price - spread, price)
        return ImpliedTouch(pushes[-1].sequence, price, ask if bid <= price < ask else price + spread)

    def _book(self, market_sequence: int) -> BookChanged | None:
        """The newest window by then that could be traded on."""
        windows = [fact for fact in self._heard.values() if isinstance(fact, BookChanged) and fact.sequence <= market_sequence]
        usable = [fact for fact in windows if fault_of(fact.bids, fact.asks) is None]
        return usable[-1] if usable else None


def _moved(book: BookChanged, implied: ImpliedTouch | None, side: Side) -> list[tuple[Decimal, Decimal]]:
    levels = book.asks if side is Side.BUY else book.bids
    best = levels[0][0] if implied is None else implied.ask if side is Side.BUY else implied.bid
    return [(price + best - levels[0][0], quantity) for price, quantity in levels]


TAKER_TEXTS = {"fixed": "fixed(slippage_bps=30)", "book": "book", "book_traded": "book_traded", "top": "top"}


def numbers(value: Any) -> list[Decimal]:
    """Every decimal in a fact, however deep."""
    if isinstance(value, Decimal):
        return [value]
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.astuple(value)
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    return [each for part in value for each in numbers(part)] if isinstance(value, tuple | list) else []


class Receipts(Session):
    """The same sessions, and at their end the evidence is gone through."""

    def teardown(self) -> None:
        super().teardown()
        if not hasattr(self, "story"):
            return
        facts = self.story.facts
        heard = [fact for fact, _ in self.story.told if isinstance(fact, MarketFact)]
        Evidence(self.story.settings, heard, facts).check()
        assert DECODER.decode(msgspec.json.encode(facts)) == facts
        odd = [(fact, each) for fact in facts for each in numbers(fact) if str(each) != plain(each)]
        assert not odd, "one form for each number"


Receipts.TestCase.settings = effort(
    max_examples=30, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestReceipts = Receipts.TestCase


def test_every_end_of_an_order_has_its_receipt() -> None:
    latencies = {"entry_latency": Uniform(min_ms=Decimal(1), max_ms=Decimal(9)), "response_latency": Constant(ms=Decimal("2.5"))}
    story = Story(settings(slippage_model="book", **latencies))
    story.window((("29999", "1"), ("29990", "2")), (("30001", "0.3"), ("30002", "0.3")))
    story.buy("0.5", client_order_id="walks")
    story.buy("0.5", "29990", client_order_id="rests")
    story.buy("0.05", "1", client_order_id="off book")
    story.buy("0.00001", client_order_id="refused")
    story.book(at_ms=40)
    story.trade("29990", "9", Side.SELL, at_ms=1234)
    story.cancel("off book")
    story.book(at_ms=2000)
    walked = [fill.receipt for fill in story.fills if fill.client_order_id == "walks"]
    assert [(each.levels_walked, each.level) for each in walked if each] == [
        (1, (Decimal(30001), Decimal("0.3"))), (2, (Decimal(30002), Decimal("0.3"))),
    ]
    [maker] = [fill.receipt for fill in story.fills if fill.client_order_id == "rests"]
    assert maker is not None and maker.book_age_ms == 1194 and maker.response_latency_us == 2500
    heard = [fact for fact, _ in story.told if isinstance(fact, MarketFact)]
    evidence = Evidence(story.settings, heard, story.facts)
    evidence.check()
    assert evidence.checked == 5 and len(story.of(OrderAccepted)) == 3
    assert story.account.position(BTC) == 1
