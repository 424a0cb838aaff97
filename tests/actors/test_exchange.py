"""The shipped venue file: it says what the code does without it, and what fills are charged."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

import config
from actors.exchange import ExchangeSettings, FeeRates
from config.loader import load
from trading.fees import FeeSchedule
from venue.settings import LinkSettings, RestSettings

D = Decimal
FILE = Path(config.__file__).parent / "exchanges" / "bitunix.yaml"


class Files(msgspec.Struct, frozen=True):
    exchange: ExchangeSettings


@pytest.fixture
def shipped() -> ExchangeSettings:
    loaded = load({"exchange": FILE}, Files)
    assert isinstance(loaded, Files), loaded
    return loaded.exchange


def test_the_shipped_file_sets_every_number_and_sets_it_as_the_code_would(shipped: ExchangeSettings) -> None:
    assert shipped.feed == LinkSettings()
    assert shipped.gateway == RestSettings()
    text = FILE.read_text()
    for settings in (shipped.feed, shipped.feed.freshness, shipped.feed.backoff, shipped.gateway, shipped.gateway.budget, shipped.gateway.retry):
        assert all(f"{name}:" in text for name in settings.__struct_fields__)


def test_fills_are_charged_by_the_plan_and_the_published_schedule_stands_beside_it(shipped: ExchangeSettings) -> None:
    assert shipped.fee_schedule == FeeSchedule("plan", D("-0.0002"), D("0.0005"))
    assert shipped.named_schedule("vip0") == FeeSchedule("vip0", D("0.0002"), D("0.0006"))
    assert "fees: {maker: -0.0002, taker: 0.0005}" in FILE.read_text()


def test_another_schedule_can_be_charged_but_only_one_that_is_there() -> None:
    at: dict[str, Any] = {"ws_url": "ws://x", "rest_url": "http://x", "fees": FeeRates(maker=D(0), taker=D(0))}
    vip0 = {"vip0": FeeRates(maker=D("0.0002"), taker=D("0.0006"))}
    assert ExchangeSettings(**at, fees_published=vip0, fees_charged="vip0").fee_schedule.taker == D("0.0006")
    with pytest.raises(ValueError, match="plan, vip0"):
        ExchangeSettings(**at, fees_published=vip0, fees_charged="vip1")


def test_a_fee_of_five_percent_is_a_slip_of_the_decimal_point() -> None:
    with pytest.raises(ValueError, match="taker"):
        FeeRates(maker=D(0), taker=D("0.05"))
