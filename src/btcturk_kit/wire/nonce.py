"""The stamp of a signed call. Never add: a clock, state."""

from __future__ import annotations

from typing import Final

__all__ = ["STAMP_WINDOW_MS", "is_refused_for_certain", "next_stamp_ms"]

STAMP_WINDOW_MS: Final = 5_000
"""How far a stamp may be from the exchange's time (FAQ)."""


def next_stamp_ms(*, now_ms: int, last_ms: int) -> int:
    """Return the stamp of the next signed call: now, or one more than the last one.

    The exchange says that the stamp must differ from call to call (broker-api-docs issue 193), so
    stamps strictly increase even when the clock stands still or steps back.

    Args:
        now_ms: Wall time, UTC.
        last_ms: The stamp of the call before, 0 if there was none.

    Example:
        >>> next_stamp_ms(now_ms=5_000, last_ms=5_000)
        5001
    """
    return now_ms if now_ms > last_ms else last_ms + 1


def is_refused_for_certain(stamp_ms: int, *, now_ms: int, error_ms: int) -> bool:
    """Whether the exchange has refused, or would refuse, a stamp as one of the future.

    It was made at an earlier time than now, so if it is too far ahead now, it was so then.

    Args:
        stamp_ms: The stamp.
        now_ms: The exchange's time.
        error_ms: By how much that may be wrong.

    Example:
        >>> is_refused_for_certain(10_021, now_ms=5_000, error_ms=20)
        True
    """
    return stamp_ms > now_ms + STAMP_WINDOW_MS + error_ms
