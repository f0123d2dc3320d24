"""Laws of the split: nothing is created or lost, and treasury grows only out of gains."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.capital import (
    CapitalState,
    LedgerCheckpoint,
    ProfitBasis,
    SelfFinancing,
    SplitBasis,
    apply_self_financing,
)
from btcturk_kit.domain.money import add, sub, total

from .facts import fractions, ratios

ONE = Decimal(1)

policies = st.builds(
    lambda ratio, basis, profit: SelfFinancing(
        trading_ratio=sub(ONE, ratio), treasury_ratio=ratio, basis=basis, profit_basis=profit
    ),
    ratios,
    st.sampled_from(SplitBasis),
    st.sampled_from(ProfitBasis),
)

steps = st.lists(
    # Net result and charges of each realizing event, finer than what is rounded to.
    st.tuples(fractions(16, -10_000, 10_000), fractions(16, 0, 100)),
    max_size=15,
)

START = CapitalState(account="main", trading_capital_try=Decimal(5000), content_hash="h0")


def walk(policy: SelfFinancing, deltas: list[tuple[Decimal, Decimal]]) -> list[CapitalState]:
    """Return the states after each difference, the first one included."""
    states = [START]
    for number, (net, charges) in enumerate(deltas, start=1):
        before = states[-1]
        checkpoint = LedgerCheckpoint(
            account="main",
            event_count=number,
            last_event_key=f"fill:{number}",
            content_hash=f"h{number}",
            previous_count=before.last_event_count,
            previous_hash=before.content_hash,
            realized_net_total=add(before.last_realized_pnl_total_try, net),
            realized_gross_total=add(before.last_realized_gross_total_try, add(net, charges)),
        )
        with localcontext(Context(prec=4)):
            after = apply_self_financing(before, checkpoint, policy)
            assert apply_self_financing(after, checkpoint, policy) is after
        states.append(after)
    return states


@given(policies, steps)
def test_the_split_conserves_every_digit(
    policy: SelfFinancing, deltas: list[tuple[Decimal, Decimal]]
) -> None:
    """Trading capital and treasury together move by the realized net difference, exactly."""
    realized = Decimal(0)
    states = walk(policy, deltas)
    for state, (net, _) in zip(states[1:], deltas, strict=True):
        realized = add(realized, net)
        both = add(state.trading_capital_try, state.treasury_try)
        assert both == add(START.trading_capital_try, realized)
        assert state.last_realized_pnl_total_try == realized


@given(policies, steps)
def test_treasury_never_shrinks(
    policy: SelfFinancing, deltas: list[tuple[Decimal, Decimal]]
) -> None:
    """No result of trading takes from treasury, and a loss does not even add to it."""
    states = walk(policy, deltas)
    for before, after, (net, charges) in zip(states, states[1:], deltas, strict=False):
        assert after.treasury_try >= before.treasury_try
        if add(net, charges) <= 0:
            assert after.treasury_try == before.treasury_try
            assert after.trading_capital_try == add(before.trading_capital_try, net)


@given(ratios, st.sampled_from(SplitBasis), steps)
def test_the_share_is_the_ratio_of_the_gain_half_even(
    ratio: Decimal, basis: SplitBasis, deltas: list[tuple[Decimal, Decimal]]
) -> None:
    """Each gain gives round_half_even(ratio x gain, 8) to treasury; net or gross by choice."""
    policy = SelfFinancing(trading_ratio=sub(ONE, ratio), treasury_ratio=ratio, basis=basis)
    states = walk(policy, deltas)
    for before, after, (net, charges) in zip(states, states[1:], deltas, strict=False):
        gain = Fraction(net) + (Fraction(charges) if basis is SplitBasis.GROSS else 0)
        share = Fraction(round(max(gain, Fraction(0)) * Fraction(ratio) * 10**8), 10**8)
        assert Fraction(after.treasury_try) - Fraction(before.treasury_try) == share


@given(ratios, steps)
def test_above_the_peak_no_recovered_loss_is_split(
    ratio: Decimal, deltas: list[tuple[Decimal, Decimal]]
) -> None:
    """Under the high-water mark only what exceeds the highest realized total so far is split."""
    policy = SelfFinancing(
        trading_ratio=sub(ONE, ratio),
        treasury_ratio=ratio,
        profit_basis=ProfitBasis.HIGH_WATER_MARK,
    )
    states = walk(policy, deltas)
    realized = peak = treasury = Fraction(0)
    for after, (net, _) in zip(states[1:], deltas, strict=True):
        realized += Fraction(net)
        gain = max(Fraction(0), realized - peak)
        peak = max(peak, realized)
        treasury += Fraction(round(gain * Fraction(ratio) * 10**8), 10**8)
        assert Fraction(after.treasury_try) == treasury
        assert Fraction(after.peak_realized_try) == peak


@given(ratios, steps)
def test_the_peak_rule_never_sets_more_aside(
    ratio: Decimal, deltas: list[tuple[Decimal, Decimal]]
) -> None:
    """A bot that only breaks even does not drain into treasury: at most the ratio of the peak.

    Each share is rounded to eight places, so at most half a last digit a step is on top of it.
    """
    policy = SelfFinancing(
        trading_ratio=sub(ONE, ratio),
        treasury_ratio=ratio,
        profit_basis=ProfitBasis.HIGH_WATER_MARK,
    )
    end = walk(policy, deltas)[-1]
    allowed = Fraction(end.peak_realized_try) * Fraction(ratio) + Fraction(len(deltas), 2 * 10**8)
    assert Fraction(end.treasury_try) <= allowed


@given(policies, steps)
def test_a_state_remembers_its_checkpoint(
    policy: SelfFinancing, deltas: list[tuple[Decimal, Decimal]]
) -> None:
    """Count, key, hash and realized totals are those of the last checkpoint."""
    end = walk(policy, deltas)[-1]
    number = len(deltas)
    assert end.last_event_count == number
    assert end.content_hash == f"h{number}"
    assert end.last_event_key == (f"fill:{number}" if number else "")
    assert end.last_realized_gross_total_try == total([add(*one) for one in deltas])
    assert end.is_exhausted is (end.trading_capital_try < 0)
