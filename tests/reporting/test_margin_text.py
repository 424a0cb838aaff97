"""Leverage and tiers in a sentence: whose word they are, and no more of them than a reader wants."""

from decimal import Decimal
from typing import Any

import pytest

from reporting.margin_text import margin_text
from tests.trading.account_stories import BTC, Story, settings
from trading.margin import MarginSettings, Tier
from trading.summary import fold

FIRST = Tier(Decimal(0), Decimal(50_000), 125, Decimal("0.0040"))
HIGHER = tuple(Tier(Decimal(50_000 * number), Decimal(50_000 * (number + 1)), 50, Decimal("0.01")) for number in range(1, 5))


@pytest.mark.parametrize(("margin", "told"), [
    ({}, "traded without"),
    ({BTC: MarginSettings(20, (FIRST,))},
     "BTCUSDT isolated, leverage 20, tiers of the configuration, the venue said none that can be used: up to 50 000 USDT 125x with 0.4 % to be left"),
    ({BTC: MarginSettings(10, (FIRST, *HIGHER), "venue")},
     "BTCUSDT isolated, leverage 10, tiers as the venue said at the start: up to 50 000 USDT 125x with 0.4 % to be left, up to 100 000 USDT 50x"
     " with 1 % to be left, up to 150 000 USDT 50x with 1 % to be left and 2 more"),
])
def test_the_first_row_of_the_ledger_says_what_positions_are_margined_by(margin: dict[str, MarginSettings], told: str) -> None:
    assert margin_text(fold(Story(settings(margin=margin)).facts).margin) == told


@pytest.mark.parametrize("damaged", [None, 7, {BTC: {}}, {BTC: {"tiers": [None, {"end_value": "x"}], "leverage": []}}, {BTC: 3}])
def test_a_summary_that_is_not_ours_is_told_without_an_error(damaged: Any) -> None:
    assert isinstance(margin_text(damaged), str)
