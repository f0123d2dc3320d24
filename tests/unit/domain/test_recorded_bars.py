"""Bars made of trades, books and shorter bars; pairs aligned; the touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.bar_alignment import aligned, bars_between
from btcturk_kit.domain.bar_building import (
    PairBars,
    bars_from_depth,
    bars_from_trades,
    longer_bars,
    with_touch,
)
from btcturk_kit.domain.depth_touch import touches
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import BarColumns, DepthColumns, TradeColumns
from btcturk_kit.errors import InvariantViolation

PAIR = Symbol("BTCTRY")


def bars(
    close: Sequence[int],
    *,
    symbol: Symbol = PAIR,
    volume: Sequence[int] | None = None,
    spread: int = 0,
) -> BarColumns:
    """Return bars that moved one up and one down around their close."""
    return BarColumns(
        symbol=symbol,
        price_scale=0,
        volume_scale=1,
        open=close,
        high=[one + 1 for one in close],
        low=[one - 1 for one in close],
        close=close,
        volume=[10] * len(close) if volume is None else volume,
        bid=[one - spread for one in close] if spread else close,
        ask=[one + spread for one in close] if spread else close,
    )


def tape(*rows: tuple[int, int]) -> TradeColumns:
    """Return trades of one unit: time and price each."""
    return TradeColumns(
        symbol=PAIR,
        price_scale=0,
        quantity_scale=3,
        times_ms=[at for at, _ in rows],
        price=[price for _, price in rows],
        quantity=[1] * len(rows),
        is_buy=[1] * len(rows),
    )


def book(*rows: tuple[int, int, int]) -> DepthColumns:
    """Return updates: time, best bid and best ask after each."""
    return DepthColumns(
        symbol=PAIR,
        price_scale=0,
        quantity_scale=0,
        times_ms=[at for at, _, _ in rows],
        is_snapshot=[1] * len(rows),
        ask_starts=[0] * len(rows),
        ends=[0] * len(rows),
        price=[],
        quantity=[],
        best_bid=[bid for _, bid, _ in rows],
        best_ask=[ask for _, _, ask in rows],
    )


def test_a_trade_belongs_to_the_bar_in_which_it_was_published() -> None:
    """With 750 ms until it is known, a trade 0.5 s before the close is in the next bar."""
    trades = tape((9_000, 5), (9_250, 9), (9_251, 2), (21_000, 7))
    made = bars_from_trades(trades, interval_ms=10_000, publication_ms=750)
    assert list(made.times_ms) == [10_000, 20_000, 30_000]
    assert list(made.bars.open) == [5, 2, 7]
    assert list(made.bars.high) == [9, 2, 7]
    assert list(made.bars.close) == [9, 2, 7]
    assert list(made.bars.volume) == [2, 1, 1]
    assert made.bars.bid is made.bars.close
    with pytest.raises(InvariantViolation):
        bars_from_trades(trades, interval_ms=0)


@given(
    rows=st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 9)), min_size=1, max_size=20),
    publication_ms=st.integers(0, 900),
    cut_ms=st.integers(0, 7_000),
)
def test_no_bar_changes_when_the_future_does(
    rows: list[tuple[int, int]], publication_ms: int, cut_ms: int
) -> None:
    """Bars up to an instant are the same without what was published after it."""
    rows = sorted(rows, key=lambda row: row[0])
    known = [row for row in rows if row[0] + publication_ms <= cut_ms]
    whole = bars_from_trades(tape(*rows), interval_ms=1_000, publication_ms=publication_ms)
    part = bars_from_trades(tape(*known), interval_ms=1_000, publication_ms=publication_ms)
    closed = sum(at <= cut_ms for at in whole.times_ms)
    assert list(part.times_ms)[:closed] == list(whole.times_ms)[:closed]
    assert list(part.bars.close)[:closed] == list(whole.bars.close)[:closed]
    assert sum(whole.bars.volume) == len(rows)


def test_bars_of_a_book_are_of_its_middle_and_have_its_touch() -> None:
    """A book without one side gives no price; an interval with no whole book gives no bar."""
    depth = book((1, 10, 0), (5, 10, 13), (9, 12, 13), (11, 0, 13), (25, 20, 22))
    made = bars_from_depth(depth, interval_ms=10)
    assert list(made.times_ms) == [10, 30]
    assert (list(made.bars.open), list(made.bars.high)) == ([11, 21], [12, 21])
    assert (list(made.bars.bid), list(made.bars.ask)) == ([12, 20], [13, 22])
    assert list(made.bars.volume) == [0, 0]


def test_the_touch_at_an_instant_is_the_published_one() -> None:
    """Before there is one, and where a side is empty, the close stands for both."""
    depth = book((10, 98, 101), (20, 99, 0))
    told = with_touch(bars([100, 100, 100]), [9, 15, 25], depth, publication_ms=2)
    assert (list(told.bid), list(told.ask)) == ([100, 98, 100], [100, 101, 100])


def test_with_a_touch_the_close_is_the_mark() -> None:
    """The middle one of bid, ask and last: coins are not worth a trade outside the touch."""
    depth = book((10, 98, 101))
    told = with_touch(bars([100, 90, 99, 110]), [9, 15, 25, 35], depth)
    assert list(told.close) == [100, 98, 99, 101]


def test_longer_bars_join_what_closed_in_them() -> None:
    """Two shorter bars and a lone one; a length that is no multiple is refused."""
    made = longer_bars(bars([5, 9, 7]), [60, 120, 180], interval_ms=60, longer_ms=120)
    assert list(made.times_ms) == [120, 240]
    assert (list(made.bars.open), list(made.bars.close)) == ([5, 7], [9, 7])
    assert (list(made.bars.high), list(made.bars.low)) == ([10, 8], [4, 6])
    assert list(made.bars.volume) == [20, 10]
    with pytest.raises(InvariantViolation):
        longer_bars(bars([5]), [60], interval_ms=60, longer_ms=90)


def test_a_pair_without_a_bar_carries_its_last_close_and_its_age() -> None:
    """Instants are the union from where both have a bar; what is carried is old and unfillable."""
    other = Symbol("ETHTRY")
    one = PairBars([10, 20, 40, 50], bars([1, 2, 4, 5]))
    two = PairBars([20, 30, 50, 60], bars([7, 8, 9, 6], symbol=other, spread=1))
    times, (first, second) = aligned([one, two])
    assert list(times) == [20, 30, 40, 50, 60]
    assert list(first.close) == [2, 2, 4, 5, 5]
    assert list(first.high) == [3, 2, 5, 6, 5]
    assert list(first.volume) == [10, 0, 10, 10, 0]
    assert list(first.seen_ms or ()) == [20, 20, 40, 50, 50]
    assert first.bid is first.ask is first.close
    assert (list(second.bid), list(second.ask)) == ([6, 7, 7, 8, 5], [8, 9, 9, 10, 7])
    assert list(second.seen_ms or ()) == [20, 30, 30, 50, 60]


def test_a_pair_that_needs_no_change_is_not_copied() -> None:
    """One pair alone, and one that has a bar at every instant, are told as they are."""
    one = PairBars([10, 20], bars([1, 2]))
    assert aligned([one]) == ([10, 20], (one.bars,))
    same = aligned([PairBars([10, 20], bars([3, 4])), one])
    assert list(same[0]) == [10, 20]
    again = aligned([PairBars(same[0], bars([3, 4])), PairBars(same[0], bars([5, 6]))])
    assert again[1][0].seen_ms is None
    for pairs in ([], [PairBars([], bars([]))]):
        with pytest.raises(InvariantViolation):
            aligned(pairs)


def test_an_age_that_is_known_already_is_carried_on() -> None:
    """Bars that were carried once keep their age when they are aligned again."""
    times, (first, _) = aligned([PairBars([10], bars([1])), PairBars([10, 20], bars([2, 3]))])
    _, (again, _) = aligned([PairBars(times, first), PairBars([10, 30], bars([4, 5]))])
    assert list(again.seen_ms or ()) == [10, 10, 10]


def test_a_part_of_bars_shares_what_was_shared() -> None:
    """One column for close, bid and ask stays one; all of the bars are the bars themselves."""
    whole = bars([1, 2, 3])
    assert bars_between(whole, 0, 3) is whole
    part = bars_between(whole, 1, 3)
    assert (list(part.close), part.bid is part.close) == ([2, 3], True)
    times, (carried, _) = aligned(
        [PairBars([1], bars([1])), PairBars([1, 2], bars([1, 2], spread=1))]
    )
    assert list(bars_between(carried, 1, len(times)).seen_ms or ()) == [1]
    assert list(bars_between(bars([5, 6], spread=1), 1, 2).ask) == [7]


def test_the_touch_follows_deletions_and_snapshots() -> None:
    """Best prices come back when better ones go, a snapshot forgets, an empty side is 0."""
    best = touches(
        is_snapshot=[1, 0, 0, 1, 0],
        ask_starts=[2, 5, 6, 7, 8],
        ends=[4, 6, 6, 8, 9],
        price=[98, 99, 101, 102, 99, 101, 98, 50, 50],
        quantity=[1, 1, 1, 1, 0, 0, 2, 3, 0],
    )
    again = touches(is_snapshot=[1], ask_starts=[2], ends=[2], price=[9, 9], quantity=[1, 2])
    assert [list(side) for side in again] == [[9], [0]]
    assert [list(side) for side in best] == [[99, 98, 98, 98, 98], [101, 102, 102, 50, 0]]


def test_whether_volumes_are_told_is_found_once_and_kept() -> None:
    """Any volume says so; a part, longer bars, carried ones and a touch keep the answer."""
    told, unknown = bars([5, 6, 7, 8], volume=[0, 0, 3, 0]), bars([5, 6, 7, 8], volume=[0] * 4)
    times = [1, 2, 3, 4]
    for one, answer in ((told, True), (unknown, False)):
        joined = longer_bars(one, times, interval_ms=1, longer_ms=2).bars
        part = bars_between(one, 0, 1)
        _, (carried, _) = aligned([PairBars([1, 3, 4, 5], one), PairBars(times, told)])
        redrawn = replace(unknown, volume=[9] * 4, has_volume=answer)
        other = longer_bars(redrawn, times, interval_ms=1, longer_ms=4).bars
        touched = with_touch(one, times, book((1, 4, 9)))
        made = (one, joined, part, carried, other, touched)
        assert [each.has_volume for each in made] == [answer] * 6
