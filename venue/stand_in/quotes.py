"""A market's numbers as the venue spells them: ticks and lots become decimals, readings become wire structs. No clock,
no socket.
"""

from decimal import Decimal

from venue import wire
from venue.notation import iso_of, plain
from venue.rest_rows import FundingRate, FundingSettlement, KlineRow, TickerRow
from venue.stand_in.history import Bar
from venue.stand_in.limit_book import Fill
from venue.stand_in.market import Market
from venue.stand_in.order_flow import Print
from venue.stand_in.reference_prices import FUNDING_PERIOD_NS

MS_NS = 1_000_000
HOUR_NS = 3_600_000_000_000


class Quotes:
    """Everything the venue says about one contract, as of the market's last `advance`."""

    def __init__(self, market: Market, trade_time_digits: int) -> None:
        self._market = market
        self._trade_time_digits = trade_time_digits
        self._price_decimals = market.pair.quotePrecision
        self._lot_decimals = market.pair.basePrecision

    def depth(self, levels: int) -> wire.Depth:
        bids, asks = self._market.book(levels)
        return wire.Depth(self.levels(bids), self.levels(asks))

    def levels(self, fills: list[Fill]) -> list[wire.Level]:
        return [(self._price(tick), self._quantity(lots)) for tick, lots in fills]

    def trades(self, since_ns: int) -> list[wire.Trade]:
        return [self._trade(trade) for trade in self._market.trades_since(since_ns)]

    def _trade(self, trade: Print) -> wire.Trade:
        return wire.Trade(t=iso_of(trade.at_ns, self._trade_time_digits), p=self._price(trade.tick),
                          v=self._quantity(trade.lots), s="buy" if trade.buyer_took else "sell")

    def price(self) -> wire.Price:
        market = self._market
        settled = market.settlements[-1]
        return wire.Price(ip=self._price(market.index_tick), mp=self._price(market.mark_tick),
                          fr=plain(settled.rate_e6, 4), ft=iso_of(settled.at_ns), nft=iso_of(market.next_settlement_ns))

    def ticker(self, with_best: bool) -> wire.Ticker:
        day = self._market.day()
        ticker = wire.Ticker(s=self._market.pair.symbol, la=self._price(self._market.last_tick),
                             o=self._price(day.open), h=self._price(day.high), l=self._price(day.low),
                             b=self._quantity(day.volume), q=self._turnover(day),
                             r=plain((day.close - day.open) * 10**12 // day.open, 10))
        if with_best:
            [(bid, bid_lots)], [(ask, ask_lots)] = self._market.book(1)
            ticker.bd, ticker.ak = self._price(bid), self._price(ask)
            ticker.bv, ticker.av = self._quantity(bid_lots), self._quantity(ask_lots)
        return ticker

    def kline(self, interval: str, of_mark: bool) -> wire.Kline:
        bar = self._market.kline(interval, of_mark)
        return wire.Kline(self._price(bar.open), self._price(bar.close), self._price(bar.high), self._price(bar.low),
                          self._quantity(bar.volume), self._turnover(bar))

    def kline_rows(self, interval: str, limit: int, before_ns: int | None, of_mark: bool) -> list[KlineRow]:
        return [KlineRow(self._price(bar.open), self._price(bar.high), self._price(bar.low), self._price(bar.close),
                         self._quantity(bar.volume), self._turnover(bar), str(bar.open_ns // MS_NS))
                for bar in self._market.klines(interval, limit, before_ns, of_mark)]

    def ticker_row(self) -> TickerRow:
        ticker = self.ticker(with_best=False)
        return TickerRow(ticker.s, self._price(self._market.mark_tick), ticker.la, ticker.o, ticker.la, ticker.q,
                         ticker.b, ticker.h, ticker.l)

    def funding(self) -> FundingRate:
        market = self._market
        return FundingRate(
            market.pair.symbol, self._price(market.mark_tick), self._price(market.last_tick),
            self._price(market.index_tick), plain(market.settlements[-1].rate_e6, 4),
            FUNDING_PERIOD_NS // HOUR_NS, str(market.next_settlement_ns // MS_NS),
            market.pair.maxFundingRate, market.pair.minFundingRate)

    def settlements(self) -> list[FundingSettlement]:
        """Newest first."""
        return [FundingSettlement(plain(past.rate_e6, 6), str(past.at_ns // MS_NS), self._price(past.mark_tick))
                for past in reversed(self._market.settlements)]

    def _price(self, tick: int) -> Decimal:
        return plain(tick, self._price_decimals)

    def _quantity(self, lots: int) -> Decimal:
        return plain(lots, self._lot_decimals)

    def _turnover(self, bar: Bar) -> Decimal:
        return plain(bar.turnover, self._price_decimals + self._lot_decimals)
