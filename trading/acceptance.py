"""The simulated venue's rules for an order that arrives. Must not change anything; a rule can only refuse.

The first rule that objects decides. A refusal is a short word for programs and a sentence with the numbers for people.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from trading.book import BookFault
from trading.desk import Desk
from trading.orders import Order
from trading.quantities import EXACT, plain, signed
from trading.words import OrderType, Side, TimeInForce, TradingState

__all__ = ["LATCHED", "Refusal", "refusal_of", "room"]

LATCHED = frozenset({TradingState.HALTED, TradingState.KILLED})
ONE = Decimal(1)


class Refusal(msgspec.Struct, frozen=True):
    """``text`` reads ``CATEGORY_CONDITION: key=value, ...``."""

    reason: str
    text: str


def refusal_of(desk: Desk, order: Order) -> Refusal | None:
    """The first objection, or None: the order is acceptable now."""
    return next(filter(None, (rule(desk, order) for rule in RULES)), None)


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
        return _refuse("halted", "TRADING_HALTED", order, state=desk.trading_state)
    return None


def _known_symbol(desk: Desk, order: Order) -> Refusal | None:
    return None if order.symbol in desk.instruments else _refuse("unknown_symbol", "SYMBOL_UNKNOWN", order)


def _well_formed(desk: Desk, order: Order) -> Refusal | None:
    intent = order.intent
    if intent.type is OrderType.MARKET and intent.price is not None:
        return _refuse("invalid", "ORDER_INVALID", order, type=intent.type, price=intent.price)
    if intent.type is OrderType.LIMIT and intent.price is None:
        return _refuse("invalid", "ORDER_INVALID", order, type=intent.type, price="none")
    if intent.post_only and (intent.type is OrderType.MARKET or intent.time_in_force is not TimeInForce.GTC):
        force = intent.time_in_force
        return _refuse("invalid", "ORDER_INVALID", order, type=intent.type, time_in_force=force, post_only="true")
    return None


def _quantity(desk: Desk, order: Order) -> Refusal | None:
    instrument, quantity = desk.instruments[order.symbol], order.intent.quantity
    least = instrument.minimum_quantity
    market = order.intent.type is OrderType.MARKET
    most = instrument.maximum_market_quantity if market else instrument.maximum_limit_quantity
    if not quantity.is_finite() or quantity <= 0:
        return _refuse("invalid", "QUANTITY_INVALID", order, quantity=quantity)
    if quantity < least:
        return _refuse("below_minimum", "QUANTITY_BELOW_MINIMUM", order, quantity=quantity, min=least)
    if quantity > most:
        return _refuse("above_maximum", "QUANTITY_ABOVE_MAXIMUM", order, quantity=quantity, max=most)
    if not instrument.on_step(quantity):
        return _refuse("off_step", "QUANTITY_OFF_STEP", order, quantity=quantity, step=instrument.step)
    return None


def _price(desk: Desk, order: Order) -> Refusal | None:
    """The band is the venue's: a buy at most mark x (1 + scope), a sell at least mark x (1 - scope) (its codes 30014,
    30015)."""
    price, instrument, mark = order.limit, desk.instruments[order.symbol], desk.markets[order.symbol].mark_price
    if price is None:
        return None
    if not price.is_finite() or price <= 0:
        return _refuse("invalid", "PRICE_INVALID", order, price=price)
    if mark is not None:
        buys, scope = order.side is Side.BUY, instrument.price_protect_scope
        edge = mark * (ONE + scope if buys else ONE - scope)
        if price > edge if buys else price < edge:
            return _refuse("price_band", "PRICE_OUT_OF_BAND", order, price=price, mark=mark, edge=edge)
    # A price of absurd size would not fit a division; no tick grid has it.
    if abs(price.adjusted()) > EXACT.prec // 2 or not instrument.on_tick(price):
        return _refuse("off_tick", "PRICE_OFF_TICK", order, price=price, tick=instrument.tick)
    return None


def _reduces(desk: Desk, order: Order) -> Refusal | None:
    position = desk.ledger.position(order.symbol)
    if order.intent.reduce_only and signed(order.side, position) >= 0:
        reason = "reduce_only_would_increase"
        return _refuse(reason, reason.upper(), order, side=order.side, position=position)
    return None


def _position_limit(desk: Desk, order: Order) -> Refusal | None:
    """The cap is on the worst case of position, working orders on that side, and this one. What only reduces passes."""
    if order.intent.reduce_only or _only_reduces(desk, order):
        return None
    position, most = desk.ledger.position(order.symbol), desk.settings.position_max[order.symbol]
    worst = desk.orders.worst_position(order.symbol, order.side, position)
    if signed(order.side, worst) + order.intent.quantity <= most:
        return None
    return _refuse(
        "position_limit", "POSITION_LIMIT_EXCEEDED", order,
        side=order.side, position=position, worst=worst, quantity=order.intent.quantity, max=most,
    )


def _book(desk: Desk, order: Order) -> Refusal | None:
    """Without a book that can be traded on nobody can tell whether an order would take or rest."""
    book = desk.markets[order.symbol].book
    if book.fault is None:
        return None
    return _refuse(BOOK_WORDS[book.fault], "BOOK_UNUSABLE", order, book=book.fault)


def _post_only(desk: Desk, order: Order) -> Refusal | None:
    book = desk.markets[order.symbol].book
    if order.intent.post_only and book.is_marketable(order.side, order.limit):
        reason, best = "post_only_would_take", book.opposite(order.side)[0][0]
        return _refuse(reason, reason.upper(), order, side=order.side, price=order.limit, best=best)
    return None


RULES: tuple[Callable[[Desk, Order], Refusal | None], ...] = (
    _not_halted, _known_symbol, _well_formed, _quantity, _price, _reduces, _position_limit, _book, _post_only,
)
"""In this order: later rules rely on what earlier ones have proved."""

BOOK_WORDS = {
    BookFault.UNSEEN: "stale_book", BookFault.STALE: "stale_book", BookFault.GAPPED: "stale_book",
    BookFault.EMPTY: "no_liquidity", BookFault.CROSSED: "crossed_book",
}


def _only_reduces(desk: Desk, order: Order) -> bool:
    """True if the whole rest of the order brings the position closer to zero, and not through it."""
    against = -signed(order.side, desk.ledger.position(order.symbol))
    return against > 0 and order.leaves_quantity <= against


def _refuse(reason: str, category: str, order: Order, **numbers: object) -> Refusal:
    fields = ", ".join(f"{key}={_text(value)}" for key, value in {"symbol": order.symbol, **numbers}.items())
    return Refusal(reason, f"{category}: {fields}")


def _text(value: object) -> str:
    """Plain, unless a number is of absurd size: its digits would fill the log."""
    return plain(value) if isinstance(value, Decimal) and abs(value.adjusted()) < EXACT.prec else str(value)
