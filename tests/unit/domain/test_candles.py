"""Candles tell "nobody traded" from "nobody listened"."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.candles import Candle, CandleSeries, NoData, NoTrade, Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.errors import InvariantViolation, ProtocolError

PAIR = Symbol("BTCTRY")
MINUTE = 60_000


def candle(open_ms: int, close: int = 10, resolution: Resolution = Resolution.MINUTE_1) -> Candle:
    """Return a candle of one price."""
    price = Decimal(close)
    return Candle(PAIR, resolution, open_ms, price, price, price, price, Decimal(1))


def series(*, keep: int = 100, resolution: Resolution = Resolution.MINUTE_1) -> CandleSeries:
    """Return an empty series."""
    return CandleSeries(PAIR, resolution, keep=keep)


def at(year: int, month: int, day: int, hour: int = 0) -> int:
    """Return an instant of the UTC calendar."""
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp()) * 1_000


@pytest.mark.parametrize(
    ("resolution", "length_ms"),
    [
        (Resolution.MINUTE_1, MINUTE),
        (Resolution.HOUR_4, 240 * MINUTE),
        (Resolution.DAY_1, 1_440 * MINUTE),
        (Resolution.WEEK_1, 7 * 1_440 * MINUTE),
        (Resolution.MONTH_1, None),
    ],
)
def test_lengths(resolution: Resolution, length_ms: int | None) -> None:
    """Every resolution but the month has a fixed length."""
    assert resolution.length_ms == length_ms


def test_where_candles_open() -> None:
    """Days open at midnight UTC, weeks on Thursday, months on the first day of the calendar's."""
    noon = at(2026, 11, 25, 12)  # a Wednesday
    assert Resolution.MINUTE_15.opening_ms(noon + 16 * MINUTE) == noon + 15 * MINUTE
    assert Resolution.DAY_1.opening_ms(noon) == at(2026, 11, 25)
    assert Resolution.WEEK_1.opening_ms(noon) == at(2026, 11, 19)
    assert Resolution.MONTH_1.opening_ms(noon) == at(2026, 11, 1)
    assert Resolution.MONTH_1.opening_ms(at(2026, 12, 1)) == at(2026, 12, 1)


def test_where_candles_close() -> None:
    """A candle ends where the next one opens, over the ends of months and years."""
    assert Resolution.WEEK_1.closing_ms(at(2026, 11, 19)) == at(2026, 11, 26)
    assert Resolution.MONTH_1.closing_ms(at(2024, 2, 1)) == at(2024, 3, 1)
    assert Resolution.MONTH_1.closing_ms(at(2026, 12, 1)) == at(2027, 1, 1)


def test_a_covered_candle_is_given_as_it_was_told() -> None:
    """The last word on an interval counts, once all of it was heard."""
    known = series()
    known.add(candle(0, 10))
    known.add(candle(0, 11))
    known.cover(0, MINUTE)
    assert known.at(0) == candle(0, 11)


def test_an_empty_interval_is_no_trade_only_where_it_was_heard() -> None:
    """A hole in what was heard is not a hole in the market."""
    known = series()
    known.cover(0, 2 * MINUTE)
    known.cover(3 * MINUTE, 4 * MINUTE)
    assert list(known.span(0, 5 * MINUTE)) == [
        NoTrade(PAIR, Resolution.MINUTE_1, 0),
        NoTrade(PAIR, Resolution.MINUTE_1, MINUTE),
        NoData(PAIR, Resolution.MINUTE_1, 2 * MINUTE),
        NoTrade(PAIR, Resolution.MINUTE_1, 3 * MINUTE),
        NoData(PAIR, Resolution.MINUTE_1, 4 * MINUTE),
    ]


def test_the_unfinished_candle_is_no_data_that_says_what_was_heard() -> None:
    """A candle whose interval is not over, or was interrupted, may still lack trades."""
    known = series()
    known.add(candle(0))
    known.cover(0, MINUTE - 1)
    assert known.at(0) == NoData(PAIR, Resolution.MINUTE_1, 0, candle(0))
    known.cover(MINUTE - 1, MINUTE)
    assert known.at(0) == candle(0)


def test_an_interval_under_way_at_the_start_of_a_span_is_left_out() -> None:
    """A span yields the intervals that open in it."""
    known = series()
    assert [one.open_ms for one in known.span(1, 2 * MINUTE + 1)] == [MINUTE, 2 * MINUTE]


def test_months_follow_the_calendar() -> None:
    """A span of months yields one entry per month of the calendar."""
    known = series(resolution=Resolution.MONTH_1)
    known.cover(at(2026, 1, 1), at(2026, 3, 1))
    found = list(known.span(at(2026, 1, 1), at(2026, 4, 1)))
    assert [type(one) for one in found] == [NoTrade, NoTrade, NoData]
    assert [one.open_ms for one in found] == [at(2026, 1, 1), at(2026, 2, 1), at(2026, 3, 1)]


def test_what_is_forgotten_is_no_data() -> None:
    """Memory is bounded, and a forgotten candle never turns into an interval without trades.

    Not even where its span is covered once more afterwards.
    """
    known = series(keep=3)
    for index in range(5):
        known.add(candle(index * MINUTE))
    known.cover(0, 5 * MINUTE)
    kinds = [type(one) for one in known.span(0, 5 * MINUTE)]
    assert kinds == [NoData, NoData, Candle, Candle, Candle]
    known.cover(6 * MINUTE, 7 * MINUTE)
    known.add(candle(5 * MINUTE))
    assert [type(known.at(one * MINUTE)) for one in (2, 3, 6)] == [NoData, Candle, NoTrade]


def test_spans_are_bounded() -> None:
    """Many spans apart from each other: the oldest are forgotten, which is never wrong."""
    known = series(keep=2)
    for index in (0, 2, 4):
        known.cover(index * MINUTE, (index + 1) * MINUTE)
    assert [type(known.at(one * MINUTE)) for one in (0, 2, 4)] == [NoData, NoTrade, NoTrade]


def test_an_empty_span_covers_nothing() -> None:
    """Nothing is heard in no time."""
    known = series()
    known.cover(MINUTE, MINUTE)
    known.cover(MINUTE, 0)
    assert isinstance(known.at(0), NoData)


@pytest.mark.parametrize("open_ms", [1, -MINUTE, 10**18])
def test_a_candle_between_two_openings_is_refused(open_ms: int) -> None:
    """Of which interval it is cannot be known."""
    with pytest.raises(ProtocolError, match="between two openings"):
        series().add(candle(open_ms))


def test_mistakes_of_the_caller_are_refused() -> None:
    """A candle of something else, an instant between openings, a series of nothing."""
    with pytest.raises(InvariantViolation, match="another pair"):
        series().add(candle(0, resolution=Resolution.HOUR_1))
    with pytest.raises(InvariantViolation, match="opens at"):
        series().at(1)
    with pytest.raises(InvariantViolation, match="calendar"):
        list(series().span(-1, 0))
    with pytest.raises(InvariantViolation, match="no candles"):
        series(keep=0)


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=12)


@given(spans, st.sets(st.integers(0, 9)))
def test_coverage_is_the_union_of_spans(found: list[tuple[int, int]], traded: set[int]) -> None:
    """In whatever order spans come, an interval is known if every moment of it lies in one."""
    known = series()
    for index in traded:
        known.add(candle(index * MINUTE))
    quarter = MINUTE // 4
    heard: set[int] = set()
    for start, end in found:
        known.cover(start * quarter, end * quarter)
        heard |= set(range(start, end))
    for index, one in enumerate(known.span(0, 10 * MINUTE)):
        if not heard.issuperset(range(4 * index, 4 * index + 4)):
            assert isinstance(one, NoData)
            assert (one.heard is not None) == (index in traded)
        else:
            assert isinstance(one, Candle if index in traded else NoTrade)
