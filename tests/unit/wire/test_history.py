"""Pieces of a history cover its span, none longer than the exchange answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.wire.history import HISTORY_SPAN_MS, history_pieces

MONTH_MS = 30 * 86_400_000


@given(
    start_ms=st.integers(0, 10**13),
    length_ms=st.integers(-5, 20 * MONTH_MS),
    is_open=st.booleans(),
)
def test_pieces_join_and_cover(start_ms: int, length_ms: int, *, is_open: bool) -> None:
    """Each begins where the one before ends, and only the last of an open span has no end."""
    end_ms = start_ms + length_ms
    pieces = list(history_pieces(start_ms, None if is_open else end_ms, now_ms=end_ms))
    assert pieces[0][0] == start_ms
    assert pieces[-1][1] == (None if is_open else end_ms)
    assert [end for _, end in pieces[:-1]] == [start for start, _ in pieces[1:]]
    for start, end in pieces:
        assert (end_ms if end is None else end) - start <= HISTORY_SPAN_MS < MONTH_MS
