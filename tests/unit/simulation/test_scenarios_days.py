"""The scenario book: fees by pair and day, and bars in which nobody traded.

Every expected number is worked out by hand beside it.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from btcturk_kit.domain.datasets import FeeLevel, FeeTable
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.market import MarketFrame
from btcturk_kit.domain.orders import (
    CancelOrder,
    MarketSell,
    Order,
    OrderStatus,
    OrderType,
    Side,
    StopMarketSell,
    SubmitOrder,
)
from btcturk_kit.simulation.chance import Span
from btcturk_kit.simulation.dated_fees import DatedFees
from btcturk_kit.simulation.latency import Latency
from btcturk_kit.simulation.oms import OmsSimulator
from btcturk_kit.simulation.venue_models import BarPath, LevelFees, Participation

from .market_day import (
    BTC,
    BTCTRY,
    FLAT,
    MINUTE_MS,
    RULES,
    START_MS,
    TRY,
    Bar,
    MarketDay,
    bars_of,
    buy,
    sell,
)

ETHTRY = Symbol("ETHTRY")
FALL: Bar = (1000, 1000, 900, 1000)
WILD: Bar = (1000, 1100, 800, 1000)


def level(from_ms: int, maker: str, taker: str, tax: str, volume: int = 0) -> FeeLevel:
    """Return a level of a table."""
    return FeeLevel(from_ms, Decimal(maker), Decimal(taker), Decimal(tax), Decimal(volume))


# 0.0018 with 18 % tax is 0.00152542 without (0.001525423... to eight places). Of the newer table a
# maker pays 0.001 and a taker 0.002, and 20 % on it. Who trades a lot is charged as everybody.
TABLE = FeeTable(
    (
        level(0, "0.0018", "0.0018", "0.18"),
        level(START_MS + MINUTE_MS, "0.0012", "0.0024", "0.20"),
        level(START_MS + MINUTE_MS, "0.0001", "0.0008", "0.20", 1),
    )
)
FEES = DatedFees({BTCTRY: TABLE, ETHTRY: FeeTable((level(START_MS, "0.0006", "0.0012", "0.20"),))})


# --- fees


def test_53_each_pair_by_its_own_table() -> None:
    """A coin sold at 1000 in one pair, and two at 500 in the other, in the same minute.

    The first pays 1000 x 0.00152542 = 1.52542 and 18 % of it, 0.2745756; the second 1000 x 0.001 =
    1 and 0.2. So 10000 + 2000 - 1.7999956 - 1.2 = 11997.0000044.
    """
    eth = replace(RULES, symbol=ETHTRY, base=Asset("ETH"))
    opening = {TRY: Decimal(10_000), BTC: Decimal(1), eth.base: Decimal(2)}
    oms = OmsSimulator({BTCTRY: RULES, ETHTRY: eth}, FEES.at, opening)
    half = bars_of([(500, 500, 500, 500)] * 2, "100", symbol=ETHTRY)
    bars = (bars_of([FLAT] * 2, "100"), half)
    frame = MarketFrame(times_ms=[START_MS, START_MS + MINUTE_MS], bars=bars)
    oms.advance(frame, 0)
    oms.submit(SubmitOrder(ClientOrderId("a"), MarketSell(BTCTRY, Decimal(1))))
    oms.submit(SubmitOrder(ClientOrderId("b"), MarketSell(ETHTRY, Decimal(2))))
    oms.advance(frame, 1)
    oms.audit()
    assert {one.symbol: (one.fee, one.tax) for one in oms.fills_since(0)} == {
        BTCTRY: (Decimal("1.52542"), Decimal("0.2745756")),
        ETHTRY: (Decimal(1), Decimal("0.2")),
    }
    assert oms.balances()[0].free == Decimal("11997.0000044")


def test_54_placed_before_a_change_of_fees_and_filled_after_it() -> None:
    """The new table holds from the first minute on; orders of the minute before keep the old one.

    A buy at 950 locks 950 x 1.0018 = 951.71. One at 940 that is placed at the very instant of the
    change locks 940 x 1.0024 = 942.256. Both fill as makers in the second minute: 950 x 0.00152542
    = 1.449149 and 0.26084682, and 940 x 0.001 = 0.94 and 0.188. So 10000 - 951.70999582 - 941.128.
    """
    day = MarketDay(FLAT, FALL, rates=FEES.at)
    old = day.send(buy(950))
    assert day.money()[1] == Decimal("951.71")
    day.step()
    day.send(buy(940))
    assert day.money()[1] == Decimal("951.71") + Decimal("942.256")
    charges = {one.order_id == old: (one.fee, one.tax) for one in day.play()}
    assert charges == {
        True: (Decimal("1.449149"), Decimal("0.26084682")),
        False: (Decimal("0.94"), Decimal("0.188")),
    }
    assert day.money() == (Decimal("8107.16200418"), 0, 12, 0)


def test_55_a_stop_order_keeps_the_rates_it_was_placed_at() -> None:
    """Set off at 900 a minute after the change: 900 x 0.00152542 = 1.372878, and 18 % of it."""
    day = MarketDay(FLAT, FALL, rates=FEES.at)
    day.send(StopMarketSell(BTCTRY, Decimal(1), Decimal(900)))
    (fill,) = day.play()
    assert (fill.fee, fill.tax) == (Decimal("1.372878"), Decimal("0.24711804"))


def test_56_an_order_of_an_earlier_run_keeps_them_too() -> None:
    """Sent before the change, taken up after it, it trades at what it was accepted at."""
    day = MarketDay(FLAT, FALL, rates=FEES.at)
    day.step()
    day.oms.restore(
        Order(
            client_order_id=ClientOrderId("bk1-9"),
            order_id=OrderId(9),
            symbol=BTCTRY,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            status=OrderStatus.OPEN,
            quantity=Decimal(1),
            quote_amount=None,
            price=Decimal(950),
            filled_quantity=Decimal(0),
            reserved=Decimal("951.71"),
            sent_ms=START_MS,
            updated_ms=START_MS,
            strategy="x",
        )
    )
    (fill,) = day.play()
    assert (fill.fee, fill.tax) == (Decimal("1.449149"), Decimal("0.26084682"))


def test_57_levels_by_volume_win() -> None:
    """Where they are given no table is asked: a taker of the first level pays 2 and 0.4."""
    day = MarketDay(rates=FEES.at, fees=LevelFees())
    day.send(MarketSell(BTCTRY, Decimal(1)))
    (fill,) = day.play()
    assert (fill.fee, fill.tax) == (2, Decimal("0.4"))


def test_58_what_to_reserve_is_the_dearest_of_any_pair_and_day() -> None:
    """Tables that end before the span, or begin after it, do not count; the first always does."""
    change_ms = START_MS + MINUTE_MS
    assert FEES.highest_rate(START_MS, change_ms - 1) == Decimal("0.0018")
    assert FEES.highest_rate(START_MS, change_ms) == Decimal("0.0024")
    assert FEES.highest_rate(START_MS) == Decimal("0.0024")
    lower = DatedFees({BTCTRY: FeeTable((level(10, "0.003", "0.001", "0"), TABLE.levels[1]))})
    assert lower.highest_rate(0, 5) == Decimal("0.003")  # a maker can be the dearer one
    assert lower.highest_rate(change_ms) == Decimal("0.0024")
    with pytest.raises(KeyError):
        lower.at(ETHTRY, 0)


# --- bars in which nobody traded


def test_59_a_market_order_waits_for_a_bar_that_traded() -> None:
    """The first bar has a price of 990 and no volume; the second opens at 980, and that is paid.

    2475 at 990 it would have been; 2.5 x 980 = 2450, less 4.9 and 0.98.
    """
    still, next_one = (990, 990, 990, 990), (980, 980, 980, 980)
    day = MarketDay(still, next_one, volume=("0", "100"))
    day.send(MarketSell(BTCTRY, Decimal("2.5")))
    assert day.step() is False
    assert day.trades() == [("2.5", "980")]
    assert day.money() == (Decimal("12444.12"), 0, Decimal("7.5"), 0)


@pytest.mark.parametrize("path", BarPath)
def test_60_nothing_happens_in_a_bar_without_volume(path: BarPath) -> None:
    """Limits on both sides and a stop lie inside its range, and none is met; nor is it counted.

    The same range with volume meets all three.
    """
    for volumes, count in (("0", "7"), 0), (("7", "0"), 3):
        day = MarketDay(WILD, FLAT, volume=volumes, path=path)
        day.send(buy(950, "0.1"))
        day.send(sell(1050, "0.1"))
        day.send(StopMarketSell(BTCTRY, Decimal("0.1"), Decimal(900)))
        assert len(day.play()) == count
        assert day.oms.ambiguous_bars == bool(count)


def test_61_parts_pass_over_a_bar_without_volume() -> None:
    """A tenth of 5 coins is 0.5: a buy of 1.2 takes 0.5, nothing, 0.5 and the rest."""
    day = MarketDay(FALL, FALL, FALL, FALL, volume=("5", "0", "5", "5"))
    day.send(buy(950, "1.2"))
    minutes = [(one.event_time_ms - START_MS) // MINUTE_MS for one in day.play()]
    quantities = [one.quantity for one in day.oms.fills_since(0)]
    assert list(zip(minutes, quantities, strict=True)) == [
        (1, Decimal("0.5")),
        (3, Decimal("0.5")),
        (4, Decimal("0.2")),
    ]


def test_62_without_a_cap_nothing_is_sold_to_nobody_either() -> None:
    """The cap off gives any quantity in a bar that traded the least, and none in one that did not.

    9 coins at 1050: 9450 as a maker, less 9.45 and 1.89.
    """
    cap = Participation(share_bps=None)
    day = MarketDay(WILD, WILD, volume=("0", "0.00000001"), participation=cap)
    day.send(sell(1050, "9"))
    assert day.step() is False
    assert day.trades() == [("9", "1050")]
    assert day.money() == (Decimal("19438.66"), 0, 1, 0)


def test_63_volumes_that_are_not_known_limit_nothing() -> None:
    """No bar has one, as with daily closes: whatever is asked fills, as a report has to say."""
    bars = bars_of([FLAT, WILD], "0")
    assert bars.has_volume is False
    oms = OmsSimulator({BTCTRY: RULES}, FEES.at, {BTC: Decimal(9)})
    frame = MarketFrame(times_ms=[START_MS, START_MS + MINUTE_MS], bars=(bars,))
    oms.advance(frame, 0)
    oms.submit(SubmitOrder(ClientOrderId("a"), sell(1050, "9")))
    oms.advance(frame, 1)
    assert [one.quantity for one in oms.fills_since(0)] == [9]


def test_64_a_cancel_is_carried_out_in_a_bar_without_volume() -> None:
    """What is under way at the exchange goes on: after 30 s the order is gone."""
    slow = Latency(cancel_ms=Span(30_000, 30_001))
    day = MarketDay(FALL, FALL, volume=("0", "9"), latency=slow)
    number = day.send(buy(950))
    assert day.oms.cancel(CancelOrder(ClientOrderId("bk1-1"), number, BTCTRY))
    assert day.step() is True
    assert day.money() == (10_000, 0, 10, 0)
    assert day.play() == []
