"""How full windows get is told exactly: playing the plan against the exchange agrees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.errors import InvariantViolation
from btcturk_kit.wire.pacing import Endpoint, FixedWindows, WindowRule
from btcturk_kit.wire.quota import loads_of, shortest_cycle_ms

LONG = (WindowRule(Endpoint.TICKER, 12, 10_000, ("ip",)),)


def first_refusal_ms(number: int, cycle_ms: int, end_ms: int) -> int | None:
    """Send so many requests at the start of each cycle and return when one is refused."""
    exchange = FixedWindows(policy="ip", rules=LONG)
    for now_ms in range(0, end_ms, cycle_ms):
        for _ in range(number):
            if exchange.offer(Endpoint.TICKER, now_ms) is not None:
                return now_ms
    return None


@given(number=st.integers(1, 15), cycle_ms=st.integers(100, 9_999))
def test_a_plan_of_whole_cycles_agrees_with_the_exchange(number: int, cycle_ms: int) -> None:
    """The exchange refuses exactly when the plan says so, and never if it says never."""
    (load,) = loads_of({Endpoint.TICKER: number}, cycle_ms=cycle_ms, rules=LONG)
    assert first_refusal_ms(number, cycle_ms, 60_000) == load.blocks_after_ms


@given(number=st.integers(1, 40), cycle_ms=st.integers(100, 60_000))
def test_the_shortest_cycle_fits_and_shorter_ones_do_not(number: int, cycle_ms: int) -> None:
    """Down to the millisecond, for cycles that are shorter and longer than the window."""
    (load,) = loads_of({Endpoint.TICKER: number}, cycle_ms=cycle_ms, rules=LONG)
    least_ms = load.cycle_ms_min
    assert (load.blocks_after_ms is None) == (load.needed <= 12)
    (fits,) = loads_of({Endpoint.TICKER: number}, cycle_ms=least_ms, rules=LONG)
    assert fits.blocks_after_ms is None
    (too_short,) = loads_of({Endpoint.TICKER: number}, cycle_ms=least_ms - 1, rules=LONG)
    assert too_short.blocks_after_ms is not None
    assert too_short.blocks_after_ms < max(10_000, least_ms)


def test_a_short_window_is_filled_over_the_cycle() -> None:
    """Thirty orders in a minute are no matter for ten a second: the limiter spreads them."""
    loads = loads_of({Endpoint.SUBMIT: 30}, cycle_ms=60_000)
    assert [(load.needed, load.blocks_after_ms) for load in loads] == [(30, None), (1, None)]


def test_clients_add_up_and_hosts_count_together() -> None:
    """Three bots ask three times as much; both kinds of candles fill the window of their host."""
    demand = {Endpoint.OHLCS: 2, Endpoint.KLINES: 3, Endpoint.SERVER_TIME: 9}
    loads = loads_of(demand, cycle_ms=60_000, clients=3)
    assert [(load.rule.endpoint, load.per_cycle, load.per_minute) for load in loads] == [
        (Endpoint.OHLCS, 6, 6),
        (Endpoint.GRAPH, 15, 15),
    ]
    # Ten minutes hold ten cycles.
    assert loads[1].needed == 150
    assert shortest_cycle_ms(loads) == 15_000
    assert shortest_cycle_ms(()) == 0


def test_a_plan_of_nothing_is_a_mistake() -> None:
    """A cycle of no length and no client at all are refused."""
    for cycle_ms, clients in ((0, 1), (1, 0)):
        with pytest.raises(InvariantViolation):
            loads_of({}, cycle_ms=cycle_ms, clients=clients)
