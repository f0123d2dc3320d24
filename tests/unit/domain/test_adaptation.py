"""Runtime parameters: tightened in every mode, loosened only when all is well, rolled back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.adaptation import (
    AdaptationLimits,
    Adaptive,
    Look,
    note_look,
    review_parameters,
    start_adaptive,
)
from btcturk_kit.domain.canonical import GENESIS
from btcturk_kit.domain.runtime_parameters import (
    BOUNDS,
    VERSIONS_KEPT,
    Origin,
    RuntimeParameters,
    tightest,
)
from btcturk_kit.domain.universe import ScoreWeights
from btcturk_kit.errors import ConfigurationError

HOUR_MS = 3_600_000
LIMITS = AdaptationLimits(window_ms=HOUR_MS, healthy_windows=2)
START = RuntimeParameters()


def look(**changes: Any) -> Look:
    """Return a look at a run in which nothing is amiss."""
    plain = Look(0, Decimal(1_000), Decimal(0), Decimal(0), pairs=5)
    return plain._replace(**changes)


def after(state: Adaptive, hours: int, *looks: Look, candidates: int = 50) -> Adaptive:
    """Return the state after these looks and a review at the end of so many hours."""
    for one in looks:
        state = note_look(state, one)
    return review_parameters(state, LIMITS, candidates=candidates, now_ms=hours * HOUR_MS)


def begun(**changes: Any) -> Adaptive:
    """Return the first version, with these values."""
    return start_adaptive(RuntimeParameters(**changes), now_ms=0)


def changed(state: Adaptive) -> dict[str, tuple[Decimal, Decimal]]:
    """Return what the version in force changed."""
    return {one.name: (one.before, one.after) for one in state.current.changes}


def test_nothing_is_reviewed_inside_a_window() -> None:
    """Evidence is gathered, the version stays."""
    state = note_look(begun(), look(throttled=1))
    assert review_parameters(state, LIMITS, candidates=9, now_ms=HOUR_MS - 1) is state


def test_a_version_is_unproven_until_a_whole_good_window() -> None:
    """Nothing is good on creation."""
    state = begun()
    assert not state.is_proven
    state = after(state, 1, look())
    assert state.is_proven
    assert state.proven == ((1, HOUR_MS),)
    assert after(state, 2, look()).proven[0] == (1, HOUR_MS)


def test_an_empty_window_proves_nothing() -> None:
    """Where nobody looked, nothing was good."""
    assert not after(begun(), 1).is_proven


def test_all_well_for_several_windows_loosens() -> None:
    """Where orders are taken, size, turnover and orders grow by one step, with the evidence."""
    state = after(after(begun(), 1, look()), 2, look(answered=1))
    assert changed(state) == {
        "universe_size": (10, 11),
        "turnover_ratio_max": (5, Decimal("5.25")),
        "orders_per_cycle_max": (5, 6),
    }
    assert {one.reason for one in state.current.changes} == {"loosen"}
    assert state.current.origin is Origin.ADAPTED
    assert state.healthy == 0
    assert not state.is_proven


def test_a_universe_never_grows_beyond_its_candidates() -> None:
    """Ten candidates are ten seats at most."""
    state = after(after(begun(), 1, look()), 2, look(answered=1), candidates=10)
    assert set(changed(state)) == {"turnover_ratio_max", "orders_per_cycle_max"}


@pytest.mark.parametrize("evidence", [{}, {"answered": 3, "refused": 3}])
def test_a_bot_that_did_nothing_has_shown_nothing(evidence: dict[str, Any]) -> None:
    """However many windows are calm: without an order that was taken nothing gets looser."""
    state = begun()
    for hour in range(1, 9):
        state = after(state, hour, look(**evidence))
    assert len(state.versions) == 1
    assert state.is_proven
    assert set(changed(after(state, 9, look(answered=1)))) >= {"turnover_ratio_max"}


def test_what_is_loosest_already_stays() -> None:
    """Bounds are fixed numbers; at all of them no version is made."""
    loose = {
        "universe_size": 50,
        "turnover_ratio_max": Decimal(20),
        "orders_per_cycle_max": 20,
    }
    state = after(after(begun(**loose), 1, look()), 2, look(answered=1))
    assert len(state.versions) == 1


@pytest.mark.parametrize("bad", [{"is_normal": False}, {"alerts": ("drawdown",)}])
def test_alerts_and_stricter_modes_block_loosening_alone(bad: dict[str, Any]) -> None:
    """The windows before count for nothing then."""
    state = after(after(begun(), 1, look()), 2, look(**bad))
    assert len(state.versions) == 1
    assert state.healthy == 0


@pytest.mark.parametrize(
    ("evidence", "names"),
    [
        ({"throttled": 1}, {"orders_per_cycle_max"}),
        ({"answered": 4, "refused": 1}, {"orders_per_cycle_max"}),
        ({"missing": 1}, {"universe_size", "quote_volume_try_min"}),
        ({"is_wide": True}, {"spread_bps_max", "price_offset_bps", "weight_spread"}),
    ],
)
@pytest.mark.parametrize("alerts", [(), ("stale_data",)])
def test_bad_evidence_tightens_in_every_mode(
    evidence: dict[str, Any], names: set[str], alerts: tuple[str, ...]
) -> None:
    """Alert flags and a stricter mode do not keep a protection from being applied."""
    state = after(begun(), 1, look(**evidence, alerts=alerts, is_normal=not alerts))
    assert set(changed(state)) == names
    before, now = START, state.current.parameters
    assert now == tightest(now, before)
    assert sum(weight for _, weight in now.weights.parts()) == 1


def test_few_refusals_say_nothing() -> None:
    """One of three is no rate."""
    assert len(after(begun(), 1, look(answered=3, refused=1)).versions) == 1


def test_drawdown_is_a_ratio_against_the_ratio_limit() -> None:
    """Half of 15 % tightens turnover and cash; less does not."""
    calm = after(begun(), 1, look(), look(equity_try=Decimal(926)))
    assert len(calm.versions) == 1
    state = after(begun(), 1, look(), look(equity_try=Decimal(925)))
    assert state.versions[0].parameters == START
    assert changed(state) == {
        "turnover_ratio_max": (5, 4),
        "cash_ratio_min": (Decimal("0.05"), Decimal("0.10")),
    }


def test_the_treasury_is_not_at_risk_and_flows_are_no_loss() -> None:
    """A withdrawal moves the peak with it; what is set aside is left out of the base."""
    half = Decimal(500)
    state = note_look(begun(), look(treasury_try=half))
    out = look(treasury_try=half, equity_try=Decimal(900), flows_try=Decimal(-100))
    state = note_look(state, out)
    assert state.drawdown_ratio == 0
    state = note_look(state, out._replace(equity_try=Decimal(860)))
    assert state.drawdown_ratio == Decimal("0.1")
    broke = note_look(begun(), look(treasury_try=Decimal(1_000)))
    assert note_look(broke, look(equity_try=Decimal(999))).drawdown_ratio == 0


def test_at_most_three_changes_are_made_the_gravest_first() -> None:
    """Everything at once: drawdown comes before the rest."""
    state = after(
        begun(), 1, look(), look(equity_try=Decimal(925), throttled=1, missing=5, is_wide=True)
    )
    assert list(changed(state)) == [
        "turnover_ratio_max",
        "cash_ratio_min",
        "orders_per_cycle_max",
    ]


def test_weights_are_not_shifted_below_zero() -> None:
    """A universe that does not weigh momentum has nothing to take from it."""
    weights = ScoreWeights(liquidity=Decimal("0.60"), spread=Decimal("0.25"), momentum=Decimal(0))
    state = after(begun(weights=weights), 1, look(is_wide=True))
    assert "weight_spread" not in changed(state)


def grown() -> Adaptive:
    """Return a second, looser version after a proven first one."""
    return after(after(begun(), 1, look()), 2, look(answered=1))


@pytest.mark.parametrize(
    "evidence",
    [{"equity_try": Decimal(850)}, {"answered": 4, "refused": 3}, {"throttled": 6}],
)
def test_a_breach_goes_back_to_the_last_proven_version(evidence: dict[str, Any]) -> None:
    """Each breach undoes the growth; the history holds all three versions."""
    state = after(grown(), 3, look(), look(**evidence))
    assert [one.origin for one in state.versions] == [
        Origin.INITIAL,
        Origin.ADAPTED,
        Origin.ROLLED_BACK,
    ]
    assert state.current.parameters == START
    assert state.current.number == 3
    assert not state.is_proven


def test_a_breach_of_the_drawdown_does_not_wait_for_the_window() -> None:
    """It is answered at once, other breaches at the end of the window."""
    state = note_look(note_look(grown(), look()), look(equity_try=Decimal(850)))
    now_ms = 2 * HOUR_MS + 1
    assert review_parameters(state, LIMITS, candidates=9, now_ms=now_ms) is not state
    busy = note_look(grown(), look(throttled=6))
    assert review_parameters(busy, LIMITS, candidates=9, now_ms=now_ms) is busy


def test_one_bad_day_does_not_roll_back_for_ever() -> None:
    """The version after a breach measures from its own beginning."""
    state = after(grown(), 3, look(), look(equity_try=Decimal(850)))
    state = after(state, 4, look(equity_try=Decimal(850)))
    assert state.drawdown_ratio == 0
    assert len(state.versions) == 3
    assert state.is_proven


def test_a_breach_without_a_proven_version_tightens() -> None:
    """There is nothing to go back to, so the first version is made tighter."""
    state = after(begun(), 1, look(), look(equity_try=Decimal(850)))
    assert state.current.origin is Origin.ADAPTED
    assert state.current.parameters.turnover_ratio_max == 4


def test_going_back_never_loosens() -> None:
    """A version that was tightened since keeps what is tighter, and tightens on."""
    state = after(begun(), 1, look())
    state = after(state, 2, look(throttled=1))
    assert state.current.parameters.orders_per_cycle_max == 4
    state = after(state, 3, look(), look(equity_try=Decimal(850)))
    assert state.current.parameters.orders_per_cycle_max == 3
    assert state.current.origin is Origin.ADAPTED


def test_going_back_takes_the_weights_back_too() -> None:
    """Weights that wide spreads shifted are those of the proven version again."""
    state = after(grown(), 3, look(is_wide=True))
    state = after(state, 4, look(), look(equity_try=Decimal(850)))
    assert state.current.origin is Origin.ROLLED_BACK
    assert state.current.parameters.weights == START.weights
    assert state.current.parameters.spread_bps_max == START.spread_bps_max - 10


def test_at_the_tight_end_a_breach_begins_a_new_window() -> None:
    """Every bound is reached: nothing to change, and the drawdown is measured anew."""
    tight = {
        "turnover_ratio_max": Decimal("0.1"),
        "cash_ratio_min": Decimal("0.9"),
        "orders_per_cycle_max": 1,
    }
    state = after(begun(**tight), 1, look(), look(equity_try=Decimal(850)))
    assert len(state.versions) == 1
    assert (state.window.since_ms, state.drawdown_ratio) == (HOUR_MS, 0)


def test_what_was_tightened_can_be_loosened_again() -> None:
    """The bound is a number, not the value in force: turnover comes back up."""
    state = after(begun(), 1, look(), look(equity_try=Decimal(925)))
    low = state.current.parameters.turnover_ratio_max
    for hour in (2, 3):
        state = after(state, hour, look(equity_try=Decimal(925)))
    assert state.current.parameters.turnover_ratio_max > low


FIRST = RuntimeParameters(quote_volume_try_min=Decimal(250_000), price_offset_bps=3)
TIGHT = RuntimeParameters(
    universe_size=8,
    weights=ScoreWeights(spread=Decimal("0.37"), momentum=Decimal("0.08")),
    spread_bps_max=75,
    quote_volume_try_min=Decimal(610_000),
    turnover_ratio_max=Decimal(4),
    orders_per_cycle_max=3,
    price_offset_bps=8,
    cash_ratio_min=Decimal("0.17"),
)


@pytest.mark.parametrize("first", [FIRST, replace(FIRST, quote_volume_try_min=Decimal(0))])
def test_everything_that_was_tightened_comes_back_to_the_first_values(
    first: RuntimeParameters,
) -> None:
    """Calm windows alone undo every tightening, three values at a time, and go no further."""
    state = start_adaptive(TIGHT, now_ms=0)
    for hour in range(1, 120):
        before = state.current
        state = note_look(state, look())
        state = review_parameters(state, LIMITS, candidates=50, now_ms=hour * HOUR_MS, first=first)
        if state.current is not before:
            assert len(state.current.changes) <= LIMITS.changes_max
            assert tightest(before.parameters, state.current.parameters) == before.parameters, (
                "it only ever gets looser"
            )
        assert tightest(state.current.parameters, first) == state.current.parameters
        assert sum(weight for _, weight in state.current.parameters.weights.parts()) == 1
    assert state.current.parameters == first


def test_what_comes_back_takes_one_step_and_not_two() -> None:
    """Where orders were taken, what is tighter than at first moves once, the rest beyond."""
    state = after(after(begun(orders_per_cycle_max=4), 1, look()), 2, look(answered=1))
    assert [one.name for one in state.current.changes] == [
        "orders_per_cycle_max",
        "universe_size",
        "turnover_ratio_max",
    ]
    assert changed(state)["orders_per_cycle_max"] == (4, 5)


def test_evidence_cannot_lock_a_bot_for_good() -> None:
    """A bad week takes cash to its bound; weeks without any order bring it back."""
    state = begun()
    for hour in range(1, 30):
        state = after(state, hour, look(), look(equity_try=Decimal(850)))
    assert state.current.parameters.cash_ratio_min == BOUNDS["cash_ratio_min"].tight
    assert state.current.parameters.orders_per_cycle_max == 1
    for hour in range(30, 300):
        state = after(state, hour, look())
    assert state.current.parameters == START


def test_values_come_back_as_they_were() -> None:
    """Parameters and their values are one thing in two writings."""
    assert RuntimeParameters.from_values(START.values()) == START
    assert set(BOUNDS) < set(START.values())


def test_values_beyond_their_bounds_are_refused() -> None:
    """The message names the bounds; windows and counts that cannot be are refused too."""
    with pytest.raises(ConfigurationError, match="universe_size is 4"):
        RuntimeParameters(universe_size=4)
    with pytest.raises(ConfigurationError, match="a window of 0 ms"):
        AdaptationLimits(window_ms=0)


def test_a_state_does_not_grow_for_ever_and_keeps_what_it_goes_back_to() -> None:
    """Old versions are counted and hashed; the last proven one stays, and a breach finds it."""
    state = start_adaptive(RuntimeParameters(turnover_ratio_max=Decimal(20)), now_ms=0)
    for hours in range(1, 36):
        down = Decimal(100_000 if hours < 3 else 91_000 + hours % 2)
        state = note_look(state, Look(hours, Decimal(100_000), Decimal(0), Decimal(0)))
        state = note_look(state, Look(hours, down, Decimal(0), Decimal(0), missing=1, pairs=2))
        limits = AdaptationLimits(window_ms=1, missing_ratio=Decimal(0), changes_max=1)
        before = state
        state = review_parameters(
            state._replace(proven=((1, 0),)), limits, candidates=1, now_ms=hours
        )
        assert len(state.versions) <= VERSIONS_KEPT + 1
        assert state.current.number in {before.current.number, before.current.number + 1}
    assert state.versions[0].number == 1, "proven, so it stays"
    assert state.forgotten > 0
    assert state.current.number == state.forgotten + len(state.versions)
    assert state.forgotten_digest != GENESIS
    assert state.proven == ((1, 0),)
