"""The contracts that the stand-in can list: their published facts and a price near which they trade."""

from decimal import Decimal

from venue.rest_rows import PositionTier, TradingPair

PAIRS = {
    "BTCUSDT": TradingPair("BTCUSDT", "BTC", "USDT", Decimal("0.0001"), basePrecision=4, quotePrecision=1),
    "ETHUSDT": TradingPair("ETHUSDT", "ETH", "USDT", Decimal("0.003"), basePrecision=3, quotePrecision=2),
    "SOLUSDT": TradingPair("SOLUSDT", "SOL", "USDT", Decimal("0.1"), basePrecision=1, quotePrecision=3),
}

TYPICAL_PRICES = {"BTCUSDT": Decimal(65000), "ETHUSDT": Decimal(2600), "SOLUSDT": Decimal(150)}

BTC_PRICE = TYPICAL_PRICES["BTCUSDT"]
"""Order sizes of every contract are those of BTCUSDT at this price, at equal value in USDT."""


def tiers_of(symbol: str) -> list[PositionTier]:
    """Margin tiers as in the documents' example, and two steps beyond it."""
    steps = ((0, 50_000, 125, "0.004"), (50_000, 200_000, 100, "0.005"), (200_000, 2_000_000, 50, "0.01"),
             (2_000_000, 20_000_000, 20, "0.025"))
    return [PositionTier(symbol, level, Decimal(start), Decimal(end), leverage, Decimal(rate))
            for level, (start, end, leverage, rate) in enumerate(steps, 1)]
