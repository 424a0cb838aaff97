"""Orders in any sequence of submissions, fills, cancels and ends: their table is what plain records and slow searches say it is."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import msgspec
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from trading.messages import OrderAmended, SubmitOrder
from trading.orders import LIFE, Order, OrderEvent, Refused
from trading.quantities import ZERO
from trading.words import OrderState, OrderType, Side
from trading.working import Arrival, Orders

SYMBOL = "X"
AWAY, WORKING = (OrderState.SUBMITTED,), (OrderState.ACCEPTED, OrderState.TRIGGERED, OrderState.PARTIALLY_FILLED)
SEQUENCE = 7
ENDS = {OrderEvent.REJECT: OrderState.REJECTED, OrderEvent.CANCEL: OrderState.CANCELED, OrderEvent.EXPIRE: OrderState.EXPIRED}
MAY_END = {OrderEvent.REJECT: AWAY, OrderEvent.CANCEL: AWAY + WORKING, OrderEvent.EXPIRE: WORKING}

quantities = st.integers(1, 8).map(lambda each: Decimal(each) / 4)
prices = st.none() | st.integers(98, 102).map(Decimal)
instants = st.integers(0, 20)


class Plain(msgspec.Struct):
    """What a person with paper would write down of one order."""

    side: Side
    quantity: Decimal
    price: Decimal | None
    reduce_only: bool
    due_ns: int
    state: OrderState
    reason: str = ""
    fills: list[tuple[Decimal, Decimal]] = []
    asked_as: int = 0
    cancel: tuple[int, int, str] | None = None

    @property
    def left(self) -> Decimal:
        return self.quantity - sum((quantity for quantity, _ in self.fills), ZERO)

    @property
    def is_open(self) -> bool:
        return self.state in AWAY + WORKING


class OrderTable(RuleBasedStateMachine):
    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.orders = Orders()
        self.plain: dict[str, Plain] = {}
        self.asked = 0

    # ------------------------------------------------------------------------------------------------ what is done

    @rule(target=names, side=st.sampled_from(Side), quantity=quantities, price=prices, reduce_only=st.booleans(), due_ns=instants)
    def submit(self, side: Side, quantity: Decimal, price: Decimal | None, reduce_only: bool, due_ns: int) -> str:
        intent = self._intent(side, quantity, price, reduce_only)
        assert self.orders.add_submitted(intent, due_ns) is None
        record = self._written(intent, OrderState.SUBMITTED)
        record.due_ns, record.asked_as = due_ns, self._next_asked()
        return intent.client_order_id

    @rule(target=names, side=st.sampled_from(Side), quantity=quantities)
    def deny(self, side: Side, quantity: Decimal) -> str:
        intent = self._intent(side, quantity, None, False)
        assert self.orders.add_denied(intent, "denied") is None
        self._written(intent, OrderState.DENIED).reason = "denied"
        return intent.client_order_id

    @rule(name=names)
    def accept(self, name: str) -> None:
        order, record = self.orders.known[name], self.plain[name]
        if self._allowed(record.state in AWAY, order, OrderEvent.ACCEPT, lambda: self.orders.accept(order, SEQUENCE)):
            record.state = OrderState.ACCEPTED

    @rule(name=names)
    def rest(self, name: str) -> None:
        """To the end of its queue, wherever it was."""
        order, record = self.orders.known[name], self.plain[name]
        if order.limit is not None and self._allowed(record.state in WORKING, order, OrderEvent.REST, lambda: order.advance(OrderEvent.REST)):
            record.reason = ""

    @rule(name=names, more=st.integers(0, 3).map(Decimal), price=st.integers(98, 102).map(Decimal), requeued=st.booleans())
    def amend(self, name: str, more: Decimal, price: Decimal, requeued: bool) -> None:
        order, record = self.orders.known[name], self.plain[name]
        if order.limit is None:
            return
        quantity, price = record.quantity + more, price if requeued else order.limit
        fact = OrderAmended(
            at_ns=0, client_order_id=name, command_id=f"amend {self._next_asked()}", quantity=quantity, leaves_quantity=record.left + more,
            price=price, trigger_price=None, requeued=requeued,
        )
        if self._allowed(record.state in WORKING, order, OrderEvent.AMEND, lambda: self.orders.amend(order, fact)):
            record.quantity, record.price, record.reason = quantity, price, ""

    @rule(name=names, part=st.integers(1, 4), price=st.integers(95, 105).map(Decimal))
    def fill(self, name: str, part: int, price: Decimal) -> None:
        """A quarter of what is left, or up to all of it; of what has nothing left, too."""
        order, record = self.orders.known[name], self.plain[name]
        quantity = record.left * part / 4 or Decimal(1)
        event = OrderEvent.FILL_REST if quantity == record.left else OrderEvent.FILL_PART
        if self._allowed(record.state in WORKING, order, event, lambda: self.orders.fill(order, quantity, price, SEQUENCE)):
            record.fills = [*record.fills, (quantity, price)]
            record.state = OrderState.PARTIALLY_FILLED if record.left else OrderState.FILLED

    @rule(name=names, event=st.sampled_from(list(ENDS)))
    def end(self, name: str, event: OrderEvent) -> None:
        order, record = self.orders.known[name], self.plain[name]
        if self._allowed(record.state in MAY_END[event], order, event, lambda: self.orders.end(order, event, f"why {event}")):
            record.state, record.reason = ENDS[event], f"why {event}"

    @rule(name=names, at_ns=instants, reason=st.sampled_from(["old", "risk"]))
    def ask_cancel(self, name: str, at_ns: int, reason: str) -> None:
        record = self.plain[name]
        self.orders.ask_cancel(self.orders.known[name], at_ns, reason)
        if record.is_open and record.cancel is None:
            record.cancel = (at_ns, self._next_asked(), reason)

    # ------------------------------------------------------------------------------------------------ what must hold

    @invariant()
    def every_order_is_as_written(self) -> None:
        assert list(self.orders.known) == list(self.plain)
        for name, record in self.plain.items():
            order = self.orders.known[name]
            value = sum((Fraction(quantity) * Fraction(price) for quantity, price in record.fills), Fraction(0))
            assert (order.state, order.ended_reason, order.is_open) == (record.state, record.reason, record.is_open)
            assert (order.leaves_quantity, Fraction(order.filled_value)) == (record.left, value)
            assert order.filled_quantity + order.leaves_quantity == order.intent.quantity
            asked = None if record.cancel is None else (record.cancel[0], record.cancel[2])
            assert (None if order.cancel_at_ns is None else (order.cancel_at_ns, order.cancel_reason)) == asked
            if record.fills:
                exact = value / Fraction(record.quantity - record.left)
                assert abs(Fraction(order.average_price) - exact) <= Fraction(1, 2 * 10**12)

    @invariant()
    def the_open_ones_are_in_order_of_arrival(self) -> None:
        assert [order.client_order_id for order in self.orders.open()] == [name for name, record in self.plain.items() if record.is_open]

    @invariant()
    def the_next_arrival_is_the_earliest_that_still_matters(self) -> None:
        dues = [(record.due_ns, record.asked_as, name, Arrival.ORDER) for name, record in self.plain.items() if record.state in AWAY]
        dues += [(*record.cancel[:2], name, Arrival.CANCEL) for name, record in self.plain.items() if record.is_open and record.cancel]
        earliest = min(dues, key=lambda each: each[:2], default=None)
        due = self.orders.next_due()
        assert (due and (due.at_ns, due.client_order_id, due.what)) == (earliest and (earliest[0], *earliest[2:]))

    @invariant()
    def the_worst_position_is_the_one_after_the_worst_fills(self) -> None:
        """reduce_only first, each as far as it closes; then all the others."""
        for side in Side:
            for start in (Decimal(-2), ZERO, Decimal("1.75")):
                towards = 1 if side is Side.BUY else -1
                position = start * towards
                working = [record for record in self.plain.values() if record.side is side and record.state in WORKING]
                for record in working:
                    position += max(min(record.left, -position), ZERO) if record.reduce_only else ZERO
                position += sum((record.left for record in working if not record.reduce_only), ZERO)
                assert self.orders.worst_position(SYMBOL, side, start) == position * towards

    # ------------------------------------------------------------------------------------------------ how it is done

    def _allowed(self, allowed: bool, order: Order, event: OrderEvent, act: Callable[[], Refused | None]) -> bool:
        """Do it; a refusal names the state and the event, and leaves the order as it was (the invariants look at the rest)."""
        state, before = order.state, msgspec.json.encode(order)
        assert allowed == ((state, event) in LIFE)
        refused = act()
        assert refused == (None if allowed else Refused(state, event))
        assert allowed or msgspec.json.encode(order) == before
        return allowed

    def _intent(self, side: Side, quantity: Decimal, price: Decimal | None, reduce_only: bool) -> SubmitOrder:
        return SubmitOrder(
            client_order_id=f"o-{len(self.plain)}", strategy_id="s", symbol=SYMBOL, side=side, quantity=quantity, price=price,
            type=OrderType.MARKET if price is None else OrderType.LIMIT, reduce_only=reduce_only,
        )

    def _written(self, intent: SubmitOrder, state: OrderState) -> Plain:
        record = Plain(intent.side, intent.quantity, intent.price, intent.reduce_only, 0, state)
        self.plain[intent.client_order_id] = record
        return record

    def _next_asked(self) -> int:
        self.asked += 1
        return self.asked


TestOrderTable = OrderTable.TestCase
TestOrderTable.settings = effort(max_examples=60, stateful_step_count=30, deadline=None)
