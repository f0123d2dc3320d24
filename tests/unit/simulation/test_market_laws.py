"""Laws of all markets: money is kept, quick equals slow, and the exact book is the exchange's."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from btcturk_kit.domain.market import DepthColumns, TradeColumns
from btcturk_kit.domain.order_events import OrderAccepted
from btcturk_kit.domain.orders import (
    MarketBuy,
    MarketSell,
    OrderRequest,
    OrderStatus,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.sandbox.market.depth_tape import DepthTape
from btcturk_kit.sandbox.market.recorded_depth import DepthChange, RecordedDepth
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.simulation import depth_replay
from btcturk_kit.simulation.chance import Span
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
from btcturk_kit.simulation.latency import EXCHANGE_LATENCY, Latency
from btcturk_kit.simulation.venue_models import (
    BarPath,
    LevelFees,
    Queue,
    SampledBook,
    Slippage,
    StopTrigger,
    VenueModels,
)

from .market_day import (
    BTC,
    BTCTRY,
    MINUTE_MS,
    RULES,
    START_MS,
    TRY,
    Bar,
    MarketDay,
    Print,
    Update,
    buy,
    depth_of,
    sell,
    tape_of,
)


class World:
    """A random market of three minutes, the same for the same number."""

    def __init__(self, number: int) -> None:
        self.random = Random(number)  # noqa: S311 - a test's market
        self.middle = 1000
        self.book: tuple[dict[int, str], dict[int, str]] = ({}, {})

    def quantity(self, most: int = 300) -> str:
        """Return up to `most` hundredths."""
        return str(Decimal(self.random.randint(1, most)).scaleb(-2))

    def updates(
        self, count: int, *, has_snapshots: bool = True
    ) -> tuple[list[Update], tuple[int, ...]]:
        """Return updates of a book that is never crossed, and which are snapshots."""
        random, updates, snapshots, at_ms = self.random, [], [0], 0
        for number in range(count):
            bids, asks = self.book
            self.middle += random.choice((-2, -1, 0, 0, 1, 2))
            if number == 0 or (has_snapshots and random.random() < 0.05):
                whole = (
                    {self.middle - 1 - at: self.quantity() for at in range(6)},
                    {self.middle + 1 + at: self.quantity() for at in range(6)},
                )
                for side, fresh in zip(self.book, whole, strict=True):
                    side.clear()
                    side.update(fresh)
                updates.append((at_ms, *whole))
                snapshots += [number] if number else []
            else:
                changed: tuple[dict[int, str], dict[int, str]] = ({}, {})
                for price in [one for one in bids if one >= self.middle]:
                    changed[0][price] = "0"
                for price in [one for one in asks if one <= self.middle]:
                    changed[1][price] = "0"
                for _ in range(random.randint(1, 4)):
                    side = random.randint(0, 1)
                    away = random.randint(1, 5)
                    price = self.middle + (away if side else -away)
                    changed[side][price] = random.choice(("0", self.quantity(), self.quantity()))
                for side, fresh in zip(self.book, changed, strict=True):
                    side.update(fresh)
                    for price in [one for one, what in side.items() if what == "0"]:
                        del side[price]
                updates.append((at_ms, *changed))
            at_ms += random.choice((0, 500, 1_500, 4_000))
        return updates, tuple(snapshots)

    def prints(self, count: int, span_ms: int) -> list[Print]:
        """Return trades around the middle."""
        random = self.random
        times = sorted(random.randint(0, span_ms) for _ in range(count))
        return [
            (at, random.choice(("buy", "sell")), self.quantity(), 1000 + random.randint(-9, 9))
            for at in times
        ]

    def bars(self, count: int) -> list[Bar]:
        """Return bars that follow each other."""
        random, bars, last = self.random, [], 1000
        for _ in range(count):
            first, last = last + random.randint(-9, 9), last + random.randint(-9, 9)
            up, down = random.randint(0, 12), random.randint(0, 12)
            bars.append((first, max(first, last) + up, min(first, last) - down, last))
        return bars

    def request(self) -> OrderRequest:
        """Return an order near the market."""
        random, kind = self.random, self.random.randint(0, 9)
        if kind == 0:
            return MarketBuy(BTCTRY, Decimal(random.randint(1_000, 200_000)).scaleb(-2))
        if kind == 1:
            return MarketSell(BTCTRY, Decimal(self.quantity()))
        price = 1000 + random.randint(-8, 8)
        return (buy if random.random() < 0.5 else sell)(price, self.quantity())

    def stop(self) -> StopRequest:
        """Return a stop order near the market."""
        random, price = self.random, Decimal(1000 + self.random.randint(-8, 8))
        kind = random.randint(0, 2)
        if kind == 0:
            return StopMarketBuy(BTCTRY, Decimal(random.randint(10, 900)), price)
        if kind == 1:
            return StopMarketSell(BTCTRY, Decimal(self.quantity()), price)
        side, limit = random.choice(tuple(Side)), Decimal(1000 + random.randint(-8, 8))
        return StopLimitOrder(BTCTRY, side, Decimal(self.quantity()), limit, price)


def run(
    world: World,
    *,
    has_stops: bool,
    depth: DepthColumns | None = None,
    trades: TradeColumns | None = None,
    **options: Any,
) -> MarketDay:
    """Send and cancel orders at random over ten instants; every step is audited."""
    day = MarketDay(*world.bars(10), depth=depth, trades=trades, volume="20", **options)
    random, numbers = world.random, []
    while day.at + 1 < len(day.frame.times_ms):
        for _ in range(random.randint(0, 3)):
            has_stop = has_stops and random.random() < 0.3
            answer = day.try_to_send(world.stop() if has_stop else world.request())
            if isinstance(answer, OrderAccepted):
                numbers.append(answer.order_id)
        if numbers and random.random() < 0.4:
            day.cancel(random.choice(numbers))
        day.step()
    return day


SLOW = Latency(submit_ms=Span(0, 20_000), cancel_ms=Span(0, 70_000))
MODELS: list[dict[str, Any]] = [
    {},
    {"path": BarPath.HIGH_FIRST, "slippage": Slippage(bps=3, ticks=1)},
    {"path": BarPath.LOW_FIRST, "latency": SLOW, "stops": StopTrigger.TOUCH},
    {"latency": SLOW, "fees": LevelFees(opening_volume_try=Decimal(4_990_000))},
    {"queue": Queue(model="as_exchange", tape_ahead=Decimal("0.3")), "latency": SLOW},
    {"queue": Queue(model="proportional", tape_ahead=Decimal(0))},
]


@pytest.mark.parametrize("options", MODELS, ids=[str(at) for at in range(len(MODELS))])
@pytest.mark.parametrize("market", ["bars", "tape", "book", "book and tape"])
@settings(max_examples=5, deadline=None)
@given(number=st.integers(0, 10**9))
def test_money_is_kept(market: str, options: dict[str, Any], number: int) -> None:
    """Whatever is sent, nothing is created, lost or negative, and locks are what orders need."""
    world = World(number)
    updates, snapshots = world.updates(60)
    depth = depth_of(*updates, snapshots=snapshots) if "book" in market else None
    trades = tape_of(*world.prints(40, 300_000)) if "tape" in market else None
    day = run(world, has_stops=True, depth=depth, trades=trades, **options)
    total = sum(
        (one.quantity if one.side is Side.BUY else -one.quantity) for one in day.oms.fills_since(0)
    )
    assert sum(day.money()[2:]) == 10 + total


@pytest.mark.parametrize("model", ["pessimistic", "proportional"])
@settings(max_examples=20, deadline=None)
@given(number=st.integers(0, 10**9))
def test_a_stretch_is_the_updates_in_it(model: Any, number: int) -> None:
    """Judging 256 updates together gives what looking at each gives: the same trades and money."""
    days = []
    for stretch in (256, 1):
        world = World(number)
        updates, snapshots = world.updates(120)
        depth, trades = depth_of(*updates, snapshots=snapshots), tape_of(*world.prints(40, 400_000))
        models = VenueModels(queue=Queue(model=model))
        day = MarketDay(depth=depth, trades=trades, queue=models.queue)
        pair = day.oms._desk.pair(BTCTRY)
        market = depth_replay.DepthReplay(day.oms._desk, pair, models, stretch=stretch)
        day.oms._recorded._markets[BTCTRY] = market
        for _ in range(3):
            for _ in range(3):
                day.try_to_send(world.request())
            day.step()
        days.append(day)
    assert days[0].oms.fills_since(0) == days[1].oms.fills_since(0)
    assert days[0].money() == days[1].money()


def recorded(updates: list[Update]) -> RecordedDepth:
    """Return the same recording as the local exchange reads it."""
    depth = RecordedDepth(source="test", price_places=0)
    for number, (at_ms, bids, asks) in enumerate(updates):
        sides = [
            tuple((price, int(Decimal(quantity).scaleb(8))) for price, quantity in side.items())
            for side in (bids, asks)
        ]
        depth.append(DepthChange(START_MS + at_ms, number, sides[0], sides[1]))
    return depth


@settings(max_examples=20, deadline=None)
@given(number=st.integers(0, 10**9))
def test_the_exact_book_is_the_local_exchange(number: int) -> None:
    """The same recording, orders, names and seed: the same trades at the same instants.

    Prices, quantities, fees, taxes, their order, and what is left of the money.
    """
    world = World(number)
    updates = world.updates(100, has_snapshots=False)[0]
    depth = depth_of(*updates)
    day = MarketDay(depth=depth, queue=Queue(model="as_exchange"), latency=EXCHANGE_LATENCY, seed=7)
    tape = DepthTape(recorded(updates), None)
    exchange = Exchange([Listing(RULES, tape)], seed=7, fees=BTCTRY_LEVEL_1)
    exchange.open_account("ann", {TRY: Decimal(10_000), BTC: Decimal(10)})
    pairs: list[tuple[Any, PlacedOrder]] = []
    random = world.random
    for minute in range(3):
        exchange.advance_to(START_MS + minute * MINUTE_MS)
        request = world.request()
        name = f"bk1-{minute}"
        placed = exchange.submit("ann", request, client_order_id=name)
        answer = day.try_to_send(request, name)
        assert isinstance(answer, OrderAccepted) == isinstance(placed, PlacedOrder)
        if isinstance(placed, PlacedOrder) and isinstance(answer, OrderAccepted):
            pairs.append((answer.order_id, placed))
        exchange.advance_to(START_MS + (minute + 1) * MINUTE_MS)
        day.step()
        if pairs and random.random() < 0.5:
            ours, theirs = random.choice(pairs)
            refused = exchange.cancel("ann", theirs.order_id)
            assert day.cancel(ours) or theirs.status is not OrderStatus.OPEN or refused
    exchange.audit()

    def told(fills: Any) -> list[tuple[Any, ...]]:
        return [
            (
                one.client_order_id,
                one.side,
                one.quantity,
                one.price,
                one.fee,
                one.tax,
                one.event_time_ms,
            )
            for one in fills
        ]

    assert told(day.oms.fills_since(0)) == told(exchange.holding("ann").fills)
    account = exchange.holding("ann").account
    assert [account.free(TRY), account.locked(TRY)] == list(day.money()[:2])
    assert [account.free(BTC), account.locked(BTC)] == list(day.money()[2:])


def test_describing_models() -> None:
    """A bundle says what it is, in values that JSON can hold, and equal bundles are one key."""
    models = VenueModels(fees=LevelFees(try_rates=((TRY, Decimal("1.5")),)), latency=SLOW)
    told = models.describe()
    assert told["fees"] == {"opening_volume_try": "0", "try_rates": [["TRY", "1.5"]]}
    assert told["sampled_book"] == SampledBook.TOUCH.value
    assert told["throttle"] is None
    assert len({models, VenueModels(), VenueModels(latency=Latency())}) == 2
