"""What the same orders come to on other terms, as one value: from the lenient account to the strict. Must not know how it is reckoned."""

from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any

import msgspec

from trading.account import Account
from trading.latency import text
from trading.quantities import MONEY, canonical, plain

__all__ = ["Outcome", "PnlInterval"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One account in the quote currency, exact. ``net_pnl_usd`` as in trading/summary.py: realized + unrealized - fees + funding, so
    that a position which is still open is valued at its mark. ``fees_paid_usd`` is negative for a net rebate, ``funding_usd`` signed as
    cash. ``fills`` counts executions."""

    settings: str
    net_pnl_usd: Decimal
    fees_paid_usd: Decimal
    funding_usd: Decimal
    fills: int

    @classmethod
    def of(cls, account: Account) -> "Outcome":
        """As the account stands now."""
        state, settings = account.state(), account.desk.settings
        fees = settings.fees
        terms = (
            f"making {settings.making}", f"taking {settings.taking_text}", f"entry {text(settings.entry_latency)}",
            f"response {text(settings.response_latency)}", f"fees {fees.name} (maker {plain(fees.maker)}, taker {plain(fees.taker)})",
        )
        with localcontext(MONEY):
            net = canonical(state.realized_pnl + state.unrealized_pnl - state.fees + state.funding)
        return cls(
            settings="; ".join(terms), net_pnl_usd=net, fees_paid_usd=state.fees, funding_usd=state.funding, fills=account.desk.fills,
        )


class PnlInterval(msgspec.Struct, frozen=True, kw_only=True):
    """``base`` is what the book walk and the published fees would have given. The interval is that of the three; a strict account can
    do better than a lenient one, where what it was spared would have lost. ``latency_measured``: of the way to the venue enough was
    measured; else base and pessimistic take it for slow (``latency.UNMEASURED``)."""

    configured: Outcome
    optimistic: Outcome
    base: Outcome
    pessimistic: Outcome
    latency_measured: bool

    @property
    def low_usd(self) -> Decimal:
        return min(each.net_pnl_usd for each in self._shadows())

    @property
    def high_usd(self) -> Decimal:
        return max(each.net_pnl_usd for each in self._shadows())

    @property
    def sign_robust(self) -> bool:
        """All four gain, all four lose, or nothing came of any."""
        signs = {(each.net_pnl_usd > 0) - (each.net_pnl_usd < 0) for each in (self.configured, *self._shadows())}
        return len(signs) == 1

    def content(self) -> dict[str, Any]:
        """As a mapping for summary.json: the three results, then each account under its name."""
        accounts = ("configured", "optimistic", "base", "pessimistic")
        return {
            "low_usd": self.low_usd, "high_usd": self.high_usd, "sign_robust": self.sign_robust, "latency_measured": self.latency_measured,
            **{name: msgspec.structs.asdict(getattr(self, name)) for name in accounts},
        }

    def _shadows(self) -> Iterator[Outcome]:
        yield from (self.optimistic, self.base, self.pessimistic)
