"""Datasets behind the market-data port: spans, warm-up, blocks, several pairs, made bars."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from btcturk_kit.adapters.dataset_files import read_dataset
from btcturk_kit.adapters.datasets import DatasetMarketData
from btcturk_kit.domain.datasets import Dataset, PairData
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import BarColumns, MarketFrame
from btcturk_kit.errors import ConfigurationError

BTCTRY, ETHTRY, BTCUSDT = Symbol("BTCTRY"), Symbol("ETHTRY"), Symbol("BTCUSDT")
HOUR_MS = 3_600_000


def frames(market: DatasetMarketData) -> list[MarketFrame]:
    """Return every frame to the end."""

    async def read() -> list[MarketFrame]:
        found = []
        while (frame := await market.next_frame()) is not None:
            found.append(frame)
        return found

    return asyncio.run(read())


def bars(symbol: Symbol, close: list[int]) -> BarColumns:
    """Return bars of these closes."""
    return BarColumns(
        symbol=symbol,
        price_scale=0,
        volume_scale=0,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=close,
        bid=close,
        ask=close,
    )


def two_pairs() -> Dataset:
    """Return hours 1 to 6 of one pair and hours 2, 3 and 5 of another."""
    hours = read_dataset("sample:btctry-hours").pairs[BTCTRY]

    def pair(symbol: Symbol, closes: list[int], times: list[int]) -> PairData:
        return PairData(
            rules=replace(hours.rules, symbol=symbol),
            fees=hours.fees,
            bars=bars(symbol, closes),
            times_ms=[one * HOUR_MS for one in times],
            interval_ms=HOUR_MS,
        )

    return Dataset(
        name="two",
        pairs={
            BTCTRY: pair(BTCTRY, [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]),
            ETHTRY: pair(ETHTRY, [7, 8, 9], [2, 3, 5]),
        },
    )


def test_a_span_begins_with_its_warm_up() -> None:
    """Earlier bars are told, `start` says where trading begins; both ends are inclusive."""
    market = DatasetMarketData(
        two_pairs(),
        symbols=[BTCTRY],
        from_ms=4 * HOUR_MS,
        to_ms=5 * HOUR_MS,
        warm_up_bars=2,
    )
    (frame,) = frames(market)
    assert list(frame.times_ms) == [hour * HOUR_MS for hour in (2, 3, 4, 5)]
    assert list(frame.bars[0].close) == [2, 3, 4, 5]
    assert (market.start, market.start_ms) == (2, 4 * HOUR_MS)
    early = DatasetMarketData(two_pairs(), symbols=[BTCTRY], from_ms=0, warm_up_bars=9)
    assert (early.start, early.start_ms) == (0, HOUR_MS)


def test_several_pairs_are_told_on_the_union_of_their_instants() -> None:
    """The missing hours of one carry its last close and its age."""
    market = DatasetMarketData(two_pairs())
    (frame,) = frames(market)
    assert [one.symbol for one in frame.bars] == [BTCTRY, ETHTRY]
    assert list(frame.bars[1].close) == [7, 8, 8, 9, 9]
    assert list(frame.bars[1].seen_ms or ()) == [one * HOUR_MS for one in (2, 3, 3, 5, 5)]
    assert set(asyncio.run(market.pair_rules())) == {BTCTRY, ETHTRY}


def test_pairs_that_close_inside_the_bars_of_another_are_refused() -> None:
    """An order between would meet prices from before it was decided on; one pair alone may run."""
    data = two_pairs()
    other = data.pairs[ETHTRY]
    for off_ms in (HOUR_MS // 2, -1):
        late = replace(other, times_ms=[at_ms + off_ms for at_ms in other.times_ms])
        mixed = Dataset(name="mixed", pairs={**data.pairs, ETHTRY: late})
        with pytest.raises(ConfigurationError, match="a bar of ETHTRY closes at") as caught:
            DatasetMarketData(mixed)
        assert "same closing instants" in str(caught.value.hint)
        alone = DatasetMarketData(mixed, symbols=[ETHTRY])
        assert list(alone.times_ms) == list(late.times_ms)
        with pytest.raises(ConfigurationError, match="inside other bars of 3600 s"):
            DatasetMarketData(mixed, symbols=[ETHTRY], interval_ms=2 * HOUR_MS)


def test_blocks_join_to_the_whole() -> None:
    """Whatever the length of a block, bars, trades and books come once and in order."""
    dataset = read_dataset("sample:btcusdt-book")
    (whole,) = frames(DatasetMarketData(dataset, interval_ms=1_000))
    parts = frames(DatasetMarketData(dataset, interval_ms=1_000, block=7))
    assert [at for one in parts for at in one.times_ms] == list(whole.times_ms)
    assert [at for one in parts for at in one.bars[0].ask] == list(whole.bars[0].ask)
    assert [at for one in parts for at in one.trades[0].times_ms] == list(whole.trades[0].times_ms)
    # The book was recorded for forty seconds, the trades for longer: its end is the end.
    (pair,) = dataset.pairs.values()
    assert pair.depth is not None
    assert whole.times_ms[-1] <= pair.depth.times_ms[-1] + 750 + 1_000
    assert len(whole.trades[0].times_ms) == 760
    changes = [
        (at, part.price[index])
        for one in parts
        for part in one.depths
        for at, start, end in zip(part.times_ms, [0, *part.ends][:-1], part.ends, strict=True)
        for index in range(start, end)
    ]
    depth = whole.depths[0]
    assert [price for _, price in changes] == list(depth.price)


def test_the_touch_of_bars_made_of_trades_is_that_of_the_book() -> None:
    """Best bid below best ask while the book was recorded, the close for both after it."""
    market = DatasetMarketData(read_dataset("sample:btcusdt-book"), interval_ms=1_000)
    columns = market.bars[0]
    assert all(bid < ask for bid, ask in zip(columns.bid[:40], columns.ask[:40], strict=True))
    assert columns.volume_scale == 5


def test_a_book_alone_gives_bars_of_its_middle() -> None:
    """And candles can be joined to longer ones."""
    dataset = read_dataset("sample:btcusdt-book")
    alone = replace(dataset.pairs[BTCUSDT], trades=None, trade_ids=())
    market = DatasetMarketData(
        replace(dataset, pairs={BTCUSDT: alone}), interval_ms=1_000, publication_ms=0
    )
    (frame,) = frames(market)
    assert frame.bars[0].bid[0] < frame.bars[0].close[0] + 1 <= frame.bars[0].ask[0] + 1
    assert frame.trades == ()
    longer = DatasetMarketData(two_pairs(), symbols=[BTCTRY], interval_ms=2 * HOUR_MS)
    assert list(longer.bars[0].close) == [2, 4, 6]


def test_what_cannot_be_told_is_refused() -> None:
    """A pair that is not there, no interval, one that does not fit, a span without an instant."""
    two, tape = two_pairs(), read_dataset("sample:btcusdt-trades")
    empty = replace(two.pairs[BTCTRY], bars=None, times_ms=(), interval_ms=0)
    for dataset, options, problem in (
        (two, {"symbols": [Symbol("XRPTRY")]}, "no pair XRPTRY"),
        (two, {"symbols": []}, "has no pair"),
        (two, {"interval_ms": HOUR_MS + 1}, "give no bars"),
        (two, {"interval_ms": 0}, "bars of 0 ms"),
        (two, {"from_ms": 7 * HOUR_MS}, "no instant in the span"),
        (tape, {}, "how long shall a bar be"),
        (replace(two, pairs={BTCTRY: empty}), {"interval_ms": 1}, "nothing recorded of BTCTRY"),
    ):
        with pytest.raises(ConfigurationError, match=problem):
            DatasetMarketData(dataset, **options)  # type: ignore[arg-type] # a test's table
