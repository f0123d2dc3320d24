"""Stop orders: what sets them off, and what happens to the money meanwhile."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.sandbox.market.candle_model import STEPS_PER_CANDLE
from btcturk_kit.sandbox.market.recorded_candles import HOUR_MS
from btcturk_kit.sandbox.venue.checks import StopCheck, refusal_of
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.listing import BTCTRY_RULES
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.sandbox.venue.refusals import (
    METHOD_NOT_SUPPORTED,
    STOP_ABOVE_ASK,
    STOP_BELOW_BID,
    Refused,
)
from btcturk_kit.simulation.stops import WaitingStops, order_behind

BTCTRY = Symbol("BTCTRY")
TRY, BTC = Asset("TRY"), Asset("BTC")


def placed(
    exchange: Exchange, request: OrderRequest | StopRequest, name: str = "x", owner: str = "ann"
) -> PlacedOrder:
    """Submit an order that must be taken."""
    order = exchange.submit(owner, request, client_order_id=name)
    assert isinstance(order, PlacedOrder)
    return order


def run_until_off(exchange: Exchange, order: PlacedOrder) -> PlacedOrder:
    """Let time pass until a stop order is set off; return the order that took its place."""
    for _ in range(3_000):
        if order.status is not OrderStatus.OPEN:
            return next(
                one
                for one in exchange.holding("ann").orders.values()
                if one.order_id > order.order_id and one.client_order_id == order.client_order_id
            )
        exchange.advance_to(exchange.now_ms + HOUR_MS)
    raise AssertionError("the market never went there")


def test_the_nearest_stop_is_first_and_each_goes_once() -> None:
    """Buys at or below the high, sells at or above the low, in order of number."""
    stops = WaitingStops()
    for number, (side, price) in enumerate(
        [(Side.BUY, 105), (Side.SELL, 95), (Side.BUY, 101), (Side.SELL, 99)]
    ):
        stops.add(number, "ann", side=side, stop_price=Decimal(price))
    assert stops.due() == []
    stops.see(high=Decimal(101), low=Decimal(100))
    stops.see(high=Decimal(98), low=Decimal("98.5"))
    assert stops.due() == [(2, "ann"), (3, "ann")]
    assert stops.due() == []
    assert stops
    stops.see(high=Decimal(105), low=Decimal(95))
    assert [number for number, _ in stops.due()] == [0, 1]
    assert not stops


def test_a_removed_stop_is_forgotten() -> None:
    """It never goes off, and a hundred thousand of them leave nothing behind."""
    stops = WaitingStops()
    stops.add(0, "ann", side=Side.BUY, stop_price=Decimal(200))
    stops.add(1, "ann", side=Side.SELL, stop_price=Decimal(90))
    for number in range(2, 100_002):
        side = Side.SELL if number % 2 else Side.BUY
        stops.add(number, "ann", side=side, stop_price=Decimal(100))
        stops.remove(number)
        assert len(stops._buys) + len(stops._sells) + len(stops._dead) < 8
    stops.see(high=Decimal(100), low=Decimal(100))
    assert stops.due() == []
    stops.see(high=Decimal(200), low=Decimal(90))
    assert stops.due() == [(0, "ann"), (1, "ann")]
    assert not stops


def test_a_stop_among_removed_ones_goes_off_alone() -> None:
    """Fewer than half are removed: they are still kept, and passed over when the market comes."""
    stops = WaitingStops()
    for number in range(5):
        stops.add(number, "ann", side=Side.BUY, stop_price=Decimal(100 + number))
    stops.remove(1)
    stops.remove(3)
    stops.see(high=Decimal(103), low=Decimal(103))
    assert stops.due() == [(0, "ann"), (2, "ann")]
    assert stops
    stops.remove(4)
    assert not stops


@pytest.mark.parametrize(
    ("stop", "order"),
    [
        (
            StopLimitOrder(BTCTRY, Side.SELL, Decimal(1), Decimal(90), Decimal(91)),
            LimitOrder(BTCTRY, Side.SELL, Decimal(1), Decimal(90)),
        ),
        (StopMarketBuy(BTCTRY, Decimal(5), Decimal(91)), MarketBuy(BTCTRY, Decimal(5))),
        (StopMarketSell(BTCTRY, Decimal(5), Decimal(91)), MarketSell(BTCTRY, Decimal(5))),
    ],
)
def test_the_order_behind_a_stop(stop: StopRequest, order: OrderRequest) -> None:
    """It is the same without the trigger."""
    assert order_behind(stop) == order


def test_a_lock_moves_whole_from_the_stop_to_its_successor(exchange: Exchange) -> None:
    """Before, the stop holds it; after, the resting limit order; nothing is free in between."""
    bid = exchange.book(BTCTRY, levels=1).bids[0].price
    stop = bid * 99 // 100
    request = StopLimitOrder(BTCTRY, Side.SELL, Decimal("0.5"), bid * 9, stop)
    order = placed(exchange, request)
    account = exchange.holding("ann").account
    assert (account.free(BTC), account.lock_of(order.order_id)) == (Decimal("0.5"), Decimal("0.5"))
    exchange.audit()
    successor = run_until_off(exchange, order)
    exchange.audit()
    assert (order.status, order.remaining) == (OrderStatus.CANCELED, Decimal("0.5"))
    assert (successor.order_type, successor.status) == (OrderType.LIMIT, OrderStatus.OPEN)
    assert successor.stop_price is None
    assert successor.created_ms == order.updated_ms
    assert account.lock_of(order.order_id) == 0
    assert account.lock_of(successor.order_id) == Decimal("0.5")


def test_the_last_trade_sets_off(exchange: Exchange) -> None:
    """At the instant a stop goes off, a trade at its price or beyond was printed."""
    stop = exchange.book(BTCTRY, levels=1).bids[0].price * 995 // 1000
    order = placed(exchange, StopMarketSell(BTCTRY, Decimal("0.1"), stop))
    run_until_off(exchange, order)
    (minute,) = exchange.candles(
        BTCTRY, 60_000, first_ms=order.updated_ms - 59_999, last_ms=order.updated_ms
    )
    assert minute.low <= stop


def test_a_trade_before_the_stop_does_not_count(exchange: Exchange) -> None:
    """A buy that waits below the last price, because the quotes fell since, waits for a trade."""
    exchange.open_account("bob", {TRY: Decimal(60_000_000)})
    step_ms = exchange.now_ms + HOUR_MS // STEPS_PER_CANDLE
    exchange.advance_to(step_ms - 20)
    placed(exchange, MarketBuy(BTCTRY, Decimal(50_000_000)), owner="bob")
    exchange.advance_to(step_ms)
    stop = exchange.ticker(BTCTRY).ask + 1
    order = placed(exchange, StopMarketBuy(BTCTRY, Decimal(1_000), stop))
    assert exchange.ticker(BTCTRY).last >= stop
    assert order.status is OrderStatus.OPEN
    exchange.audit()


def test_a_customers_own_trade_sets_off(exchange: Exchange) -> None:
    """Orders of customers print too; one stop's trades can set off the next."""
    exchange.open_account("bob", {TRY: Decimal(60_000_000)})
    asks = exchange.book(BTCTRY, levels=6).asks
    near, far = (
        placed(exchange, StopMarketBuy(BTCTRY, Decimal(2_000), asks[level].price), f"s{level}")
        for level in (1, 5)
    )
    assert near.order_id < far.order_id
    enough = sum(level.price * level.quantity for level in asks[:2]) * Decimal("1.01")
    placed(exchange, MarketBuy(BTCTRY, Decimal(int(enough))), owner="bob")
    assert near.status is OrderStatus.CANCELED
    assert far.status is OrderStatus.OPEN
    exchange.audit()
    placed(exchange, MarketBuy(BTCTRY, Decimal(30_000_000)), owner="bob")
    assert far.status is OrderStatus.CANCELED
    exchange.audit()


def test_a_touch_is_enough_with_the_switch(listing: Listing) -> None:
    """With it, the ask reaching a stop buy sets it off, whether or not anybody trades."""

    def set_off_ms(trigger: str) -> int:
        exchange = Exchange([listing], seed=11, quirks=Quirks.of({"stop_trigger": trigger}))
        exchange.open_account("ann", {TRY: Decimal(100_000)})
        stop = exchange.book(BTCTRY, levels=1).asks[0].price * 1004 // 1000
        order = placed(exchange, StopMarketBuy(BTCTRY, Decimal(1_000), stop))
        run_until_off(exchange, order)
        exchange.audit()
        return order.updated_ms

    assert set_off_ms("touch") < set_off_ms("last_trade")


def test_a_cancel_that_comes_too_late_does_not_reach_the_successor(exchange: Exchange) -> None:
    """The cancel of a stop that goes off meanwhile ends nothing: the new number lives on."""
    asks = exchange.book(BTCTRY, levels=2).asks
    exchange.open_account("bob", {TRY: Decimal(60_000_000)})
    order = placed(
        exchange,
        StopLimitOrder(BTCTRY, Side.BUY, Decimal("0.01"), asks[0].price // 2, asks[1].price),
    )
    assert exchange.cancel("ann", order.order_id) is None
    placed(exchange, MarketBuy(BTCTRY, Decimal(50_000_000)), owner="bob")
    successor = run_until_off(exchange, order)
    exchange.advance_to(exchange.now_ms + 3_000)
    assert (order.status, successor.status) == (OrderStatus.CANCELED, OrderStatus.OPEN)
    exchange.audit()


def test_a_canceled_stop_never_goes_off(exchange: Exchange) -> None:
    """Its money is free again and the market may go where it likes."""
    bid = exchange.book(BTCTRY, levels=1).bids[0].price
    order = placed(exchange, StopMarketSell(BTCTRY, Decimal("0.1"), bid - 1))
    assert exchange.cancel("ann", order.order_id) is None
    exchange.advance_to(exchange.now_ms + 3_000)
    assert order.status is OrderStatus.CANCELED
    assert exchange.holding("ann").open_orders == {}
    exchange.advance_to(exchange.now_ms + 500 * HOUR_MS)
    assert list(exchange.holding("ann").orders) == [order.order_id]
    assert exchange.holding("ann").account.free(BTC) == 1
    exchange.audit()


@pytest.mark.parametrize(
    ("names", "side", "price", "refused"),
    [
        ("requirement", Side.BUY, 102, None),
        ("requirement", Side.BUY, 101, STOP_ABOVE_ASK),
        ("requirement", Side.SELL, 98, None),
        ("requirement", Side.SELL, 99, STOP_BELOW_BID),
        ("problem", Side.BUY, 99, None),
        ("problem", Side.BUY, 98, STOP_BELOW_BID),
        ("problem", Side.SELL, 101, None),
        ("problem", Side.SELL, 102, STOP_ABOVE_ASK),
    ],
)
def test_both_readings_of_the_names(
    names: str, side: Side, price: int, refused: Refused | None
) -> None:
    """Bid 99 and ask 101: either way buys belong above the market and sells below it."""
    stop = StopCheck(Decimal(price), Decimal(99), Decimal(101))
    quirks = Quirks.of({"stop_names": names})
    for request in (
        LimitOrder(BTCTRY, side, Decimal(10), Decimal(100)),
        MarketBuy(BTCTRY, Decimal(1_000)) if side is Side.BUY else MarketSell(BTCTRY, Decimal(10)),
    ):
        found = refusal_of(request, BTCTRY_RULES, mark=Decimal(100), stop=stop, quirks=quirks)
        assert found == refused


@pytest.mark.parametrize("missing", [OrderType.STOP_LIMIT, OrderType.STOP_MARKET])
def test_a_pair_without_a_method(missing: OrderType) -> None:
    """A pair that does not list a method refuses it, and takes the other."""
    rules = replace(BTCTRY_RULES, order_types=tuple(one for one in OrderType if one is not missing))
    stop = StopCheck(Decimal(200), Decimal(99), Decimal(101))
    limit = LimitOrder(BTCTRY, Side.BUY, Decimal(10), Decimal(100))
    market = MarketBuy(BTCTRY, Decimal(1_000))
    answers = [
        refusal_of(one, rules, mark=Decimal(100), stop=stop, quirks=Quirks())
        for one in (limit, market)
    ]
    expected = [METHOD_NOT_SUPPORTED, None]
    assert answers == (expected if missing is OrderType.STOP_LIMIT else expected[::-1])
