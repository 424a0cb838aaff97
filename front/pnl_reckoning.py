"""The PnL interval of a run, from its ledger and its tape. Reads only; must not know how it is shown.

The ledger is lived again (trading/replay.py) by an account with shadows, so that each shadow hears every command where the ledger
shows it; a ledger that does not follow from its tape has no interval. Streamed: what is kept is what four accounts keep.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import msgspec

from front.told_tape import ToldTape, Untellable
from records.ledger import LedgerReader
from records.workspace import RunPaths
from trading.account_settings import AccountSettings
from trading.fees import FeeSchedule
from trading.latency import MeasuredLegs
from trading.messages import MarketFact, SessionOpened
from trading.pnl_interval import PnlInterval
from trading.replay import replay
from trading.shadows import ShadowedAccount, shadow_settings
from venue.settings import LinkSettings

__all__ = ["Unreckoned", "Views", "reckon", "shadowed"]

LOOK_EVERY = 128
"""Market facts between two looks at the time."""
IMPOSSIBLE = (KeyError, ValueError, ArithmeticError, AssertionError)
"""What facts can lead to that are well formed and chained, and yet no account's."""


class Views(msgspec.Struct, frozen=True):
    """What an interval hangs on besides ledger and tape. ``published`` are the venue's own fees, None where its file names none;
    ``measured`` is the way to it. ``link`` only for a run on a recording, as for ``ToldTape``."""

    published: FeeSchedule | None
    measured: MeasuredLegs
    link: LinkSettings | None = None


class Unreckoned(Exception):
    """There is no interval, and why."""


class _OutOfTime(Exception):
    pass


def shadowed(settings: AccountSettings, fingerprint: str, views: Views) -> ShadowedAccount:
    """The fresh account that lives a ledger again."""
    return ShadowedAccount(settings, fingerprint, shadow_settings(settings, views.published, views.measured))


def reckon(
    run: RunPaths, settings: Callable[[SessionOpened], AccountSettings], views: Views, out_of_time: Callable[[], bool] = lambda: False,
) -> PnlInterval:
    """As far as the ledger goes. ``settings`` are the configured account's. Raises Unreckoned, LedgerFailure and LedgerDamaged."""
    with closing(LedgerReader(run.ledger)) as reader:
        seq, _ = reader.head
        opened = next((fact for _, fact in reader.facts()), None)
        last = next((fact for _, fact in reader.facts(seq - 1)), None) if seq else None
        if last is None or not isinstance(opened, SessionOpened):
            raise Unreckoned("the session never opened")
        try:
            account = shadowed(settings(opened), opened.fingerprint, views)
            with closing(ToldTape(run.tape, views.link)) as tape:
                facts = (fact for number, fact in reader.facts() if number <= seq)
                found = replay(account, _in_time(tape, out_of_time), facts, last.market_sequence)
        except _OutOfTime:
            raise Unreckoned("there was no time for it") from None
        except Untellable as problem:
            raise Unreckoned(f"the tape cannot be told: {problem}") from problem
        except IMPOSSIBLE as problem:
            raise Unreckoned(f"the rows are no session's: {type(problem).__name__}: {problem}") from problem
    if found is not None:
        raise Unreckoned(f"the ledger does not follow from the tape: row {found.row}: {found.why}")
    return account.interval()


def _in_time(market: Iterable[MarketFact], out_of_time: Callable[[], bool]) -> Iterator[MarketFact]:
    for number, fact in enumerate(market):
        if number % LOOK_EVERY == 0 and out_of_time():
            raise _OutOfTime
        yield fact
