"""The scenario book: recorded books, tapes of trades, sampled books. Worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.market import BookLevel, MarketFrame, OrderBook
from btcturk_kit.domain.orders import (
    MarketBuy,
    MarketSell,
    OrderStatus,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
)
from btcturk_kit.simulation.chance import Span
from btcturk_kit.simulation.latency import Latency
from btcturk_kit.simulation.venue_models import (
    Collar,
    Publication,
    Queue,
    SampledBook,
    Slippage,
    StopTrigger,
)

from .market_day import (
    BTCTRY,
    MINUTE_MS,
    START_MS,
    MarketDay,
    Update,
    buy,
    depth_of,
    sell,
    tape_of,
)

BOOK: Update = (0, {999: "1", 998: "2", 990: "5"}, {1001: "1", 1002: "2", 1010: "5"})
EXACTLY = Queue(model="as_exchange")
BOTH = pytest.mark.parametrize("queue", [Queue(), EXACTLY], ids=["quick", "exact"])


# --- recorded books


@BOTH
def test_29_a_sell_walks_three_levels(queue: Queue) -> None:
    """4 coins meet 1 at 999, 2 at 998 and 1 of the 5 at 990.

    999 + 1996 + 990 = 3985; fee 7.97, tax 1.594: 10000 + 3975.436.
    """
    day = MarketDay(depth=depth_of(BOOK), queue=queue)
    day.send(MarketSell(BTCTRY, Decimal(4)))
    assert day.trades() == [("1", "999"), ("2", "998"), ("1", "990")]
    assert day.money() == (Decimal("13975.436"), 0, 6, 0)


@BOTH
def test_30_what_was_taken_stays_taken(queue: Queue) -> None:
    """The level at 999 is gone for the second sell, until the recording sets it again.

    An update that sets another level brings nothing back; the one at 90 s sets 999 to 0.5.
    """
    depth = depth_of(BOOK, (30_000, {997: "1"}, {}), (90_000, {999: "0.5"}, {}))
    day = MarketDay(depth=depth, queue=queue)
    for _ in range(3):
        day.send(MarketSell(BTCTRY, Decimal(1)))
        day.step()
    assert day.trades() == [("1", "999"), ("1", "998"), ("0.5", "999"), ("0.5", "998")]


@BOTH
def test_31_the_rest_beyond_the_collar(queue: Queue) -> None:
    """The best ask is 1001, so 1051 is the last price: 1052 is beyond, the rest is freed.

    1001 and two coins at 1051 cost 3103, fee 6.206, tax 1.2412: 3110.4472 of 5000 are spent.
    """
    depth = depth_of((0, {999: "1"}, {1001: "1", 1051: "2", 1052: "9"}))
    day = MarketDay(depth=depth, queue=queue)
    number = day.send(MarketBuy(BTCTRY, Decimal(5000)))
    assert day.trades() == [("1", "1001"), ("2", "1051")]
    listed = day.oms.order(number)
    assert listed is not None
    assert listed.status is OrderStatus.CANCELED
    assert day.money() == (Decimal("6889.5528"), 0, 13, 0)


@BOTH
def test_32_a_market_buy_that_is_done(queue: Queue) -> None:
    """500 TRY at 1001: a coin costs 1003.4024, so 0.4983045685... coins; it is filled."""
    day = MarketDay(depth=depth_of(BOOK), queue=queue)
    number = day.send(MarketBuy(BTCTRY, Decimal(500)))
    (fill,) = day.play()
    assert fill.quantity == Decimal("0.4983045685360130")
    listed = day.oms.order(number)
    assert listed is not None
    assert (listed.status, day.money()[1]) == (OrderStatus.FILLED, 0)


@BOTH
def test_33_an_empty_side(queue: Queue) -> None:
    """Nobody buys: a market sell is canceled whole, and a touch stop sell is not set off."""
    depth = depth_of((0, {}, {1001: "1"}), (1_000, {}, {1001: "2"}))
    day = MarketDay(depth=depth, queue=queue, stops=StopTrigger.TOUCH)
    day.send(StopMarketSell(BTCTRY, Decimal(1), Decimal(990)))
    number = day.send(MarketSell(BTCTRY, Decimal(1)))
    assert day.trades() == []
    listed = day.oms.order(number)
    assert listed is not None
    assert listed.status is OrderStatus.CANCELED
    assert day.money() == (10_000, 0, 9, 1)


@BOTH
def test_34_a_limit_takes_and_rests(queue: Queue) -> None:
    """A buy of 2 at 1001 takes the 1 that is there as a taker and rests with 1.

    At 30 s somebody offers 0.4 at 1000: they meet us, we pay our price, 1001, as a maker.
    """
    depth = depth_of(BOOK, (30_000, {}, {1001: "0", 1000: "0.4"}))
    day = MarketDay(depth=depth, queue=queue)
    day.send(buy(1001, "2"))
    fills = day.play()
    assert [(one.quantity, one.price, one.fee) for one in fills] == [
        (1, 1001, Decimal("2.002")),
        (Decimal("0.4"), 1001, Decimal("0.4004")),
    ]
    assert fills[1].event_time_ms == START_MS + 30_000


@BOTH
def test_35_the_queue_ahead(queue: Queue) -> None:
    """1 stands at 999 before us. Sells of 0.6 and 0.7: the second brings us 0.3."""
    tape = tape_of((10_000, "sell", "0.6", 999), (20_000, "sell", "0.7", 999))
    depth = depth_of(BOOK, (50_000, {990: "6"}, {}))
    day = MarketDay(depth=depth, trades=tape, queue=queue)
    day.send(buy(999, "0.5"))
    assert day.trades() == [("0.3", "999")]
    assert day.oms.fills_since(0)[0].event_time_ms == START_MS + 20_000


@pytest.mark.parametrize(
    ("queue", "trades"),
    [
        (Queue(), []),
        (Queue(model="proportional"), [("0.2", "999")]),
        (EXACTLY, [("0.5", "999")]),
    ],
    ids=["pessimistic", "proportional", "as_exchange"],
)
def test_36_the_queue_with_cancels_ahead(queue: Queue, trades: list[tuple[str, str]]) -> None:
    """1 before us; the level grows to 2 and falls to 1.2; then 0.8 is sold.

    Pessimistic: who canceled stood behind us: 1 is still ahead, more than the 0.8. Proportional:
    of the 2 the first half was ahead, and 40 % of everybody went: 0.6 ahead, 0.2 for us. As on the
    local exchange: who grows goes behind, so nobody is ahead, and 0.5 is all we want.
    """
    depth = depth_of(
        BOOK,
        (10_000, {999: "2"}, {}),
        (20_000, {999: "1.2"}, {}),
        (50_000, {990: "6"}, {}),
    )
    day = MarketDay(depth=depth, trades=tape_of((30_000, "sell", "0.8", 999)), queue=queue)
    day.send(buy(999, "0.5"))
    assert day.trades() == trades


def test_37_a_snapshot_empties_the_queue() -> None:
    """A new snapshot without our price: nobody is before us any more; with it, what it says."""
    tape = tape_of((30_000, "sell", "0.3", 999))
    gone = depth_of(BOOK, (20_000, {998: "1"}, {1001: "1"}), snapshots=(0, 1))
    day = MarketDay(depth=gone, trades=tape)
    day.send(buy(999, "0.5"))
    assert day.trades() == [("0.3", "999")]
    there = depth_of(BOOK, (20_000, {999: "0.1", 998: "1"}, {1001: "1"}), snapshots=(0, 1))
    day = MarketDay(depth=there, trades=tape)
    day.send(buy(999, "0.5"))
    assert day.trades() == [("0.2", "999")]


def test_38_a_trade_through_the_price() -> None:
    """A sell of 0.6 at 997 went through 999 and 998: best price first, then the oldest."""
    depth = depth_of(BOOK, (50_000, {990: "6"}, {}))
    day = MarketDay(depth=depth, trades=tape_of((10_000, "sell", "0.6", 997)))
    day.send(buy(998, "0.5"))
    day.send(buy(999, "0.4"))
    assert day.trades() == [("0.4", "999"), ("0.2", "998")]


@BOTH
def test_39_latency_misses_a_level(queue: Queue) -> None:
    """The ask at 1001 goes 5 ms after the decision; the order takes 10 ms and pays 1002.

    With 5 ms it is too late as well: at one instant the market moves first.
    """
    depth = depth_of(BOOK, (5, {}, {1001: "0"}))
    for takes_ms, price in ((4, "1001"), (5, "1002"), (10, "1002")):
        late = Latency(submit_ms=Span(takes_ms, takes_ms + 1))
        day = MarketDay(depth=depth, queue=queue, latency=late)
        day.send(buy(1002, "0.5"))
        assert day.trades() == [("0.5", price)]
        assert day.oms.fills_since(0)[0].event_time_ms == START_MS + takes_ms


@BOTH
def test_40_a_cancel_loses_the_race_for_a_trade(queue: Queue) -> None:
    """The cancel is due at 61 s. A sell at 60.5 s fills 0.3; one at 61.5 s is too late."""
    tape = tape_of((60_500, "sell", "1.3", 999), (61_500, "sell", "1.3", 999))
    depth = depth_of(BOOK, (100_000, {990: "6"}, {}))
    slow = Latency(cancel_ms=Span(1_000, 1_001))
    day = MarketDay(depth=depth, trades=tape, queue=queue, latency=slow)
    number = day.send(buy(999, "0.5"))
    day.step()
    assert day.cancel(number)
    assert day.step()
    listed = day.oms.order(number)
    assert listed is not None
    assert (listed.status, listed.filled_quantity) == (OrderStatus.CANCELED, Decimal("0.3"))
    assert day.money()[1] == 0


@BOTH
def test_41_stops_in_a_book(queue: Queue) -> None:
    """A trade at 999 sets off the stop at 999; the market sell behind it takes what is left.

    The trade took the 1 at 999 where the exchange is played exactly, so the sell gets 998. Where
    trades leave the recorded book alone it gets 999.
    """
    depth = depth_of(BOOK, (50_000, {990: "6"}, {}))
    day = MarketDay(depth=depth, trades=tape_of((10_000, "sell", "1", 999)), queue=queue)
    day.send(StopMarketSell(BTCTRY, Decimal(1), Decimal(999)))
    assert day.trades() == [("1", "998" if queue == EXACTLY else "999")]
    assert day.oms.fills_since(0)[0].event_time_ms == START_MS + 10_000


@BOTH
def test_42_a_touch_stop_in_a_book(queue: Queue) -> None:
    """The best ask reaches 1002 at 20 s: the stop buy at 1002 goes off, though nobody traded."""
    depth = depth_of(BOOK, (20_000, {}, {1001: "0"}))
    day = MarketDay(depth=depth, queue=queue, stops=StopTrigger.TOUCH)
    day.send(StopMarketBuy(BTCTRY, Decimal(500), Decimal(1002)))
    (fill,) = day.play()
    assert (fill.price, fill.event_time_ms) == (1002, START_MS + 20_000)


@BOTH
def test_43_frames_that_follow_each_other(queue: Queue) -> None:
    """A recording in two pieces is the recording: queue, cursor and what was taken go on."""
    pieces = (
        (BOOK, (10_000, {999: "2"}, {})),
        ((70_000, {999: "0.5"}, {}), (110_000, {990: "6"}, {})),
    )
    tape = (tape_of((20_000, "sell", "0.4", 999)), tape_of((80_000, "sell", "0.8", 999)))
    whole_tape = tape_of((20_000, "sell", "0.4", 999), (80_000, "sell", "0.8", 999))
    whole = MarketDay(depth=depth_of(*pieces[0], *pieces[1]), trades=whole_tape, queue=queue)
    parts = MarketDay(depth=depth_of(*pieces[0]), trades=tape[0], queue=queue)
    for day in (whole, parts):
        day.send(buy(999, "0.5"))
        day.send(sell(1003, "1"))
        day.step()
    first = parts.frame
    depth = depth_of(*pieces[0], *pieces[1])
    last = [depth.ends[1], len(depth.price)]
    cut = depth_of(*pieces[1], snapshots=())
    assert list(cut.price) == list(depth.price[last[0] : last[1]])
    # The best prices of a piece are those of the whole book.
    cut = type(cut)(
        **{
            name: getattr(cut, name)
            for name in cut.__slots__
            if name not in {"best_bid", "best_ask"}
        },
        best_bid=depth.best_bid[2:],
        best_ask=depth.best_ask[2:],
    )
    parts.frame = MarketFrame(
        times_ms=first.times_ms, bars=first.bars, trades=(tape[1],), depths=(cut,)
    )
    assert whole.trades() == parts.trades() != []


# --- tapes


def test_44_a_market_order_on_a_tape() -> None:
    """A buy of 1000 TRY: 0.5 at 1000, the rest at the next trade, 1010; a tick more: 1001, 1011.

    0.5 x 1001 = 500.5, fee 1.001, tax 0.2002: 498.2988 are left. A coin costs 1011 x 1.0024 =
    1013.4264, so 0.4916970...
    """
    tape = tape_of((10_000, "sell", "0.5", 1000), (20_000, "buy", "9", 1010))
    day = MarketDay(trades=tape, slippage=Slippage(ticks=1))
    day.send(MarketBuy(BTCTRY, Decimal(1000)))
    fills = day.play()
    assert [(one.price, one.event_time_ms - START_MS) for one in fills] == [
        (1001, 10_000),
        (1011, 20_000),
    ]
    assert fills[0].quantity == Decimal("0.5")
    assert f"{fills[1].quantity:.7f}" == "0.4916971"


def test_45_resting_on_a_tape() -> None:
    """Without a guess what is ahead only trades through the price fill: 0.3 of the trade at 998.

    With 0.5 ahead the trade of 0.7 at 999 brings 0.2, and the one at 998 the rest of 0.5.
    """
    tape = tape_of(
        (5_000, "sell", "1", 1000),
        (10_000, "sell", "0.7", 999),
        (15_000, "buy", "9", 999),
        (20_000, "sell", "0.3", 998),
    )
    for ahead, expected in (
        (None, [("0.3", "999")]),
        (Decimal("0.5"), [("0.2", "999"), ("0.3", "999")]),
        (Decimal(2), [("0.3", "999")]),
    ):
        day = MarketDay(trades=tape, queue=Queue(tape_ahead=ahead))
        day.send(buy(999, "0.5"))
        assert day.trades() == expected
        assert {one.fee for one in day.oms.fills_since(0)} <= {
            Decimal("0.2997"),
            Decimal("0.1998"),
        }


def test_46_our_orders_share_a_trade() -> None:
    """A trade of 1 at 990: 0.6 for the better price, 0.4 for the other, nothing for the third."""
    tape = tape_of((5_000, "sell", "1", 1000), (20_000, "sell", "1", 990))
    day = MarketDay(trades=tape)
    for price in (992, 995, 991):
        day.send(buy(price, "0.6"))
    assert day.trades() == [("0.6", "995"), ("0.4", "992")]


def test_47_limits_that_cross_on_a_tape() -> None:
    """A sell at 995 takes the trade at 1000 as a taker; slippage never goes beyond its limit."""
    tape = tape_of((5_000, "sell", "1", 1000))
    day = MarketDay(trades=tape, slippage=Slippage(bps=100))
    day.send(sell(995))
    (fill,) = day.play()
    assert (fill.price, fill.fee) == (995, Decimal("1.99"))


def test_48_collar_and_stops_on_a_tape() -> None:
    """Accepted at a touch of 1000: 949 is beyond the collar, 950 is not. A stop goes off.

    The trade at 1040 sets off the stop buy at 1030; the order behind it has the next trade, 1045.
    The stop-limit sell at 1060 comes too late for anything.
    """
    tape = tape_of((5_000, "sell", "1", 949))
    day = MarketDay(trades=tape, collar=Collar(is_on_bars=True))
    day.send(MarketSell(BTCTRY, Decimal(1)))
    assert (day.trades(), day.money()[3]) == ([], 0)
    tape = tape_of((5_000, "sell", "1", 950))
    day = MarketDay(trades=tape, collar=Collar(is_on_bars=True))
    day.send(MarketSell(BTCTRY, Decimal(1)))
    assert day.trades() == [("1", "950")]
    tape = tape_of((5_000, "buy", "1", 1040), (6_000, "buy", "1", 1045))
    day = MarketDay(trades=tape)
    day.send(StopMarketBuy(BTCTRY, Decimal(500), Decimal(1030)))
    day.send(StopLimitOrder(BTCTRY, Side.SELL, Decimal(1), Decimal(900), Decimal(910)))
    assert [price for _, price in day.trades()] == ["1045"]
    assert len(day.oms.open_orders(BTCTRY)) == 1


def test_49_cancels_on_a_tape() -> None:
    """A canceled order is gone, and so is a stop order; what was ahead of it is forgotten."""
    tape = tape_of((90_000, "sell", "9", 900))
    day = MarketDay(trades=tape, queue=Queue(tape_ahead=Decimal(1)))
    number = day.send(buy(950))
    stop = day.send(StopMarketSell(BTCTRY, Decimal(1), Decimal(950)))
    day.step()
    assert day.cancel(number)
    assert day.cancel(stop)
    assert day.trades() == []
    assert day.money() == (10_000, 0, 10, 0)


# --- what is published, and books of one instant


def test_50_publication_delay() -> None:
    """At 1,000 ms, with 750 ms of delay, what happened up to 250 ms is known, 251 is not."""
    tape = tape_of((250, "buy", "1", 1000), (251, "buy", "1", 1000))
    depth = depth_of(BOOK, (250, {}, {1001: "2"}), (251, {}, {1001: "3"}))
    now_ms = START_MS + 1_000
    assert Publication().visible_until_ms(now_ms) == START_MS + 250
    assert Publication().trades_seen(tape, now_ms) == 1
    assert Publication().updates_seen(depth, now_ms) == 2
    assert Publication(delay_ms=0).trades_seen(tape, now_ms) == 2


def look(day: MarketDay, bids: dict[int, str], asks: dict[int, str]) -> MarketFrame:
    """Return the next instant with a book, as a dry run sees it."""
    bars = day.frame.bars
    sides = [
        tuple(BookLevel(Decimal(price), Decimal(quantity)) for price, quantity in side.items())
        for side in (bids, asks)
    ]
    day.at += 1
    at_ms = START_MS + day.at * MINUTE_MS
    book = OrderBook(BTCTRY, sides[0], sides[1], at_ms, at_ms)
    bar = type(bars[0])(
        **{
            name: (value[:1] if isinstance(value := getattr(bars[0], name), list) else value)
            for name in bars[0].__slots__
        }
    )
    return MarketFrame(times_ms=[at_ms], bars=(bar,), books=(book,))


def test_51_a_sampled_ladder() -> None:
    """A sell of 1.5 walks 1 at 999 and 0.5 of the 2 at 998; the second sell finds 1.5 there.

    A buy at 1001 takes the 1 that is offered and rests with 1. At the next look 0.4 are offered at
    1000: they cross it, at its own price, as a maker.
    """
    day = MarketDay(sampled_book=SampledBook.LADDER)
    frame = look(day, {999: "1", 998: "2"}, {1001: "1", 1060: "5"})
    day.oms.advance(frame, 0)
    day.send(MarketSell(BTCTRY, Decimal("1.5")))
    day.send(MarketSell(BTCTRY, Decimal(2)))
    day.send(buy(1001, "2"))
    expected = [("1", 999), ("0.5", 998), ("1.5", 998), ("1", 1001)]
    fills = day.oms.fills_since(0)
    assert [(f"{one.quantity:f}", one.price) for one in fills] == expected
    assert day.oms.advance(look(day, {990: "1"}, {1000: "0.4", 1002: "1"}), 0)
    last = day.oms.fills_since(4)
    assert [(one.quantity, one.price, one.fee) for one in last] == [
        (Decimal("0.4"), 1001, Decimal("0.4004"))
    ]
    assert not day.oms.advance(look(day, {990: "1"}, {1002: "1"}), 0)
    day.send(MarketBuy(BTCTRY, Decimal(2000)))  # 1 at 1002, the rest finds nothing
    assert day.oms.fills_since(5)[0].price == 1002
    assert len(day.oms.open_orders(BTCTRY)) == 1
    day.oms.audit()


def test_52_a_ladder_that_is_not_there_yet() -> None:
    """Without a book a market order waits for the next look; an empty side cancels it."""
    day = MarketDay(sampled_book=SampledBook.LADDER)
    first = day.send(MarketSell(BTCTRY, Decimal(1)))
    day.oms.advance(look(day, {999: "3"}, {}), 0)
    assert day.oms.fills_since(0)[0].order_id == first
    second = day.send(MarketBuy(BTCTRY, Decimal(100)))
    listed = day.oms.order(second)
    assert listed is not None
    assert listed.status is OrderStatus.CANCELED
