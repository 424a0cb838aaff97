"""All settings of a session, composed from the types that the rooms own, and what only shows when they are seen together.

Must not know how a file is read (config/loader.py) nor what a setting leads to.
"""

from pathlib import Path

import msgspec

import config
from actors.exchange import ExchangeSettings
from config.loader import Fault, line_of, load, shown_path
from front.arguments import Arguments
from front.sections import SessionSection
from supervisors.plan import SupervisionSettings
from trading.limits import RiskSettings
from trading.strategy.registry import AnySettings

__all__ = ["Settings", "read_settings"]

ACTORS = ("venue", "feed", "gateway", "broker", "risk", "strategy", "reporter")
EXAMPLE_LIMIT = "0.01"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the files say about a session."""

    session: SessionSection
    exchange: ExchangeSettings
    risk: RiskSettings
    strategy: AnySettings


class _Session(msgspec.Struct, frozen=True):
    session: SessionSection


class _Others(msgspec.Struct, frozen=True):
    exchange: ExchangeSettings
    risk: RiskSettings


class _Strategy(msgspec.Struct, frozen=True):
    strategy: AnySettings


def read_settings(arguments: Arguments) -> Settings | list[Fault]:
    """The settings for what the command line asks, or everything that is wrong with the files."""
    directory = arguments.config or Path(config.__file__).parent
    session = load({"session": directory / "session.yaml"}, _Session)
    others = load({"exchange": directory / "exchanges" / "bitunix.yaml", "risk": directory / "risk.yaml"}, _Others)
    name = arguments.strategy or (session.session.strategy if isinstance(session, _Session) else None)
    strategy = _strategy(directory / "strategies", name) if name else []
    faults = [fault for part in (session, others, strategy) if isinstance(part, list) for fault in part]
    if isinstance(session, _Session):
        faults += _wrong_actors(session.session.supervision, directory / "session.yaml")
    if isinstance(others, _Others):
        faults += _missing_limits(others.risk, directory / "risk.yaml", arguments.symbol)
    if faults or isinstance(session, list) or isinstance(others, list) or isinstance(strategy, list):
        return faults
    return Settings(session=session.session, exchange=others.exchange, risk=others.risk, strategy=strategy.strategy)


def _strategy(directory: Path, name: str) -> _Strategy | list[Fault]:
    path = directory / f"{name}.yaml"
    if not path.exists() and directory.is_dir():
        known = ", ".join(sorted(file.stem for file in directory.glob("*.yaml")))
        return [Fault(shown_path(path), 1, "", f"there is no strategy {name!r} here; there are: {known}")]
    return load({"strategy": path}, _Strategy)


def _wrong_actors(supervision: SupervisionSettings, path: Path) -> list[Fault]:
    """Each actor needs a restart strategy, and a name that is nobody's would go unread."""
    key = "supervision.restart"
    missing = [Fault(shown_path(path), line_of(path, key), key, f"missing {name}") for name in ACTORS if name not in supervision.restart]
    return missing + [
        Fault(shown_path(path), line_of(path, f"{key}.{name}"), f"{key}.{name}", f"there is no such actor; there are: {', '.join(ACTORS)}")
        for name in supervision.restart if name not in ACTORS
    ]


def _missing_limits(risk: RiskSettings, path: Path, symbol: str) -> list[Fault]:
    return [
        Fault(shown_path(path), line_of(path, key), key, f"no limit for {symbol}, so it is not traded; add the line  "
              f"'  {symbol}: {EXAMPLE_LIMIT}'  below it, with your limit in base coin")
        for key in risk.missing(symbol)
    ]
