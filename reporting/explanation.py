"""The story of one order in about ten lines, from the evidence that its facts carry. Must not compute anything but sums of quantities.

Every number is the ledger's own; times are event time, in UTC and relative to the decision.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from trading.latency import text
from trading.messages import (
    AccountFact, AmendRejected, AmendSubmitted, CancelSubmitted, OrderAccepted, OrderAmended, OrderCanceled, OrderDenied, OrderExpired,
    OrderFilled, OrderRejected, OrderRested, OrderSubmitted, OrderTriggered, Receipt, SessionOpened, SubmitOrder,
)
from trading.quantities import EXACT, ZERO, plain
from trading.words import Liquidity

__all__ = ["OrderStory", "explain"]

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
FILL_LINES = 4
QUEUE_STEPS = 6
WIDTH = 10


class OrderStory:
    """The facts of one order, as they are found in a ledger."""

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id
        self.opened: SessionOpened | None = None
        self.facts: list[AccountFact] = []

    @property
    def found(self) -> bool:
        return bool(self.facts)

    def see(self, fact: AccountFact) -> None:
        if isinstance(fact, SessionOpened):
            self.opened = fact
        order = getattr(fact, "order", None)
        name = order.client_order_id if isinstance(order, SubmitOrder) else getattr(fact, "client_order_id", "")
        if name == self.order_id:
            self.facts.append(fact)


def explain(facts: Iterable[AccountFact], order_id: str) -> list[str] | None:
    """The lines, or None when the ledger has no such order."""
    story = OrderStory(order_id)
    for fact in facts:
        story.see(fact)
    return _lines(story) if story.found else None


def _lines(story: OrderStory) -> list[str]:
    first = story.facts[0]
    assert isinstance(first, OrderSubmitted | OrderDenied), "an order begins by being asked for"
    lines = [_asked(first.order), _decided(first)]
    if isinstance(first, OrderDenied):
        return [*lines, _line("DENIED", f"by the risk gate, {first.reason}: {first.text}"), _line("reached", "it never left for the venue")]
    lines.append(_on_the_way(first, story.opened))
    fills = [fact for fact in story.facts if isinstance(fact, OrderFilled)]
    for fact in story.facts[1:]:
        if isinstance(fact, OrderFilled):
            lines += _filled(fact) if fact in fills[:FILL_LINES] else []
        else:
            lines += _told(fact, first.order.decided_at_ns or first.at_ns)
    if len(fills) > FILL_LINES:
        lines.append(_line("fills", f"{len(fills) - FILL_LINES} more of the same kind: run_agent.py export RUN --fills"))
    return [*lines, *_waited(_last_receipt(story.facts)), *_result(fills)]


def _asked(order: SubmitOrder) -> str:
    flags = [word for word, on in (("post_only", order.post_only), ("reduce_only", order.reduce_only)) if on]
    prices = [f"{name} {plain(value)}" for name, value in (
        ("at", order.price), ("trigger", order.trigger_price), ("trailing bps", order.trailing_bps)) if value is not None]
    family = [f"child of {order.parent_order_id}"] if order.parent_order_id else []
    words = [order.side, plain(order.quantity), order.symbol, order.type, *prices, order.time_in_force, *flags, *family]
    return _line("order", f"{order.client_order_id}: {' '.join(words)}, by {order.strategy_id} ({order.reason or 'no reason given'})")


def _decided(fact: OrderSubmitted | OrderDenied) -> str:
    order = fact.order
    mid = f"; mid {plain(fact.decision_mid)}" if isinstance(fact, OrderSubmitted) and fact.decision_mid is not None else ""
    knew = f"market fact {order.market_sequence} and account fact {order.facts_sequence}"
    return _line("decided", f"{_clock(order.decided_at_ns or fact.at_ns)} knowing {knew}{mid}")


def _on_the_way(fact: OrderSubmitted, opened: SessionOpened | None) -> str:
    waited = _ms(fact.effective_at_ns - (fact.order.decided_at_ns or fact.at_ns))
    model = f", drawn from {text(opened.entry_latency)}; answers by {text(opened.response_latency)}" if opened else ""
    late = "; it came to the account later than that and took effect at once" if fact.late else ""
    return _line("sent", f"reached the venue {waited} after the decision{model}{late}")


def _told(fact: AccountFact, since_ns: int) -> list[str]:
    after = f"+{_ms(fact.at_ns - since_ns)}"
    match fact:
        case OrderAccepted():
            return []
        case OrderRested(ahead=None):
            return [_line("rested", f"{after} at a price beyond the visible window: what is ahead is not known")]
        case OrderRested():
            return [_line("rested", f"{after} behind {plain(fact.ahead or ZERO)} displayed at its price")]
        case OrderTriggered():
            return [_line("triggered", f"{after} when the price came to {plain(fact.price)}; trigger {plain(fact.trigger_price)}")]
        case AmendSubmitted() | CancelSubmitted():
            what = "a cancel" if isinstance(fact, CancelSubmitted) else "an amendment"
            return [_line("asked", f"{after} for {what} ({fact.reason}), reaching the venue {_ms(fact.effective_at_ns - fact.at_ns)} later")]
        case OrderAmended():
            price = "" if fact.price is None else f" at {plain(fact.price)}"
            return [_line("amended", f"{after} to {plain(fact.quantity)}{price}{', to the end of the queue' if fact.requeued else ''}")]
        case AmendRejected():
            return [_line("refused", f"{after} the amendment: {fact.text}")]
        case OrderRejected():
            return [_line("REJECTED", f"{after} by the venue, {fact.reason}: {fact.text}"), *_seen(fact.receipt)]
        case OrderCanceled() | OrderExpired():
            word = "CANCELED" if isinstance(fact, OrderCanceled) else "EXPIRED"
            return [_line(word, f"{after}: {fact.reason}"), *_seen(fact.receipt)]
    return []


def _filled(fact: OrderFilled) -> list[str]:
    """One execution: what, on which book, and what it cost."""
    receipt = fact.receipt or Receipt()
    took = f" of {plain(receipt.level[1])} displayed at {plain(receipt.level[0])} (level {receipt.levels_walked})" if receipt.level else ""
    guess = ", priced beyond the visible depth" if receipt.extrapolated else ""
    head = f"{plain(fact.quantity)} at {plain(fact.price)} {fact.liquidity}{took}{guess}; model {receipt.model or fact.model}"
    cost = f"{plain(fact.slippage_bps)} bps against mid {plain(fact.mid)}, fee {plain(fact.fee)} ({receipt.fee_schedule}), "
    cost += f"realized {plain(fact.realized_pnl)}, position {plain(fact.position)}, {plain(fact.leaves_quantity)} left"
    return [_line("FILLED", head), *_seen(receipt), _line("cost", cost)]


def _seen(receipt: Receipt | None) -> list[str]:
    if receipt is None or not receipt.book_sequence:
        return []
    bid, ask = ("none" if price is None else plain(price) for price in (receipt.bid, receipt.ask))
    return [_line("book", f"{bid} / {ask}, window {receipt.book_sequence}, {receipt.book_age_ms} ms old{_implied(receipt)}")]


def _implied(receipt: Receipt) -> str:
    """What a trade behind the window said of its best prices."""
    touch = receipt.implied
    if touch is None:
        return ""
    stands = (touch.bid, touch.ask) == (receipt.bid, receipt.ask)
    said = "confirmed" if stands else f"moved to {plain(touch.bid)} / {plain(touch.ask)}"
    return f"; {said} by the last trade, market fact {touch.market_sequence}"


def _waited(receipt: Receipt | None) -> list[str]:
    """The way to the front, and the trades that came by."""
    if receipt is None or not receipt.queue:
        return []
    steps = receipt.queue if len(receipt.queue) <= QUEUE_STEPS else (receipt.queue[0], *receipt.queue[1 - QUEUE_STEPS:])
    way = " > ".join(f"{'?' if step.ahead is None else plain(step.ahead)} ({step.cause})" for step in steps)
    left_out = receipt.queue_steps_left_out + len(receipt.queue) - len(steps)
    lines = [_line("queue", f"ahead {way}{f'; {left_out} steps between left out' if left_out else ''}; {receipt.model}")]
    if receipt.consumed_by:
        traded = ZERO
        for trade in receipt.consumed_by:
            traded = EXACT.add(traded, trade.quantity)
        newest = ", ".join(f"{plain(trade.quantity)} at {plain(trade.price)}" for trade in receipt.consumed_by[-3:])
        lines.append(_line("trades", f"{len(receipt.consumed_by)} reached it, {plain(traded)} together; newest: {newest}"))
    return lines


def _result(fills: list[OrderFilled]) -> list[str]:
    if not fills:
        return [_line("result", "nothing was filled")]
    filled, fees = ZERO, ZERO
    for fill in fills:
        filled, fees = EXACT.add(filled, fill.quantity), EXACT.add(fees, fill.fee)
    makers = sum(fill.liquidity is Liquidity.MAKER for fill in fills)
    left = fills[-1].leaves_quantity
    return [_line("result", f"{plain(filled)} in {len(fills)} fills ({makers} maker), {plain(left)} not filled, fees {plain(fees)}")]


def _last_receipt(facts: list[AccountFact]) -> Receipt | None:
    receipts = [receipt for fact in facts if isinstance(receipt := getattr(fact, "receipt", None), Receipt)]
    return receipts[-1] if receipts else None


def _line(word: str, text: str) -> str:
    return f"{word:<{WIDTH}}{text}"


def _clock(at_ns: int) -> str:
    seconds, rest = divmod(at_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}.{rest // NS_PER_MS:03d}"


def _ms(span_ns: int) -> str:
    return f"{plain(Decimal(span_ns).scaleb(-6))} ms"
