"""Candles look like the graph host's."""

from __future__ import annotations

import json
from decimal import Decimal

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.wire import encode, encode_graph
from btcturk_kit.wire.encode_graph import GraphCandle


def candle(open_ms: int, prices: tuple[int | str, ...], volume: str, notional: str) -> GraphCandle:
    """Return a candle of open, high, low and close."""
    opened, high, low, close = (Decimal(price) for price in prices)
    return GraphCandle(open_ms, opened, high, low, close, Decimal(volume), Decimal(notional))


def test_a_history_looks_like_the_recorded_one() -> None:
    """Two hours of August 2026, byte for byte: lists of numbers, seconds, no envelope."""
    candles = [
        candle(1787684400_000, (3802189, 3809691, 3787859, 3796125), "0.54581564", "1"),
        candle(1787688000_000, (3796611, 3796611, 3760727, 3761074), "0.61832473", "1"),
    ]
    assert encode_graph.candle_history(candles) == (
        b'{"s":"ok","t":[1787684400,1787688000],"h":[3809691,3796611],"o":[3802189,3796611],'
        b'"l":[3787859,3760727],"c":[3796125,3761074],"v":[0.54581564,0.61832473]}'
    )
    assert encode_graph.candle_history([]) == (
        b'{"s":null,"t":[],"h":[],"o":[],"l":[],"c":[],"v":[]}'
    )


def test_days_look_like_the_published_ones() -> None:
    """Three days of February 2020: average and change are derived as they are there."""
    days = [
        (1582070400, ("61940.0", "62698.0", "58500.0", "58801.0"), "549.1858885452384"),
        (1582156800, ("59150.0", "61000.0", "58477.0", "59100.0"), "663.4533811472954"),
        (1582243200, ("59104.0", "60399.0", "58801.0", "59704.0"), "387.62553661495724"),
    ]
    totals = ("33566080.63598728", "39211283.23027989", "23127026.682461508")
    rows = [
        encode_graph.daily_row(
            candle(opened_s * 1000, prices, volume, notional),
            symbol=Symbol("BTCTRY"),
            price_places=2,
        )
        for (opened_s, prices, volume), notional in zip(days, totals, strict=True)
    ]
    found = json.loads(encode.document(rows), parse_float=str)
    assert found[0] == {
        "pair": "BTCTRY",
        "time": 1582070400,
        "open": "61940.0",
        "high": "62698.0",
        "low": "58500.0",
        "close": "58801.0",
        "volume": "549.1858885452384",
        "total": "33566080.63598728",
        "average": "61119.71",
        "dailyChangeAmount": "-3139.0",
        "dailyChangePercentage": "-5.07",
    }
    derived = [
        (row["average"], row["dailyChangeAmount"], row["dailyChangePercentage"]) for row in found
    ]
    assert derived[1:] == [("59101.79", "-50.0", "-0.08"), ("59663.32", "600.0", "1.02")]
