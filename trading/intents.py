"""What is asked of the account, in the imperative. Part of the vocabulary of trading/messages.py; import from there.

Must not know what comes of it.
"""

from decimal import Decimal

from trading.market_facts import Message
from trading.words import OrderType, Side, TimeInForce, TriggerSource

__all__ = ["AmendOrder", "CancelAll", "CancelOrder", "CloseAll", "DenyAmend", "DenyOrder", "PassOver", "ReportProgress", "SubmitOrder"]


class SubmitOrder(Message, frozen=True, kw_only=True):
    """Ask for an order. ``decided_at_ns``, ``market_sequence`` and ``facts_sequence`` say on what knowledge it was decided
    (event time, last market fact, last account fact seen).

    - ``price``: the limit; None for orders without one. ``trigger_price``: where a conditional order becomes one; for a
      TRAILING_STOP_MARKET where it begins to trail (None: at once). ``trailing_bps``: its distance from the best price.
    - ``parent_order_id``: this order sleeps until that one has a fill, and ends with it if it has none.
    - ``oco``: a group in which one complete fill cancels the others (one cancels the other).
    """

    client_order_id: str
    strategy_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    trigger_price: Decimal | None = None
    trigger_by: TriggerSource = TriggerSource.LAST_PRICE
    trailing_bps: Decimal | None = None
    parent_order_id: str = ""
    oco: str = ""
    reason: str = ""
    decided_at_ns: int = 0
    market_sequence: int = 0
    facts_sequence: int = 0


class AmendOrder(Message, frozen=True, kw_only=True):
    """Ask for another quantity (in total, fills included), limit or trigger of a working order; None leaves it as it is."""

    command_id: str
    client_order_id: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    reason: str = ""
    decided_at_ns: int = 0
    market_sequence: int = 0


class CancelOrder(Message, frozen=True, kw_only=True):
    """Ask for the end of a working order. Idempotent: canceling what is closed changes nothing."""

    command_id: str
    client_order_id: str
    reason: str = ""
    decided_at_ns: int = 0
    market_sequence: int = 0


class DenyOrder(Message, frozen=True, kw_only=True):
    """The risk gate's refusal on its way into the ledger. ``reason`` is the short word (``position_limit``),
    ``text`` the field's sentence (``POSITION_LIMIT_EXCEEDED: symbol=BTCUSDT, ...``)."""

    order: SubmitOrder
    reason: str
    text: str


class DenyAmend(Message, frozen=True, kw_only=True):
    """The risk gate's refusal of an amendment on its way into the ledger; the order stays as it is. ``reason`` and ``text`` as above."""

    command_id: str
    client_order_id: str
    reason: str
    text: str


class ReportProgress(Message, frozen=True, kw_only=True):
    """The strategy's own count, for the ledger: bars closed so far, and whether warm-up is over (the gate opens with it)."""

    command_id: str
    strategy_id: str
    bars: int
    warmup_bars: int
    warmup_complete: bool
    at_ns: int


class PassOver(Message, frozen=True, kw_only=True):
    """Go on without the market facts ``first`` to ``last``, which cannot be had. Where some of them had been taken in before, a
    recovered account could not hear them again: it forgets the market."""

    first: int
    last: int


class CancelAll(Message, frozen=True, kw_only=True):
    """Cancel every working and pending order, at once."""

    reason: str


class CloseAll(Message, frozen=True, kw_only=True):
    """Cancel every order and flatten every position at the last known price, at once. The kill switch's word."""

    reason: str
