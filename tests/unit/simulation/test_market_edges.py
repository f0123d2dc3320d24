"""Edges of the markets: nothing there yet, other scales, amounts too small, books that end."""

from __future__ import annotations

from array import array
from dataclasses import replace
from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.market import BookLevel, MarketFrame, OrderBook
from btcturk_kit.domain.order_events import OrderAccepted
from btcturk_kit.domain.orders import (
    CancelOrder,
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderEvent,
    OrderStatus,
    Side,
    StopMarketBuy,
    StopMarketSell,
    SubmitOrder,
)
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.simulation.account import Account
from btcturk_kit.simulation.chance import Chance
from btcturk_kit.simulation.depth_ladder import DepthLadder, SignedDepth
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
from btcturk_kit.simulation.oms import OmsSimulator
from btcturk_kit.simulation.venue_models import (
    Collar,
    Queue,
    SampledBook,
    StopTrigger,
    VenueModels,
)

from .market_day import (
    BTC,
    BTCTRY,
    FLAT,
    RULES,
    START_MS,
    TRY,
    MarketDay,
    bars_of,
    buy,
    depth_of,
    sell,
    tape_of,
)

TINY = MarketBuy(BTCTRY, Decimal("0.00000000000000001"))
ETHTRY = Symbol("ETHTRY")
BOTH = pytest.mark.parametrize("model", ["pessimistic", "as_exchange"])


def test_an_account_refuses_what_it_cannot_pay() -> None:
    """No lock, a lock that grows, more than there is: nothing is booked."""
    account = Account({TRY: Decimal(100)})
    account.lock(1, TRY, Decimal(60))
    for number, paid, left in ((2, 10, 0), (1, 10, 61), (1, 101, 0)):
        with pytest.raises(InvariantViolation):
            account.trade(number, Decimal(paid), lock_left=Decimal(left), asset=BTC, got=Decimal(1))
    assert account.balance(TRY)[1:3] == (40, 60)
    assert Chance(1).name("order", "1") == Chance(1).name("order", "1")


def test_an_amount_too_small_for_anything() -> None:
    """A market buy that affords no unit ends at once, on bars, tapes, books and samples."""
    tape = tape_of((1_000, "sell", "1", 1000))
    depth = depth_of((0, {999: "1"}, {1001: "1"}))
    free = replace(RULES, min_notional=Decimal(0))
    for day in (
        MarketDay(rules=free),
        MarketDay(rules=free, trades=tape),
        MarketDay(rules=free, depth=depth),
        MarketDay(rules=free, depth=depth, queue=Queue(model="as_exchange")),
    ):
        number = day.send(TINY)
        assert day.trades() == []
        listed = day.oms.order(number)
        assert listed is not None
        assert listed.status in {OrderStatus.CANCELED, OrderStatus.FILLED}
        assert day.money() == (10_000, 0, 10, 0)


def test_rounding_beyond_the_lock() -> None:
    """Fee and tax round up by 0.00000001 and nothing is free: the tax gives way."""
    quantity = Decimal("0.02000002")
    lock = quantity * 950 * Decimal("1.0024")
    oms = OmsSimulator({BTCTRY: RULES}, BTCTRY_LEVEL_1, {TRY: lock})
    frame = MarketFrame(times_ms=[0, 60_000], bars=(bars_of((FLAT, (950, 960, 940, 950)), "100"),))
    oms.advance(frame, 0)
    oms.submit(SubmitOrder(ClientOrderId("a"), buy(950, str(quantity))))
    oms.advance(frame, 1)
    (fill,) = oms.fills_since(0)
    assert fill.notional + fill.fee + fill.tax <= lock
    oms.audit()


def test_other_scales_in_the_data() -> None:
    """Data with two decimals and rules with none: all orders count in the data's."""
    day = MarketDay()
    bars = bars_of(((100_000, 100_000, 94_999, 100_000),) * 2, "1000")
    frame = MarketFrame(
        times_ms=[START_MS + 60_000, START_MS + 120_000], bars=(replace(bars, price_scale=2),)
    )
    day.send(buy(950))
    day.send(MarketSell(BTCTRY, Decimal(1)))
    day.send(StopMarketSell(BTCTRY, Decimal(1), Decimal(900)))
    day.oms.advance(frame, 0)
    day.send(buy(950))
    day.oms.advance(frame, 1)
    assert [(one.price, one.quantity) for one in day.oms.fills_since(0)] == [
        (950, 1),
        (1000, 1),
        (950, 1),
    ]
    assert day.oms._desk.pairs[BTCTRY].scale == 2
    day.oms.audit()


@BOTH
def test_before_the_book_begins(model: str) -> None:
    """Trades before the snapshot are nobody's; an order of then waits or is canceled."""
    depth = depth_of((90_000, {999: "1"}, {1001: "1"}))
    tape = tape_of((10_000, "sell", "1", 900), (95_000, "sell", "1", 999))
    queue = Queue(model=model)  # type: ignore[arg-type]  # one of its names
    day = MarketDay(depth=depth, trades=tape, queue=queue, stops=StopTrigger.TOUCH)
    market = day.send(MarketSell(BTCTRY, Decimal(1)))
    day.send(buy(880))
    day.send(StopMarketBuy(BTCTRY, Decimal(100), Decimal(2000)))
    day.step()
    listed = day.oms.order(market)
    assert listed is not None
    assert listed.status is OrderStatus.CANCELED
    assert len(day.oms.open_orders(BTCTRY)) == 2
    day.play()


@BOTH
def test_frames_without_a_tape_or_without_a_book(model: str) -> None:
    """A tape that ends leaves the book; a book that ends leaves what rests as it is."""
    depth = depth_of((0, {999: "1"}, {1001: "1"}), (50_000, {990: "6"}, {}))
    tape = tape_of((10_000, "sell", "0.1", 999))
    queue = Queue(model=model)  # type: ignore[arg-type]  # one of its names
    day = MarketDay(depth=depth, trades=tape, queue=queue)
    day.send(buy(950))
    day.step()
    day.frame = replace(day.frame, trades=())
    day.step()
    day.frame = replace(day.frame, depths=(), trades=(tape,))
    day.step()
    assert len(day.oms.open_orders(BTCTRY)) == 1
    tape_only = MarketDay(trades=tape)
    tape_only.send(buy(950))
    tape_only.step()
    tape_only.frame = replace(tape_only.frame, depths=(depth,), trades=())
    tape_only.step()
    assert len(tape_only.oms.open_orders(BTCTRY)) == 1


def test_a_tape_of_two_frames_is_walked_once() -> None:
    """A frame that brings the tape of the one before goes on in it: no trade happens twice."""
    tape = tape_of((10_000, "sell", "0.1", 900), (70_000, "sell", "0.2", 900))
    day = MarketDay(trades=tape)
    day.send(buy(950))
    day.step()
    day.frame = replace(day.frame)
    day.step()
    assert [one.quantity for one in day.oms.fills_since(0)] == [Decimal("0.1"), Decimal("0.2")]


def test_an_order_keeps_the_rules_of_the_moment() -> None:
    """Rules that change between two orders hold for the second, its places too."""
    rules = {BTCTRY: RULES}
    oms = OmsSimulator(rules, BTCTRY_LEVEL_1, {TRY: Decimal(10_000)})

    def is_accepted(price: str) -> bool:
        order = LimitOrder(BTCTRY, Side.BUY, Decimal("0.1"), Decimal(price))
        return isinstance(oms.submit(SubmitOrder(ClientOrderId(price), order)), OrderAccepted)

    assert [is_accepted("999.0"), is_accepted("999.5")] == [True, False]
    rules[BTCTRY] = replace(RULES, price_scale=1)
    assert [is_accepted("999.5"), is_accepted("999.55")] == [True, False]


def test_keys_are_found_where_they_are() -> None:
    """The bytes of other keys can look like a key between them; and old levels are swept out."""
    depth = depth_of((0, {256: "1"}, {600: "1"}), (1, {256: "2"}, {}))
    depth = replace(depth, price=array("q", (256, 600, 256)))
    signed = SignedDepth(depth)
    both = SignedDepth(replace(depth, price=array("q", (256, 256, 256)), ask_starts=[2, 3]))
    assert list(both.places(1, 0, 3)) == []
    assert list(signed.places(256, 0, 3)) == [0, 2]
    many = depth_of(
        (0, {10: "1"}, {9_000: "1"}),
        (1, dict.fromkeys(range(20, 5000), "0"), {}),
    )
    ladder = DepthLadder(quantity_scale=8)
    ladder.enter(SignedDepth(many))
    ladder.go_on(2)
    assert ladder.best_first(Side.SELL, worst=1) == [10]
    assert (ladder.units(10), ladder.units(-9_000), ladder.units(20)) == (10**8, 10**8, 0)


def test_a_price_is_found_however_late_it_is_asked_for() -> None:
    """Searching, applying after many searches in vain and snapshots say the same of a price."""
    updates = [
        (0, {10: "1"}, {20: "2"}),
        (1, {11: "3"}, {20: "0"}),
        (2, {12: "4"}, {21: "5"}),
        (3, {12: "0"}, {}),
    ]
    ladder = DepthLadder(quantity_scale=0)
    assert (ladder.units(10), ladder.left(10)) == (0, 0)
    depth = SignedDepth(replace(depth_of(*updates, snapshots=(0, 2)), quantity_scale=0))
    ladder.enter(depth)
    ladder.go_on(2)
    ladder.go_on(2)
    one = 10**8
    assert [ladder.units(key) for key in (10, 11, -20, -21)] == [one, 3 * one, 0, 0]
    ladder.take(10, Decimal(one))
    ladder.take(10, Decimal(0))
    ladder.take(11, Decimal(one))
    assert (ladder.left(10), ladder.left(11)) == (0, 2 * one)
    assert ladder.best_first(Side.SELL, worst=1) == [11, 10]
    ladder.go_on(3)
    assert [ladder.units(key) for key in (10, 12)] == [0, 4 * one]
    assert (ladder.left(11), ladder.left(12)) == (0, 4 * one)
    ladder.go_on(4)
    assert {ladder.units(7) for _ in range(40)} == {0}
    assert [ladder.units(key) for key in (10, 12, -21)] == [0, 0, 5 * one]
    ladder.take(-21, Decimal(one))
    ladder.enter(depth)
    assert ladder.left(-21) == 4 * one
    both = SignedDepth(
        replace(depth_of(*updates[:1]), price=array("q", (256, 256)), ask_starts=[2])
    )
    assert (both.last_place(1, 0, 2), both.last_place(256, 0, 2)) == (-1, 1)


@BOTH
def test_a_book_without_bars(model: str) -> None:
    """A pair whose frame has its recorded book and no bars of it trades there."""
    depth = depth_of((0, {999: "1"}, {1001: "1"}), (70_000, {}, {1001: "0", 990: "2"}))
    day = MarketDay(depth=depth, queue=Queue(model=model))
    day.frame = replace(day.frame, bars=())
    day.step()
    day.send(buy(995, "0.5"))
    day.step()
    assert [(one.price, one.quantity) for one in day.oms.fills_since(0)] == [(995, Decimal("0.5"))]
    day.step()


def test_samples_of_other_pairs() -> None:
    """A look without a book of the pair changes nothing for its orders; one that ends fills all."""
    day = MarketDay(sampled_book=SampledBook.LADDER)
    day.send(buy(1001, "0.5"))
    level = (BookLevel(Decimal(1000), Decimal("0.2")),)
    for symbol, fills in ((ETHTRY, 0), (BTCTRY, 1)):
        day.at += 1
        book = OrderBook(symbol, level, level, 0, 0)
        times = day.frame.times_ms[day.at :]
        frame = MarketFrame(times_ms=times, bars=day.frame.bars, books=(book,))
        day.oms.advance(frame, 0)
        assert day.oms.fill_count == fills


def test_orders_of_pairs_without_data() -> None:
    """They wait; a collar needs a touch that was seen; cancels of unknown pairs are refused."""
    rules = {BTCTRY: RULES, ETHTRY: replace(RULES, symbol=ETHTRY, base=Asset("ETH"))}
    models = VenueModels(collar=Collar(is_on_bars=True))
    oms = OmsSimulator(rules, BTCTRY_LEVEL_1, {TRY: Decimal(1000)}, models=models)
    assert oms.models == models
    assert not oms.cancel(CancelOrder(ClientOrderId("a"), OrderId(1), BTCTRY))
    early = SubmitOrder(ClientOrderId("a"), MarketBuy(BTCTRY, Decimal(100)))
    oms.submit(early)
    oms.submit(SubmitOrder(ClientOrderId("b"), MarketBuy(ETHTRY, Decimal(100))))
    frame = MarketFrame(times_ms=[1, 2], bars=(bars_of((FLAT, FLAT), "10"),))
    oms.advance(frame, 0)
    oms.submit(SubmitOrder(ClientOrderId("c"), MarketBuy(ETHTRY, Decimal(100))))
    oms.advance(frame, 1)
    assert [one.client_order_id for one in oms.fills_since(0)] == ["a"]
    assert len(oms.open_orders(ETHTRY)) == 2


def test_changes_are_told_once() -> None:
    """At first all that is known; then orders with a step, the steps, and the trades."""
    day = MarketDay(FLAT, (1000, 1000, 900, 1000))
    number = day.send(buy(950))
    ended = day.send(buy(940))
    day.cancel(ended)
    first = day.oms.take_changes()
    assert [one.order_id for one in first.orders] == [number, ended]
    assert (first.steps, first.fills) == ((), ())
    assert day.oms.take_changes() == ((), (), ())
    other = day.send(sell(2000))
    day.play()
    changes = day.oms.take_changes()
    assert [(one.order_id, one.event, one.status) for one in changes.steps] == [
        (other, OrderEvent.ACCEPTED, OrderStatus.OPEN),
        (number, OrderEvent.FILLED, OrderStatus.FILLED),
    ]
    assert [one.status for one in changes.orders] == [OrderStatus.FILLED, OrderStatus.OPEN]
    assert len(changes.fills) == 1
