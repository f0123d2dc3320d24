"""Statistics as a document of JSON: money as text with all its digits, ratios as numbers.

Never add: a figure that `Statistics` does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from btcturk_kit.reporting.statistics_values import Statistics

__all__ = ["statistics_document"]


def statistics_document(statistics: Statistics, *, with_trades: bool = True) -> dict[str, Any]:
    """Return statistics as a document; None stays what is not known, `reasons` says why.

    Args:
        statistics: The statistics.
        with_trades: Whether to list the round trips one by one; there can be thousands.
    """
    return {
        one.name: _plain(getattr(statistics, one.name))
        for one in fields(statistics)
        if with_trades or one.name != "trades"
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - any figure, and any plain value
    if isinstance(value, Decimal):
        return f"{value:f}"
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        if hasattr(value, "_fields"):
            return {name: _plain(one) for name, one in zip(value._fields, value, strict=True)}
        return [_plain(one) for one in value]
    return value
