"""The files of a configuration seen together: what is chosen, what is missing, what does not fit."""

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

import config
from config.resolved import resolved_yaml
from front.arguments import Arguments
from front.settings import Settings, read_settings
from trading.fees import FeeSchedule
from trading.strategy.quoter import QuoterSettings
from trading.strategy.sma_cross import SmaCrossSettings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped configuration, seen from where it lies."""
    for path in Path(config.__file__).parent.rglob("*.yaml"):
        copy = tmp_path / "config" / path.relative_to(Path(config.__file__).parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "config"


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text, f"the shipped {path.name} no longer has {before!r}"
    path.write_text(text.replace(before, after))


def faults(folder: Path, **more: Any) -> list[str]:
    found = read_settings(Arguments(config=folder, **more))
    assert isinstance(found, list), "accepted"
    return [str(fault) for fault in found]


def test_the_shipped_configuration_has_the_promised_numbers() -> None:
    settings = read_settings(Arguments())
    assert isinstance(settings, Settings)
    account = settings.session.account
    assert (account.balance, account.slippage.model, account.slippage.slippage_bps) == (Decimal(10_000), "fixed", Decimal(30))
    assert settings.risk.max_position_per_symbol == {"BTCUSDT": Decimal("0.1")}
    assert isinstance(settings.strategy, SmaCrossSettings) and settings.strategy.warmup_bars == 50
    assert (settings.session.supervision.restarts_per_actor, settings.session.supervision.restarts_total) == (3, 12)


def test_the_fees_charged_are_the_schedule_that_is_named(folder: Path) -> None:
    settings = read_settings(Arguments(config=folder))
    assert isinstance(settings, Settings)
    assert settings.exchange.fee_schedule == FeeSchedule("plan", Decimal("-0.0002"), Decimal("0.0005"))
    change(folder / "exchanges" / "bitunix.yaml", "fees_charged: plan", "fees_charged: vip0")
    settings = read_settings(Arguments(config=folder))
    assert isinstance(settings, Settings)
    assert settings.exchange.fee_schedule == FeeSchedule("vip0", Decimal("0.0002"), Decimal("0.0006"))


def test_the_strategy_of_the_command_line_wins() -> None:
    settings = read_settings(Arguments(strategy="quoter"))
    assert isinstance(settings, Settings) and isinstance(settings.strategy, QuoterSettings)


def test_a_directory_given_replaces_the_whole_configuration(folder: Path) -> None:
    change(folder / "risk.yaml", "BTCUSDT: 0.1", "BTCUSDT: 0.07")
    settings = read_settings(Arguments(config=folder))
    assert isinstance(settings, Settings)
    assert settings.risk.max_position_per_symbol == {"BTCUSDT": Decimal("0.07")}


def test_a_symbol_without_limits_is_a_fault_that_says_which_lines_to_add(folder: Path) -> None:
    found = faults(folder, symbol="ETHUSDT")
    assert len(found) == 2
    for fault, key in zip(found, ("max_position_per_symbol", "max_order_quantity"), strict=True):
        line = (folder / "risk.yaml").read_text().splitlines().index(f"{key}:") + 1
        assert fault.startswith(f"config/risk.yaml:{line}: {key}: no limit for ETHUSDT") and "'  ETHUSDT: 0.01'" in fault


def test_with_the_lines_added_as_told_the_symbol_is_accepted(folder: Path) -> None:
    change(folder / "risk.yaml", "max_position_per_symbol:\n", "max_position_per_symbol:\n  ETHUSDT: 0.01\n")
    change(folder / "risk.yaml", "max_order_quantity:\n", "max_order_quantity:\n  ETHUSDT: 0.01\n")
    assert isinstance(read_settings(Arguments(config=folder, symbol="ETHUSDT")), Settings)


def test_faults_of_several_files_are_told_together(folder: Path) -> None:
    change(folder / "session.yaml", "balance: 10000", "balance: much")
    change(folder / "risk.yaml", "price_collar_pct: 0.5", "price_colar_pct: 0.5")
    change(folder / "strategies" / "sma_cross.yaml", "fast_bars: 10", "fast_bars: 0")
    found = faults(folder, strategy="sma_cross")
    assert [fault.partition(":")[0] for fault in found] == ["config/session.yaml", "config/risk.yaml", "config/strategies/sma_cross.yaml"]
    assert "did you mean 'price_collar_pct'?" in found[1]


STORIES = [
    # file, before, after, what the one fault says
    ("session.yaml", "model: fixed", "model: magic", "slippage_model must be one of"),
    ("session.yaml", "slippage_bps: 30", "slippage_bps: -1", "slippage_bps must be at least 0"),
    ("session.yaml", "balance: 10000", "balance: 0", "account.balance: must be a positive number"),
    ("session.yaml", 'faults: ""', 'faults: "explode@5"', "stand_in"),
    ("session.yaml", "    broker: one_for_one\n", "", "supervision.restart: missing broker"),
    ("session.yaml", "    broker: one_for_one\n", "    broker: one_for_one\n    brokre: never\n", "supervision.restart.brokre: there is no such actor"),
    ("session.yaml", "    broker: one_for_one\n", "    broker: always\n", "expected one of one_for_one, rest_for_one, never"),
    ("session.yaml", "strategy: sma_cross", "strategy: smacross", "there is no strategy 'smacross' here; there are: mean_reversion"),
    ("exchanges/bitunix.yaml", "fees_charged: plan", "fees_charged: free", "fees_charged: must be one of plan, vip0, not free"),
    ("exchanges/bitunix.yaml", "wss://", "https://", "ws_url: expected text like ^wss?://"),
    ("exchanges/bitunix.yaml", "taker: 0.0005", "taker: 5", "fees.taker: must be a fraction"),
    ("strategies/sma_cross.yaml", "bar_interval: 500ms", "bar_interval: 7 parsecs", "bar interval"),
]


@pytest.mark.parametrize(("file", "before", "after", "words"), STORIES)
def test_each_setting_that_cannot_be_is_refused(folder: Path, file: str, before: str, after: str, words: str) -> None:
    change(folder / file, before, after)
    found = faults(folder)
    assert len(found) == 1 and words in found[0], found


def test_a_directory_that_is_not_there_is_a_fault_for_every_file_it_should_have(tmp_path: Path) -> None:
    assert all("cannot be read: No such file" in fault for fault in faults(tmp_path / "nowhere"))


def test_the_resolved_configuration_of_all_settings_can_be_written() -> None:
    settings = read_settings(Arguments())
    assert isinstance(settings, Settings)
    assert "max_position_per_symbol:\n    BTCUSDT: 0.1\n" in resolved_yaml(msgspec.structs.asdict(settings))
