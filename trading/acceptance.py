"""The simulated venue's rules for an order that arrives. Must not change anything; a rule can only refuse.

The first rule that objects decides. A refusal is a short word for programs and a sentence with the numbers for people.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from trading.book import BookFault
from trading.collateral import available_margin, needed_margin, price_of
from trading.desk import Desk
from trading.orders import Order
from trading.quantities import EXACT, ZERO, plain, signed
from trading.triggers import is_reached
from trading.words import OrderState, OrderType, Side, TimeInForce, TradingState, TriggerSource

__all__ = ["AMENDED_RULES", "LATCHED", "LESSENED_RULES", "Refusal", "first_refusal", "refusal_of", "refuse", "room"]

LATCHED = frozenset({TradingState.HALTED, TradingState.KILLED})
ONE = Decimal(1)
WIDEST_TRAIL_BPS = Decimal(5_000)


class Refusal(msgspec.Struct, frozen=True):
    """``text`` reads ``CATEGORY_CONDITION: key=value, ...``."""

    reason: str
    text: str


def refusal_of(desk: Desk, order: Order) -> Refusal | None:
    """The first objection, or None: the order is acceptable now."""
    return first_refusal(desk, order, RULES)


def first_refusal(desk: Desk, order: Order, rules: Iterable["Rule"]) -> Refusal | None:
    """What the first of these rules that objects says."""
    for rule in rules:
        refusal = rule(desk, order)
        if refusal is not None:
            return refusal
    return None


def room(desk: Desk, order: Order) -> Decimal:
    """How much of an order may still fill: never through zero if reduce_only, else never above the cap."""
    position = desk.ledger.position(order.symbol)
    if order.intent.reduce_only:
        most = -signed(order.side, position)
    elif _only_reduces(desk, order):
        most = order.leaves_quantity
    else:
        most = desk.settings.position_max[order.symbol] - signed(order.side, position)
    return max(min(order.leaves_quantity, most), Decimal(0))


def _not_halted(desk: Desk, order: Order) -> Refusal | None:
    if desk.trading_state in LATCHED:
        return refuse("halted", "TRADING_HALTED", order, state=desk.trading_state)
    return None


def _known_symbol(desk: Desk, order: Order) -> Refusal | None:
    return None if order.symbol in desk.instruments else refuse("unknown_symbol", "SYMBOL_UNKNOWN", order)


def _well_formed(desk: Desk, order: Order) -> Refusal | None:
    """Each type has the prices it needs, and no other."""
    intent = order.intent
    trails = intent.type is OrderType.TRAILING_STOP_MARKET
    if intent.type.has_limit != (intent.price is not None):
        return refuse("invalid", "ORDER_INVALID", order, type=intent.type, price=_or_none(intent.price))
    if not trails and intent.type.waits_for_trigger != (intent.trigger_price is not None):
        return refuse("invalid", "ORDER_INVALID", order, type=intent.type, trigger_price=_or_none(intent.trigger_price))
    if trails != (intent.trailing_bps is not None):
        return refuse("invalid", "ORDER_INVALID", order, type=intent.type, trailing_bps=_or_none(intent.trailing_bps))
    if intent.post_only and (not intent.type.has_limit or intent.time_in_force is not TimeInForce.GTC):
        force = intent.time_in_force
        return refuse("invalid", "ORDER_INVALID", order, type=intent.type, time_in_force=force, post_only="true")
    return None


def _family(desk: Desk, order: Order) -> Refusal | None:
    """A child only reduces, and needs a parent that has filled or still can; a group that has its winner takes nobody in."""
    intent = order.intent
    if not intent.oco and not intent.parent_order_id:
        return None
    parent = desk.orders.known.get(intent.parent_order_id)
    winner = desk.orders.winner(order)
    if winner is not None:
        return refuse("oco", "OCO_ALREADY_FILLED", order, oco=intent.oco, filled_order_id=winner.client_order_id)
    if not intent.parent_order_id:
        return None
    if parent is None or parent.symbol != order.symbol:
        return refuse("parent_unknown", "PARENT_UNKNOWN", order, parent_order_id=intent.parent_order_id)
    if not parent.is_open and not parent.filled_quantity:
        return refuse("parent_ended", "PARENT_ENDED", order, parent_order_id=intent.parent_order_id, state=parent.state)
    if not intent.reduce_only or parent.side is order.side:
        return refuse("invalid", "CHILD_MUST_REDUCE", order, side=order.side, parent_side=parent.side)
    return None


def _trigger(desk: Desk, order: Order) -> Refusal | None:
    """On tick, and on the side from which the price has yet to come."""
    intent, instrument = order.intent, desk.instruments[order.symbol]
    trail, price = intent.trailing_bps, intent.trigger_price
    if trail is not None and not (trail.is_finite() and 0 < trail <= WIDEST_TRAIL_BPS):
        return refuse("invalid", "TRAILING_INVALID", order, trailing_bps=trail, max=WIDEST_TRAIL_BPS)
    if price is None:
        return None
    if not price.is_finite() or price <= 0:
        return refuse("invalid", "TRIGGER_PRICE_INVALID", order, trigger_price=price)
    if abs(price.adjusted()) > EXACT.prec // 2 or not instrument.on_tick(price):
        return refuse("off_tick", "TRIGGER_PRICE_OFF_TICK", order, trigger_price=price, tick=instrument.tick)
    market, before = desk.markets[order.symbol], desk.orders.known[order.client_order_id]
    if trail is not None or desk.orders.sleeps(order) or (before.is_working and before.intent.trigger_price == price):
        return None
    now = market.mark_price if intent.trigger_by is TriggerSource.MARK_PRICE else market.last_price
    if now is not None and is_reached(intent, price, now):
        return refuse("trigger_wrong_side", "TRIGGER_ON_WRONG_SIDE", order, side=order.side, trigger_price=price, price=now)
    return None


def _quantity(desk: Desk, order: Order) -> Refusal | None:
    instrument, quantity = desk.instruments[order.symbol], order.intent.quantity
    least = instrument.minimum_quantity
    most = instrument.maximum_limit_quantity if order.intent.type.has_limit else instrument.maximum_market_quantity
    if not quantity.is_finite() or quantity <= 0:
        return refuse("invalid", "QUANTITY_INVALID", order, quantity=quantity)
    if quantity < least:
        return refuse("below_minimum", "QUANTITY_BELOW_MINIMUM", order, quantity=quantity, min=least)
    if quantity > most:
        return refuse("above_maximum", "QUANTITY_ABOVE_MAXIMUM", order, quantity=quantity, max=most)
    if not instrument.on_step(quantity):
        return refuse("off_step", "QUANTITY_OFF_STEP", order, quantity=quantity, step=instrument.step)
    return None


def _price(desk: Desk, order: Order) -> Refusal | None:
    """The band is the venue's: a buy at most mark x (1 + scope), a sell at least mark x (1 - scope) (its codes 30014,
    30015). What waits for its trigger is meant for a market that is there."""
    price, instrument = order.limit, desk.instruments[order.symbol]
    if price is None:
        return None
    mark = order.intent.trigger_price if _untriggered(desk, order) else desk.markets[order.symbol].mark_price
    if not price.is_finite() or price <= 0:
        return refuse("invalid", "PRICE_INVALID", order, price=price)
    if mark is not None:
        buys, scope = order.side is Side.BUY, instrument.price_protect_scope
        edge = mark * (ONE + scope if buys else ONE - scope)
        if price > edge if buys else price < edge:
            return refuse("price_band", "PRICE_OUT_OF_BAND", order, price=price, mark=mark, edge=edge)
    # A price of absurd size would not fit a division; no tick grid has it.
    if abs(price.adjusted()) > EXACT.prec // 2 or not instrument.on_tick(price):
        return refuse("off_tick", "PRICE_OFF_TICK", order, price=price, tick=instrument.tick)
    return None


def _reduces(desk: Desk, order: Order) -> Refusal | None:
    if not order.intent.reduce_only:
        return None
    position = desk.ledger.position(order.symbol)
    if signed(order.side, position) >= 0 and not desk.orders.sleeps(order):
        reason = "reduce_only_would_increase"
        return refuse(reason, reason.upper(), order, side=order.side, position=position)
    return None


def _position_limit(desk: Desk, order: Order) -> Refusal | None:
    """The cap is on the worst case of position, working orders on that side, and this one. What only reduces passes."""
    if order.intent.reduce_only or _only_reduces(desk, order):
        return None
    position, most = desk.ledger.position(order.symbol), desk.settings.position_max[order.symbol]
    worst = desk.orders.worst_position(order.symbol, order.side, position)
    before = desk.orders.known[order.client_order_id]
    counted = before.leaves_quantity if before.is_working else ZERO  # of an amended order the old quantity is in the worst case
    if signed(order.side, worst) - counted + order.leaves_quantity <= most:
        return None
    return refuse(
        "position_limit", "POSITION_LIMIT_EXCEEDED", order,
        side=order.side, position=position, worst=worst, quantity=order.intent.quantity, max=most,
    )


def _margin(desk: Desk, order: Order) -> Refusal | None:
    settings = desk.settings.margin.get(order.symbol)
    if settings is None or order.intent.reduce_only or _only_reduces(desk, order):
        return None
    price = price_of(desk, order)
    notional = EXACT.multiply(EXACT.add(abs(desk.ledger.position(order.symbol)), order.leaves_quantity), price)
    objection = settings.objection(order.symbol, notional)
    if objection is not None:
        return Refusal("leverage", objection)
    needed, available = needed_margin(desk, order, settings), available_margin(desk, but=order.client_order_id)
    if needed > available:
        return refuse("insufficient_margin", "MARGIN_INSUFFICIENT", order, needed=needed, available=available, leverage=settings.leverage)
    return None


def _book(desk: Desk, order: Order) -> Refusal | None:
    """Without a book that can be traded on nobody can tell whether an order would take or rest; what waits does neither yet."""
    book = desk.markets[order.symbol].book
    if book.fault is None or _waits(desk, order):
        return None
    return refuse(BOOK_WORDS[book.fault], "BOOK_UNUSABLE", order, book=book.fault)


def _post_only(desk: Desk, order: Order) -> Refusal | None:
    book = desk.markets[order.symbol].book
    if order.intent.post_only and not _waits(desk, order) and book.is_marketable(order.side, order.limit):
        reason, best = "post_only_would_take", book.opposite(order.side)[0][0]
        return refuse(reason, reason.upper(), order, side=order.side, price=order.limit, best=best)
    return None


Rule = Callable[[Desk, Order], Refusal | None]

RULES: tuple[Rule, ...] = (
    _not_halted, _known_symbol, _well_formed, _family, _quantity, _trigger, _price, _reduces, _position_limit, _margin, _book, _post_only,
)
"""In this order: later rules rely on what earlier ones have proved."""

AMENDED_RULES: tuple[Rule, ...] = (
    _not_halted, _well_formed, _quantity, _trigger, _price, _position_limit, _margin, _book, _post_only,
)
"""For an order at the venue that asks for something else."""

LESSENED_RULES: tuple[Rule, ...] = (_quantity,)
"""For one that asks for less of the same: that can always be had."""

BOOK_WORDS = {
    BookFault.UNSEEN: "stale_book", BookFault.STALE: "stale_book", BookFault.GAPPED: "stale_book",
    BookFault.EMPTY: "no_liquidity", BookFault.CROSSED: "crossed_book",
}


def _waits(desk: Desk, order: Order) -> bool:
    """For its trigger or its parent: it meets the book later. Before its acceptance an order is judged by its type."""
    return _untriggered(desk, order) or desk.orders.sleeps(order)


def _untriggered(desk: Desk, order: Order) -> bool:
    if not order.intent.type.waits_for_trigger:
        return False
    return desk.orders.known[order.client_order_id].state in (OrderState.SUBMITTED, OrderState.ACCEPTED)


def _only_reduces(desk: Desk, order: Order) -> bool:
    """True if the whole rest of the order brings the position closer to zero, and not through it."""
    against = -signed(order.side, desk.ledger.position(order.symbol))
    return against > 0 and order.leaves_quantity <= against


def refuse(reason: str, category: str, order: Order, **numbers: object) -> Refusal:
    """The sentence names the symbol and these numbers."""
    fields = ", ".join(f"{key}={_text(value)}" for key, value in {"symbol": order.symbol, **numbers}.items())
    return Refusal(reason, f"{category}: {fields}")


def _or_none(value: Decimal | None) -> Decimal | str:
    return "none" if value is None else value


def _text(value: object) -> str:
    """Plain, unless a number is of absurd size: its digits would fill the log."""
    return plain(value) if isinstance(value, Decimal) and abs(value.adjusted()) < EXACT.prec else str(value)
