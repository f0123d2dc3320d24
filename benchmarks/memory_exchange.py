"""An exchange in memory for measuring: ten TRY pairs and one account behind the transport port.

It speaks the wire of the exchange through `wire.encode`, and the control interface of the local
one, so that the bot runs on its lock-step clock and nothing sleeps. Orders meet the next move of
the market in the OMS simulator, with fee and tax. It counts its own CPU and wall time, which are no
part of the bot's. It checks no signature and keeps no windows: what the bot does for them it does
all the same.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Mapping
from decimal import Decimal
from math import exp, pi, sin
from random import Random
from time import perf_counter_ns, process_time_ns
from typing import NamedTuple
from urllib.parse import parse_qs

from msgspec import Raw
from msgspec.json import encode as to_json

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, BookLevel, MarketFrame, OrderBook, Ticker
from btcturk_kit.domain.order_events import OrderRejected, VenueOrder
from btcturk_kit.domain.orders import (
    CancelOrder,
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    Side,
    SubmitOrder,
)
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
from btcturk_kit.simulation.oms import OmsSimulator
from btcturk_kit.wire import encode, encode_account, encode_public
from btcturk_kit.wire.pacing import Endpoint, endpoint_of

__all__ = ["PAIRS", "MemoryExchange", "pair_rules"]

TRY = Asset("TRY")
BOOK_LEVELS = 25
SWING_RATIO = 0.012
SWING_MOVES = 24
NOISE_RATIO = 0.001


class Pair(NamedTuple):
    """A pair to trade: its decimals, and the price its market swings around."""

    base: str
    price_places: int
    quantity_places: int
    price: float


PAIRS = (
    Pair("BTC", 0, 8, 4_000_000),
    Pair("ETH", 0, 8, 140_000),
    Pair("SOL", 1, 8, 7_400),
    Pair("LTC", 1, 8, 4_200),
    Pair("AVAX", 2, 8, 1_100),
    Pair("LINK", 2, 8, 830),
    Pair("DOT", 2, 6, 210),
    Pair("XRP", 3, 4, 96),
    Pair("ADA", 3, 4, 34),
    Pair("DOGE", 4, 4, 9),
)


def pair_rules(pair: Pair) -> PairRules:
    """Return the rules the exchange publishes for a pair."""
    return PairRules(
        symbol=Symbol(f"{pair.base}TRY"),
        base=Asset(pair.base),
        quote=TRY,
        price_scale=pair.price_places,
        quantity_scale=pair.quantity_places,
        has_fraction=pair.price_places > 0,
        min_notional=Decimal("99.91"),
        tick_size=Decimal(1).scaleb(-pair.price_places),
    )


class Call(NamedTuple):
    """One request, taken apart; of a repeated name in the query only the first value."""

    path: str
    query: Mapping[str, str]
    body: bytes

    @property
    def symbol(self) -> Symbol:
        """The pair asked for, empty for none."""
        return Symbol(self.query.get("pairSymbol", ""))


class _Market:
    """One pair's seeded price: a swing that a trend follower lives on, and noise."""

    def __init__(self, pair: Pair, *, seed: int) -> None:
        self.pair = pair
        self.rules = pair_rules(pair)
        self._draw = Random(f"{seed}|{pair.base}")  # noqa: S311 - a market to measure on, no secret
        self._moves = self._draw.randrange(SWING_MOVES)
        self._scale: float = 10.0**pair.price_places
        self.close = self._next()
        self.columns = self._bar(self.close)

    def move(self) -> None:
        """Make the next bar."""
        before, self.close = self.close, self._next()
        self.columns = self._bar(before)

    def _next(self) -> int:
        self._moves += 1
        away = SWING_RATIO * sin(2 * pi * self._moves / SWING_MOVES)
        away += self._draw.gauss(0, NOISE_RATIO)
        return round(self.pair.price * exp(away) * self._scale)

    def _bar(self, before: int) -> BarColumns:
        half = max(1, self.close // 5_000)
        low, high = min(before, self.close) - 2 * half, max(before, self.close) + 2 * half
        return BarColumns(
            symbol=self.rules.symbol,
            price_scale=self.pair.price_places,
            volume_scale=8,
            open=(before,),
            high=(high,),
            low=(low,),
            close=(self.close,),
            volume=(0,),
            bid=(self.close - half,),
            ask=(self.close + half,),
        )

    def book(self, now_ms: int, *, levels: int) -> OrderBook:
        """Return the best levels of both sides."""
        places, columns = -self.pair.price_places, self.columns
        step = max(1, self.close // 10_000)
        size = Decimal(str(round(100_000 / self.pair.price, 6)))
        return OrderBook(
            self.rules.symbol,
            tuple(_level(columns.bid[0] - step * n, places, size, n) for n in range(levels)),
            tuple(_level(columns.ask[0] + step * n, places, size, n) for n in range(levels)),
            now_ms,
            now_ms,
        )

    def ticker(self, now_ms: int) -> Ticker:
        """Return the pair's row of the ticker."""
        places, columns = -self.pair.price_places, self.columns
        last, bid, ask, high, low, opened = (
            Decimal(column[0]).scaleb(places)
            for column in (
                columns.close,
                columns.bid,
                columns.ask,
                columns.high,
                columns.low,
                columns.open,
            )
        )
        volume = Decimal("123.4567")
        return Ticker(self.rules.symbol, last, bid, ask, high, low, opened, volume, now_ms)


class MemoryExchange:
    """The exchange; `respond` is the handler of a `MemoryTransport`.

    Args:
        opening: Free balances of the account.
        now_ms: What its clock shows at first; it moves only when it is advanced.
        seed: Draws the market: two exchanges of one seed move alike.
        idle_pairs: How many more pairs are listed, which nobody trades here.

    Attributes:
        cpu_ns: CPU time spent answering.
        wall_ns: Wall time spent answering.
        requests: Requests answered.
        orders: Orders accepted.
    """

    def __init__(
        self, opening: Mapping[Asset, Decimal], *, now_ms: int, seed: int, idle_pairs: int = 0
    ) -> None:
        self.cpu_ns = self.wall_ns = 0
        self.requests = self.orders = 0
        self._now_ms = now_ms
        self._markets = {one.rules.symbol: one for one in (_Market(p, seed=seed) for p in PAIRS)}
        self._oms = OmsSimulator(
            {symbol: one.rules for symbol, one in self._markets.items()},
            BTCTRY_LEVEL_1,
            opening,
            first_id=now_ms,
        )
        self._ended: dict[OrderId, VenueOrder] = {}
        self._placed: dict[OrderId, tuple[int, Symbol]] = {}
        self._fills: list[Fill] = []
        idle = [Pair(f"IDLE{number}", 3, 8, 50.0) for number in range(idle_pairs)]
        self._idle_tickers = [
            Raw(to_json(self._ticker_row(_Market(pair, seed=seed)))) for pair in idle
        ]
        rules = [*(one.rules for one in self._markets.values()), *map(pair_rules, idle)]
        self._exchange_data = encode.envelope(encode_public.exchange_data(rules, now_ms=now_ms))
        self._by_endpoint: Mapping[Endpoint, Callable[[Call], HttpResponse]] = {
            Endpoint.SERVER_TIME: self._server_time,
            Endpoint.EXCHANGE_INFO: self._exchange_info,
            Endpoint.TICKER: self._tickers,
            Endpoint.ORDER_BOOK: self._order_book,
            Endpoint.BALANCES: self._balances,
            Endpoint.OPEN_ORDERS: self._open_orders,
            Endpoint.ALL_ORDERS: self._all_orders,
            Endpoint.ORDER: self._order,
            Endpoint.TRADE_HISTORY: self._history,
            Endpoint.SUBMIT: self._submit,
            Endpoint.CANCEL: self._cancel,
        }
        self._advance(now_ms)

    @property
    def fills(self) -> int:
        """Trades of the account so far."""
        return len(self._fills)

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Answer one request and count what that took."""
        wall_ns, cpu_ns = perf_counter_ns(), process_time_ns()
        answer = self._answer(request)
        self.requests += 1
        self.cpu_ns += process_time_ns() - cpu_ns
        self.wall_ns += perf_counter_ns() - wall_ns
        return answer

    def _answer(self, request: HttpRequest) -> HttpResponse:
        path, _, text = request.target.partition("?")
        if path.startswith("/v1/clock"):
            return self._clock(request.body)
        endpoint = endpoint_of(request.method, path)
        assert endpoint is not None, f"{request.method} {path} is not served here"
        query = {name: values[0] for name, values in parse_qs(text).items()}
        return self._by_endpoint[endpoint](Call(path, query, request.body))

    # ---- time and market

    def _clock(self, body: bytes) -> HttpResponse:
        if body:
            self._advance(json.loads(body)["to_ms"])
        return HttpResponse(200, {}, to_json({"now_ms": self._now_ms}))

    def _advance(self, to_ms: int) -> None:
        self._now_ms = to_ms
        for market in self._markets.values():
            market.move()
        frame = MarketFrame(
            times_ms=(to_ms,), bars=tuple(one.columns for one in self._markets.values())
        )
        self._oms.advance(frame, 0)
        self._fills += self._oms.fills_since(len(self._fills))

    def _server_time(self, _: Call) -> HttpResponse:
        return HttpResponse(200, {}, encode_public.server_time(self._now_ms))

    def _exchange_info(self, _: Call) -> HttpResponse:
        return HttpResponse(200, {}, self._exchange_data)

    def _order_book(self, call: Call) -> HttpResponse:
        levels = min(int(call.query["limit"]), BOOK_LEVELS)
        book = self._markets[call.symbol].book(self._now_ms, levels=levels)
        return HttpResponse(
            200, {}, encode.envelope(encode_public.order_book_data(book), code="SUCCESS")
        )

    def _tickers(self, call: Call) -> HttpResponse:
        if call.symbol:
            return _ok([self._ticker_row(self._markets[call.symbol])])
        own = [self._ticker_row(one) for one in self._markets.values()]
        return _ok([*own, *self._idle_tickers])

    def _ticker_row(self, market: _Market) -> encode.Row:
        ticker = market.ticker(self._now_ms)
        return encode_public.ticker_row(
            ticker, base=market.rules.base, quote=TRY, average=ticker.last
        )

    # ---- the account

    def _balances(self, _: Call) -> HttpResponse:
        return _ok(
            [encode_account.balance_row(one, now_ms=self._now_ms) for one in self._oms.balances()]
        )

    def _submit(self, call: Call) -> HttpResponse:
        fields = json.loads(call.body)
        request, name = _request_of(fields), ClientOrderId(fields["newOrderClientId"])
        outcome = self._oms.submit(SubmitOrder(name, request))
        if isinstance(outcome, OrderRejected):
            return HttpResponse(400, {}, encode.refusal(outcome.reason, 1043))
        self.orders += 1
        self._placed[outcome.order_id] = (self._now_ms, request.symbol)
        base = self._markets[request.symbol].rules.base
        return _ok(encode_account.accepted_data(outcome, request, base=base, quote=TRY))

    def _cancel(self, call: Call) -> HttpResponse:
        order_id = OrderId(int(call.query["id"]))
        symbol = self._placed[order_id][1]
        if not self._oms.cancel(CancelOrder(ClientOrderId(""), order_id, symbol)):
            return HttpResponse(400, {}, encode.refusal("NO_ORDER_MATCHES_YOUR_REQUEST", 1044))
        return HttpResponse(200, {}, encode.success())

    def _order(self, call: Call) -> HttpResponse:
        order = self._known(OrderId(int(call.path.rpartition("/")[2])))
        if order is None:
            return HttpResponse(400, {}, encode.refusal("Order not found", 1152))
        return _ok(self._row(order))

    def _open_orders(self, call: Call) -> HttpResponse:
        orders = self._oms.open_orders(call.symbol)
        asks = [self._row(one) for one in orders if one.side is Side.SELL]
        bids = [self._row(one) for one in orders if one.side is Side.BUY]
        return _ok(encode_account.open_orders_data(asks=asks, bids=bids))

    def _all_orders(self, call: Call) -> HttpResponse:
        start_ms = int(call.query["startTime"])
        wanted = [
            order_id
            for order_id, (placed_ms, symbol) in self._placed.items()
            if placed_ms >= start_ms and symbol == call.symbol
        ]
        orders = [one for one in map(self._known, wanted) if one is not None]
        return _ok([self._row(one) for one in orders])

    def _history(self, call: Call) -> HttpResponse:
        start_ms = int(call.query["startDate"])
        first = bisect_left(self._fills, start_ms, key=lambda fill: fill.event_time_ms)
        places = {symbol: one.rules.quantity_scale for symbol, one in self._markets.items()}
        rows = [
            encode_account.fill_row(one, base_places=places[one.symbol])
            for one in self._fills[first:]
        ]
        return _ok(rows)

    def _known(self, order_id: OrderId) -> VenueOrder | None:
        """Return an order, working or ended; the simulator tells an ended one only once."""
        order = self._ended.get(order_id) or self._oms.order(order_id)
        if order is not None and not any(
            one.order_id == order_id for one in self._oms.open_orders(order.symbol)
        ):
            self._ended[order_id] = order
        return order

    def _row(self, order: VenueOrder) -> encode.Row:
        return encode_account.order_row(
            order,
            base=self._markets[order.symbol].rules.base,
            quote=TRY,
            submitted=order.quantity,
            first_price=None,
            time_ms=self._placed[order.order_id][0],
        )


def _ok(data: object) -> HttpResponse:
    return HttpResponse(200, {}, encode.envelope(data))


def _level(price: int, places: int, size: Decimal, depth: int) -> BookLevel:
    return BookLevel(Decimal(price).scaleb(places), size * (depth + 1))


def _request_of(fields: dict[str, str]) -> OrderRequest:
    symbol, side = Symbol(fields["pairSymbol"]), Side(fields["orderType"])
    quantity = Decimal(fields["quantity"])
    if fields["orderMethod"] == "limit":
        return LimitOrder(symbol, side, quantity, Decimal(fields["price"]))
    return MarketBuy(symbol, quantity) if side is Side.BUY else MarketSell(symbol, quantity)
