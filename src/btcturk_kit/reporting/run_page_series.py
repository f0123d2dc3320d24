"""Curves for a page: thinned so that every high and low of a column of pixels is still there.

Each bucket of instants keeps its lowest and its highest point with their own times. Trades are
never left out: beyond a number, those of one side and bucket become one mark at their mean price
that says how many it stands for. Never add: a smoothed or a resampled value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import truediv
from typing import Any, Final

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.simulated_run import CapitalPoint, PriceColumn, ReviewedIntent, SimulatedRun
from btcturk_kit.reporting.statistics_hold import hold

__all__ = [
    "MARKS_MAX",
    "capital_chart",
    "equity_chart",
    "fall_chart",
    "price_chart",
    "refusal_chart",
    "trip_chart",
]

_BUCKETS: Final = 1_200
MARKS_MAX: Final = 1_500
"""Trades of one pair that are drawn one by one."""

_MARK_BUCKETS: Final = 240
_BINS: Final = 41

Chart = dict[str, Any]


def equity_chart(run: SimulatedRun, *, charge_ratio: float) -> Chart:
    """Return equity and buy and hold over time."""
    equity = run.equity
    columns = [equity.units, *[one.close for one in run.prices[:_PAIRS_LOOKED_AT]]]
    kept = _kept(len(equity.units), columns)
    unit = 10.0**-equity.places
    series = [
        _series("Equity", "--first", [equity.units[at] * unit for at in kept], is_filled=True)
    ]
    holding = hold(run, charge_ratio=charge_ratio)
    if not isinstance(holding, str):
        series.append(_series("Buy and hold", "--second", [holding.worth(at) for at in kept]))
    return _chart("equity", equity.times_ms, kept, series, form="money")


_PAIRS_LOOKED_AT: Final = 8
"""Pairs whose highs and lows are kept in the curve of holding them all."""


def fall_chart(run: SimulatedRun) -> Chart:
    """Return how far equity is below its highest, over time; without regard to flows."""
    equity = run.equity
    opening = int(run.opening_try.scaleb(equity.places))
    highs = list(accumulate(equity.units, max, initial=max(opening, 1)))
    levels = list(map(truediv, equity.units, highs[1:]))
    kept = _kept(len(levels), [levels])
    values = [levels[at] - 1.0 for at in kept]
    series = [_series("Below the highest", "--bad", values, is_filled=True)]
    return _chart("fall", equity.times_ms, kept, series, form="share")


def price_chart(run: SimulatedRun, prices: PriceColumn, name: str) -> Chart:
    """Return the closes of a pair with the run's trades in it."""
    kept = _kept(len(prices.close), [prices.close], buckets=max(200, _BUCKETS // len(run.prices)))
    unit = 10.0**-prices.scale
    values = [prices.close[at] * unit for at in kept]
    fills = [one for one in run.fills if one.symbol == prices.symbol]
    chart = _chart(name, run.equity.times_ms, kept, [_series("Close", "--first", values)])
    chart["marks"] = _marks(fills)
    return chart


def capital_chart(points: Sequence[CapitalPoint], last_ms: int) -> Chart:
    """Return trading capital and treasury as steps."""
    trading = [float(one.trading_capital_try) for one in points]
    treasury = [float(one.treasury_try) for one in points]
    times = [one.now_ms for one in points]
    kept = _kept(len(points), [trading, treasury])
    chart = _chart(
        "capital",
        [*times, max(last_ms, times[-1])],
        [*kept, len(points)],
        [
            _series("Trading capital", "--first", [trading[at] for at in [*kept, -1]]),
            _series("Treasury", "--second", [treasury[at] for at in [*kept, -1]]),
        ],
        form="money",
    )
    chart["is_stepped"] = True
    return chart


def trip_chart(results: Sequence[float]) -> Chart:
    """Return how often round trips had which result: bins of one width, zero an edge of them."""
    low, high = min(*results, 0.0), max(*results, 0.0)
    width = (high - low) / _BINS or 1.0
    first = int(low // width)
    counts: dict[int, int] = {}
    for one in results:
        place = int(one // width)
        counts[place] = counts.get(place, 0) + 1
    places = range(first, int(high // width) + 1)
    lost: list[float | None] = [counts.get(one, 0) if one < 0 else None for one in places]
    won: list[float | None] = [counts.get(one, 0) if one >= 0 else None for one in places]
    return {
        "name": "trips",
        "kind": "bars",
        "form": "money",
        "x": [_short((one + 0.5) * width) for one in places],
        "width": _short(width),
        "series": [_series("Losses", "--bad", lost), _series("Gains", "--good", won)],
    }


def refusal_chart(refusals: Sequence[ReviewedIntent], span: tuple[int, int]) -> Chart:
    """Return how often guards refused or shrank, over time."""
    first, last = span
    width = max(1, -(-(last - first + 1) // 120))
    counts = [0] * (-(-(last - first + 1) // width))
    for one in refusals:
        counts[min(max(0, (one.now_ms - first) // width), len(counts) - 1)] += 1
    return {
        "name": "refusals",
        "kind": "bars",
        "form": "time",
        "x": [_seconds(first + at * width + width // 2) for at in range(len(counts))],
        "width": width / 1000,
        "series": [_series("Refused or shrunk", "--second", list(map(float, counts)))],
    }


def _chart(
    name: str,
    times_ms: Sequence[int],
    kept: Iterable[int],
    series: list[Chart],
    *,
    form: str = "price",
) -> Chart:
    return {
        "name": name,
        "kind": "line",
        "form": form,
        "x": [_seconds(times_ms[at]) for at in kept],
        "series": series,
    }


def _series(
    label: str, color: str, values: Sequence[float | None], *, is_filled: bool = False
) -> Chart:
    return {
        "label": label,
        "color": color,
        "is_filled": is_filled,
        "values": [None if one is None else _short(one) for one in values],
    }


def _kept(count: int, columns: Sequence[Sequence[float]], *, buckets: int = _BUCKETS) -> list[int]:
    """Return the indices of the first, the last, and each bucket's lowest and highest points."""
    if count <= 2 * buckets:
        return list(range(count))
    found = {0, count - 1}
    for at in range(buckets):
        start, end = at * count // buckets, (at + 1) * count // buckets
        for column in columns:
            part = column[start:end]
            found.add(start + part.index(min(part)))
            found.add(start + part.index(max(part)))
    return sorted(found)


def _marks(fills: Sequence[Fill]) -> list[list[object]]:
    """Return (time, price, 1 for a purchase, quantity, trades) for each mark."""
    if len(fills) <= MARKS_MAX:
        return [
            [_seconds(one.event_time_ms), float(one.price), _sign(one), f"{one.quantity:f}", 1]
            for one in fills
        ]
    times = [one.event_time_ms for one in fills]
    first, span = min(times), max(times) - min(times) + 1
    joined: dict[tuple[int, int], list[Fill]] = {}
    for one in fills:
        place = (one.event_time_ms - first) * _MARK_BUCKETS // span
        joined.setdefault((place, _sign(one)), []).append(one)
    return [_joined(sign, ones) for (_, sign), ones in sorted(joined.items(), key=_place_and_sign)]


def _place_and_sign(item: tuple[tuple[int, int], list[Fill]]) -> tuple[int, int]:
    return item[0]


def _joined(sign: int, fills: Sequence[Fill]) -> list[object]:
    quantity = sum(float(one.quantity) for one in fills)
    price = sum(float(one.notional) for one in fills) / quantity
    middle = (fills[0].event_time_ms + fills[-1].event_time_ms) // 2
    return [_seconds(middle), _short(price), sign, f"{quantity:.8g}", len(fills)]


def _sign(fill: Fill) -> int:
    return 1 if fill.side is Side.BUY else 0


def _seconds(at_ms: int) -> float:
    return at_ms // 1000 if at_ms % 1000 == 0 else at_ms / 1000


def _short(value: float) -> float:
    """Return the value with nine digits: more than a screen can show."""
    short = float(f"{value:.9g}")
    return int(short) if short.is_integer() else short
