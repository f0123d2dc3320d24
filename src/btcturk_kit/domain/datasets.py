"""Recorded market data: what a dataset holds of each pair, and what its rules and fees are of.

A dataset is facts: where the data came from, what is known to be missing, which day's rules and
fees go with it. Never add: a reader of files, a fill, anything computed from more than one pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Final, NamedTuple

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, DepthColumns, TradeColumns
from btcturk_kit.domain.money import ONE, ZERO
from btcturk_kit.errors import require

__all__ = ["Dataset", "FeeLevel", "FeeTable", "PairData"]

_DAY_MS: Final = 86_400_000
_DATED_DAYS_MAX: Final = 31
"""Rules and fees move a few times a year: a month apart is as good as the same day."""


class FeeLevel(NamedTuple):
    """One row of a commission table.

    Attributes:
        from_ms: When the table it stands in came into force.
        maker_rate: Share of the notional paid by the resting side, tax included.
        taker_rate: Share of the notional paid by the arriving side, tax included.
        vat_rate: Tax on the commission.
        volume_try: Trading volume of 30 days from which the level holds.
    """

    from_ms: int
    maker_rate: Decimal
    taker_rate: Decimal
    vat_rate: Decimal
    volume_try: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class FeeTable:
    """Commission tables with the days from which they hold, oldest first, lowest level first.

    A simulated run charges an order what its pair's table gives to everybody at the instant at
    which the order is placed (`simulation.dated_fees`).

    Raises:
        InvariantViolation: No level, disorder, a rate outside [0, 1), a table without a level for
            everybody.

    Example:
        >>> table = FeeTable((
        ...     FeeLevel(0, Decimal("0.0018"), Decimal("0.0018"), Decimal("0.18")),
        ...     FeeLevel(1_000, Decimal("0.0012"), Decimal("0.0024"), Decimal("0.20")),
        ... ))
        >>> table.at(999).vat_rate, table.at(1_000).vat_rate
        (Decimal('0.18'), Decimal('0.20'))
    """

    levels: tuple[FeeLevel, ...]

    def __post_init__(self) -> None:
        require(bool(self.levels), "a fee table without a level")
        order = [(level.from_ms, level.volume_try) for level in self.levels]
        require(order == sorted(set(order)), "levels of a fee table out of order")
        for level in self.levels:
            for rate in (level.maker_rate, level.taker_rate, level.vat_rate):
                require(ZERO <= rate < ONE, f"rate {rate} is not in [0, 1)")
        for from_ms, rows in groupby(self.levels, key=lambda level: level.from_ms):
            require(next(rows).volume_try == ZERO, f"no level for everybody from {from_ms} on")

    def at(self, now_ms: int, *, volume_try: Decimal = ZERO) -> FeeLevel:
        """Return the level in force at an instant for a 30-day volume.

        Before the first table it is the first table's: `PairData.labels` says so.
        """
        from_ms = max(
            (level.from_ms for level in self.levels if level.from_ms <= now_ms),
            default=self.levels[0].from_ms,
        )
        return [
            level
            for level in self.levels
            if level.from_ms == from_ms and level.volume_try <= volume_try
        ][-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairData:
    """What is recorded of one pair. A bar's instant is when it closed: open + interval.

    Bars, trades and books are each optional; every price has the decimals of the rules, volumes
    and quantities those of the recording. An interval that is missing has no instant.

    Attributes:
        rules: The trading rules that go with it.
        fees: The commission tables that go with it.
        rules_ms: The day the rules were read; None where they were made up to fit the data.
        bars: Candles, one entry per instant of `times_ms`.
        times_ms: When each bar closed, strictly increasing.
        interval_ms: Length of a bar; 0 without bars.
        trades: The trade tape.
        trade_ids: The exchange's numbers of those trades; empty where they are not kept.
        depth: Level-2 updates.

    Raises:
        InvariantViolation: Columns of unequal length, or prices of other decimals than the rules.
    """

    rules: PairRules
    fees: FeeTable
    rules_ms: int | None = None
    bars: BarColumns | None = None
    times_ms: Sequence[int] = ()
    interval_ms: int = 0
    trades: TradeColumns | None = None
    trade_ids: Sequence[int] = ()
    depth: DepthColumns | None = None

    def __post_init__(self) -> None:
        symbol, places = self.rules.symbol, self.rules.price_places
        for columns in (self.bars, self.trades, self.depth):
            if columns is not None:
                require(columns.symbol == symbol, f"{columns.symbol} among the data of {symbol}")
                require(
                    columns.price_scale == places,
                    f"prices of {symbol} have {columns.price_scale} decimals, its rules {places}",
                )
        bars = 0 if self.bars is None else len(self.bars.close)
        require(len(self.times_ms) == bars, f"{symbol}: {len(self.times_ms)} instants, {bars} bars")
        require((self.interval_ms > 0) == (self.bars is not None), f"{symbol}: no interval")

    @property
    def span_ms(self) -> tuple[int, int] | None:
        """The first and the last instant of anything recorded; None of an empty recording."""
        columns: list[Sequence[int]] = [self.times_ms]
        columns += [one.times_ms for one in (self.trades, self.depth) if one is not None]
        recorded = [times for times in columns if len(times)]
        if not recorded:
            return None
        return min(times[0] for times in recorded), max(times[-1] for times in recorded)

    def labels(self) -> Iterator[str]:
        """Yield what a report must say: rules or fees of another time, volumes that lack."""
        span = self.span_ms
        if span is None:
            return
        symbol, (first_ms, last_ms) = self.rules.symbol, span
        if self.rules_ms is None:
            yield f"{symbol}: rules made up to fit the data"
        elif not _is_near(self.rules_ms, first_ms, last_ms):
            yield f"{symbol}: rules of {_day(self.rules_ms)} on prices of {_days(span)}"
        from_ms = self.fees.levels[0].from_ms
        if from_ms - first_ms > _DATED_DAYS_MAX * _DAY_MS:
            yield f"{symbol}: fees of {_day(from_ms)} on prices of {_days(span)}"
        if self.bars is not None and not self.bars.has_volume and not (self.trades or self.depth):
            yield f"{symbol}: no volumes are known: any quantity fills at the prices of a bar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Recorded data of some pairs, with where it came from.

    Attributes:
        name: For titles and reports.
        pairs: By pair, in the order of the manifest.
        source: Where the data came from.
        license: Under which terms; empty where the source states none.
        notes: What else a reader of a result must know, in the words of whoever made it.
    """

    name: str
    pairs: Mapping[Symbol, PairData]
    source: str = ""
    license: str = ""
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """What every report on this data must print: its notes, and what does not fit its days."""
        found = [label for pair in self.pairs.values() for label in pair.labels()]
        return (*self.notes, *found)

    @property
    def rules(self) -> dict[Symbol, PairRules]:
        """The trading rules by pair."""
        return {symbol: pair.rules for symbol, pair in self.pairs.items()}


def _is_near(at_ms: int, first_ms: int, last_ms: int) -> bool:
    reach_ms = _DATED_DAYS_MAX * _DAY_MS
    return first_ms - reach_ms <= at_ms <= last_ms + reach_ms


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d")


def _days(span: tuple[int, int]) -> str:
    first, last = _day(span[0]), _day(span[1])
    return first if first == last else f"{first} to {last}"
