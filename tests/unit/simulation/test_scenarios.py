"""The scenario book: bars and models. Every expected number is worked out by hand beside it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import ClientOrderId
from btcturk_kit.domain.order_events import CancelAccepted, CancelRejected, OrderRejected
from btcturk_kit.domain.orders import (
    CancelOrder,
    MarketBuy,
    MarketSell,
    OrderStatus,
    OrderType,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
)
from btcturk_kit.simulation.chance import Span
from btcturk_kit.simulation.latency import Latency
from btcturk_kit.simulation.venue_models import (
    BarPath,
    Collar,
    LevelFees,
    Participation,
    Rejection,
    Repeats,
    Slippage,
    StopTrigger,
    Throttle,
)

from .market_day import (
    BTCTRY,
    FLAT,
    MINUTE_MS,
    RULES,
    START_MS,
    MarketDay,
    buy,
    sell,
)


def test_01_gap_through_a_limit() -> None:
    """A buy at 950 rests; the next bar opens at 900.

    Whoever sold on the way down met it, so it gets its own price as a maker: 950, fee 0.95, tax
    0.19. Paid 951.14: 10000 - 951.14 = 9048.86. Sent before that bar it arrives at the open: 900 as
    a taker, fee 1.8, tax 0.36. Paid 902.16: 10000 - 902.16 = 9097.84.
    """
    day = MarketDay(FLAT, (900, 910, 890, 900))
    day.send(buy(950))
    (fill,) = day.play()
    assert (fill.price, fill.fee, fill.tax) == (950, Decimal("0.95"), Decimal("0.19"))
    assert day.money() == (Decimal("9048.86"), 0, 11, 0)
    day = MarketDay((900, 910, 890, 900))
    day.send(buy(950))
    (fill,) = day.play()
    assert (fill.price, fill.fee, fill.tax) == (900, Decimal("1.8"), Decimal("0.36"))
    assert day.money() == (Decimal("9097.84"), 0, 11, 0)


def test_02_parts_over_several_bars() -> None:
    """A buy of 1.2 at 950 in bars of 5 coins: a tenth is 0.5, so 0.5 + 0.5 + 0.2.

    Each part as a maker: notional 1140 in all, fee 1.14, tax 0.228: 10000 - 1141.368 = 8858.632.
    """
    wild = (1000, 1000, 900, 1000)
    day = MarketDay(wild, wild, wild, wild, volume="5")
    day.send(buy(950, "1.2"))
    assert day.trades() == [("0.5", "950"), ("0.5", "950"), ("0.2", "950")]
    assert day.money() == (Decimal("8858.632"), 0, Decimal("11.2"), 0)


def test_03_the_volume_cap_is_shared_oldest_first() -> None:
    """A quarter of 4 coins is 1: the older sell takes 0.7, the younger the 0.3 that are left."""
    day = MarketDay(
        (1000, 1100, 1000, 1000), volume="4", participation=Participation(share_bps=2_500)
    )
    old, young = day.send(sell(1050, "0.7")), day.send(sell(1040, "0.7"))
    fills = {one.order_id: one.quantity for one in day.play()}
    assert fills == {old: Decimal("0.7"), young: Decimal("0.3")}
    unlimited = MarketDay(
        (1000, 1100, 1000, 1000), volume="4", participation=Participation(share_bps=None)
    )
    unlimited.send(sell(1050, "9"))
    assert unlimited.trades() == [("9", "1050")]


def test_04_a_minute_without_trades() -> None:
    """A bar of one price, the own one: nothing trades through it, the order goes on waiting."""
    day = MarketDay((950, 950, 950, 950), (950, 950, 950, 950))
    number = day.send(buy(940))
    assert day.play() == []
    listed = day.oms.order(number)
    assert listed is not None
    assert listed.status is OrderStatus.OPEN


def test_05_maker_and_taker() -> None:
    """A resting sell of 1 at 1050 pays 1.05 and 0.21, a market sell at the open 2 and 0.4."""
    day = MarketDay((1000, 1100, 1000, 1000))
    day.send(sell(1050))
    day.send(MarketSell(BTCTRY, Decimal(1)))
    charges = {one.price: (one.fee, one.tax) for one in day.play()}
    assert charges == {
        Decimal(1050): (Decimal("1.05"), Decimal("0.21")),
        Decimal(1000): (Decimal(2), Decimal("0.4")),
    }


def test_06_market_buy_rounding() -> None:
    """1000 TRY at 990: a coin costs 990 x 1.0024 = 992.376, so 1000 / 992.376, cut at 16 places.

    1000 / 992.376 = 1.00768257...; notional 990 x that, fee 0.2 % of it, tax a fifth of the fee,
    each to 8 places. What the 16 places leave comes back: the account is never charged more than
    1000.
    """
    day = MarketDay((990, 1000, 980, 990))
    day.send(MarketBuy(BTCTRY, Decimal(1000)))
    (fill,) = day.play()
    assert fill.quantity == Decimal("1.0076825719283819")
    assert fill.fee == Decimal("1.99521149")  # 997.605746209098081 x 0.002
    assert fill.tax == Decimal("0.39904230")  # 1.99521149 x 0.2 = 0.399042298
    free, locked, _, _ = day.money()
    assert (free, locked) == (10_000 - fill.notional - fill.fee - fill.tax, 0)
    assert 0 <= free - 9000 < Decimal("0.00000002")


def test_07_market_sell() -> None:
    """2.5 coins at 990: 2475, less fee 4.95 and tax 0.99: 10000 + 2469.06."""
    day = MarketDay((990, 1000, 980, 990))
    day.send(MarketSell(BTCTRY, Decimal("2.5")))
    assert day.trades() == [("2.5", "990")]
    assert day.money() == (Decimal("12469.06"), 0, Decimal("7.5"), 0)


def test_08_tax_rounding() -> None:
    """0.00012345 at 81003: notional 9.99982035 is below 10; at 81005 it is 10.00006725.

    Fee 0.01000006725 goes to 0.01000007 (half to even of the ninth place 7), tax a fifth of that:
    0.002000014 goes to 0.00200001.
    """
    day = MarketDay((81_005, 81_010, 81_000, 81_005))
    assert isinstance(day.try_to_send(sell(81_003, "0.00012345")), OrderRejected)
    day.send(sell(81_006, "0.00012345"))  # the open is below: it rests, and 81010 is beyond
    (fill,) = day.play()
    assert fill.notional == Decimal("10.0001907")
    assert (fill.fee, fill.tax) == (Decimal("0.01000019"), Decimal("0.00200004"))


def test_09_dust_is_left() -> None:
    """After a market buy 10.0076825719283819 coins are there; an order can sell eight places.

    Selling 10.00768257 leaves 0.0000000019283819.
    """
    day = MarketDay((990, 1000, 980, 990), (990, 1000, 980, 990))
    day.send(MarketBuy(BTCTRY, Decimal(1000)))
    day.step()
    refused = day.try_to_send(sell(1000, "11.0076825719283819"))
    assert isinstance(refused, OrderRejected)
    assert "more than 8 decimals" in refused.reason
    day.send(MarketSell(BTCTRY, Decimal("11.00768257")))
    day.play()
    assert day.money()[2:] == (Decimal("0.0000000019283819"), 0)


def test_10_insufficient_balance() -> None:
    """A buy of 10 at 998 locks 9980 x 1.0024 = 10003.952: more than there is. At 997 it fits.

    9970 x 1.0024 = 9993.928; 6.072 are left free.
    """
    day = MarketDay()
    refused = day.try_to_send(buy(998, "10"))
    assert isinstance(refused, OrderRejected)
    assert refused.reason == "BALANCE_NOT_ENOUGH"
    day.send(buy(997, "10"))
    assert day.money() == (Decimal("6.072"), Decimal("9993.928"), 10, 0)


@pytest.mark.parametrize(
    ("price", "quantity", "words"),
    [
        ("950.5", "1", "more than 0 decimals"),
        ("950", "0.123456789", "more than 8 decimals"),
        ("950", "0.01", "below the minimum 10"),
        ("99", "1", "below the minimum 100"),
        ("5001", "1", "above the maximum 5000"),
    ],
)
def test_11_rules_of_the_pair(price: str, quantity: str, words: str) -> None:
    """Price step, lot, least total (950 x 0.01 = 9.5) and price limits; nothing is locked."""
    rules = replace(RULES, min_price=Decimal(100), max_price=Decimal(5000))
    day = MarketDay(rules=rules)
    request = sell(1, quantity)._replace(price=Decimal(price))
    refused = day.try_to_send(request)
    assert isinstance(refused, OrderRejected)
    assert words in refused.reason
    assert day.money() == (10_000, 0, 10, 0)
    closed = MarketDay(rules=replace(RULES, is_trading=False))
    for one in (sell(1000), MarketSell(BTCTRY, Decimal(1)), MarketBuy(BTCTRY, Decimal(500))):
        assert isinstance(closed.try_to_send(one), OrderRejected)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (MarketBuy(BTCTRY, Decimal("9.99")), "below the minimum 10"),
        (MarketSell(BTCTRY, Decimal("0.123456789")), "more than 8 decimals"),
    ],
)
def test_11_rules_of_the_pair_for_market_orders(
    request_: MarketBuy | MarketSell, words: str
) -> None:
    """The least amount and the lot hold without a price too; nothing is locked."""
    day = MarketDay()
    refused = day.try_to_send(request_)
    assert isinstance(refused, OrderRejected)
    assert words in refused.reason
    assert day.money() == (10_000, 0, 10, 0)
    day.send(MarketBuy(BTCTRY, Decimal(10)))


# --- stop orders


def test_12_a_stop_triggers() -> None:
    """A stop sell of 1 at 950; the bar opens at 1000 and falls to 940.

    It meets its trigger: 950 as a taker, fee 1.9, tax 0.38. The stop order is canceled, another
    one with the same name is filled.
    """
    day = MarketDay((1000, 1000, 940, 960))
    stop = day.send(StopMarketSell(BTCTRY, Decimal(1), Decimal(950)), "mine")
    day.oms.take_changes()
    assert day.money() == (10_000, 0, 9, 1)
    assert day.oms.open_orders(BTCTRY)[0].stop_price == 950
    assert day.step()
    (fill,) = day.oms.fills_since(0)
    assert (fill.price, fill.fee, fill.tax) == (950, Decimal("1.9"), Decimal("0.38"))
    assert (fill.client_order_id, fill.order_id) == ("mine", stop + 1)
    orders = {one.order_id: one for one in day.oms.take_changes().orders}
    assert orders[stop].status is OrderStatus.CANCELED
    assert orders[stop].order_type is OrderType.STOP_MARKET
    assert orders[fill.order_id].status is OrderStatus.FILLED
    assert day.money() == (Decimal("10947.72"), 0, 9, 0)


def test_13_a_stop_gap() -> None:
    """The bar opens at 900, beyond the stop at 950: the open is what there is."""
    day = MarketDay((900, 910, 890, 900))
    day.send(StopMarketSell(BTCTRY, Decimal(1), Decimal(950)))
    assert day.trades() == [("1", "900")]


def test_14_a_stop_limit_that_the_market_jumps_over() -> None:
    """A stop buy at 1050 with limit 1060; the bar opens at 1100.

    It is set off, and its limit is below the market: it rests and fills as a maker at 1060 when a
    later bar falls to 1059.
    """
    day = MarketDay((1100, 1110, 1090, 1100), (1100, 1100, 1059, 1100))
    day.send(StopLimitOrder(BTCTRY, Side.BUY, Decimal(1), Decimal(1060), Decimal(1050)))
    assert day.money()[1] == Decimal("1062.544")  # 1060 x 1.0024
    day.step()
    assert day.oms.fill_count == 0
    (fill,) = day.play()
    assert (fill.price, fill.fee) == (1060, Decimal("1.06"))


def test_15_a_stop_buy_spends_its_amount() -> None:
    """A stop buy of 500 TRY at 1050: set off at 1050, a coin costs 1052.52: 0.47505035...."""
    day = MarketDay((1000, 1060, 1000, 1060))
    day.send(StopMarketBuy(BTCTRY, Decimal(500), Decimal(1050)))
    (fill,) = day.play()
    assert (fill.price, fill.quantity) == (1050, Decimal("0.4750503553376657"))


def test_16_a_stop_by_touch() -> None:
    """With the touch as a trigger only the ask at the close counts: a high of 1060 does not."""
    stop = StopMarketBuy(BTCTRY, Decimal(500), Decimal(1050))
    for path in BarPath:
        day = MarketDay(
            (1000, 1060, 1000, 1000), (1000, 1060, 1000, 1055), stops=StopTrigger.TOUCH, path=path
        )
        day.send(stop)
        assert [price for _, price in day.trades()] == ["1055"]


# --- what came first


@pytest.mark.parametrize(
    ("path", "trades"),
    [
        (BarPath.UNORDERED, [("1", "950"), ("1", "1050")]),
        (BarPath.HIGH_FIRST, [("1", "1050"), ("1", "950")]),
        (BarPath.LOW_FIRST, [("1", "950"), ("1", "1050")]),
    ],
)
def test_17_an_ambiguous_bar(path: BarPath, trades: list[tuple[str, str]]) -> None:
    """A bar from 900 to 1100 with a buy at 950 and a sell at 1050: both fill, in the bar's order.

    It is counted: the result hangs on what nobody knows.
    """
    day = MarketDay((1000, 1100, 900, 1000), path=path)
    day.send(buy(950))
    day.send(sell(1050))
    assert day.trades() == trades
    assert day.oms.ambiguous_bars == 1


@pytest.mark.parametrize("path", BarPath)
def test_18_the_path_decides_what_a_stop_sees(path: BarPath) -> None:
    """A stop-limit sell: stop 960, limit 1040, in a bar from 950 to 1050 that opens at 1000.

    Low first: at 960 it becomes a sell at 1040, and the way up to 1050 fills it. High first: it
    becomes one after the high, and the close at 1000 is below: it waits. In no order it waits too.
    """
    day = MarketDay((1000, 1050, 950, 1000), path=path)
    day.send(StopLimitOrder(BTCTRY, Side.SELL, Decimal(1), Decimal(1040), Decimal(960)))
    trades = day.trades()
    is_filled = path is BarPath.LOW_FIRST
    assert trades == ([("1", "1040")] if is_filled else [])
    assert len(day.oms.open_orders(BTCTRY)) == (0 if is_filled else 1)


# --- what arriving costs


def test_19_slippage_is_in_the_price() -> None:
    """A market sell at 1000 with 10 bps and 1 tick: 1000 x 0.999 - 1 = 998, fee 1.996, tax 0.3992.

    10000 + 998 - 1.996 - 0.3992 = 10995.6048: nothing is subtracted a second time. A buy with a
    limit never pays more than its limit: 1000 + 10 bps + 1 tick = 1002 is cut to 1001.
    """
    day = MarketDay(FLAT, slippage=Slippage(bps=10, ticks=1))
    day.send(MarketSell(BTCTRY, Decimal(1)))
    assert day.trades() == [("1", "998")]
    assert day.money()[0] == Decimal("10995.6048")
    day = MarketDay(FLAT, slippage=Slippage(bps=10, ticks=1))
    day.send(buy(1001))
    assert day.trades() == [("1", "1001")]


def test_20_the_collar_on_bars() -> None:
    """Accepted at a touch of 1000, so 1050 is the last price; the next bar opens at 1051.

    Nothing of it trades, all of it is freed. At 1050, inclusive, it would.
    """
    for first, count in ((1051, 0), (1050, 1)):
        day = MarketDay((first, 1100, 1000, 1000), collar=Collar(is_on_bars=True))
        number = day.send(MarketBuy(BTCTRY, Decimal(1000)))
        assert len(day.play()) == count
        listed = day.oms.order(number)
        assert listed is not None
        assert (listed.status is OrderStatus.CANCELED) == (not count)
        assert day.money()[1] == 0
    day = MarketDay((949, 1100, 900, 1000), collar=Collar(is_on_bars=True))
    day.send(MarketSell(BTCTRY, Decimal(1)))
    assert day.trades() == []


def test_21_fee_levels_after_thirty_days() -> None:
    """Opening volume 4,999,500 TRY: level 1. A sell of 1000 makes it 5,000,500: level 2.

    Level 1 takes 2400 ppm with tax: 2 and 0.4. Level 2 takes 2100 ppm: without tax 0.00175, so 1.75
    and 0.35. Thirty days after the first order the opening volume falls away: level 1 again.
    """
    bars = [FLAT] * 3
    day = MarketDay(*bars, fees=LevelFees(opening_volume_try=Decimal(4_999_500)))
    day.frame.times_ms[3] = START_MS + 31 * 24 * 60 * MINUTE_MS  # type: ignore[index]  # a list here
    for _ in range(3):
        day.send(MarketSell(BTCTRY, Decimal(1)))
        day.step()
    charges = [(one.fee, one.tax) for one in day.oms.fills_since(0)]
    assert charges == [
        (Decimal(2), Decimal("0.4")),
        (Decimal("1.75"), Decimal("0.35")),
        (Decimal("1.75"), Decimal("0.35")),  # accepted in the second minute
    ]
    day.oms.submit_stop(ClientOrderId("x"), StopMarketSell(BTCTRY, Decimal(1), Decimal(900)))
    fees, lock_factor = day.oms._desk.terms_at(RULES, day.frame.times_ms[3])
    assert (fees.taker_rate, lock_factor) == (Decimal("0.0024"), Decimal("1.0024"))


# --- time


def test_22_latency_misses_a_bar() -> None:
    """An order that takes 90 s meets the second bar after its decision, not the first."""
    slow = Latency(submit_ms=Span(90_000, 90_001))
    day = MarketDay((990, 990, 990, 990), (980, 980, 980, 980), latency=slow)
    day.send(MarketSell(BTCTRY, Decimal(1)))
    assert day.trades() == [("1", "980")]


def test_23_a_cancel_loses_the_race() -> None:
    """A cancel waits 30 s of a bar of 60 s that trades through the price.

    When in the bar the price came is drawn from the client order id: for some names before the
    cancel, which fills the order, for some after it. The same name always has the same fate.
    """
    outcomes = {}
    for name in ("a", "b", "c", "d", "e", "f"):
        for _ in range(2):
            day = MarketDay(
                FLAT,
                (1000, 1000, 900, 1000),
                latency=Latency(cancel_ms=Span(30_000, 30_001)),
            )
            number = day.send(buy(950), name)
            day.step()
            assert day.cancel(number)
            assert day.cancel(number)  # repeating it is safe
            assert day.oms.open_orders(BTCTRY)[0].status is OrderStatus.OPEN
            assert day.step()
            listed = day.oms.order(number)
            assert listed is not None
            assert outcomes.setdefault(name, listed.status) is listed.status
            assert day.money()[1] == 0
    assert set(outcomes.values()) == {OrderStatus.FILLED, OrderStatus.CANCELED}


def test_24_throttled() -> None:
    """Ten requests a second: the eleventh is refused and told to come again in a second.

    Cancels have a count of their own. In the next minute both pass.
    """
    day = MarketDay(throttle=Throttle())
    numbers = [day.send(buy(900, "0.1")) for _ in range(10)]
    refused = day.try_to_send(buy(900, "0.1"))
    assert refused == OrderRejected(ClientOrderId("bk1-11"), "THROTTLED", 1.0)
    name = ClientOrderId("bk1-1")
    commands = [CancelOrder(name, number, BTCTRY) for number in numbers]
    assert [day.oms.request_cancel(one) for one in commands] == [CancelAccepted(name)] * 10
    assert day.oms.request_cancel(commands[0]) == CancelRejected(name, "THROTTLED", 1.0)
    assert not day.oms.cancel(commands[0])
    day.step()
    day.send(buy(900, "0.1"))
    assert day.oms.request_cancel(commands[0]).reason == "ORDER_COULD_NOT_BE_CANCELED"  # type: ignore[union-attr]  # a refusal


# --- names


def test_25_a_duplicate_is_a_second_order() -> None:
    """As at the exchange: the same name and the same order again is two orders."""
    day = MarketDay()
    assert day.send(buy(900), "twin") != day.send(buy(900), "twin")
    assert len(day.oms.open_orders(BTCTRY)) == 2


def test_26_a_duplicate_of_an_idempotent_exchange() -> None:
    """The first answer again, and one order; once it is canceled still the first answer."""
    day = MarketDay(repeats=Repeats.IDEMPOTENT)
    first = day.send(buy(900), "twin")
    assert day.send(buy(900), "twin") == first
    assert len(day.oms.open_orders(BTCTRY)) == 1
    assert day.money()[1] == Decimal("902.16")


def test_27_an_idempotency_conflict() -> None:
    """Another order under a known name is refused, it alone; the first goes on."""
    day = MarketDay(repeats=Repeats.IDEMPOTENT)
    first = day.send(buy(900), "twin")
    refused = day.try_to_send(buy(901), "twin")
    assert refused == OrderRejected(ClientOrderId("twin"), "IDEMPOTENCY_CONFLICT")
    second = day.send(buy(901), "other")
    assert [one.order_id for one in day.oms.open_orders(BTCTRY)] == [first, second]
    stop = StopMarketSell(BTCTRY, Decimal(1), Decimal(900))
    assert isinstance(day.try_to_send(stop, "twin"), OrderRejected)


def test_28_rejections_hang_on_names() -> None:
    """At 5,000 of 10,000 about half of the names are refused, each of them every time."""
    day = MarketDay(rejection=Rejection(share_bps=5_000), seed=3)
    fates = [
        isinstance(day.try_to_send(buy(900, "0.02"), f"n{number}"), OrderRejected)
        for number in [*range(100), *range(100)]
    ]
    assert fates[:100] == fates[100:]
    assert 35 <= sum(fates[:100]) <= 65
    other = MarketDay(rejection=Rejection(share_bps=5_000), seed=4)
    again = [
        isinstance(other.try_to_send(buy(900, "0.02"), f"n{number}"), OrderRejected)
        for number in range(100)
    ]
    assert again != fates[:100]
