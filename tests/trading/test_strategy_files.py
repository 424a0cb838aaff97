"""The shipped configuration of strategies and risk gate: it loads strictly, and says what every key means."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.trading.decision_facts import BTC
from tests.trading.strategy_settings import CROSS, QUOTES, REVERSION
from trading.limits import RiskSettings
from trading.strategy.protocol import StrategySettings
from trading.strategy.registry import STRATEGIES, AnySettings

CONFIG = Path(__file__).parents[2] / "config"
STRATEGY_FILES = sorted((CONFIG / "strategies").glob("*.yaml"))


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", STRATEGY_FILES, ids=lambda path: path.stem)
def test_a_shipped_strategy_loads_under_its_own_name_and_warms_up_for_fifty_bars(path: Path) -> None:
    settings = msgspec.convert(loaded(path), AnySettings)
    assert settings.name == path.stem
    assert settings.warmup_bars == 50
    assert BTC.on_step(settings.quantity)


def test_every_listed_strategy_is_shipped() -> None:
    assert {path.stem for path in STRATEGY_FILES} == {settings.__struct_config__.tag for settings in STRATEGIES}


@pytest.mark.parametrize("path", [*STRATEGY_FILES, CONFIG / "risk.yaml"], ids=lambda path: path.stem)
def test_every_block_of_keys_has_its_comment(path: Path) -> None:
    for block in path.read_text().strip().split("\n\n")[1:]:
        assert block.startswith("# "), block


def test_the_shipped_limits_load_and_the_shipped_strategies_fit_into_them() -> None:
    limits = msgspec.convert(loaded(CONFIG / "risk.yaml"), RiskSettings).limits("BTCUSDT")
    assert limits is not None
    cross, reversion, quoter = (
        msgspec.convert(loaded(CONFIG / "strategies" / f"{name}.yaml"), AnySettings)
        for name in ("sma_cross", "mean_reversion", "quoter")
    )
    assert 2 * cross.quantity <= limits.order_quantity_max
    assert reversion.quantity <= limits.position_max
    assert quoter.inventory_max <= limits.position_max
    assert 5 <= 2 * quoter.levels <= limits.open_orders_max
    for protected in (cross, reversion):
        assert 0 < protected.stop_loss_bps <= 100 * limits.trigger_distance_max_pct
        assert 0 <= protected.take_profit_bps <= 100 * limits.trigger_distance_max_pct


def test_a_quoter_that_moves_its_whole_ladder_whenever_it_may_stays_within_the_message_limit() -> None:
    limit = msgspec.convert(loaded(CONFIG / "risk.yaml"), RiskSettings).message_limit
    quoter = msgspec.convert(loaded(CONFIG / "strategies" / "quoter.yaml"), AnySettings)
    assert quoter.amend
    assert 2 * quoter.levels * (limit.window_s * 1000 // quoter.rest_ms) <= limit.count


@pytest.mark.parametrize("key", [field.name for field in msgspec.structs.fields(RiskSettings)])
def test_every_limit_is_required(key: str) -> None:
    plain = loaded(CONFIG / "risk.yaml")
    del plain[key]
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{key}`"):
        msgspec.convert(plain, RiskSettings)


@pytest.mark.parametrize(
    ("settings", "changes", "message"),
    [
        (CROSS, {"strategy": "sma_crossing"}, "Invalid value 'sma_crossing'"),
        (CROSS, {"fast_bars": 8}, "fast_bars < slow_bars <= warmup_bars must hold, not 8, 8, 50"),
        (CROSS, {"slow_bars": 51}, "fast_bars < slow_bars <= warmup_bars must hold, not 3, 51, 50"),
        (CROSS, {"quantity": "0"}, "quantity must be a positive number, not 0"),
        (CROSS, {"quantity": "NaN"}, "quantity must be a positive number, not NaN"),
        (CROSS, {"bar_interval": "5 minutes"}, "bar interval '5 minutes' is not a whole number and one of"),
        (CROSS, {"bar_interval": "50ms"}, "bar interval '50ms' is outside 100ms to 1d"),
        (CROSS, {"warmup_bars": 0}, "Expected `int` >= 1"),
        (CROSS, {"window_bars": 5}, "unknown field `window_bars`"),
        (REVERSION, {"window_bars": 1}, "2 <= window_bars <= warmup_bars must hold, not 1, 50"),
        (REVERSION, {"entry_deviations": "-1"}, "entry_deviations must be a positive number, not -1"),
        (CROSS, {"stop_loss_bps": "-1"}, "stop_loss_bps must be from 0 (none) to 5000, not -1"),
        (CROSS, {"take_profit_bps": "5001"}, "take_profit_bps must be from 0 (none) to 5000, not 5001"),
        (REVERSION, {"trailing_stop_bps": "NaN"}, "trailing_stop_bps must be from 0 (none) to 5000, not NaN"),
        (QUOTES, {"amend": "perhaps"}, "Expected `bool`"),
        (QUOTES, {"levels": 11}, "Expected `int` <= 10"),
        (QUOTES, {"inventory_max": "0"}, "inventory_max must be a positive number, not 0"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(settings: StrategySettings, changes: dict[str, Any], message: str) -> None:
    plain = msgspec.to_builtins(settings) | changes
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(plain, AnySettings)
    assert message in str(refused.value)
