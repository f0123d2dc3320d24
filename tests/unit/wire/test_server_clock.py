"""The exchange's clock is known as well as the quickest answer allows, and no better."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.wire.server_clock import ClockReading, Offset, ServerClock, is_beyond

T0 = 1_700_000_000_000
MINUTE = 60_000


def at(ms: int, *, set_by: int = 0) -> ClockReading:
    """Return both clocks so long after the start, the wall clock set by so much meanwhile."""
    return ClockReading(T0 + ms + set_by, 1_000 + ms)


def asked(
    clock: ServerClock, ms: int, *, there: int = 20, back: int = 20, ahead: int = 0, set_by: int = 0
) -> None:
    """Ask an exchange that is `ahead` of us; the question and the answer travel so long."""
    clock.observe(
        sent=at(ms, set_by=set_by),
        server_ms=T0 + ms + there + ahead,
        received=at(ms + there + back, set_by=set_by),
    )


@given(
    ahead=st.integers(-(10**7), 10**7),
    trips=st.lists(
        st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)), min_size=1, max_size=12
    ),
    later=st.integers(0, 3_600_000),
    drift=st.integers(-40, 40),
)
def test_the_truth_lies_inside_the_uncertainty(
    ahead: int, trips: list[tuple[int, int]], later: int, drift: int
) -> None:
    """However lopsided the travel times are, and while the quartz drifts as bad ones do."""
    clock = ServerClock()
    now_ms = 0
    for there, back in trips:
        asked(clock, now_ms, there=there, back=back, ahead=ahead + now_ms * drift // 1_000_000)
        now_ms += there + back
    now_ms += later
    estimate = clock.offset(at(now_ms))
    assert estimate is not None
    truth = ahead + now_ms * drift // 1_000_000
    assert abs(estimate.offset_ms - truth) <= estimate.uncertainty_ms + 1


def test_a_quick_answer_outranks_a_slow_one_until_it_is_old() -> None:
    """A slow answer says little; after hours a drifting clock makes the quick one worth less."""
    clock = ServerClock()
    asked(clock, 0, there=5, back=5, ahead=100)
    asked(clock, 600_000, there=400, back=0, ahead=100)
    estimate = clock.offset(at(601_000))
    assert estimate == Offset(100, 5 + 2 + 600_990 // 20_000, 600_990)
    asked(clock, 8_000_000, there=100, back=0, ahead=100)
    assert clock.offset(at(8_000_100)) == Offset(150, 52, 0)


def test_only_the_last_eight_answers_count() -> None:
    """A quick answer of long ago goes when eight others have come."""
    clock = ServerClock()
    asked(clock, 0, there=0, back=0, ahead=7)
    for number in range(1, 9):
        asked(clock, number * 100, there=30, back=30, ahead=7)
    estimate = clock.offset(at(1_000))
    assert estimate is not None
    assert estimate.uncertainty_ms == 32


def test_when_to_ask_again() -> None:
    """At first, after ten minutes, and at once when a clock was set; never in between."""
    clock = ServerClock()
    assert clock.is_due(at(0))
    assert clock.is_due(at(0), is_urgent=True)
    asked(clock, 0)
    assert not clock.is_due(at(40))
    assert not clock.is_due(at(40 + 10 * MINUTE - 1))
    assert clock.is_due(at(40 + 10 * MINUTE))
    assert not clock.is_due(at(40 + 10 * MINUTE), is_urgent=True)
    assert not clock.is_due(at(1_000, set_by=500))
    assert clock.is_due(at(1_000, set_by=501), is_urgent=True)
    assert clock.is_due(at(1_000, set_by=-501))


def test_what_was_measured_before_the_clock_was_set_is_void() -> None:
    """Until the next answer there is no estimate; then there is the right one."""
    clock = ServerClock()
    asked(clock, 0, ahead=100)
    assert clock.offset(at(1_000, set_by=3_600_000)) is None
    asked(clock, 1_000, ahead=100, set_by=3_600_000)
    estimate = clock.offset(at(1_040, set_by=3_600_000))
    assert estimate is not None
    assert estimate.offset_ms == 100 - 3_600_000


def test_an_answer_during_which_the_clock_was_set_teaches_nothing() -> None:
    """Nobody knows which of the two times it belongs to."""
    clock = ServerClock()
    clock.observe(sent=at(0), server_ms=T0, received=at(40, set_by=-5_000))
    assert clock.offset(at(40, set_by=-5_000)) is None


def test_a_refused_stamp_voids_everything() -> None:
    """After `forget` nothing is known, and it is time to ask."""
    clock = ServerClock()
    asked(clock, 0)
    clock.forget()
    assert clock.offset(at(40)) is None
    assert clock.is_due(at(40))


def test_four_seconds_are_the_line() -> None:
    """Beyond it for certain, on either side; what may still be inside is let through."""
    assert not is_beyond(Offset(4_000, 0, 0))
    assert is_beyond(Offset(4_001, 0, 0))
    assert is_beyond(Offset(-4_001, 0, 0))
    assert not is_beyond(Offset(-4_500, 500, 0))
