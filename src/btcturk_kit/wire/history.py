"""Histories: how a long span is cut into pieces that the exchange answers. Never add: asking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["HISTORY_SPAN_MS", "history_pieces"]

HISTORY_SPAN_MS: Final = (30 * 24 - 1) * 3_600_000
"""Longest piece: 30 days (the default span of these endpoints, and the swagger of 2020 names
ERROR_DATE_RANGE_MAX_30_DAYS) less an hour, because the last piece ends by the exchange's clock."""


def history_pieces(
    start_ms: int, end_ms: int | None, *, now_ms: int
) -> Iterator[tuple[int, int | None]]:
    """Yield start and end of the pieces of a span, oldest first.

    Neighbors share a border, so what lies on it comes twice: keep it once by its number. A span
    without an end is open: its last piece has none either, so that a slow clock of ours hides
    nothing.

    Example:
        >>> list(history_pieces(0, 10, now_ms=99))
        [(0, 10)]
        >>> list(history_pieces(0, None, now_ms=HISTORY_SPAN_MS + 5))
        [(0, 2588400000), (2588400000, None)]
    """
    last_ms = now_ms if end_ms is None else end_ms
    while last_ms - start_ms > HISTORY_SPAN_MS:
        yield start_ms, start_ms + HISTORY_SPAN_MS
        start_ms += HISTORY_SPAN_MS
    yield start_ms, end_ms
