"""Three accounts on other terms that are told what the configured account is told: how far its profit hangs on what it assumes. Pure.

- optimistic: resting orders fill at the touch, taking costs the best price, nothing takes time, the cheaper fees;
- base: a queue (``prob_power``), the walk of the book as the last trade has left it, the latency that was measured, the published fees;
- pessimistic: resting orders fill only by trades one tick through them, the same walk, the worst latency, the published fees.

Both walk by ``book_traded``, the model with the smallest errors against real takers (docs/FIDELITY.md, part b). ``book`` would not be the
more pessimistic: on average it is no dearer, and it flatters whoever takes with the market's last move, by a basis point, with prices
that are gone.

Shadows are accounts of their own: what one rejects, holds or is liquidated of follows from its own fills. What a shadow says is recorded
nowhere, so it keeps no evidence. They see the orders; the strategy did not see them, and decided on the configured account's fills. So
one thing is missing on record: a cancel that was never needed, because the configured account had ended the order. Where a shadow still
has such an order open, it is canceled there, with the shadow's own latency, when the strategy next submits an order of that symbol that
stands in its place (the same side) or gives up what it was to bring (the other side, reduce only); until then it stays. Orders that wait
for a parent say nothing of that kind. A kill that found the configured account flat is not on record either: what a shadow holds then is
valued at the mark, like any open position.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from trading.account import Account
from trading.account_settings import AccountSettings
from trading.fees import FeeSchedule
from trading.latency import UNMEASURED, Constant, KnownLatency, LogNormal, MeasuredLegs, worst_ns
from trading.market_facts import Message
from trading.matching import BOOK_TRADED
from trading.messages import AccountFact, CancelOrder, PositionCarried, SubmitOrder
from trading.orders import Order
from trading.pnl_interval import Outcome, PnlInterval
from trading.quantities import EXACT, canonical
from trading.queue_models import Penetrate, ProbPower, Touch
from trading.reading import Readings

__all__ = ["ShadowSettings", "ShadowedAccount", "shadow_settings"]

NS_PER_MS = Decimal(1_000_000)
AT_ONCE = Constant(ms=Decimal(0))
SELDOM_MS = 365 * 86_400_000
"""Between two points of the equity curve: a shadow has none to show."""


class ShadowSettings(msgspec.Struct, frozen=True):
    """What the accounts besides the configured one are told to assume."""

    optimistic: AccountSettings
    base: AccountSettings
    pessimistic: AccountSettings


def shadow_settings(configured: AccountSettings, published: FeeSchedule | None, measured: MeasuredLegs) -> ShadowSettings:
    """The three settings; what is not named in this module's first lines is the configured account's.

    ``published`` None: the venue's file names no fees, so all pay what is configured. ``measured``: each leg is taken from its own
    transport (by neither: ``latency.UNMEASURED``); the worst of a leg is its longest or the configured model's, whichever is longer.
    """
    charged = published or configured.fees
    entry, response = measured.entry or UNMEASURED, measured.response or UNMEASURED
    told = msgspec.structs.replace(configured, equity_interval_ms=SELDOM_MS)
    return ShadowSettings(
        optimistic=msgspec.structs.replace(
            told, making=Touch(), slippage_model="top", entry_latency=AT_ONCE, response_latency=AT_ONCE, **_cheaper(configured.fees, charged),
        ),
        base=msgspec.structs.replace(
            told, making=ProbPower(), slippage_model=BOOK_TRADED, entry_latency=entry, response_latency=response, **_fees(charged),
        ),
        pessimistic=msgspec.structs.replace(
            told, making=Penetrate(ticks=1), slippage_model=BOOK_TRADED, entry_latency=_worst(entry, configured.entry_latency),
            response_latency=_worst(response, configured.response_latency), **_fees(charged),
        ),
    )


class ShadowedAccount(Account):
    """The configured account; whatever it is told, its shadows are told first. Give it to trading/replay.py for the account of a ledger."""

    def __init__(self, settings: AccountSettings, fingerprint: str, shadows: ShadowSettings) -> None:
        readings = Readings(settings.print_band_bps)
        super().__init__(settings, fingerprint, readings)
        self._measured = shadows.base.entry_latency != UNMEASURED
        self.shadows = tuple(Account(each, fingerprint, readings, keeps_evidence=False) for each in msgspec.structs.astuple(shadows))

    def open(self, at_ns: int, carried: tuple[PositionCarried, ...] = ()) -> tuple[AccountFact, ...]:
        for shadow in self.shadows:
            shadow.open(at_ns, carried)
        return super().open(at_ns, carried)

    def on(self, message: Message, now_ns: int) -> tuple[AccountFact, ...]:
        submitted = message if isinstance(message, SubmitOrder) else None
        for shadow in self.shadows:
            if submitted is not None:
                for cancel in self._overdue(shadow, submitted):
                    shadow.on(cancel, now_ns)
            shadow.on(message, now_ns)
        return super().on(message, now_ns)

    def close(self, at_ns: int, reason: str) -> tuple[AccountFact, ...]:
        for shadow in self.shadows:
            shadow.close(at_ns, reason)
        return super().close(at_ns, reason)

    def interval(self) -> PnlInterval:
        """As the accounts stand now."""
        optimistic, base, pessimistic = map(Outcome.of, self.shadows)
        return PnlInterval(
            configured=Outcome.of(self), optimistic=optimistic, base=base, pessimistic=pessimistic, latency_measured=self._measured,
        )

    def _overdue(self, shadow: Account, submitted: SubmitOrder) -> Iterator[CancelOrder]:
        """Cancels of what is open in the shadow and has ended here, now that this order says that the strategy wants something else."""
        if submitted.parent_order_id:
            return
        known = self.desk.orders.known
        for order in shadow.desk.orders.open():
            here = known.get(order.client_order_id)
            if here is not None and not here.is_open and order.cancel_at_ns is None and _gives_up(submitted, order):
                yield CancelOrder(
                    command_id=f"overdue-{order.client_order_id}", client_order_id=order.client_order_id, reason="overdue",
                    decided_at_ns=submitted.decided_at_ns,
                )


def _gives_up(submitted: SubmitOrder, order: Order) -> bool:
    return submitted.symbol == order.symbol and (submitted.side is order.side or submitted.reduce_only)


def _worst(usual: LogNormal, configured: KnownLatency) -> Constant:
    return Constant(ms=canonical(EXACT.divide(Decimal(max(worst_ns(usual), worst_ns(configured))), NS_PER_MS)))


def _cheaper(charged: FeeSchedule, published: FeeSchedule) -> dict[str, Decimal | str]:
    """Rate by rate."""
    both = FeeSchedule(f"{charged.name} or {published.name}", min(charged.maker, published.maker), min(charged.taker, published.taker))
    named = (each for each in (charged, published) if (each.maker, each.taker) == (both.maker, both.taker))
    return _fees(next(named, both))


def _fees(schedule: FeeSchedule) -> dict[str, Decimal | str]:
    return {"fee_schedule": schedule.name, "maker_fee": schedule.maker, "taker_fee": schedule.taker}
