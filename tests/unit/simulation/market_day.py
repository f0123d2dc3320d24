"""A simulated account and recordings small enough to be worked out by hand.

The account has 10,000 TRY and 10 BTC. Prices are whole TRY; the rates are those of level 1: a maker
pays 0.1 % and a taker 0.2 % of the notional, and 20 % tax on that.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, DepthColumns, MarketFrame, TradeColumns
from btcturk_kit.domain.order_events import OrderAccepted, OrderRejected
from btcturk_kit.domain.orders import (
    CancelOrder,
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    OrderType,
    Side,
    StopRequest,
    SubmitOrder,
)
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1, FeesAt, FeeSchedule
from btcturk_kit.simulation.oms import OmsSimulator
from btcturk_kit.simulation.venue_models import VenueModels

TRY, BTC, BTCTRY = Asset("TRY"), Asset("BTC"), Symbol("BTCTRY")
START_MS = 1_700_000_000_000
MINUTE_MS = 60_000
RULES = PairRules(
    symbol=BTCTRY,
    base=BTC,
    quote=TRY,
    price_scale=0,
    quantity_scale=8,
    min_notional=Decimal(10),
    order_types=tuple(OrderType),
)

Bar = tuple[int, int, int, int]
"""Open, high, low, close."""

Update = tuple[int, dict[int, str], dict[int, str]]
"""Milliseconds after the start, and what stands now at some bids and asks."""

Print = tuple[int, str, str, int]
"""Milliseconds after the start, who took (`buy` or `sell`), quantity, price."""

FLAT: Bar = (1000, 1000, 1000, 1000)


def units(quantity: str) -> int:
    """Return a quantity in units of 10**-8."""
    return int(Decimal(quantity).scaleb(8))


def bars_of(
    bars: Sequence[Bar], volume: str | Sequence[str], *, symbol: Symbol = BTCTRY
) -> BarColumns:
    """Return bars, all of one volume or each of its own; the touch is the close."""
    volumes = [volume] * len(bars) if isinstance(volume, str) else volume
    opens, highs, lows, closes = (list(column) for column in zip(*bars, strict=True))
    return BarColumns(
        symbol=symbol,
        price_scale=0,
        volume_scale=8,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=[units(one) for one in volumes],
        bid=closes,
        ask=closes,
    )


def depth_of(*updates: Update, snapshots: tuple[int, ...] = (0,)) -> DepthColumns:
    """Return a recording of updates; the numbers of those that replace the book are given."""
    columns: dict[str, list[int]] = {
        name: []
        for name in ("times_ms", "ask_starts", "ends", "price", "quantity", "best_bid", "best_ask")
    }
    book: tuple[dict[int, str], dict[int, str]] = ({}, {})
    for number, (at_ms, *sides) in enumerate(updates):
        columns["times_ms"].append(START_MS + at_ms)
        for side, (stands, changes) in enumerate(zip(book, sides, strict=True)):
            if side:
                columns["ask_starts"].append(len(columns["price"]))
            if number in snapshots:
                stands.clear()
            stands.update(changes)
            columns["price"] += changes
            columns["quantity"] += map(units, changes.values())
        columns["ends"].append(len(columns["price"]))
        bids, asks = ([price for price in one if units(one[price])] for one in book)
        columns["best_bid"].append(max(bids, default=0))
        columns["best_ask"].append(min(asks, default=0))
    return DepthColumns(
        symbol=BTCTRY,
        price_scale=0,
        quantity_scale=8,
        is_snapshot=[int(number in snapshots) for number in range(len(updates))],
        **columns,
    )


def tape_of(*prints: Print) -> TradeColumns:
    """Return a tape of trades."""
    return TradeColumns(
        symbol=BTCTRY,
        price_scale=0,
        quantity_scale=8,
        times_ms=[START_MS + at_ms for at_ms, *_ in prints],
        price=[price for *_, price in prints],
        quantity=[units(quantity) for _, _, quantity, _ in prints],
        is_buy=[int(taker == "buy") for _, taker, *_ in prints],
    )


class MarketDay:
    """The account, standing at the first of some instants a minute apart.

    Args:
        bars: Of the instants after the first; None for flat ones.
        volume: Of every bar, or of each one after the first.
        depth: A recorded book.
        trades: A recorded tape.
        rules: Of the pair.
        rates: What is charged, without levels.
        options: Models by name, and `seed`.
    """

    def __init__(
        self,
        *bars: Bar,
        volume: str | Sequence[str] = "10000",
        depth: DepthColumns | None = None,
        trades: TradeColumns | None = None,
        rules: PairRules = RULES,
        rates: FeeSchedule | FeesAt = BTCTRY_LEVEL_1,
        seed: int = 0,
        **options: Any,
    ) -> None:
        volumes = volume if isinstance(volume, str) else ("1", *volume)
        columns = bars_of((FLAT, *(bars or (FLAT, FLAT, FLAT))), volumes)
        self.frame = MarketFrame(
            times_ms=[START_MS + MINUTE_MS * at for at in range(len(columns.open))],
            bars=(columns,),
            trades=() if trades is None else (trades,),
            depths=() if depth is None else (depth,),
        )
        self.oms = OmsSimulator(
            {BTCTRY: rules},
            rates,
            {TRY: Decimal(10_000), BTC: Decimal(10)},
            models=VenueModels(**options),
            seed=seed,
        )
        self.at = 0
        self.oms.advance(self.frame, 0)
        self.names = 0

    def try_to_send(
        self, request: OrderRequest | StopRequest, name: str = ""
    ) -> OrderAccepted | OrderRejected:
        """Send an order."""
        self.names += 1
        known = ClientOrderId(name or f"bk1-{self.names}")
        if isinstance(request, LimitOrder | MarketBuy | MarketSell):
            return self.oms.submit(SubmitOrder(known, request))
        return self.oms.submit_stop(known, request)

    def send(self, request: OrderRequest | StopRequest, name: str = "") -> OrderId:
        """Send an order that has to be accepted, and return its number."""
        answer = self.try_to_send(request, name)
        assert isinstance(answer, OrderAccepted), answer
        return answer.order_id

    def cancel(self, number: OrderId) -> bool:
        """Cancel an order."""
        return self.oms.cancel(CancelOrder(ClientOrderId("bk1-1"), number, BTCTRY))

    def step(self) -> bool:
        """Go on to the next instant; prove that no money came or went."""
        self.at += 1
        has_news = self.oms.advance(self.frame, self.at)
        self.oms.audit()
        return has_news

    def play(self) -> list[Fill]:
        """Let all later instants pass and return the trades."""
        while self.at + 1 < len(self.frame.times_ms):
            self.step()
        return self.oms.fills_since(0)

    def trades(self) -> list[tuple[str, str]]:
        """Play to the end and return quantity and price of the trades, as text."""
        return [(f"{one.quantity.normalize():f}", f"{one.price:f}") for one in self.play()]

    def money(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Return free and locked TRY, free and locked BTC."""
        held = {one.asset: one for one in self.oms.balances()}
        lira, coin = held[TRY], held[BTC]
        return lira.free, lira.locked, coin.free, coin.locked


def buy(price: int, quantity: str = "1") -> LimitOrder:
    """Return a limit buy."""
    return LimitOrder(BTCTRY, Side.BUY, Decimal(quantity), Decimal(price))


def sell(price: int, quantity: str = "1") -> LimitOrder:
    """Return a limit sell."""
    return LimitOrder(BTCTRY, Side.SELL, Decimal(quantity), Decimal(price))
