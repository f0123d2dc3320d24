"""The stamp of a signed call. Never add: a clock, state."""

from __future__ import annotations

__all__ = ["next_stamp_ms"]


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
