"""What became of one order, in the words that both engines have. Must not know engines."""

from decimal import Decimal

import msgspec

__all__ = ["Outcome"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """``filled`` in all; the last execution's price, quantity and instant (0: none); for a taker that is its deepest level.

    ``refused``: a post-only order that would have taken. ``beyond``: what was priced behind the visible window, not part of
    the rest. ``unknown_queue``: it joined at a price that no window showed. ``broken``: the engine ended with an error before it was judged.
    """

    filled: Decimal = Decimal(0)
    last_price: Decimal | None = None
    last_quantity: Decimal = Decimal(0)
    last_at_ns: int = 0
    refused: bool = False
    beyond: Decimal = Decimal(0)
    unknown_queue: bool = False
    broken: bool = False
