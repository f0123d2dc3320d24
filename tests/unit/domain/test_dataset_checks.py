"""Findings in recorded data: what fails a check and what is only counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from btcturk_kit.domain.dataset_checks import FAILURES, WARNINGS, Finding, dataset_findings
from btcturk_kit.domain.datasets import Dataset, PairData
from btcturk_kit.domain.market import DepthColumns, TradeColumns

from .test_datasets import BARS, DAY_MS, PAIR, pair


def found(data: PairData, **limits: int) -> list[Finding]:
    """Return the findings of one pair."""
    return list(dataset_findings(Dataset(name="one", pairs={PAIR: data}), **limits))


def codes(findings: Sequence[Finding]) -> list[tuple[str, int | None, int]]:
    """Return code, place and number of each."""
    return [(one.code, one.at_ms, one.number) for one in findings]


def test_sound_data_has_no_findings() -> None:
    """Two candles in a row with trades in them."""
    assert found(pair()) == []


def test_gaps_and_candles_off_the_grid_fail() -> None:
    """Missing candles are counted from where the gap begins."""
    times = [0, 60_000, 240_000, 250_000]
    columns = [100, 100, 100, 100]
    data = pair(
        bars=replace(BARS, open=columns, high=columns, low=columns, close=columns, volume=columns),
        times_ms=times,
        rules_ms=0,
    )
    findings = [one for one in found(data) if one.code != "label"]
    assert codes(findings) == [("gap", 60_000, 2), ("off_grid", 250_000, 1)]
    assert {one.code for one in findings} <= set(FAILURES)


def test_far_prices_and_candles_without_trades_warn() -> None:
    """A close, a high and a low far off, and one candle without volume."""
    data = pair(
        bars=replace(
            BARS,
            open=[100, 100, 130, 130],
            high=[100, 131, 170, 131],
            low=[100, 100, 130, 90],
            close=[100, 130, 131, 130],
            volume=[1, 1, 0, 1],
        ),
        times_ms=[100 * DAY_MS + 60_000 * one for one in range(4)],
    )
    findings = found(data)
    assert [one.detail for one in findings if one.code == "outlier"] == [
        "close +30.00 %",
        "high +29.77 %",
        "low -30.77 %",
    ]
    assert codes(findings)[-1] == ("no_trade", 100 * DAY_MS + 120_000, 1)
    assert {one.code for one in findings} <= set(WARNINGS)
    assert [one.code for one in found(data, outlier_bps=5_000)] == ["no_trade"]


def test_volumes_that_are_not_known_are_a_label_and_no_lack_of_trades() -> None:
    """A column of closes does not say that nobody traded."""
    data = pair(bars=replace(BARS, volume=[0, 0], has_volume=None))
    (finding,) = found(data)
    assert (finding.code, finding.detail.split(":")[1]) == ("label", " no volumes are known")


def test_a_tape_is_checked_by_numbers_prices_and_amounts() -> None:
    """A trade told twice and one of nothing fail; numbers passed over and a jump warn."""
    trades = TradeColumns(
        symbol=PAIR,
        price_scale=0,
        quantity_scale=0,
        times_ms=[100 * DAY_MS + one for one in range(4)],
        price=[100, 100, 200, 200],
        quantity=[1, 0, 1, 1],
        is_buy=[1, 0, 1, 0],
    )
    bare = pair(bars=None, times_ms=(), interval_ms=0, trades=trades)
    assert [one.code for one in found(bare)] == ["outlier", "no_quantity"]
    data = replace(bare, trade_ids=[5, 5, 9, 10])
    assert codes(found(data)) == [
        ("outlier", 100 * DAY_MS + 2, 1),
        ("no_quantity", 100 * DAY_MS + 1, 1),
        ("repeated_trade", None, 1),
        ("missing_trade_ids", 100 * DAY_MS + 1, 3),
    ]


def test_a_book_that_crosses_fails_and_one_that_is_silent_warns() -> None:
    """An empty side crosses nothing."""
    depth = DepthColumns(
        symbol=PAIR,
        price_scale=0,
        quantity_scale=0,
        times_ms=[100 * DAY_MS, 100 * DAY_MS + 60_001, 100 * DAY_MS + 60_002],
        is_snapshot=[1, 0, 0],
        ask_starts=[0, 0, 0],
        ends=[0, 0, 0],
        price=[],
        quantity=[],
        best_bid=[99, 101, 101],
        best_ask=[0, 102, 101],
    )
    data = pair(bars=None, times_ms=(), interval_ms=0, depth=depth)
    assert codes(found(data)) == [
        ("crossed_book", 100 * DAY_MS + 60_002, 1),
        ("silence", 100 * DAY_MS, 1),
    ]
    sound = replace(data, depth=replace(depth, best_ask=[0, 102, 102]))
    assert [one.code for one in found(sound)] == ["silence"]


def test_nothing_recorded_fails_and_labels_are_counted() -> None:
    """A pair without data, a dataset without pairs, candles of no row, a note."""
    assert codes(found(pair(bars=None, times_ms=(), interval_ms=0))) == [("empty", None, 0)]
    bare = Dataset(name="none", pairs={}, notes=("a note",))
    assert codes(list(dataset_findings(bare))) == [("empty", None, 0), ("label", None, 1)]
    columns: list[int] = []
    none = replace(BARS, open=columns, high=columns, low=columns, close=columns, volume=columns)
    assert codes(found(pair(bars=none, times_ms=()))) == [("empty", None, 0)]
