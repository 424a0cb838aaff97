"""The rows of the venue's public REST answers, as types for both ends: what stands in `data` of the envelope.

It knows no request, no socket and no clock. Where the documents and the wire disagree on a type, both are accepted.
"""

from decimal import Decimal

import msgspec

from venue.wire import Level


class DepthAnswer(msgspec.Struct):
    """Data of market/depth: {"asks":[["86699.7","0.7095"]],"bids":[["86699.6","2.274"]]}; no time, no id."""

    asks: list[Level]
    bids: list[Level]


class KlineRow(msgspec.Struct):
    """A row of market/kline, which come newest first, the forming bar leading. The volume names are swapped.

    {"open":"76445","high":"76480.7","low":"76389","close":"76389","quoteVol":"31.5403","baseVol":"2410748.64904",
     "time":"1789482120000"}: `quoteVol` is the base-coin quantity, `baseVol` the quote turnover, `time` its open in ms.
    """

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    quoteVol: Decimal
    baseVol: Decimal
    time: str | int


class TickerRow(msgspec.Struct):
    """A row of market/tickers; its volume names are not swapped: `quoteVol` is the quote turnover.

    {"symbol":"BTCUSDT","markPrice":"86688.3","lastPrice":"86688.2","open":"85567","last":"86688.2",
     "quoteVol":"2362759522.5",     "baseVol":"27478.17","high":"86815.6","low":"85080"}
    """

    symbol: str
    markPrice: Decimal
    lastPrice: Decimal
    open: Decimal
    last: Decimal
    quoteVol: Decimal
    baseVol: Decimal
    high: Decimal
    low: Decimal


class TradingPair(msgspec.Struct, frozen=True):
    """A row of market/trading_pairs. The price tick is 10^-quotePrecision, the quantity step 10^-basePrecision.

    {"symbol":"BTCUSDT","base":"BTC","quote":"USDT","minTradeVolume":"0.0001",
     "basePrecision":4,"quotePrecision":1,...}
    """

    symbol: str
    base: str
    quote: str
    minTradeVolume: Decimal
    basePrecision: int
    quotePrecision: int
    minBuyPriceOffset: Decimal = Decimal("-0.5")
    maxSellPriceOffset: Decimal = Decimal(100)
    maxLimitOrderVolume: Decimal = Decimal(1000)
    maxMarketOrderVolume: Decimal = Decimal(120)
    minLeverage: int = 1
    maxLeverage: int = 200
    defaultLeverage: int = 20
    defaultMarginMode: str | int = "2"
    priceProtectScope: Decimal = Decimal("0.01")
    symbolStatus: str = "OPEN"
    isApiSupported: bool = True
    maxFundingRate: Decimal = Decimal("0.3")
    minFundingRate: Decimal = Decimal("-0.3")


class FundingRate(msgspec.Struct):
    """Data of market/funding_rate (an object on the wire, a list in the documents) and a row of its batch; rates in
    percent.
    """

    symbol: str
    markPrice: Decimal
    lastPrice: Decimal
    indexPrice: Decimal | None
    fundingRate: Decimal
    fundingInterval: int
    nextFundingTime: str | int
    maxFundingRate: Decimal
    minFundingRate: Decimal


class FundingSettlement(msgspec.Struct):
    """A row of market/get_funding_rate_history, newest first; here the rate is a fraction, not percent.

    {"fundingRate":"-0.00001191","fundingTime":"1772449200000","markPrice":"66286.6"}
    """

    fundingRate: Decimal
    fundingTime: str | int
    markPrice: Decimal


class PositionTier(msgspec.Struct, frozen=True):
    """A row of position/get_position_tiers; values in quote coin, the maintenance rate a fraction."""

    symbol: str
    level: int
    startValue: Decimal
    endValue: Decimal
    leverage: int
    maintenanceMarginRate: Decimal
