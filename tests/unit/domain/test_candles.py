"""Lengths of candles."""

from __future__ import annotations

import pytest

from btcturk_kit.domain.candles import Resolution

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("resolution", "minutes"),
    [
        (Resolution.MINUTE_1, 1),
        (Resolution.HOUR_4, 240),
        (Resolution.DAY_1, 1_440),
        (Resolution.WEEK_1, 10_080),
    ],
)
def test_a_resolution_has_a_length(resolution: Resolution, minutes: int) -> None:
    """In milliseconds; days and weeks are told from minutes."""
    assert resolution.length_ms == minutes * MINUTE_MS


def test_a_month_has_no_fixed_length() -> None:
    """Twenty-eight to thirty-one days."""
    assert Resolution.MONTH_1.length_ms is None
