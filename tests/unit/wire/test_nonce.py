"""Stamps strictly increase."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.wire.nonce import next_stamp_ms


@given(st.lists(st.integers(0, 2**45), min_size=2))
def test_stamps_increase_whatever_the_clock_does(readings: list[int]) -> None:
    """Also while the clock stands still or steps back, and never behind the clock."""
    stamps = [0]
    for now_ms in readings:
        stamps.append(next_stamp_ms(now_ms=now_ms, last_ms=stamps[-1]))
        assert stamps[-1] >= now_ms
    assert all(before < after for before, after in pairwise(stamps))


def test_a_running_clock_is_taken_as_it_is() -> None:
    """A stamp is the time itself, unless that was used already."""
    assert next_stamp_ms(now_ms=1_000, last_ms=999) == 1_000
    assert next_stamp_ms(now_ms=1_000, last_ms=1_000) == 1_001
    assert next_stamp_ms(now_ms=900, last_ms=1_000) == 1_001
