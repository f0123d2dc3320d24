"""Derived names: functions of what they name."""

from __future__ import annotations

from typing import Any

import pytest

from btcturk_kit.domain.identifiers import Symbol, derive_client_order_id

CAUSE: dict[str, Any] = {
    "account": "main",
    "strategy": "trend",
    "symbol": Symbol("BTCTRY"),
    "side": "buy",
    "now_ms": 1_700_000_000_000,
    "ordinal": 0,
}


def test_the_same_decision_has_the_same_id() -> None:
    """A replay of a decision gives the id it had; the digits are fixed for ever."""
    first = derive_client_order_id(**CAUSE)
    assert derive_client_order_id(**CAUSE) == first
    assert first.startswith("bk1-")
    assert len(first) == 36


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("account", "second"),
        ("strategy", "take-profit"),
        ("symbol", Symbol("ETHTRY")),
        ("side", "sell"),
        ("now_ms", 1_700_000_000_001),
        ("ordinal", 1),
    ],
)
def test_every_part_of_a_decision_is_in_its_id(part: str, other: object) -> None:
    """A decision that differs in any part has another id."""
    assert derive_client_order_id(**CAUSE | {part: other}) != derive_client_order_id(**CAUSE)
