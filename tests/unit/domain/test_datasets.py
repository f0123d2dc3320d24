"""Values of a dataset: fee tables by day and volume, labels of what does not fit its days."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from btcturk_kit.domain.datasets import Dataset, FeeLevel, FeeTable, PairData
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, TradeColumns
from btcturk_kit.errors import InvariantViolation

PAIR = Symbol("BTCTRY")
RULES = PairRules(
    symbol=PAIR, base=Asset("BTC"), quote=Asset("TRY"), price_scale=0, quantity_scale=8
)
DAY_MS = 86_400_000
CLOSE = [100, 101]
BARS = BarColumns(
    symbol=PAIR,
    price_scale=0,
    volume_scale=0,
    open=CLOSE,
    high=CLOSE,
    low=CLOSE,
    close=CLOSE,
    volume=CLOSE,
    bid=CLOSE,
    ask=CLOSE,
)


def level(from_ms: int, volume: int = 0, taker: str = "0.002") -> FeeLevel:
    """Return a level of a fee table."""
    return FeeLevel(from_ms, Decimal("0.001"), Decimal(taker), Decimal("0.2"), Decimal(volume))


def pair(**changes: object) -> PairData:
    """Return two bars of day 100, with rules and fees of the same day."""
    whole = PairData(
        rules=RULES,
        fees=FeeTable((level(100 * DAY_MS),)),
        rules_ms=100 * DAY_MS,
        bars=BARS,
        times_ms=[100 * DAY_MS, 100 * DAY_MS + 60_000],
        interval_ms=60_000,
    )
    return replace(whole, **changes)  # type: ignore[arg-type] # a test names its fields


def test_fees_are_those_of_the_day_and_the_volume() -> None:
    """The newest table in force decides, in it the highest level reached; before all, the first."""
    table = FeeTable((level(10), level(20), level(20, 1_000, "0.001"), level(30)))
    assert table.at(5) == table.at(10) == level(10)
    assert table.at(29, volume_try=Decimal(999)) == level(20)
    assert table.at(29, volume_try=Decimal(1_000)).taker_rate == Decimal("0.001")
    assert table.at(30, volume_try=Decimal(1_000)) == level(30)


@pytest.mark.parametrize(
    "levels",
    [
        (),
        (level(2), level(1)),
        (level(1), level(1)),
        (level(1, 5),),
        (level(1, 0, "1"),),
        (level(1, 0, "-0.1"),),
    ],
)
def test_a_fee_table_that_cannot_be_is_refused(levels: tuple[FeeLevel, ...]) -> None:
    """No level, disorder, a level twice, none for everybody, a rate outside [0, 1)."""
    with pytest.raises(InvariantViolation):
        FeeTable(levels)


def test_columns_must_fit_the_rules_and_each_other() -> None:
    """Another pair's columns, other decimals, other lengths and a missing interval are refused."""
    for changes in (
        {"bars": replace(BARS, symbol=Symbol("ETHTRY"))},
        {"bars": replace(BARS, price_scale=2)},
        {"times_ms": [1]},
        {"interval_ms": 0},
        {"bars": None, "times_ms": ()},
    ):
        with pytest.raises(InvariantViolation):
            pair(**changes)


def test_the_span_is_that_of_everything_recorded() -> None:
    """Trades after the last bar count; nothing recorded has no span and no label."""
    trades = TradeColumns(
        symbol=PAIR,
        price_scale=0,
        quantity_scale=0,
        times_ms=[100 * DAY_MS + 99_000],
        price=[1],
        quantity=[1],
        is_buy=[1],
    )
    silent = replace(BARS, volume=[0, 0], has_volume=None)
    assert list(pair(bars=silent, trades=trades).labels()) == []  # orders meet the tape
    assert pair(trades=trades).span_ms == (100 * DAY_MS, 100 * DAY_MS + 99_000)
    empty = pair(bars=None, times_ms=(), interval_ms=0)
    assert (empty.span_ms, list(empty.labels())) == (None, [])


def test_labels_name_rules_and_fees_of_other_days() -> None:
    """A month apart is near; farther, or made up, a report must say so."""
    assert list(pair(rules_ms=130 * DAY_MS).labels()) == []
    assert list(pair(rules_ms=150 * DAY_MS).labels()) == [
        "BTCTRY: rules of 1970-05-31 on prices of 1970-04-11"
    ]
    late = pair(rules_ms=None, fees=FeeTable((level(200 * DAY_MS),)))
    dataset = Dataset(name="one", pairs={PAIR: late}, notes=("a note",))
    assert dataset.labels == (
        "a note",
        "BTCTRY: rules made up to fit the data",
        "BTCTRY: fees of 1970-07-20 on prices of 1970-04-11",
    )
    assert dataset.rules == {PAIR: RULES}
    unknown = replace(BARS, volume=[0, 0], has_volume=None)
    assert list(pair(bars=unknown).labels()) == [
        "BTCTRY: no volumes are known: any quantity fills at the prices of a bar"
    ]
    days = pair(times_ms=[100 * DAY_MS, 102 * DAY_MS], rules_ms=0)
    assert next(days.labels()).endswith("on prices of 1970-04-11 to 1970-04-13")
