"""Instants as people type them: Unix milliseconds or seconds, a day, a day with a time.

Never add: a local time zone.
"""

from __future__ import annotations

from datetime import UTC, datetime

from btcturk_kit.adapters.dataset_columns import ColumnText, instants_ms
from btcturk_kit.errors import ConfigurationError, DatasetError

__all__ = ["instant_text", "typed_instant_ms"]


def typed_instant_ms(text: str | None, option: str) -> int | None:
    """Return what was typed as Unix milliseconds; UTC where it names no zone, None for None.

    Raises:
        ConfigurationError: It is no instant.

    Example:
        >>> typed_instant_ms("2024-01-01", "--from"), typed_instant_ms("1704067200", "--from")
        (1704067200000, 1704067200000)
    """
    if text is None:
        return None
    try:
        return instants_ms(ColumnText("", option, [text]))[0]
    except DatasetError as error:
        raise ConfigurationError(
            f"{option} {text!r} is no instant",
            hint="write a day (2024-01-31), a day with a time (2024-01-31T09:30), or an epoch",
        ) from error


def instant_text(at_ms: int) -> str:
    """Return an instant as people read it, in UTC.

    Example:
        >>> instant_text(1704067200000)
        '2024-01-01 00:00:00'
    """
    return datetime.fromtimestamp(at_ms // 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
