"""Instants in words."""

from __future__ import annotations

import pytest

from btcturk_kit.domain.instants import instant_text


@pytest.mark.parametrize(
    ("at_ms", "shown"),
    [
        (0, "1970-01-01 00:00:00 UTC"),
        (1_700_000_000_999, "2023-11-14 22:13:20 UTC"),
        (253_402_300_799_999, "9999-12-31 23:59:59 UTC"),
        (253_402_300_800_000, "253402300800000 ms"),
        (-1, "-1 ms"),
    ],
)
def test_an_instant_is_told_in_utc(at_ms: int, shown: str) -> None:
    """To the second; what no calendar knows stays a number."""
    assert instant_text(at_ms) == shown
