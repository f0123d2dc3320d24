"""The difference of two sessions falls apart into causes that add up to it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.difference import CAUSES, Cause, attribute, orders_of

AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=16)


@given(data=st.data(), causes=st.permutations(CAUSES), rungs=st.integers(0, len(CAUSES)))
@settings(max_examples=30)
def test_shares_of_any_ladder_add_up(data: st.DataObject, causes: list[Cause], rungs: int) -> None:
    """Whatever causes have rungs, in whatever order, and whatever each set of them earned."""
    worlds: dict[frozenset[Cause], Decimal] = {}

    def simulate(known: frozenset[Cause]) -> Decimal:
        return worlds.setdefault(known, data.draw(AMOUNTS))

    real = data.draw(AMOUNTS)
    orders = [causes[:rungs], causes[:rungs][::-1]]
    one, other = orders_of(simulate, real_try=real, orders=orders)
    for found in (one, other):
        assert sum(share.difference_try for share in found.shares) == real - worlds[frozenset()]
    assert one.of(Cause.REST) == other.of(Cause.REST)


@given(equities=st.lists(AMOUNTS, min_size=7, max_size=7), real=AMOUNTS)
@settings(max_examples=30)
def test_shares_add_up_whatever_the_runs_were(equities: list[Decimal], real: Decimal) -> None:
    """The sum of all shares is the whole difference, to the last digit."""
    found = attribute(lambda known: equities[len(known)], real_try=real)
    assert [one.cause for one in found.shares] == [*CAUSES, Cause.REST]
    assert sum(one.difference_try for one in found.shares) == found.difference_try
    assert found.difference_try == real - equities[0]
    assert found.of(Cause.FEES) == equities[6] - equities[5]


def test_a_cause_without_a_rung_is_in_the_rest() -> None:
    """What is not switched is not claimed to be explained."""
    found = attribute(
        lambda known: Decimal(100 - len(known)), real_try=Decimal(90), causes=[Cause.FEES]
    )
    assert (found.of(Cause.FEES), found.of(Cause.LATENCY), found.of(Cause.REST)) == (-1, 0, -9)


@pytest.mark.parametrize("causes", [[Cause.FEES, Cause.FEES], [Cause.REST]])
def test_a_ladder_has_each_cause_once_and_no_rung_of_the_rest(causes: list[Cause]) -> None:
    """Such a ladder would count something twice, or call an explanation unexplained."""
    with pytest.raises(ConfigurationError, match="one rung"):
        attribute(lambda _: Decimal(0), real_try=Decimal(0), causes=causes)


def test_the_order_of_rungs_moves_shares_of_causes_that_work_together() -> None:
    """Two orders give two answers with the same sum, and no set of causes runs twice."""
    runs: list[frozenset[Cause]] = []

    def simulate(known: frozenset[Cause]) -> Decimal:
        runs.append(known)
        together = {Cause.FEES, Cause.LATENCY} <= known
        return Decimal(100 - len(known) - (5 if together else 0))

    orders = [[Cause.FEES, Cause.LATENCY], [Cause.LATENCY, Cause.FEES]]
    one, other = orders_of(simulate, real_try=Decimal(90), orders=orders)
    assert (one.of(Cause.FEES), other.of(Cause.FEES)) == (-1, -6)
    assert one.difference_try == other.difference_try == -10
    assert len(runs) == len(set(runs)) == 4
