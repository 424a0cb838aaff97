"""summary.json: what a session came to. A projection of the ledger plus what only the run itself knows; decides nothing.

Every amount, price and quantity is a JSON number with its exact decimal digits, no exponent, nothing rounded on the way: read it
with a decimal parser (Python: ``json.load(file, parse_float=Decimal)``) to keep the last digit. ``schema`` is raised whenever a
key changes its meaning or disappears. Keys that come from the ledger are those of trading/summary.py, with their meaning there:

    total_trades realized_pnl_usd fees_paid_usd funding_usd net_pnl_usd max_drawdown_pct slippage_avg_bps positions orders ...

Keys about the run: those of ``RunFacts`` and ``Ending``, and ``ledger_seq``, ``ledger_head`` (the row that all of it is the fold of).

``attribution``: where the net profit came from (trading/attribution.py). ``pnl_interval``: what the same orders come to on other terms
(trading/pnl_interval.py), or null, and then ``pnl_interval_note`` says why.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from records.atomic import write_atomically
from trading.attribution import Attribution
from trading.quantities import plain
from trading.summary import Summary

__all__ = [
    "ENDED_IN_ORDER", "KILLED_WHOLE", "NEVER_OPENED", "NO_TIME", "SCHEMA", "Ending", "RunFacts", "exact_json", "outcome_sentence", "read_summary",
    "recovery_quantiles", "summary_content", "write_summary",
]

SCHEMA = 1
NO_TIME = "there was no time for it when the session ended; run_agent.py interval reckons it"
NEVER_OPENED = "the session ended before its account was opened"
ENDED_IN_ORDER, KILLED_WHOLE = "session", "killed_whole"
"""Of ``ended_by``; another word is the reason under which the broker closed the books alone."""


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run before it starts. ``started_at`` is UTC, ISO 8601; ``warmup_s`` how long the strategy only watches."""

    run_id: str
    venue: str
    symbols: tuple[str, ...]
    strategy: str
    seed: int
    fingerprint: str
    started_at: str
    planned_duration_s: float
    warmup_s: float = 0.0


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run when it has ended. ``reason``: ``duration``, ``stop``, a signal's name, ``kill:TRIGGER`` or a sentence.

    ``duration_s`` is how long it ran; ``recoveries_ms`` how long each restarted actor was away, each time.

    ``ended_by``: ``session``, in order. Of a run whose processes all died before it had its summary, written later from its ledger:
    ``killed_whole`` when the next session closed its books, with the orders that were ``canceled_later`` then, else the reason under
    which the broker closed them alone. Such a run gave no exit code, measured nothing that is left, and was last heard of (its tape)
    at ``ended_at``.
    """

    reason: str
    exit_code: int | None
    ended_at: str
    duration_s: float
    ended_by: str = ENDED_IN_ORDER
    canceled_later: list[str] = []
    metrics: dict[str, float] = {}
    restarts: dict[str, int] = {}
    recoveries_ms: dict[str, list[float]] = {}
    rss_tree_peak_bytes: int = 0


def summary_content(
    run: RunFacts, ending: Ending, session: Summary, ledger_seq: int, ledger_head: str, attribution: Attribution = Attribution(),
) -> dict[str, Any]:
    """The file as a mapping; numbers of the ledger are Decimals. An interval is added later, if there is time."""
    return {
        "schema": SCHEMA, **msgspec.structs.asdict(run), **msgspec.structs.asdict(ending),
        "recovery_ms": recovery_quantiles(ending.recoveries_ms),
        "recovery_ms_by_actor": {name: recovery_quantiles({name: times}) for name, times in ending.recoveries_ms.items()},
        "outcome": outcome_sentence(ending.reason, ending.exit_code),
        **msgspec.structs.asdict(session), "attribution": msgspec.structs.asdict(attribution),
        "pnl_interval": None, "pnl_interval_note": NO_TIME if ledger_seq else NEVER_OPENED, "ledger_seq": ledger_seq, "ledger_head": ledger_head,
    }


def write_summary(path: Path, content: Mapping[str, Any]) -> None:
    """Replace the file, durable on return. Raises OSError."""
    write_atomically(path, msgspec.json.format(exact_json(content), indent=2) + b"\n")


def exact_json(content: Mapping[str, Any]) -> bytes:
    """One object on one line, Decimals as numbers with all their digits."""
    return msgspec.json.encode(_with_number_tokens(content))


def read_summary(path: Path) -> dict[str, Any] | None:
    """The file as a mapping, numbers with a point as Decimals; None when there is none or it is not JSON."""
    try:
        content = json.loads(path.read_bytes(), parse_float=Decimal)
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def outcome_sentence(reason: str, exit_code: int | None) -> str:
    """How it ended, for a person. Without an exit code nobody was left to say."""
    if exit_code is None:
        how = "its books were closed when the next session resumed it" if reason == KILLED_WHOLE else "its broker settled the account alone"
        return f"did not end in order ({reason}): {how}; what only the session knew (measurements, restarts) is lost"
    if reason.startswith("kill:"):
        return f"killed by {reason.removeprefix('kill:')}: orders canceled, positions flattened"
    if exit_code:
        return f"given up: {reason}"
    if reason == "duration":
        return "the planned duration was reached; every order is settled"
    if reason == "tape_ended":
        return "the tape was played to its end; every order is settled"
    return f"stopped by {'request' if reason == 'stop' else reason}; every order is settled"


def recovery_quantiles(recoveries_ms: Mapping[str, list[float]]) -> dict[str, float]:
    """How long a restarted actor was away, from its death until it served again, over all of them; empty when none died."""
    times = sorted(time_ms for each in recoveries_ms.values() for time_ms in each)
    if not times:
        return {}
    nearest = {name: times[min(len(times) - 1, int(len(times) * share))] for name, share in (("p50", 0.5), ("p95", 0.95))}
    return {"count": len(times), **nearest, "max": times[-1]}


def _with_number_tokens(value: Any) -> Any:
    """Decimals as raw JSON tokens, so that no encoder has a say in their digits."""
    if isinstance(value, Decimal):
        return msgspec.Raw(plain(value).encode())
    if isinstance(value, Mapping):
        return {key: _with_number_tokens(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_number_tokens(item) for item in value]
    return value
