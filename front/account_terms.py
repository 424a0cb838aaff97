"""What a finished run's account was told before it started, read back from config.resolved.yaml. Must not know what is done with it.

The fingerprint in the ledger's first row is computed again from the file: equal, the file is the one the run was decided by.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from actors.broker import BrokerSettings
from actors.leg_metrics import measured_legs
from config.resolved import read_resolved
from front.arguments import Arguments
from front.plan import build_plan
from front.pnl_reckoning import Views
from front.refusal import Refusal
from front.settings import Settings
from front.tape_file import TapeFile, read_tape
from records.workspace import RunPaths, Workspace
from reporting.summary_file import RunFacts
from trading.account_settings import AccountSettings
from trading.fees import FeeSchedule
from trading.messages import SessionOpened
from venue.settings import LinkSettings

__all__ = ["Terms", "read_terms"]

NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


class Terms(msgspec.Struct, frozen=True):
    """``fingerprint`` is None for a run on a tape that is no longer where it was. ``carried``: the balance came from the run before.
    ``link`` decides, on a tape, which facts a silence makes. ``published`` are the venue's own fees. ``run`` is what a summary says of
    the run besides its ledger, but for when it started."""

    broker: BrokerSettings
    fingerprint: str | None
    link: LinkSettings
    continuous: bool
    carried: bool
    published: FeeSchedule | None
    run: RunFacts

    def views(self, metrics: Mapping[str, Any]) -> Views:
        """What a PnL interval hangs on besides ledger and tape; ``metrics`` are the run's."""
        return Views(self.published, measured_legs(metrics), self.tape_link)

    @property
    def tape_link(self) -> LinkSettings | None:
        """For ``ToldTape``."""
        return self.link if self.continuous else None

    def account_settings(self, opened: SessionOpened) -> AccountSettings:
        """Of the account that wrote ``opened``; what the venue said, what was measured and what was carried in stands there.
        Raises ValueError."""
        told = {
            **self.broker.account, "instruments": opened.instruments, "entry_latency": opened.entry_latency,
            "response_latency": opened.response_latency, "margin": opened.margin,
        }
        return AccountSettings(**(told | {"balance": opened.balance} if self.carried else told))


def read_terms(run: RunPaths) -> Terms | str:
    """The terms, or why they cannot be known."""
    found = read_resolved(run.config_resolved, Settings)
    if isinstance(found, list):
        return "; ".join(map(str, found[:3]))
    settings, words = found
    if not words.get("seed", "").isdigit() or not {"symbol", "venue"} <= words.keys():
        return f"{run.config_resolved.name} does not say with which symbol, venue and seed the run was started"
    planned_s = float(words["duration_s"]) if NUMBER.fullmatch(words.get("duration_s", "")) else 0.0
    arguments = Arguments(symbol=words["symbol"], venue=words["venue"], seed=int(words["seed"]), duration_s=planned_s)
    tape = _tape(arguments)
    plan = build_plan(settings, arguments, Workspace(Path()), run, int(words["seed"]), b"", "", tape)
    broker, reporter = (
        next(child for child in plan.children() if child.name == name).argument({}, 1).settings for name in (plan.settles, plan.closes)
    )
    known = arguments.tape is None or tape is not None
    return Terms(
        broker=broker, fingerprint=broker.fingerprint if known else None, link=settings.exchange.feed,
        continuous=arguments.tape is not None, carried=words.get("resume") == "true",
        published=settings.exchange.published_schedule,
        run=reporter.run,
    )


def _tape(arguments: Arguments) -> TapeFile | None:
    """The tape that was traded, if it is still there; whether it is the same the fingerprint says."""
    found = read_tape(arguments)
    return None if isinstance(found, Refusal) else found
