"""What the account has on record of one strategy, at the moment of receipt: for telling old intents from new ones.

Must not know when the strategy hears of it.
"""

from trading.messages import (
    AccountFact, AmendOrder, AmendRejected, AmendSubmitted, OrderCanceled, OrderDenied, OrderExpired, OrderFilled, OrderRejected,
    OrderSubmitted, StrategyProgressed, SubmitOrder,
)

__all__ = ["Record"]


class Record:
    """``orders`` and ``amends`` by id, ``closed`` orders, and whether the end of the warm-up is among it. ``sequence`` is the last
    fact received."""

    def __init__(self, strategy_id: str) -> None:
        self.strategy_id = strategy_id
        self.sequence = 0
        self.orders: set[str] = set()
        self.amends: set[str] = set()
        self.closed: set[str] = set()
        self.warm = False
        self._newest_market_sequence = 0

    def on_fact(self, sequence: int, fact: AccountFact) -> None:
        self.sequence = sequence
        match fact:
            case OrderSubmitted(order=order) | OrderDenied(order=order) if order.strategy_id == self.strategy_id:
                self.orders.add(order.client_order_id)
                self._newest_market_sequence = max(self._newest_market_sequence, order.market_sequence)
                if isinstance(fact, OrderDenied):
                    self.closed.add(order.client_order_id)
            case OrderFilled(leaves_quantity=leaves) if leaves == 0:
                self.closed.add(fact.client_order_id)
            case OrderRejected() | OrderCanceled() | OrderExpired():
                self.closed.add(fact.client_order_id)
            case AmendSubmitted() | AmendRejected():
                self.amends.add(fact.command_id)
            case StrategyProgressed() if fact.strategy_id == self.strategy_id:
                self.warm = self.warm or fact.warmup_complete

    def could_follow(self, intent: SubmitOrder | AmendOrder) -> bool:
        """False for an order or an amendment decided before an order that is on record, without being on record itself.

        They reach the account in the order of their decision: this one was never made, and it is too late for it now. Orders of one
        decision share its market sequence, so a child whose parent is the newest on record is made up for.
        """
        return self.holds(intent) or intent.market_sequence >= self._newest_market_sequence

    def holds(self, intent: SubmitOrder | AmendOrder) -> bool:
        """It is on record; or, as an amendment, came too late for its order and left no trace."""
        if isinstance(intent, SubmitOrder):
            return intent.client_order_id in self.orders
        return intent.command_id in self.amends or intent.client_order_id in self.closed
