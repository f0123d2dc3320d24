"""Candles of the local exchange: folded from trades, with the tape behind them."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.sandbox.market.candle_hours import HOUR_MS, RecordedHours
from btcturk_kit.sandbox.market.candle_tape import CandlePlayback
from btcturk_kit.sandbox.venue.candle_record import CandleRecord
from btcturk_kit.wire.encode_graph import GraphCandle

TAPE = RecordedHours.bundled()
SEED = 1
INDEX = TAPE.start_index(SEED)
START_MS = TAPE.candles[INDEX].open_ms
MINUTE_MS, DAY_MS = 60_000, 24 * HOUR_MS

TRADES = st.lists(
    st.tuples(st.integers(0, 900_000), st.integers(1, 999), st.integers(1, 10**9)), max_size=40
)


def run_of(hours: RecordedHours, start_ms: int) -> CandlePlayback:
    """Return a run of the tape."""
    return CandlePlayback(hours, seed=SEED, start_ms=start_ms)


def record(start_ms: int = START_MS) -> CandleRecord:
    """Return the record of an exchange that starts now."""
    return CandleRecord(run_of(TAPE, start_ms).recorded_hours)


def trade(candles: CandleRecord, at_ms: int, price: Decimal, quantity: Decimal) -> None:
    """Add one trade."""
    candles.add(price=price, quantity=quantity, notional=price * quantity, at_ms=at_ms)


@given(trades=TRADES, span_minutes=st.sampled_from([1, 5, 15, 30, 60, 240]))
def test_candles_are_what_a_second_look_at_all_trades_gives(
    trades: list[tuple[int, int, int]], span_minutes: int
) -> None:
    """Every resolution equals the fold of the trades themselves; empty spans have no candle."""
    span_ms, candles = span_minutes * MINUTE_MS, record()
    at_ms, groups = START_MS, {}
    for passed_ms, price, units in trades:
        at_ms += passed_ms
        quantity = Decimal(units).scaleb(-8)
        trade(candles, at_ms, Decimal(price), quantity)
        groups.setdefault(at_ms - at_ms % span_ms, []).append((Decimal(price), quantity))
    first_ms = START_MS if span_ms > HOUR_MS else START_MS - START_MS % HOUR_MS
    found = candles.between(span_ms, first_ms=first_ms, last_ms=at_ms)
    expected = [
        GraphCandle(
            open_ms,
            rows[0][0],
            max(price for price, _ in rows),
            min(price for price, _ in rows),
            rows[-1][0],
            sum((quantity for _, quantity in rows), Decimal(0)),
            sum((price * quantity for price, quantity in rows), Decimal(0)),
        )
        for open_ms, rows in groups.items()
        if open_ms >= first_ms
    ]
    assert found == expected


def test_hours_before_the_start_come_from_the_tape() -> None:
    """Their prices and volumes are the recorded ones, up to the start and not beyond."""
    found = record().between(HOUR_MS, first_ms=START_MS - 5 * HOUR_MS, last_ms=START_MS + HOUR_MS)
    before = TAPE.candles[INDEX - 5 : INDEX]
    assert [one.open_ms for one in found] == [one.open_ms for one in before]
    assert [(int(one.open), int(one.high), int(one.low), int(one.close)) for one in found] == [
        tuple(one[1:5]) for one in before
    ]
    assert [one.volume.scaleb(8) for one in found] == [one.volume for one in before]


def test_a_day_joins_tape_and_trades() -> None:
    """The running day has the recorded open and the price of the last trade."""
    candles = record()
    trade(candles, START_MS, Decimal(1), Decimal(2))
    day_ms = START_MS - START_MS % DAY_MS
    (day,) = candles.between(DAY_MS, first_ms=day_ms, last_ms=START_MS)
    first = next(one for one in TAPE.candles if one.open_ms == day_ms)
    assert (day.open_ms, day.open, day.low, day.close) == (day_ms, first.open, 1, 1)


def test_an_hour_without_trades_is_no_candle() -> None:
    """The tape has a row for it, the exchange does not."""
    quiet = TAPE.candles[INDEX - 2]._replace(volume=0)
    tape = RecordedHours(
        (*TAPE.candles[: INDEX - 2], quiet, *TAPE.candles[INDEX - 1 :]), source="quiet"
    )
    candles = CandleRecord(run_of(tape, START_MS).recorded_hours)
    found = candles.between(HOUR_MS, first_ms=START_MS - 3 * HOUR_MS, last_ms=START_MS)
    assert [one.open_ms for one in found] == [START_MS - 3 * HOUR_MS, START_MS - HOUR_MS]


def test_a_start_off_the_hour_still_gives_whole_hours() -> None:
    """On a real clock the tape's hours begin at odd minutes; candles open on the hour."""
    start_ms = START_MS + 17 * MINUTE_MS
    candles = record(start_ms)
    trade(candles, start_ms, Decimal(5), Decimal(1))
    found = candles.between(HOUR_MS, first_ms=START_MS - 3 * HOUR_MS, last_ms=start_ms)
    assert [one.open_ms for one in found] == [START_MS - hours * HOUR_MS for hours in (3, 2, 1, 0)]
    assert found[-1].close == 5


def test_minutes_are_kept_for_a_week_and_hours_for_longer() -> None:
    """What is older than a week is left in hours."""
    candles = record()
    for minute in range(7 * 24 * 60 + 60):
        trade(candles, START_MS + minute * MINUTE_MS, Decimal(7), Decimal(1))
    last_ms = START_MS + 8 * DAY_MS
    minutes = candles.between(MINUTE_MS, first_ms=0, last_ms=last_ms)
    assert len(minutes) == 7 * 24 * 60 + 1  # and the running one
    hours = candles.between(HOUR_MS, first_ms=START_MS, last_ms=last_ms)
    assert (hours[0].open_ms, len(hours)) == (START_MS, 7 * 24 + 1)
    assert {one.volume for one in hours} == {60}
