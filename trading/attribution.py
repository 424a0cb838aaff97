"""Where a session's profit came from, to the last unit. Must not know where facts are kept or how results are shown.

For a fill of signed quantity ``q`` at price ``p``, with ``M`` the last mark of its symbol::

    q * (M - p)  =  q * (M - decision_mid)     price move: what the decision was worth
                 +  q * (decision_mid - mid)   latency: what the mid did between decision and fill
                 +  q * (mid - touch)          spread: from the mid to the best price
                 +  q * (touch - p)            slippage: from the best price to the one paid

(the implementation shortfall of Perold 1988, split at the mid and the touch). The left side, summed over all fills, is
realized plus unrealized profit. Nothing is divided, so nothing is rounded. A position carried in counts as decided at its
entry prices.
"""

from collections.abc import Iterable
from decimal import Decimal, localcontext

import msgspec

from trading.messages import AccountFact, EquityMarked, FundingPaid, OrderFilled, OrderSubmitted, PositionCarried
from trading.quantities import MONEY, ZERO, canonical, signed

__all__ = ["AttributedFill", "Attribution", "attribute", "total"]


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """Parts of the net profit in the quote currency: a gain is positive, a cost negative, fees paid as well."""

    price_move_usd: Decimal = ZERO
    latency_usd: Decimal = ZERO
    spread_usd: Decimal = ZERO
    slippage_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO

    @property
    def net_pnl_usd(self) -> Decimal:
        """Realized + unrealized - fees + funding: equal to the summary's."""
        with localcontext(MONEY):
            return canonical(sum(msgspec.structs.astuple(self), ZERO))


class AttributedFill(msgspec.Struct, frozen=True, kw_only=True):
    """``quantity`` is signed. ``touch`` is the best opposite price for a taker, of the own side for a maker; ``fee``
    positive is paid."""

    quantity: Decimal
    price: Decimal
    mid: Decimal
    decision_mid: Decimal
    touch: Decimal
    fee: Decimal


def attribute(facts: Iterable[AccountFact]) -> dict[str, Attribution]:
    """By symbol, alphabetically: of a finished session or of any prefix of one, valued at the last marks in the facts.

    A fill whose facts know no decision mid or no touch takes its mid for it: the part falls to the next one.
    """
    tally = Tally()
    with localcontext(MONEY):
        for fact in facts:
            tally.see(fact)
        return {symbol: parts.attribution(tally.marks.get(symbol, ZERO)) for symbol, parts in sorted(tally.parts.items())}


def total(attributions: Iterable[Attribution]) -> Attribution:
    """Part by part."""
    with localcontext(MONEY):
        columns = zip(*map(msgspec.structs.astuple, attributions), strict=True)
        sums = (canonical(sum(column, ZERO)) for column in columns)
        return Attribution(**dict(zip(Attribution.__struct_fields__, sums, strict=False)))


class Parts:
    """One symbol's running sums."""

    def __init__(self) -> None:
        self.funding = ZERO
        self._quantity = ZERO
        self._decided = ZERO
        self._latency = ZERO
        self._spread = ZERO
        self._slippage = ZERO
        self._fees = ZERO

    def fill(self, fill: AttributedFill) -> None:
        self.hold(fill.quantity, fill.decision_mid)
        self._latency += fill.quantity * (fill.decision_mid - fill.mid)
        self._spread += fill.quantity * (fill.mid - fill.touch)
        self._slippage += fill.quantity * (fill.touch - fill.price)
        self._fees += fill.fee

    def hold(self, quantity: Decimal, decided_at: Decimal) -> None:
        """So much more of a position, decided at this price."""
        self._quantity += quantity
        self._decided += quantity * decided_at

    def attribution(self, mark: Decimal) -> Attribution:
        """Of a flat position the mark does not matter: the price move is all in the prices that were decided at."""
        return Attribution(
            price_move_usd=canonical(self._quantity * mark - self._decided), latency_usd=canonical(self._latency),
            spread_usd=canonical(self._spread), slippage_usd=canonical(self._slippage), fees_usd=canonical(-self._fees),
            funding_usd=canonical(self.funding),
        )


class Tally:
    """The fold behind ``attribute``. Computes in the caller's decimal context, which must be MONEY."""

    def __init__(self) -> None:
        self.parts: dict[str, Parts] = {}
        self.marks: dict[str, Decimal] = {}
        self._decision_mids: dict[str, Decimal] = {}

    def see(self, fact: AccountFact) -> None:
        match fact:
            case PositionCarried():
                self._carry(fact)
            case OrderSubmitted(decision_mid=Decimal() as decision_mid):
                self._decision_mids[fact.order.client_order_id] = decision_mid
            case OrderFilled():
                self._fill(fact)
            case FundingPaid():
                self._of(fact.symbol).funding += fact.amount
            case EquityMarked():
                self.marks.update(fact.marks)

    def _carry(self, fact: PositionCarried) -> None:
        parts = self._of(fact.symbol)
        self.marks[fact.symbol] = fact.mark
        for lot in fact.lots:
            parts.hold(lot.quantity, lot.price)

    def _fill(self, fact: OrderFilled) -> None:
        self.marks.setdefault(fact.symbol, fact.mid)
        self._of(fact.symbol).fill(AttributedFill(
            quantity=signed(fact.side, fact.quantity), price=fact.price, mid=fact.mid, fee=fact.fee,
            decision_mid=self._decision_mids.get(fact.client_order_id, fact.mid),
            touch=fact.mid if fact.touch is None else fact.touch,
        ))
        if fact.leaves_quantity == 0:
            self._decision_mids.pop(fact.client_order_id, None)

    def _of(self, symbol: str) -> Parts:
        return self.parts.setdefault(symbol, Parts())
