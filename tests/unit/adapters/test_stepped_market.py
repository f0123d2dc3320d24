"""A recorded market told instant by instant: the same bars, with the day of each pair."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.unit.runtime.floor import BTCTRY, RULES, Frames, walk

from btcturk_kit.adapters.stepped_market import SteppedMarketData
from btcturk_kit.domain.market import MarketFrame, TradeColumns


async def told(market: SteppedMarketData) -> list[MarketFrame]:
    """Return every frame."""
    found = []
    while (frame := await market.next_frame()) is not None:
        found.append(frame)
    return found


def test_each_instant_comes_alone_with_its_day() -> None:
    """Blocks follow each other without a seam: the day goes on into the next one."""
    frame = walk(10)
    bars = frame.bars[0]
    names = ("open", "high", "low", "close", "volume", "bid", "ask")
    halves = [
        MarketFrame(
            times_ms=frame.times_ms[part],
            bars=(replace(bars, **{name: getattr(bars, name)[part] for name in names}),),
        )
        for part in (slice(0, 5), slice(5, 10))
    ]
    found = asyncio.run(told(SteppedMarketData(Frames(halves))))
    assert [one.times_ms[0] for one in found] == list(frame.times_ms)
    assert [one.bars[0].close[0] for one in found] == list(bars.close)
    assert found[-1].tickers[0].high == max(bars.high)
    assert found[-1].tickers[0].event_time_ms == frame.times_ms[-1]


def test_a_run_that_goes_on_keeps_the_day_of_what_it_passes_over() -> None:
    """Instants up to the last one decided at are not told again, and are in the day."""
    frame = walk(10)
    market = SteppedMarketData(Frames([frame]), after_ms=frame.times_ms[6])
    found = asyncio.run(told(market))
    assert [one.times_ms[0] for one in found] == list(frame.times_ms[7:])
    assert found[0].tickers[0].open == frame.bars[0].open[0]
    assert asyncio.run(market.pair_rules()) == RULES


def test_trades_come_with_the_instant_they_lead_up_to() -> None:
    """Each trade is told once, with the first instant that is not before it."""
    frame = walk(3)
    first, second, third = frame.times_ms
    tape = TradeColumns(
        symbol=BTCTRY,
        price_scale=0,
        quantity_scale=8,
        times_ms=[first, first + 1, second, third],
        price=[1, 2, 3, 4],
        quantity=[1, 1, 1, 1],
        is_buy=[1, 0, 1, 0],
    )
    found = asyncio.run(told(SteppedMarketData(Frames([replace(frame, trades=(tape,))]))))
    assert [list(one.trades[0].price) for one in found] == [[1], [2, 3], [4]]
