"""A tape of candles: any length, holes as halts, the hours before the start."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.sandbox.market.runs import check_order, halts, played

from btcturk_kit.errors import DatasetError
from btcturk_kit.sandbox.market.candle_tape import CandleTape
from btcturk_kit.sandbox.market.moves import HouseQuotes, HouseTake
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.market.recorded_candles import HOUR_MS, RecordedCandle, RecordedCandles

DATA = Path(__file__).parents[3] / "data"
HOLED = DATA / "btctry_1h_2020-02-18.csv"
MINUTE_MS = 60_000
DAY_MS = 24 * HOUR_MS
COIN = 10**8


def recording(
    numbers: list[int], *, interval_ms: int, price_places: int = 0, base_ms: int = DAY_MS
) -> RecordedCandles:
    """Return candles that open at multiples of their length after an instant."""
    candles = tuple(
        RecordedCandle(
            base_ms + number * interval_ms,
            5_000 + number,
            5_020 + number,
            4_980 + number,
            5_010 + number,
            COIN,
        )
        for number in numbers
    )
    return RecordedCandles(
        candles, source="made", price_places=price_places, interval_ms=interval_ms
    )


def test_a_real_hole_is_refused_or_halts_the_pair() -> None:
    """Five hours of maintenance: without a choice the row is named, else the pair is closed."""
    with pytest.raises(DatasetError, match=r"minutes missing before time \d+: 5;") as raised:
        CandleTape.read(HOLED)
    assert raised.value.row == 38
    assert "holes=halt" in str(raised.value)
    tape = CandleTape.read(HOLED, holes="halt")
    moves = played(tape)
    check_order(moves)
    # A short tape starts a day in, at midnight of the 19th.
    assert halts(moves) == [(12 * HOUR_MS, True), (17 * HOUR_MS, False)]
    assert not [at for at, _ in moves if 12 * HOUR_MS < at < 17 * HOUR_MS]
    opened = next(number for number, (at, _) in enumerate(moves) if at == 17 * HOUR_MS)
    assert isinstance(moves[opened + 1][1], HouseQuotes)


def test_disorder_is_refused_even_where_holes_halt(tmp_path: Path) -> None:
    """The pair can be halted over what is missing, not over what is wrong."""
    lines = HOLED.read_text("ascii").splitlines()
    lines[50], lines[51] = lines[51], lines[50]
    path = tmp_path / "mixed.csv"
    path.write_text("\n".join(lines), "ascii")
    with pytest.raises(DatasetError, match="does not come after"):
        CandleTape.read(path, holes="halt")


@pytest.mark.parametrize("minutes", [1, 5, 15, 30, 60, 240, 1440])
def test_every_length_of_candle_plays(minutes: int) -> None:
    """Twelve ladders a candle, a twelfth of it apart, and three trades after each."""
    interval_ms = minutes * MINUTE_MS
    tape = CandleTape(recording(list(range(60)), interval_ms=interval_ms))
    moves = played(tape)
    check_order(moves)
    candles = 60 - tape.recorded.start_index(1)
    quotes = [at for at, move in moves if isinstance(move, HouseQuotes)]
    assert quotes == [step * (interval_ms // 12) for step in range(12 * candles)]
    assert sum(isinstance(move, HouseTake) for _, move in moves) == 36 * candles
    assert moves[-1][0] < candles * interval_ms


def test_a_book_is_as_deep_in_minutes_as_in_hours() -> None:
    """Ladders follow what is traded per hour, takers what is traded in the candle."""

    def largest(interval_ms: int, volume: int) -> tuple[int, int]:
        tape = recording(list(range(60)), interval_ms=interval_ms)
        candles = tuple(one._replace(volume=volume) for one in tape.candles)
        tape = RecordedCandles(candles, source="made", interval_ms=interval_ms)
        moves = [move for _, move in played(CandleTape(tape))]
        levels = [
            units for move in moves if isinstance(move, HouseQuotes) for _, units in move.bids
        ]
        takes = [move.units for move in moves if isinstance(move, HouseTake)]
        return max(levels), max(takes)

    hour = largest(HOUR_MS, 60 * COIN)
    minute = largest(MINUTE_MS, COIN)
    assert hour[0] == minute[0]
    assert hour[1] == 60 * minute[1]


def test_minutes_before_the_start_are_joined_into_hours() -> None:
    """The hours of the past have the first open, the last close, both extremes, all volume."""
    tape = CandleTape(
        recording(list(range(3 * 1440)), interval_ms=MINUTE_MS, price_places=1, base_ms=0)
    )
    playback = tape.play(seed=1, start_ms=None)
    assert playback.start_ms == DAY_MS
    hours = playback.recorded_hours(0, NEVER_MS)
    assert [one.open_ms for one in hours] == list(range(0, DAY_MS, HOUR_MS))
    assert hours[1][1:] == (
        Decimal("506.0"),
        Decimal("513.9"),
        Decimal("504.0"),
        Decimal("512.9"),
        Decimal(60),
        sum((Decimal(5_010 + number) / 10 for number in range(60, 120)), Decimal(0)),
    )
    assert playback.recorded_hours(HOUR_MS, 3 * HOUR_MS) == hours[1:3]
    assert playback.recorded_hours(playback.start_ms, NEVER_MS) == []


def test_the_past_moves_with_the_start_and_leaves_out_its_holes() -> None:
    """Hours before the start keep their distance from it; a missing or dead one is none."""
    numbers = [number for number in range(60) if number not in {20, 21}]
    whole = recording(numbers, interval_ms=HOUR_MS)
    candles = list(whole.candles)
    candles[3] = candles[3]._replace(volume=0)
    tape = CandleTape(RecordedCandles(tuple(candles), source="made"))
    playback = tape.play(seed=1, start_ms=1_000 * HOUR_MS + 5)
    index = tape.recorded.start_index(1)
    first = tape.recorded.candles[index].open_ms
    expected = [1_000 * HOUR_MS + one.open_ms - first for one in candles[:index] if one.volume]
    assert [one.open_ms for one in playback.recorded_hours(0, NEVER_MS)] == expected


def test_the_bundled_tape_is_the_same_for_a_seed_and_another_for_others() -> None:
    """A run is a function of tape, seed and start."""
    tape = CandleTape.bundled()
    one = played(tape, seed=4, span_ms=5 * HOUR_MS)
    assert played(tape, seed=4, span_ms=5 * HOUR_MS) == one
    assert played(tape, seed=4, start_ms=77, span_ms=5 * HOUR_MS) == one
    assert played(tape, seed=5, span_ms=5 * HOUR_MS) != one


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(st.sampled_from([1, 1, 1, 2, 7]), min_size=60, max_size=80),
    minutes=st.sampled_from([1, 5, 60, 1440]),
    seed=st.integers(0, 10**6),
)
def test_time_never_goes_back_and_halts_are_paired(
    steps: list[int], minutes: int, seed: int
) -> None:
    """Whatever the holes: each after the start is a halt from its beginning to its end."""
    numbers = [sum(steps[:count]) for count in range(len(steps))]
    interval_ms = minutes * MINUTE_MS
    tape = CandleTape(recording(numbers, interval_ms=interval_ms))
    moves = played(tape, seed=seed)
    check_order(moves)
    start = tape.recorded.start_index(seed)
    expected = []
    for before, after in pairwise(numbers[start:]):
        if after - before > 1:
            expected += [(before + 1, True), (after, False)]
    assert halts(moves) == [
        ((number - numbers[start]) * interval_ms, is_halted) for number, is_halted in expected
    ]
