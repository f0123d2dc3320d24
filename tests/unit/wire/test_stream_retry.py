"""Waits between connections: they double, are drawn at random, and end a storm."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.stream_events import ReconnectStorm
from btcturk_kit.wire.stream_retry import ReconnectPolicy, Reconnects
from btcturk_kit.wire.stream_watch import StreamPatience

POLICY = ReconnectPolicy(
    first_ms=500, wait_ms_max=4_000, lived_ms_min=10_000, storm_connections=3, storm_wait_ms=60_000
)


def longest(ceiling: int) -> int:
    """Draw the ceiling itself."""
    return ceiling


def test_waits_double_up_to_their_ceiling() -> None:
    """Each attempt that finds nobody doubles the ceiling of the next wait."""
    reconnects = Reconnects(POLICY, jitter=longest)
    waits = [reconnects.after()[0] for _ in range(60)]
    assert waits[:5] == [500, 1_000, 2_000, 4_000, 4_000]
    assert waits[-1] == 4_000


def test_a_connection_that_lived_starts_anew() -> None:
    """After a connection that lived the first wait is short again."""
    reconnects = Reconnects(POLICY, jitter=longest)
    for _ in range(5):
        reconnects.after()
    assert reconnects.after(lived_ms=10_000) == (500, None)
    assert reconnects.after(lived_ms=9_999) == (1_000, None)


def test_a_failure_is_one_however_long_the_connection_lived() -> None:
    """A fault that comes back with every connection is met with growing waits, then as a storm."""
    reconnects = Reconnects(POLICY, jitter=longest)
    ends = [reconnects.after(lived_ms=3_600_000, is_failure=True) for _ in range(3)]
    assert ends == [(500, None), (1_000, None), (60_000, ReconnectStorm(3, 60_000))]


def test_a_connection_that_was_found_dead_has_not_lived() -> None:
    """By default a life is clearly longer than it takes to find a fault."""
    patience = StreamPatience()
    longest_ms = max(patience.answer_ms, patience.submit_ms, patience.cancel_ms)
    assert ReconnectPolicy().lived_ms_min >= 2 * longest_ms


def test_connections_that_end_early_are_a_storm() -> None:
    """Some of them in a row lead to a long wait, and so does each one more until one lives."""
    reconnects = Reconnects(POLICY, jitter=lambda _: 0)
    assert [reconnects.after(lived_ms=0)[1] for _ in range(2)] == [None, None]
    assert reconnects.after() == (0, None)
    assert reconnects.after(lived_ms=0) == (30_000, ReconnectStorm(3, 30_000))
    assert reconnects.after(lived_ms=0) == (30_000, ReconnectStorm(4, 30_000))
    assert reconnects.after(lived_ms=10_000) == (0, None)
    assert reconnects.after(lived_ms=0)[1] is None


@given(
    st.lists(st.none() | st.integers(0, 100_000), max_size=50),
    st.randoms(use_true_random=False),
)
def test_no_wait_is_longer_than_a_storm(ends: list[int | None], chance: object) -> None:
    """Whatever happens, waits stay within the figures of the policy."""
    draw = getattr(chance, "randint")  # noqa: B009 - the strategy's type has no public name
    reconnects = Reconnects(POLICY, jitter=lambda ceiling: int(draw(0, ceiling)))
    for lived_ms in ends:
        wait_ms, storm = reconnects.after(lived_ms=lived_ms)
        if storm is None:
            assert 0 <= wait_ms <= POLICY.wait_ms_max
        else:
            assert POLICY.storm_wait_ms // 2 <= wait_ms == storm.wait_ms <= POLICY.storm_wait_ms
