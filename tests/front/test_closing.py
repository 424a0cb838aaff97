"""However a session ended, its summary is there, says the truth, and the exit code agrees with it."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from front.arguments import Arguments
from front.closing import Closing
from front.settings import Settings, read_settings
from front.warmup import long_enough, warmup_s
from records.ledger import Ledger
from records.logs import Logger, open_logger
from records.workspace import RunPaths, Workspace
from reporting.artefacts import write_artefacts
from reporting.summary_file import RunFacts, read_summary
from supervisors.exit_codes import ExitCode
from supervisors.outcome import Outcome
from trading.messages import SessionClosed, SessionOpened, StrategyProgressed
from trading.strategy.protocol import StrategySettings

LONG_S = 600.0


@pytest.fixture
def strategy() -> StrategySettings:
    settings = read_settings(Arguments())
    assert isinstance(settings, Settings)
    return settings.strategy


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    workspace = Workspace(tmp_path)
    workspace.make()
    return workspace.make_run("r1")


@pytest.fixture
def log(tmp_path: Path, paths: RunPaths) -> Logger:
    return open_logger(Workspace(tmp_path).system_log, actor="supervisor", run_id="r1")


RUN = RunFacts(run_id="r1", venue="sim", symbols=("BTCUSDT",), strategy="sma_cross", seed=7, fingerprint="f", started_at="2026-01-01T00:00:00Z",
               planned_duration_s=LONG_S)


def outcome(code: ExitCode = ExitCode.OK, reason: str = "duration", duration_s: float = LONG_S) -> Outcome:
    return Outcome(int(code), reason, True, {"duration_s": duration_s, "metrics": {"fill_count": 1.0}, "restarts": {"feed": 2}})


def ledger(paths: RunPaths, bars: int) -> None:
    book = Ledger.open(paths.ledger, create=True)
    book.append([
        SessionOpened(at_ns=1, fingerprint="f", instruments=(), balance=Decimal(10_000), fee_schedule="plan", maker_fee=Decimal(0),
                      taker_fee=Decimal(0), slippage_model="fixed"),
        StrategyProgressed(at_ns=2, strategy_id="sma_cross", bars=bars, warmup_bars=50, warmup_complete=bars >= 50),
        SessionClosed(at_ns=3, reason="duration"),
    ])
    book.close()


def on_disk(paths: RunPaths) -> dict[str, Any]:
    summary = read_summary(paths.summary)
    assert summary is not None
    return summary


def test_a_summary_that_is_there_and_true_stays_as_it_is(paths: RunPaths, log: Logger, strategy: StrategySettings) -> None:
    ledger(paths, bars=60)
    write_artefacts(paths, RUN, {"duration_s": LONG_S, "metrics": {"only_the_reporter_knows": 1.0}}, "duration")
    before = on_disk(paths)
    closing = Closing.of(outcome(), RUN, strategy, paths, log)
    assert closing.exit_code is ExitCode.OK
    assert closing.summary == on_disk(paths) == {**before, "pnl_interval_note": closing.summary["pnl_interval_note"]}
    content = paths.summary.read_bytes()
    assert Closing.of(outcome(), RUN, strategy, paths, log) == closing and paths.summary.read_bytes() == content


def test_a_summary_that_the_reporter_could_not_write_is_written_from_the_ledger(
    paths: RunPaths, log: Logger, strategy: StrategySettings,
) -> None:
    ledger(paths, bars=60)
    closing = Closing.of(outcome(ExitCode.KILLED, "kill:SIGUSR1", 5.0), RUN, strategy, paths, log)
    assert closing.exit_code is ExitCode.KILLED
    summary = on_disk(paths)
    assert (summary["exit_code"], summary["reason"], summary["bars"], summary["restarts"]) == (99, "kill:SIGUSR1", 60, {"feed": 2})
    assert paths.fills_csv.exists()


@pytest.mark.parametrize("content", [None, b"", b"not a ledger"])
def test_a_session_without_a_ledger_still_leaves_a_summary(
    paths: RunPaths, log: Logger, strategy: StrategySettings, content: bytes | None,
) -> None:
    if content is not None:
        paths.ledger.write_bytes(content)
    closing = Closing.of(outcome(ExitCode.UNAVAILABLE, "no market data", 0.0), RUN, strategy, paths, log)
    assert closing.exit_code is ExitCode.UNAVAILABLE
    summary = on_disk(paths)
    assert (summary["exit_code"], summary["total_trades"], summary["ledger_seq"]) == (69, 0, 0)
    assert "no market data" in summary["outcome"]


@pytest.mark.parametrize("bars", [0, 49])
def test_a_long_session_that_never_warmed_up_was_not_fine_and_its_summary_says_so(
    paths: RunPaths, log: Logger, strategy: StrategySettings, bars: int,
) -> None:
    ledger(paths, bars)
    write_artefacts(paths, RUN, {"duration_s": LONG_S, "metrics": {"only_the_reporter_knows": 1.0}}, "duration")
    closing = Closing.of(outcome(), RUN, strategy, paths, log)
    assert closing.exit_code is ExitCode.UNAVAILABLE
    summary = on_disk(paths)
    assert summary["exit_code"] == 69 and f"{bars} of 50 bars" in summary["outcome"]
    assert summary["metrics"] == {"only_the_reporter_knows": 1}


@pytest.mark.parametrize(("reason", "duration_s"), [("duration", 20.0), ("stop", LONG_S), ("SIGTERM", LONG_S)])
def test_a_session_that_was_too_short_or_was_stopped_is_not_blamed_for_its_warmup(
    paths: RunPaths, log: Logger, strategy: StrategySettings, reason: str, duration_s: float,
) -> None:
    ledger(paths, bars=10)
    assert Closing.of(outcome(reason=reason, duration_s=duration_s), RUN, strategy, paths, log).exit_code is ExitCode.OK


def test_a_summary_that_claims_another_end_is_corrected(paths: RunPaths, log: Logger, strategy: StrategySettings) -> None:
    ledger(paths, bars=60)
    write_artefacts(paths, RUN, {"duration_s": LONG_S}, "duration")
    Closing.of(outcome(ExitCode.SOFTWARE, "broker died again after 3 restarts"), RUN, strategy, paths, log)
    assert (on_disk(paths)["exit_code"], on_disk(paths)["reason"]) == (70, "broker died again after 3 restarts")


@pytest.mark.parametrize(("interval", "expected_s"), [("500ms", 25.0), ("1s", 50.0), ("1m", 0.0), ("1h", 0.0)])
def test_the_warmup_lasts_as_long_as_its_bars_unless_history_fills_it(strategy: StrategySettings, interval: str, expected_s: float) -> None:
    changed = type(strategy)(**{name: getattr(strategy, name) for name in strategy.__struct_fields__} | {"bar_interval": interval})
    assert warmup_s(changed) == expected_s
    assert long_enough(expected_s * 1.25 + 15, changed) and not long_enough(expected_s * 1.25 + 14, changed)
