"""A rolling day says what the whole day behind an instant says, from each bar alone."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.runtime.floor import HOUR_MS, START_MS, walk

from btcturk_kit.domain.rolling_day import RollingDay


def test_a_rolling_day_equals_the_day_counted_anew() -> None:
    """High, low, open and volume are those of the last 24 bars of an hour, at every instant."""
    bars, day = walk(80).bars[0], RollingDay()
    for at in range(80):
        now_ms = START_MS + HOUR_MS * at
        row = day.push(bars, at, now_ms=now_ms, seen_ms=now_ms - 5)
        first = max(0, at - 23)
        assert row.high == max(bars.high[first : at + 1])
        assert row.low == min(bars.low[first : at + 1])
        assert row.open == bars.open[first]
        assert row.volume == Decimal(sum(bars.volume[first : at + 1])).scaleb(-8)
        assert (row.last, row.bid, row.ask) == (bars.close[at], bars.bid[at], bars.ask[at])
        assert row.event_time_ms == now_ms - 5
